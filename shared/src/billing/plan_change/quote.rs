//! Quotes: sealed tokens that hold a plan change to the price that a preview showed.

use serde::{Deserialize, Serialize};

use super::amounts;
use super::diff::Change;
use crate::stripe::views::{Interval, Invoice};
use crate::values::token::{Bounds, MacKeys};
use crate::values::{Currency, Money, Timestamp};

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
    /// Minor units.
    amount: i64,
    currency: String,
    /// Unix seconds.
    issued_at: i64,
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
    pub fn of(change: &Change<'_>, invoice: &Invoice, now: Timestamp) -> Self {
        let shown = amounts::charge(invoice);
        let date = amounts::proration_date(invoice).filter(|_| !change.resets_cycle);
        Self {
            subscription: change.subscription.id.clone(),
            state: change.state(),
            plan: change.to.tier.clone(),
            interval: change.to.interval.as_str().to_owned(),
            proration_date: date.map(Timestamp::seconds),
            amount: shown.minor,
            currency: shown.currency.as_str().to_owned(),
            issued_at: now.seconds(),
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

    /// Checks that the quote is for this plan and interval.
    ///
    /// # Errors
    /// [`BadQuote::Invalid`] if it is not.
    pub fn check_plan(&self, plan: &str, interval: Interval) -> Result<(), BadQuote> {
        if self.plan == plan && self.interval == interval.as_str() {
            Ok(())
        } else {
            Err(BadQuote::Invalid)
        }
    }

    /// Returns whether subscription and items are still the ones that were quoted.
    pub fn is_about(&self, change: &Change<'_>) -> bool {
        self.subscription == change.subscription.id && self.state == change.state()
    }

    /// Returns whether `amount` is the one that was shown.
    pub fn holds(&self, amount: Money) -> bool {
        self.amount == amount.minor
            && Ok(amount.currency) == self.currency.parse::<Currency>().map_err(drop)
    }

    /// Returns the proration date to use.
    pub fn proration_date(&self) -> Option<Timestamp> {
        self.proration_date.and_then(|seconds| Timestamp::try_from(seconds).ok())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::try_from(seconds).unwrap()
    }

    fn quote() -> Quote {
        Quote {
            subscription: "sub_1".to_owned(),
            state: "0123abcd".to_owned(),
            plan: "agency".to_owned(),
            interval: "month".to_owned(),
            proration_date: Some(1_000),
            amount: 1_842,
            currency: "usd".to_owned(),
            issued_at: 10_000,
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
    fn quote_holds_amount_currency_and_plan() {
        let money = |minor, code: &str| Money::new(minor, code.parse().unwrap());
        assert!(quote().holds(money(1_842, "usd")));
        assert!(!quote().holds(money(1_843, "usd")) && !quote().holds(money(1_842, "eur")));
        assert_eq!(quote().check_plan("agency", Interval::Month), Ok(()));
        assert_eq!(quote().check_plan("agency", Interval::Year), Err(BadQuote::Invalid));
        assert_eq!(quote().check_plan("pro", Interval::Month), Err(BadQuote::Invalid));
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_no_quote(text: String) {
            prop_assert_eq!(Quote::open(&keys("a"), "acc_1", &text, at(0)), Err(BadQuote::Invalid));
        }
    }
}
