//! Holds the price to the quote, immediately before the change.

use shared::billing::plan_change::{Change, HeldPrice, held_price, quoted_preview};
use shared::{ApiError, Call};

use crate::request::Quoted;

/// Returns the price of the change: with a quote, the quoted one if it still holds.
///
/// # Errors
/// `quote_changed` with a new preview; those of Stripe.
pub async fn hold(
    call: &Call,
    change: &Change<'_>,
    quoted: Option<&Quoted>,
) -> Result<HeldPrice, ApiError> {
    let Some(Quoted { quote, most }) = quoted else {
        return Ok(held_price(&call.stripe, change, None).await?);
    };
    if quote.is_about(change) {
        match held_price(&call.stripe, change, quote.proration_date()).await {
            Ok(price) => {
                let price = HeldPrice { most: *most, ..price };
                if quote.holds(&price) {
                    return Ok(price);
                }
            }
            // For example, the proration date lies in a past period by now.
            Err(error) if error.status() == Some(400) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(quote_changed(call, change).await?)
}

/// Returns the error with a new preview.
///
/// # Errors
/// Those of Stripe; `unavailable`.
pub async fn quote_changed(call: &Call, change: &Change<'_>) -> Result<ApiError, ApiError> {
    let keys = call.quote_keys().await?;
    let preview = quoted_preview(&call.stripe, change, &keys, &call.caller.account.id).await?;
    let preview =
        serde_json::to_value(preview).map_err(|error| ApiError::Internal(error.into()))?;
    Ok(ApiError::QuoteChanged { preview: Box::new(preview) })
}
