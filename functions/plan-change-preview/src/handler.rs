//! Reads the billing state, then previews the update that plan-change would send and the regular invoice
//! after it.

use shared::billing::plan_change::{Change, Effective, Preview, Target, quoted_preview};
use shared::{ApiError, Call, Reply};

/// Responds to the request after two round trips to Stripe.
///
/// # Errors
/// Those of the contract.
pub async fn plan_change_preview(call: Call) -> Result<Reply, ApiError> {
    call.query.only(&[])?;
    let fields = call.fields(&["plan", "interval", "effective"])?;
    let (target, effective) = (fields.target()?, fields.effective()?);
    let preview = match preview(&call, &target, effective).await {
        // Somebody has changed the items, or canceled the subscription, since they were read.
        Err(error) if error.is_bad_request_to_stripe() => preview(&call, &target, effective).await,
        outcome => outcome,
    }?;
    Reply::ok(&preview)
}

async fn preview(call: &Call, target: &Target, effective: Effective) -> Result<Preview, ApiError> {
    let billing = call.billing_state().await?;
    let current = billing.current();
    let offer = target.offer(&billing.offers, &billing.tiers, current.as_ref())?;
    let limits = call.config().change_limits;
    let change =
        Change::of(current.as_ref(), &billing.payment, &billing.tiers, offer, limits, effective)?;
    let keys = call.quote_keys().await?;
    Ok(quoted_preview(&call.stripe, &change, &keys, &call.caller.account.id).await?)
}
