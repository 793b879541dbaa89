//! What info asks Stripe: the catalogue and all about the customer, at once.

use shared::catalog::{Catalog, Tiers};
use shared::stripe::views::{Customer, Subscription};
use shared::{ApiError, Call, Reply, StripeError};

use crate::shape::{Account, Info, Settings};

/// One round trip to Stripe, but for customers who are billed in another currency than the
/// catalogue's own: then the allowances in theirs are asked for, too.
pub async fn info(call: Call) -> Result<Reply, ApiError> {
    call.query.only(&[])?;
    let (mut catalog, tiers, (customer, subscriptions)) = tokio::try_join!(
        Catalog::load(&call.stripe, None),
        Tiers::load(&call.stripe),
        customer(&call)
    )?;
    let account = Account::of(&call.caller, customer.as_ref(), &subscriptions, &tiers);
    let currency = account.currency().unwrap_or(call.config().default_currency);
    if catalog.lacks_tiers(currency) {
        catalog = Catalog::load(&call.stripe, Some(currency)).await?;
    }
    let settings = Settings {
        mode: call.stripe.mode().await?,
        publishable_key: call.publishable_key().await?,
        currency,
    };
    Reply::ok(&Info::of(settings, &account, &catalog.offers(currency)))
}

async fn customer(call: &Call) -> Result<(Option<Customer>, Vec<Subscription>), StripeError> {
    let Some(id) = call.customer() else { return Ok((None, Vec::new())) };
    let (customer, subscriptions) =
        tokio::try_join!(call.stripe.customer(id), call.stripe.subscriptions(id))?;
    Ok((Some(customer), subscriptions))
}
