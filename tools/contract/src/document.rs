//! The parsed document: its operations, and the resolution of references.

use std::collections::BTreeMap;

use serde_json::Value;

/// Text of `openapi.yaml`.
pub const TEXT: &str = include_str!("../../../openapi.yaml");

/// Methods of the operations: their keys, and their names.
const METHODS: [(&str, &str); 3] = [("get", "GET"), ("post", "POST"), ("delete", "DELETE")];

/// The parsed document.
#[derive(Clone, Debug)]
pub struct Document {
    root: Value,
}

/// An operation of the document.
#[derive(Clone, Copy, Debug)]
pub struct Operation<'a> {
    /// In upper case.
    pub method: &'static str,
    pub path: &'a str,
    pub value: &'a Value,
}

impl Document {
    /// Parses `openapi.yaml`.
    #[must_use]
    pub fn load() -> Self {
        Self { root: serde_yaml_ng::from_str(TEXT).expect("openapi.yaml is YAML") }
    }

    /// Returns the whole document.
    #[must_use]
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// Follows references until a value is none.
    #[must_use]
    pub fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return value };
        let place = reference.strip_prefix('#').expect("every reference stays in the document");
        self.resolve(self.root.pointer(place).unwrap_or_else(|| panic!("{reference} is missing")))
    }

    /// Returns all operations in the document's order.
    pub fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        let paths = self.root["paths"].as_object().expect("paths");
        paths.iter().flat_map(|(path, item)| {
            METHODS.iter().filter_map(move |(key, method)| {
                Some(Operation { method, path, value: item.get(key)? })
            })
        })
    }

    /// Returns the operation of a route.
    #[must_use]
    pub fn operation(&self, method: &str, path: &str) -> Option<Operation<'_>> {
        let is_at = |operation: &Operation<'_>| match operation.path.split_once("{id}") {
            Some((before, after)) => path
                .strip_prefix(before)
                .and_then(|rest| rest.strip_suffix(after))
                .is_some_and(|id| !id.is_empty() && !id.contains('/')),
            None => operation.path == path,
        };
        self.operations().find(|one| one.method == method && is_at(one))
    }
}

impl<'a> Operation<'a> {
    /// Returns the operation ID.
    #[must_use]
    pub fn id(&self) -> &'a str {
        self.value["operationId"].as_str().expect("every operation has an ID")
    }

    /// Returns the scope that the operation requires.
    #[must_use]
    pub fn scope(&self, document: &'a Document) -> &'a str {
        let security = self.value.get("security").unwrap_or(&document.root["security"]);
        security[0]["apiKey"][0].as_str().expect("every operation requires a scope")
    }

    /// Returns the media type object of the JSON request body.
    #[must_use]
    pub fn body(&self) -> Option<&'a Value> {
        self.value.pointer("/requestBody/content/application~1json")
    }

    /// Returns the responses by status.
    #[must_use]
    pub fn responses(&self, document: &'a Document) -> BTreeMap<u16, &'a Value> {
        let all = self.value["responses"].as_object().expect("every operation has responses");
        let entry = |(status, response): (&'a String, &'a Value)| {
            (status.parse().expect("a status"), document.resolve(response))
        };
        all.iter().map(entry).collect()
    }

    /// Returns the error responses: status, code and schema of each.
    #[must_use]
    pub fn errors(&self, document: &'a Document) -> Vec<(u16, &'a str, &'a Value)> {
        let mut errors = Vec::new();
        for (status, response) in self.responses(document) {
            let schema = &response["content"]["application/json"]["schema"];
            for schema in alternatives(document, schema) {
                let code = schema.pointer("/properties/error/const").and_then(Value::as_str);
                errors.extend(code.map(|code| (status, code, schema)));
            }
        }
        errors
    }
}

/// Returns the schemas of a `oneOf`, or the schema itself.
pub(crate) fn alternatives<'a>(document: &'a Document, schema: &'a Value) -> Vec<&'a Value> {
    let schema = document.resolve(schema);
    match schema.get("oneOf").and_then(Value::as_array) {
        Some(all) => all.iter().map(|one| document.resolve(one)).collect(),
        None => vec![schema],
    }
}
