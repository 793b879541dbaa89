//! Fixtures of the seeded accounts: their names and histories.

use std::future::Future;
use std::pin::Pin;

use time::{Date, OffsetDateTime};

use super::history::{DAY, HOUR, History};
use super::keys::{self, DevelopmentKeys};
use super::plans;
use crate::Error;

/// Creates a customer's history at Stripe; returns the customer's ID, if the account has one.
type Building = Pin<Box<dyn Future<Output = Result<Option<String>, Error>> + Send>>;

/// Fixture of an account.
pub(crate) struct Fixture {
    /// Name, which is also the account's handle.
    pub(crate) name: &'static str,
    /// One line for the summary.
    pub(crate) description: &'static str,
    pub(crate) parent: Option<&'static str>,
    pub(crate) keys: DevelopmentKeys,
    pub(crate) build: fn(History) -> Building,
}

/// All fixtures. A sub-account comes after its parent.
pub(crate) const FIXTURES: &[Fixture] = &[
    fixture("fresh", "new: no Stripe customer yet", keys::FRESH, |_| Box::pin(async { Ok(None) })),
    fixture("metered", "pro, active, usage on every meter", keys::METERED, |history| {
        Box::pin(metered(history))
    }),
    fixture("overdue", "starter, the last renewal failed", keys::OVERDUE, |history| {
        Box::pin(overdue(history))
    }),
    fixture("suspended", "pro, unpaid for weeks, every retry failed", keys::SUSPENDED, |history| {
        Box::pin(suspended(history))
    }),
    fixture("canceled", "was on starter, canceled by request", keys::CANCELED, |history| {
        Box::pin(canceled(history))
    }),
    fixture("free", "hobby, $0, no card", keys::FREE, |history| Box::pin(free(history))),
    fixture("agency", "agency, active, has a sub-account", keys::AGENCY, |history| {
        Box::pin(paying(history, "agency"))
    }),
    Fixture {
        parent: Some("agency"),
        ..fixture("client", "starter, sub-account of agency", keys::CLIENT, |history| {
            Box::pin(paying(history, "starter"))
        })
    },
];

const fn fixture(
    name: &'static str,
    description: &'static str,
    keys: DevelopmentKeys,
    build: fn(History) -> Building,
) -> Fixture {
    Fixture { name, description, parent: None, keys, build }
}

async fn metered(history: History) -> Result<Option<String>, Error> {
    let customer = history.customer(history.now - 10 * DAY).await?;
    history.card(&customer, "pm_card_visa").await?;
    history.subscribe(&customer, "pro").await?;
    history.advance(&customer, history.now).await?;
    for (index, meter) in plans::meters(&history, "pro").await?.iter().enumerate() {
        // Every other meter exceeds its allowance, so that the next invoice has usage to bill.
        let quantity = if index % 2 == 0 { meter.included + 250 } else { meter.included / 2 };
        let days = (0..).zip(by_day(quantity, index).into_iter().rev());
        for (age, part) in days.filter(|(_, part)| *part > 0) {
            history.usage(&customer, meter, part, history.now - age * DAY).await?;
        }
    }
    Ok(Some(customer.id))
}

/// Splits usage into that of the last days, today's last. `first` varies the days of the meters.
fn by_day(quantity: i64, first: usize) -> [i64; 7] {
    let mut percentages = [8, 14, 10, 20, 16, 22, 10];
    percentages.rotate_left(first % 7);
    let mut parts = percentages.map(|percentage| quantity * percentage / 100);
    parts[6] += quantity - parts.iter().sum::<i64>();
    parts
}

async fn overdue(history: History) -> Result<Option<String>, Error> {
    // Recent: retries are left and the grace period is not over.
    let renewal = history.now - 26 * HOUR;
    failed_renewal(&history, "starter", renewal).await
}

async fn suspended(history: History) -> Result<Option<String>, Error> {
    // After the 21 days of grace, before the next renewal.
    let renewal = history.now - 24 * DAY;
    failed_renewal(&history, "pro", renewal).await
}

/// A first payment that succeeded, and a renewal at about `renewal` whose payment and retries failed.
async fn failed_renewal(
    history: &History,
    tier: &str,
    renewal: i64,
) -> Result<Option<String>, Error> {
    let customer = history.customer(a_month_before(renewal)).await?;
    history.card(&customer, "pm_card_visa").await?;
    let subscription = history.subscribe(&customer, tier).await?;
    history.card(&customer, "pm_card_chargeCustomerFail").await?;
    // Stripe renews in two steps: a draft at the period's end, the charge about an hour later.
    history.advance(&customer, subscription.period_end + 60).await?;
    history.advance(&customer, subscription.period_end + 2 * HOUR).await?;
    history.advance(&customer, history.now).await?;
    Ok(Some(customer.id))
}

async fn canceled(history: History) -> Result<Option<String>, Error> {
    let customer = history.customer(history.now - 12 * DAY).await?;
    history.card(&customer, "pm_card_visa").await?;
    let subscription = history.subscribe(&customer, "starter").await?;
    history.advance(&customer, history.now - 2 * DAY).await?;
    history.cancel(&subscription).await?;
    history.advance(&customer, history.now).await?;
    Ok(Some(customer.id))
}

async fn free(history: History) -> Result<Option<String>, Error> {
    let customer = history.customer(history.now - 3 * DAY).await?;
    history.subscribe(&customer, "hobby").await?;
    history.advance(&customer, history.now).await?;
    Ok(Some(customer.id))
}

async fn paying(history: History, tier: &str) -> Result<Option<String>, Error> {
    let customer = history.customer_from_now().await?;
    history.card(&customer, "pm_card_visa").await?;
    history.subscribe(&customer, tier).await?;
    Ok(Some(customer.id))
}

/// Returns a time from which a calendar month ends at `moment` or up to three days earlier: the day is at most the 28th,
/// which every month has.
fn a_month_before(moment: i64) -> i64 {
    let end = OffsetDateTime::from_unix_timestamp(moment).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (year, month) = (end.year(), end.month());
    let year = if month.previous() == time::Month::December { year - 1 } else { year };
    let date = Date::from_calendar_date(year, month.previous(), end.day().min(28));
    date.map_or(moment, |date| end.replace_date(date).unix_timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_later_is_at_most_three_days_before_the_moment() {
        let start = 1_700_000_000;
        for day in 0..4 * 366 {
            let moment = start + day * DAY;
            let then = OffsetDateTime::from_unix_timestamp(a_month_before(moment)).expect("a date");
            let length = then.month().length(then.year());
            // Every month has this day, so a calendar month is as long as the month it starts in.
            assert!(then.day() <= 28, "{then}");
            let end = then.unix_timestamp() + i64::from(length) * DAY;
            assert!((moment - 3 * DAY..=moment).contains(&end), "{then}");
        }
    }

    #[test]
    fn usage_of_the_days_adds_up() {
        for quantity in [0, 1, 10, 750, 1751] {
            for first in 0..9 {
                assert_eq!(by_day(quantity, first).iter().sum::<i64>(), quantity);
            }
        }
    }

    #[test]
    fn sub_accounts_come_after_their_parents() {
        let mut earlier = Vec::new();
        for Fixture { name, parent, .. } in FIXTURES {
            assert!(parent.is_none_or(|parent| earlier.contains(&parent)), "{name}");
            earlier.push(*name);
        }
    }
}
