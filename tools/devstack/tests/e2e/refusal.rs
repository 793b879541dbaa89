//! Expected error responses.

use devstack::http::Response;
use serde_json::{Value, json};

use crate::body::expect;

/// Error of the contract: status, `error`, `message`.
pub(crate) type Refusal = (u16, &'static str, &'static str);

pub(crate) const UNAUTHENTICATED: Refusal = (
    401,
    "unauthenticated",
    "The API key is missing or not valid. Send `Authorization: Bearer <key>` with a key that has not expired or been revoked.",
);

pub(crate) const ACT_AS_FORBIDDEN: Refusal = (
    403,
    "act_as_forbidden",
    "This account may not act for that one, or there is no such account. X-Cantila-Act-As takes the handle or id of one of your own sub-accounts.",
);

pub(crate) const MALFORMED_BODY: Refusal = (
    400,
    "malformed_body",
    "The body is not JSON. Send a JSON object with `content-type: application/json`.",
);

pub(crate) const STRIPE_ERROR: Refusal = (
    502,
    "stripe_error",
    "Stripe refused a request of ours. This is not something that you can mend; tell the operator the request id.",
);

pub(crate) const STRIPE_UNAVAILABLE: Refusal = (
    503,
    "stripe_unavailable",
    "Stripe could not be reached, or gave no clear answer. Try again in a few seconds; a request that changes something with the same Idempotency-Key, so that it is not done twice.",
);

pub(crate) const UNAVAILABLE: Refusal = (
    503,
    "unavailable",
    "A service that this one needs could not be reached. Try again in a few seconds.",
);

pub(crate) const TIMEOUT: Refusal = (504, "timeout", "The answer did not come in time. Try again.");

pub(crate) const INTERNAL: Refusal = (
    500,
    "internal",
    "Something went wrong on our side. Try again; if it stays so, tell the operator the request id.",
);

/// Asserts that the response is this error, without details.
#[track_caller]
pub(crate) fn refused(response: &Response, refusal: Refusal) {
    let (status, error, message) = refusal;
    refused_with(response, status, error, message, &Value::Null);
}

/// Asserts that the response is `validation` for this field.
#[track_caller]
pub(crate) fn invalid(response: &Response, field: &str, message: &str) {
    refused_with(response, 422, "validation", message, &json!({ "field": field }));
}

/// Asserts that the response is this error with these details.
#[track_caller]
pub(crate) fn refused_with(
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
