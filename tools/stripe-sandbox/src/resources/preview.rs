//! `POST /v1/invoices/create_preview`.

use serde_json::Value;

use super::invoice_items::ItemParams;
use super::invoice_json::to_json;
use super::preview_schedule::ScheduleParams;
use super::subscription_params as shared;
use super::{subscription_pause, tax_rates};
use crate::endpoint::call::{Call, Endpoint, post_read};
use crate::endpoint::params::{Params, parse_time};
use crate::lifecycle::automatic_tax::check_location;
use crate::lifecycle::draft::set_amount_due;
use crate::lifecycle::item_diff::ItemChange;
use crate::lifecycle::items::NewItem;
use crate::lifecycle::pause::BillFor;
use crate::lifecycle::plan::{BillingChange, TrialEnd};
use crate::lifecycle::preview::{
    PreviewOptions, preview_items, preview_new_subscription, preview_subscription,
};
use crate::lifecycle::resume::ResumeOptions;
use crate::lifecycle::subscribe::NewSubscription;
use crate::model::catalog::RequestedDiscount;
use crate::model::invoice::Invoice;
use crate::model::subscription::{
    AutomaticTax, BillingMode, Collection, PaymentBehavior, ProrationBehavior, TrialSettings,
};
use crate::model::{Metadata, MetadataChange};
use crate::values::errors::{ApiError, Result};
use crate::values::money::Currency;
use crate::values::period::{DAY, Timestamp};
use crate::world::{World, find_live_customer_param, find_param};

pub const ENDPOINTS: &[Endpoint] =
    &[post_read("/v1/invoices/create_preview", "invoice", "invoice", create_preview)];

const NOT_IMITATED: &[&str] = &["customer_account", "customer_details", "issuer", "on_behalf_of"];
const NOT_IMITATED_IN_DETAILS: &[&str] = &["billing_schedules", "start_date"];

struct Request {
    schedule: Option<ScheduleParams>,
    automatic_tax: Option<AutomaticTax>,
    customer: Option<String>,
    subscription: Option<String>,
    currency: Option<Currency>,
    recurring: bool,
    discounts: Option<Vec<RequestedDiscount>>,
    invoice_items: Vec<ItemParams>,
    details: SubscriptionDetails,
}

/// `subscription_details` of an existing or a new subscription.
#[derive(Default)]
struct SubscriptionDetails {
    metadata: Option<MetadataChange>,
    items: Option<Vec<ItemChange>>,
    anchor_now: Option<bool>,
    behavior: Option<ProrationBehavior>,
    date: Option<Timestamp>,
    mode: Option<(BillingMode, bool)>,
    cancel_at: Option<Timestamp>,
    cancel_at_period_end: Option<bool>,
    cancel_now: bool,
    default_tax_rates: Option<Vec<String>>,
    trial_end: Option<TrialEnd>,
    pause: Option<BillFor>,
    resume: bool,
}

impl SubscriptionDetails {
    /// Returns the options of a resumption.
    fn resume_options(&self) -> ResumeOptions {
        ResumeOptions {
            anchor_now: self.anchor_now.unwrap_or(true),
            behavior: self.behavior.unwrap_or(ProrationBehavior::CreateProrations),
            date: self.date,
        }
    }
}

fn create_preview(call: &mut Call<'_>) -> Result<Value> {
    let mut request = read(&mut call.params)?;
    call.begin()?;
    let world = &mut *call.world;
    tax_rates::check(
        world,
        request.details.default_tax_rates.as_deref().unwrap_or_default(),
        "default_tax_rates",
    )?;
    let preview = match (request.schedule.take(), &request.subscription) {
        (Some(schedule), _) => {
            let customer = request.customer.as_deref();
            let mut preview = schedule.preview(world, customer, request.recurring)?;
            add_items(world, &mut preview, request.invoice_items)?;
            preview
        }
        (None, Some(id)) => preview_existing(world, &id.clone(), request)?,
        (None, None) => preview_prospective(world, request)?,
    };
    let object = to_json(world, &preview);
    world.previews.store(preview);
    Ok(object)
}

fn read(p: &mut Params) -> Result<Request> {
    p.not_imitated(NOT_IMITATED)?;
    Ok(Request {
        schedule: ScheduleParams::read(p)?,
        automatic_tax: shared::automatic_tax(p)?,
        customer: p.text("customer")?,
        subscription: p.text("subscription")?,
        currency: p.currency("currency")?,
        recurring: p
            .choice("preview_mode", &[("next", false), ("recurring", true)])?
            .unwrap_or(false),
        discounts: shared::discounts(p)?,
        invoice_items: p.list("invoice_items", ItemParams::read_in_preview)?.unwrap_or_default(),
        details: p.hash("subscription_details", read_details)?.unwrap_or_default(),
    })
}

fn read_details(p: &mut Params) -> Result<SubscriptionDetails> {
    p.not_imitated(NOT_IMITATED_IN_DETAILS)?;
    let cancel_at = p.name("cancel_at");
    Ok(SubscriptionDetails {
        metadata: p.metadata()?,
        items: shared::item_changes(p)?,
        anchor_now: shared::anchor_now(p, true)?,
        behavior: shared::proration_behavior(p)?,
        date: p.time("proration_date")?,
        mode: p.has("billing_mode").then(|| shared::billing_mode(p)).transpose()?,
        cancel_at: p.text("cancel_at")?.map(|text| parse_time(&text, &cancel_at)).transpose()?,
        cancel_at_period_end: p.boolean("cancel_at_period_end")?,
        cancel_now: p.boolean("cancel_now")?.unwrap_or(false),
        default_tax_rates: p.strings("default_tax_rates")?,
        trial_end: shared::trial_end(p)?,
        pause: p.hash("pause", subscription_pause::read_pause)?,
        resume: p.choice("resume_at", &[("now", ())])?.is_some(),
    })
}

fn preview_existing(world: &mut World, id: &str, request: Request) -> Result<Invoice> {
    let sub = find_param(world.subscriptions(), id, "subscription")?.clone();
    if let Some(customer) = request.customer.filter(|customer| *customer != sub.customer) {
        return Err(ApiError::invalid(format!(
            "Customer {customer} does not have a subscription with ID {id}"
        ))
        .param("subscription"));
    }
    let details = request.details;
    shared::check_item_changes(world, &sub, details.items.as_deref().unwrap_or_default())?;
    let resume = details.resume.then(|| details.resume_options());
    let anchor_now = details.anchor_now.unwrap_or(false);
    let items = shared::items_change(details.items, anchor_now, details.behavior, details.date);
    let details = PreviewOptions {
        pause: details.pause,
        resume,
        billing: BillingChange {
            items,
            trial_end: details.trial_end,
            behavior: details.behavior,
            date: details.date,
            add_invoice_items: Vec::new(),
        },
        automatic_tax: request.automatic_tax,
        phases: None,
        metadata: details.metadata,
        cancel_at: details.cancel_at,
        cancel_at_period_end: details.cancel_at_period_end,
        cancel_now: details.cancel_now,
        default_tax_rates: details.default_tax_rates,
        discounts: request.discounts,
        recurring: request.recurring,
    };
    let mut preview = preview_subscription(world, id, &details)?;
    add_items(world, &mut preview, request.invoice_items)?;
    Ok(preview)
}

fn preview_prospective(world: &mut World, request: Request) -> Result<Invoice> {
    let Some(customer) = request.customer else { return Err(nothing_to_preview()) };
    let found = find_live_customer_param(world, &customer, "customer")?.clone();
    let now = world.now_of(&customer);
    let details = request.details;
    let automatic_tax = request.automatic_tax.unwrap_or_default();
    let mut preview = match details.items {
        None if request.invoice_items.is_empty() => return Err(nothing_to_preview()),
        None => {
            check_location(world, &customer, automatic_tax)?;
            let mut preview = preview_items(world, &customer, Vec::new());
            preview.automatic_tax = automatic_tax;
            preview.currency = request.currency.or(found.currency).unwrap_or(Currency::USD);
            preview
        }
        Some(items) => {
            let items = new_items(items)?;
            shared::check_new_items(world, &items)?;
            let trial_end = match details.trial_end {
                Some(TrialEnd::At(at)) if at > now && at <= now + 730 * DAY => Some(at),
                Some(TrialEnd::At(_)) => {
                    return Err(ApiError::invalid("Invalid timestamp").param("trial_end"));
                }
                Some(TrialEnd::Now) | None => None,
            };
            let new = NewSubscription {
                customer,
                items,
                currency: request.currency,
                automatic_tax,
                collection: Collection::Charge,
                days_until_due: None,
                default_payment_method: None,
                default_tax_rates: details.default_tax_rates.unwrap_or_default(),
                discounts: request.discounts.unwrap_or_default(),
                add_invoice_items: Vec::new(),
                description: None,
                metadata: Metadata::new(),
                trial_end,
                trial_settings: TrialSettings::default(),
                anchor: None,
                prorate_first: true,
                mode: details.mode.unwrap_or((BillingMode::Flexible, false)),
                behavior: PaymentBehavior::Allow,
                save_default_payment_method: false,
                keeps_draft: false,
            };
            let mut preview = preview_new_subscription(world, &new, request.recurring)?;
            preview.subscription = None;
            preview
        }
    };
    add_items(world, &mut preview, request.invoice_items)?;
    Ok(preview)
}

fn nothing_to_preview() -> ApiError {
    ApiError::invalid(
        "You must provide one of `subscription`, `subscription_details[items]`, `schedule`, `schedule_details[phases]`, or `invoice_items` to preview an invoice.",
    )
    .code("parameter_missing")
}

fn new_items(changes: Vec<ItemChange>) -> Result<Vec<NewItem>> {
    changes
        .into_iter()
        .map(|change| match (change.id, change.price) {
            (Some(id), _) => Err(ApiError::no_such_param(
                "subscription item",
                &id,
                "subscription_details[items]",
            )),
            (None, Some(price)) => Ok(NewItem {
                price,
                quantity: change.quantity,
                tax_rates: change.tax_rates.unwrap_or_default(),
                discounts: change.discounts.unwrap_or_default(),
                metadata: Metadata::new(),
            }),
            (None, None) => Err(ApiError::missing_param("subscription_details[items][price]")),
        })
        .collect()
}

fn add_items(world: &mut World, preview: &mut Invoice, items: Vec<ItemParams>) -> Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    for item in items {
        let id = world.ids.id("ii");
        let (customer, currency) = (preview.customer.clone(), Some(preview.currency));
        let (mut line, _, _) = item.line(world, &id, &customer, currency, preview.created)?;
        line.id = format!("il_tmp{}", world.ids.text(24));
        world.resolve_line(&mut line, &preview.default_tax_rates, preview.created);
        preview.lines.push(line);
    }
    let balance = preview.starting_balance;
    world.compute_totals(preview);
    set_amount_due(preview, balance);
    Ok(())
}
