//! The document as it is read: operations, and what a reference leads to.

use std::collections::BTreeMap;

use serde_json::Value;

/// The text of `openapi.yaml`.
pub const TEXT: &str = include_str!("../../../openapi.yaml");

/// What a path may answer to here.
const METHODS: [&str; 2] = ["get", "post"];

/// The parsed document.
#[derive(Clone, Debug)]
pub struct Document {
    root: Value,
}

/// One operation of it.
#[derive(Clone, Copy, Debug)]
pub struct Operation<'a> {
    /// In capitals.
    pub method: &'static str,
    pub path: &'a str,
    pub value: &'a Value,
}

impl Document {
    /// Reads it.
    #[must_use]
    pub fn load() -> Self {
        Self { root: serde_yaml_ng::from_str(TEXT).expect("openapi.yaml is YAML") }
    }

    /// The whole of it.
    #[must_use]
    pub fn root(&self) -> &Value {
        &self.root
    }

    /// What a value is, or refers to.
    #[must_use]
    pub fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return value };
        let place = reference.strip_prefix('#').expect("every reference stays in the document");
        self.resolve(self.root.pointer(place).unwrap_or_else(|| panic!("{reference} is nothing")))
    }

    /// All operations, in the document's order.
    pub fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        let paths = self.root["paths"].as_object().expect("paths");
        paths.iter().flat_map(|(path, item)| {
            METHODS.iter().filter_map(move |method| {
                let value = item.get(method)?;
                let method = if *method == "get" { "GET" } else { "POST" };
                Some(Operation { method, path, value })
            })
        })
    }

    /// The operation of a route.
    #[must_use]
    pub fn operation(&self, method: &str, path: &str) -> Option<Operation<'_>> {
        self.operations().find(|one| one.method == method && one.path == path)
    }
}

impl<'a> Operation<'a> {
    /// Its name.
    #[must_use]
    pub fn id(&self) -> &'a str {
        self.value["operationId"].as_str().expect("every operation has an id")
    }

    /// The scope that a key needs for it.
    #[must_use]
    pub fn scope(&self, document: &'a Document) -> &'a str {
        let security = self.value.get("security").unwrap_or(&document.root["security"]);
        security[0]["apiKey"][0].as_str().expect("every operation needs a scope")
    }

    /// Its parameters.
    pub fn parameters(&self, document: &'a Document) -> impl Iterator<Item = &'a Value> {
        let all = self.value["parameters"].as_array().into_iter().flatten();
        all.map(|parameter| document.resolve(parameter))
    }

    /// The schema of the JSON that it takes.
    #[must_use]
    pub fn body(&self) -> Option<&'a Value> {
        self.value.pointer("/requestBody/content/application~1json")
    }

    /// Its answers by status.
    #[must_use]
    pub fn responses(&self, document: &'a Document) -> BTreeMap<u16, &'a Value> {
        let all = self.value["responses"].as_object().expect("every operation answers");
        let entry = |(status, response): (&'a String, &'a Value)| {
            (status.parse().expect("a status"), document.resolve(response))
        };
        all.iter().map(entry).collect()
    }

    /// The errors that it may answer with, each with its status and schema.
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

/// The schemas of which a value has to fit one.
pub(crate) fn alternatives<'a>(document: &'a Document, schema: &'a Value) -> Vec<&'a Value> {
    let schema = document.resolve(schema);
    match schema.get("oneOf").and_then(Value::as_array) {
        Some(all) => all.iter().map(|one| document.resolve(one)).collect(),
        None => vec![schema],
    }
}
