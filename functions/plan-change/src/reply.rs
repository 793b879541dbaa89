//! The response, taken from what Stripe answered.

use serde::Serialize;
use shared::billing::payment::Payment;
use shared::billing::plan_change::{Scheduling, Update, charge};
use shared::billing::state::BillingState;
use shared::billing::subscription::Current;
use shared::stripe::views::{Invoice, Subscription};
use shared::{ApiError, Call, Currency, Date, DateTime, Money, Reply, Timestamp};

/// The body.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Changed {
    plan: Option<String>,
    previous_plan: String,
    status: &'static str,
    outcome: &'static str,
    proration_amount: Money,
    currency: Currency,
    effective_at: DateTime,
    current_period_end: Option<Date>,
    invoice: Option<InvoiceBody>,
    warnings: &'static [&'static str],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct InvoiceBody {
    id: String,
    number: Option<String>,
    status: &'static str,
    payment: &'static str,
    /// The total.
    amount: Money,
    hosted_url: Option<String>,
}

/// Responds to a change in force. `changed` is the subscription as Stripe changed it.
///
/// # Errors
/// Those of Stripe.
pub async fn applied(
    call: &Call,
    billing: &BillingState,
    update: &Update,
    changed: &Subscription,
) -> Result<Reply, ApiError> {
    let payment = match (update.invoice(changed), &billing.customer) {
        (Some(invoice), Some(customer)) => {
            Payment::load(&call.stripe, &customer.id, invoice).await?
        }
        _ => Payment::None,
    };
    let body = Changed::of("applied", billing, update, changed, &payment);
    if body.warnings.is_empty() {
        return Reply::ok(&body);
    }
    let invoice = body.invoice.as_ref().map_or("-", |invoice| invoice.id.as_str());
    // An operator has to look at it: Stripe cannot make an update conditional on its amount.
    tracing::error!(
        request_id = call.request_id(),
        subscription = changed.id,
        invoice,
        "a plan change was charged at another amount than the held one"
    );
    Ok(Reply::ok(&body)?.with_differing_amount())
}

/// Responds to a change that waits for a payment that is processing. The plan is still the previous one.
///
/// # Errors
/// `internal` if the body cannot be written.
pub fn processing(
    billing: &BillingState,
    update: &Update,
    changed: &Subscription,
    payment: &Payment,
) -> Result<Reply, ApiError> {
    let before = before(billing, update).unwrap_or(changed);
    let subscriptions = std::slice::from_ref(before);
    let plan = Current::of(subscriptions, &billing.tiers).and_then(|current| current.plan);
    let until = plan.map(|plan| plan.item.current_period_end.date());
    let plan = plan.map(|plan| plan.tier.to_owned());
    let body = Changed::of("processing", billing, update, changed, payment);
    Reply::ok(&Changed { plan, current_period_end: until, ..body })
}

/// Responds to a change that is scheduled for `at`. Nothing is charged until then.
///
/// # Errors
/// `internal` if the body cannot be written, or the subscription is not the account's.
pub fn scheduled(
    billing: &BillingState,
    scheduling: &Scheduling,
    at: Timestamp,
) -> Result<Reply, ApiError> {
    let all = &billing.subscriptions;
    let found = all.iter().find(|one| one.id == scheduling.subscription);
    let subscription = found.ok_or_else(|| ApiError::Internal("no such subscription".into()))?;
    let current = Current::of(std::slice::from_ref(subscription), &billing.tiers);
    let until = current.and_then(|current| current.plan).map(|plan| plan.item.current_period_end);
    Reply::ok(&Changed {
        plan: Some(scheduling.plan.clone()),
        previous_plan: scheduling.previous_plan.clone(),
        status: subscription.status.as_str(),
        outcome: "scheduled",
        proration_amount: Money::new(0, subscription.currency),
        currency: subscription.currency,
        effective_at: at.date_time(),
        current_period_end: until.map(Timestamp::date),
        invoice: None,
        warnings: &[],
    })
}

/// Returns the subscription as it was read before the change.
fn before<'a>(billing: &'a BillingState, update: &Update) -> Option<&'a Subscription> {
    billing.subscriptions.iter().find(|subscription| subscription.id == update.subscription)
}

impl Changed {
    fn of(
        outcome: &'static str,
        billing: &BillingState,
        update: &Update,
        changed: &Subscription,
        payment: &Payment,
    ) -> Self {
        let invoice = update.invoice(changed);
        let subscriptions = std::slice::from_ref(changed);
        let plan = Current::of(subscriptions, &billing.tiers).and_then(|current| current.plan);
        let base = plan.map(|plan| plan.item).or(changed.items.data.first());
        // The answer to the update does not say what time it is there; the reading before it does.
        let now = || before(billing, update).unwrap_or(changed).now();
        Self {
            plan: plan.map(|plan| plan.tier.to_owned()),
            previous_plan: update.previous_plan.clone(),
            status: changed.status.as_str(),
            outcome,
            proration_amount: invoice.map_or(Money::new(0, changed.currency), charge),
            currency: changed.currency,
            effective_at: invoice.map_or_else(now, |invoice| invoice.created).date_time(),
            current_period_end: base.map(|item| item.current_period_end).map(Timestamp::date),
            invoice: invoice.map(|invoice| InvoiceBody::of(invoice, payment)),
            warnings: if update.differs_from(invoice) { &["amount_differs"] } else { &[] },
        }
    }
}

impl InvoiceBody {
    fn of(invoice: &Invoice, payment: &Payment) -> Self {
        Self {
            id: invoice.id.clone(),
            number: invoice.number.clone(),
            status: invoice.status.as_str(),
            payment: payment.as_str(),
            amount: Money::new(invoice.total, invoice.currency),
            hosted_url: invoice.hosted_invoice_url.clone(),
        }
    }
}
