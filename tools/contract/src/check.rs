//! Whether an answer is one that the document has: its status, its headers, its body.

use std::cell::RefCell;
use std::collections::HashMap;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::document::{Document, alternatives};

/// Headers that belong to the way an answer is sent, not to the answer.
const TRANSPORT: [&str; 5] =
    ["connection", "content-length", "content-type", "date", "transfer-encoding"];

/// An answer to a route of the document.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub status: u16,
    /// In lower case.
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a str,
}

/// Compares answers with the document.
#[derive(Debug)]
pub struct Checker {
    document: Document,
    validators: RefCell<HashMap<String, Validator>>,
}

impl Checker {
    /// One for the document.
    #[must_use]
    pub fn new(document: Document) -> Self {
        Self { document, validators: RefCell::default() }
    }

    /// What it compares with.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// All that is wrong with an answer, each with its place.
    #[must_use]
    pub fn faults(&self, answer: &Answer<'_>) -> Vec<String> {
        let Answer { method, path, status, .. } = *answer;
        let Some(operation) = self.document.operation(method, path) else {
            return vec![format!("{method} {path} is not in openapi.yaml")];
        };
        let id = operation.id();
        let Some(response) = operation.responses(&self.document).remove(&status) else {
            return vec![format!("{id} does not answer {status}")];
        };
        let mut faults = self.header_faults(response, answer);
        faults.extend(self.body_faults(response, answer));
        faults.iter().map(|fault| format!("{id} {status}: {fault}")).collect()
    }

    fn header_faults(&self, response: &Value, answer: &Answer<'_>) -> Vec<String> {
        let mut faults = Vec::new();
        let known = response["headers"].as_object().expect("every answer has headers");
        let find = |name: &str| answer.headers.iter().find(|(given, _)| *given == name);
        for (name, header) in known {
            let header = self.document.resolve(header);
            match find(&name.to_ascii_lowercase()) {
                Some((_, text)) => {
                    let number = text.parse::<u32>().ok().map(Value::from);
                    let is_number = self.document.resolve(&header["schema"])["type"] == "integer";
                    let value = number.filter(|_| is_number).unwrap_or_else(|| Value::from(*text));
                    let found = self.schema_faults(&header["schema"], &value);
                    faults.extend(found.iter().map(|fault| format!("header {name}: {fault}")));
                }
                None if header["required"] == true => faults.push(format!("no header {name}")),
                None => {}
            }
        }
        for (name, _) in answer.headers {
            let is_known = known.keys().any(|known| known.eq_ignore_ascii_case(name));
            if !is_known && !TRANSPORT.contains(name) {
                faults.push(format!("header {name} is not in openapi.yaml"));
            }
        }
        if find("content-type").is_none_or(|(_, value)| *value != "application/json") {
            faults.push("content-type is not application/json".to_owned());
        }
        faults
    }

    fn body_faults(&self, response: &Value, answer: &Answer<'_>) -> Vec<String> {
        let Ok(body) = serde_json::from_str::<Value>(answer.body) else {
            return vec![format!("the body is not JSON: {:?}", answer.body)];
        };
        let schema = &response["content"]["application/json"]["schema"];
        // Of several errors the one that is named, so that its own fault is told.
        let named = alternatives(&self.document, schema).into_iter().find(|one| {
            one.pointer("/properties/error/const").is_some_and(|code| *code == body["error"])
        });
        let found = self.schema_faults(named.unwrap_or(schema), &body);
        found.iter().map(|fault| format!("body{fault} in {body}")).collect()
    }

    /// What is wrong with a value where the document has this schema.
    #[must_use]
    pub fn schema_faults(&self, schema: &Value, value: &Value) -> Vec<String> {
        let mut validators = self.validators.borrow_mut();
        let validator = validators.entry(schema.to_string()).or_insert_with(|| {
            // The schema may refer to the others.
            let whole =
                json!({ "allOf": [schema], "components": self.document.root()["components"] });
            let options = jsonschema::draft202012::options().should_validate_formats(true);
            options.build(&whole).unwrap_or_else(|error| panic!("{schema}: {error}"))
        });
        let errors = validator.iter_errors(value);
        errors.map(|error| format!("{}: {error}", error.instance_path())).collect()
    }
}
