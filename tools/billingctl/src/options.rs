//! Options that several commands take.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::output::Output;

/// Default name of the secret with the Stripe key of the GET functions.
pub(crate) const READ_SECRET: &str = "cantila-billing/stripe-read";

/// Default name of the secret with the Stripe key of the POST functions and of follow.
pub(crate) const WRITE_SECRET: &str = "cantila-billing/stripe-write";

/// Options of every command.
#[derive(Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct GlobalOptions {
    /// Print the result as one JSON object on stdout; an error as {"error": {"kind": …, "message": …}}
    #[arg(long, global = true)]
    json: bool,
    /// Name of the DynamoDB table
    #[arg(long, global = true, env = "BILLING_TABLE", default_value = "cantila-billing", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) table: String,
    /// Secret with the keys that sign quotes of plan changes
    #[arg(long, global = true, env = "QUOTE_KEYS_SECRET_ID", default_value = "cantila-billing/quote-keys", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) quote_keys_secret: String,
}

impl GlobalOptions {
    pub(crate) fn output(&self) -> Output {
        Output { json: self.json }
    }
}

/// Names of the two secrets with Stripe's keys.
#[derive(Args)]
pub(crate) struct StripeSecretNames {
    /// Secret with the Stripe key of the GET functions
    #[arg(long = "stripe-read-secret", default_value = READ_SECRET, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) read: String,
    /// Secret with the Stripe key of the POST functions and of follow
    #[arg(long = "stripe-write-secret", default_value = WRITE_SECRET, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) write: String,
}
