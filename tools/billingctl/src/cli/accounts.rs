//! `accounts` on the command line.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

use super::installation::READ_SECRET;
use super::values::{account_id, customer, handle, handle_or_id};

/// Create, show, rename and link accounts, the platform's customers
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
    /// Take an account's Stripe customer away; the customer itself stays as it is
    ///
    ///   billingctl accounts unlink acme
    ///
    /// The next checkout of the account makes a new customer. Within 24 hours after a function made the old
    /// one, Stripe gives that one again.
    #[command(verbatim_doc_comment)]
    Unlink {
        /// A handle, or an id (acc_…)
        #[arg(value_name = "HANDLE_OR_ID", value_parser = handle_or_id)]
        account: String,
    },
    Rename(RenameAccount),
    SetParent(SetParent),
}

/// How a Stripe customer is checked.
#[derive(Args)]
pub(crate) struct CustomerCheck {
    /// Link the customer without asking Stripe whether there is such a one
    #[arg(long)]
    pub(crate) skip_check: bool,
    /// The secret with the Stripe key to ask with, where STRIPE_SECRET_KEY is not set
    #[arg(long, default_value = READ_SECRET, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) stripe_read_secret: String,
}

/// Give an account another handle
///
///   billingctl accounts rename acme acme-eu
///
/// Its id stays, and so do its keys and its customer. The old handle is free at once.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct RenameAccount {
    /// A handle, or an id (acc_…)
    #[arg(value_name = "HANDLE_OR_ID", value_parser = handle_or_id)]
    pub(crate) account: String,
    /// The new handle: 2 to 40 of a–z, 0–9 and -, a letter first; no two are alike
    #[arg(value_name = "NEW_HANDLE", value_parser = handle)]
    pub(crate) handle: String,
}

/// Put an account under another, or under none
///
///   billingctl accounts set-parent client acme
///   billingctl accounts set-parent client --none
///
/// The parent's keys may then work in it (X-Cantila-Act-As). There is one level only.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct SetParent {
    /// A handle, or an id (acc_…)
    #[arg(value_name = "HANDLE_OR_ID", value_parser = handle_or_id)]
    pub(crate) account: String,
    /// The parent: a handle, or an id (acc_…)
    #[arg(value_name = "PARENT", value_parser = handle_or_id, required_unless_present = "none", conflicts_with = "none")]
    pub(crate) parent: Option<String>,
    /// Make it an account of its own
    #[arg(long)]
    pub(crate) none: bool,
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
    #[command(flatten)]
    pub(crate) stripe: CustomerCheck,
}

/// Link an account to its Stripe customer
///
///   billingctl accounts link acme --customer cus_123
///
/// From then on the account's subscription, invoices and portal are that customer's. Stripe is asked
/// first whether it has that customer in the stack's mode; no two accounts can have the same one.
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
    #[command(flatten)]
    pub(crate) stripe: CustomerCheck,
}
