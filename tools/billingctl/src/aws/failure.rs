//! Failed calls of AWS: the reason, and the operator's next step.

use std::error::Error;
use std::fmt::Display;
use std::io;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

use crate::error::{CliError, root_cause};

/// Failed call. Neither text contains a secret or the SDK's debug output.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AwsFailure {
    reason: Reason,
    /// The failure, for example "could not read the table: AWS throttled the request (…)".
    pub(crate) found: String,
    pub(crate) advice: &'static str,
}

/// Reason of a failure. The advice depends on nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    NoCredentials,
    UnknownProfile,
    EmptyProfile,
    ExpiredSso,
    NoCli,
    UnusableCredentials,
    ExpiredCredentials,
    RefusedCredentials,
    Denied,
    Throttled,
    Conflict,
    ConnectionRefused,
    UnknownHost,
    Tls,
    Timeout,
    Connection,
    ServerError,
    MalformedResponse,
    Other,
}

impl AwsFailure {
    /// Describes the error of a call. `action` completes "could not …".
    pub(crate) fn new<E>(action: impl Display, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let (reason, what) = match error {
            SdkError::ServiceError(response) => of_response(
                response.err().code(),
                response.err().message(),
                response.raw().status().as_u16(),
            ),
            SdkError::ResponseError(response) => malformed(response.raw().status().as_u16()),
            SdkError::TimeoutError(_) => (Reason::Timeout, timeout()),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => {
                (Reason::Timeout, timeout())
            }
            _ => of_chain(error),
        };
        Self { reason, found: format!("could not {action}: {what}"), advice: reason.advice() }
    }

    /// Describes the error of a call that writes, like [`AwsFailure::new`].
    pub(crate) fn of_write<E>(action: impl Display, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let failure = Self::new(action, error);
        let advice = match failure.reason {
            Reason::Timeout | Reason::Connection => UNCLEAR,
            reason => reason.advice(),
        };
        Self { advice, ..failure }
    }

    /// Describes why there are no credentials to send requests with.
    pub(crate) fn of_credentials(error: &CredentialsError) -> Self {
        let (reason, found) = credentials(error);
        Self { reason, found, advice: reason.advice() }
    }

    /// Describes why the AWS profile with this name has no credentials.
    pub(crate) fn of_profile(name: &str, error: &CredentialsError) -> Self {
        let cause = root_cause(error);
        let (reason, found) = if cause.contains("was not defined") {
            (Reason::UnknownProfile, format!("there is no AWS profile \"{name}\""))
        } else if matches!(error, CredentialsError::CredentialsNotLoaded(_)) {
            (Reason::EmptyProfile, format!("the AWS profile \"{name}\" has no credentials"))
        } else {
            let found = format!(
                "the credentials of the AWS profile \"{name}\" could not be loaded ({})",
                one_line(&cause)
            );
            (Reason::UnusableCredentials, found)
        };
        Self { reason, found, advice: reason.advice() }
    }

    /// Returns whether the SDK is built without the profile's way to sign in, such as SSO, which this program leaves to
    /// the AWS CLI.
    pub(crate) fn needs_cli(error: &CredentialsError) -> bool {
        root_cause(error).contains("cargo feature(s) enabled")
    }

    /// Describes why the AWS CLI has no credentials of the AWS profile with this name.
    pub(crate) fn of_sso(name: &str, error: &CredentialsError) -> Self {
        let cause = one_line(&root_cause(error));
        let (reason, found) = if cause.contains("expired") || cause.contains("does not exist") {
            let found = format!("the SSO session of the AWS profile \"{name}\" has expired");
            (Reason::ExpiredSso, found)
        } else if cause.contains("not found") {
            let found =
                format!("the AWS profile \"{name}\" signs in with SSO, which needs the AWS CLI");
            (Reason::NoCli, found)
        } else {
            let found = format!(
                "the credentials of the AWS profile \"{name}\" could not be loaded ({cause})"
            );
            (Reason::UnusableCredentials, found)
        };
        Self { reason, found, advice: reason.advice() }
    }

    /// Returns the advice, or `permission` if the role lacks a permission.
    pub(crate) fn advice_or(&self, permission: &'static str) -> &'static str {
        if self.reason == Reason::Denied { permission } else { self.advice }
    }
}

/// Returns the error code of AWS's response.
pub(crate) fn code<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

impl From<AwsFailure> for CliError {
    fn from(failure: AwsFailure) -> Self {
        Self::new(format!("{}; {}", failure.found, failure.advice))
    }
}

/// Advice after a write whose outcome is unknown.
const UNCLEAR: &str = "check the network, AWS_REGION and AWS_ENDPOINT_URL; the change may have been made already, so look before you run the command again";

/// Returns the text without line breaks.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Reason {
    fn advice(self) -> &'static str {
        match self {
            Self::NoCredentials => {
                "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            }
            Self::UnknownProfile => {
                "set AWS_PROFILE to one that `aws configure list-profiles` lists; for a deployed stack see aws_profile in `billingctl profiles list --json`"
            }
            Self::EmptyProfile => {
                "add credentials to it with `aws configure` or `aws configure sso`, or use another AWS_PROFILE"
            }
            Self::ExpiredSso => {
                "sign in with `aws sso login` and this profile, and run the command again"
            }
            Self::NoCli => {
                "install the AWS CLI, version 2, or set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
            }
            Self::UnusableCredentials => {
                "check AWS_PROFILE and its settings, and sign in again, for example with `aws sso login`"
            }
            Self::ExpiredCredentials => {
                "sign in again, for example with `aws sso login`; if the credentials are in variables (AWS_SESSION_TOKEN), set these again or unset them"
            }
            Self::RefusedCredentials => {
                "check AWS_PROFILE or AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, and this machine's clock"
            }
            Self::Denied => {
                "give your role the permission that AWS names, or use another AWS_PROFILE"
            }
            Self::Throttled => "wait a minute and run the command again",
            Self::Conflict => "run the command again",
            Self::ConnectionRefused => {
                "if AWS_ENDPOINT_URL is set, start the emulator at that address or unset the variable; else check the network and its proxies"
            }
            Self::UnknownHost => {
                "check AWS_REGION, AWS_ENDPOINT_URL, and this machine's network and DNS"
            }
            Self::Tls => {
                "check that AWS_ENDPOINT_URL begins with http:// for an emulator, and that this machine trusts the certificate of your network's proxy"
            }
            Self::Timeout => {
                "check the network, AWS_REGION and AWS_ENDPOINT_URL, and run the command again"
            }
            Self::Connection => "check the network and AWS_ENDPOINT_URL, and run the command again",
            Self::ServerError => {
                "run the command again; if it fails for longer, see https://health.aws.amazon.com/"
            }
            Self::MalformedResponse => {
                "check that AWS_ENDPOINT_URL, if it is set, is the address of AWS or of an emulator"
            }
            Self::Other => "look the code up in AWS's documentation of the call",
        }
    }
}

fn timeout() -> String {
    "AWS did not respond in time".to_owned()
}

fn malformed(status: u16) -> (Reason, String) {
    (Reason::MalformedResponse, format!("AWS's response with status {status} cannot be parsed"))
}

/// Describes an error response.
fn of_response(code: Option<&str>, message: Option<&str>, status: u16) -> (Reason, String) {
    let Some(code) = code else {
        let what = format!("AWS responded with status {status} and no error code");
        return match status {
            ..400 => malformed(status),
            400..500 => (Reason::MalformedResponse, what),
            500.. => (Reason::ServerError, what),
        };
    };
    let named = match message.filter(|message| !message.is_empty()) {
        Some(message) => format!("{code}: {message}"),
        None => code.to_owned(),
    };
    match code {
        "ExpiredToken" | "ExpiredTokenException" | "RequestExpired" => {
            (Reason::ExpiredCredentials, format!("the AWS credentials have expired ({code})"))
        }
        "IncompleteSignature"
        | "IncompleteSignatureException"
        | "InvalidAccessKeyId"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => {
            (Reason::RefusedCredentials, format!("AWS refused the credentials ({code})"))
        }
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => {
            (Reason::Denied, format!("AWS denied access ({named})"))
        }
        "ProvisionedThroughputExceededException"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "Throttling"
        | "ThrottlingException"
        | "TooManyRequestsException" => {
            (Reason::Throttled, format!("AWS throttled the request ({code})"))
        }
        "TransactionCanceledException"
        | "TransactionConflictException"
        | "TransactionInProgressException" => {
            (Reason::Conflict, format!("AWS canceled the transaction ({named})"))
        }
        _ if status >= 500 => {
            (Reason::ServerError, format!("AWS responded with status {status} ({named})"))
        }
        _ => (Reason::Other, named),
    }
}

/// Describes an error without a response, by the sources that tell its reason.
fn of_chain(error: &(dyn Error + 'static)) -> (Reason, String) {
    let cause = root_cause(error);
    for source in std::iter::successors(Some(error), |&error| cause_of(error)) {
        if let Some(error) = source.downcast_ref::<CredentialsError>() {
            return credentials(error);
        }
        if source.to_string() == "dns error" {
            return (Reason::UnknownHost, format!("the host name of AWS is unknown ({cause})"));
        }
        match source.downcast_ref::<io::Error>().map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionRefused) => {
                return (Reason::ConnectionRefused, "the connection was refused".to_owned());
            }
            Some(io::ErrorKind::TimedOut) => return (Reason::Timeout, timeout()),
            // The TLS library reports its errors as invalid data.
            Some(io::ErrorKind::InvalidData) => {
                return (Reason::Tls, format!("the TLS connection failed ({cause})"));
            }
            _ => {}
        }
    }
    (Reason::Connection, format!("the connection to AWS failed ({cause})"))
}

/// Returns the cause of an error. The source of an I/O error is that of the error that it wraps, which must not be
/// skipped: a TLS error is wrapped twice.
fn cause_of<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

fn credentials(error: &CredentialsError) -> (Reason, String) {
    if matches!(error, CredentialsError::CredentialsNotLoaded(_)) {
        return (Reason::NoCredentials, "there are no AWS credentials".to_owned());
    }
    let cause = root_cause(error);
    (Reason::UnusableCredentials, format!("the AWS credentials could not be loaded ({cause})"))
}

#[cfg(test)]
#[path = "failure_tests.rs"]
mod tests;
