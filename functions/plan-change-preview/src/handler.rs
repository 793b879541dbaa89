//! What a preview asks Stripe: the situation, then the invoice of the very update that plan-change
//! would send, and the regular one that follows.

use shared::Situation;
use shared::change::{Change, Target, quoted_preview};
use shared::{ApiError, Call, Reply};

/// Two round trips to Stripe in sequence.
///
/// # Errors
/// What the caller is told.
pub async fn plan_change_preview(call: Call) -> Result<Reply, ApiError> {
    call.query.only(&[])?;
    let target = Target::of(&call.fields(&["plan", "interval"])?)?;
    let situation = Situation::load(&call).await?;
    let current = situation.current();
    let offer = target.offer(&situation.offers, &situation.tiers, current.as_ref())?;
    let change = Change::of(current.as_ref(), &situation.tiers, offer)?;
    Reply::ok(&quoted_preview(&call, &change).await?)
}
