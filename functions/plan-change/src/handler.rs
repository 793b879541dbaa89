//! Checks the change, holds the price to the quote, applies the change, and responds with Stripe's result.

use shared::api::idempotency::Operation;
use shared::billing::plan_change::{
    Change, Quote, Target, charge, preview_invoice, quoted_preview, state,
};
use shared::billing::state::BillingState;
use shared::stripe::views::Expandable;
use shared::{ApiError, Call, Reply, Timestamp};

use crate::progress::Progress;
use crate::update::{self, Planned};
use crate::{outcome, swept};

/// The endpoint's name, by which an idempotency key is bound to it.
const ROUTE: &str = "plan-change";

/// Largest number of attempts while other changes replace the items.
const ROUNDS: u32 = 3;

/// Three round trips to Stripe in sequence: the billing, the price again, the change.
///
/// # Errors
/// Those of the contract.
pub async fn plan_change(call: Call) -> Result<Reply, ApiError> {
    call.query.only(&[])?;
    let fields = call.fields(&["plan", "interval", "quote"])?;
    let target = fields.target()?;
    let quote = fields.get("quote");
    call.once(ROUTE, &fields, |operation| change(&call, &target, quote, operation)).await
}

async fn change(
    call: &Call,
    target: &Target,
    quote: Option<&str>,
    operation: Operation,
) -> Result<Reply, ApiError> {
    let mut rounds = 1..ROUNDS;
    loop {
        let billing = call.billing_state().await?;
        match attempt(call, &billing, target, quote, &operation).await {
            Err(error)
                if error.is_bad_request_to_stripe() && is_superseded(call, &billing).await? =>
            {
                rounds.next().ok_or(ApiError::IdempotencyInProgress)?;
            }
            outcome => return outcome,
        }
    }
}

/// Returns whether another change has replaced the items meanwhile.
async fn is_superseded(call: &Call, billing: &BillingState) -> Result<bool, ApiError> {
    let now = call.billing_state().await?;
    let items =
        |billing: &BillingState| billing.current().map(|current| state(current.subscription));
    Ok(items(&now) != items(billing))
}

async fn attempt(
    call: &Call,
    billing: &BillingState,
    target: &Target,
    quote: Option<&str>,
    operation: &Operation,
) -> Result<Reply, ApiError> {
    let progress = Progress::of(operation);
    // A previous attempt applied this change but crashed before recording its response. Stripe replays
    // the original response for the same idempotency key.
    if let Some(planned) = progress.made(operation, &billing.subscriptions) {
        return send(call, billing, planned, operation).await;
    }
    let current = billing.current();
    if let Some((invoice, current)) = progress.half_dropped().zip(current.as_ref()) {
        let key = operation.stripe_key("replace");
        swept::drop_change(call, current.subscription, invoice, &key).await?;
    }
    let offer = target.offer(&billing.offers, &billing.tiers, current.as_ref())?;
    let quote = match quote {
        Some(token) => {
            let keys = call.quote_keys_for(token).await?;
            let quote = Quote::open(&keys, &call.caller.account.id, token, Timestamp::now())?;
            quote.check_plan(&offer.tier, offer.interval)?;
            Some(quote)
        }
        None => None,
    };
    let change = Change::of(current.as_ref(), &billing.tiers, offer)?;
    if let Some(quote) = &quote {
        hold(call, &change, quote).await?;
    }
    let released = release_pending(call, &change, operation).await?;
    if let Some(quote) = quote.as_ref().filter(|_| released) {
        // The restored lines of the dropped change would be charged with this one.
        hold(call, &change, quote).await?;
    }
    let date = quote.as_ref().and_then(Quote::proration_date);
    let planned = progress.first_planned(Planned::of(&change, date, operation));
    Progress::sending(operation, &planned).await?;
    send(call, billing, &planned, operation).await
}

async fn send(
    call: &Call,
    billing: &BillingState,
    planned: &Planned,
    operation: &Operation,
) -> Result<Reply, ApiError> {
    let answer = update::send(call, planned, operation).await;
    outcome::of(call, billing, planned, answer, operation).await
}

/// Previews the price again for the quote's proration date and compares it with the quote.
async fn hold(call: &Call, change: &Change<'_>, quote: &Quote) -> Result<(), ApiError> {
    if quote.is_about(change) {
        match preview_invoice(&call.stripe, change, quote.proration_date()).await {
            Ok(invoice) if quote.holds(charge(&invoice)) => return Ok(()),
            // For example, the proration date lies in a past period by now.
            Err(error) if error.status() != Some(400) => return Err(error.into()),
            Ok(_) | Err(_) => {}
        }
    }
    let keys = call.quote_keys().await?;
    let preview = quoted_preview(&call.stripe, change, &keys, &call.caller.account.id).await?;
    let preview =
        serde_json::to_value(preview).map_err(|error| ApiError::Internal(error.into()))?;
    Err(ApiError::QuoteChanged { preview: Box::new(preview) })
}

/// Drops a pending update, which the new change replaces. Returns whether there was one.
async fn release_pending(
    call: &Call,
    change: &Change<'_>,
    operation: &Operation,
) -> Result<bool, ApiError> {
    let subscription = change.subscription;
    let latest = subscription.latest_invoice.as_ref().and_then(Expandable::object);
    match latest.filter(|_| subscription.pending_update.is_some()) {
        Some(invoice) => {
            Progress::dropping(operation, None, &invoice.id).await?;
            let key = operation.stripe_key("replace");
            swept::drop_change(call, subscription, &invoice.id, &key).await?;
            Ok(true)
        }
        None => Ok(false),
    }
}
