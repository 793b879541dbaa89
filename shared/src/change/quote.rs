//! A quote: what was shown, sealed, so that a change can be held to it.

use serde::{Deserialize, Serialize};

use super::diff::Change;
use crate::respond::{ApiError, Currency, Money, Timestamp};
use crate::secrets::Pepper;
use crate::stripe::views::{Interval, Invoice};
use crate::token::{self, Bounds};

const PURPOSE: &str = "quote";

/// How long a quote is good, in seconds by our clock.
const GOOD_FOR: i64 = 15 * 60;

/// What was shown, and what it was worked out from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    subscription: String,
    /// The items as they were ([`Change::state`]).
    state: String,
    plan: String,
    interval: String,
    /// Unix seconds; none where a new period starts with the change.
    proration_date: Option<i64>,
    /// Minor units.
    amount: i64,
    currency: String,
    /// Unix seconds.
    issued_at: i64,
}

/// A quote that is no good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadQuote {
    /// Forged, altered, another account's, or for another plan.
    NotOurs,
    /// Older than 15 minutes.
    Expired,
}

impl From<BadQuote> for ApiError {
    fn from(bad: BadQuote) -> Self {
        match bad {
            BadQuote::Expired => Self::QuoteExpired,
            BadQuote::NotOurs => {
                let message = "\"quote\" has to be the quote of a preview for this account and this plan. Ask for a new preview.";
                Self::validation("quote", message)
            }
        }
    }
}

impl Quote {
    /// What `invoice` shows for `change`, as of now.
    #[must_use]
    pub fn of(change: &Change<'_>, invoice: &Invoice, now: Timestamp) -> Self {
        let shown = super::charge(invoice);
        let date = super::proration_date(invoice).filter(|_| !change.resets_cycle);
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

    /// The token that the caller keeps.
    #[must_use]
    pub fn seal(&self, pepper: &Pepper, account: &str) -> String {
        let payload = serde_json::to_vec(self).unwrap_or_default();
        token::seal(pepper, Bounds { purpose: PURPOSE, account }, &payload)
    }

    /// Opens a caller's token.
    ///
    /// # Errors
    /// [`BadQuote`].
    pub fn open(
        pepper: &Pepper,
        account: &str,
        token: &str,
        now: Timestamp,
    ) -> Result<Self, BadQuote> {
        let payload = token::open(pepper, Bounds { purpose: PURPOSE, account }, token)
            .ok_or(BadQuote::NotOurs)?;
        let quote: Self = serde_json::from_slice(&payload).map_err(|_| BadQuote::NotOurs)?;
        if now.seconds() - quote.issued_at >= GOOD_FOR { Err(BadQuote::Expired) } else { Ok(quote) }
    }

    /// Whether it is for this plan at all.
    ///
    /// # Errors
    /// [`BadQuote::NotOurs`] where it is not.
    pub fn check_plan(&self, plan: &str, interval: Interval) -> Result<(), BadQuote> {
        if self.plan == plan && self.interval == interval.as_str() {
            Ok(())
        } else {
            Err(BadQuote::NotOurs)
        }
    }

    /// Whether it was worked out from what is still so.
    #[must_use]
    pub fn is_about(&self, change: &Change<'_>) -> bool {
        self.subscription == change.subscription.id && self.state == change.state()
    }

    /// Whether this is the very amount that was shown.
    #[must_use]
    pub fn holds(&self, amount: Money) -> bool {
        self.amount == amount.minor
            && Ok(amount.currency) == self.currency.parse::<Currency>().map_err(drop)
    }

    /// The moment to work the proration out for.
    #[must_use]
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

    #[test]
    fn a_quote_is_good_for_fifteen_minutes_and_for_its_own_account() {
        let pepper = Pepper::from("pepper");
        let token = quote().seal(&pepper, "acc_1");
        assert_eq!(Quote::open(&pepper, "acc_1", &token, at(10_899)), Ok(quote()));
        assert_eq!(Quote::open(&pepper, "acc_1", &token, at(10_900)), Err(BadQuote::Expired));
        assert_eq!(Quote::open(&pepper, "acc_2", &token, at(10_000)), Err(BadQuote::NotOurs));
        assert_eq!(
            Quote::open(&Pepper::from("other"), "acc_1", &token, at(10_000)),
            Err(BadQuote::NotOurs)
        );
    }

    #[test]
    fn it_holds_to_the_minor_unit_the_currency_and_the_plan() {
        let money = |minor, code: &str| Money::new(minor, code.parse().unwrap());
        assert!(quote().holds(money(1_842, "usd")));
        assert!(!quote().holds(money(1_843, "usd")) && !quote().holds(money(1_842, "eur")));
        assert_eq!(quote().check_plan("agency", Interval::Month), Ok(()));
        assert_eq!(quote().check_plan("agency", Interval::Year), Err(BadQuote::NotOurs));
        assert_eq!(quote().check_plan("pro", Interval::Month), Err(BadQuote::NotOurs));
    }

    proptest! {
        #[test]
        fn no_text_is_a_quote(text: String) {
            prop_assert_eq!(Quote::open(&Pepper::from("pepper"), "acc_1", &text, at(0)), Err(BadQuote::NotOurs));
        }
    }
}
