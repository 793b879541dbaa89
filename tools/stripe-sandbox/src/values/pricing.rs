//! Prices of quantities: per unit, graduated or volume tiers, exact to the last decimal.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::money::Currency;

/// Amount of one price in one currency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    PerUnit(Decimal),
    Tiered { mode: TierMode, tiers: Vec<Tier> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TierMode {
    Graduated,
    Volume,
}

impl TierMode {
    pub const NAMES: &'static [(&'static str, TierMode)] =
        &[("graduated", TierMode::Graduated), ("volume", TierMode::Volume)];

    pub fn as_str(self) -> &'static str {
        match self {
            TierMode::Graduated => "graduated",
            TierMode::Volume => "volume",
        }
    }
}

/// Step of a tiered price. `up_to` is inclusive, and None on the last tier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tier {
    pub up_to: Option<i64>,
    pub unit: Option<Decimal>,
    pub flat: Option<Decimal>,
}

/// `transform_quantity`: bills packages instead of units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packages {
    pub divide_by: i64,
    pub round_up: bool,
}

impl Packages {
    pub fn count(self, quantity: Decimal) -> Decimal {
        let packages = quantity / Decimal::from(self.divide_by);
        if self.round_up { packages.ceil() } else { packages.floor() }
    }
}

/// Charge that becomes one invoice line.
#[derive(Clone, Debug, PartialEq)]
pub struct Charge {
    /// Units that this charge covers.
    pub quantity: Decimal,
    /// Price of one unit; zero for a flat fee.
    pub unit: Decimal,
    pub amount: i64,
    /// 1-based number of the tier, for the description.
    pub tier: Option<usize>,
}

impl Amount {
    pub fn is_free(&self) -> bool {
        match self {
            Amount::PerUnit(unit) => unit.is_zero(),
            Amount::Tiered { tiers, .. } => tiers.iter().all(|t| {
                t.unit.unwrap_or_default().is_zero() && t.flat.unwrap_or_default().is_zero()
            }),
        }
    }

    /// Returns one charge for each invoice line of `quantity`. A graduated price has one for each
    /// used tier, and always one for the first tier. Every other price has exactly one.
    pub fn charge(&self, quantity: Decimal, currency: Currency) -> Vec<Charge> {
        match self {
            Amount::PerUnit(unit) => {
                vec![Charge {
                    quantity,
                    unit: *unit,
                    amount: currency.round(product(*unit, quantity)),
                    tier: None,
                }]
            }
            Amount::Tiered { mode: TierMode::Graduated, tiers } => {
                graduated(tiers, quantity, currency)
            }
            Amount::Tiered { mode: TierMode::Volume, tiers } => {
                vec![volume(tiers, quantity, currency)]
            }
        }
    }

    /// Returns the sum of all charges.
    pub fn total(&self, quantity: Decimal, currency: Currency) -> i64 {
        self.charge(quantity, currency).iter().map(|charge| charge.amount).sum()
    }
}

/// Far above any chargeable amount, and far below the limit of `Decimal`.
const ENDLESS: Decimal = Decimal::from_parts(0, 0, 1 << 20, false, 0);

/// Multiplies exactly, up to [`ENDLESS`].
fn product(unit: Decimal, quantity: Decimal) -> Decimal {
    let exact = unit.checked_mul(quantity).unwrap_or(if quantity.is_sign_negative() {
        -ENDLESS
    } else {
        ENDLESS
    });
    exact.clamp(-ENDLESS, ENDLESS)
}

fn graduated(tiers: &[Tier], quantity: Decimal, currency: Currency) -> Vec<Charge> {
    let mut charges = Vec::new();
    let mut below = Decimal::ZERO;
    for (index, tier) in tiers.iter().enumerate() {
        if index > 0 && quantity <= below {
            break;
        }
        let top = tier.up_to.map_or(quantity, |up_to| quantity.min(Decimal::from(up_to)));
        charges.push(tier_charge(tier, index, top - below, currency));
        below = top;
    }
    charges
}

fn volume(tiers: &[Tier], quantity: Decimal, currency: Currency) -> Charge {
    let holds = |tier: &Tier| tier.up_to.is_none_or(|up_to| quantity <= Decimal::from(up_to));
    let index = tiers.iter().position(holds).expect("the last tier has no upper bound");
    tier_charge(&tiers[index], index, quantity, currency)
}

fn tier_charge(tier: &Tier, index: usize, quantity: Decimal, currency: Currency) -> Charge {
    let unit = tier.unit.unwrap_or_default();
    let amount = currency.round(product(unit, quantity) + tier.flat.unwrap_or_default());
    Charge { quantity, unit, amount, tier: Some(index + 1) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tier(up_to: Option<i64>, unit: &str, flat: i64) -> Tier {
        Tier { up_to, unit: Some(unit.parse().unwrap()), flat: Some(Decimal::from(flat)) }
    }

    fn tiered(mode: TierMode) -> Amount {
        Amount::Tiered {
            mode,
            tiers: vec![tier(Some(100), "0", 0), tier(Some(1000), "1.2", 0), tier(None, "0.5", 0)],
        }
    }

    #[test]
    fn graduated_tiers_have_one_line_each_and_always_the_first() {
        let amount = tiered(TierMode::Graduated);
        let rows: &[(i64, &[(i64, i64)])] = &[
            (0, &[(0, 0)]),
            (100, &[(100, 0)]),
            (101, &[(100, 0), (1, 1)]),
            (1500, &[(100, 0), (900, 1080), (500, 250)]),
        ];
        for (quantity, expected) in rows {
            let lines: Vec<_> = amount
                .charge(Decimal::from(*quantity), Currency::USD)
                .iter()
                .map(|c| (i64::try_from(c.quantity).unwrap(), c.amount))
                .collect();
            assert_eq!(&lines, expected, "{quantity}");
        }
    }

    #[test]
    fn volume_pricing_bills_all_units_at_the_reached_tier() {
        let amount = tiered(TierMode::Volume);
        for (quantity, expected) in [(0, 0), (100, 0), (101, 121), (1000, 1200), (1001, 501)] {
            assert_eq!(
                amount.total(Decimal::from(quantity), Currency::USD),
                expected,
                "{quantity}"
            );
        }
    }

    proptest! {
        #[test]
        fn rounded_amount_is_within_half_a_step_of_the_exact_one(
            unit in 0..1_000_000_000_000_000_i64, scale in 0..=12_u32, quantity in 0..1_000_000_i64,
            flat in 0..10_000_i64, code in prop::sample::select(vec!["usd", "jpy", "kwd", "isk"]),
        ) {
            let currency = Currency::parse(code).unwrap();
            let (unit, quantity) = (Decimal::new(unit, scale), Decimal::from(quantity));
            let half = Decimal::from(currency.step()) / Decimal::TWO;
            let within = |amount: i64, exact: Decimal| {
                exact > Decimal::from(999_999_999_999_i64)
                    || ((Decimal::from(amount) - exact).abs() <= half && amount % currency.step() == 0)
            };
            let one = Amount::PerUnit(unit).charge(quantity, currency);
            prop_assert!(within(one[0].amount, unit * quantity));
            let tier = Tier { up_to: None, unit: Some(unit), flat: Some(Decimal::from(flat)) };
            let tiers = Amount::Tiered { mode: TierMode::Volume, tiers: vec![tier] };
            let all = tiers.charge(quantity, currency);
            prop_assert!(within(all[0].amount, unit * quantity + Decimal::from(flat)));
        }

        #[test]
        fn graduated_price_equals_the_sum_over_single_units(
            sizes in prop::collection::vec(1..30_i64, 0..4),
            units in prop::collection::vec(0..5000_i64, 5),
            flats in prop::collection::vec(0..300_i64, 5),
            quantity in 0..150_i64,
        ) {
            let mut up_to = 0;
            let mut tiers: Vec<Tier> = Vec::new();
            for (i, size) in sizes.iter().enumerate() {
                up_to += size;
                tiers.push(Tier { up_to: Some(up_to), unit: Some(Decimal::from(units[i])), flat: Some(Decimal::from(flats[i])) });
            }
            let last = sizes.len();
            tiers.push(Tier { up_to: None, unit: Some(Decimal::from(units[last])), flat: Some(Decimal::from(flats[last])) });

            let tier_of = |nth: i64| tiers.iter().position(|t| t.up_to.is_none_or(|top| nth <= top)).unwrap();
            let mut expected = flats[0];
            let mut reached = 0;
            for nth in 1..=quantity {
                let tier = tier_of(nth);
                if tier > reached {
                    expected += flats[tier];
                    reached = tier;
                }
                expected += units[tier];
            }
            let amount = Amount::Tiered { mode: TierMode::Graduated, tiers: tiers.clone() };
            prop_assert_eq!(amount.total(Decimal::from(quantity), Currency::USD), expected);
        }
    }
}
