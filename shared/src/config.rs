//! Every environment variable that a function reads, in one place.

use hyper::Uri;

use crate::respond::Currency;
use crate::urls::Origins;

/// Stripe's own address.
const STRIPE: &str = "https://api.stripe.com";

/// A function's settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// `BILLING_TABLE`, required: the DynamoDB table of keys, accounts and idempotency records.
    pub table: String,
    /// `STRIPE_SECRET_ID`, required: name or ARN of the secret with Stripe's keys.
    pub stripe_secret_id: String,
    /// `PEPPER_SECRET_ID`, required: name or ARN of the secret with the pepper.
    pub pepper_secret_id: String,
    /// `STRIPE_API_BASE`, default `https://api.stripe.com`. Plain HTTP is taken only for this
    /// very machine, so that a deployed stack cannot send its Stripe key in the clear.
    pub stripe_base: Uri,
    /// `DEFAULT_CURRENCY`, default `usd`: that of accounts which Stripe knows none of.
    pub default_currency: Currency,
    /// `DUNNING_MAX_ATTEMPTS`, default 4: after so many failed attempts an overdue account is suspended.
    pub dunning_max_attempts: u32,
    /// `DUNNING_GRACE_DAYS`, default 21: after so many days since the first failure it is, too.
    pub dunning_grace_days: u32,
    /// `ALLOWED_ORIGINS`, a list with commas, default none: where customers may be sent back to.
    pub allowed_origins: Origins,
    /// `CHECKOUT_SUCCESS_URL`: where a customer goes after paying, where the caller does not say.
    pub checkout_success_url: Option<String>,
    /// `CHECKOUT_CANCEL_URL`: and after going back without paying.
    pub checkout_cancel_url: Option<String>,
    /// `RETURN_URL`: and after the billing portal or an embedded checkout.
    pub return_url: Option<String>,
    /// `AUTH_FAILURES_PER_MINUTE`, default 60: so often may an address fail to authenticate, in each
    /// process by itself; 0 is no limit.
    pub auth_failures_per_minute: u32,
    /// `PORTAL_CONFIGURATION`, default none: id of the Billing Portal's configuration, where it is
    /// not the default one of the Stripe account.
    pub portal_configuration: Option<String>,
    /// `AUTOMATIC_TAX`, `true` or `false`, default `false`: whether Stripe works out tax at checkout.
    pub automatic_tax: bool,
}

/// A variable is missing or bad; the message names it and says what it has to be.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConfigError {
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    #[error("the environment variable {name} is \"{value}\"; it has to be {expected}")]
    Bad { name: &'static str, value: String, expected: &'static str },
}

impl Config {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// [`ConfigError`], naming the first variable that is missing or bad.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    fn from_lookup(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let env = Env { get: &get };
        let origins = env.parsed(
            "ALLOWED_ORIGINS",
            "",
            Origins::parse,
            "https origins with commas between them",
        )?;
        Ok(Self {
            table: env.required("BILLING_TABLE")?,
            stripe_secret_id: env.required("STRIPE_SECRET_ID")?,
            pepper_secret_id: env.required("PEPPER_SECRET_ID")?,
            stripe_base: env.parsed(
                "STRIPE_API_BASE",
                STRIPE,
                stripe_base,
                "an https URL without a path (http only for this machine)",
            )?,
            default_currency: env.parsed(
                "DEFAULT_CURRENCY",
                "usd",
                |text| text.parse().ok(),
                "a currency code such as usd",
            )?,
            dunning_max_attempts: env.parsed(
                "DUNNING_MAX_ATTEMPTS",
                "4",
                positive,
                "a number from 1 to 1000",
            )?,
            dunning_grace_days: env.parsed(
                "DUNNING_GRACE_DAYS",
                "21",
                positive,
                "a number from 1 to 1000",
            )?,
            checkout_success_url: env.own_page("CHECKOUT_SUCCESS_URL", &origins)?,
            checkout_cancel_url: env.own_page("CHECKOUT_CANCEL_URL", &origins)?,
            return_url: env.own_page("RETURN_URL", &origins)?,
            auth_failures_per_minute: env.parsed(
                "AUTH_FAILURES_PER_MINUTE",
                "60",
                at_most_a_thousand,
                "a number from 0 to 1000",
            )?,
            portal_configuration: env.parsed(
                "PORTAL_CONFIGURATION",
                "",
                portal_configuration,
                "the id of a portal configuration, which begins with bpc_",
            )?,
            automatic_tax: env.parsed(
                "AUTOMATIC_TAX",
                "false",
                |text| text.parse().ok(),
                "true or false",
            )?,
            allowed_origins: origins,
        })
    }
}

struct Env<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
}

impl Env<'_> {
    /// An empty variable counts as absent: that is how templates write "no value".
    fn value(&self, name: &'static str) -> Option<String> {
        (self.get)(name).filter(|value| !value.is_empty())
    }

    fn required(&self, name: &'static str) -> Result<String, ConfigError> {
        self.value(name).ok_or(ConfigError::Missing(name))
    }

    fn own_page(
        &self,
        name: &'static str,
        origins: &Origins,
    ) -> Result<Option<String>, ConfigError> {
        let bad = |value: String| ConfigError::Bad {
            name,
            value,
            expected: "a URL within ALLOWED_ORIGINS",
        };
        let Some(url) = self.value(name) else { return Ok(None) };
        if origins.check(name, &url).is_ok() { Ok(Some(url)) } else { Err(bad(url)) }
    }

    fn parsed<T>(
        &self,
        name: &'static str,
        default: &str,
        parse: impl Fn(&str) -> Option<T>,
        expected: &'static str,
    ) -> Result<T, ConfigError> {
        let value = self.value(name).unwrap_or_else(|| default.to_owned());
        parse(&value).ok_or(ConfigError::Bad { name, value, expected })
    }
}

/// The origin that Stripe's requests go to.
#[must_use]
pub fn stripe_base(text: &str) -> Option<Uri> {
    let uri: Uri = text.parse().ok()?;
    let scheme_is_safe = match uri.scheme_str()? {
        "https" => true,
        "http" => is_this_machine(uri.host()?),
        _ => false,
    };
    let is_bare = !uri.authority()?.as_str().contains('@')
        && uri.path_and_query().is_none_or(|rest| rest == "/");
    (scheme_is_safe && is_bare).then_some(uri)
}

/// `host.docker.internal` is this machine as `sam local`'s containers see it.
pub(crate) fn is_this_machine(host: &str) -> bool {
    matches!(host, "127.0.0.1" | "localhost" | "[::1]" | "host.docker.internal")
}

/// Nothing is none.
#[expect(clippy::option_option, reason = "the outer one is whether it is an id at all")]
fn portal_configuration(text: &str) -> Option<Option<String>> {
    if text.is_empty() {
        return Some(None);
    }
    let is_id = text.starts_with("bpc_")
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_id.then(|| Some(text.to_owned()))
}

fn positive(text: &str) -> Option<u32> {
    at_most_a_thousand(text).filter(|number| *number > 0)
}

fn at_most_a_thousand(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number| *number <= 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(changed: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let given = [
            ("BILLING_TABLE", "billing"),
            ("STRIPE_SECRET_ID", "stripe"),
            ("PEPPER_SECRET_ID", "pepper"),
        ];
        Config::from_lookup(|name| {
            let find = |list: &[(&str, &str)]| {
                list.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            };
            find(changed).or_else(|| find(&given))
        })
    }

    #[test]
    fn what_is_not_given_has_its_documented_default() {
        let config = config(&[]).expect("complete");
        assert_eq!(config.stripe_base, "https://api.stripe.com/");
        assert_eq!(config.default_currency.as_str(), "usd");
        assert_eq!((config.dunning_max_attempts, config.dunning_grace_days), (4, 21));
        assert_eq!(config.auth_failures_per_minute, 60);
    }

    #[test]
    fn a_missing_or_bad_variable_is_named() {
        let cases = [
            ("BILLING_TABLE", ""),
            ("STRIPE_SECRET_ID", ""),
            ("PEPPER_SECRET_ID", ""),
            ("STRIPE_API_BASE", "http://api.stripe.com"),
            ("STRIPE_API_BASE", "http://127.0.0.1.example.com"),
            ("STRIPE_API_BASE", "http://169.254.169.254"),
            ("STRIPE_API_BASE", "http://localhost@api.example.com"),
            ("STRIPE_API_BASE", "https://api.stripe.com@api.example.com"),
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
            ("AUTH_FAILURES_PER_MINUTE", "-1"),
            ("AUTH_FAILURES_PER_MINUTE", "1001"),
            ("PORTAL_CONFIGURATION", "bpc_/../x"),
            ("PORTAL_CONFIGURATION", "default"),
            ("AUTOMATIC_TAX", "yes"),
        ];
        for (name, value) in cases {
            let error = config(&[(name, value)]).expect_err(name).to_string();
            assert!(error.contains(name), "{error}");
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
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
