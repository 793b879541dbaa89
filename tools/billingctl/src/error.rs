//! Error of a command: one message that says what is wrong, then what to do.

use std::fmt::Display;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use shared::StripeError;
use shared::aws::secrets::SecretError;
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

/// Converts an error of the AWS SDK, without the SDK's debug output. `action` completes "could not …".
pub(crate) fn from_aws<E, R>(action: impl Display, error: &SdkError<E, R>) -> CliError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    let SdkError::ServiceError(response) = error else {
        let cause = root_cause(error);
        return CliError(format!(
            "could not {action}: AWS did not respond ({cause}); check AWS_REGION, AWS_ENDPOINT_URL and the network"
        ));
    };
    let code = aws_code(error).unwrap_or("an unnamed error");
    let message = response.err().message().unwrap_or("no message");
    match code {
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "ExpiredTokenException"
        | "InvalidSignatureException" => CliError(format!(
            "could not {action}: AWS refused the credentials ({code}); sign in again"
        )),
        _ => CliError(format!("could not {action}: {code}: {message}")),
    }
}

/// Returns the error code of AWS's response.
pub(crate) fn aws_code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<&str> {
    match error {
        SdkError::ServiceError(response) => response.err().code(),
        _ => None,
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

impl From<SecretError> for CliError {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Unreadable { id, reason } => {
                // The SDK's debug output follows in parentheses.
                let reason = reason.split_once(" (").map_or(reason.as_str(), |(words, _)| words);
                Self(format!(
                    "the secret {id} could not be read ({reason}); `billingctl setup` creates it"
                ))
            }
            SecretError::Malformed { .. } => Self(format!("{error}; fix it in Secrets Manager")),
            SecretError::NotConfigured(_) => Self(error.to_string()),
        }
    }
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
