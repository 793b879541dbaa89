//! A command that did not work, as one sentence that says what to do.

use std::fmt::Display;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use shared::StripeError;
use shared::secrets::SecretError;
use shared::store::StoreError;

/// The sentence. It never holds a secret.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Failure(String);

pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

/// What AWS says of a call, without the SDK's debug output.
pub(crate) fn aws<E, R>(doing: impl Display, error: &SdkError<E, R>) -> Failure
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    let SdkError::ServiceError(answer) = error else {
        let cause = innermost(error);
        return Failure(format!(
            "could not {doing}: AWS did not answer ({cause}); check AWS_REGION, AWS_ENDPOINT_URL and the network"
        ));
    };
    let (code, message) =
        (code(error).unwrap_or("an unnamed error"), answer.err().message().unwrap_or("no message"));
    match code {
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "ExpiredTokenException"
        | "InvalidSignatureException" => Failure(format!(
            "could not {doing}: AWS refused the credentials ({code}); sign in again"
        )),
        _ => Failure(format!("could not {doing}: {code}: {message}")),
    }
}

/// AWS's name for what it refused.
pub(crate) fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Option<&str> {
    match error {
        SdkError::ServiceError(answer) => answer.err().code(),
        _ => None,
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

impl From<SecretError> for Failure {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::Unreadable { id, reason } => {
                // What follows in brackets is the SDK's debug output.
                let reason = reason.split_once(" (").map_or(reason.as_str(), |(words, _)| words);
                Self(format!(
                    "the secret {id} could not be read ({reason}); `billingctl setup` creates it"
                ))
            }
            SecretError::Malformed { .. } => {
                Self(format!("{error}; correct it in Secrets Manager"))
            }
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self(format!(
            "{error}; the item was not written by this tool, see shared/src/store/ for its form"
        ))
    }
}

impl From<StripeError> for Failure {
    fn from(error: StripeError) -> Self {
        match error {
            // The key was given; that a second one is asked for means that Stripe refused the first.
            StripeError::Secret(_) => Self::new(
                "Stripe refused the key in STRIPE_SECRET_KEY; take a valid one from the Stripe dashboard",
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

impl From<getrandom::Error> for Failure {
    fn from(error: getrandom::Error) -> Self {
        Self(format!("the operating system gave no random numbers: {error}"))
    }
}
