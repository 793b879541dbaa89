//! One pass over Stripe's newest events.
//!
//! Stripe lists most events within seconds, and a few up to a minute late. A late one can stand behind events that were
//! seen before, so a *sweep* reads all events of the last two minutes again, and only a sweep publishes the watermark,
//! a minute back. A *poll* between two sweeps reads only as far as the first page without news.

use std::collections::{BTreeSet, HashMap};

use shared::Timestamp;
use shared::aws::table::{Subject, Table, TableError};
use shared::change;
use shared::stripe::{Event, Stripe, StripeError};

/// Seconds before the watermark from which a sweep reads events again.
const OVERLAP: i64 = 120;

/// Longest time in seconds that Stripe takes to list an event.
const LISTED_WITHIN: i64 = 60;

/// Largest number of pages that a pass reads. More events are a gap, which ends the validity of all stored reads.
const MAX_PAGES: usize = 150;

/// A pass that failed. The next one does its work.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    #[error(transparent)]
    Stripe(#[from] StripeError),
    #[error(transparent)]
    Table(#[from] TableError),
}

/// How far a pass reads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    News,
    All,
}

/// The events that were followed.
pub struct Follower {
    table: Table,
    /// Creation times of the events whose generations were raised, by ID.
    seen: HashMap<String, i64>,
    followed_to: Option<i64>,
}

impl Follower {
    /// Creates a follower that has seen nothing.
    pub fn new(table: Table) -> Self {
        Self { table, seen: HashMap::new(), followed_to: None }
    }

    /// Returns the watermark that was published last, in Unix seconds of Stripe's clock.
    pub fn followed_to(&self) -> Option<i64> {
        self.followed_to
    }

    /// Follows the newest events.
    ///
    /// # Errors
    /// [`FollowError`].
    pub async fn poll(&mut self, stripe: &Stripe) -> Result<(), FollowError> {
        let Some(followed_to) = self.followed_to else { return self.sweep(stripe).await };
        self.pass(stripe, followed_to - OVERLAP, Depth::News).await?;
        Ok(())
    }

    /// Follows all events since the watermark and the two minutes before it, then publishes the new watermark.
    ///
    /// # Errors
    /// [`FollowError`].
    pub async fn sweep(&mut self, stripe: &Stripe) -> Result<(), FollowError> {
        let published = self.table.watermark().await?.followed_to;
        // Before the first sweep of all, nothing is known: it begins an epoch, to which no older read belongs.
        let since = published.unwrap_or_else(|| Timestamp::now().seconds()) - OVERLAP;
        let pass = self.pass(stripe, since, Depth::All).await?;
        if published.is_none() || !pass.is_complete {
            tracing::warn!(is_first = published.is_none(), "stored reads start anew");
            self.table.begin_epoch(pass.began_at).await?;
        }
        let followed_to = pass.began_at - LISTED_WITHIN;
        self.table.publish_watermark(followed_to).await?;
        self.followed_to = Some(published.map_or(followed_to, |time| time.max(followed_to)));
        self.seen.retain(|_, created| *created >= followed_to - OVERLAP);
        Ok(())
    }

    async fn pass(
        &mut self,
        stripe: &Stripe,
        since: i64,
        depth: Depth,
    ) -> Result<Pass, FollowError> {
        let mut began_at = None;
        let mut news: Vec<Event> = Vec::new();
        let mut after: Option<String> = None;
        let mut is_complete = false;
        for _ in 0..MAX_PAGES {
            let (page, date) = stripe.events(since, after.as_deref()).await?;
            began_at.get_or_insert(date);
            after = page.data.last().map(|event| event.id.clone());
            let before = news.len();
            news.extend(page.data.into_iter().filter(|event| !self.seen.contains_key(&event.id)));
            let has_news = news.len() > before;
            is_complete = !page.has_more || (depth == Depth::News && !has_news);
            if is_complete {
                break;
            }
        }
        self.raise(&news).await?;
        self.complete_changes(stripe, &news).await;
        self.seen.extend(news.into_iter().map(|event| (event.id, event.created.seconds())));
        Ok(Pass { began_at: began_at.unwrap_or(since), is_complete })
    }

    /// Raises the generation of each customer once, and of the catalog.
    async fn raise(&self, news: &[Event]) -> Result<(), TableError> {
        let subjects: BTreeSet<Subject<'_>> = news.iter().flat_map(Event::subjects).collect();
        for subject in subjects {
            self.table.raise_generation(subject).await?;
        }
        Ok(())
    }

    /// Completes the plan changes that earlier requests left. A failure is logged: the customer's next change, or the next
    /// event, tries again.
    async fn complete_changes(&self, stripe: &Stripe, news: &[Event]) {
        let customers: BTreeSet<&str> =
            news.iter().filter_map(Event::changed_subscription_of).collect();
        for customer in customers {
            if let Err(error) = change::complete(stripe, &self.table, customer).await {
                tracing::warn!(customer, %error, "a plan change could not be completed");
            }
        }
    }
}

/// The outcome of a pass.
struct Pass {
    /// Stripe's time of the first page.
    began_at: i64,
    /// Whether all events were read.
    is_complete: bool,
}
