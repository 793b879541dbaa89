//! Checks that a Stripe customer exists and belongs to no other account.

use std::collections::HashMap;

use aws_config::SdkConfig;
use clap::Args;
use serde::{Deserialize, Serialize};
use shared::values::ACCOUNT_METADATA;
use shared::{Stripe, StripeError};
use stripe_core::customer::RetrieveCustomer;

use crate::aws::secrets;
use crate::aws::table::Table;
use crate::error::{CliError, Result};
use crate::options::GlobalOptions;
use crate::stripe;

/// Arguments of the check.
#[derive(Args)]
pub(crate) struct CustomerCheckArgs {
    /// Link the customer without checking it with Stripe (key: STRIPE_SECRET_KEY, else --stripe-read-secret)
    #[arg(long)]
    skip_check: bool,
}

/// Fields that the check reads. For a deleted customer Stripe sends no metadata.
#[derive(Deserialize, Serialize)]
struct CustomerView {
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    metadata: HashMap<String, String>,
}

/// Checks that `customer` can be linked to the account with the ID `account`.
pub(super) async fn run(
    options: &GlobalOptions,
    sdk: &SdkConfig,
    table: &Table,
    args: &CustomerCheckArgs,
    customer: &str,
    account: &str,
) -> Result<()> {
    // A customer that a function created has no entry of its own, so all accounts are searched.
    if let Some(other) = table.handle_of_customer(customer, account).await? {
        return Err(CliError::new(format!(
            "{customer} is the customer of {other}, and two accounts cannot share a customer; unlink it there first, or choose another"
        )));
    }
    if args.skip_check {
        return Ok(());
    }
    let stripe = client(sdk, &options.read_secret)
        .await
        .map_err(|error| CliError::new(format!("{error}, or use --skip-check")))?;
    let mode = stripe.mode().await?.as_str();
    match stripe.send::<CustomerView>(&RetrieveCustomer::new(customer)).await {
        Ok(found) => check_owner(&found, customer, account),
        Err(StripeError::Refused { status: 404, .. }) => Err(CliError::new(format!(
            "Stripe has no customer {customer} in {mode} mode; check the ID, the Stripe account and the mode"
        ))),
        Err(error) => Err(CliError::new(format!(
            "{customer} could not be checked with Stripe ({error}); --skip-check links it without the check"
        ))),
    }
}

fn check_owner(found: &CustomerView, customer: &str, account: &str) -> Result<()> {
    if found.deleted {
        return Err(CliError::new(format!(
            "{customer} was deleted in Stripe; choose another customer"
        )));
    }
    match found.metadata.get(ACCOUNT_METADATA).filter(|owner| *owner != account) {
        Some(owner) => Err(CliError::new(format!(
            "{customer} belongs to the account {owner}, as its metadata in Stripe says; to link it here, change {ACCOUNT_METADATA} in its metadata"
        ))),
        None => Ok(()),
    }
}

/// Returns a client with the key of the environment, else with that of the GET functions from the secret `id`.
pub(super) async fn client(sdk: &SdkConfig, id: &str) -> Result<Stripe> {
    if stripe::has_key_in_env() {
        return stripe::client_from_env();
    }
    let keys = secrets::stripe_keys(sdk, id).await.map_err(|error| {
        CliError::new(format!("{}; or set STRIPE_SECRET_KEY", CliError::from(error)))
    })?;
    stripe::client(&keys, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deleted_customer_and_customer_of_another_account_are_refused() {
        let customer = |deleted: bool, account: Option<&str>| CustomerView {
            deleted,
            metadata: account
                .map(|account| (ACCOUNT_METADATA.to_owned(), account.to_owned()))
                .into_iter()
                .collect(),
        };
        let cases = [
            (customer(false, None), None),
            (customer(false, Some("acc_1")), None),
            (customer(false, Some("acc_2")), Some("belongs to the account acc_2")),
            (customer(true, None), Some("deleted")),
        ];
        for (found, expected) in cases {
            let error = check_owner(&found, "cus_1", "acc_1").err().map(|error| error.to_string());
            assert_eq!(error.is_some(), expected.is_some());
            assert!(expected.is_none_or(|part| error.is_some_and(|error| error.contains(part))));
        }
    }
}
