//! Error of a command: one message that says what is wrong, then what to do.

use shared::StripeError;
use shared::aws::table::TableError;

/// The message. It never contains a secret.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct CliError(String);

pub(crate) type Result<T> = std::result::Result<T, CliError>;

impl CliError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// Returns the message of the innermost source of an error.
pub(crate) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

impl From<TableError> for CliError {
    fn from(error: TableError) -> Self {
        Self(format!(
            "{error}; the item was not written by this tool, see shared/src/aws/table/ for its format"
        ))
    }
}

impl From<StripeError> for CliError {
    fn from(error: StripeError) -> Self {
        match error {
            // The client reads the secret again after a 401, and a given key has no other source.
            StripeError::Secret(_) => Self::new(
                "Stripe refused the key in STRIPE_SECRET_KEY; copy a valid key from Stripe's dashboard",
            ),
            StripeError::Refused { status: 403, .. } => Self(format!(
                "the key in STRIPE_SECRET_KEY lacks a permission; give it write access to products, prices and meters ({error})"
            )),
            StripeError::Unreachable { .. } | StripeError::Deadline => Self(format!(
                "{error}; check STRIPE_API_BASE and the network, then run the command again"
            )),
            _ => Self(error.to_string()),
        }
    }
}

impl From<getrandom::Error> for CliError {
    fn from(error: getrandom::Error) -> Self {
        Self(format!("the operating system gave no random numbers: {error}"))
    }
}
