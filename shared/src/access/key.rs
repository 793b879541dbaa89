//! The form of an API key.
//!
//! `sk_live_` or `sk_test_`, 32 random base-62 characters (190 bits), and a checksum of 6 characters. The
//! checksum serves to refuse mistyped and made-up keys without a lookup.

use secrecy::SecretString;

use crate::values::{KeyHash, Mode};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_LENGTH: usize = 32;
const CHECKSUM_LENGTH: usize = 6;

/// Number of random characters that lists show.
const PREFIX_LENGTH: usize = 4;

/// A well-formed key, borrowed from the request. It may belong to nobody.
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
    /// [`MalformedKey`], which does not quote the key.
    pub fn parse(text: &'a str) -> Result<Self, MalformedKey> {
        let mode = Mode::of_key(text).ok_or(MalformedKey)?;
        let prefix = mode.key_prefix().len();
        let is_base62 = text.bytes().skip(prefix).all(|byte| byte.is_ascii_alphanumeric());
        if text.len() != prefix + RANDOM_LENGTH + CHECKSUM_LENGTH || !is_base62 {
            return Err(MalformedKey);
        }
        let (body, sum) = text.split_at(prefix + RANDOM_LENGTH);
        if checksum(body) == sum { Ok(Self { text, mode }) } else { Err(MalformedKey) }
    }

    /// Returns the mode that the prefix names.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Returns the hash that is stored in the key's place.
    pub fn hash(&self) -> KeyHash {
        KeyHash::of(self.text)
    }

    /// Returns the prefix and 4 of the 32 random characters, which tell keys apart in a list.
    pub fn display_prefix(&self) -> &'a str {
        &self.text[..self.mode.key_prefix().len() + PREFIX_LENGTH]
    }
}

/// Returns whether the text has the form of a key of Stripe's. Those also begin with `sk_live_` or `sk_test_`, but 24 or
/// about a hundred characters follow; a key of ours that was cut short is no key of Stripe's.
/// Source: <https://docs.stripe.com/keys>.
pub fn is_stripe_key(text: &str) -> bool {
    let Some((prefix, rest)) = text.split_at_checked(8) else { return false };
    let is_base62 = rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let has_length = match prefix {
        "sk_live_" | "sk_test_" => rest.len() == 24 || (90..=255).contains(&rest.len()),
        "rk_live_" | "rk_test_" | "pk_live_" | "pk_test_" => (24..=255).contains(&rest.len()),
        _ => false,
    };
    is_base62 && has_length
}

/// Generates a key.
///
/// # Errors
/// If the operating system has no random numbers.
pub fn generate(mode: Mode) -> Result<SecretString, getrandom::Error> {
    let mut text = String::from(mode.key_prefix());
    while text.len() < mode.key_prefix().len() + RANDOM_LENGTH {
        let mut bytes = [0; 64];
        getrandom::fill(&mut bytes)?;
        // 248 is the largest multiple of 62 in a byte: larger values would favor some characters.
        let fair = bytes
            .iter()
            .filter(|byte| **byte < 248)
            .map(|byte| char::from(BASE62[usize::from(byte % 62)]));
        text.extend(fair.take(mode.key_prefix().len() + RANDOM_LENGTH - text.len()));
    }
    text.push_str(&checksum(&text));
    Ok(SecretString::from(text))
}

/// Returns the CRC-32 in base 62, six digits. It catches typing errors and protects against nothing.
fn checksum(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes()) as usize;
    let mut digits = [b'0'; CHECKSUM_LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[rest % 62];
        rest /= 62;
    }
    digits.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn generated_key_has_the_documented_form() {
        let key = generate(Mode::Live).expect("random numbers");
        let text = key.expose_secret();
        assert!(text.starts_with("sk_live_"));
        assert_eq!(text.len(), 8 + 32 + 6);
        let parsed = ApiKey::parse(text).expect("its own form");
        assert_eq!(parsed.mode(), Mode::Live);
        assert_eq!(parsed.display_prefix(), &text[..12]);
        assert_ne!(generate(Mode::Live).expect("random numbers").expose_secret(), text);
    }

    #[test]
    fn checksum_is_stable() {
        // Computed with another implementation of CRC-32: existing keys must stay valid.
        assert_eq!(checksum("sk_test_0123456789ABCDEFGHIJKLMNOPQRSTUV"), "3bN14w");
    }

    #[test]
    fn malformed_key_is_refused() {
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
    fn keys_of_stripe_are_recognized() {
        let (old, new) = ("a".repeat(24), "5".repeat(99));
        for prefix in ["sk_live_", "sk_test_", "rk_live_", "rk_test_", "pk_live_", "pk_test_"] {
            for rest in [&old, &new] {
                assert!(is_stripe_key(&format!("{prefix}{rest}")), "{prefix}{rest}");
            }
        }
        let own = generate(Mode::Live).expect("random numbers");
        let own = own.expose_secret();
        let mistyped = format!("{own}0");
        let whsec = format!("whsec_{old}");
        let cases = ["", "sk_live_", "sk_live_short", &whsec, own, &own[..45], &own[..9]];
        for text in cases.into_iter().chain([&*mistyped]) {
            assert!(!is_stripe_key(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn wrong_character_is_refused(at in 8_usize..46, with in 0_usize..62) {
            let key = generate(Mode::Test).expect("random numbers");
            let mut bytes = key.expose_secret().as_bytes().to_vec();
            prop_assume!(bytes[at] != BASE62[with]);
            bytes[at] = BASE62[with];
            let text = String::from_utf8(bytes).expect("ASCII");
            prop_assert!(ApiKey::parse(&text).is_err());
        }

        #[test]
        fn arbitrary_text_never_panics(text: String) {
            let _ = ApiKey::parse(&text);
            let _ = ApiKey::parse(&format!("sk_test_{text}"));
        }
    }
}
