//! Check of a response against the document: status, headers and body.

use std::cell::RefCell;
use std::collections::HashMap;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::document::{Document, alternatives};

/// Headers of the transport, which the document does not describe.
const TRANSPORT: [&str; 5] =
    ["connection", "content-length", "content-type", "date", "transfer-encoding"];

/// Response of a route.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub status: u16,
    /// With names in lower case.
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a str,
}

/// Checker of responses against a document.
#[derive(Debug)]
pub struct Checker {
    document: Document,
    validators: RefCell<HashMap<String, Validator>>,
}

impl Checker {
    /// Creates a checker for the document.
    #[must_use]
    pub fn new(document: Document) -> Self {
        Self { document, validators: RefCell::default() }
    }

    /// Returns the document.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Returns every violation in a response, each with its place.
    #[must_use]
    pub fn violations(&self, response: &Response<'_>) -> Vec<String> {
        let Response { method, path, status, .. } = *response;
        let Some(operation) = self.document.operation(method, path) else {
            return vec![format!("{method} {path} is not in openapi.yaml")];
        };
        let id = operation.id();
        let Some(documented) = operation.responses(&self.document).remove(&status) else {
            return vec![format!("{id} has no response {status}")];
        };
        let mut violations = self.header_violations(documented, response);
        violations.extend(self.body_violations(documented, response));
        violations.iter().map(|violation| format!("{id} {status}: {violation}")).collect()
    }

    fn header_violations(&self, documented: &Value, response: &Response<'_>) -> Vec<String> {
        let mut violations = Vec::new();
        let known = documented["headers"].as_object().expect("every response has headers");
        let find = |name: &str| response.headers.iter().find(|(given, _)| *given == name);
        for (name, header) in known {
            let header = self.document.resolve(header);
            match find(&name.to_ascii_lowercase()) {
                Some((_, text)) => {
                    let number = text.parse::<u32>().ok().map(Value::from);
                    let is_number = self.document.resolve(&header["schema"])["type"] == "integer";
                    let value = number.filter(|_| is_number).unwrap_or_else(|| Value::from(*text));
                    let found = self.schema_violations(&header["schema"], &value);
                    violations.extend(found.iter().map(|one| format!("header {name}: {one}")));
                }
                None if header["required"] == true => violations.push(format!("no header {name}")),
                None => {}
            }
        }
        for (name, _) in response.headers {
            let is_known = known.keys().any(|known| known.eq_ignore_ascii_case(name));
            if !is_known && !TRANSPORT.contains(name) {
                violations.push(format!("header {name} is not in openapi.yaml"));
            }
        }
        if find("content-type").is_none_or(|(_, value)| *value != "application/json") {
            violations.push("content-type is not application/json".to_owned());
        }
        violations
    }

    fn body_violations(&self, documented: &Value, response: &Response<'_>) -> Vec<String> {
        if documented["content"].is_null() && response.body.is_empty() {
            return Vec::new();
        }
        let Ok(body) = serde_json::from_str::<Value>(response.body) else {
            return vec![format!("the body is not JSON: {:?}", response.body)];
        };
        let schema = &documented["content"]["application/json"]["schema"];
        // Of several error schemas, the one of this code gives the precise message.
        let named = alternatives(&self.document, schema).into_iter().find(|one| {
            one.pointer("/properties/error/const").is_some_and(|code| *code == body["error"])
        });
        let found = self.schema_violations(named.unwrap_or(schema), &body);
        found.iter().map(|violation| format!("body{violation} in {body}")).collect()
    }

    /// Returns every violation of a schema of the document by a value.
    #[must_use]
    pub fn schema_violations(&self, schema: &Value, value: &Value) -> Vec<String> {
        let mut validators = self.validators.borrow_mut();
        let validator = validators.entry(schema.to_string()).or_insert_with(|| {
            // The schema can refer to the others.
            let whole =
                json!({ "allOf": [schema], "components": self.document.root()["components"] });
            let options = jsonschema::draft202012::options().should_validate_formats(true);
            options.build(&whole).unwrap_or_else(|error| panic!("{schema}: {error}"))
        });
        let errors = validator.iter_errors(value);
        errors.map(|error| format!("{}: {error}", error.instance_path())).collect()
    }
}
