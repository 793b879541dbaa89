//! Opaque tokens that only we can make: what a caller holds for us between two requests.
//!
//! A token is readable to whoever decodes it, so it holds no secret; but it cannot be made or
//! altered by anyone else, nor used by another account or for another purpose.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};

use crate::encode::hex;
use crate::secrets::Pepper;

const MAC_LENGTH: usize = 32;

/// Where a token is good: its purpose, and the account that it was made for.
#[derive(Clone, Copy)]
pub struct Bounds<'a> {
    /// What the token is for, such as `cursor`. Tokens for one purpose are no good for another.
    pub purpose: &'a str,
    /// The account's id.
    pub account: &'a str,
}

/// A short name for bytes that are equal; no secret and no signature.
#[must_use]
pub fn fingerprint(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Base64url of a MAC and `payload`.
#[must_use]
pub fn seal(pepper: &Pepper, bounds: Bounds<'_>, payload: &[u8]) -> String {
    let mut bytes = mac(pepper, bounds, payload).finalize().into_bytes().to_vec();
    bytes.extend_from_slice(payload);
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The payload, if the token is ours, whole, and made for these bounds.
#[must_use]
pub fn open(pepper: &Pepper, bounds: Bounds<'_>, token: &str) -> Option<Vec<u8>> {
    let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
    if bytes.len() < MAC_LENGTH {
        return None;
    }
    let payload = bytes.split_off(MAC_LENGTH);
    mac(pepper, bounds, &payload).verify_slice(&bytes).ok()?;
    Some(payload)
}

fn mac(pepper: &Pepper, bounds: Bounds<'_>, payload: &[u8]) -> Hmac<Sha256> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(pepper.expose()).expect("HMAC takes a key of any length");
    for part in [b"token", bounds.purpose.as_bytes(), bounds.account.as_bytes(), payload] {
        // Each part with its length, so that no two lists of parts look alike.
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINE: Bounds<'_> = Bounds { purpose: "cursor", account: "acc_1" };

    #[test]
    fn a_token_is_good_for_its_own_purpose_account_and_pepper_only() {
        let pepper = Pepper::from("pepper");
        let token = seal(&pepper, MINE, b"in_1");
        assert_eq!(open(&pepper, MINE, &token).as_deref(), Some(&b"in_1"[..]));
        assert_eq!(open(&pepper, Bounds { account: "acc_2", ..MINE }, &token), None);
        assert_eq!(open(&pepper, Bounds { purpose: "quote", ..MINE }, &token), None);
        assert_eq!(open(&Pepper::from("other"), MINE, &token), None);
    }

    proptest! {
        #[test]
        fn any_payload_comes_back(payload: Vec<u8>) {
            let pepper = Pepper::from("pepper");
            prop_assert_eq!(open(&pepper, MINE, &seal(&pepper, MINE, &payload)), Some(payload));
        }

        #[test]
        fn no_altered_bit_goes_unnoticed(payload: Vec<u8>, at: prop::sample::Index, bit in 0_u8..8) {
            let pepper = Pepper::from("pepper");
            let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(seal(&pepper, MINE, &payload)).expect("ours");
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(open(&pepper, MINE, &BASE64_URL_SAFE_NO_PAD.encode(bytes)), None);
        }

        #[test]
        fn no_text_is_a_token(text: String) {
            prop_assert_eq!(open(&Pepper::from("pepper"), MINE, &text), None);
        }
    }
}
