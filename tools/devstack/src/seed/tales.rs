//! Who the accounts are, and what happened to them.

use std::future::Future;
use std::pin::Pin;

use time::{Date, OffsetDateTime};

use super::plans;
use super::story::{DAY, HOUR, Story};
use crate::Error;

/// A life, told to its end; gives the id of the customer, if it came to have one.
type Life = Pin<Box<dyn Future<Output = Result<Option<String>, Error>> + Send>>;

/// An account and its story.
pub(crate) struct Tale {
    /// Its handle, too.
    pub(crate) name: &'static str,
    /// One line for the summary.
    pub(crate) about: &'static str,
    pub(crate) parent: Option<&'static str>,
    pub(crate) live: fn(Story) -> Life,
}

/// Every account; a sub-account comes after its parent.
pub(crate) const TALES: &[Tale] = &[
    tale("fresh", "new: no Stripe customer yet", |_| Box::pin(async { Ok(None) })),
    tale("metered", "pro, active, usage on every meter", |story| Box::pin(metered(story))),
    tale("overdue", "starter, the last renewal failed", |story| Box::pin(overdue(story))),
    tale("suspended", "pro, unpaid for weeks, every retry failed", |story| {
        Box::pin(suspended(story))
    }),
    tale("canceled", "was on starter, canceled by request", |story| Box::pin(canceled(story))),
    tale("free", "hobby, $0, no card", |story| Box::pin(free(story))),
    tale("agency", "agency, active, has a sub-account", |story| Box::pin(paying(story, "agency"))),
    Tale {
        parent: Some("agency"),
        ..tale("client", "starter, sub-account of agency", |story| {
            Box::pin(paying(story, "starter"))
        })
    },
];

const fn tale(name: &'static str, about: &'static str, live: fn(Story) -> Life) -> Tale {
    Tale { name, about, parent: None, live }
}

async fn metered(story: Story) -> Result<Option<String>, Error> {
    let customer = story.customer(story.now - 10 * DAY).await?;
    story.card(&customer, "pm_card_visa").await?;
    story.subscribe(&customer, "pro").await?;
    story.advance(&customer, story.now).await?;
    for (index, meter) in plans::meters(&story, "pro").await?.iter().enumerate() {
        // Every other meter beyond what the base fee covers, so that there is something to bill.
        let quantity = if index % 2 == 0 { meter.included + 250 } else { meter.included / 2 };
        story.usage(&customer, meter, quantity).await?;
    }
    Ok(Some(customer.id))
}

async fn overdue(story: Story) -> Result<Option<String>, Error> {
    // Recent enough that the retries are not used up and the grace period is not over.
    let renewal = story.now - 26 * HOUR;
    failed_renewal(&story, "starter", renewal).await
}

async fn suspended(story: Story) -> Result<Option<String>, Error> {
    // Past 21 days of grace, short of the next renewal.
    let renewal = story.now - 24 * DAY;
    failed_renewal(&story, "pro", renewal).await
}

/// Paid once with a good card; at about `renewal` the next payment failed, and so did the retries.
async fn failed_renewal(story: &Story, tier: &str, renewal: i64) -> Result<Option<String>, Error> {
    let customer = story.customer(a_month_before(renewal)).await?;
    story.card(&customer, "pm_card_visa").await?;
    let subscription = story.subscribe(&customer, tier).await?;
    story.card(&customer, "pm_card_chargeCustomerFail").await?;
    // A renewal takes two steps: the draft at the period's end, the charge about an hour later.
    story.advance(&customer, subscription.period_end + 60).await?;
    story.advance(&customer, subscription.period_end + 2 * HOUR).await?;
    story.advance(&customer, story.now).await?;
    Ok(Some(customer.id))
}

async fn canceled(story: Story) -> Result<Option<String>, Error> {
    let customer = story.customer(story.now - 12 * DAY).await?;
    story.card(&customer, "pm_card_visa").await?;
    let subscription = story.subscribe(&customer, "starter").await?;
    story.advance(&customer, story.now - 2 * DAY).await?;
    story.cancel(&subscription).await?;
    story.advance(&customer, story.now).await?;
    Ok(Some(customer.id))
}

async fn free(story: Story) -> Result<Option<String>, Error> {
    let customer = story.customer(story.now - 3 * DAY).await?;
    story.subscribe(&customer, "hobby").await?;
    story.advance(&customer, story.now).await?;
    Ok(Some(customer.id))
}

async fn paying(story: Story, tier: &str) -> Result<Option<String>, Error> {
    let customer = story.customer(story.now - 5 * DAY).await?;
    story.card(&customer, "pm_card_visa").await?;
    story.subscribe(&customer, tier).await?;
    story.advance(&customer, story.now).await?;
    Ok(Some(customer.id))
}

/// The moment from which a month lasts until `moment`, or until up to three days before it: a day
/// that not every month has is no day to count months from.
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
    fn a_month_from_then_is_the_moment_or_up_to_three_days_before() {
        let start = 1_700_000_000;
        for day in 0..4 * 366 {
            let moment = start + day * DAY;
            let then = OffsetDateTime::from_unix_timestamp(a_month_before(moment)).expect("a date");
            let length = then.month().length(then.year());
            // Its day is in every month, so a calendar month is as long as the month it starts in.
            assert!(then.day() <= 28, "{then}");
            let end = then.unix_timestamp() + i64::from(length) * DAY;
            assert!((moment - 3 * DAY..=moment).contains(&end), "{then}");
        }
    }

    #[test]
    fn a_sub_account_comes_after_its_parent() {
        let mut earlier = Vec::new();
        for tale in TALES {
            assert!(tale.parent.is_none_or(|parent| earlier.contains(&parent)), "{}", tale.name);
            earlier.push(tale.name);
        }
    }
}
