//! How much of the document was seen in answers: every status and error of every operation, every value of
//! every enumeration, and of everything that may be null both.
//!
//! An answer that the document does not have is a fault; something that the document has and no answer ever
//! is may be one as well, so it is looked for.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::check::Answer;
use crate::document::{Document, Operation};

/// What there is to see, or was seen, each in words.
pub type Marks = BTreeSet<String>;

/// What was seen so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    marks: Marks,
    answers: usize,
}

impl Seen {
    /// Notes an answer without fault.
    pub fn note(&mut self, document: &Document, answer: &Answer<'_>) {
        let operation = document.operation(answer.method, answer.path);
        let operation = operation.expect("an answer without fault");
        let response = operation.responses(document)[&answer.status];
        let body: Value = serde_json::from_str(answer.body).expect("an answer without fault");
        self.answers += 1;
        match body["error"].as_str() {
            Some(code) => self.marks.insert(error(operation, answer.status, code)),
            None => self.marks.insert(success(operation, answer.status)),
        };
        if answer.headers.iter().any(|(name, _)| *name == "idempotent-replayed") {
            self.marks.insert(replayed(operation));
        }
        let schema = &response["content"]["application/json"]["schema"];
        walk(document, schema, "", Some(&body), &mut self.marks);
    }

    /// How many answers were noted.
    #[must_use]
    pub fn answers(&self) -> usize {
        self.answers
    }

    /// What was seen.
    #[must_use]
    pub fn marks(&self) -> &Marks {
        &self.marks
    }
}

/// All that there is to see in the document.
#[must_use]
pub fn all(document: &Document) -> Marks {
    let mut marks = Marks::new();
    for operation in document.operations() {
        let errors = operation.errors(document);
        for (status, response) in operation.responses(document) {
            let codes = errors.iter().filter(|(of, ..)| *of == status);
            let codes: Vec<_> = codes.map(|(_, code, _)| error(operation, status, code)).collect();
            if codes.is_empty() {
                marks.insert(success(operation, status));
            }
            marks.extend(codes);
            let schema = &response["content"]["application/json"]["schema"];
            walk(document, schema, "", None, &mut marks);
            if response["headers"].get("Idempotent-Replayed").is_some() {
                marks.insert(replayed(operation));
            }
        }
    }
    marks
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

/// Marks what a value shows of a schema; without a value, all that one could show.
fn walk(document: &Document, schema: &Value, at: &str, value: Option<&Value>, marks: &mut Marks) {
    // What a component shows counts wherever it is used.
    let named = schema["$ref"].as_str().and_then(|place| place.rsplit('/').next());
    let at = named.unwrap_or(at);
    let schema = document.resolve(schema);
    if let Some(all) = schema["oneOf"].as_array() {
        let is_nullable = all.iter().any(|one| one["type"] == "null");
        for one in all {
            if value.is_none_or(|value| fits(document, one, value)) {
                if is_nullable {
                    let word = if one["type"] == "null" { "null" } else { "given" };
                    marks.insert(format!("{at} {word}"));
                }
                walk(document, one, at, value, marks);
            }
        }
        return;
    }
    if let Some(all) = schema["enum"].as_array() {
        let shown = all.iter().filter(|one| value.is_none_or(|value| *one == value));
        marks.extend(shown.map(|one| format!("{at} = {one}")));
    } else if schema["type"].is_array() {
        // Named by the field and not by the component, which many fields share.
        let shown = [("null", true), ("given", false)];
        let shown = shown.iter().filter(|(_, null)| value.is_none_or(|v| v.is_null() == *null));
        marks.extend(shown.map(|(word, _)| format!("{at} {word}")));
    }
    match schema["type"].as_str() {
        Some("boolean") => {
            let shown = [true, false].into_iter();
            let shown = shown.filter(|one| value.is_none_or(|value| *value == *one));
            marks.extend(shown.map(|one| format!("{at} = {one}")));
        }
        Some("array") => {
            let items = value.and_then(Value::as_array);
            let shown = [("empty", true), ("filled", false)];
            let shown =
                shown.iter().filter(|(_, empty)| items.is_none_or(|i| i.is_empty() == *empty));
            marks.extend(shown.map(|(word, _)| format!("{at} {word}")));
            match items {
                Some(items) => items.iter().for_each(|item| {
                    walk(document, &schema["items"], &format!("{at}[]"), Some(item), marks);
                }),
                None => walk(document, &schema["items"], &format!("{at}[]"), None, marks),
            }
        }
        Some("object") => fields(document, schema, at, value, marks),
        _ => {}
    }
}

fn fields(document: &Document, schema: &Value, at: &str, value: Option<&Value>, marks: &mut Marks) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let inner = value.and_then(|value| value.get(name));
        if value.is_some() && inner.is_none() {
            continue;
        }
        let at = format!("{at}.{name}");
        let resolved = document.resolve(field);
        // A nullable scalar that many fields share: whether this field was null is the question.
        let is_shared_scalar = field.get("$ref").is_some() && resolved["type"].is_array();
        walk(document, if is_shared_scalar { resolved } else { field }, &at, inner, marks);
    }
}

/// Whether a value is meant by one of several schemas: they differ in type, or in a constant.
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
        _ => panic!("no such alternative is used: {schema}"),
    }
}
