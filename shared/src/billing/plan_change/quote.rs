//! Quotes: sealed tokens that hold a plan change to the price that a preview showed.

use serde::{Deserialize, Serialize};

use super::amounts::{HeldAmounts, proration_date, without_usage};
use super::diff::Change;
use super::effective::Effective;
use super::update::HeldPrice;
use crate::billing::catalog::Offer;
use crate::billing::line_prices::LinePrices;
use crate::stripe::StripeError;
use crate::stripe::views::{Interval, Invoice};
use crate::values::token::{Bounds, MacKeys};
use crate::values::{Money, Timestamp, fingerprint};

const PURPOSE: &str = "quote";

/// Lifetime of a quote, in seconds of our clock.
const LIFETIME: i64 = 15 * 60;

/// The price that a preview showed, and the state that it was computed from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    subscription: String,
    /// Fingerprint of the items ([`Change::state`]).
    state: String,
    plan: String,
    interval: String,
    /// Unix seconds; none if the change starts a new billing cycle.
    proration_date: Option<i64>,
    amounts: HeldAmounts,
    /// Fingerprint of all but the usage, if the change starts a new billing cycle.
    #[serde(default)]
    without_usage: Option<String>,
    /// Fingerprint of the target's prices, which a caller has seen only by their amounts.
    prices: String,
    /// Base price of one interval in minor units. A price keeps its ID when its amount in another currency changes.
    recurring: i64,
    /// Unix seconds.
    issued_at: i64,
    #[serde(default)]
    effective: Effective,
}

/// A quote that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadQuote {
    /// Forged, altered, for another account or for another plan.
    Invalid,
    /// Older than 15 minutes.
    Expired,
}

impl Quote {
    /// Creates the quote of a preview.
    ///
    /// # Errors
    /// [`StripeError::Malformed`] if a sum of amounts overflows.
    pub fn of(
        change: &Change<'_>,
        invoice: &Invoice,
        prices: &LinePrices<'_>,
        now: Timestamp,
    ) -> Result<Self, StripeError> {
        let date = proration_date(invoice).filter(|_| !change.resets_cycle);
        Ok(Self {
            subscription: change.subscription.id.clone(),
            state: change.state(),
            plan: change.to.tier.clone(),
            interval: change.to.interval.as_str().to_owned(),
            proration_date: date.map(Timestamp::seconds),
            amounts: HeldAmounts::of(invoice)?,
            without_usage: change.resets_cycle.then(|| without_usage(invoice, prices)),
            prices: prices_of(change.to),
            recurring: change.to.amount.minor,
            issued_at: now.seconds(),
            effective: Effective::Now,
        })
    }

    /// Creates the quote of a change at the end of the period. `next` is an invoice of the new plan without usage.
    pub fn later(change: &Change<'_>, next: &Invoice, now: Timestamp) -> Self {
        Self {
            subscription: change.subscription.id.clone(),
            state: change.state(),
            plan: change.to.tier.clone(),
            interval: change.to.interval.as_str().to_owned(),
            proration_date: None,
            amounts: HeldAmounts::later(next),
            without_usage: None,
            prices: prices_of(change.to),
            recurring: change.to.amount.minor,
            issued_at: now.seconds(),
            effective: Effective::PeriodEnd,
        }
    }

    /// Seals the quote into the caller's token.
    pub fn seal(&self, keys: &MacKeys, account: &str) -> String {
        let payload = serde_json::to_vec(self).unwrap_or_default();
        keys.seal(Bounds { purpose: PURPOSE, account }, &payload)
    }

    /// Opens a caller's token.
    ///
    /// # Errors
    /// [`BadQuote`].
    pub fn open(
        keys: &MacKeys,
        account: &str,
        token: &str,
        now: Timestamp,
    ) -> Result<Self, BadQuote> {
        let bounds = Bounds { purpose: PURPOSE, account };
        let payload = keys.open(bounds, token).ok_or(BadQuote::Invalid)?;
        let quote: Self = serde_json::from_slice(&payload).map_err(|_| BadQuote::Invalid)?;
        if now.seconds() - quote.issued_at >= LIFETIME { Err(BadQuote::Expired) } else { Ok(quote) }
    }

    /// Checks that the quote is for this plan, interval and time.
    ///
    /// # Errors
    /// [`BadQuote::Invalid`] if it is not.
    pub fn check_plan(
        &self,
        plan: &str,
        interval: Interval,
        effective: Effective,
    ) -> Result<(), BadQuote> {
        let (own, asked) = ((&*self.plan, &*self.interval), (plan, interval.as_str()));
        if own == asked && self.effective == effective { Ok(()) } else { Err(BadQuote::Invalid) }
    }

    /// Returns whether subscription, items and the target's prices are still the ones that were quoted.
    pub fn is_about(&self, change: &Change<'_>) -> bool {
        self.subscription == change.subscription.id
            && self.state == change.state()
            && self.prices == prices_of(change.to)
            && self.recurring == change.to.amount.minor
    }

    /// Returns whether the price is the one that was shown, or differs from it only by usage and is at most `most`.
    pub fn holds(&self, price: &HeldPrice) -> bool {
        let is_accepted = |most: i64| {
            price.amounts.due() <= most
                && price.without_usage.is_some()
                && price.without_usage == self.without_usage
        };
        self.amounts == price.amounts || price.most.is_some_and(is_accepted)
    }

    /// Returns the amount due that was shown.
    ///
    /// # Errors
    /// [`BadQuote::Invalid`] if it has no currency of Stripe's.
    pub fn amount_due(&self) -> Result<Money, BadQuote> {
        self.amounts.due_money().ok_or(BadQuote::Invalid)
    }

    /// Returns the proration date to use.
    pub fn proration_date(&self) -> Option<Timestamp> {
        self.proration_date.and_then(|seconds| Timestamp::try_from(seconds).ok())
    }
}

/// Returns the fingerprint of an offer's prices: the base price, then the metered ones.
fn prices_of(offer: &Offer) -> String {
    let mut metered: Vec<&str> =
        offer.metered.iter().map(|metered| metered.price.as_str()).collect();
    metered.sort_unstable();
    fingerprint(std::iter::once(offer.price.as_str()).chain(metered))
}

#[cfg(test)]
mod tests {
    use fixtures::{view, with};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::billing::catalog::Metered;
    use crate::billing::price::PriceShape;
    fn at(seconds: i64) -> Timestamp {
        Timestamp::try_from(seconds).unwrap()
    }

    /// Returns the amounts of an invoice with this total and starting balance.
    fn amounts(total: i64, balance: i64) -> HeldAmounts {
        let due = (total + balance).max(0);
        let text = json!({ "starting_balance": balance, "amount_due": due });
        HeldAmounts::of(&view(with(fixtures::invoice("in_1", "draft", total), &text))).unwrap()
    }

    fn quote() -> Quote {
        Quote {
            subscription: "sub_1".to_owned(),
            state: "0123abcd".to_owned(),
            plan: "agency".to_owned(),
            interval: "month".to_owned(),
            proration_date: Some(1_000),
            amounts: amounts(1_842, 0),
            without_usage: Some("89ab".to_owned()),
            prices: "4567".to_owned(),
            recurring: 9_900,
            issued_at: 10_000,
            effective: Effective::Now,
        }
    }

    fn keys(key: &str) -> MacKeys {
        let text = format!(r#"{{"current":"k1","k1":"{}"}}"#, key.repeat(32));
        MacKeys::parse(&text.into()).unwrap()
    }

    #[test]
    fn quote_is_valid_for_fifteen_minutes_and_its_own_account() {
        let keys = keys("a");
        let token = quote().seal(&keys, "acc_1");
        assert_eq!(Quote::open(&keys, "acc_1", &token, at(10_899)), Ok(quote()));
        assert_eq!(Quote::open(&keys, "acc_1", &token, at(10_900)), Err(BadQuote::Expired));
        assert_eq!(Quote::open(&keys, "acc_2", &token, at(10_000)), Err(BadQuote::Invalid));
        let others = self::keys("b");
        assert_eq!(Quote::open(&others, "acc_1", &token, at(10_000)), Err(BadQuote::Invalid));
    }

    #[test]
    fn quote_holds_amounts_and_plan() {
        use Effective::{Now, PeriodEnd};
        let price = |amounts: HeldAmounts, without_usage: &str, most: Option<i64>| HeldPrice {
            amounts,
            without_usage: Some(without_usage.to_owned()),
            date: None,
            most,
        };
        // amounts, the rest, most → holds
        let cases = [
            (amounts(1_842, 0), "89ab", None, true),
            (amounts(1_843, 0), "89ab", None, false),
            (amounts(1_843, -1), "89ab", None, false),
            (amounts(1_842, -1), "89ab", None, false),
            (amounts(1_900, 0), "89ab", Some(1_900), true),
            (amounts(1_901, 0), "89ab", Some(1_900), false),
            (amounts(1_900, 0), "89ac", Some(1_900), false),
        ];
        for (amounts, rest, most, expected) in cases {
            assert_eq!(quote().holds(&price(amounts, rest, most)), expected, "{rest} {most:?}");
        }
        let kept_cycle = HeldPrice { without_usage: None, ..price(amounts(1, 0), "", Some(2)) };
        assert!(!Quote { without_usage: None, ..quote() }.holds(&kept_cycle));
        for (plan, interval, effective, expected) in [
            ("agency", Interval::Month, Now, Ok(())),
            ("agency", Interval::Year, Now, Err(BadQuote::Invalid)),
            ("pro", Interval::Month, Now, Err(BadQuote::Invalid)),
            ("agency", Interval::Month, PeriodEnd, Err(BadQuote::Invalid)),
        ] {
            assert_eq!(quote().check_plan(plan, interval, effective), expected, "{plan}");
        }
    }

    #[test]
    fn fingerprint_of_the_prices_names_every_price_in_any_order() {
        let price = |id: &str| -> crate::stripe::views::Price {
            view(fixtures::price(id, "prod_1", "licensed"))
        };
        let usd = "usd".parse().unwrap();
        let shape = PriceShape::of(&price("price_1"), usd).unwrap();
        let offer = |base: &str, metered: &[&str]| Offer {
            price: base.to_owned(),
            tier: "pro".to_owned(),
            name: "Pro".to_owned(),
            description: None,
            interval: Interval::Month,
            amount: Money::new(3_500, usd),
            shape: shape.clone(),
            metered: metered
                .iter()
                .map(|id| Metered {
                    price: (*id).to_owned(),
                    meter: "cpu".to_owned(),
                    unit: None,
                    shape: shape.clone(),
                })
                .collect(),
        };
        let held = prices_of(&offer("price_1", &["price_2", "price_3"]));
        assert_eq!(held, prices_of(&offer("price_1", &["price_3", "price_2"])));
        for other in [
            offer("price_0", &["price_2", "price_3"]),
            offer("price_1", &["price_2", "price_4"]),
            offer("price_1", &["price_2"]),
            offer("price_2", &["price_1", "price_3"]),
        ] {
            assert_ne!(held, prices_of(&other), "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_no_quote(text: String) {
            prop_assert_eq!(Quote::open(&keys("a"), "acc_1", &text, at(0)), Err(BadQuote::Invalid));
        }
    }
}
