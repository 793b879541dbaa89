//! The operator's view of the secret with the keys that sign quotes of plan changes: creation, rotation, expiry.
//!
//! Functions read the same text as [`shared::values::token::MacKeys`].

use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use shared::values::Timestamp;
use shared::values::token::MacKeys;

/// ID of a stack's first key. The IDs of later keys count up.
pub const FIRST_ID: &str = "k1";

/// Seconds after a rotation in which callers may hold valid quotes of the previous key: the 15 minutes
/// of a quote, and the minute in which a function may still use the keys that it has read before.
const GRACE: i64 = 16 * 60;

/// The keys by ID, the current one's ID, and the time of the last rotation. Serializes as the secret's text.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuoteKeys {
    current: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rotated_at: Option<String>,
    #[serde(flatten)]
    keys: BTreeMap<String, String>,
}

impl QuoteKeys {
    /// Creates one random key, which is current.
    ///
    /// # Errors
    /// If the operating system has no random numbers.
    pub fn random(id: &str) -> Result<Self, getrandom::Error> {
        let keys = BTreeMap::from([(id.to_owned(), random_key()?)]);
        Ok(Self { current: id.to_owned(), keys, rotated_at: None })
    }

    /// Reads the secret's text; `None` if functions would refuse it or the time of rotation is malformed.
    #[must_use]
    pub fn parse(text: &SecretString) -> Option<Self> {
        MacKeys::parse(text)?;
        // The parser's own error is dropped because it can quote the secret.
        let keys: Self = serde_json::from_str(text.expose_secret()).ok()?;
        keys.rotated_at.as_deref().is_none_or(|at| Timestamp::parse(at).is_some()).then_some(keys)
    }

    /// Returns the secret's text.
    #[must_use]
    pub fn to_secret(&self) -> SecretString {
        SecretString::from(serde_json::to_string(self).expect("text keys and values"))
    }

    /// Adds a random key and makes it current. `now` is stored as the time of the rotation.
    ///
    /// # Errors
    /// If the operating system has no random numbers.
    pub fn rotate(&mut self, now: Timestamp) -> Result<(), getrandom::Error> {
        let id = self.next_id();
        self.keys.insert(id.clone(), random_key()?);
        self.current = id;
        self.rotated_at = Some(now.date_time().to_string());
        Ok(())
    }

    /// Returns the ID of the next key. It is never one of a dropped key, because the current key has the
    /// highest number and cannot be dropped.
    fn next_id(&self) -> String {
        let number = |id: &str| id.strip_prefix('k')?.parse::<u32>().ok();
        format!("k{}", self.ids().filter_map(number).max().unwrap_or_default() + 1)
    }

    /// Drops a key. Returns false, and changes nothing, for the current key and for an unknown one.
    pub fn drop_key(&mut self, id: &str) -> bool {
        self.current != id && self.keys.remove(id).is_some()
    }

    /// ID of the key that signs new quotes.
    #[must_use]
    pub fn current(&self) -> &str {
        &self.current
    }

    /// IDs of all keys, in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    /// Returns when the last quote of a previous key expires; `None` if the keys were never rotated.
    #[must_use]
    pub fn previous_expire_at(&self) -> Option<Timestamp> {
        let rotated_at = Timestamp::parse(self.rotated_at.as_deref()?)?;
        Timestamp::try_from(rotated_at.seconds() + GRACE).ok()
    }
}

impl fmt::Debug for QuoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuoteKeys").field("ids", &self.keys.keys()).finish_non_exhaustive()
    }
}

/// Returns 32 random bytes in hexadecimal.
fn random_key() -> Result<String, getrandom::Error> {
    let word = getrandom::u64;
    Ok(format!("{:016x}{:016x}{:016x}{:016x}", word()?, word()?, word()?, word()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::try_from(seconds).expect("in range")
    }

    #[test]
    fn rotation_counts_ids_up_and_keeps_the_old_key_until_it_is_dropped() {
        let mut keys = QuoteKeys::random("own-name").expect("random numbers");
        assert_eq!(keys.previous_expire_at(), None);
        for id in ["k1", "k2", "k3"] {
            keys.rotate(at(1_000)).expect("random numbers");
            assert_eq!(keys.current(), id);
        }
        assert!(!keys.drop_key("k3") && !keys.drop_key("k9"), "current, unknown");
        assert!(keys.drop_key("k2"));
        keys.rotate(at(1_000)).expect("random numbers");
        assert_eq!(keys.ids().collect::<Vec<_>>(), ["k1", "k3", "k4", "own-name"]);
        assert_eq!(keys.previous_expire_at(), Some(at(1_960)));
    }

    #[test]
    fn secret_is_read_as_written_by_functions_too() {
        let mut keys = QuoteKeys::random(FIRST_ID).expect("random numbers");
        keys.rotate(at(1_782_639_000)).expect("random numbers");
        let text = keys.to_secret();
        assert!(text.expose_secret().contains(r#""rotatedAt":"2026-06-28T09:30:00Z""#));
        let read = QuoteKeys::parse(&text).expect("own form");
        assert_eq!(read.to_secret().expose_secret(), text.expose_secret());
        let debug = format!("{read:?}");
        assert!(keys.keys.values().all(|key| !debug.contains(key)), "{debug}");
    }

    #[test]
    fn malformed_time_of_rotation_is_refused() {
        let text = r#"{"current":"k1","k1":"0123456789abcdef0123456789abcdef","rotatedAt":"soon"}"#;
        assert!(QuoteKeys::parse(&SecretString::from(text)).is_none());
    }
}
