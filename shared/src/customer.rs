//! An account's Stripe customer: made once, however many requests race for it, and remembered.

use std::collections::HashMap;

use stripe_core::customer::CreateCustomer;

use crate::respond::ApiError;
use crate::runtime::Call;
use crate::stripe::views::Customer;

/// The metadata key by which Stripe's objects name our account.
pub const ACCOUNT_KEY: &str = "cantila_account";

/// The customer's id; makes the customer if there is none.
///
/// Everyone who races for it sends Stripe the same request under the same idempotency key, which
/// makes one customer of them all; the table keeps the first that is written.
///
/// # Errors
/// [`ApiError`] where Stripe or the table cannot be reached.
pub async fn ensure(call: &Call) -> Result<String, ApiError> {
    if let Some(known) = call.customer() {
        return Ok(known.to_owned());
    }
    let account = &call.caller.account.id;
    let metadata = HashMap::from([(ACCOUNT_KEY.to_owned(), account.clone())]);
    let create = CreateCustomer::new().metadata(metadata);
    let made: Customer = call.stripe.send_once(&create, &format!("customer-{account}")).await?;
    Ok(call.table().remember_customer(account, &made.id).await?)
}
