//! An account's Stripe customer: made once, however many requests race for it, and remembered.

use stripe_client_core::StripeRequest as _;
use stripe_core::customer::CreateCustomer;

use crate::idempotency::Operation;
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
    let send = |key| {
        let mut create = CreateCustomer::new().build();
        stamp.write(&mut create, "metadata");
        call.stripe.send_built::<Customer>(create, Some(key))
    };
    let made = match send(format!("customer-{account}")).await {
        // Stripe has failed under everyone's key for a day. Whoever races now may make one customer
        // too many, of which nothing comes: the table keeps one.
        Err(error) if error.is_failed_for_good() => {
            send(Operation::new(stamp.clone())?.stripe_key("customer")).await
        }
        outcome => outcome,
    }?;
    Ok(call.table().remember_customer(account, &made.id).await?)
}
