//! IDs in Stripe's format: a prefix, then letters and digits.

use serde::{Deserialize, Serialize};

/// Generator of IDs (splitmix64). The same seed gives the same IDs.
#[derive(Serialize, Deserialize)]
pub struct Ids {
    state: u64,
}

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl Ids {
    pub fn new(seed: u64) -> Ids {
        Ids { state: seed }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn text(&mut self, length: usize) -> String {
        (0..length)
            .map(|_| {
                let index = usize::try_from(self.next() % 62).expect("below 62");
                char::from(ALPHABET[index])
            })
            .collect()
    }

    /// `sub_1Nv…`: 24 characters after the prefix, or 14 for the few object types with short IDs.
    pub fn id(&mut self, prefix: &str) -> String {
        let length = if matches!(prefix, "cus" | "prod" | "req" | "si") { 14 } else { 24 };
        format!("{prefix}_{}", self.text(length))
    }

    /// Eight uppercase letters and digits, as in the invoice number `ABCD1234-0001`.
    pub fn invoice_prefix(&mut self) -> String {
        self.text(8).to_ascii_uppercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_their_prefix_and_are_unique() {
        let mut ids = Ids::new(7);
        let (a, b) = (ids.id("sub"), ids.id("sub"));
        assert!(a.starts_with("sub_") && a.len() == 28 && a != b);
        assert_eq!(ids.id("cus").len(), 18);
        assert_eq!(Ids::new(7).id("sub"), a);
    }
}
