//! Creation of an account's Stripe customer.

use stripe_client_core::StripeRequest as _;
use stripe_core::customer::CreateCustomer;

use crate::stripe::views::Customer;
use crate::stripe::{Stripe, StripeError, add_attribution};
use crate::values::Attribution;

/// Creates the Stripe customer of the account that `attribution` names.
///
/// Racing requests must pass the same attribution: they then send identical requests under the same
/// idempotency key, so that Stripe creates one customer for all of them. `deleted` is the ID of the
/// deleted customer that the new one replaces. `request_id` is that of this request.
///
/// # Errors
/// [`StripeError`].
pub async fn create(
    stripe: &Stripe,
    attribution: &Attribution,
    deleted: Option<&str>,
    request_id: &str,
) -> Result<Customer, StripeError> {
    let create = async |key: String| {
        let mut request = CreateCustomer::new().build();
        add_attribution(&mut request, "metadata", attribution);
        stripe.send_built(request, Some(key)).await
    };
    let account = &attribution.account;
    // Stripe would replay the creation of the deleted customer.
    let after = deleted.map(|deleted| format!("-after-{deleted}")).unwrap_or_default();
    let key = format!("customer-{account}{after}");
    match create(key.clone()).await {
        // Prefer an orphaned customer to blocking the account until the key expires (24 h).
        Err(error) if error.is_replayed_failure() => create(format!("{key}-{request_id}")).await,
        outcome => outcome,
    }
}
