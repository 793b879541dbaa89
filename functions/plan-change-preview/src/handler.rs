//! Reads the billing state, then previews the update that plan-change would send and the regular invoice
//! after it.

use shared::billing::plan_change::{Change, quoted_preview};
use shared::{ApiError, Call, Reply};

/// Responds to the request after two round trips to Stripe.
///
/// # Errors
/// Those of the contract.
pub async fn plan_change_preview(call: Call) -> Result<Reply, ApiError> {
    call.query.only(&[])?;
    let target = call.fields(&["plan", "interval"])?.target()?;
    let billing = call.billing_state().await?;
    let current = billing.current();
    let offer = target.offer(&billing.offers, &billing.tiers, current.as_ref())?;
    let change = Change::of(current.as_ref(), &billing.tiers, offer)?;
    let keys = call.quote_keys().await?;
    let preview = quoted_preview(&call.stripe, &change, &keys, &call.caller.account.id).await?;
    Reply::ok(&preview)
}
