//! Tests of the failures: each kind of error has its reason and advice.

use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ConnectorError, ErrorMetadata};
use aws_sdk_dynamodb::operation::get_item::GetItemError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;

use super::*;

type Call = SdkError<GetItemError>;

/// Error of a library that wraps its cause.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Wrapped(&'static str, #[source] io::Error);

fn response(status: u16) -> HttpResponse {
    let status = StatusCode::try_from(status).expect("a status");
    HttpResponse::new(status, SdkBody::empty())
}

fn refusal(status: u16, code: Option<&str>, message: Option<&str>) -> Call {
    let mut metadata = ErrorMetadata::builder();
    if let Some(code) = code {
        metadata = metadata.code(code);
    }
    if let Some(message) = message {
        metadata = metadata.message(message);
    }
    Call::service_error(GetItemError::generic(metadata.build()), response(status))
}

fn unsent(error: impl Error + Send + Sync + 'static) -> Call {
    Call::dispatch_failure(ConnectorError::io(Box::new(error)))
}

fn io(kind: io::ErrorKind, text: &'static str) -> io::Error {
    io::Error::new(kind, text)
}

#[track_caller]
fn check(error: &Call, reason: Reason, what: &str) {
    let failure = AwsFailure::new("read the table", error);
    let found = format!("could not read the table: {what}");
    let text = format!("{found}; {}", reason.advice());
    assert_eq!(failure, AwsFailure { reason, found, advice: reason.advice() }, "{error:?}");
    assert_eq!(CliError::from(failure).to_string(), text);
}

#[test]
fn request_without_a_response_has_its_reason_and_advice() {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, InvalidData, TimedOut};
    let unknown = Wrapped("dns error", io::Error::other("Name or service not known"));
    let slow = ConnectorError::timeout("connect".into());
    let timeout = "AWS did not respond in time";
    let rows = [
        (
            unsent(io(ConnectionRefused, "os error 111")),
            Reason::ConnectionRefused,
            "the connection was refused",
        ),
        (
            unsent(unknown),
            Reason::UnknownHost,
            "the host name of AWS is unknown (Name or service not known)",
        ),
        (
            unsent(io::Error::other(io(InvalidData, "UnknownIssuer"))),
            Reason::Tls,
            "the TLS connection failed (UnknownIssuer)",
        ),
        (
            unsent(io(ConnectionReset, "connection reset")),
            Reason::Connection,
            "the connection to AWS failed (connection reset)",
        ),
        (unsent(io(TimedOut, "too slow")), Reason::Timeout, timeout),
        (Call::dispatch_failure(slow), Reason::Timeout, timeout),
        (Call::timeout_error("25 s"), Reason::Timeout, timeout),
        (
            Call::construction_failure(CredentialsError::not_loaded("nothing is set")),
            Reason::NoCredentials,
            "there are no AWS credentials",
        ),
        (
            Call::construction_failure(CredentialsError::provider_error("the session ended")),
            Reason::UnusableCredentials,
            "the AWS credentials could not be loaded (the session ended)",
        ),
    ];
    for (error, reason, what) in rows {
        check(&error, reason, what);
    }
}

#[test]
fn error_response_has_its_reason_and_advice() {
    use Reason::{
        Conflict, Denied, ExpiredCredentials, Other, RefusedCredentials, ServerError, Throttled,
    };
    let rows = [
        (
            400,
            "ExpiredTokenException",
            ExpiredCredentials,
            "the AWS credentials have expired (ExpiredTokenException)",
        ),
        (
            403,
            "ExpiredToken",
            ExpiredCredentials,
            "the AWS credentials have expired (ExpiredToken)",
        ),
        (
            400,
            "UnrecognizedClientException",
            RefusedCredentials,
            "AWS refused the credentials (UnrecognizedClientException)",
        ),
        (
            403,
            "InvalidClientTokenId",
            RefusedCredentials,
            "AWS refused the credentials (InvalidClientTokenId)",
        ),
        (
            403,
            "SignatureDoesNotMatch",
            RefusedCredentials,
            "AWS refused the credentials (SignatureDoesNotMatch)",
        ),
        (400, "AccessDeniedException", Denied, "AWS denied access (AccessDeniedException: why)"),
        (403, "AccessDenied", Denied, "AWS denied access (AccessDenied: why)"),
        (400, "ThrottlingException", Throttled, "AWS throttled the request (ThrottlingException)"),
        (
            503,
            "TooManyRequestsException",
            Throttled,
            "AWS throttled the request (TooManyRequestsException)",
        ),
        (
            400,
            "TransactionCanceledException",
            Conflict,
            "AWS canceled the transaction (TransactionCanceledException: why)",
        ),
        (
            500,
            "InternalServerError",
            ServerError,
            "AWS responded with status 500 (InternalServerError: why)",
        ),
        (400, "ValidationException", Other, "ValidationException: why"),
    ];
    for (status, code, reason, what) in rows {
        check(&refusal(status, Some(code), Some("why")), reason, what);
    }
    check(&refusal(400, Some("LimitExceeded"), Some("")), Other, "LimitExceeded");
    check(&refusal(400, Some("LimitExceeded"), None), Other, "LimitExceeded");
}

#[test]
fn response_without_an_error_code_is_reported_by_its_status() {
    let malformed = "AWS's response with status 200 cannot be parsed";
    let no_code = |status: u16| format!("AWS responded with status {status} and no error code");
    check(&Call::response_error("not JSON", response(200)), Reason::MalformedResponse, malformed);
    check(&refusal(200, None, None), Reason::MalformedResponse, malformed);
    check(&refusal(404, None, None), Reason::MalformedResponse, &no_code(404));
    check(&refusal(500, None, None), Reason::ServerError, &no_code(500));
    check(&refusal(503, None, None), Reason::ServerError, &no_code(503));
}

#[test]
fn only_a_denial_gets_the_advice_about_the_permission() {
    let rows =
        [("AccessDeniedException", "the permission"), ("Throttling", Reason::Throttled.advice())];
    for (code, advice) in rows {
        let failure = AwsFailure::new("x", &refusal(400, Some(code), None));
        assert_eq!(failure.advice_or("the permission"), advice);
    }
}
