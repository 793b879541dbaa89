//! An account's Stripe customer: made once, however many requests race for it, and remembered.

use stripe_client_core::StripeRequest as _;
use stripe_core::customer::CreateCustomer;

use crate::respond::ApiError;
use crate::runtime::Call;
use crate::stripe::views::Customer;

/// The customer's id; makes the customer if there is none.
///
/// Everyone who races for it sends Stripe the same request under the same idempotency key, which
/// makes one customer of them all; the table keeps the first that is written. The same request means
/// the same stamp: that of whoever came first, which the table keeps as well.
///
/// # Errors
/// [`ApiError`] where Stripe or the table cannot be reached.
pub async fn ensure(call: &Call) -> Result<String, ApiError> {
    if let Some(known) = call.customer() {
        return Ok(known.to_owned());
    }
    let account = &call.caller.account.id;
    let stamp = call.table().first_to_make_customer(&call.stamp()).await?;
    let mut create = CreateCustomer::new().build();
    stamp.write(&mut create, "metadata");
    let key = Some(format!("customer-{account}"));
    let made: Customer = call.stripe.send_built(create, key).await?;
    Ok(call.table().remember_customer(account, &made.id).await?)
}
