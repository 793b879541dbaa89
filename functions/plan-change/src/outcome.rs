//! The outcome of the change, taken from Stripe's response.

use serde::Serialize;
use shared::api::idempotency::Operation;
use shared::billing::plan_change::charge;
use shared::billing::state::BillingState;
use shared::billing::subscription::Current;
use shared::stripe::views::{Invoice, Subscription};
use shared::stripe::{Decline, DeclineKind};
use shared::{ApiError, Call, Currency, Date, DateTime, Money, Reply, StripeError, Timestamp};

use crate::progress::Progress;
use crate::swept;
use crate::update::{self, Planned};

/// The answer's body.
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
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct InvoiceBody {
    id: String,
    number: Option<String>,
    status: &'static str,
    /// The total.
    amount: Money,
    hosted_url: Option<String>,
}

/// The result of the update.
struct Made<'a> {
    plan: Option<&'a str>,
    /// When its period ends.
    until: Option<Timestamp>,
    invoice: Option<&'a Invoice>,
}

/// Reads Stripe's answer to the update. A change that was not paid for is undone, or left waiting
/// for the customer to authenticate.
pub async fn of(
    call: &Call,
    billing: &BillingState,
    planned: &Planned,
    answer: Result<Subscription, StripeError>,
    operation: &Operation,
) -> Result<Reply, ApiError> {
    let changed = match answer {
        Ok(changed) => changed,
        Err(error) if error.is_no_payment_method() => {
            return Err(ApiError::PaymentFailed(Box::new(Decline::no_payment_method())));
        }
        Err(error) if error.is_replayed_failure() => {
            return Err(half_undone(call, billing, planned, error, operation).await?);
        }
        Err(error) => {
            let declined =
                error.decline().map(|decline| ApiError::PaymentFailed(Box::new(decline)));
            return Err(declined.unwrap_or_else(|| error.into()));
        }
    };
    if changed.pending_update.is_none() {
        return applied(billing, planned, &changed);
    }
    // This may be the replayed response of a previous attempt, and the customer may have paid since.
    let now = planned.subscription(&billing.subscriptions);
    let paid_since = now.filter(|now| update::is_in_force(operation, now));
    match paid_since {
        Some(subscription) if update::is_still(planned, operation, subscription) => {
            applied(billing, planned, subscription)
        }
        Some(_) => superseded(call, billing, planned, &changed).await,
        None => Err(unpaid(call, billing, planned, &changed, operation).await?),
    }
}

fn applied(
    billing: &BillingState,
    planned: &Planned,
    changed: &Subscription,
) -> Result<Reply, ApiError> {
    let subscriptions = std::slice::from_ref(changed);
    let plan = Current::of(subscriptions, &billing.tiers).and_then(|current| current.plan);
    let base = plan.map(|plan| plan.item).or(changed.items.data.first());
    let made = Made {
        plan: plan.map(|plan| plan.tier),
        until: base.map(|item| item.current_period_end),
        invoice: planned.invoice(changed),
    };
    Reply::ok(&Changed::of(billing, planned, changed, &made))
}

/// Returns a pending update that was paid and then superseded by another change or a renewal, as it was
/// applied. `waited` is Stripe's response from then.
async fn superseded(
    call: &Call,
    billing: &BillingState,
    planned: &Planned,
    waited: &Subscription,
) -> Result<Reply, ApiError> {
    let invoice = match planned.invoice(waited) {
        Some(invoice) => Some(call.stripe.invoice(&invoice.id).await?),
        None => None,
    };
    let update = waited.pending_update.as_ref();
    let plan = update.and_then(|update| billing.tiers.of_pending(update));
    let billed_until =
        invoice.iter().flat_map(|invoice| &invoice.lines.data).map(|line| line.period.end);
    let made = Made { plan, until: billed_until.max(), invoice: invoice.as_ref() };
    Reply::ok(&Changed::of(billing, planned, waited, &made))
}

/// Why the change waits: an authentication, and then it goes on waiting; or a decline, and then it
/// is dropped, so that nothing is left to pay and nothing that a retry would charge.
async fn unpaid(
    call: &Call,
    billing: &BillingState,
    planned: &Planned,
    changed: &Subscription,
    operation: &Operation,
) -> Result<ApiError, ApiError> {
    let Some(invoice) = planned.invoice(changed) else {
        return Err(ApiError::Internal("a change waits for no invoice".into()));
    };
    let decline = why(call, &invoice.id).await?;
    if decline.kind == DeclineKind::Authentication {
        return Ok(ApiError::PaymentActionRequired { url: invoice.hosted_invoice_url.clone() });
    }
    Progress::dropping(operation, Some(planned), &invoice.id).await?;
    // As it was read before the change: with all its items.
    let before = planned.subscription(&billing.subscriptions).unwrap_or(changed);
    undo(call, before, &invoice.id, decline, operation).await
}

/// Stripe replays a failure of its own and no longer returns the outcome of the update. After a decline, the
/// journal of a previous attempt names the invoice that it was dropping.
async fn half_undone(
    call: &Call,
    billing: &BillingState,
    planned: &Planned,
    error: StripeError,
    operation: &Operation,
) -> Result<ApiError, ApiError> {
    let progress = Progress::of(operation);
    let subscription = planned.subscription(&billing.subscriptions);
    // If it was paid for all the same, it is none.
    let subscription = subscription.filter(|now| !update::is_in_force(operation, now));
    let Some((invoice, subscription)) = progress.half_undone().zip(subscription) else {
        return Err(error.into());
    };
    let decline = why(call, invoice).await?;
    undo(call, subscription, invoice, decline, operation).await
}

/// Why the invoice was not paid.
async fn why(call: &Call, invoice: &str) -> Result<Decline, ApiError> {
    let payments = call.stripe.payments(invoice).await?;
    Ok(Decline::of_payments(&payments.data).unwrap_or_else(Decline::no_payment_method))
}

/// Drops the change that was declined.
async fn undo(
    call: &Call,
    subscription: &Subscription,
    invoice: &str,
    decline: Decline,
    operation: &Operation,
) -> Result<ApiError, ApiError> {
    let key = operation.stripe_key("undo");
    swept::drop_change(call, subscription, invoice, &key).await?;
    Ok(ApiError::PaymentFailed(Box::new(decline)))
}

impl Changed {
    fn of(
        billing: &BillingState,
        planned: &Planned,
        changed: &Subscription,
        made: &Made<'_>,
    ) -> Self {
        // The answer to the update does not say what time it is there; the reading before it does.
        let before = planned.subscription(&billing.subscriptions);
        let now = || before.unwrap_or(changed).now();
        Self {
            plan: made.plan.map(str::to_owned),
            previous_plan: planned.previous_plan.clone(),
            status: changed.status.as_str(),
            outcome: "applied",
            proration_amount: made.invoice.map_or(Money::new(0, changed.currency), charge),
            currency: changed.currency,
            effective_at: made.invoice.map_or_else(now, |invoice| invoice.created).date_time(),
            current_period_end: made.until.map(Timestamp::date),
            invoice: made.invoice.map(InvoiceBody::of),
        }
    }
}

impl InvoiceBody {
    fn of(invoice: &Invoice) -> Self {
        Self {
            id: invoice.id.clone(),
            number: invoice.number.clone(),
            status: invoice.status.as_str(),
            amount: Money::new(invoice.total, invoice.currency),
            hosted_url: invoice.hosted_invoice_url.clone(),
        }
    }
}
