//! `doctor` on the command line.

use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::installation::{READ_SECRET, WRITE_SECRET};
use super::values::ModeName;

/// Check that everything is in place, and say what to do where it is not
///
///   aws cloudformation describe-stacks --stack-name billing > stack.json
///   STRIPE_SECRET_KEY=rk_live_… billingctl doctor --stack stack.json
///
/// It changes nothing, and can be run at any time. Each line is pass, warn, fail or skipped. It ends
/// with 0, or with 1 if anything failed; with --strict, also if anything is to be warned of.
///
/// What the stack was deployed with is taken from --stack, else from the options below. With
/// STRIPE_SECRET_KEY, as for `catalog plan`, Stripe is compared with the catalogue's file.
///
/// Next: billingctl accounts create --handle acme
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Doctor {
    /// What `aws cloudformation describe-stacks` says of the stack; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) stack: Option<PathBuf>,
    /// The catalogue
    #[arg(long, default_value = "catalog.toml")]
    pub(crate) file: PathBuf,
    /// Fail on what is only to be warned of, too
    #[arg(long)]
    pub(crate) strict: bool,
    /// Where the API answers
    #[arg(long, env = "API_URL", value_name = "URL")]
    pub(crate) api_url: Option<String>,
    /// Whether the stack is for live or for test mode; that of the Stripe keys if not given
    #[arg(long)]
    pub(crate) mode: Option<ModeName>,
    /// The secret of the four functions that read
    #[arg(long, default_value = READ_SECRET, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) stripe_read_secret: String,
    /// The secret of the four functions that write
    #[arg(long, default_value = WRITE_SECRET, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) stripe_write_secret: String,
    /// Where customers may be sent back to
    #[arg(long, env = "ALLOWED_ORIGINS", value_name = "LIST")]
    pub(crate) allowed_origins: Option<String>,
    /// Whether Stripe works out tax at checkout
    #[arg(long, env = "AUTOMATIC_TAX", value_name = "BOOL")]
    pub(crate) automatic_tax: Option<bool>,
    /// The portal configuration that the functions name to Stripe
    #[arg(long, env = "PORTAL_CONFIGURATION", value_name = "BPC_ID")]
    pub(crate) portal_configuration: Option<String>,
}
