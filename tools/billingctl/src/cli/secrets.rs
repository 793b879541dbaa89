//! `secrets` on the command line.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand, ValueEnum};
use shared::respond::Timestamp;

use super::installation::{READ_SECRET, WRITE_SECRET};
use crate::moment;

/// Set and rotate Stripe's keys and the pepper, without a failed request
#[derive(Subcommand)]
pub(super) enum Secrets {
    Set(SetSecret),
    Rotate(RotateSecret),
    /// Show how many keys still are under the old pepper
    ///
    ///   billingctl secrets pepper-status
    ///
    /// A key gets its hash under the new pepper when it is used.
    ///
    /// Next: billingctl secrets finish-pepper
    #[command(verbatim_doc_comment)]
    PepperStatus,
    FinishPepper(FinishPepper),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SecretName {
    /// The Stripe key of the four functions that read
    StripeRead,
    /// The Stripe key of the four functions that write
    StripeWrite,
    /// The key of the hashes that API keys are stored as
    Pepper,
}

/// Where the secret is read from: never from an argument, which the shell would remember.
#[derive(Args)]
pub(crate) struct Source {
    /// Read it from a file
    #[arg(long, value_name = "FILE", conflicts_with = "stdin")]
    pub(crate) from_file: Option<PathBuf>,
    /// Read it from stdin; without this and --from-file it is asked for, and not shown
    #[arg(long)]
    pub(crate) stdin: bool,
}

/// Where the functions find Stripe's keys, and what is done with a new one.
#[derive(Args)]
pub(crate) struct StripeSecrets {
    /// Stripe's publishable key (pk_…), which is no secret; stays as it is if not given
    #[arg(long, value_name = "PK", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) publishable_key: Option<String>,
    /// Store the key without asking Stripe about it
    #[arg(long)]
    pub(crate) skip_check: bool,
    /// The secret of the four functions that read
    #[arg(long, default_value = READ_SECRET, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) stripe_read_secret: String,
    /// The secret of the four functions that write
    #[arg(long, default_value = WRITE_SECRET, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) stripe_write_secret: String,
}

/// Set a secret
///
///   billingctl secrets set stripe-read --publishable-key pk_live_…
///   billingctl secrets set stripe-write --from-file key.txt
///   vault read -field=key stripe | billingctl secrets set stripe-read --stdin
///
/// Stripe is asked about its key first: that it is valid, of the stack's mode and of the stack's account;
/// stripe-read has to be a restricted key (rk_…). A pepper can be set only where there is none.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct SetSecret {
    /// Which one
    #[arg(value_name = "SECRET")]
    pub(crate) name: SecretName,
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) stripe: StripeSecrets,
}

/// Put another key in the place of one of Stripe's, or of the pepper
///
///   billingctl secrets rotate stripe-write
///   billingctl secrets rotate pepper
///   billingctl secrets rotate pepper --until 2027-01-31T00:00:00Z
///
/// A function reads Stripe's key again when Stripe refuses the old one, so end that one only afterwards.
/// The new pepper is made up unless one is given. The old one is honoured as well, until
/// `billingctl secrets finish-pepper`, or until the moment that is given: by then finish-pepper has to
/// have been run, or every key that is still under the old pepper stops working.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct RotateSecret {
    /// Which one
    #[arg(value_name = "SECRET")]
    pub(crate) name: SecretName,
    #[command(flatten)]
    pub(crate) source: Source,
    /// Until when the old pepper is honoured at the longest
    #[arg(long, value_name = "MOMENT", value_parser = moment::parse)]
    pub(crate) until: Option<Timestamp>,
    #[command(flatten)]
    pub(crate) stripe: StripeSecrets,
}

/// End the rotation of the pepper: move what is re-hashed, and honour the old pepper no more
///
///   billingctl secrets finish-pepper
///   billingctl secrets finish-pepper --drop-unused 2
///
/// It refuses while keys that are valid were not used since the rotation, and names them: they would stop
/// working. Wait, roll them, or say with their number that they may be dropped; they are revoked then.
/// For quotes and page cursors the old pepper is honoured 20 minutes longer.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct FinishPepper {
    /// How many valid keys that were not used since the rotation may be dropped
    #[arg(long, value_name = "NUMBER")]
    pub(crate) drop_unused: Option<usize>,
}
