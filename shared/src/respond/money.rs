//! Money as it leaves the API: a decimal string with exactly Stripe's decimals, and an ISO code.
//!
//! Inside it is an integer of minor units. Sub-cent unit prices are exact decimals. Nothing here
//! or anywhere else is a float.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize, Serializer};

/// Currencies that Stripe takes in whole units.
///
/// Source: <https://docs.stripe.com/currencies#zero-decimal>. UGX is on that list and yet sent
/// with two decimals (as ISK is, for which ISO 4217 says none), so it is not here.
const ZERO_DECIMAL: [&str; 15] = [
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf",
    "xof", "xpf",
];

/// Currencies that Stripe takes in thousandths.
const THREE_DECIMAL: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];

/// An ISO 4217 code, lower-case inside as Stripe writes it, upper-case in answers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Currency([u8; 3]);

/// The text is not three ASCII letters.
#[derive(Debug, thiserror::Error)]
#[error("a currency is three letters, such as usd")]
pub struct InvalidCurrency;

impl Currency {
    /// Stripe's spelling: three lower-case letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only ASCII letters get in")
    }

    /// How many decimals Stripe gives this currency: 0, 2 or 3. This is not always ISO 4217's.
    #[must_use]
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

/// An amount of one currency, in minor units. It serialises as the decimal string alone; the
/// currency stands beside it in a field of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    /// Minor units: cents of USD, yen of JPY, fils of KWD.
    pub minor: i64,
    /// The currency that says how many decimals those are.
    pub currency: Currency,
}

impl Money {
    /// `minor` is in minor units.
    #[must_use]
    pub fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = self.currency.decimals();
        let unit = 10_u64.pow(decimals);
        let sign = if self.minor < 0 { "-" } else { "" };
        let (whole, part) = (self.minor.unsigned_abs() / unit, self.minor.unsigned_abs() % unit);
        match decimals {
            0 => write!(f, "{sign}{whole}"),
            _ => write!(f, "{sign}{whole}.{part:0width$}", width = decimals as usize),
        }
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An exact decimal with as many decimals as it needs: `"0.012"`, `"100"`.
#[must_use]
pub fn exact(value: Decimal) -> String {
    value.normalize().to_string()
}

/// A unit price in minor units, sub-cent or not, as a string in major units: 1.2 cents of USD
/// are `"0.012"`. `None` where the number leaves a decimal's range, which no price does.
#[must_use]
pub fn unit_price(minor: Decimal, currency: Currency) -> Option<String> {
    let major = minor.checked_div(Decimal::from(10_u32.pow(currency.decimals())))?;
    Some(exact(major))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn currency(code: &str) -> Currency {
        code.parse().expect("a test names real currencies")
    }

    #[test]
    fn amounts_have_the_decimals_that_stripe_gives_the_currency() {
        let cases = [
            (4120, "usd", "41.20"),
            (4120, "jpy", "4120"),
            (4120, "kwd", "4.120"),
            (-1250, "eur", "-12.50"),
            (-5, "usd", "-0.05"),
            (-7, "kwd", "-0.007"),
            (0, "usd", "0.00"),
            (0, "krw", "0"),
            (10_000, "isk", "100.00"),
            (10_000, "ugx", "100.00"),
            (4120, "mga", "4120"),
            (i64::MIN, "usd", "-92233720368547758.08"),
            (i64::MAX, "jpy", "9223372036854775807"),
        ];
        for (minor, code, text) in cases {
            assert_eq!(Money::new(minor, currency(code)).to_string(), text, "{minor} {code}");
        }
    }

    #[test]
    fn unit_prices_are_exact() {
        let cases = [
            ("1.2", "usd", "0.012"),
            ("0.05", "usd", "0.0005"),
            ("1200", "jpy", "1200"),
            ("18", "kwd", "0.018"),
            ("0", "usd", "0"),
        ];
        for (minor, code, text) in cases {
            let minor = minor.parse().expect("a decimal");
            assert_eq!(unit_price(minor, currency(code)).as_deref(), Some(text));
        }
    }

    #[test]
    fn a_currency_is_three_letters() {
        for bad in ["", "us", "usdd", "u1d", "€"] {
            assert!(bad.parse::<Currency>().is_err(), "{bad}");
        }
        assert_eq!(currency("USD"), currency("usd"));
        assert_eq!(serde_json::to_string(&currency("usd")).expect("serialises"), "\"USD\"");
    }

    proptest! {
        #[test]
        fn an_amount_reads_back_as_the_same_minor_units(
            minor: i64,
            code in prop::sample::select(vec!["usd", "jpy", "kwd", "isk"]),
        ) {
            let money = Money::new(minor, currency(code));
            let text = money.to_string();
            prop_assert_eq!(text.split_once('.').map_or(0, |(_, part)| part.len()), money.currency.decimals() as usize);
            let digits: String = text.chars().filter(|c| *c != '.').collect();
            prop_assert_eq!(digits.parse::<i64>().expect("digits"), minor);
        }
    }
}
