//! Choice between the Stripe sandbox and Stripe's test mode.

use crate::Error;

/// The sandbox's keys. They need not be secret: they work only with the sandbox.
const SANDBOX_SECRET: &str = "sk_test_sandbox";
const SANDBOX_READ: &str = "rk_test_sandbox";
const SANDBOX_WRITE: &str = "rk_test_sandbox_write";
const SANDBOX_PUBLISHABLE: &str = "pk_test_sandbox";

/// Placeholder for a missing publishable key, which only a page with Stripe.js needs.
const UNSET_PUBLISHABLE: &str = "pk_test_unset";

/// Stripe keys for test mode.
#[derive(Clone, Debug)]
pub struct StripeKeys {
    pub secret: String,
    pub read: String,
    pub write: String,
    pub publishable: String,
}

/// Stripe that the stack uses.
#[derive(Clone, Debug)]
pub enum StripeChoice {
    /// The sandbox, which needs no Stripe account.
    Sandbox,
    /// Stripe's test mode with these keys.
    TestMode(StripeKeys),
}

impl StripeChoice {
    /// Returns test mode if `STRIPE_SECRET_KEY` is set, with the optional keys `STRIPE_READ_KEY`, `STRIPE_WRITE_KEY`
    /// and `STRIPE_PUBLISHABLE_KEY`, and the sandbox otherwise.
    ///
    /// # Errors
    /// [`Error::Keys`] for a key that is not for test mode: seeding creates customers and charges cards.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    fn from_lookup(get: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let key = |name: &str, prefixes: &[&str]| match get(name).filter(|value| !value.is_empty())
        {
            Some(value) if !prefixes.iter().any(|prefix| value.starts_with(prefix)) => {
                Err(Error::Keys(format!(
                    "{name} is not a key for Stripe's test mode. Set it to a key that begins with {}. The local stack never uses live data.",
                    prefixes.join(" or ")
                )))
            }
            value => Ok(value),
        };
        let Some(secret) = key("STRIPE_SECRET_KEY", &["sk_test_"])? else {
            return Ok(Self::Sandbox);
        };
        let read =
            key("STRIPE_READ_KEY", &["rk_test_", "sk_test_"])?.unwrap_or_else(|| secret.clone());
        let write =
            key("STRIPE_WRITE_KEY", &["rk_test_", "sk_test_"])?.unwrap_or_else(|| secret.clone());
        let publishable = key("STRIPE_PUBLISHABLE_KEY", &["pk_test_"])?;
        let publishable = publishable.unwrap_or_else(|| UNSET_PUBLISHABLE.to_owned());
        Ok(Self::TestMode(StripeKeys { secret, read, write, publishable }))
    }

    pub(crate) fn keys(&self) -> StripeKeys {
        match self {
            Self::Sandbox => StripeKeys {
                secret: SANDBOX_SECRET.to_owned(),
                read: SANDBOX_READ.to_owned(),
                write: SANDBOX_WRITE.to_owned(),
                publishable: SANDBOX_PUBLISHABLE.to_owned(),
            },
            Self::TestMode(keys) => keys.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(set: &[(&str, &str)]) -> Result<StripeChoice, Error> {
        StripeChoice::from_lookup(|name| {
            set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn sandbox_is_the_default() {
        for set in [&[][..], &[("STRIPE_SECRET_KEY", "")], &[("STRIPE_READ_KEY", "rk_test_1")]] {
            assert!(matches!(choice(set), Ok(StripeChoice::Sandbox)), "{set:?}");
        }
    }

    #[test]
    fn secret_key_selects_test_mode_and_the_other_keys_default_to_it() {
        let secret = ("STRIPE_SECRET_KEY", "sk_test_1");
        let rows = [
            (vec![secret], "sk_test_1", "sk_test_1"),
            (vec![secret, ("STRIPE_READ_KEY", "rk_test_2")], "rk_test_2", "sk_test_1"),
            (vec![secret, ("STRIPE_WRITE_KEY", "rk_test_3")], "sk_test_1", "rk_test_3"),
        ];
        for (set, read, write) in rows {
            let keys = choice(&set).expect("test keys").keys();
            assert_eq!(
                (keys.read.as_str(), keys.write.as_str(), keys.publishable.as_str()),
                (read, write, UNSET_PUBLISHABLE)
            );
        }
    }

    #[test]
    fn live_key_is_rejected_without_quoting_it() {
        let secret = ("STRIPE_SECRET_KEY", "sk_test_1");
        let rows = [
            vec![("STRIPE_SECRET_KEY", "sk_live_hunter2")],
            vec![("STRIPE_SECRET_KEY", "hunter2")],
            vec![secret, ("STRIPE_READ_KEY", "rk_live_hunter2")],
            vec![secret, ("STRIPE_WRITE_KEY", "rk_live_hunter2")],
            vec![secret, ("STRIPE_PUBLISHABLE_KEY", "pk_live_hunter2")],
        ];
        for set in rows {
            let error = choice(&set).expect_err("no test key").to_string();
            let (name, _) = set.last().expect("a variable");
            assert!(error.contains(name) && !error.contains("hunter2"), "{error}");
        }
    }
}
