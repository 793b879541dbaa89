//! Responses of requests with a fault.

use hyper::Response;
use hyper::header::HeaderValue;
use serde_json::Value;

use super::body::{self, Body};
use super::exchange::ApiResponse;
use super::faults::{Fault, FaultKind};
use super::respond::{CloseAfterResponse, ConnectionDropped, respond, set};
use crate::values::errors::ApiError;

const GARBAGE: &str = "<html>this is not the JSON you are looking for";
const WRONG_SHAPE: &str = r#"{"object":[1,{"list":null}],"data":"none"}"#;

/// Returns the response that replaces the regular one.
pub fn replacement(fault: &Fault, mut api_response: ApiResponse) -> ApiResponse {
    match fault.kind {
        FaultKind::HangUp => api_response.status = 0,
        FaultKind::Garbage => GARBAGE.clone_into(&mut api_response.body),
        FaultKind::WrongShape => WRONG_SHAPE.clone_into(&mut api_response.body),
        _ => api_response.set_error(&error(fault)),
    }
    api_response
        .message
        .get_or_insert_with(|| format!("fault injected with /_sandbox/faults: {:?}", fault.kind));
    api_response
}

fn error(fault: &Fault) -> ApiError {
    let error = match fault.status {
        429 => ApiError::rate_limit(),
        status => ApiError::with_status(
            status,
            "An error occurred on our end (injected with /_sandbox/faults).",
        ),
    };
    match &fault.code {
        Some(code) => error.code(code),
        None => error,
    }
}

/// Returns the HTTP response. `response` is the regular one if the fault keeps it, else its
/// replacement.
pub fn response(
    fault: &Fault,
    api_response: &ApiResponse,
    idempotency_key: Option<&str>,
) -> Result<Response<Body>, ConnectionDropped> {
    if fault.kind == FaultKind::HangUp {
        return Err(ConnectionDropped);
    }
    let mut response = respond(api_response, idempotency_key);
    match fault.kind {
        FaultKind::Cut => *response.body_mut() = body::truncated_body(&api_response.body),
        FaultKind::Trickle => {
            *response.body_mut() = body::slow_body(&api_response.body, fault.delay());
        }
        FaultKind::DropField => {
            let field = fault.field.as_deref().unwrap_or_default();
            *response.body_mut() = body::full_body(without(&api_response.body, field));
        }
        FaultKind::CloseIdle => drop(response.extensions_mut().insert(CloseAfterResponse)),
        _ => {}
    }
    let headers = response.headers_mut();
    if matches!(fault.kind, FaultKind::Cut | FaultKind::Trickle) {
        headers.insert("content-length", HeaderValue::from(api_response.body.len()));
    }
    if let Some(retry) = fault.should_retry {
        set(headers, "stripe-should-retry", &retry.to_string());
    }
    if let Some(seconds) = fault.retry_after {
        set(headers, "retry-after", &seconds.to_string());
    }
    Ok(response)
}

fn without(body: &str, field: &str) -> String {
    let Ok(mut json) = serde_json::from_str::<Value>(body) else { return body.to_owned() };
    let path: Vec<&str> = field.split('.').collect();
    remove(&mut json, &path);
    json.to_string()
}

/// Removes the field at the path, in every element of arrays on the way.
fn remove(value: &mut Value, path: &[&str]) {
    match (value, path) {
        (Value::Array(elements), path) => {
            for element in elements {
                remove(element, path);
            }
        }
        (Value::Object(object), [last]) => drop(object.remove(*last)),
        (Value::Object(object), [first, rest @ ..]) => {
            if let Some(inner) = object.get_mut(*first) {
                remove(inner, rest);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_is_removed_from_every_element_on_its_path() {
        let body = r#"{"a":1,"data":[{"b":{"c":2,"d":3}},{"b":{"c":4}}]}"#;
        assert_eq!(without(body, "data.b.c"), r#"{"a":1,"data":[{"b":{"d":3}},{"b":{}}]}"#);
        assert_eq!(without(body, "a"), r#"{"data":[{"b":{"c":2,"d":3}},{"b":{"c":4}}]}"#);
        assert_eq!(without(body, "a.b"), body);
    }
}
