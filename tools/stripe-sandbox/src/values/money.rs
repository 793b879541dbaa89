//! Stripe's currencies, and the only two roundings in the sandbox.
//!
//! Amounts are `i64` in Stripe's minor units. Stripe's exponents differ from ISO 4217 for ISK, UGX
//! and MGA, so nothing here is derived from a locale or an ISO table.
//! <https://docs.stripe.com/currencies>

use std::fmt;

use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

/// Currency that Stripe supports, in lower case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Currency([u8; 3]);

const SUPPORTED: &str = "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd btn bwp \
    byn bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel ghs gip gmd gnf gtq gyd \
    hkd hnl hrk htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga \
    mkd mmk mnt mop mro mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd \
    rub rwf sar sbd scr sek sgd shp sle sll sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx usd uyu uzs vnd \
    vuv wst xaf xcd xof xpf yer zar zmw";

const ZERO_DECIMAL: &str = "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf";
const THREE_DECIMAL: &str = "bhd jod kwd omr tnd";
/// Currencies with two decimals that must be zero, because there is no smaller unit.
const WHOLE_UNITS: &str = "isk ugx";

impl Currency {
    pub const USD: Currency = Currency(*b"usd");

    /// Accepts any letter case, as Stripe does.
    pub fn parse(text: &str) -> Option<Currency> {
        let lower = text.to_ascii_lowercase();
        let bytes: [u8; 3] = lower.as_bytes().try_into().ok()?;
        listed(SUPPORTED, &lower).then_some(Currency(bytes))
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only listed ASCII codes are constructed")
    }

    pub fn decimals(self) -> u32 {
        if listed(ZERO_DECIMAL, self.as_str()) {
            0
        } else if listed(THREE_DECIMAL, self.as_str()) {
            3
        } else {
            2
        }
    }

    /// Returns the smallest step of a charge in minor units: 10 for three-decimal currencies, 100
    /// for currencies with whole units only, else 1.
    pub fn step(self) -> i64 {
        match self.as_str() {
            code if listed(THREE_DECIMAL, code) => 10,
            code if listed(WHOLE_UNITS, code) => 100,
            _ => 1,
        }
    }

    /// Returns the smallest amount that Stripe charges. Smaller invoices are added to the
    /// customer's balance. <https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts>
    pub fn minimum_charge(self) -> i64 {
        match self.as_str() {
            "gbp" => 30,
            "jpy" | "krw" | "usd" | "eur" | "aud" | "cad" | "chf" | "nzd" | "sgd" | "brl"
            | "inr" => 50,
            "dkk" => 250,
            "sek" | "nok" => 300,
            "pln" | "ron" | "myr" | "aed" => 200,
            "czk" => 1500,
            "huf" => 17500,
            "hkd" => 400,
            "mxn" | "thb" => 1000,
            _ => self.step(),
        }
    }

    /// Formats an amount for descriptions: "$32.52", "¥4120", "KWD 4.120".
    pub fn format(self, minor: Decimal) -> String {
        let decimals = self.decimals();
        let mut major = minor / Decimal::from(10_i64.pow(decimals));
        major = major.normalize();
        if major.scale() < decimals {
            major.rescale(decimals);
        }
        match self.as_str() {
            "usd" => format!("${major}"),
            "eur" => format!("€{major}"),
            "gbp" => format!("£{major}"),
            "jpy" => format!("¥{major}"),
            code => format!("{} {major}", code.to_ascii_uppercase()),
        }
    }

    /// Rounds the exact amount of one invoice line to the currency's step, half away from zero.
    pub fn round(self, minor: Decimal) -> i64 {
        self.round_with(minor, RoundingStrategy::MidpointAwayFromZero)
    }

    /// Rounds the exact amount of a proration to the nearest step, half towards minus infinity: a
    /// credit of 2.5 becomes 3, a charge of 4.5 becomes 4. Source: recordings of Stripe, see the
    /// README.
    pub fn round_proration(self, minor: Decimal) -> i64 {
        self.round_with(
            minor,
            if minor.is_sign_negative() {
                RoundingStrategy::MidpointAwayFromZero
            } else {
                RoundingStrategy::MidpointTowardZero
            },
        )
    }

    /// Rounds the tax of one line, half to even: Stripe turns 1196.5 into 1196.
    pub fn round_tax(self, minor: Decimal) -> i64 {
        self.round_with(minor, RoundingStrategy::MidpointNearestEven)
    }

    fn round_with(self, minor: Decimal, strategy: RoundingStrategy) -> i64 {
        let step = Decimal::from(self.step());
        let rounded = (minor / step).round_dp_with_strategy(0, strategy) * step;
        rounded.to_i64().unwrap_or(if rounded.is_sign_negative() {
            -MAX_AMOUNT
        } else {
            MAX_AMOUNT
        })
    }
}

/// Cap far above any chargeable amount. Only extreme metered usage reaches it; it prevents an
/// overflow.
const MAX_AMOUNT: i64 = 999_999_999_999_999;

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.as_str().to_owned()
    }
}

impl TryFrom<String> for Currency {
    type Error = String;

    fn try_from(code: String) -> Result<Currency, String> {
        Currency::parse(&code).ok_or_else(|| format!("unknown currency {code}"))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn listed(codes: &str, code: &str) -> bool {
    codes.split_ascii_whitespace().any(|listed| listed == code)
}

/// Splits `total` in proportion to `weights`. The parts add up to `total` exactly: the largest
/// remainders are rounded up first.
pub fn allocate(total: i64, weights: &[i64]) -> Vec<i64> {
    let sum: i128 = weights.iter().map(|w| i128::from(*w)).sum();
    if sum == 0 {
        return vec![0; weights.len()];
    }
    let exact = |w: &i64| i128::from(total) * i128::from(*w);
    let mut parts: Vec<i64> = weights
        .iter()
        .map(|w| i64::try_from(exact(w) / sum).expect("a part is no larger than the total"))
        .collect();
    let mut rest = total - parts.iter().sum::<i64>();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|i| std::cmp::Reverse((exact(&weights[*i]) % sum).abs()));
    for i in order {
        if rest == 0 {
            break;
        }
        parts[i] += rest.signum();
        rest -= rest.signum();
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_follow_stripe() {
        for (code, decimals, step) in [
            ("usd", 2, 1),
            ("jpy", 0, 1),
            ("kwd", 3, 10),
            ("isk", 2, 100),
            ("ugx", 2, 100),
            ("mga", 0, 1),
        ] {
            let currency = Currency::parse(code).unwrap();
            assert_eq!((currency.decimals(), currency.step()), (decimals, step), "{code}");
        }
    }

    #[test]
    fn lines_round_half_away_from_zero_and_tax_rounds_half_to_even() {
        let half = Decimal::new(11965, 1);
        assert_eq!(Currency::USD.round(half), 1197);
        assert_eq!(Currency::USD.round(-half), -1197);
        assert_eq!(Currency::USD.round_tax(half), 1196);
        assert_eq!(Currency::parse("kwd").unwrap().round(Decimal::from(1234)), 1230);
    }

    #[test]
    fn prorations_round_half_towards_minus_infinity() {
        let rows = [(-35, -4), (-25, -3), (-24, -2), (-5, -1), (0, 0), (5, 0), (45, 4), (46, 5)];
        for (tenths, rounded) in rows {
            assert_eq!(Currency::USD.round_proration(Decimal::new(tenths, 1)), rounded, "{tenths}");
        }
        let dinar = Currency::parse("kwd").unwrap();
        assert_eq!(dinar.round_proration(Decimal::from(15)), 10);
        assert_eq!(dinar.round_proration(Decimal::from(-15)), -20);
    }

    #[test]
    fn allocation_adds_up_to_its_total() {
        assert_eq!(allocate(-5, &[-1, -1]).iter().sum::<i64>(), -5);
        assert_eq!(allocate(100, &[1, 1, 1]).iter().sum::<i64>(), 100);
        assert_eq!(allocate(500, &[2000, 3000]), [200, 300]);
        assert_eq!(allocate(5, &[0, 0]), [0, 0]);
    }

    #[test]
    fn amounts_are_formatted_with_their_currencys_decimals() {
        assert_eq!(Currency::USD.format(Decimal::new(3252, 0)), "$32.52");
        assert_eq!(Currency::USD.format(Decimal::new(5, 2)), "$0.0005");
        assert_eq!(Currency::parse("jpy").unwrap().format(Decimal::from(4120)), "¥4120");
        assert_eq!(Currency::parse("kwd").unwrap().format(Decimal::from(4120)), "KWD 4.120");
    }
}
