//! `accounts show`

use aws_config::SdkConfig;
use clap::Args;
use serde::Serialize;

use super::customer_check;
use super::view::AccountView;
use crate::aws::config;
use crate::aws::table::Table;
use crate::error::Result;
use crate::keys::{KeyView, key_table, key_views};
use crate::options::GlobalOptions;
use crate::output::or_dash;
use crate::stripe::{self, CustomerState};
use crate::values::arguments::handle_or_id;

/// Show one account and its keys
///
///   billingctl accounts show acme
///
/// The command asks Stripe whether the account's customer still exists, with the key in STRIPE_SECRET_KEY,
/// else with that of --stripe-read-secret.
///
/// Next: billingctl keys create --account acme --scope read
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ShowArgs {
    /// Handle or ID (acc_…) of the account
    #[arg(value_name = "HANDLE_OR_ID", value_parser = handle_or_id)]
    account: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountWithKeys<'a> {
    #[serde(flatten)]
    account: AccountView<'a>,
    /// `None` without a customer, and if Stripe does not say.
    customer_deleted: Option<bool>,
    keys: Vec<KeyView>,
}

/// Runs `accounts show`.
pub(super) async fn run(options: &GlobalOptions, args: &ShowArgs) -> Result<()> {
    let sdk = config::load(options).await?;
    let table = Table::new(&sdk, options);
    let account = table.account(&args.account).await?;
    let keys = key_views(&table, &account.id).await?;
    let (customer_deleted, customer) = match &account.customer {
        Some(customer) => {
            let state = state(&sdk, &options.read_secret, customer).await;
            (is_deleted(&state), customer_text(customer, &state))
        }
        None => (None, or_dash(None)),
    };
    let shown = AccountWithKeys { account: AccountView::from(&account), customer_deleted, keys };
    let text = format!("{}\n{}", shown.account.text_with(&customer), key_table(&shown.keys));
    options.output().result(&shown, text)
}

/// Returns the customer's state at Stripe, or the reason why it is unknown.
async fn state(
    sdk: &SdkConfig,
    secret: &str,
    customer: &str,
) -> std::result::Result<CustomerState, String> {
    let client = customer_check::client(sdk, secret).await.map_err(|error| error.to_string())?;
    stripe::customer_state(&client, customer).await.map_err(|error| error.to_string())
}

fn is_deleted(state: &std::result::Result<CustomerState, String>) -> Option<bool> {
    match state {
        Ok(CustomerState::Existing) => Some(false),
        Ok(CustomerState::Deleted) => Some(true),
        Ok(CustomerState::Unknown) | Err(_) => None,
    }
}

fn customer_text(customer: &str, state: &std::result::Result<CustomerState, String>) -> String {
    match state {
        Ok(CustomerState::Existing) => customer.to_owned(),
        Ok(CustomerState::Deleted) => {
            format!("{customer} (deleted in Stripe; the next checkout creates another)")
        }
        Ok(CustomerState::Unknown) => format!(
            "{customer} (Stripe has no such customer; check the Stripe account and the mode of the key)"
        ),
        Err(reason) => format!("{customer} (not checked with Stripe: {reason})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_of_the_customer_is_shown() {
        let cases = [
            (Ok(CustomerState::Existing), Some(false), "cus_1"),
            (
                Ok(CustomerState::Deleted),
                Some(true),
                "cus_1 (deleted in Stripe; the next checkout creates another)",
            ),
            (
                Ok(CustomerState::Unknown),
                None,
                "cus_1 (Stripe has no such customer; check the Stripe account and the mode of the key)",
            ),
            (Err("no key".to_owned()), None, "cus_1 (not checked with Stripe: no key)"),
        ];
        for (state, deleted, text) in cases {
            assert_eq!(
                (is_deleted(&state), customer_text("cus_1", &state)),
                (deleted, text.to_owned())
            );
        }
    }
}
