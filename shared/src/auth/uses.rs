//! That a key was used today, and what it hashes to under the present pepper: written beside the
//! request, once a day and key.
//!
//! What if somebody takes over a function, even one that only reads? It may write these two
//! attributes of a key's record, and nothing else of it: not its account, its scope or its end. It
//! cannot list records; it finds only those of keys that were sent to it, which it has seen in
//! full. A wrong hash beside such a key gives nobody more than that key did: `billingctl` moves
//! the record as it is, with its scope, its end and its revocation, and never over another one. The
//! key's owner would be locked out, and that is noticed: whoever presents the key sees that the
//! hash is not its own, says so in the log, and writes the right one.
//!
//! Moving the record in the function would need leave to make records, and so to make keys.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use super::KeyHash;
use super::look_up::Found;
use crate::aside::Aside;
use crate::respond::Timestamp;
use crate::store::{KeyRecord, Store};

/// What is to be written of one use.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Use {
    today: String,
    rehashed: Option<KeyHash>,
}

/// Notes uses, and remembers which are noted.
pub(super) struct Uses {
    store: Store,
    noted: Mutex<LruCache<KeyHash, Use>>,
    complained: Arc<AtomicBool>,
}

impl Uses {
    pub(super) fn new(store: Store, remembered: usize) -> Self {
        let capacity = NonZeroUsize::new(remembered).unwrap_or(NonZeroUsize::MIN);
        let noted = Mutex::new(LruCache::new(capacity));
        Self { store, noted, complained: Arc::default() }
    }

    /// Begins to write that the key was used, if that is not known yet. Tried once: another process
    /// or another day will have better luck, and no request is to wait for a table that does not
    /// answer.
    pub(super) fn note(&self, found: &Found, now: Timestamp, aside: &Aside) {
        let Some(wanted) = due(&found.record, found.rehashed.as_ref(), now) else { return };
        let before = {
            let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
            noted.put(found.stored.clone(), wanted.clone())
        };
        if before.as_ref() == Some(&wanted) {
            return;
        }
        let (store, stored) = (self.store.clone(), found.stored.clone());
        let (complained, key_id) = (Arc::clone(&self.complained), found.record.id.clone());
        aside.begin(async move {
            let outcome = store.note_use(&stored, &wanted.today, wanted.rehashed.as_ref()).await;
            if let Err(error) = outcome
                && !complained.swap(true, Ordering::Relaxed)
            {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                let cause = cause.unwrap_or_default();
                tracing::warn!(key_id, cause, "that keys are used cannot be noted");
            }
        });
    }
}

/// What is to be written, if anything. `hash` is the key's under the present pepper, where it is
/// stored under the one before.
fn due(record: &KeyRecord, hash: Option<&KeyHash>, now: Timestamp) -> Option<Use> {
    let today = now.day().to_string();
    let rehashed = hash.filter(|hash| record.rehashed.as_ref() != Some(&hash.to_string()));
    if rehashed.is_some() && record.rehashed.is_some() {
        tracing::error!(
            key_id = record.id,
            "the hash that was noted for this key is not its own; the right one is written"
        );
    }
    let is_noted = record.last_used_on.as_ref().is_some_and(|day| *day >= today);
    (!is_noted || rehashed.is_some()).then(|| Use { today, rehashed: rehashed.cloned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{ApiKey, Mode, Scope, generate};

    #[test]
    fn a_use_is_written_once_a_day_and_a_hash_once() {
        let now = Timestamp::try_from(1_782_639_000).expect("in range");
        let secret = generate(Mode::Test).expect("random numbers");
        let key = ApiKey::parse_secret(&secret).expect("own form");
        let (hash, other) = (key.hash(&"new".into()), key.hash(&"other".into()));
        let (text, other) = (hash.to_string(), other.to_string());
        // last used on, noted hash, whether it is under the pepper before → is written, with the hash
        let cases = [
            (None, None, false, Some(false)),
            (Some("2026-06-27"), None, false, Some(false)),
            (Some("2026-06-28"), None, false, None),
            (Some("2026-06-29"), None, false, None),
            (Some("2026-06-28"), None, true, Some(true)),
            (Some("2026-06-28"), Some(&text), true, None),
            (Some("2026-06-27"), Some(&text), true, Some(false)),
            (Some("2026-06-28"), Some(&other), true, Some(true)),
            (Some("2026-06-28"), Some(&other), false, None),
        ];
        for (last_used_on, rehashed, old, expected) in cases {
            let record = KeyRecord {
                id: "key_1".to_owned(),
                account: "acc_1".to_owned(),
                scope: Scope::Read,
                name: String::new(),
                prefix: String::new(),
                created_at: now,
                expires_at: None,
                revoked_at: None,
                last_used_on: last_used_on.map(str::to_owned),
                pepper: None,
                rehashed: rehashed.cloned(),
            };
            let wanted = due(&record, old.then_some(&hash), now);
            let with_hash = wanted.map(|wanted| {
                assert_eq!(wanted.today, "2026-06-28");
                wanted.rehashed.is_some()
            });
            assert_eq!(with_hash, expected, "{last_used_on:?} {rehashed:?} {old}");
        }
    }
}
