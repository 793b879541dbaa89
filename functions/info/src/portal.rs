//! Checks whether Stripe would open the Billing Portal, which needs a configuration.

use serde::{Deserialize, Serialize};
use shared::stripe::views::{Id, List};
use shared::{Call, Scope, StripeError};
use stripe_billing::billing_portal_configuration::{
    ListBillingPortalConfiguration, RetrieveBillingPortalConfiguration,
};

#[derive(Deserialize, Serialize)]
struct Configuration {
    active: bool,
}

/// Returns whether the portal's configuration exists and is active. Callers without the admin scope cannot
/// open the portal, so the check costs them no call.
pub async fn is_set_up(call: &Call) -> Result<bool, StripeError> {
    if call.caller.scope < Scope::Admin {
        return Ok(false);
    }
    let Some(id) = &call.config().portal_configuration else {
        let saved = ListBillingPortalConfiguration::new().is_default(true).limit(1);
        return Ok(!call.stripe.send::<List<Id>>(&saved).await?.data.is_empty());
    };
    let named = RetrieveBillingPortalConfiguration::new(id.as_str());
    match call.stripe.send::<Configuration>(&named).await {
        Ok(configuration) => Ok(configuration.active),
        Err(error) if error.code() == Some("resource_missing") => Ok(false),
        Err(error) => Err(error),
    }
}
