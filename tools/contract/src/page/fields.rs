//! The fields of a body, as a list in words.

use maud::{Markup, html};
use serde_yaml_ng::Value;

use super::inline;
use super::sheet::{Sheet, list, pairs, text};

/// How the document's small components are called in the list.
const NAMES: [(&str, &str); 9] = [
    ("Money", "amount"),
    ("Decimal", "decimal"),
    ("Currency", "currency"),
    ("Day", "day"),
    ("NullableDay", "day or null"),
    ("Moment", "moment"),
    ("NullableMoment", "moment or null"),
    ("Url", "URL"),
    ("NullableUrl", "URL or null"),
];

/// All fields of an object, those of inner objects below their own.
pub(super) fn of(sheet: &Sheet, schema: &Value) -> Markup {
    let resolved = sheet.resolve(schema);
    if resolved.get("oneOf").is_some() {
        return html! {
            @for one in list(&resolved["oneOf"]) {
                @let one = sheet.resolve(one);
                h5 { (text(&one["title"])) }
                (object(sheet, one))
            }
        };
    }
    object(sheet, resolved)
}

fn object(sheet: &Sheet, schema: &Value) -> Markup {
    let required: Vec<&str> = list(&schema["required"]).map(text).collect();
    let fields = &schema["properties"];
    // An answer has every field; in a request only some have to be given.
    let is_answer = pairs(fields).count() == required.len();
    html! {
        dl.fields {
            @for (name, field) in pairs(fields) {
                div {
                    dt {
                        code { (name) }
                        span.type { (kind(sheet, field)) }
                        @if !is_answer && required.contains(&name) { span.required { "required" } }
                    }
                    dd {
                        @let about = about(sheet, field);
                        @if !about.is_empty() { p { (inline(about)) } }
                        @let values = values(sheet, field);
                        @if !values.is_empty() {
                            p.values { @for value in values { code { (value) } " " } }
                        }
                        @if let Some(inner) = inner(sheet, field) { (object(sheet, inner)) }
                    }
                }
            }
        }
    }
}

/// What a field says of itself, else what its component does.
fn about<'a>(sheet: &'a Sheet, field: &'a Value) -> &'a str {
    let own = text(&field["description"]);
    let is_common =
        component(field).is_some_and(|name| NAMES.iter().any(|(known, _)| *known == name));
    if own.is_empty() && !is_common { text(&sheet.resolve(field)["description"]) } else { own }
}

fn component(field: &Value) -> Option<&str> {
    field["$ref"].as_str()?.rsplit('/').next()
}

/// The type of a field in a word or two.
fn kind(sheet: &Sheet, field: &Value) -> String {
    let known = component(field).and_then(|name| NAMES.iter().find(|(known, _)| *known == name));
    if let Some((_, word)) = known {
        return (*word).to_owned();
    }
    let schema = sheet.resolve(field);
    if schema.get("oneOf").is_some() {
        let kinds: Vec<_> = list(&schema["oneOf"]).map(|one| kind(sheet, one)).collect();
        return kinds.join(" or ");
    }
    match &schema["type"] {
        Value::Sequence(all) => {
            let all: Vec<_> = all.iter().map(text).map(word).collect();
            all.join(" or ")
        }
        Value::String(name) if name == "array" => {
            let inner = kind(sheet, &schema["items"]);
            format!("list of {}", if inner == "object" { "objects" } else { "texts" })
        }
        other => word(text(other)).to_owned(),
    }
}

fn word(name: &str) -> &str {
    if name == "string" { "text" } else { name }
}

/// The only values that a field may have.
fn values(sheet: &Sheet, field: &Value) -> Vec<String> {
    let schema = sheet.resolve(field);
    let items = sheet.resolve(&schema["items"]);
    let all = list(&schema["enum"]).chain(list(&items["enum"])).chain(schema.get("const"));
    all.filter(|value| !value.is_null()).map(|value| text(value).to_owned()).collect()
}

/// The object that a field holds, or a list of, or may be null in place of.
fn inner<'a>(sheet: &'a Sheet, field: &'a Value) -> Option<&'a Value> {
    let schema = sheet.resolve(field);
    if text(&schema["type"]) == "object" {
        return Some(schema);
    }
    let within = schema.get("items").into_iter().chain(list(&schema["oneOf"]));
    within.map(|one| sheet.resolve(one)).find(|one| text(&one["type"]) == "object")
}
