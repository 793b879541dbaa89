//! What makes a POST safe to repeat.
//!
//! The first request with a key claims it, in one conditional write; its answer is stored with the
//! claim, and given again for 24 hours. A claim holds until the claiming function's own deadline,
//! so that a process that was killed frees its key. Whoever takes an abandoned claim over goes on
//! under the same *operation*: Stripe's idempotency keys are derived from it, and so is the mark
//! that a change leaves on the subscription, so that nothing is done twice.

mod operation;

use std::collections::HashMap;
use std::future::Future;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use lambda_http::http::{HeaderMap, StatusCode};
use sha2::{Digest as _, Sha256};

use crate::encode::hex;
use crate::respond::{ApiError, Reply};
use crate::stamp::Stamp;
use crate::store::{Item, keys};
use operation::Place;

pub use operation::Operation;

/// The header with the caller's key.
pub const HEADER: &str = "idempotency-key";

/// How long an answer is kept, in milliseconds.
const KEPT_FOR: i64 = 24 * 3_600 * 1_000;

/// The caller's key: 1 to 255 visible ASCII characters.
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
            "\"Idempotency-Key\" has to be 1 to 255 visible ASCII characters, given once.",
        )
    })
}

/// Who asks for what, under which key.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The account's id.
    pub account: &'a str,
    /// The endpoint's name.
    pub route: &'a str,
    /// What the body means ([`crate::request::Fields::fingerprint`]).
    pub fingerprint: &'a str,
    /// The caller's key.
    pub key: &'a str,
    /// The id of the API key that it came with.
    pub key_id: &'a str,
    /// Until when the claim holds, in milliseconds since 1970.
    pub until: i64,
}

/// What came of claiming a key.
#[derive(Debug)]
enum Claimed {
    /// Ours to do.
    Ours(Operation),
    /// Done before.
    Before { status: u16, body: String },
}

/// The records of keys.
pub struct Records {
    client: Client,
    table: String,
}

impl Records {
    /// `table` is the table's name.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Does `work` at most once for this claim, and gives its answer again to whoever repeats it.
    ///
    /// Every answer is kept but 429, 5xx and `idempotency_in_progress`: after those the same key may be tried
    /// again.
    ///
    /// # Errors
    /// Those of `work`; `idempotency_in_progress`, `idempotency_key_reused`; `unavailable` if the
    /// key could not be claimed, and then nothing was done.
    pub async fn once<F>(
        &self,
        claim: Claim<'_>,
        request_id: &str,
        work: impl FnOnce(Operation) -> F,
    ) -> Result<Reply, ApiError>
    where
        F: Future<Output = Result<Reply, ApiError>>,
    {
        let operation = match self.claim(&claim, request_id).await? {
            Claimed::Before { status, body } => return Ok(Reply::replayed(status, body)),
            Claimed::Ours(operation) => operation,
        };
        let outcome = work(operation.clone()).await;
        let reply = match &outcome {
            Ok(reply) => reply.clone(),
            Err(error) => error.reply(request_id),
        };
        // A checkout that loses every race for its customer says "in progress" as well: it has to come again.
        let comes_again = reply.status.is_server_error()
            || reply.status == StatusCode::TOO_MANY_REQUESTS
            || matches!(outcome, Err(ApiError::IdempotencyInProgress));
        let kept = if comes_again {
            let failed_for_good = outcome.as_ref().is_err_and(ApiError::is_stripes_own_failure);
            self.release(&claim, &operation, failed_for_good).await
        } else {
            self.keep(&claim, &operation, &reply).await
        };
        // The work is done either way, and a repetition finds that out from Stripe.
        if let Err(error) = kept {
            tracing::warn!(request_id, "the idempotency record could not be written: {error}");
        }
        outcome
    }

    async fn claim(&self, claim: &Claim<'_>, request_id: &str) -> Result<Claimed, ApiError> {
        let now = now();
        let stamp = claim.stamp(request_id, claim.key_id);
        let operation = Operation { record: Some(self.place(claim)), ..Operation::new(stamp)? };
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(claim.item(&operation, now)))
            // Expiry is checked here: DynamoDB's sweeper may be two days late.
            .condition_expression("attribute_not_exists(pk) OR keptUntil <= :now")
            .expression_attribute_values(":now", number(now))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let error = match put.send().await {
            Ok(_) => return Ok(Claimed::Ours(operation)),
            Err(error) => error.into_service_error(),
        };
        match error {
            aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(failed) => {
                let record = failed.item.as_ref().and_then(Record::read);
                self.examine(claim, record.ok_or(ApiError::IdempotencyInProgress)?, now).await
            }
            other => Err(unavailable(&other)),
        }
    }

    /// The key was claimed before: by whom, for what, and with what end?
    async fn examine(
        &self,
        claim: &Claim<'_>,
        record: Record,
        now: i64,
    ) -> Result<Claimed, ApiError> {
        if record.fingerprint != claim.fingerprint || record.route != claim.route {
            return Err(ApiError::IdempotencyKeyReused);
        }
        match record.answer {
            Some((status, body)) => Ok(Claimed::Before { status, body }),
            None if record.until > now => Err(ApiError::IdempotencyInProgress),
            None => {
                let Stamp { request_id, key_id, .. } = &record.operation.stamp;
                let stamp = claim.stamp(request_id, key_id);
                let record_at = Some(self.place(claim));
                let operation = Operation { stamp, record: record_at, ..record.operation };
                self.take_over(claim, operation, record.until).await
            }
        }
    }

    /// Goes on with what was abandoned, unless somebody else already does.
    async fn take_over(
        &self,
        claim: &Claim<'_>,
        operation: Operation,
        abandoned: i64,
    ) -> Result<Claimed, ApiError> {
        let update = self
            .place(claim).update(&operation)
            .update_expression("SET claimedUntil = :until")
            .condition_expression("operation = :operation AND claimedUntil = :abandoned AND attribute_not_exists(answer)")
            .expression_attribute_values(":until", number(claim.until))
            .expression_attribute_values(":abandoned", number(abandoned));
        match update.send().await {
            Ok(_) => Ok(Claimed::Ours(operation)),
            Err(error) => {
                let error = error.into_service_error();
                let lost = error.is_conditional_check_failed_exception();
                Err(if lost { ApiError::IdempotencyInProgress } else { unavailable(&error) })
            }
        }
    }

    async fn keep(
        &self,
        claim: &Claim<'_>,
        operation: &Operation,
        reply: &Reply,
    ) -> Result<(), String> {
        let update = self
            .place(claim)
            .update(operation)
            .update_expression("SET answer = :answer, answerStatus = :status")
            .condition_expression("operation = :operation AND attribute_not_exists(answer)")
            .expression_attribute_values(":answer", AttributeValue::S(reply.body.clone()))
            .expression_attribute_values(":status", number(reply.status.as_u16().into()));
        update.send().await.map(|_| ()).map_err(|error| DisplayErrorContext(error).to_string())
    }

    /// Frees the key at once for the next try.
    async fn release(
        &self,
        claim: &Claim<'_>,
        operation: &Operation,
        next_round: bool,
    ) -> Result<(), String> {
        let update = self
            .place(claim)
            .update(operation)
            .update_expression("SET claimedUntil = :free, round = :round")
            .condition_expression("operation = :operation AND attribute_not_exists(answer)")
            .expression_attribute_values(":free", number(0))
            .expression_attribute_values(
                ":round",
                number(i64::from(operation.round + u32::from(next_round))),
            );
        update.send().await.map(|_| ()).map_err(|error| DisplayErrorContext(error).to_string())
    }

    fn place(&self, claim: &Claim<'_>) -> Place {
        Place { client: self.client.clone(), table: self.table.clone(), key: claim.pk() }
    }
}

impl Claim<'_> {
    /// The caller's key as it is kept.
    #[must_use]
    pub fn key_hash(&self) -> String {
        hex(&Sha256::digest(self.key))
    }

    /// Route and body are no part of it: the same key with another of them has to be noticed.
    fn pk(&self) -> Item {
        keys::idempotency(self.account, &self.key_hash())
    }

    fn stamp(&self, request_id: &str, key_id: &str) -> Stamp {
        Stamp {
            account: self.account.to_owned(),
            request_id: request_id.to_owned(),
            key_id: key_id.to_owned(),
        }
    }

    fn item(&self, operation: &Operation, now: i64) -> Item {
        let mut item = self.pk();
        let kept_until = now.saturating_add(KEPT_FOR);
        item.extend([
            ("route".to_owned(), AttributeValue::S(self.route.to_owned())),
            ("fingerprint".to_owned(), AttributeValue::S(self.fingerprint.to_owned())),
            ("operation".to_owned(), AttributeValue::S(operation.id.clone())),
            ("round".to_owned(), number(operation.round.into())),
            ("requestId".to_owned(), AttributeValue::S(operation.stamp.request_id.clone())),
            ("keyId".to_owned(), AttributeValue::S(operation.stamp.key_id.clone())),
            ("claimedUntil".to_owned(), number(self.until)),
            ("keptUntil".to_owned(), number(kept_until)),
            // DynamoDB's own sweeper counts in seconds.
            ("ttl".to_owned(), number(kept_until / 1_000)),
        ]);
        item
    }
}

struct Record {
    route: String,
    fingerprint: String,
    operation: Operation,
    until: i64,
    answer: Option<(u16, String)>,
}

impl Record {
    fn read(item: &HashMap<String, AttributeValue>) -> Option<Self> {
        let text = |name: &str| item.get(name)?.as_s().ok().cloned();
        let number = |name: &str| item.get(name)?.as_n().ok()?.parse::<i64>().ok();
        let status = number("answerStatus").and_then(|status| u16::try_from(status).ok());
        Some(Self {
            route: text("route")?,
            fingerprint: text("fingerprint")?,
            operation: Operation {
                id: text("operation")?,
                round: u32::try_from(number("round")?).ok()?,
                stamp: Stamp {
                    account: String::new(),
                    // A record of a version before this has neither.
                    request_id: text("requestId").unwrap_or_default(),
                    key_id: text("keyId").unwrap_or_default(),
                },
                note: text("note"),
                record: None,
            },
            until: number("claimedUntil")?,
            answer: status.zip(text("answer")),
        })
    }
}

fn unavailable(error: &(impl ProvideErrorMetadata + std::error::Error)) -> ApiError {
    ApiError::Unavailable(
        format!("the idempotency record could not be written: {}", DisplayErrorContext(error))
            .into(),
    )
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Milliseconds since 1970.
fn now() -> i64 {
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use lambda_http::http::HeaderValue;

    use super::*;

    #[test]
    fn a_key_is_visible_ascii_given_once() {
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
    fn each_call_to_stripe_has_a_key_of_its_own_and_a_failed_round_changes_them() {
        let operation = Operation {
            id: "op".to_owned(),
            round: 0,
            stamp: Stamp::default(),
            note: None,
            record: None,
        };
        let next = Operation { round: 1, ..operation.clone() };
        assert_eq!(operation.stripe_key("update"), "op-0-update");
        assert_ne!(operation.stripe_key("update"), operation.stripe_key("void"));
        assert_ne!(operation.stripe_key("update"), next.stripe_key("update"));
        assert_eq!(operation.mark(), next.mark());
    }
}
