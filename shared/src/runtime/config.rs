//! Settings: all environment variables that a function reads, except the log level.

use hyper::Uri;

use crate::api::urls::Origins;
use crate::billing::plan_change::ChangeLimits;
use crate::stripe::base_url;
use crate::values::{Currency, is_path_segment};

/// Base URL of Stripe's API.
const STRIPE: &str = "https://api.stripe.com";

/// Form of a base URL.
const BASE_URL: &str = "an https URL without a path (http only for this machine)";

/// Form of a count.
const COUNT: &str = "a number from 1 to 1000";

/// Form of `STRIPE_RATE`.
const RATE: &str = "a number from 1 to 100000";

/// Forms of `DOWNGRADES`.
const DOWNGRADES: &str = "any or period_end";

/// A function's settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// `BILLING_TABLE`, required: name of the DynamoDB table.
    pub table: String,
    /// `STRIPE_SECRET_ID`, required: name or ARN of the secret with Stripe's keys.
    pub stripe_secret_id: String,
    /// `QUOTE_KEYS_SECRET_ID`, required by plan-change and its preview only: name or ARN of the secret
    /// with the MAC keys of quotes.
    pub quote_keys_secret_id: Option<String>,
    /// `STRIPE_API_BASE`, default `https://api.stripe.com`: base URL of Stripe's API. Plain HTTP is
    /// accepted for this machine only, so that a deployed stack cannot send its key in clear text.
    pub stripe_base: Uri,
    /// `DEFAULT_CURRENCY`, default `usd`: currency of accounts without one at Stripe.
    pub default_currency: Currency,
    /// `DUNNING_MAX_ATTEMPTS`, default 4: number of failed attempts that suspends an overdue account.
    pub dunning_max_attempts: u32,
    /// `DUNNING_GRACE_DAYS`, default 21: days after the first failure that suspend an overdue account.
    pub dunning_grace_days: u32,
    /// `ALLOWED_ORIGINS`, comma-separated, default none: origins of return URLs.
    pub allowed_origins: Origins,
    /// `CHECKOUT_SUCCESS_URL`: default URL after a paid checkout.
    pub checkout_success_url: Option<String>,
    /// `CHECKOUT_CANCEL_URL`: default URL after an abandoned checkout.
    pub checkout_cancel_url: Option<String>,
    /// `RETURN_URL`: default URL after the billing portal or an embedded checkout.
    pub return_url: Option<String>,
    /// `PORTAL_CONFIGURATION`, default none: ID of the Billing Portal configuration, if it is not the
    /// Stripe account's default.
    pub portal_configuration: Option<String>,
    /// `AUTOMATIC_TAX`, `true` or `false`, default `false`: whether Stripe calculates tax at checkout.
    pub automatic_tax: bool,
    /// `CHECKOUT_PROMOTION_CODES`, `CHECKOUT_TAX_IDS` and `CHECKOUT_BILLING_ADDRESS`, `true` or `false`, default `false`.
    pub checkout_form: CheckoutForm,
    /// `PLAN_CHANGES_PER_PERIOD`, default 10: largest number of plan changes of a subscription in one billing period.
    /// `DOWNGRADES`, `any` or `period_end`, default `any`: whether a downgrade may take effect at once.
    pub change_limits: ChangeLimits,
    /// `STRIPE_RATE`, default 100 in live mode and 25 in a sandbox: requests a second that Stripe allows this deployment.
    pub stripe_rate: Option<u32>,
}

/// Fields of Stripe's checkout page, besides the payment method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckoutForm {
    /// A promotion code. It does not apply to a session that has one already.
    pub promotion_codes: bool,
    /// The tax ID and name of a business.
    pub tax_ids: bool,
    /// The billing address, which is required then.
    pub billing_address: bool,
}

/// A missing or malformed variable. The message names it and the expected form, and never quotes the value,
/// because a URL can contain a password.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConfigError {
    #[error("the environment variable {0} is missing; set it")]
    Missing(&'static str),
    #[error("the environment variable {name} is malformed; set it to {expected}")]
    Bad { name: &'static str, expected: &'static str },
}

impl Config {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// [`ConfigError`], naming the first missing or malformed variable.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    fn from_lookup(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let env = Env { get: &get };
        let origins = env.parsed(
            "ALLOWED_ORIGINS",
            "",
            Origins::parse,
            "a comma-separated list of https origins",
        )?;
        Ok(Self {
            table: env.required("BILLING_TABLE")?,
            stripe_secret_id: env.required("STRIPE_SECRET_ID")?,
            quote_keys_secret_id: env.value("QUOTE_KEYS_SECRET_ID"),
            stripe_base: env.parsed("STRIPE_API_BASE", STRIPE, base_url, BASE_URL)?,
            default_currency: env.parsed(
                "DEFAULT_CURRENCY",
                "usd",
                |text| text.parse().ok(),
                "a currency code such as usd",
            )?,
            dunning_max_attempts: env.parsed("DUNNING_MAX_ATTEMPTS", "4", count, COUNT)?,
            dunning_grace_days: env.parsed("DUNNING_GRACE_DAYS", "21", count, COUNT)?,
            checkout_success_url: env.return_url("CHECKOUT_SUCCESS_URL", &origins)?,
            checkout_cancel_url: env.return_url("CHECKOUT_CANCEL_URL", &origins)?,
            return_url: env.return_url("RETURN_URL", &origins)?,
            portal_configuration: env.optional(
                "PORTAL_CONFIGURATION",
                portal_configuration,
                "the ID of a portal configuration, which begins with bpc_",
            )?,
            automatic_tax: env.flag("AUTOMATIC_TAX")?,
            checkout_form: CheckoutForm {
                promotion_codes: env.flag("CHECKOUT_PROMOTION_CODES")?,
                tax_ids: env.flag("CHECKOUT_TAX_IDS")?,
                billing_address: env.flag("CHECKOUT_BILLING_ADDRESS")?,
            },
            change_limits: ChangeLimits {
                changes_per_period: env.parsed("PLAN_CHANGES_PER_PERIOD", "10", count, COUNT)?,
                downgrades_now: env.parsed("DOWNGRADES", "any", downgrades_now, DOWNGRADES)?,
            },
            stripe_rate: env.optional("STRIPE_RATE", rate, RATE)?,
            allowed_origins: origins,
        })
    }
}

struct Env<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
}

impl Env<'_> {
    /// Returns a variable's value. An empty one counts as absent, because templates write it so.
    fn value(&self, name: &'static str) -> Option<String> {
        (self.get)(name).filter(|value| !value.is_empty())
    }

    fn required(&self, name: &'static str) -> Result<String, ConfigError> {
        self.value(name).ok_or(ConfigError::Missing(name))
    }

    /// Reads a flag, whose default is false.
    fn flag(&self, name: &'static str) -> Result<bool, ConfigError> {
        self.parsed(name, "false", |text| text.parse().ok(), "true or false")
    }

    /// Reads a URL of one of the allowed origins.
    fn return_url(
        &self,
        name: &'static str,
        origins: &Origins,
    ) -> Result<Option<String>, ConfigError> {
        let allowed = |url: &str| origins.check(name, url).is_ok().then(|| url.to_owned());
        self.optional(name, allowed, "a URL within ALLOWED_ORIGINS")
    }

    fn optional<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Option<T>,
        expected: &'static str,
    ) -> Result<Option<T>, ConfigError> {
        let parse = |value: String| parse(&value).ok_or(ConfigError::Bad { name, expected });
        self.value(name).map(parse).transpose()
    }

    fn parsed<T>(
        &self,
        name: &'static str,
        default: &str,
        parse: impl Fn(&str) -> Option<T>,
        expected: &'static str,
    ) -> Result<T, ConfigError> {
        let value = self.value(name).unwrap_or_else(|| default.to_owned());
        parse(&value).ok_or(ConfigError::Bad { name, expected })
    }
}

fn portal_configuration(text: &str) -> Option<String> {
    (text.starts_with("bpc_") && is_path_segment(text)).then(|| text.to_owned())
}

fn downgrades_now(text: &str) -> Option<bool> {
    match text {
        "any" => Some(true),
        "period_end" => Some(false),
        _ => None,
    }
}

fn rate(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number| (1..=100_000).contains(number))
}

fn count(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number| (1..=1000).contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(changed: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let given = [("BILLING_TABLE", "billing"), ("STRIPE_SECRET_ID", "stripe")];
        Config::from_lookup(|name| {
            let find = |list: &[(&str, &str)]| {
                list.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            };
            find(changed).or_else(|| find(&given))
        })
    }

    #[test]
    fn missing_variable_has_its_documented_default() {
        let config = config(&[]).expect("complete");
        assert_eq!(config.stripe_base, "https://api.stripe.com/");
        assert_eq!(config.default_currency.as_str(), "usd");
        assert_eq!((config.dunning_max_attempts, config.dunning_grace_days), (4, 21));
        assert_eq!(config.quote_keys_secret_id, None);
        assert_eq!(config.change_limits, ChangeLimits::default());
        assert_eq!(config.checkout_form, CheckoutForm::default());
    }

    #[test]
    fn missing_or_malformed_variable_is_named() {
        let cases = [
            ("BILLING_TABLE", ""),
            ("STRIPE_SECRET_ID", ""),
            ("STRIPE_API_BASE", "http://api.stripe.com"),
            ("STRIPE_API_BASE", "http://127.0.0.1.example.com"),
            ("STRIPE_API_BASE", "http://169.254.169.254"),
            ("STRIPE_API_BASE", "http://localhost@api.example.com"),
            ("STRIPE_API_BASE", "https://api.stripe.com@api.example.com"),
            ("STRIPE_API_BASE", "https://ada:hunter2@api.stripe.com"),
            ("STRIPE_API_BASE", "https://api.stripe.com/v1"),
            ("STRIPE_API_BASE", "https://api.stripe.com?a=b"),
            ("STRIPE_API_BASE", "ftp://api.stripe.com"),
            ("STRIPE_API_BASE", "api.stripe.com"),
            ("DEFAULT_CURRENCY", "dollars"),
            ("DUNNING_MAX_ATTEMPTS", "0"),
            ("DUNNING_GRACE_DAYS", "three"),
            ("ALLOWED_ORIGINS", "console.example"),
            ("CHECKOUT_SUCCESS_URL", "https://elsewhere.example/"),
            ("CHECKOUT_CANCEL_URL", "/cancel"),
            ("RETURN_URL", "https://elsewhere.example/"),
            ("RETURN_URL", "https://ada:hunter2@elsewhere.example/"),
            ("PORTAL_CONFIGURATION", "bpc_/../x"),
            ("PORTAL_CONFIGURATION", "default"),
            ("AUTOMATIC_TAX", "yes"),
            ("CHECKOUT_PROMOTION_CODES", "1"),
            ("CHECKOUT_TAX_IDS", "on"),
            ("CHECKOUT_BILLING_ADDRESS", "required"),
            ("PLAN_CHANGES_PER_PERIOD", "0"),
            ("DOWNGRADES", "never"),
        ];
        for (name, value) in cases {
            let error = config(&[(name, value)]).expect_err(name);
            let error = format!("{error} {error:?}");
            assert!(error.contains(name) && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn plain_http_is_accepted_for_this_machine_only() {
        for base in [
            "http://127.0.0.1:12111",
            "http://localhost:1",
            "http://[::1]:1",
            "http://host.docker.internal:1",
            "https://stripe.test",
        ] {
            assert!(config(&[("STRIPE_API_BASE", base)]).is_ok(), "{base}");
        }
    }
}
