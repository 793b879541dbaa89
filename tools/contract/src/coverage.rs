//! Coverage of the document by responses: every status and error of every operation, every value of every
//! enumeration, and both sides of everything nullable.
//!
//! A response that the document does not have fails a test at once. The opposite, a part of the document that no
//! response ever has, is an error of the document or a missing test.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::check::Response;
use crate::document::{Document, Operation};

/// Parts of the document that a response can show, each with a readable name.
pub type Cases = BTreeSet<String>;

/// The cases that responses have shown so far.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    cases: Cases,
    responses: usize,
}

impl Coverage {
    /// Adds the cases that a response without violations shows.
    pub fn add(&mut self, document: &Document, response: &Response<'_>) {
        let operation = document.operation(response.method, response.path);
        let operation = operation.expect("the response was checked");
        let documented = operation.responses(document)[&response.status];
        // A 304 has no body.
        let body: Value = serde_json::from_str(response.body).unwrap_or_default();
        self.responses += 1;
        match body["error"].as_str() {
            Some(code) => self.cases.insert(error(operation, response.status, code)),
            None => self.cases.insert(success(operation, response.status)),
        };
        if response.headers.iter().any(|(name, _)| *name == "idempotent-replayed") {
            self.cases.insert(replayed(operation));
        }
        let schema = &documented["content"]["application/json"]["schema"];
        walk(document, schema, "", Some(&body), &mut self.cases);
    }

    /// Returns the number of responses.
    #[must_use]
    pub fn responses(&self) -> usize {
        self.responses
    }

    /// Returns the cases shown so far.
    #[must_use]
    pub fn cases(&self) -> &Cases {
        &self.cases
    }
}

/// Returns every case of the document.
#[must_use]
pub fn all_cases(document: &Document) -> Cases {
    let mut cases = Cases::new();
    for operation in document.operations() {
        let errors = operation.errors(document);
        for (status, response) in operation.responses(document) {
            let codes = errors.iter().filter(|(of, ..)| *of == status);
            let codes: Vec<_> = codes.map(|(_, code, _)| error(operation, status, code)).collect();
            if codes.is_empty() {
                cases.insert(success(operation, status));
            }
            cases.extend(codes);
            let schema = &response["content"]["application/json"]["schema"];
            walk(document, schema, "", None, &mut cases);
            if response["headers"].get("Idempotent-Replayed").is_some() {
                cases.insert(replayed(operation));
            }
        }
    }
    cases
}

fn success(operation: Operation<'_>, status: u16) -> String {
    format!("{} {status}", operation.id())
}

fn error(operation: Operation<'_>, status: u16, code: &str) -> String {
    format!("{} {status} {code}", operation.id())
}

fn replayed(operation: Operation<'_>) -> String {
    format!("{} replayed", operation.id())
}

/// Adds the cases of a schema that a value shows; without a value, all of them.
fn walk(document: &Document, schema: &Value, at: &str, value: Option<&Value>, cases: &mut Cases) {
    // A component's cases count wherever it is used.
    let named = schema["$ref"].as_str().and_then(|place| place.rsplit('/').next());
    let at = named.unwrap_or(at);
    let schema = document.resolve(schema);
    if schema.get("const").is_some() {
        return;
    }
    if let Some(all) = schema["oneOf"].as_array() {
        let is_nullable = all.iter().any(|one| one["type"] == "null");
        for one in all {
            if value.is_none_or(|value| fits(document, one, value)) {
                if is_nullable {
                    let word = if one["type"] == "null" { "null" } else { "given" };
                    cases.insert(format!("{at} {word}"));
                }
                walk(document, one, at, value, cases);
            }
        }
        return;
    }
    if let Some(all) = schema["enum"].as_array() {
        let shown = all.iter().filter(|one| value.is_none_or(|value| *one == value));
        cases.extend(shown.map(|one| format!("{at} = {one}")));
    } else if schema["type"].is_array() {
        let shown = [("null", true), ("given", false)];
        let shown = shown.iter().filter(|(_, null)| value.is_none_or(|v| v.is_null() == *null));
        cases.extend(shown.map(|(word, _)| format!("{at} {word}")));
    }
    match schema["type"].as_str() {
        Some("boolean") => {
            let shown = [true, false].into_iter();
            let shown = shown.filter(|one| value.is_none_or(|value| *value == *one));
            cases.extend(shown.map(|one| format!("{at} = {one}")));
        }
        Some("array") => {
            let items = value.and_then(Value::as_array);
            let shown = [("empty", true), ("filled", false)];
            let shown =
                shown.iter().filter(|(_, empty)| items.is_none_or(|i| i.is_empty() == *empty));
            cases.extend(shown.map(|(word, _)| format!("{at} {word}")));
            match items {
                Some(items) => items.iter().for_each(|item| {
                    walk(document, &schema["items"], &format!("{at}[]"), Some(item), cases);
                }),
                None => walk(document, &schema["items"], &format!("{at}[]"), None, cases),
            }
        }
        Some("object") => fields(document, schema, at, value, cases),
        _ => {}
    }
}

fn fields(document: &Document, schema: &Value, at: &str, value: Option<&Value>, cases: &mut Cases) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let inner = value.and_then(|value| value.get(name));
        if value.is_some() && inner.is_none() {
            continue;
        }
        let at = format!("{at}.{name}");
        let resolved = document.resolve(field);
        // Many fields share a nullable scalar, and each of them has to be seen null and given.
        let is_shared_scalar = field.get("$ref").is_some() && resolved["type"].is_array();
        walk(document, if is_shared_scalar { resolved } else { field }, &at, inner, cases);
    }
}

/// Returns whether a value belongs to one of several schemas, which differ in their types or in a constant.
fn fits(document: &Document, schema: &Value, value: &Value) -> bool {
    let schema = document.resolve(schema);
    match schema["type"].as_str() {
        Some("null") => value.is_null(),
        Some("string") => value.is_string(),
        Some("object") => {
            let mut fields = schema["properties"].as_object().into_iter().flatten();
            let constant = |(name, field): (&String, &Value)| {
                field.get("const").is_none_or(|constant| value.get(name) == Some(constant))
            };
            value.is_object() && fields.all(constant)
        }
        _ => panic!("oneOf has an alternative that is not expected: {schema}"),
    }
}
