//! `setup` and `catalog` on the command line.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use shared::respond::Currency;

/// Where the functions that read find their Stripe key.
pub(super) const READ_SECRET: &str = "cantila-billing/stripe-read";

/// And where those that write do.
pub(super) const WRITE_SECRET: &str = "cantila-billing/stripe-write";

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
    #[arg(long, default_value = WRITE_SECRET, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) stripe_write_secret: String,
    /// Put the given Stripe keys into secrets that are there already (to rotate them)
    #[arg(long)]
    pub(crate) replace_secrets: bool,
}

/// Show the plan catalogue that Stripe holds, and make it hold another
#[derive(Subcommand)]
pub(super) enum Catalog {
    /// Show the plans as Stripe has them now, and so as the API offers them
    ///
    ///   STRIPE_SECRET_KEY=rk_test_… billingctl catalog show
    ///
    /// Next: edit catalog.toml, then billingctl catalog plan
    #[command(verbatim_doc_comment)]
    Show {
        /// The currency to show the prices in
        #[arg(long, default_value = "usd")]
        currency: Currency,
    },
    Plan(PlanCatalog),
    Apply(ApplyCatalog),
    Pull(PullCatalog),
}

/// Write the file from what Stripe holds
///
///   STRIPE_SECRET_KEY=rk_test_… billingctl catalog pull
///
/// `billingctl catalog plan` then finds no difference. Comments are not kept in Stripe, so the file
/// has none. A file that says something else is overwritten only with --force; one that says the same
/// stays as it is. The key needs what that of `catalog plan` does.
///
/// Next: billingctl catalog plan
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct PullCatalog {
    /// The catalogue
    #[arg(long, default_value = "catalog.toml")]
    pub(crate) file: PathBuf,
    /// Overwrite a file that says something else
    #[arg(long)]
    pub(crate) force: bool,
}

/// Show what an apply would change, and change nothing
///
///   STRIPE_SECRET_KEY=rk_test_… billingctl catalog plan
///   STRIPE_SECRET_KEY=rk_test_… billingctl catalog plan --exit-code
///
/// Like a diff: + is made, ~ changes (old → new), - is archived. A file with faults is refused with
/// all of them, each with its line and column, before anything is sent.
///
/// It ends with 0; with --exit-code, with 3 if there are differences. 1 is a failure, 2 a wrong
/// command line. The key needs to read products, prices, meters and the customer portal, and
/// subscriptions to count who stays on an old price.
///
/// Next: billingctl catalog apply
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct PlanCatalog {
    /// The catalogue
    #[arg(long, default_value = "catalog.toml")]
    pub(crate) file: PathBuf,
    /// End with 3 if there are differences
    #[arg(long)]
    pub(crate) exit_code: bool,
}

/// Make Stripe hold the catalogue of a file
///
///   STRIPE_SECRET_KEY=sk_test_… billingctl catalog apply
///
/// It shows the plan and asks before it changes anything. Running it again changes nothing; one that
/// broke off half way is finished by the next. The products of the plans and all their recurring
/// prices are the catalogue's: what the file no longer has is archived. A price in Stripe cannot be
/// changed, so for a new amount or allowance a new price is made, which takes the lookup key along,
/// and then the old one is archived; whoever subscribed to the old one stays on it.
///
/// Next: billingctl catalog show
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ApplyCatalog {
    /// The catalogue
    #[arg(long, default_value = "catalog.toml")]
    pub(crate) file: PathBuf,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}
