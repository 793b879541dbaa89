//! Phases of schedules in requests.

use super::subscription_params as shared;
use super::tax_rates;
use crate::endpoint::params::{Params, parse_time};
use crate::lifecycle::items::{NewItem, check_currency, check_quantity};
use crate::model::Metadata;
use crate::model::catalog::RequestedDiscount;
use crate::model::schedule::{Phase, PhaseAnchor, PhaseItem, Schedule, Status};
use crate::model::subscription::ProrationBehavior;
use crate::values::errors::{ApiError, Result};
use crate::values::money::Currency;
use crate::values::period::{Interval, Timestamp, Unit};
use crate::world::{World, find_param};

const NOT_IMITATED: &[&str] = &[
    "add_invoice_items",
    "application_fee_percent",
    "automatic_tax",
    "billing_thresholds",
    "collection_method",
    "default_payment_method",
    "invoice_settings",
    "on_behalf_of",
    "transfer_data",
];

/// `now`, or a time.
#[derive(Clone, Copy)]
pub enum Moment {
    Now,
    At(Timestamp),
}

impl Moment {
    pub fn read(p: &mut Params, key: &str) -> Result<Option<Moment>> {
        let name = p.name(key);
        match p.text(key)?.as_deref() {
            None => Ok(None),
            Some("now") => Ok(Some(Moment::Now)),
            Some(text) => parse_time(text, &name).map(|at| Some(Moment::At(at))),
        }
    }

    pub fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Moment::Now => now,
            Moment::At(at) => at,
        }
    }
}

/// Dates that a request can set: a new schedule has one `start_date` for all phases.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum PhaseDates {
    End,
    StartAndEnd,
}

/// Parameters of a phase.
pub struct PhaseParams {
    start: Option<Moment>,
    end: Option<Moment>,
    duration: Option<Interval>,
    items: Vec<NewItem>,
    behavior: Option<ProrationBehavior>,
    anchor: Option<PhaseAnchor>,
    currency: Option<Currency>,
    default_tax_rates: Option<Vec<String>>,
    description: Option<String>,
    discounts: Vec<RequestedDiscount>,
    trial: bool,
    trial_end: Option<Timestamp>,
    metadata: Metadata,
    /// `phases[0]`
    name: String,
}

impl PhaseParams {
    pub fn read(p: &mut Params, dates: PhaseDates) -> Result<PhaseParams> {
        p.not_imitated(NOT_IMITATED)?;
        let mut metadata = Metadata::new();
        if let Some(change) = p.metadata()? {
            change.apply(&mut metadata);
        }
        let items = p.name("items");
        let start = match dates {
            PhaseDates::End => None,
            PhaseDates::StartAndEnd => Moment::read(p, "start_date")?,
        };
        let end = Moment::read(p, "end_date")?;
        let duration = p.hash("duration", |inner| {
            let name = inner.name("interval");
            let unit = inner.choice("interval", Unit::NAMES)?;
            let unit = unit.ok_or_else(|| ApiError::missing_param(&name))?;
            let count = inner.integer_in("interval_count", 1..=1000)?.unwrap_or(1);
            Ok(Interval { unit, count })
        })?;
        if end.is_some() && duration.is_some() {
            return Err(ApiError::invalid(
                "You may only specify one of these parameters: end_date, duration.",
            )
            .code("parameters_exclusive"));
        }
        Ok(PhaseParams {
            start,
            end,
            duration,
            items: shared::new_items(p)?,
            behavior: shared::proration_behavior(p)?,
            anchor: p.choice("billing_cycle_anchor", PhaseAnchor::NAMES)?,
            currency: p.currency("currency")?,
            default_tax_rates: p.strings("default_tax_rates")?,
            description: p.change("description")?.flatten(),
            discounts: shared::discounts(p)?.unwrap_or_default(),
            trial: p.boolean("trial")?.unwrap_or(false),
            trial_end: p.time("trial_end")?,
            metadata,
            name: items.trim_end_matches("[items]").to_owned(),
        })
    }
}

/// Returns the currency of a new schedule: that of its first phase, the customer or the first price.
pub fn currency_of(world: &World, customer: &str, drafts: &[PhaseParams]) -> Result<Currency> {
    let asked = drafts.first().and_then(|draft| draft.currency);
    let first = drafts.first().and_then(|draft| draft.items.first());
    let price =
        first.map(|item| find_param(&world.prices, &item.price, "phases[0][items][0][price]"));
    let price = price.transpose()?.map(|price| price.currency);
    let known = asked.or(world.customer(customer).currency).or(price);
    known.ok_or_else(|| ApiError::missing_param("phases[0][items]"))
}

/// The schedule that phases are for.
pub struct Base {
    currency: Currency,
    /// Start of the first phase, unless the phase sets it.
    start: Option<Timestamp>,
    now: Timestamp,
    /// Prices that stay allowed when they become inactive.
    prices: Vec<String>,
    /// End of the subscription's current trial.
    trial_end: Option<Timestamp>,
    started: bool,
}

impl Base {
    /// Returns the base of a new schedule.
    pub fn new(currency: Currency, start: Timestamp, now: Timestamp) -> Base {
        let (prices, trial_end) = (Vec::new(), None);
        Base { currency, start: Some(start), now, prices, trial_end, started: false }
    }

    pub fn of(world: &World, schedule: &Schedule) -> Base {
        let items = schedule.phases.iter().flat_map(|phase| &phase.items);
        let started = schedule.status == Status::Active;
        Base {
            currency: schedule.currency,
            start: (!started).then(|| schedule.phase().start),
            now: world.now_of(&schedule.customer),
            prices: items.map(|item| item.price.clone()).collect(),
            trial_end: schedule.phase().trial_end.filter(|_| started),
            started,
        }
    }
}

/// Returns the phases with their dates. A phase without an end lasts one period.
pub fn resolve_phases(world: &World, base: &Base, drafts: Vec<PhaseParams>) -> Result<Vec<Phase>> {
    let mut phases: Vec<Phase> = Vec::new();
    for draft in drafts {
        let before = phases.last().map(|phase| phase.end).or(base.start);
        let start = draft.start.map(|start| start.at(base.now)).or(before);
        let start = start.ok_or_else(|| ApiError::missing_param("phases[0][start_date]"))?;
        phases.push(resolve(world, base, draft, start, phases.is_empty())?);
    }
    Ok(phases)
}

fn resolve(
    world: &World,
    base: &Base,
    draft: PhaseParams,
    start: Timestamp,
    is_first: bool,
) -> Result<Phase> {
    let name = draft.name;
    if draft.currency.is_some_and(|currency| currency != base.currency) {
        return Err(ApiError::invalid("All phases of a schedule have the same currency.")
            .param(&format!("{name}[currency]")));
    }
    let items = draft.items.into_iter();
    let items = items
        .map(|item| resolve_item(world, base, item, &format!("{name}[items]")))
        .collect::<Result<Vec<_>>>()?;
    let rates = draft.default_tax_rates.as_deref().unwrap_or_default();
    tax_rates::check(world, rates, &format!("{name}[default_tax_rates]"))?;
    let own = items.first().and_then(|item| world.price(&item.price).recurring.as_ref());
    let lasts = draft.duration.or(own.map(|recurring| recurring.interval));
    let end = draft.end.map(|end| end.at(base.now));
    let end = end.or(lasts.map(|interval| interval.boundary(start, 1))).unwrap_or(start);
    let trial_end = draft.trial_end.or(draft.trial.then_some(end));
    // A trial that begins with a later phase is not implemented.
    let present = base.trial_end.filter(|end| start < *end);
    if trial_end.is_some() && trial_end != present && (base.started || !is_first) {
        return Err(ApiError::not_imitated(&format!("{name}[trial_end]")));
    }
    if trial_end.is_some_and(|at| at > end || at <= start) {
        return Err(ApiError::invalid("The trial of a phase must end within the phase.")
            .param(&format!("{name}[trial_end]")));
    }
    Ok(Phase {
        start,
        end,
        items,
        behavior: draft.behavior.unwrap_or(ProrationBehavior::CreateProrations),
        anchor: draft.anchor,
        metadata: draft.metadata,
        description: draft.description,
        default_tax_rates: draft.default_tax_rates,
        discounts: draft.discounts,
        trial_end: trial_end.or(present),
    })
}

fn resolve_item(world: &World, base: &Base, item: NewItem, name: &str) -> Result<PhaseItem> {
    if !base.prices.contains(&item.price) {
        shared::check_price(world, &item.price, &format!("{name}[price]"))?;
    }
    tax_rates::check(world, &item.tax_rates, &format!("{name}[tax_rates]"))?;
    let price = world.price(&item.price);
    check_currency(price, base.currency)?;
    let quantity = check_quantity(price, item.quantity)?;
    let NewItem { price, tax_rates, discounts, metadata, .. } = item;
    Ok(PhaseItem { price, quantity, tax_rates, discounts, metadata })
}
