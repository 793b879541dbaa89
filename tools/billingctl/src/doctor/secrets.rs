//! Checks that the secrets can be read: the quote keys and Stripe's keys.

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use shared::aws::secrets::StripeKeys;
use shared::values::Mode;

use super::report::Report;
use super::settings::Settings;
use crate::aws::secrets::{self, SecretFailure};

/// Stripe's keys; `None` for a secret that could not be read.
pub(super) struct StackKeys {
    /// Next step of a check that needs a key which could not be read.
    pub(super) advice: &'static str,
    pub(super) read: Option<StripeKeys>,
    pub(super) write: Option<StripeKeys>,
}

impl StackKeys {
    /// Returns the mode of the stack's Stripe keys.
    pub(super) fn mode(&self) -> Option<Mode> {
        self.read.as_ref().or(self.write.as_ref()).map(|keys| keys.mode)
    }
}

/// Reads the secrets. `sdk` is `None` if there is no access to AWS.
pub(super) async fn check(
    sdk: Option<&SdkConfig>,
    settings: &Settings,
    report: &mut Report,
) -> StackKeys {
    const FOUND: &str = "not checked";
    const NO_AWS: &str = "fix aws.identity first";
    let Some(sdk) = sdk else {
        for check in ["secrets.quote-keys", "secrets.stripe-read", "secrets.stripe-write"] {
            report.skip(check, FOUND, NO_AWS);
        }
        return StackKeys { advice: NO_AWS, read: None, write: None };
    };
    quote_keys(sdk, settings, report).await;
    StackKeys {
        advice: "see the checks of the secrets above",
        read: stripe_keys(sdk, "secrets.stripe-read", &settings.read_secret, report).await,
        write: stripe_keys(sdk, "secrets.stripe-write", &settings.write_secret, report).await,
    }
}

async fn quote_keys(sdk: &SdkConfig, settings: &Settings, report: &mut Report) {
    const CHECK: &str = "secrets.quote-keys";
    let id = &settings.quote_keys_secret;
    match secrets::quote_keys(&Client::new(sdk), id).await {
        Ok(keys) => {
            let (count, current) = (keys.ids().count(), keys.current());
            report.pass(CHECK, format!("{count} in {id}, current {current}"));
        }
        Err(failure) => {
            let advice = "run `billingctl setup`; quotes that callers hold become invalid";
            report_failure(CHECK, &failure, advice, report);
        }
    }
}

async fn stripe_keys(
    sdk: &SdkConfig,
    check: &'static str,
    id: &str,
    report: &mut Report,
) -> Option<StripeKeys> {
    match secrets::stripe_keys(sdk, id).await {
        Ok(keys) => {
            report.pass(check, format!("in {id}"));
            Some(keys)
        }
        Err(failure) => {
            let advice = "set STRIPE_READ_KEY, STRIPE_WRITE_KEY and STRIPE_PUBLISHABLE_KEY and run `billingctl setup`";
            report_failure(check, &failure, advice, report);
            None
        }
    }
}

/// Reports that a secret cannot be used; `missing` is the advice if it does not exist.
fn report_failure(
    check: &'static str,
    failure: &SecretFailure,
    missing: &'static str,
    report: &mut Report,
) {
    let advice = match failure {
        SecretFailure::Missing(_) => missing,
        SecretFailure::Empty(_) | SecretFailure::Malformed { .. } | SecretFailure::Aws(_) => {
            failure.advice()
        }
    };
    report.fail(check, failure.found(), advice);
}
