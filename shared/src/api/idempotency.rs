//! Idempotency of POSTs.
//!
//! The first request with a key claims its record with one conditional write. Its response is stored in
//! the record and replayed for 24 hours. The claim is a lease until the function's own deadline, so a
//! killed process blocks its key only until then. A request that finds an expired lease resumes the same
//! operation and reuses its Stripe idempotency keys, so that nothing applies twice.

use std::future::Future;

use lambda_http::http::HeaderMap;
use serde::{Deserialize, Serialize};

use super::error::{ApiError, Cause};
use super::reply::Reply;
use crate::aws::table::{Claim as TableClaim, IdempotencyRecord, RecordHandle, Table};
use crate::values::{Attribution, hex, now_in_milliseconds, sha256_hex};

/// The header with the caller's key.
pub const HEADER: &str = "idempotency-key";

/// Lifetime of a stored response, in milliseconds.
const LIFETIME: i64 = 24 * 3_600 * 1_000;

/// Returns the caller's key: 1 to 255 visible ASCII characters.
///
/// # Errors
/// `validation`, field `Idempotency-Key`.
pub fn key_of(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let is_good = |text: &&str| {
        (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let good = value.to_str().ok().filter(is_good).filter(|_| values.next().is_none());
    good.map(Some).ok_or_else(|| {
        ApiError::validation(
            "Idempotency-Key",
            "\"Idempotency-Key\" must be 1 to 255 visible ASCII characters, given once.",
        )
    })
}

/// One logical change, however many attempts it takes. Names everything that must not happen twice.
#[derive(Clone, Debug)]
pub struct Operation {
    id: String,
    /// Rises when Stripe replayed a stored failure for a key of the round before.
    round: u32,
    attribution: Attribution,
    /// `None` without an idempotency key: then no later attempt can resume the operation.
    record: Option<Claimed>,
}

/// A record that this request has claimed.
#[derive(Clone, Debug)]
struct Claimed {
    key: RecordKey,
    handle: RecordHandle,
}

/// Names a record, for a request that settles the operation of another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordKey {
    /// ID of the account.
    account: String,
    /// SHA-256 of the caller's key.
    hash: String,
}

impl RecordKey {
    /// Stores the response of the operation, unless it has one. `request_id` is that of the operation's first request.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn respond(
        &self,
        table: &Table,
        operation: &str,
        request_id: &str,
        outcome: &Result<Reply, ApiError>,
    ) -> Result<(), ApiError> {
        let Some(reply) = to_store(outcome, request_id) else { return Ok(()) };
        let record = table.idempotency_record(&self.account, &self.hash);
        record.store_response(operation, reply.status(), reply.body()).await?;
        Ok(())
    }
}

/// Returns the response to store; `None` for one after which the request may be tried again.
fn to_store(outcome: &Result<Reply, ApiError>, request_id: &str) -> Option<Reply> {
    match outcome {
        Ok(reply) => Some(reply.clone()),
        Err(error) if error.is_transient() => None,
        Err(error) => Some(Reply::of_error(error, request_id)),
    }
}

impl Operation {
    /// Creates an operation that this request begins.
    ///
    /// # Errors
    /// `internal` if the operating system has no random numbers.
    pub fn new(attribution: Attribution) -> Result<Self, ApiError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| ApiError::Internal(Cause::from(error)))?;
        Ok(Self { id: hex(&bytes), round: 0, attribution, record: None })
    }

    /// Returns the ID, which is the same in all rounds.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the name of the record that waits for the response; none without an idempotency key.
    pub fn record_key(&self) -> Option<RecordKey> {
        self.record.as_ref().map(|record| record.key.clone())
    }

    /// Returns the attribution of the request that began the operation. A resumed operation sends it
    /// too, because Stripe requires identical bytes.
    pub fn attribution(&self) -> &Attribution {
        &self.attribution
    }

    /// Returns the idempotency key for one of the operation's calls to Stripe.
    pub fn stripe_key(&self, step: &str) -> String {
        format!("{}-{}-{step}", self.id, self.round)
    }
}

/// A request with an idempotency key.
#[derive(Clone, Debug)]
pub struct Claim<'a> {
    /// The request's account, ID and API key.
    pub attribution: Attribution,
    /// Name of the endpoint.
    pub route: &'a str,
    /// Fingerprint of the body ([`super::body::Fields::fingerprint`]).
    pub fingerprint: String,
    /// The caller's key.
    pub key: &'a str,
    /// End of the lease, in milliseconds since 1970.
    pub until: i64,
}

impl Claim<'_> {
    /// Returns the hash under which the record is stored.
    ///
    /// Route and body are not part of it: the same key with another route or body has to be noticed.
    pub fn key_hash(&self) -> String {
        sha256_hex(self.key)
    }

    /// Runs `work` at most once, and replays its response to repetitions.
    ///
    /// Every response is stored except 429, 5xx and `idempotency_in_progress`, after which the same key
    /// may be tried again.
    ///
    /// # Errors
    /// Those of `work`; `idempotency_in_progress`; `idempotency_key_reused`; `unavailable` if the record
    /// could not be written, and then nothing was done.
    pub async fn once<F>(
        &self,
        table: &Table,
        work: impl FnOnce(Operation) -> F,
    ) -> Result<Reply, ApiError>
    where
        F: Future<Output = Result<Reply, ApiError>>,
    {
        let operation = match self.begin(table).await? {
            Begun::Replay(reply) => return Ok(reply),
            Begun::Work(operation) => operation,
        };
        let request_id = &self.attribution.request_id;
        let outcome = work(Operation::clone(&operation)).await;
        let written = match (&operation.record, to_store(&outcome, request_id)) {
            (None, _) => Ok(true),
            (Some(Claimed { handle, .. }), Some(reply)) => {
                handle.store_response(&operation.id, reply.status(), reply.body()).await
            }
            (Some(Claimed { handle, .. }), None) => {
                let next = outcome.as_ref().is_err_and(ApiError::is_replayed_failure);
                handle.release(&operation.id, operation.round + u32::from(next)).await
            }
        };
        // The work is done either way, and a repetition learns its outcome from Stripe.
        let reason = match written {
            Ok(true) => return outcome,
            Ok(false) => "another request has written it".to_owned(),
            Err(error) => error.to_string(),
        };
        tracing::warn!(request_id, "the idempotency record could not be written: {reason}");
        outcome.map(|reply| Reply { is_lost: true, ..reply })
    }

    async fn begin(&self, table: &Table) -> Result<Begun, ApiError> {
        let now = now_in_milliseconds();
        let operation = Operation::new(self.attribution.clone())?;
        let claim = table
            .claim(&self.attribution.account, &self.key_hash(), &self.record(&operation, now), now)
            .await?;
        match claim {
            TableClaim::Won(handle) => {
                let record = Some(Claimed { key: self.record_key(), handle });
                Ok(Begun::Work(Box::new(Operation { record, ..operation })))
            }
            TableClaim::Lost(handle, Some(existing)) => {
                // Its ID is new, so it names this attempt.
                self.resume(handle, *existing, &operation.id, now).await
            }
            TableClaim::Lost(_, None) => Err(ApiError::IdempotencyInProgress),
        }
    }

    /// Replays the stored response, or takes over an expired lease.
    async fn resume(
        &self,
        handle: RecordHandle,
        existing: IdempotencyRecord,
        attempt: &str,
        now: i64,
    ) -> Result<Begun, ApiError> {
        if existing.fingerprint != self.fingerprint || existing.route != self.route {
            return Err(ApiError::IdempotencyKeyReused);
        }
        if let (Some(body), Some(status)) = (existing.answer, existing.answer_status) {
            return Ok(Begun::Replay(Reply::replayed(status, body)));
        }
        let expired = existing.claimed_until;
        let is_taken = expired <= now
            && handle.take_over(&existing.operation, attempt, expired, self.until).await?;
        if !is_taken {
            return Err(ApiError::IdempotencyInProgress);
        }
        let operation = Operation {
            id: existing.operation,
            round: existing.round,
            attribution: Attribution {
                account: self.attribution.account.clone(),
                request_id: existing.request_id,
                key_id: existing.key_id,
            },
            record: Some(Claimed { key: self.record_key(), handle }),
        };
        Ok(Begun::Work(Box::new(operation)))
    }

    fn record_key(&self) -> RecordKey {
        RecordKey { account: self.attribution.account.clone(), hash: self.key_hash() }
    }

    fn record(&self, operation: &Operation, now: i64) -> IdempotencyRecord {
        let kept_until = now.saturating_add(LIFETIME);
        IdempotencyRecord {
            route: self.route.to_owned(),
            fingerprint: self.fingerprint.clone(),
            operation: operation.id.clone(),
            round: operation.round,
            request_id: self.attribution.request_id.clone(),
            key_id: self.attribution.key_id.clone(),
            claimed_by: operation.id.clone(),
            claimed_until: self.until,
            kept_until,
            ttl: kept_until / 1_000,
            answer: None,
            answer_status: None,
        }
    }
}

/// The outcome of a claim.
enum Begun {
    Work(Box<Operation>),
    Replay(Reply),
}

#[cfg(test)]
mod tests {
    use lambda_http::http::HeaderValue;

    use super::*;

    #[test]
    fn key_is_visible_ascii_given_once() {
        let key = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(HEADER, HeaderValue::from_str(value).expect("a header"));
            }
            key_of(&headers).map(|key| key.map(str::to_owned)).map_err(|error| error.kind().1)
        };
        let longest = "x".repeat(255);
        assert_eq!(key(&[]), Ok(None));
        assert_eq!(key(&[&longest]), Ok(Some(longest.clone())));
        for bad in [&["" as &str][..], &["a b"], &["é"], &[&format!("{longest}x")], &["a", "a"]] {
            assert_eq!(key(bad), Err("validation"), "{bad:?}");
        }
    }

    #[test]
    fn stripe_keys_differ_by_step_and_round() {
        let operation = Operation {
            id: "op".to_owned(),
            round: 0,
            attribution: Attribution::default(),
            record: None,
        };
        let next = Operation { round: 1, ..operation.clone() };
        assert_eq!(operation.stripe_key("update"), "op-0-update");
        assert_ne!(operation.stripe_key("update"), operation.stripe_key("void"));
        assert_ne!(operation.stripe_key("update"), next.stripe_key("update"));
        assert_eq!(operation.id(), next.id());
    }
}
