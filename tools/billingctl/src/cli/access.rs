//! `accounts` and `keys` on the command line.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use shared::respond::Timestamp;

use super::installation::READ_SECRET;
use super::values::{ModeName, ScopeName, account_id, customer, handle, handle_or_id};
use crate::moment;

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

/// Create, list and revoke API keys
#[derive(Subcommand)]
pub(super) enum Keys {
    Create(CreateKey),
    /// List an account's keys, never the keys themselves
    ///
    ///   billingctl keys list --account acme
    ///
    /// Next: billingctl keys revoke KEY_ID --account acme
    #[command(verbatim_doc_comment)]
    List {
        /// The account: a handle, or an id (acc_…)
        #[arg(long, value_name = "HANDLE_OR_ID", value_parser = handle_or_id)]
        account: String,
    },
    Revoke(RevokeKey),
}

/// Create an API key, and print it this once
///
///   billingctl keys create --account acme --scope read --name dashboard
///   billingctl keys create --account acme --scope admin --expires-in 90d
///
/// The key alone goes to stdout; only its hash is kept. Use it as `Authorization: Bearer sk_…`.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct CreateKey {
    /// The account: a handle, or an id (acc_…)
    #[arg(long, value_name = "HANDLE_OR_ID", value_parser = handle_or_id)]
    pub(crate) account: String,
    /// What it may do; each scope grants the ones before it. The GET endpoints need read, the POST ones admin
    #[arg(long)]
    pub(crate) scope: ScopeName,
    /// What it is for, to tell keys apart in a list
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(crate) name: String,
    /// How long it works, such as 90d or 12h; for ever if not given
    #[arg(long, value_name = "DURATION", value_parser = moment::duration, conflicts_with = "expires_at")]
    pub(crate) expires_in: Option<i64>,
    /// Until when it works, such as 2027-01-31T00:00:00Z
    #[arg(long, value_name = "MOMENT", value_parser = moment::parse)]
    pub(crate) expires_at: Option<Timestamp>,
    /// Whether it is for a live or a test-mode stack; that of the stack's Stripe key if not given
    #[arg(long)]
    pub(crate) mode: Option<ModeName>,
    /// The secret with the Stripe key that tells the mode
    #[arg(long, default_value = READ_SECRET, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) stripe_read_secret: String,
}

/// Revoke an API key; it stops working everywhere within 60 seconds
///
///   billingctl keys revoke key_0123456789abcdef --account acme
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct RevokeKey {
    /// The key's id, as `billingctl keys list` shows it
    #[arg(value_name = "KEY_ID")]
    pub(crate) key: String,
    /// The account: a handle, or an id (acc_…)
    #[arg(long, value_name = "HANDLE_OR_ID", value_parser = handle_or_id)]
    pub(crate) account: String,
}
