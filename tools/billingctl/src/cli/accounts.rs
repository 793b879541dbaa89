//! `accounts` on the command line.

use clap::{Args, Subcommand};

use super::values::{account_id, customer, handle, handle_or_id};

/// Create, show and link accounts, the platform's customers
#[derive(Subcommand)]
pub(super) enum Accounts {
    Create(CreateAccount),
    /// List every account
    ///
    /// Next: billingctl accounts show HANDLE
    #[command(verbatim_doc_comment)]
    List,
    /// Show one account and its keys
    ///
    ///   billingctl accounts show acme
    ///
    /// Next: billingctl keys create --account acme --scope read
    #[command(verbatim_doc_comment)]
    Show {
        /// A handle, or an id (acc_…)
        #[arg(value_name = "HANDLE_OR_ID", value_parser = handle_or_id)]
        account: String,
    },
    Link(LinkAccount),
}

/// Create an account
///
/// An account without a Stripe customer is fine: its first checkout makes one.
///
///   billingctl accounts create --handle acme
///   billingctl accounts create --handle client --parent acme
///
/// With a parent it is a sub-account, in which the parent's keys may work (X-Cantila-Act-As).
///
/// Next: billingctl keys create --account acme --scope admin
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct CreateAccount {
    /// Its name in URLs and headers: 2 to 40 of a–z, 0–9 and -, a letter first; no two are alike
    #[arg(long, value_parser = handle)]
    pub(crate) handle: String,
    /// The account that may act for it, which must have no parent itself
    #[arg(long, value_name = "HANDLE_OR_ID", value_parser = handle_or_id)]
    pub(crate) parent: Option<String>,
    /// Its Stripe customer, if it has one already
    #[arg(long, value_name = "CUS_ID", value_parser = customer)]
    pub(crate) customer: Option<String>,
    /// Its id (acc_…); made up if not given
    #[arg(long, value_name = "ACC_ID", value_parser = account_id)]
    pub(crate) id: Option<String>,
}

/// Link an account to its Stripe customer
///
///   billingctl accounts link acme --customer cus_123
///
/// From then on the account's subscription, invoices and portal are that customer's.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct LinkAccount {
    /// A handle, or an id (acc_…)
    #[arg(value_name = "HANDLE_OR_ID", value_parser = handle_or_id)]
    pub(crate) account: String,
    /// The Stripe customer
    #[arg(long, value_name = "CUS_ID", value_parser = customer)]
    pub(crate) customer: String,
    /// Link it even though it is linked to another customer
    #[arg(long)]
    pub(crate) replace: bool,
}
