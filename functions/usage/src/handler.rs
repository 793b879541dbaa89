//! Reads the subscriptions, the catalog and the meters, then the usage of each meter and the next invoice.

use futures_util::future::try_join_all;
use shared::billing::catalog::{Catalog, Tiers};
use shared::billing::line_prices::LinePrices;
use shared::billing::price::PriceShape;
use shared::billing::subscription::Current;
use shared::stripe::views::{
    Customer, Formula, Invoice, Meter, MeterSummary, Period, Price, Subscription,
    SubscriptionStatus,
};
use shared::stripe::{Details, PARALLEL, Refusal};
use shared::{ApiError, Call, Currency, Reply, StripeError, Timestamp};

use crate::amounts::Charged;
use crate::days::{Asked, Day, Days};
use crate::meters::{Listed, find, listed, meter_id, metered_items, period, period_of};
use crate::quantities::{Reading, by_day, readings};
use crate::response::{InPeriod, Metered, Shown, Usage};

/// The customer's objects at Stripe, the plans and the meters.
struct Found {
    /// `None` if it was deleted.
    customer: Option<Customer>,
    subscriptions: Vec<Subscription>,
    tiers: Tiers,
    catalog: Catalog,
    meters: Vec<Meter>,
}

/// The charges of the next invoice.
enum Next {
    /// Nothing will be billed.
    Nothing,
    /// Stripe cannot compute it without the customer's address.
    Unknown,
    Known(Box<Invoice>),
}

/// Responds to the request after three round trips to Stripe: the customer, the next invoice, and five summaries of meters
/// at once. More for more summaries, and for prices that are not in the catalog.
///
/// # Errors
/// Those of the contract.
pub async fn usage(call: Call) -> Result<Reply, ApiError> {
    call.query.only(&Asked::NAMES)?;
    let asked = Asked::of(&call.query)?;
    call.stripe.date_by_usage();
    let found = call.read_customer(|customer| read(&call, customer)).await?;
    let now = || call.stripe.past().unwrap_or_else(Timestamp::now);
    let default = call.config().default_currency;
    let existing = found.as_ref().and_then(|found| Some((found, found.customer.as_ref()?)));
    let Some((found, customer)) = existing else {
        let today = Day::of(now());
        let shown = Shown { days: asked.days(None, today)?, today, currency: default };
        return Reply::ok(&Usage::of(shown, Vec::new(), false, Vec::new()));
    };
    let current = Current::of(&found.subscriptions, &found.tiers);
    let subscription = current.as_ref().map(|current| current.subscription);
    let currency = subscription.map(|subscription| subscription.currency).or(customer.currency);
    let today = Day::of(subscription.map_or_else(now, Subscription::now));
    let period = subscription.and_then(period);
    let days = asked.days(period, today)?;
    let shown = Shown { days, today, currency: currency.unwrap_or(default) };
    let reader = Reader { call: &call, found, customer: &customer.id, shown };
    let usage = match subscription.zip(period).filter(|(_, period)| days.lie_in(*period)) {
        Some((subscription, period)) => reader.in_period(subscription, period).await?,
        None => reader.elsewhere().await?,
    };
    let is_one_of_several = current.is_some_and(|current| current.live > 1);
    let several = is_one_of_several.then_some("multiple_subscriptions");
    Reply::ok(&usage.with_warnings(several))
}

/// Reads the usage of a customer.
struct Reader<'a> {
    call: &'a Call,
    found: &'a Found,
    /// ID of the customer.
    customer: &'a str,
    shown: Shown,
}

impl Reader<'_> {
    /// Returns the usage of days that are not in the current period, without amounts.
    async fn elsewhere(&self) -> Result<Usage, StripeError> {
        let Found { subscriptions, catalog, meters, .. } = self.found;
        let items = subscriptions.iter().flat_map(metered_items).map(|item| &item.price);
        let listed = listed(items.chain(catalog.prices()), catalog, meters);
        let Days { from, to } = self.shown.days;
        let until = to.min(self.shown.today).next();
        let wanted = listed.into_iter().map(|listed| (listed, readings(from.start(), until), None));
        Ok(Usage::of(self.shown, self.read(wanted.collect()).await?, false, Vec::new()))
    }

    /// Returns the usage of days of the current period, with the amounts of the next invoice.
    async fn in_period(
        &self,
        subscription: &Subscription,
        period: Period,
    ) -> Result<Usage, StripeError> {
        let (call, catalog) = (self.call, &self.found.catalog);
        let next = next_invoice(call, subscription).await?;
        let (invoice, warnings) = match &next {
            Next::Known(invoice) => (Some(&**invoice), vec![]),
            Next::Unknown => (None, vec!["tax_location_required"]),
            Next::Nothing => (None, vec![]),
        };
        let prices = match invoice {
            Some(invoice) => LinePrices::load(&call.stripe, subscription, invoice, &[]).await?,
            None => LinePrices::of_items(subscription),
        };
        let lines = invoice.map_or(&[][..], |invoice| &invoice.lines.data);
        // A meter that a change removed within the period is still on the next invoice.
        let of_lines = lines.iter().filter_map(|line| prices.of(line));
        let own = metered_items(subscription).map(|item| &item.price);
        let listed = listed(own.chain(of_lines), catalog, &self.found.meters);
        let whole = whole_catalog(call, catalog, self.shown.currency).await?;
        let mut wanted = Vec::new();
        for listed in listed {
            let is_of = |price: &Price| meter_id(price) == Some(&listed.id);
            let mut items = metered_items(subscription).filter(|item| is_of(&item.price));
            let (item, other) = (items.next(), items.next());
            let counted = item.map_or(period, period_of);
            let price = match item.filter(|_| other.is_none()).map(|item| &item.price) {
                Some(price) => {
                    let catalog = whole.as_ref().unwrap_or(catalog);
                    Some((&*price.id, shape(call, catalog, price, self.shown.currency).await?))
                }
                None => None,
            };
            let own = lines.iter().filter(|line| prices.of(line).is_some_and(is_of));
            let charged = invoice.map(|_| Charged { lines: own.collect() });
            let in_period = InPeriod { period: Days::of(counted), price, charged };
            let readings = readings(counted.start, self.shown.today.next());
            wanted.push((listed, readings, Some(in_period)));
        }
        let metered = self.read(wanted).await?;
        Ok(Usage::of(self.shown, metered, invoice.is_some(), warnings))
    }

    /// Reads the summaries of meters, as many at once as Stripe's limits allow.
    async fn read<'p>(
        &self,
        wanted: Vec<(Listed, Vec<Reading>, Option<InPeriod<'p>>)>,
    ) -> Result<Vec<Metered<'p>>, StripeError> {
        let all = wanted.iter().enumerate().flat_map(|(at, (listed, readings, _))| {
            readings.iter().map(move |reading| (at, listed.id.as_str(), *reading))
        });
        let all: Vec<(usize, &str, Reading)> = all.collect();
        let mut summaries: Vec<Vec<MeterSummary>> = wanted.iter().map(|_| Vec::new()).collect();
        for some in all.chunks(PARALLEL) {
            let read = some.iter().map(|(_, meter, Reading { times, by_day })| {
                self.call.stripe.usage(meter, self.customer, *times, *by_day)
            });
            for ((at, ..), mut found) in some.iter().zip(try_join_all(read).await?) {
                summaries[*at].append(&mut found);
            }
        }
        let meters = &self.found.meters;
        let metered = |((listed, _, in_period), summaries): ((Listed, _, _), Vec<_>)| Metered {
            formula: find(meters, &listed.id)
                .map_or(Formula::Other, |meter| meter.default_aggregation.formula),
            quantities: by_day(&summaries),
            listed,
            in_period,
        };
        Ok(wanted.into_iter().zip(summaries).map(metered).collect())
    }
}

/// Reads a customer, and whether it was deleted.
async fn read(call: &Call, customer: String) -> Result<(Found, bool), StripeError> {
    let stripe = &call.stripe;
    let (customer, subscriptions, tiers, catalog, meters) = tokio::try_join!(
        stripe.customer(&customer, Details::None),
        stripe.subscriptions(&customer, Details::None),
        Tiers::load(stripe),
        Catalog::load(stripe, None),
        stripe.meters()
    )?;
    let is_deleted = customer.is_none();
    Ok((Found { customer, subscriptions, tiers, catalog, meters }, is_deleted))
}

/// Reads Stripe's preview of the invoice that bills the current period. Stripe creates none for a paused subscription,
/// and only drafts that it does not charge for an unpaid one.
async fn next_invoice(call: &Call, subscription: &Subscription) -> Result<Next, StripeError> {
    if matches!(subscription.status, SubscriptionStatus::Paused | SubscriptionStatus::Unpaid) {
        return Ok(Next::Nothing);
    }
    match call.stripe.next_invoice(&subscription.id).await {
        Ok(Some(invoice)) => Ok(Next::Known(Box::new(invoice))),
        Ok(None) => Ok(Next::Nothing),
        Err(error) if Refusal::of(&error) == Some(Refusal::TaxLocation) => Ok(Next::Unknown),
        Err(error) => Err(error),
    }
}

/// Reads the catalog with the amounts in `currency`, if it lacks them.
async fn whole_catalog(
    call: &Call,
    catalog: &Catalog,
    currency: Currency,
) -> Result<Option<Catalog>, StripeError> {
    if !catalog.lacks_amounts(currency) {
        return Ok(None);
    }
    Catalog::load(&call.stripe, Some(currency)).await.map(Some)
}

/// Returns the shape of a price, which a subscription does not have whole.
async fn shape(
    call: &Call,
    catalog: &Catalog,
    price: &Price,
    currency: Currency,
) -> Result<PriceShape, StripeError> {
    let read = match catalog.price(&price.id, currency) {
        Some(known) => PriceShape::of(known, currency),
        None => PriceShape::of(&call.stripe.price(&price.id, currency).await?, currency),
    };
    read.ok_or_else(|| StripeError::Malformed {
        request_id: "a price".to_owned(),
        reason: "it has no amounts".to_owned(),
    })
}
