//! What info asks Stripe: the catalogue, all about the customer, and the portal, at once.

use shared::{ApiError, Call, Reply, Situation};

use crate::portal;
use crate::shape::{Account, Info, Settings};

/// One round trip to Stripe, but for customers who are billed in another currency than the
/// catalogue's own.
///
/// # Errors
/// What the caller is told.
pub async fn info(call: Call) -> Result<Reply, ApiError> {
    call.query.only(&[])?;
    let (situation, has_portal) =
        tokio::try_join!(Situation::load(&call), portal::is_set_up(&call))?;
    let account = Account::of(&call.caller, situation.customer.as_ref(), situation.current());
    let config = call.config();
    let settings = Settings {
        mode: call.stripe.mode().await?,
        publishable_key: call.publishable_key().await?,
        currency: situation.currency,
        // The operator's own pages lie within these origins, too.
        has_pages: !config.allowed_origins.is_empty(),
        has_portal,
    };
    Reply::ok(&Info::of(settings, &account, &situation.offers))
}
