//! The form of an API key: `sk_live_` or `sk_test_`, 32 random base-62 characters, and a checksum
//! of 6, so that a mistyped or made-up key is refused without a look-up.
//!
//! Only a keyed hash of a key is ever stored. 190 random bits need no slow hash.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::encode::hex;
use crate::secrets::Pepper;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_LENGTH: usize = 32;
const CHECKSUM_LENGTH: usize = 6;

/// How many of the random characters are shown in a list.
const PREFIX_LENGTH: usize = 4;

/// Whether real money moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Real money.
    Live,
    /// Stripe's test mode, or the sandbox.
    Test,
}

impl Mode {
    /// `live` or `test`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }

    /// The mode that a key, or the start of one, names.
    #[must_use]
    pub fn of_key(text: &str) -> Option<Self> {
        [Self::Live, Self::Test].into_iter().find(|mode| text.starts_with(mode.prefix()))
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Live => "sk_live_",
            Self::Test => "sk_test_",
        }
    }
}

/// A key of the right form, borrowed from the request. Whether it is anybody's, a look-up tells.
pub struct ApiKey<'a> {
    text: &'a str,
    mode: Mode,
}

/// The text is not a key: wrong prefix, length, alphabet or checksum.
#[derive(Debug, thiserror::Error)]
#[error("not an API key of this service")]
pub struct MalformedKey;

impl<'a> ApiKey<'a> {
    /// Checks the form, the checksum included.
    ///
    /// # Errors
    /// [`MalformedKey`], which says nothing about the key.
    pub fn parse(text: &'a str) -> Result<Self, MalformedKey> {
        let mode = Mode::of_key(text).ok_or(MalformedKey)?;
        let prefix = mode.prefix().len();
        let is_base62 = text.bytes().skip(prefix).all(|byte| byte.is_ascii_alphanumeric());
        if text.len() != prefix + RANDOM_LENGTH + CHECKSUM_LENGTH || !is_base62 {
            return Err(MalformedKey);
        }
        let (body, sum) = text.split_at(prefix + RANDOM_LENGTH);
        if checksum(body) == sum { Ok(Self { text, mode }) } else { Err(MalformedKey) }
    }

    /// The mode that the prefix names.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// What is stored in the key's place.
    #[must_use]
    pub fn hash(&self, pepper: &Pepper) -> KeyHash {
        let mut mac = Hmac::<Sha256>::new_from_slice(pepper.expose())
            .expect("HMAC takes a key of any length");
        mac.update(self.text.as_bytes());
        KeyHash(mac.finalize().into_bytes().into())
    }

    /// The first characters, to tell keys apart in a list: the mode and 4 of 32 random ones.
    #[must_use]
    pub fn display_prefix(&self) -> &'a str {
        &self.text[..self.mode.prefix().len() + PREFIX_LENGTH]
    }

    /// Whether the text can be what [`ApiKey::display_prefix`] gives.
    #[must_use]
    pub fn is_display_prefix(text: &str) -> bool {
        let rest = Mode::of_key(text).and_then(|mode| text.strip_prefix(mode.prefix()));
        rest.is_some_and(|rest| {
            rest.len() == PREFIX_LENGTH && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
    }
}

/// A new key.
///
/// # Errors
/// If the operating system has no random numbers to give.
pub fn generate(mode: Mode) -> Result<SecretString, getrandom::Error> {
    let mut text = String::from(mode.prefix());
    while text.len() < mode.prefix().len() + RANDOM_LENGTH {
        let mut bytes = [0; 64];
        getrandom::fill(&mut bytes)?;
        // Bytes of 248 and above would make the first letters likelier than the rest.
        let fair = bytes
            .iter()
            .filter(|byte| **byte < 248)
            .map(|byte| char::from(BASE62[usize::from(byte % 62)]));
        text.extend(fair.take(mode.prefix().len() + RANDOM_LENGTH - text.len()));
    }
    text.push_str(&checksum(&text));
    Ok(SecretString::from(text))
}

/// CRC-32 in base 62, six digits: enough to catch typing errors and made-up keys, no protection.
fn checksum(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes()) as usize;
    let mut digits = [b'0'; CHECKSUM_LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[rest % 62];
        rest /= 62;
    }
    digits.iter().copied().map(char::from).collect()
}

/// HMAC-SHA-256 of a key's whole text under the pepper's text; written as 64 lower-case
/// hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// Whether the text has the form of a hash.
    #[must_use]
    pub fn is_hash(text: &str) -> bool {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        text.len() == 64 && text.bytes().all(is_digit)
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(…)")
    }
}

impl ApiKey<'_> {
    /// [`ApiKey::parse`] for a key that was just made.
    ///
    /// # Errors
    /// [`MalformedKey`].
    pub fn parse_secret(secret: &SecretString) -> Result<ApiKey<'_>, MalformedKey> {
        ApiKey::parse(secret.expose_secret())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_new_key_has_the_documented_form_and_no_two_are_alike() {
        let key = generate(Mode::Live).expect("random numbers");
        let text = key.expose_secret();
        assert!(text.starts_with("sk_live_"));
        assert_eq!(text.len(), 8 + 32 + 6);
        let parsed = ApiKey::parse(text).expect("its own form");
        assert_eq!(parsed.mode(), Mode::Live);
        assert!(ApiKey::is_display_prefix(parsed.display_prefix()));
        for not_one in
            [text, "sk_live_", "sk_live_Ab1", "sk_live_Ab1-", "rk_live_Ab12", "sk_test_é12"]
        {
            assert!(!ApiKey::is_display_prefix(not_one), "{not_one}");
        }
        assert_ne!(generate(Mode::Live).expect("random numbers").expose_secret(), text);
    }

    #[test]
    fn the_checksum_never_changes() {
        // Keys are out in the world: this value, worked out with another CRC-32, may not move.
        assert_eq!(checksum("sk_test_0123456789ABCDEFGHIJKLMNOPQRSTUV"), "3bN14w");
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        let good = generate(Mode::Test).expect("random numbers");
        let good = good.expose_secret();
        let cases = [
            String::new(),
            "sk_test_".to_owned(),
            good[..45].to_owned(),
            format!("{good}0"),
            good.replacen("sk_test_", "sk_live_", 1),
            good.replacen("sk_test_", "ctk_live", 1),
            format!("{}é{}", &good[..20], &good[22..]),
            "sk_test_00000000000000000000000000000000000000".to_owned(),
        ];
        for text in cases {
            assert!(ApiKey::parse(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_hash_depends_on_the_key_and_on_the_pepper() {
        let (a, b) = (generate(Mode::Test).expect("random"), generate(Mode::Test).expect("random"));
        let hash = |key: &SecretString, pepper: &str| {
            ApiKey::parse_secret(key).expect("own form").hash(&Pepper::from(pepper))
        };
        assert_eq!(hash(&a, "one"), hash(&a, "one"));
        assert_ne!(hash(&a, "one"), hash(&b, "one"));
        assert_ne!(hash(&a, "one"), hash(&a, "two"));
        assert!(KeyHash::is_hash(&hash(&a, "one").to_string()));
        assert!(!KeyHash::is_hash(&"A".repeat(64)) && !KeyHash::is_hash(&"a".repeat(63)));
    }

    proptest! {
        #[test]
        fn one_wrong_character_is_always_noticed(at in 8_usize..46, with in 0_usize..62) {
            let key = generate(Mode::Test).expect("random numbers");
            let mut bytes = key.expose_secret().as_bytes().to_vec();
            prop_assume!(bytes[at] != BASE62[with]);
            bytes[at] = BASE62[with];
            let text = String::from_utf8(bytes).expect("ASCII");
            prop_assert!(ApiKey::parse(&text).is_err());
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = ApiKey::parse(&text);
            let _ = ApiKey::parse(&format!("sk_test_{text}"));
        }
    }
}
