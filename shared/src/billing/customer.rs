//! Creation of an account's Stripe customer.

use stripe_client_core::StripeRequest as _;
use stripe_core::customer::CreateCustomer;

use crate::stripe::views::Customer;
use crate::stripe::{Stripe, StripeError, add_attribution};
use crate::values::Attribution;

/// Creates the Stripe customer of the account that `attribution` names.
///
/// Racing requests must pass the same attribution: they then send identical requests under the same
/// idempotency key, so that Stripe creates one customer for all of them. `request_id` is that of this
/// request.
///
/// # Errors
/// [`StripeError`].
pub async fn create(
    stripe: &Stripe,
    attribution: &Attribution,
    request_id: &str,
) -> Result<Customer, StripeError> {
    let create = async |key: String| {
        let mut request = CreateCustomer::new().build();
        add_attribution(&mut request, "metadata", attribution);
        stripe.send_built(request, Some(key)).await
    };
    let account = &attribution.account;
    match create(format!("customer-{account}")).await {
        // Prefer an orphaned customer to blocking the account until the key expires (24 h).
        Err(error) if error.is_replayed_failure() => {
            create(format!("customer-{account}-{request_id}")).await
        }
        outcome => outcome,
    }
}
