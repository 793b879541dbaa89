//! Sealed tokens: state that a caller holds for us between two requests.
//!
//! Anyone can decode a token, so it holds no secret. Only a holder of a MAC key can make or alter
//! one, and a token is valid for one purpose and one account.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::Sha256;

/// Length of a MAC in bytes.
const MAC_LENGTH: usize = 32;

/// Shortest accepted MAC key, in characters.
const MIN_KEY_LENGTH: usize = 32;

/// Longest accepted key ID, in characters.
const MAX_ID_LENGTH: usize = 32;

/// The purpose and the account that a token is valid for.
#[derive(Clone, Copy)]
pub struct Bounds<'a> {
    /// Purpose of the token, such as `quote`.
    pub purpose: &'a str,
    /// ID of the account that the token was made for.
    pub account: &'a str,
}

/// The MAC keys by key ID. New tokens are sealed with the current one; all of them open tokens.
///
/// A token names its key, so a rotation is: add a key and make it current, wait until the tokens of
/// the old key have expired, drop the old key.
#[derive(Clone)]
pub struct MacKeys {
    current: String,
    keys: BTreeMap<String, SecretString>,
}

/// The text of the secret: `{"current": "k2", "k1": "…", "k2": "…", "rotatedAt": "2026-06-28T09:30:00Z"}`.
///
/// It is flat so that the template can have AWS generate the first key.
#[derive(Deserialize)]
struct SecretText {
    current: String,
    /// For the operator only.
    #[serde(rename = "rotatedAt")]
    _rotated_at: Option<IgnoredAny>,
    #[serde(flatten)]
    keys: BTreeMap<String, SecretString>,
}

impl MacKeys {
    /// Reads the text of the secret; `None` for any other form, a key shorter than 32 characters, or
    /// a current key that is missing.
    pub fn parse(text: &SecretString) -> Option<Self> {
        // The parser's own error is dropped because it can quote the secret.
        let text: SecretText = serde_json::from_str(text.expose_secret()).ok()?;
        let is_good = |(id, key): (&String, &SecretString)| {
            is_id(id) && key.expose_secret().len() >= MIN_KEY_LENGTH
        };
        let is_valid = text.keys.iter().all(is_good) && text.keys.contains_key(&text.current);
        is_valid.then_some(Self { current: text.current, keys: text.keys })
    }

    /// Seals `payload` with the current key. Returns `<key ID>.<base64url of MAC and payload>`.
    pub fn seal(&self, bounds: Bounds<'_>, payload: &[u8]) -> String {
        let mut bytes =
            mac(&self.keys[&self.current], bounds, payload).finalize().into_bytes().to_vec();
        bytes.extend_from_slice(payload);
        format!("{}.{}", self.current, BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Returns the payload of a token that one of these keys sealed for the same bounds.
    pub fn open(&self, bounds: Bounds<'_>, token: &str) -> Option<Vec<u8>> {
        let (id, text) = token.split_once('.')?;
        let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        if bytes.len() < MAC_LENGTH {
            return None;
        }
        let payload = bytes.split_off(MAC_LENGTH);
        mac(self.keys.get(id)?, bounds, &payload).verify_slice(&bytes).ok()?;
        Some(payload)
    }

    /// Returns whether the key that `token` names is one of these. Malformed tokens name none.
    pub fn knows_key_of(&self, token: &str) -> bool {
        token.split_once('.').is_some_and(|(id, _)| self.keys.contains_key(id))
    }
}

impl fmt::Debug for MacKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MacKeys").field("ids", &self.keys.keys()).finish_non_exhaustive()
    }
}

/// Returns whether the text can be a key ID: 1 to 32 of `a`–`z`, `0`–`9` and `-`, except `current`.
fn is_id(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_ID_LENGTH).contains(&text.len()) && text.bytes().all(is_plain) && text != "current"
}

fn mac(key: &SecretString, bounds: Bounds<'_>, payload: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes())
        .expect("HMAC takes a key of any length");
    for part in [bounds.purpose.as_bytes(), bounds.account.as_bytes(), payload] {
        // The length keeps ("ab", "c") apart from ("a", "bc").
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const BOUNDS: Bounds<'_> = Bounds { purpose: "quote", account: "acc_1" };

    /// Returns keys of which `current` is the current one.
    fn keys(current: &str, keys: &[(&str, char)]) -> MacKeys {
        let mut text = json!({ "current": current, "rotatedAt": "2026-06-28T09:30:00Z" });
        for (id, character) in keys {
            text[id] = json!(character.to_string().repeat(32));
        }
        MacKeys::parse(&SecretString::from(text.to_string())).expect("the form of the secret")
    }

    fn one_key() -> MacKeys {
        keys("k1", &[("k1", 'a')])
    }

    #[test]
    fn token_opens_only_with_its_purpose_account_and_key() {
        let token = one_key().seal(BOUNDS, b"in_1");
        assert!(token.starts_with("k1."), "{token}");
        assert_eq!(one_key().open(BOUNDS, &token).as_deref(), Some(&b"in_1"[..]));
        assert_eq!(one_key().open(Bounds { account: "acc_2", ..BOUNDS }, &token), None);
        assert_eq!(one_key().open(Bounds { purpose: "other", ..BOUNDS }, &token), None);
        assert_eq!(keys("k1", &[("k1", 'b')]).open(BOUNDS, &token), None, "another key, same ID");
    }

    #[test]
    fn token_of_an_old_key_is_valid_until_the_key_is_dropped() {
        let old = one_key().seal(BOUNDS, b"old");
        let rotated = keys("k2", &[("k1", 'a'), ("k2", 'b')]);
        let new = rotated.seal(BOUNDS, b"new");
        assert!(new.starts_with("k2.") && rotated.knows_key_of(&new));
        assert!(!one_key().knows_key_of(&new));
        assert!(rotated.open(BOUNDS, &old).is_some() && rotated.open(BOUNDS, &new).is_some());
        let dropped = keys("k2", &[("k2", 'b')]);
        assert!(dropped.open(BOUNDS, &old).is_none() && dropped.open(BOUNDS, &new).is_some());
    }

    #[test]
    fn debug_shows_no_key() {
        let debug = format!("{:?}", one_key());
        assert!(debug.contains("k1") && !debug.contains("aaaa"), "{debug}");
    }

    #[test]
    fn malformed_secret_is_refused() {
        let long = "x".repeat(32);
        let cases = [
            String::new(),
            "[]".to_owned(),
            r#"{"current":"k1"}"#.to_owned(),
            format!(r#"{{"current":"k2","k1":"{long}"}}"#),
            r#"{"current":"k1","k1":"short"}"#.to_owned(),
            format!(r#"{{"current":"K.1","K.1":"{long}"}}"#),
            format!(r#"{{"current":"{long}","k1":"{long}"}}"#),
        ];
        for text in cases {
            assert!(MacKeys::parse(&SecretString::from(text.clone())).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn payload_is_returned_unchanged(payload: Vec<u8>) {
            let keys = one_key();
            prop_assert_eq!(keys.open(BOUNDS, &keys.seal(BOUNDS, &payload)), Some(payload));
        }

        #[test]
        fn altered_bit_is_noticed(payload: Vec<u8>, at: prop::sample::Index, bit in 0_u8..8) {
            let keys = one_key();
            let token = keys.seal(BOUNDS, &payload);
            let (id, text) = token.split_once('.').expect("an ID");
            let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(text).expect("base64url");
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            let altered = format!("{id}.{}", BASE64_URL_SAFE_NO_PAD.encode(bytes));
            prop_assert_eq!(keys.open(BOUNDS, &altered), None);
        }

        #[test]
        fn arbitrary_text_is_no_token(text: String) {
            prop_assert_eq!(one_key().open(BOUNDS, &text), None);
            prop_assert_eq!(one_key().open(BOUNDS, &format!("k1.{text}")), None);
        }
    }
}
