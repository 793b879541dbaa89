//! One operation: what it takes, how to call it, what it answers.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_yaml_ng::Value;

use super::sheet::{Call, Failure, Sheet, json, list, pairs, text};
use super::{copyable, curl, fields, inline, markdown};

pub(super) fn section(sheet: &Sheet, call: Call<'_>) -> Markup {
    let value = call.value;
    html! {
        article id=(call.id()) {
            h3 {
                span.verb.(call.method.to_ascii_lowercase()) { (call.method) }
                " " code.path { (call.path) }
            }
            p.summary { strong { (text(&value["summary"])) } " " span.scope { "scope " (sheet.scope(call)) } }
            (markdown(text(&value["description"])))
            (calls(sheet, call))
            h4 { "Parameters" }
            (parameters(sheet, call))
            @if let Some(body) = call.body() {
                h4 { "Body" }
                (fields::of(sheet, &body["schema"]))
            }
            h4 { "Answer" }
            (answer(sheet, call))
            h4 { "Errors" }
            (errors(sheet, sheet.errors(call)))
        }
    }
}

/// A curl line for each example of a body, or the one that there is.
fn calls(sheet: &Sheet, call: Call<'_>) -> Markup {
    let examples = call.body().map(|body| &body["examples"]);
    html! {
        @if let Some(examples) = examples {
            @for (_, example) in pairs(examples) {
                @let line = curl::line(sheet, call, Some(&example["value"]));
                (copyable("sh", text(&example["summary"]), &line))
            }
        } @else {
            (copyable("sh", "curl", &curl::line(sheet, call, None)))
        }
    }
}

fn parameters(sheet: &Sheet, call: Call<'_>) -> Markup {
    html! {
        dl.fields {
            @for parameter in sheet.parameters(call) {
                @let schema = sheet.resolve(&parameter["schema"]);
                div {
                    dt {
                        code { (text(&parameter["name"])) }
                        span.type { (text(&parameter["in"])) }
                        @if let (Some(least), Some(most)) = (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
                            span.type { (least) " to " (most) ", default " (json(&schema["default"])) }
                        }
                    }
                    dd {
                        p { (inline(text(&parameter["description"]))) }
                        @let values: Vec<_> = list(&schema["enum"]).map(text).collect();
                        @if !values.is_empty() { p.values { @for value in values { code { (value) } " " } } }
                    }
                }
            }
        }
    }
}

fn answer(sheet: &Sheet, call: Call<'_>) -> Markup {
    let (status, response) = sheet.responses(call).next().expect("success comes first");
    let content = &response["content"]["application/json"];
    html! {
        p { span.status { (status) } " " (inline(text(&response["description"]))) }
        @for (name, example) in pairs(&content["examples"]) {
            @let example = sheet.resolve(example);
            // The published form is short, and what most come for.
            details.example open[name == "published"] {
                summary { (text(&example["summary"])) }
                (copyable("json", "JSON", &pretty(&example["value"])))
            }
        }
        details.more {
            summary { "Every field" }
            (fields::of(sheet, &content["schema"]))
        }
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("JSON")
}

fn errors<'a>(sheet: &'a Sheet, errors: impl Iterator<Item = Failure<'a>>) -> Markup {
    html! {
        dl.errors {
            @for (status, code, schema) in errors {
                div {
                    dt { span.status { (status) } " " code { (code) } }
                    dd {
                        (inline(text(&schema["description"])))
                        @let details = schema["properties"]["details"].get("properties");
                        @if let Some(details) = details {
                            " " code { "details" } ": "
                            @for (index, (name, field)) in pairs(details).enumerate() {
                                @if index > 0 { ", " }
                                code { (name) }
                                @let values: Vec<_> = list(&sheet.resolve(field)["enum"]).map(text).collect();
                                @if !values.is_empty() { " (" (values.join(", ")) ")" }
                            }
                            "."
                        }
                    }
                }
            }
        }
    }
}

/// Every error that there is, once, with a whole example.
pub(super) fn all_errors(sheet: &Sheet) -> Markup {
    let all: BTreeMap<(u16, &str), &Value> = sheet
        .calls()
        .flat_map(|call| sheet.errors(call))
        .map(|(status, code, schema)| ((status, code), schema))
        .collect();
    let examples = &sheet.root()["components"]["examples"];
    html! {
        @for ((status, code), schema) in all {
            details.error {
                summary { span.status { (status) } " " code { (code) } }
                p { (inline(text(&schema["description"]))) }
                (copyable("json", "JSON", &pretty(&examples[code]["value"])))
            }
        }
    }
}
