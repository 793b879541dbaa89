//! `secrets set` and `secrets rotate`: checks a Stripe key before it is stored.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use serde_json::json;
use shared::aws::secrets::StripeKeys;

use super::input::{self, SourceArgs};
use crate::aws::{config, secrets};
use crate::error::{CliError, Result};
use crate::options::GlobalOptions;
use crate::output::note;
use crate::stripe;

/// Key of the stack that a command sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StackKey {
    /// Stripe key of the GET functions
    StripeRead,
    /// Stripe key of the POST functions and of follow
    StripeWrite,
}

/// Arguments of `secrets set` and `secrets rotate`.
#[derive(Args)]
pub(crate) struct StripeKeyArgs {
    /// Key to set
    #[arg(value_name = "KEY")]
    key: StackKey,
    #[command(flatten)]
    source: SourceArgs,
    /// Stripe's publishable key (pk_…), which is not secret; default: the stack's
    #[arg(long, value_name = "PK", value_parser = NonEmptyStringValueParser::new())]
    publishable_key: Option<String>,
    /// Store the key without checking it with Stripe
    #[arg(long)]
    skip_check: bool,
}

impl StripeKeyArgs {
    /// Returns the name of the secret to write.
    fn secret<'a>(&self, options: &'a GlobalOptions) -> &'a str {
        match self.key {
            StackKey::StripeRead => &options.read_secret,
            StackKey::StripeWrite => &options.write_secret,
        }
    }

    /// Returns the name of the secret with the stack's other key.
    fn other_secret<'a>(&self, options: &'a GlobalOptions) -> &'a str {
        match self.key {
            StackKey::StripeRead => &options.write_secret,
            StackKey::StripeWrite => &options.read_secret,
        }
    }
}

/// Runs `secrets set`.
pub(super) async fn set(options: &GlobalOptions, args: &StripeKeyArgs) -> Result<()> {
    let sdk = config::load(options).await?;
    let current = secrets::existing_stripe_keys(&sdk, args.secret(options)).await?;
    store(options, &sdk, args, current).await
}

/// Runs `secrets rotate`.
pub(super) async fn rotate(options: &GlobalOptions, args: &StripeKeyArgs) -> Result<()> {
    let sdk = config::load(options).await?;
    let current = secrets::stripe_keys(&sdk, args.secret(options)).await?;
    store(options, &sdk, args, Some(current)).await?;
    note(
        "the functions read the new key when Stripe refuses the old one, without a failed request; now delete the old key in Stripe's dashboard (Developers, API keys)",
    );
    Ok(())
}

async fn store(
    options: &GlobalOptions,
    sdk: &SdkConfig,
    args: &StripeKeyArgs,
    current: Option<StripeKeys>,
) -> Result<()> {
    let text = input::read(&args.source, "Stripe's secret key")?;
    let new = stripe::secret_key(text, "this")?;
    let stack = match current {
        Some(current) => Some(current),
        None => secrets::existing_stripe_keys(sdk, args.other_secret(options)).await?,
    };
    let publishable_key = publishable_key(args, stack.as_ref())?;
    check_form(args.key, &new, &publishable_key, stack.as_ref(), args.skip_check)?;
    if !args.skip_check {
        stripe::check_key(&new, stack.as_ref()).await?;
    }
    let id = args.secret(options);
    let text = secrets::stripe_secret(&new, &publishable_key);
    secrets::create_or_replace(&Client::new(sdk), id, &text).await?;
    let mode = new.mode.as_str();
    let value = json!({ "secret": id, "mode": mode, "checked": !args.skip_check });
    options.output().result(&value, format!("{id} holds the new key ({mode} mode)"))
}

/// Returns the publishable key of the arguments, else that of the stack.
fn publishable_key(args: &StripeKeyArgs, stack: Option<&StripeKeys>) -> Result<String> {
    let known = stack.and_then(|keys| keys.publishable_key.clone());
    args.publishable_key.clone().or(known).ok_or_else(|| {
        CliError::new("the stack has no publishable key yet; give it with --publishable-key pk_…")
    })
}

/// Checks what the keys' texts show: the mode and whether the key is restricted.
fn check_form(
    key: StackKey,
    new: &StripeKeys,
    publishable_key: &str,
    stack: Option<&StripeKeys>,
    allow_unrestricted: bool,
) -> Result<()> {
    let mode = new.mode.as_str();
    if stripe::publishable_key_mode(publishable_key, "--publishable-key")? != new.mode {
        return Err(CliError::new(format!(
            "the key is for {mode} mode and the publishable key is not; use two keys of the same mode"
        )));
    }
    if let Some(stack) = stack.filter(|stack| stack.mode != new.mode) {
        return Err(CliError::new(format!(
            "the key is for {mode} mode and this stack is for {} mode; use a key of the stack's mode, otherwise no API key would work",
            stack.mode.as_str()
        )));
    }
    if key == StackKey::StripeRead && !allow_unrestricted && !new.is_restricted() {
        return Err(CliError::new(
            "this key is unrestricted, so the GET functions could write with it; create a restricted key (rk_…) with read permissions in Stripe's dashboard",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    fn keys(text: &str) -> StripeKeys {
        StripeKeys::new(SecretString::from(text), None).expect("a key")
    }

    #[test]
    fn key_must_match_the_stack_and_a_read_key_must_be_restricted() {
        use StackKey::{StripeRead, StripeWrite};
        let (test, live) = ("pk_test_1", "pk_live_1");
        // key, new key, publishable key, stack's key, allow unrestricted → part of the error
        let cases = [
            (StripeRead, "rk_test_1", test, Some("rk_test_2"), false, None),
            (StripeRead, "rk_test_1", test, None, false, None),
            (StripeWrite, "sk_live_1", live, None, false, None),
            (StripeRead, "sk_test_1", test, None, false, Some("unrestricted")),
            (StripeRead, "sk_test_1", test, None, true, None),
            (StripeRead, "rk_test_1", live, None, true, Some("publishable")),
            (StripeRead, "rk_test_1", "sk_test_hunter2", None, true, Some("publishable")),
            (
                StripeWrite,
                "rk_test_1",
                test,
                Some("rk_live_2"),
                true,
                Some("this stack is for live"),
            ),
        ];
        for (key, new, publishable_key, stack, unrestricted, expected) in cases {
            let stack = stack.map(keys);
            let error =
                check_form(key, &keys(new), publishable_key, stack.as_ref(), unrestricted).err();
            let error = error.map(|error| error.to_string());
            let matches = match (&error, expected) {
                (Some(error), Some(part)) => error.contains(part) && !error.contains("hunter2"),
                (error, expected) => error.is_none() && expected.is_none(),
            };
            assert!(matches, "{key:?} {new} {publishable_key}: {error:?}");
        }
    }
}
