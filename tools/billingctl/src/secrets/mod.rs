//! `secrets`: shows, sets and rotates the secrets of a stack. No secret is printed or read from an argument.

mod input;
mod quote_keys;
mod status;
mod stripe_keys;

use clap::Subcommand;

use crate::error::Result;
use crate::options::GlobalOptions;
use quote_keys::DropArgs;
use stripe_keys::StripeKeyArgs;

/// Show, set and rotate Stripe's keys and the quote keys, without a failed request
#[derive(Subcommand)]
pub(crate) enum SecretsCommand {
    /// Show which secrets exist, when they were changed, and for which mode, but no value
    ///
    ///   billingctl secrets status
    ///
    /// With --profile the canary's secret is shown too.
    ///
    /// Next: billingctl doctor
    #[command(verbatim_doc_comment)]
    Status,
    /// Set one of Stripe's keys
    ///
    ///   billingctl secrets set stripe-read --publishable-key pk_live_…
    ///   billingctl secrets set stripe-write --from-file key.txt
    ///   vault read -field=key stripe | billingctl secrets set stripe-read --stdin
    ///
    /// The command first checks with Stripe that the key is valid and belongs to the stack's mode and
    /// Stripe account. stripe-read must be a restricted key (rk_…).
    #[command(verbatim_doc_comment)]
    Set(StripeKeyArgs),
    /// Replace one of Stripe's keys with a new one
    ///
    ///   billingctl secrets rotate stripe-write
    ///
    /// The key is checked as by `billingctl secrets set`. The functions read the new key when Stripe
    /// refuses the old one, so delete the old key in Stripe's dashboard only after this command.
    #[command(verbatim_doc_comment)]
    Rotate(StripeKeyArgs),
    /// List the IDs of the quote keys
    ///
    ///   billingctl secrets list-quote-keys
    ///
    /// The functions sign the quotes of plan changes with the current key. A previous key only verifies
    /// quotes that it has signed; they expire after 15 minutes.
    ///
    /// Next: billingctl secrets drop-quote-key ID
    #[command(verbatim_doc_comment)]
    ListQuoteKeys,
    /// Add a new quote key and make it the current one
    ///
    ///   billingctl secrets rotate-quote-key
    ///
    /// Quotes that callers hold stay valid, because the previous key stays in the secret.
    ///
    /// Next, after 16 minutes: billingctl secrets drop-quote-key ID
    #[command(verbatim_doc_comment)]
    RotateQuoteKey,
    /// Delete a previous quote key
    ///
    ///   billingctl secrets drop-quote-key k1
    ///
    /// Quotes that the key has signed are refused from then on. The command refuses to delete the current
    /// key. It also refuses within 16 minutes of the rotation, when callers may still hold such quotes.
    #[command(verbatim_doc_comment)]
    DropQuoteKey(DropArgs),
}

/// Runs a subcommand of `secrets`.
pub(crate) async fn run(options: &GlobalOptions, command: SecretsCommand) -> Result<()> {
    match command {
        SecretsCommand::Status => status::run(options).await,
        SecretsCommand::Set(args) => stripe_keys::set(options, &args).await,
        SecretsCommand::Rotate(args) => stripe_keys::rotate(options, &args).await,
        SecretsCommand::ListQuoteKeys => quote_keys::list(options).await,
        SecretsCommand::RotateQuoteKey => quote_keys::rotate(options).await,
        SecretsCommand::DropQuoteKey(args) => quote_keys::drop_key(options, &args).await,
    }
}
