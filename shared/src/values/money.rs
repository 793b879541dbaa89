//! Money as integers of minor units, written as decimal strings with exactly Stripe's decimals.
//!
//! Sub-cent unit prices are exact decimals. Floats are forbidden everywhere.

use std::fmt;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde::{Serialize, Serializer};

use super::currency::Currency;

/// An amount of one currency, in minor units.
///
/// It serializes as the decimal string alone; responses have the currency in a field of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    /// Minor units: cents of USD, yen of JPY, fils of KWD.
    pub minor: i64,
    /// The currency, which determines the number of decimals.
    pub currency: Currency,
}

impl Money {
    /// Creates an amount of `minor` minor units.
    pub fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Reads an amount that is not negative: a decimal number of the currency's units with no more decimals than the
    /// currency has. `None` for anything else.
    pub fn parse(text: &str, currency: Currency) -> Option<Self> {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let value: Decimal = text.parse().ok().filter(|_| is_number)?;
        let minor = value.checked_mul(Decimal::from(10_u32.pow(currency.decimals())))?;
        let minor = minor.is_integer().then(|| minor.to_i64()).flatten()?;
        Some(Self { minor, currency })
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

/// Writes a decimal with as many decimals as it needs: `"0.012"`, `"100"`.
pub fn exact(value: Decimal) -> String {
    value.normalize().to_string()
}

/// Writes a unit price of `minor` minor units in major units: 1.2 cents of USD are `"0.012"`.
///
/// Returns `None` where the result exceeds the range of a decimal, which no price at Stripe does.
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
    fn amounts_have_stripes_decimals() {
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

    proptest! {
        #[test]
        fn written_amount_keeps_its_minor_units(
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
