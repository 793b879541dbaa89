//! Content of the secret with the keys that sign quotes of plan changes.
//!
//! A quote names the key that signed it, so several keys can be valid at once. The functions sign
//! with the current key and accept quotes of every key in the secret.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;
use shared::respond::Timestamp;

use super::{id, timestamp};

/// Seconds after a rotation in which callers may still hold quotes of the previous key: a quote's
/// 15 minutes, and 5 minutes in which a process may still sign with the key that it has read before.
const GRACE: i64 = 20 * 60;

/// Keys by their IDs, one of which is current.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QuoteKeys {
    /// 32 random bytes each, in hexadecimal.
    keys: BTreeMap<String, SecretString>,
    current: String,
    /// When `current` became the current key, in RFC 3339. Only this tool reads it.
    #[serde(default)]
    rotated_at: Option<String>,
}

impl QuoteKeys {
    /// Format of the secret, for error messages.
    pub(crate) const FORMAT: &str = r#"{"keys": {"ID": "64 hexadecimal digits"}, "current": "ID"}"#;

    /// Returns a set with one new key.
    pub(crate) fn generate() -> Result<Self, getrandom::Error> {
        let mut keys = Self { keys: BTreeMap::new(), current: String::new(), rotated_at: None };
        keys.current = keys.add_key()?;
        Ok(keys)
    }

    /// Parses the secret's text. Returns `None` if it has another format.
    pub(crate) fn parse(text: &SecretString) -> Option<Self> {
        let keys: Self = serde_json::from_str(text.expose_secret()).ok()?;
        keys.keys.contains_key(&keys.current).then_some(keys)
    }

    /// Returns the secret's text.
    pub(crate) fn to_secret(&self) -> SecretString {
        let keys: BTreeMap<&String, &str> =
            self.keys.iter().map(|(id, key)| (id, key.expose_secret())).collect();
        let mut secret = json!({ "keys": keys, "current": self.current });
        if let Some(rotated_at) = &self.rotated_at {
            secret["rotatedAt"] = json!(rotated_at);
        }
        SecretString::from(secret.to_string())
    }

    /// Returns the ID of the current key.
    pub(crate) fn current(&self) -> &str {
        &self.current
    }

    /// Returns the IDs of all keys.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    /// Adds a new key, makes it current and returns the ID of the previous one.
    pub(crate) fn rotate(&mut self, now: Timestamp) -> Result<String, getrandom::Error> {
        let new = self.add_key()?;
        self.rotated_at = Some(timestamp::format(now));
        Ok(std::mem::replace(&mut self.current, new))
    }

    /// Returns when no valid quote is signed with a previous key any more; `None` if that is unknown.
    pub(crate) fn previous_expire_at(&self) -> Option<Timestamp> {
        let rotated_at = Timestamp::parse(self.rotated_at.as_deref()?)?;
        Timestamp::try_from(rotated_at.seconds() + GRACE).ok()
    }

    /// Removes a key and returns whether it was there.
    pub(crate) fn remove(&mut self, id: &str) -> bool {
        self.keys.remove(id).is_some()
    }

    fn add_key(&mut self) -> Result<String, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        let mut hex = String::with_capacity(64);
        for byte in bytes {
            let _ = write!(hex, "{byte:02x}");
        }
        let id = id::random("qk_")?;
        self.keys.insert(id.clone(), SecretString::from(hex));
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::try_from(seconds).expect("in range")
    }

    fn value(keys: &QuoteKeys) -> serde_json::Value {
        serde_json::from_str(keys.to_secret().expose_secret()).expect("JSON")
    }

    #[test]
    fn new_set_has_one_random_key_of_32_bytes() {
        let keys = QuoteKeys::generate().expect("random numbers");
        let secret = value(&keys);
        let key = secret["keys"][keys.current()].as_str().expect("the current key");
        assert!(key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit()), "{key}");
        assert_eq!(secret["keys"].as_object().map(serde_json::Map::len), Some(1));
        let other = value(&QuoteKeys::generate().expect("random numbers"));
        assert_ne!(other["keys"], secret["keys"]);
    }

    #[test]
    fn rotation_keeps_the_previous_key_and_records_its_time() {
        let mut keys = QuoteKeys::generate().expect("random numbers");
        assert_eq!(keys.previous_expire_at(), None);
        let first = keys.current().to_owned();
        let before = value(&keys)["keys"][&first].clone();
        assert_eq!(keys.rotate(at(1_000)).expect("random numbers"), first);
        assert_ne!(keys.current(), first);

        let mut read = QuoteKeys::parse(&keys.to_secret()).expect("its own format");
        assert_eq!(read.ids().count(), 2);
        assert_eq!(value(&read)["keys"][&first], before);
        assert_eq!(read.previous_expire_at(), Some(at(1_000 + GRACE)));
        assert!(read.remove(&first) && !read.remove(&first));
        assert_eq!(read.ids().collect::<Vec<_>>(), [keys.current()]);
    }

    #[test]
    fn set_without_its_current_key_is_malformed() {
        for text in ["", "hunter2", "{}", r#"{"keys":{"a":"00"},"current":"b"}"#, r#"{"keys":{}}"#]
        {
            assert!(QuoteKeys::parse(&SecretString::from(text)).is_none(), "{text}");
        }
        let minimal = r#"{"keys":{"a":"00"},"current":"a"}"#;
        assert!(QuoteKeys::parse(&SecretString::from(minimal)).is_some());
    }
}
