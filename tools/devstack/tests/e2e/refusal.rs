//! Error answers, whole: what is refused, and in which words.

use devstack::http::Answer;
use serde_json::{Value, json};

use crate::body::expect;

/// An error of the contract: status, `error`, `message`.
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

/// The answer is this error, whole, and nothing else.
#[track_caller]
pub(crate) fn refused(answer: &Answer, refusal: Refusal) {
    let (status, error, message) = refusal;
    refused_with(answer, status, error, message, &Value::Null);
}

/// The answer says that this field is wrong, and how.
#[track_caller]
pub(crate) fn invalid(answer: &Answer, field: &str, message: &str) {
    refused_with(answer, 422, "validation", message, &json!({ "field": field }));
}

/// The answer is this error, with these details.
#[track_caller]
pub(crate) fn refused_with(
    answer: &Answer,
    status: u16,
    error: &str,
    message: &str,
    details: &Value,
) {
    let request_id = answer.header("x-request-id");
    let body =
        json!({ "error": error, "message": message, "requestId": request_id, "details": details });
    expect(answer, status, &body);
}
