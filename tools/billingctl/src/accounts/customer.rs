//! Whether a Stripe customer can be an account's: that it exists, and is nobody else's.

use std::collections::HashMap;

use aws_config::SdkConfig;
use serde::Deserialize;
use shared::secrets::StripeKeys;
use shared::stamp;
use shared::{Stripe, StripeError};
use stripe_core::customer::RetrieveCustomer;

use crate::cli::CustomerCheck;
use crate::error::{Failure, Result};
use crate::table::Table;
use crate::{aws, stripe};

/// What Stripe tells of it; of a deleted one hardly anything.
#[derive(Deserialize)]
struct Customer {
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    metadata: HashMap<String, String>,
}

/// That `customer` can be the one of the account with this id.
pub(super) async fn check(
    sdk: &SdkConfig,
    table: &Table,
    wanted: &CustomerCheck,
    customer: &str,
    account: &str,
) -> Result<()> {
    // Customers that functions have made are known by their accounts alone.
    if let Some(other) = table.has_customer(customer, account).await? {
        return Err(Failure::new(format!(
            "{customer} is the customer of {other}; two accounts cannot share one"
        )));
    }
    if wanted.skip_check {
        return Ok(());
    }
    let stripe = client(sdk, wanted).await?;
    let mode = stripe.mode().await?.as_str();
    match stripe.send::<Customer>(&RetrieveCustomer::new(customer)).await {
        Ok(found) => judge(&found, customer, account),
        Err(StripeError::Refused { status: 404, .. }) => Err(Failure::new(format!(
            "Stripe has no customer {customer} in {mode} mode; check the id, and that it is of this account and mode"
        ))),
        Err(error) => Err(Failure::new(format!(
            "Stripe could not be asked about {customer} ({error}); with --skip-check it is linked all the same"
        ))),
    }
}

fn judge(found: &Customer, customer: &str, account: &str) -> Result<()> {
    if found.deleted {
        return Err(Failure::new(format!("{customer} was deleted in Stripe; link another")));
    }
    match found.metadata.get(stamp::ACCOUNT).filter(|named| *named != account) {
        Some(named) => Err(Failure::new(format!(
            "{customer} was made for the account {named}, as its metadata in Stripe says; to link it here all the same, change its {} there",
            stamp::ACCOUNT
        ))),
        None => Ok(()),
    }
}

/// With the key of the environment, or else with that of the functions that read.
async fn client(sdk: &SdkConfig, wanted: &CustomerCheck) -> Result<Stripe> {
    if stripe::is_given() {
        return stripe::from_env();
    }
    let id = &wanted.stripe_read_secret;
    let keys = aws::secrets(sdk, id, "").stripe().await.map_err(|error| {
        Failure::new(format!(
            "there is no key to ask Stripe with: {}; or set STRIPE_SECRET_KEY, or use --skip-check",
            Failure::from(error)
        ))
    })?;
    let copy = StripeKeys::new(keys.secret_key.clone(), None);
    stripe::with(copy.ok_or_else(|| Failure::new("the secret holds no key"))?, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_that_is_deleted_or_somebody_elses_is_refused() {
        let customer = |deleted: bool, account: Option<&str>| Customer {
            deleted,
            metadata: account
                .map(|account| (stamp::ACCOUNT.to_owned(), account.to_owned()))
                .into_iter()
                .collect(),
        };
        let cases = [
            (customer(false, None), None),
            (customer(false, Some("acc_1")), None),
            (customer(false, Some("acc_2")), Some("made for the account acc_2")),
            (customer(true, None), Some("deleted")),
        ];
        for (found, wrong) in cases {
            let got = judge(&found, "cus_1", "acc_1").err().map(|failure| failure.to_string());
            assert_eq!(got.is_some(), wrong.is_some());
            assert!(wrong.is_none_or(|wrong| got.is_some_and(|got| got.contains(wrong))));
        }
    }
}
