//! Reads the billing state and the portal's configuration in parallel.

use shared::{ApiError, Call, Reply};

use crate::capabilities::Settings;
use crate::portal;
use crate::response::Info;

/// Responds to the request after one round trip to Stripe, or two for customers in another currency than
/// the catalogue's own.
///
/// # Errors
/// Those of the contract.
pub async fn info(call: Call) -> Result<Reply, ApiError> {
    call.query.only(&[])?;
    let has_portal = async { Ok(portal::is_set_up(&call).await?) };
    let (billing, has_portal) = tokio::try_join!(call.billing_state(), has_portal)?;
    let settings = Settings {
        mode: call.stripe.mode().await?,
        publishable_key: call.publishable_key().await?,
        // The operator's default URLs are within these origins too.
        has_pages: !call.config().allowed_origins.is_empty(),
        has_portal,
        limits: call.config().change_limits,
    };
    Reply::ok(&Info::of(settings, &call.caller, &billing))
}
