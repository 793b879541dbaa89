//! Reads the billing state and the portal's configuration in parallel.

use shared::{ApiError, Call, Reply};

use crate::portal;
use crate::response::{Account, Info, Settings};

/// Responds to the request after one round trip to Stripe, or two for customers in another currency than
/// the catalogue's own.
///
/// # Errors
/// Those of the contract.
pub async fn info(call: Call) -> Result<Reply, ApiError> {
    call.query.only(&[])?;
    let (billing, has_portal) = tokio::try_join!(call.billing_state(), portal::is_set_up(&call))?;
    let account = Account::of(&call.caller, billing.customer.as_ref(), billing.current());
    let config = call.config();
    let settings = Settings {
        mode: call.stripe.mode().await?,
        publishable_key: call.publishable_key().await?,
        currency: billing.currency,
        // The operator's default URLs are within these origins too.
        has_pages: !config.allowed_origins.is_empty(),
        has_portal,
    };
    Reply::ok(&Info::of(settings, &account, &billing.offers))
}
