//! Authentication and authorization: bearer key → key record → scope → account → act-as.

mod cache;
mod key;
mod last_used;

use std::num::NonZeroUsize;

use lambda_http::http::HeaderMap;
use lambda_http::http::header::AUTHORIZATION;
use tokio::sync::Mutex;

pub use key::{ApiKey, MalformedKey, generate, is_stripe_key};
pub use last_used::KeyUse;

use crate::aws::secrets::{SecretError, StripeSecret};
use crate::aws::table::{Account, KeyRecord, Table, TableError};
use crate::values::{KeyHash, Scope, Timestamp};
use cache::Cache;
use last_used::LastUsed;

/// The header that lets a parent account act for one of its own sub-accounts.
pub const ACT_AS: &str = "x-cantila-act-as";

/// Capacity of each cache: at some 300 bytes an entry, well under a megabyte.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(1_000).unwrap();

/// The authenticated caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account that the request is about: the key's own, or the one acted for.
    pub account: Account,
    /// The key's permissions.
    pub scope: Scope,
    /// ID of the key, which is public.
    pub key_id: String,
    /// ID of the key's own account.
    pub own_account: String,
}

/// A request that is not let in.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The key is missing, malformed, unknown, expired or revoked.
    #[error("unauthenticated")]
    Unauthenticated,
    /// The key is one of Stripe's.
    #[error("a key of Stripe's")]
    StripeKeySent,
    /// The key's scope is below the route's.
    #[error("the scope {granted} is below {required}")]
    InsufficientScope { required: Scope, granted: Scope },
    /// The account to act for does not exist or belongs to somebody else.
    #[error("the account may not act for that one")]
    ActAsForbidden,
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Secret(#[from] SecretError),
}

/// Looks callers up, and caches keys and accounts for 60 seconds at most.
pub struct Authenticator {
    table: Table,
    keys: Mutex<Cache<KeyHash, KeyRecord>>,
    /// Apart from known keys, so that a flood of made-up keys evicts none of them.
    unknown_keys: Mutex<Cache<KeyHash, ()>>,
    /// By the ID of the key's account, and the ID or handle of the account that the request is about. Another
    /// caller's entry would respond faster and so reveal an account.
    accounts: Mutex<Cache<(String, String), Account>>,
    last_used: LastUsed,
}

impl Authenticator {
    /// Creates an authenticator with empty caches. A process needs one.
    pub fn new(table: Table) -> Self {
        Self {
            keys: Mutex::new(Cache::new(CAPACITY)),
            unknown_keys: Mutex::new(Cache::new(CAPACITY)),
            accounts: Mutex::new(Cache::new(CAPACITY)),
            last_used: LastUsed::new(table.clone(), CAPACITY),
            table,
        }
    }

    /// Checks key, scope and act-as, in the order of the contract.
    ///
    /// The use of the key, if it is still to be written, is for [`Authenticator::record_use`].
    ///
    /// # Errors
    /// [`AccessError`].
    pub async fn authenticate(
        &self,
        headers: &HeaderMap,
        required: Scope,
        stripe: &StripeSecret,
    ) -> Result<(Caller, Option<KeyUse>), AccessError> {
        let presented = bearer(headers).ok_or(AccessError::Unauthenticated)?;
        let key = ApiKey::parse(presented).map_err(|_| {
            if is_stripe_key(presented) {
                AccessError::StripeKeySent
            } else {
                AccessError::Unauthenticated
            }
        })?;
        // A key of the other mode is unknown by definition, so it costs no lookup.
        if key.mode() != stripe.keys().await?.mode {
            return Err(AccessError::Unauthenticated);
        }
        let (hash, now) = (key.hash(), Timestamp::now());
        let record = self.key(&hash).await?.filter(|record| record.is_valid(now));
        let record = record.ok_or(AccessError::Unauthenticated)?;
        if record.scope < required {
            return Err(AccessError::InsufficientScope { required, granted: record.scope });
        }
        let own = self.account(&record.account).await?.ok_or(AccessError::Unauthenticated)?;
        let account = match acting_for(headers)? {
            Some(other) => self.sub_account(own, other).await?,
            None => own,
        };
        let key_use = self.last_used.due(&hash, &record, now);
        let KeyRecord { id: key_id, account: own_account, scope, .. } = record;
        Ok((Caller { account, scope, key_id, own_account }, key_use))
    }

    /// Writes the use of a key, within 200 ms. A failure is logged and otherwise ignored.
    pub async fn record_use(&self, key_use: Option<KeyUse>) {
        if let Some(key_use) = key_use {
            self.last_used.write(key_use).await;
        }
    }

    async fn key(&self, hash: &KeyHash) -> Result<Option<KeyRecord>, TableError> {
        if let Some(known) = self.keys.lock().await.get(hash) {
            return Ok(Some(known));
        }
        if self.unknown_keys.lock().await.get(hash).is_some() {
            return Ok(None);
        }
        let found = self.table.key(hash).await?;
        match &found {
            Some(record) => self.keys.lock().await.put(hash.clone(), record.clone()),
            None => self.unknown_keys.lock().await.put(hash.clone(), ()),
        }
        Ok(found)
    }

    async fn account(&self, id: &str) -> Result<Option<Account>, TableError> {
        self.cached((id.to_owned(), id.to_owned()), self.table.account(id)).await
    }

    /// A foreign account and a missing one get the same error after the same lookups, so that neither
    /// the error nor its timing reveals which accounts exist.
    async fn sub_account(&self, own: Account, other: &str) -> Result<Account, AccessError> {
        if other == own.id || other == own.handle {
            return Ok(own);
        }
        let is_id = Account::is_id(other);
        if !is_id && !Account::is_handle(other) {
            return Err(AccessError::ActAsForbidden);
        }
        let find = async {
            let of_handle = if is_id { None } else { self.table.handle(other).await? };
            // No account has a handle for its ID, but the lookup takes as long as for one that does.
            let found = self.table.account(of_handle.as_deref().unwrap_or(other)).await?;
            Ok(found.filter(|account| account.parent.as_ref() == Some(&own.id)))
        };
        let found = self.cached((own.id.clone(), other.to_owned()), find).await?;
        found.ok_or(AccessError::ActAsForbidden)
    }

    /// Returns the account from the cache, else the one that `find` finds.
    ///
    /// An account without a Stripe customer is not cached: the first checkout creates the customer,
    /// and the next read has to see it.
    async fn cached(
        &self,
        key: (String, String),
        find: impl Future<Output = Result<Option<Account>, TableError>>,
    ) -> Result<Option<Account>, TableError> {
        if let Some(known) = self.accounts.lock().await.get(&key) {
            return Ok(Some(known));
        }
        let found = find.await?;
        if let Some(account) = found.as_ref().filter(|account| account.customer.is_some()) {
            self.accounts.lock().await.put(key, account.clone());
        }
        Ok(found)
    }
}

/// Returns the token of `Authorization: Bearer <token>`. The scheme is case-insensitive (RFC 9110 §11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Returns the act-as header. An empty one counts as absent.
fn acting_for(headers: &HeaderMap) -> Result<Option<&str>, AccessError> {
    let mut values = headers.get_all(ACT_AS).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let value = value.to_str().map_err(|_| AccessError::ActAsForbidden)?.trim();
    if values.next().is_some() {
        return Err(AccessError::ActAsForbidden);
    }
    Ok(Some(value).filter(|value| !value.is_empty()))
}

#[cfg(test)]
mod tests {
    use lambda_http::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn bearer_token_is_read_from_one_header() {
        let cases: [(&[&'static str], Option<&str>); 7] = [
            (&["Bearer abc"], Some("abc")),
            (&["bearer abc "], Some("abc")),
            (&["Basic abc"], None),
            (&["abc"], None),
            (&["Bearer"], None),
            (&["Bearer a", "Bearer b"], None),
            (&[], None),
        ];
        for (values, token) in cases {
            let pairs: Vec<_> = values.iter().map(|value| ("authorization", *value)).collect();
            assert_eq!(bearer(&headers(&pairs)), token, "{values:?}");
        }
    }

    #[test]
    fn empty_act_as_header_counts_as_absent_and_two_are_refused() {
        assert!(matches!(acting_for(&headers(&[])), Ok(None)));
        assert!(matches!(acting_for(&headers(&[("x-cantila-act-as", " ")])), Ok(None)));
        assert!(matches!(acting_for(&headers(&[("x-cantila-act-as", "acme")])), Ok(Some("acme"))));
        let two = headers(&[("x-cantila-act-as", "a"), ("x-cantila-act-as", "b")]);
        assert!(matches!(acting_for(&two), Err(AccessError::ActAsForbidden)));
    }
}
