//! Environment variables that connect our programs to this stack.

use std::collections::BTreeMap;
use std::process::Command;

use crate::functions::{FOLLOW, Function, StripeSecret};

/// Name of the table.
pub(crate) const TABLE: &str = "cantila-billing";

/// Name of the secret with the MAC keys of quotes.
pub(crate) const QUOTE_KEYS: &str = "cantila-billing/quote-keys";

/// Variable with the allowed origins, separated by commas.
const ORIGINS: &str = "ALLOWED_ORIGINS";

/// Origins of a developer's own console, whose pages may call the API from a browser.
pub(crate) const ALLOWED_ORIGINS: [&str; 1] = ["http://localhost:3000"];

/// Variables that programs must not inherit: the developer's own AWS accounts and endpoints, and Stripe keys, which
/// belong into the secrets.
const REMOVED: &[&str] = &[
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_DEFAULT_REGION",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "BILLINGCTL_PROFILE",
    "STRIPE_SECRET_KEY",
    "STRIPE_READ_KEY",
    "STRIPE_WRITE_KEY",
    "STRIPE_PUBLISHABLE_KEY",
];

/// Variables and their values.
pub type Variables = BTreeMap<String, String>;

/// Settings of a stack: the only place that sets the variables of the functions and of `billingctl`.
#[derive(Clone, Debug)]
pub(crate) struct Environment(Variables);

impl Environment {
    /// `origins` are those of the pages that checkout and portal may return customers to. The default pages are of the
    /// first one.
    pub(crate) fn new(
        stripe_url: &str,
        aws_url: &str,
        stripe_rate: u32,
        origins: &[String],
    ) -> Self {
        let origin = origins.first().map_or(ALLOWED_ORIGINS[0], String::as_str);
        Self(variables([
            ("BILLING_TABLE", TABLE),
            ("STRIPE_API_BASE", stripe_url),
            (ORIGINS, &origins.join(",")),
            ("CHECKOUT_SUCCESS_URL", &format!("{origin}/billing/welcome")),
            ("CHECKOUT_CANCEL_URL", &format!("{origin}/billing/plans")),
            ("RETURN_URL", &format!("{origin}/billing")),
            // Developers and tests change a plan more often than customers.
            ("PLAN_CHANGES_PER_PERIOD", "1000"),
            ("STRIPE_RATE", &stripe_rate.to_string()),
            ("AWS_ENDPOINT_URL", aws_url),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("NO_PROXY", "127.0.0.1,localhost"),
        ]))
    }

    /// Returns the variables that every program gets.
    pub(crate) fn common(&self) -> &Variables {
        &self.0
    }

    /// Returns the origins whose pages may call the API from a browser.
    pub(crate) fn allowed_origins(&self) -> Vec<String> {
        self.0[ORIGINS].split(',').map(str::to_owned).collect()
    }

    /// Returns the settings of a function, as the template sets them on AWS.
    pub(crate) fn settings(&self, function: &Function) -> Variables {
        let stripe = variables([("STRIPE_SECRET_ID", function.secret.id())]);
        let quotes = function.quotes.then(|| variables([("QUOTE_KEYS_SECRET_ID", QUOTE_KEYS)]));
        self.0.clone().into_iter().chain(stripe).chain(quotes.unwrap_or_default()).collect()
    }

    /// Returns all variables of a function's process except `AWS_LAMBDA_RUNTIME_API`: its settings and the variables
    /// that Lambda sets.
    pub(crate) fn process(&self, function: &Function) -> Variables {
        self.settings(function).into_iter().chain(lambda(function.name)).collect()
    }

    /// Returns the same variables of the process that follows Stripe's events.
    pub(crate) fn follow(&self) -> Variables {
        let stripe = variables([("STRIPE_SECRET_ID", StripeSecret::Write.id())]);
        self.0.clone().into_iter().chain(stripe).chain(lambda(FOLLOW)).collect()
    }
}

/// Returns the variables that Lambda sets for the function `name`.
fn lambda(name: &str) -> Variables {
    variables([
        ("AWS_LAMBDA_FUNCTION_NAME", name),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        // Names the function in the user agent of its AWS calls, which are recorded.
        ("AWS_SDK_UA_APP_ID", name),
    ])
}

fn variables<const N: usize>(pairs: [(&str, &str); N]) -> Variables {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// Sets a program's variables and removes those that it must not inherit.
pub(crate) fn apply(variables: &Variables, command: &mut Command) {
    for name in REMOVED {
        command.env_remove(name);
    }
    command.envs(variables);
}
