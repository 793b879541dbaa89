//! What a fault makes of an answer.

use hyper::Response;
use hyper::header::HeaderValue;
use serde_json::Value;

use super::body::{self, Body};
use super::exchange::Answer;
use super::faults::{Fault, Kind};
use super::respond::{HangUp, LastOfConnection, respond, set};
use crate::values::errors::ApiError;

const GARBAGE: &str = "<html>this is not the JSON you are looking for";
const WRONG_SHAPE: &str = r#"{"object":[1,{"list":null}],"data":"none"}"#;

/// The answer that comes instead of the right one, which `answer` is if there is one already.
pub fn instead(fault: &Fault, mut answer: Answer) -> Answer {
    match fault.kind {
        Kind::HangUp => answer.status = 0,
        Kind::Garbage => GARBAGE.clone_into(&mut answer.body),
        Kind::WrongShape => WRONG_SHAPE.clone_into(&mut answer.body),
        _ => answer.refuse(&error(fault)),
    }
    answer
        .message
        .get_or_insert_with(|| format!("asked for with /_sandbox/faults: {:?}", fault.kind));
    answer
}

fn error(fault: &Fault) -> ApiError {
    let error = match fault.status {
        429 => ApiError::rate_limit(),
        status => ApiError::with_status(
            status,
            "An error occurred on our end (asked for with /_sandbox/faults).",
        ),
    };
    match &fault.code {
        Some(code) => error.code(code),
        None => error,
    }
}

/// The fault on the wire. `answer` is the right answer if the fault is gentle, else what comes instead.
pub fn response(
    fault: &Fault,
    answer: &Answer,
    idempotency_key: Option<&str>,
) -> Result<Response<Body>, HangUp> {
    if fault.kind == Kind::HangUp {
        return Err(HangUp);
    }
    let mut response = respond(answer, idempotency_key);
    match fault.kind {
        Kind::Cut => *response.body_mut() = body::cut(&answer.body),
        Kind::Trickle => *response.body_mut() = body::trickle(&answer.body, fault.delay()),
        Kind::DropField => {
            let field = fault.field.as_deref().unwrap_or_default();
            *response.body_mut() = body::whole(without(&answer.body, field));
        }
        Kind::CloseIdle => drop(response.extensions_mut().insert(LastOfConnection)),
        _ => {}
    }
    let headers = response.headers_mut();
    if matches!(fault.kind, Kind::Cut | Kind::Trickle) {
        headers.insert("content-length", HeaderValue::from(answer.body.len()));
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

/// Takes out what the path leads to, in each element of the arrays on its way.
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
    fn a_field_is_taken_out_of_every_element_on_its_path() {
        let body = r#"{"a":1,"data":[{"b":{"c":2,"d":3}},{"b":{"c":4}}]}"#;
        assert_eq!(without(body, "data.b.c"), r#"{"a":1,"data":[{"b":{"d":3}},{"b":{}}]}"#);
        assert_eq!(without(body, "a"), r#"{"data":[{"b":{"c":2,"d":3}},{"b":{"c":4}}]}"#);
        assert_eq!(without(body, "a.b"), body);
    }
}
