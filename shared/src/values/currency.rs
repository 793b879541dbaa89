//! ISO 4217 currencies with the decimals that Stripe gives them.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// Currencies without decimals at Stripe.
///
/// Source: <https://docs.stripe.com/currencies#zero-decimal>. Stripe lists UGX there but
/// expects two decimals for it, as for ISK (none in ISO 4217), so both are missing here.
const ZERO_DECIMAL: [&str; 15] = [
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf",
    "xof", "xpf",
];

/// Currencies with three decimals at Stripe.
const THREE_DECIMAL: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];

/// Currencies with two decimals at Stripe that are charged in whole units.
///
/// Source: <https://docs.stripe.com/currencies#special-cases>.
const WHOLE_UNITS: [&str; 2] = ["isk", "ugx"];

/// An ISO 4217 code: lower-case at Stripe, upper-case in responses.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Currency([u8; 3]);

/// The text is not three ASCII letters.
#[derive(Debug, thiserror::Error)]
#[error("a currency is three letters, such as usd")]
pub struct InvalidCurrency;

impl Currency {
    /// Returns Stripe's spelling: three lower-case letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only ASCII letters get in")
    }

    /// Returns the number of decimals that Stripe gives this currency: 0, 2 or 3. ISO 4217 may differ.
    pub fn decimals(self) -> u32 {
        let code = self.as_str();
        if ZERO_DECIMAL.contains(&code) {
            0
        } else if THREE_DECIMAL.contains(&code) {
            3
        } else {
            2
        }
    }

    /// Returns the step in which Stripe charges, in minor units: 10 for currencies with three decimals,
    /// 100 for those that are charged in whole units, 1 otherwise.
    pub fn step(self) -> i64 {
        let code = self.as_str();
        if THREE_DECIMAL.contains(&code) {
            10
        } else if WHOLE_UNITS.contains(&code) {
            100
        } else {
            1
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = InvalidCurrency;

    fn try_from(text: String) -> Result<Self, InvalidCurrency> {
        text.parse()
    }
}

impl std::str::FromStr for Currency {
    type Err = InvalidCurrency;

    fn from_str(text: &str) -> Result<Self, InvalidCurrency> {
        let code: [u8; 3] = text.as_bytes().try_into().map_err(|_| InvalidCurrency)?;
        if code.iter().all(u8::is_ascii_alphabetic) {
            Ok(Self(code.map(|letter| letter.to_ascii_lowercase())))
        } else {
            Err(InvalidCurrency)
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.as_str().to_ascii_uppercase())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charges_are_multiples_of_the_step() {
        let cases = [("usd", 1), ("jpy", 1), ("huf", 1), ("kwd", 10), ("isk", 100), ("ugx", 100)];
        for (code, step) in cases {
            assert_eq!(code.parse().map(Currency::step).ok(), Some(step), "{code}");
        }
    }

    #[test]
    fn currency_is_three_letters() {
        for bad in ["", "us", "usdd", "u1d", "€"] {
            assert!(bad.parse::<Currency>().is_err(), "{bad}");
        }
        let usd: Currency = "USD".parse().expect("three letters");
        assert_eq!(Ok(usd), "usd".parse().map_err(|_: InvalidCurrency| ()));
        assert_eq!(serde_json::to_string(&usd).expect("serializes"), "\"USD\"");
    }
}
