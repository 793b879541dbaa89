//! The command line: what can be asked for, and the help that teaches it.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use shared::Account;
use shared::auth::{Mode, Scope};
use shared::respond::{Currency, Timestamp};

use crate::error::Result;
use crate::output::Output;
use crate::{accounts, catalog, keys, moment, setup};

/// Runs the billing API's own state: its table and secrets, accounts, API keys, and the plan catalogue in Stripe.
///
/// A new installation, in order:
///
///   1. billingctl setup
///   2. billingctl catalog apply
///   3. billingctl accounts create --handle acme
///   4. billingctl keys create --account acme --scope admin
///
/// AWS is found as by the AWS CLI (AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL …). Stripe, which only
/// `catalog` needs, is the account of the key in STRIPE_SECRET_KEY.
#[derive(Parser)]
#[command(
    name = "billingctl",
    version,
    verbatim_doc_comment,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Args)]
pub(crate) struct Global {
    /// Print the result as one JSON object on stdout, and nothing else there
    #[arg(long, global = true)]
    json: bool,
    /// The DynamoDB table
    #[arg(long, global = true, env = "BILLING_TABLE", default_value = "cantila-billing", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) table: String,
    /// The secret with the pepper, the key of the hashes that API keys are stored as
    #[arg(long, global = true, env = "PEPPER_SECRET_ID", default_value = "cantila-billing/pepper", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) pepper_secret: String,
}

impl Global {
    pub(crate) fn output(&self) -> Output {
        Output { json: self.json }
    }
}

#[derive(Subcommand)]
enum Command {
    Setup(Setup),
    #[command(subcommand)]
    Accounts(Accounts),
    #[command(subcommand)]
    Keys(Keys),
    #[command(subcommand)]
    Catalog(Catalog),
}

/// Create the table and the secrets that the functions need
///
/// What is there stays as it is, so running it again is safe. The table gets TTL, point-in-time
/// recovery and deletion protection; the pepper is made up. Stripe's keys are taken from the
/// environment, never from arguments, and are never printed:
///
///   STRIPE_READ_KEY=rk_… STRIPE_WRITE_KEY=rk_… STRIPE_PUBLISHABLE_KEY=pk_… billingctl setup
///
/// Next: billingctl catalog apply
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Setup {
    /// The secret of the four functions that read, made from STRIPE_READ_KEY
    #[arg(long, default_value = READ_SECRET, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) stripe_read_secret: String,
    /// The secret of the four functions that write, made from STRIPE_WRITE_KEY
    #[arg(long, default_value = "cantila-billing/stripe-write", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) stripe_write_secret: String,
    /// Put the given Stripe keys into secrets that are there already (to rotate them)
    #[arg(long)]
    pub(crate) replace_secrets: bool,
}

const READ_SECRET: &str = "cantila-billing/stripe-read";

/// Create, show and link accounts, the platform's customers
#[derive(Subcommand)]
enum Accounts {
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
enum Keys {
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

/// Show the plan catalogue that Stripe holds, and make it hold another
#[derive(Subcommand)]
enum Catalog {
    /// Show the plans as Stripe has them now, and so as the API offers them
    ///
    ///   STRIPE_SECRET_KEY=rk_test_… billingctl catalog show
    ///
    /// Next: edit catalog.toml, then billingctl catalog apply --dry-run
    #[command(verbatim_doc_comment)]
    Show {
        /// The currency to show the prices in
        #[arg(long, default_value = "usd")]
        currency: Currency,
    },
    Apply(ApplyCatalog),
}

/// Make Stripe hold the catalogue of a file
///
///   STRIPE_SECRET_KEY=sk_test_… billingctl catalog apply --dry-run
///   STRIPE_SECRET_KEY=sk_test_… billingctl catalog apply
///
/// Running it again changes nothing. The products of the plans and all their recurring prices are
/// the catalogue's: what the file no longer has is archived. A price in Stripe cannot be changed, so
/// for a new amount or allowance a new price is made and the old one archived; whoever subscribed to
/// the old one stays on it.
///
/// Next: billingctl catalog show
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ApplyCatalog {
    /// The catalogue
    #[arg(long, default_value = "catalog.toml")]
    pub(crate) file: PathBuf,
    /// Only say what would be done
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ScopeName {
    Read,
    Deploy,
    Admin,
}

impl From<ScopeName> for Scope {
    fn from(name: ScopeName) -> Self {
        match name {
            ScopeName::Read => Self::Read,
            ScopeName::Deploy => Self::Deploy,
            ScopeName::Admin => Self::Admin,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ModeName {
    Test,
    Live,
}

impl From<ModeName> for Mode {
    fn from(name: ModeName) -> Self {
        match name {
            ModeName::Test => Self::Test,
            ModeName::Live => Self::Live,
        }
    }
}

fn handle(text: &str) -> std::result::Result<String, String> {
    let wrong =
        "a handle has 2 to 40 of a-z, 0-9 and -, begins with a letter and does not end with -";
    if Account::is_handle(text) { Ok(text.to_owned()) } else { Err(wrong.to_owned()) }
}

fn account_id(text: &str) -> std::result::Result<String, String> {
    if Account::is_id(text) {
        Ok(text.to_owned())
    } else {
        Err("an account id is acc_ and up to 40 letters and digits".to_owned())
    }
}

fn handle_or_id(text: &str) -> std::result::Result<String, String> {
    if Account::is_id(text) {
        Ok(text.to_owned())
    } else {
        handle(text).map_err(|wrong| format!("{wrong}; an id begins with acc_"))
    }
}

fn customer(text: &str) -> std::result::Result<String, String> {
    let is_id = |rest: &str| {
        !rest.is_empty()
            && rest.len() <= 250
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if text.strip_prefix("cus_").is_some_and(is_id) {
        Ok(text.to_owned())
    } else {
        Err("a Stripe customer's id begins with cus_".to_owned())
    }
}

/// Does what was asked for.
pub(crate) async fn run(cli: Cli) -> Result<()> {
    let global = &cli.global;
    match cli.command {
        Command::Setup(wanted) => setup::run(global, &wanted).await,
        Command::Accounts(Accounts::Create(wanted)) => accounts::create(global, wanted).await,
        Command::Accounts(Accounts::List) => accounts::list(global).await,
        Command::Accounts(Accounts::Show { account }) => accounts::show(global, &account).await,
        Command::Accounts(Accounts::Link(wanted)) => accounts::link(global, wanted).await,
        Command::Keys(Keys::Create(wanted)) => keys::create(global, wanted).await,
        Command::Keys(Keys::List { account }) => keys::list(global, &account).await,
        Command::Keys(Keys::Revoke(wanted)) => keys::revoke(global, &wanted).await,
        Command::Catalog(Catalog::Show { currency }) => {
            catalog::show(global.output(), currency).await
        }
        Command::Catalog(Catalog::Apply(wanted)) => catalog::apply(global.output(), &wanted).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_has_the_wrong_form_is_a_usage_error() {
        let cases: [&[&str]; 9] = [
            &[],
            &["accounts", "create"],
            &["accounts", "create", "--handle", "Acme"],
            &["accounts", "create", "--handle", "acme", "--customer", "acme"],
            &["accounts", "show", "acc_/"],
            &["keys", "create", "--account", "acme"],
            &["keys", "create", "--account", "acme", "--scope", "root"],
            &["keys", "create", "--account", "acme", "--scope", "read", "--expires-in", "90"],
            &[
                "keys",
                "create",
                "--account",
                "acme",
                "--scope",
                "read",
                "--expires-in",
                "90d",
                "--expires-at",
                "2027-01-31T00:00:00Z",
            ],
        ];
        for case in cases {
            let given = std::iter::once("billingctl").chain(case.iter().copied());
            assert!(Cli::try_parse_from(given).is_err(), "{case:?}");
        }
    }
}
