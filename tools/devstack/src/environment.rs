//! The environment that leads a program of ours to this stack, and nowhere else.

use std::process::Command;

/// The table's name.
pub(crate) const TABLE: &str = "cantila-billing";

/// The name of the secret with the pepper.
pub(crate) const PEPPER: &str = "cantila-billing/pepper";

/// Where a checkout may send people back to.
pub(crate) const ALLOWED_ORIGINS: [&str; 1] = ["http://localhost:3000"];

/// The developer's own accounts and endpoints have no say here, and a Stripe key belongs in its
/// secret and nowhere else.
const NOT_OURS: &[&str] = &[
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_DEFAULT_REGION",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "STRIPE_SECRET_KEY",
    "STRIPE_READ_KEY",
    "STRIPE_WRITE_KEY",
    "STRIPE_PUBLISHABLE_KEY",
];

/// Variables for the functions and for `billingctl`.
#[derive(Clone, Debug)]
pub(crate) struct Environment(Vec<(&'static str, String)>);

impl Environment {
    pub(crate) fn new(stripe_url: &str, aws_url: &str) -> Self {
        let text = str::to_owned;
        Self(vec![
            ("BILLING_TABLE", text(TABLE)),
            ("PEPPER_SECRET_ID", text(PEPPER)),
            ("STRIPE_API_BASE", text(stripe_url)),
            ("ALLOWED_ORIGINS", ALLOWED_ORIGINS.join(",")),
            ("CHECKOUT_SUCCESS_URL", format!("{}/billing/welcome", ALLOWED_ORIGINS[0])),
            ("CHECKOUT_CANCEL_URL", format!("{}/billing/plans", ALLOWED_ORIGINS[0])),
            ("RETURN_URL", format!("{}/billing", ALLOWED_ORIGINS[0])),
            ("AWS_ENDPOINT_URL", text(aws_url)),
            ("AWS_REGION", text("us-east-1")),
            ("AWS_ACCESS_KEY_ID", text("local")),
            ("AWS_SECRET_ACCESS_KEY", text("local")),
            ("AWS_CONFIG_FILE", text("/dev/null")),
            ("AWS_SHARED_CREDENTIALS_FILE", text("/dev/null")),
            ("NO_PROXY", text("127.0.0.1,localhost")),
        ])
    }

    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        self.0.clone()
    }

    pub(crate) fn apply(&self, command: &mut Command) {
        for name in NOT_OURS {
            command.env_remove(name);
        }
        command.envs(self.0.iter().map(|(name, value)| (name, value)));
    }
}
