//! Which Stripe the stack talks to: the sandbox, or the real test mode.

use crate::Error;

/// The sandbox's keys. It is not reachable from outside this machine, so they are no secrets.
const SANDBOX_SECRET: &str = "sk_test_sandbox";
const SANDBOX_READ: &str = "rk_test_sandbox";
const SANDBOX_WRITE: &str = "rk_test_sandbox_write";
const SANDBOX_PUBLISHABLE: &str = "pk_test_sandbox";

/// Stands for a publishable key that was not given: only a page with Stripe.js on it needs one.
const UNSET_PUBLISHABLE: &str = "pk_test_unset";

/// Keys of a Stripe in test mode.
#[derive(Clone, Debug)]
pub struct StripeKeys {
    pub secret: String,
    pub read: String,
    pub write: String,
    pub publishable: String,
}

/// The sandbox needs no account; the real test mode shows what the sandbox only imitates.
#[derive(Clone, Debug)]
pub enum StripeChoice {
    Sandbox,
    TestMode(StripeKeys),
}

impl StripeChoice {
    /// Test mode if `STRIPE_SECRET_KEY` is set; `STRIPE_READ_KEY`, `STRIPE_WRITE_KEY` and
    /// `STRIPE_PUBLISHABLE_KEY` may be set beside it.
    ///
    /// # Errors
    /// [`Error::Keys`] for anything but test keys: seeding makes customers and charges cards.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    fn from_lookup(get: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let key = |name: &str, prefixes: &[&str]| match get(name).filter(|value| !value.is_empty())
        {
            Some(value) if !prefixes.iter().any(|prefix| value.starts_with(prefix)) => {
                Err(Error::Keys(format!(
                    "{name} is no key of Stripe's test mode: it has to begin with {}. The local stack never runs against live data.",
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
    fn without_a_key_it_is_the_sandbox() {
        for set in [&[][..], &[("STRIPE_SECRET_KEY", "")], &[("STRIPE_READ_KEY", "rk_test_1")]] {
            assert!(matches!(choice(set), Ok(StripeChoice::Sandbox)), "{set:?}");
        }
    }

    #[test]
    fn with_a_test_key_it_is_test_mode_and_the_read_key_may_differ() {
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
    fn a_live_key_is_refused_by_name_and_not_quoted() {
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
