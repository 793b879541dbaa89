//! Stored reads: a GET answers from Stripe's stored responses while they are known to hold.
//!
//! Each response is a *slice*, and the slices of an endpoint are a *snapshot*: one item for a customer, and one for the
//! catalog. Every change at Stripe raises the *generation* of its customer or of the catalog, and a snapshot has the
//! generations that were read before its responses. The *watermark* is Stripe's time up to which every change has
//! raised its generation. So a snapshot whose generations are the current ones was true at the watermark.
//!
//! POSTs have no stored reads: nothing that changes or prices anything uses them.

mod snapshot;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::errors::StripeError;
use super::transport::{Exchange, StripeResponse};
use crate::aws::table::{Generation, KEPT, SnapshotItem, Subject, Table, TableError, Watermark};
use crate::values::Timestamp;
use snapshot::{Slice, Slices};

/// Longest age of a response in seconds while Stripe can be followed.
const MAX_AGE: i64 = 120;

/// Lifetime of a slice in seconds: it bounds the effect of a change that no event reports.
const LIFETIME: i64 = 6 * 3_600;

/// Lifetime in seconds of a slice with usage, of which Stripe reports no change.
const USAGE_LIFETIME: i64 = 15 * 60;

/// Least age in seconds at which `no-cache` reads Stripe again.
const MIN_AGE: i64 = 5;

/// Paths of the objects that all customers share.
const CATALOG: [&str; 7] = [
    "/billing/meters",
    "/products",
    "/prices",
    "/coupons",
    "/promotion_codes",
    "/tax_rates",
    "/billing_portal/configurations",
];

/// How a request reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// From slices that hold, else from Stripe.
    Current,
    /// From slices that hold, else not at all: Stripe could not be reached a moment ago.
    DuringOutage,
    /// From Stripe, as the caller asked.
    Requested,
    /// From the last known slices only.
    LastKnown,
}

/// The stored reads of one GET.
pub struct Reads {
    stored: Arc<Stored>,
    mode: Mode,
    used: Mutex<Used>,
}

/// The table's items as of the request's beginning.
struct Stored {
    table: Table,
    name: &'static str,
    customer: Option<String>,
    watermark: Watermark,
    /// The generations of the customer and of the catalog; none if the table could not be read.
    generations: Option<(Generation, Generation)>,
    of_customer: Snapshot,
    of_catalog: Snapshot,
}

/// The slices of an item.
#[derive(Default)]
struct Snapshot {
    slices: Slices,
    /// Whether no change was reported since.
    holds: bool,
    /// Whether it is from after this API's own last change of the customer.
    is_after_own_write: bool,
}

/// The slices that a request has used.
#[derive(Default)]
struct Used {
    of_customer: UsedSlices,
    of_catalog: UsedSlices,
    /// Least time of all slices without usage.
    as_of: Option<i64>,
    /// Time of the usage.
    usage_as_of: Option<i64>,
    is_unstorable: bool,
    /// Whether the usage is as old as the response may claim to be.
    is_about_usage: bool,
}

#[derive(Clone, Default)]
struct UsedSlices {
    slices: Slices,
    /// Whether one of them was read from Stripe.
    fetched: bool,
}

/// How a response came about, for `cache-status` (RFC 9211).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// From stored slices only.
    Stored,
    /// At least one slice was read from Stripe.
    Stripe,
    /// Read from Stripe because the caller asked.
    Requested,
    /// From the last known slices, because Stripe could not be reached.
    LastKnown,
}

/// How fresh a response is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// Each part of the response was true at Stripe at this time or later.
    pub as_of: Timestamp,
    pub source: Source,
}

impl Reads {
    /// Reads what the table has for the endpoint `name` and the account's Stripe customer. If the table cannot be
    /// reached, everything is read from Stripe. `watermark` was read before.
    pub async fn load(
        table: &Table,
        watermark: Result<Watermark, TableError>,
        customer: Option<&str>,
        name: &'static str,
        no_cache: bool,
    ) -> Self {
        let read = async { Ok((watermark?, table.stored_read(customer, name).await?)) };
        let (watermark, known) = match read.await {
            Ok((watermark, known)) => (watermark, Some(known)),
            Err(error) => {
                let error: TableError = error;
                tracing::warn!(%error, "stored reads are not available");
                (Watermark::default(), None)
            }
        };
        let generations = known.as_ref().map(|known| (known.customer, known.catalog));
        let (of_customer, of_catalog) =
            known.map(|known| (known.of_customer, known.of_catalog)).unzip();
        let (of_own, of_catalog_generation) = generations.unwrap_or_default();
        let catalog = of_catalog_generation.number;
        let read = |item: Option<SnapshotItem>, generation: Generation| {
            item.map_or_else(Snapshot::default, |item| Snapshot {
                slices: snapshot::decode(&item),
                holds: item.generation >= generation.number
                    && item.catalog >= catalog
                    && item.epoch == watermark.epoch,
                is_after_own_write: item.generation >= generation.written,
            })
        };
        let stored = Stored {
            table: table.clone(),
            name,
            customer: customer.map(str::to_owned),
            watermark,
            generations,
            of_customer: read(of_customer.flatten(), of_own),
            of_catalog: read(of_catalog.flatten(), of_catalog_generation),
        };
        let is_requested = no_cache && stored.newest() + MIN_AGE <= Timestamp::now().seconds();
        let mode = if is_requested { Mode::Requested } else { Mode::Current };
        Self { stored: Arc::new(stored), mode, used: Mutex::default() }
    }

    /// Returns the same reads without asking Stripe.
    #[must_use]
    pub fn during_outage(self) -> Self {
        Self { mode: Mode::DuringOutage, ..self }
    }

    /// Returns the same reads from the last known slices only; `None` if there are none that may be used.
    pub fn last_known(&self) -> Option<Self> {
        let now = Timestamp::now().seconds();
        let Stored { customer, of_customer, .. } = &*self.stored;
        let is_known = self.stored.generations.is_some()
            && (customer.is_none()
                || !of_customer.slices.is_empty() && of_customer.is_after_own_write);
        let is_young = self.stored.slices().all(|slice| slice.at > now - KEPT);
        (is_known && is_young).then(|| Self {
            stored: Arc::clone(&self.stored),
            mode: Mode::LastKnown,
            used: Mutex::default(),
        })
    }
}

impl Stored {
    fn of(&self, is_catalog: bool) -> &Snapshot {
        if is_catalog { &self.of_catalog } else { &self.of_customer }
    }

    fn slices(&self) -> impl Iterator<Item = &Slice> {
        self.of_customer.slices.values().chain(self.of_catalog.slices.values())
    }

    /// Returns the time of the newest slice; 0 without any.
    fn newest(&self) -> i64 {
        self.slices().map(|slice| slice.at).max().unwrap_or_default()
    }

    /// Returns Stripe's time at which the slice was still true, in Unix seconds. `holds` tells whether its snapshot
    /// holds.
    fn as_of(&self, slice: &Slice, holds: bool) -> i64 {
        let followed_to = self.watermark.followed_to.filter(|_| holds && !slice.has_usage);
        followed_to.map_or(slice.at, |time| slice.at.max(time))
    }
}

impl Reads {
    /// Returns the stored outcome of a request, if it may be used.
    pub(super) fn find<V: DeserializeOwned>(
        &self,
        exchange: &Exchange,
    ) -> Option<Result<V, StripeError>> {
        let now = Timestamp::now().seconds();
        self.find_if(exchange, |slice, holds| match self.mode {
            Mode::Requested => false,
            Mode::LastKnown => true,
            Mode::Current | Mode::DuringOutage => {
                let as_of = self.stored.as_of(slice, holds);
                let is_recent = slice.has_usage || as_of >= now - MAX_AGE;
                holds && slice.until > now && is_recent
            }
        })
    }

    /// Returns whether usage is stored for the request.
    pub(super) fn has_usage(&self, exchange: &Exchange) -> bool {
        let Snapshot { slices, holds, .. } = self.stored.of(is_of_catalog(exchange));
        *holds && slices.get(&exchange.fingerprint()).is_some_and(|slice| slice.has_usage)
    }

    /// Returns the stored usage, whose lifetime may be over, for a request that has no permit to read it.
    pub(super) fn find_usage<V: DeserializeOwned>(
        &self,
        exchange: &Exchange,
    ) -> Option<Result<V, StripeError>> {
        self.find_if(exchange, |slice, holds| holds && slice.has_usage)
    }

    fn find_if<V: DeserializeOwned>(
        &self,
        exchange: &Exchange,
        may_use: impl Fn(&Slice, bool) -> bool,
    ) -> Option<Result<V, StripeError>> {
        let is_catalog = is_of_catalog(exchange);
        let Snapshot { slices, holds, .. } = self.stored.of(is_catalog);
        let key = exchange.fingerprint();
        let slice = slices.get(&key).filter(|slice| may_use(slice, *holds))?;
        let outcome = slice.outcome()?;
        let as_of = self.stored.as_of(slice, *holds);
        self.use_slice(is_catalog, key, slice.clone(), as_of, false);
        Some(outcome)
    }

    /// Returns whether Stripe may be asked.
    pub(super) fn may_ask(&self) -> bool {
        matches!(self.mode, Mode::Current | Mode::Requested)
    }

    /// Keeps the outcome of a request. `date` is Stripe's time of the response, and `elapsed` the time that it
    /// took.
    pub(super) fn keep<V: Serialize>(
        &self,
        exchange: &Exchange,
        outcome: &Result<V, StripeError>,
        date: Option<i64>,
        elapsed: Duration,
    ) {
        let Some(mut slice) = Slice::of(outcome) else { return };
        let has_usage = exchange.reads_usage();
        // Stripe's time has no fractions: up to a second more has passed since.
        let at = date.unwrap_or_else(|| Timestamp::now().seconds()) - whole_seconds(elapsed) - 1;
        slice.at = at;
        slice.until = at + if has_usage { USAGE_LIFETIME } else { LIFETIME };
        slice.has_usage = has_usage;
        if date.is_none() {
            self.keep_nothing();
        }
        self.use_slice(is_of_catalog(exchange), exchange.fingerprint(), slice, at, true);
    }

    /// Keeps the request from storing anything, because a response belongs to no snapshot.
    pub fn keep_nothing(&self) {
        self.used().is_unstorable = true;
    }

    /// Dates the whole response by its usage too, which can be older than the rest.
    pub fn date_by_usage(&self) {
        self.used().is_about_usage = true;
    }

    /// Looks at a response of Stripe. Customers on a test clock are never stored.
    pub(super) fn inspect(&self, response: &StripeResponse) {
        if snapshot::is_on_test_clock(&response.body) {
            self.keep_nothing();
        }
    }

    fn use_slice(&self, is_catalog: bool, key: String, slice: Slice, as_of: i64, fetched: bool) {
        let mut used = self.used();
        let least = if slice.has_usage { &mut used.usage_as_of } else { &mut used.as_of };
        *least = Some(least.map_or(as_of, |least| least.min(as_of)));
        let half = if is_catalog { &mut used.of_catalog } else { &mut used.of_customer };
        half.fetched |= fetched;
        half.slices.insert(key, slice);
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how fresh the response is.
    pub fn freshness(&self) -> Freshness {
        let used = self.used();
        let fetched = used.of_catalog.fetched || used.of_customer.fetched;
        let source = match self.mode {
            Mode::LastKnown => Source::LastKnown,
            Mode::Requested => Source::Requested,
            Mode::Current if fetched => Source::Stripe,
            Mode::Current | Mode::DuringOutage => Source::Stored,
        };
        let of_usage = used.usage_as_of.filter(|_| used.is_about_usage);
        Freshness { as_of: timestamp(used.as_of.into_iter().chain(of_usage).min()), source }
    }

    /// Returns the time of the usage in the response; without usage, that of the response.
    pub fn usage_as_of(&self) -> Timestamp {
        let used = self.used();
        timestamp(used.usage_as_of.or(used.as_of))
    }

    /// Returns the time that a response from the last known slices is about.
    pub(super) fn past(&self) -> Option<Timestamp> {
        let of = |is_catalog| {
            let Snapshot { slices, holds, .. } = self.stored.of(is_catalog);
            slices.values().map(|slice| self.stored.as_of(slice, *holds)).min()
        };
        let is_past = self.mode == Mode::LastKnown;
        is_past.then(|| timestamp(of(false).or_else(|| of(true))))
    }

    /// Stores what was read from Stripe, for other requests. A failure is logged and otherwise ignored.
    pub async fn store(&self) {
        let (of_customer, of_catalog) = {
            let used = self.used();
            if used.is_unstorable {
                return;
            }
            let fetched = |half: &UsedSlices| half.fetched.then(|| half.slices.clone());
            (fetched(&used.of_customer), fetched(&used.of_catalog))
        };
        let customer = self.stored.customer.as_deref().map(Subject::Customer);
        let of_customer = customer.zip(of_customer);
        let of_catalog = of_catalog.map(|slices| (Subject::Catalog, slices));
        let put = async |half| {
            if let Some((subject, slices)) = half {
                self.put(subject, slices).await;
            }
        };
        tokio::join!(put(of_customer), put(of_catalog));
    }

    async fn put(&self, subject: Subject<'_>, used: Slices) {
        let Some((customer, catalog)) = self.stored.generations else { return };
        let is_catalog = subject == Subject::Catalog;
        let before = self.stored.of(is_catalog);
        let at = used.values().map(|slice| slice.at).max().unwrap_or_default();
        // Other requests of the endpoint may use others, such as the prices in another currency.
        let mut all = if before.holds { before.slices.clone() } else { Slices::new() };
        all.retain(|_, slice| slice.until > at);
        all.extend(used.clone());
        let Some(body) = snapshot::encode(&all).or_else(|| snapshot::encode(&used)) else { return };
        let item = SnapshotItem {
            generation: if is_catalog { catalog.number } else { customer.number },
            catalog: catalog.number,
            epoch: self.stored.watermark.epoch,
            at,
            body,
        };
        if let Err(error) = self.stored.table.put_snapshot(subject, self.stored.name, item).await {
            tracing::warn!(%error, "a read could not be stored");
        }
    }
}

fn is_of_catalog(exchange: &Exchange) -> bool {
    let path = exchange.path();
    // The usage of a meter is a customer's.
    !exchange.reads_usage()
        && CATALOG.iter().any(|prefix| {
            path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
}

/// Returns a duration in seconds, rounded up.
fn whole_seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX / 2) + 1
}

fn timestamp(seconds: Option<i64>) -> Timestamp {
    seconds.and_then(|seconds| Timestamp::try_from(seconds).ok()).unwrap_or_else(Timestamp::now)
}
