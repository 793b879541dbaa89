//! Who is asking, and whether they may: bearer key → key record → account → scope → act-as.

mod cache;
mod key;
mod look_up;
mod scope;
mod throttle;
mod uses;

use std::sync::Arc;

use lambda_http::http::HeaderMap;
use lambda_http::http::header::AUTHORIZATION;
use tokio::sync::Mutex;

pub use key::{ApiKey, KeyHash, MalformedKey, Mode, generate};
pub use scope::{Scope, UnknownScope};
pub(crate) use throttle::{Source, Throttle};

use crate::aside::Aside;
use crate::respond::{ApiError, Timestamp};
use crate::secrets::Secrets;
use crate::store::Store;
use cache::Cache;
use look_up::Keys;
use uses::Uses;

pub use crate::store::Account;

/// The header that lets a parent account work inside one of its own sub-accounts.
pub const ACT_AS: &str = "x-cantila-act-as";

/// How many keys, accounts and handles a process remembers. At some 300 bytes each this stays
/// well under a megabyte, and a flood of made-up keys cannot grow it.
const REMEMBERED: usize = 1_000;

/// Who is asking: the account that the request is about, and what the key may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account that the request is about: the key's own, or the one acted for.
    pub account: Account,
    /// What the key may do.
    pub scope: Scope,
    /// The key's id, which is no secret.
    pub key_id: String,
    /// The id of the key's own account.
    pub own_account: String,
}

/// Looks callers up, and remembers what it found for 60 seconds at most.
pub struct Authenticator {
    store: Store,
    keys: Keys,
    uses: Uses,
    aside: Arc<Aside>,
    accounts: Mutex<Cache<String, Account>>,
    /// Sub-accounts, by their parent's id and their own.
    subs: Mutex<Cache<(String, String), Account>>,
    handles: Mutex<Cache<String, Option<String>>>,
}

impl Authenticator {
    /// One a process, so that its memory serves every request.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self {
            keys: Keys::new(store.clone(), REMEMBERED),
            uses: Uses::new(store.clone(), REMEMBERED),
            aside: Arc::default(),
            store,
            accounts: Mutex::new(Cache::new(REMEMBERED)),
            subs: Mutex::new(Cache::new(REMEMBERED)),
            handles: Mutex::new(Cache::new(REMEMBERED)),
        }
    }

    /// Key, then scope, then act-as: the order that the contract gives.
    ///
    /// # Errors
    /// `unauthenticated`, `insufficient_scope`, `act_as_forbidden`; `unavailable` if the key could
    /// not be looked up.
    pub async fn authenticate(
        &self,
        headers: &HeaderMap,
        required: Scope,
        secrets: &Secrets,
    ) -> Result<Caller, ApiError> {
        let presented = bearer(headers).ok_or(ApiError::Unauthenticated)?;
        let key = ApiKey::parse(presented).map_err(|_| ApiError::Unauthenticated)?;
        // A key for the other mode is as unknown as a made-up one; so no look-up for it either.
        if key.mode() != secrets.stripe().await?.mode {
            return Err(ApiError::Unauthenticated);
        }
        let found = self.keys.find(&key, secrets).await?.ok_or(ApiError::Unauthenticated)?;
        let (record, now) = (&found.record, Timestamp::now());
        if !record.is_valid(now) {
            return Err(ApiError::Unauthenticated);
        }
        self.uses.note(&found, now, &self.aside);
        if record.scope < required {
            return Err(ApiError::InsufficientScope { required, granted: record.scope });
        }
        let own = self.account(&record.account).await?.ok_or(ApiError::Unauthenticated)?;
        let account = match acting_for(headers)? {
            Some(other) => self.sub_account(own, other).await?,
            None => own,
        };
        Ok(Caller {
            account,
            scope: record.scope,
            key_id: record.id.clone(),
            own_account: record.account.clone(),
        })
    }

    /// What goes on beside the requests: writing down that keys are used.
    #[must_use]
    pub fn aside(&self) -> &Aside {
        &self.aside
    }

    /// An account without a Stripe customer is not remembered: the first checkout gives it one,
    /// and the next read has to see it.
    async fn account(&self, id: &str) -> Result<Option<Account>, ApiError> {
        if let Some(known) = self.accounts.lock().await.get(id) {
            return Ok(Some(known));
        }
        let found = self.store.account(id).await?;
        if let Some(account) = found.as_ref().filter(|account| account.customer.is_some()) {
            self.accounts.lock().await.put(id.to_owned(), account.clone());
        }
        Ok(found)
    }

    /// One answer for a foreign account and for none at all, after the same look-ups, so that nobody
    /// can look for names, not by the clock either.
    async fn sub_account(&self, own: Account, other: &str) -> Result<Account, ApiError> {
        if other == own.id || other == own.handle {
            return Ok(own);
        }
        let id = if Account::is_id(other) {
            other.to_owned()
        } else if Account::is_handle(other) {
            // No account has a handle for its id, but looking takes as long as for one that there is.
            self.handle(other).await?.unwrap_or_else(|| other.to_owned())
        } else {
            return Err(ApiError::ActAsForbidden);
        };
        // Remembered apart from all accounts: what their own requests leave behind tells nothing.
        let place = (own.id, id);
        if let Some(known) = self.subs.lock().await.get(&place) {
            return Ok(known);
        }
        let found = self.store.account(&place.1).await?;
        let is_own = |account: &Account| account.parent.as_ref() == Some(&place.0);
        let account = found.filter(is_own).ok_or(ApiError::ActAsForbidden)?;
        if account.customer.is_some() {
            self.subs.lock().await.put(place, account.clone());
        }
        Ok(account)
    }

    async fn handle(&self, handle: &str) -> Result<Option<String>, ApiError> {
        if let Some(known) = self.handles.lock().await.get(handle) {
            return Ok(known);
        }
        let found = self.store.handle(handle).await?;
        self.handles.lock().await.put(handle.to_owned(), found.clone());
        Ok(found)
    }
}

/// The token of `Authorization: Bearer <token>`; the scheme's case does not matter (RFC 9110 §11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The act-as header; an empty one counts as absent.
fn acting_for(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let mut values = headers.get_all(ACT_AS).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let value = value.to_str().map_err(|_| ApiError::ActAsForbidden)?.trim();
    if values.next().is_some() {
        return Err(ApiError::ActAsForbidden);
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
    fn the_token_is_what_follows_bearer() {
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
    fn an_empty_act_as_header_counts_as_absent_and_two_of_them_are_refused() {
        assert!(matches!(acting_for(&headers(&[])), Ok(None)));
        assert!(matches!(acting_for(&headers(&[("x-cantila-act-as", " ")])), Ok(None)));
        assert!(matches!(acting_for(&headers(&[("x-cantila-act-as", "acme")])), Ok(Some("acme"))));
        let two = headers(&[("x-cantila-act-as", "a"), ("x-cantila-act-as", "b")]);
        assert!(matches!(acting_for(&two), Err(ApiError::ActAsForbidden)));
    }
}
