//! SHA-256 of API keys and of anything that is compared for equality.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::encode::hex;

/// Returns the SHA-256 of `bytes` as 64 lower-case hexadecimal digits.
pub fn sha256_hex(bytes: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(bytes))
}

/// Returns the same text for equal lists of parts, and different texts for different ones.
pub fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // The length keeps ["ab", "c"] apart from ["a", "bc"].
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// SHA-256 of an API key, as it is stored in the key's place.
///
/// A key has 190 random bits, so its hash cannot be reversed by guessing and needs neither a secret
/// nor a slow function.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct KeyHash(String);

impl KeyHash {
    /// Hashes a key's whole text.
    pub fn of(key: &str) -> Self {
        Self(sha256_hex(key))
    }

    /// Reads 64 lower-case hexadecimal digits; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == 64 && text.bytes().all(is_digit)).then(|| Self(text.to_owned()))
    }

    /// The 64 lower-case hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn hash_of_a_key_is_its_sha_256() {
        // Computed with sha256sum: stored hashes must stay valid.
        let hash = KeyHash::of("sk_test_0123456789ABCDEFGHIJKLMNOPQRSTUV3bN14w");
        assert_eq!(
            hash.as_str(),
            "d3db7150108f800188f68c9a0819e3c048721eac9002271391501e801e288496"
        );
        assert_eq!(KeyHash::parse(hash.as_str()), Some(hash.clone()));
        assert_eq!(format!("{hash:?}"), "KeyHash(…)");
        for bad in ["A".repeat(64), "a".repeat(63), String::new()] {
            assert_eq!(KeyHash::parse(&bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn fingerprints_differ_exactly_where_lists_differ(one: Vec<String>, other: Vec<String>) {
            let of = |list: &[String]| fingerprint(list.iter().map(String::as_str));
            prop_assert_eq!(one == other, of(&one) == of(&other));
        }
    }
}
