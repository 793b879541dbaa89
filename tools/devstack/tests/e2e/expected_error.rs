//! Expected error responses.

use devstack::http::Response;
use serde_json::{Value, json};

use crate::body::expect;

/// Error of the contract: status, `error`, `message`.
pub(crate) type ExpectedError = (u16, &'static str, &'static str);

pub(crate) const UNAUTHENTICATED: ExpectedError = (
    401,
    "unauthenticated",
    "The API key is missing or invalid. Send `Authorization: Bearer <key>` with a key that is neither expired nor revoked.",
);

pub(crate) const ACT_AS_FORBIDDEN: ExpectedError = (
    403,
    "act_as_forbidden",
    "Your account may not act for that account, or it does not exist. Set X-Cantila-Act-As to the handle or ID of one of your own sub-accounts.",
);

pub(crate) const NOT_FOUND: ExpectedError =
    (404, "not_found", "There is no such object of this account. Check the ID in the path.");

pub(crate) const STRIPE_ERROR: ExpectedError = (
    502,
    "stripe_error",
    "Stripe rejected this request. You cannot fix this; contact support with the request ID.",
);

pub(crate) const STRIPE_UNAVAILABLE: ExpectedError = (
    503,
    "stripe_unavailable",
    "Stripe could not be reached, or its response was unclear. Retry in a few seconds. Reuse the Idempotency-Key of a request that changes something, so that it cannot apply twice.",
);

pub(crate) const UNAVAILABLE: ExpectedError = (
    503,
    "unavailable",
    "A service that this API depends on could not be reached. Retry in a few seconds.",
);

pub(crate) const TIMEOUT: ExpectedError = (
    504,
    "timeout",
    "The request timed out. Retry it; reuse its Idempotency-Key if it changes something.",
);

pub(crate) const INTERNAL: ExpectedError = (
    500,
    "internal",
    "Internal error. Retry; if it persists, contact support with the request ID.",
);

/// Asserts that the response is this error, without details.
#[track_caller]
pub(crate) fn assert_error(response: &Response, expected: ExpectedError) {
    let (status, error, message) = expected;
    assert_error_with(response, status, error, message, &Value::Null);
}

/// Asserts that the response is `malformed_body` at this column of the first line.
#[track_caller]
pub(crate) fn assert_malformed(response: &Response, column: usize) {
    let message = format!(
        "The body is not valid JSON (line 1, column {column}). Send a JSON object with `content-type: application/json`."
    );
    assert_error_with(response, 400, "malformed_body", &message, &Value::Null);
}

/// Asserts that the response is `validation` for this field.
#[track_caller]
pub(crate) fn assert_invalid(response: &Response, field: &str, message: &str) {
    assert_error_with(response, 422, "validation", message, &json!({ "field": field }));
}

/// Asserts that the response is this error with these details.
#[track_caller]
pub(crate) fn assert_error_with(
    response: &Response,
    status: u16,
    error: &str,
    message: &str,
    details: &Value,
) {
    let request_id = response.header("x-request-id");
    let body =
        json!({ "error": error, "message": message, "requestId": request_id, "details": details });
    expect(response, status, &body);
}
