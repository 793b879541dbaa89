//! Pages of the request log: `/` lists the requests, `/requests/req_…` shows one.

use maud::{Markup, html};
use serde_json::Value;
use time::OffsetDateTime;

use super::log::{Log, LogEntry};
use super::mask;
use crate::config::API_VERSION;
use crate::endpoint::form;
use crate::pages::layout::{Document, message};
use crate::pages::request::{PageRequest, PageResponse};

/// Maximum number of listed requests.
const MAX_LISTED: usize = 200;

const STATUSES: [(&str, &str); 7] = [
    ("", "all"),
    ("failed", "failed"),
    ("2xx", "2xx"),
    ("4xx", "4xx"),
    ("402", "402 card declined"),
    ("429", "429 too many"),
    ("5xx", "5xx"),
];

pub fn handle(log: &Log, request: &PageRequest<'_>) -> PageResponse {
    match request.path.as_slice() {
        [] => PageResponse::ok(list(log, request)),
        [id] => {
            let found = log.recent().find(|entry| entry.request_id == **id);
            found.map_or_else(unknown_request, |entry| PageResponse::ok(detail(entry)))
        }
        _ => PageResponse::not_found("There is no such page"),
    }
}

fn unknown_request() -> PageResponse {
    let text = "The log stores the last 2000 requests. None of them has this ID.";
    PageResponse::Page(404, message("There is no such request", text, None))
}

/// Returns whether the entry matches the filter: `failed`, a class (`4xx`) or a status.
fn has_status(entry: &LogEntry, wanted: &str) -> bool {
    match wanted {
        "" => true,
        "failed" => entry.status >= 400 || entry.status == 0,
        class if class.ends_with("xx") => class.starts_with(&(entry.status / 100).to_string()),
        one => one == entry.status.to_string(),
    }
}

fn list(log: &Log, request: &PageRequest<'_>) -> Markup {
    let (status, path) = (
        request.query_value("status").unwrap_or_default(),
        request.query_value("path").unwrap_or_default().trim(),
    );
    let hits =
        || log.recent().filter(|entry| has_status(entry, status) && entry.path.contains(path));
    let count = hits().count();
    let body = html! {
        h1 { "Requests" }
        form.filter method="get" action="/" {
            div {
                label for="path" { "Path contains" }
                input id="path" name="path" type="text" value=(path) placeholder="/v1/subscriptions" autocapitalize="off" autocomplete="off" spellcheck="false";
            }
            div {
                label for="status" { "Status" }
                select id="status" name="status" {
                    @for (value, label) in STATUSES {
                        option value=(value) selected[value == status] { (label) }
                    }
                    @if !STATUSES.iter().any(|(value, _)| *value == status) {
                        option value=(status) selected { (status) }
                    }
                }
            }
            button type="submit" { "Filter" }
        }
        section.card aria-label="Requests" {
            @if count == 0 {
                p.soft { "Nothing yet" @if !(status.is_empty() && path.is_empty()) { " that fits" } "." }
            } @else {
                ol.log { @for entry in hits().take(MAX_LISTED) { li { (row(entry)) } } }
            }
        }
        p.small.soft {
            (count) " of the last " (log.recent().count()) ", newest first"
            @if count > MAX_LISTED { "; " (MAX_LISTED) " are shown" }
            ". API version " (API_VERSION) ". As JSON: " a href="/_sandbox/requests" { "/_sandbox/requests" }
        }
    };
    Document { title: "Requests", narrow: false, back: None }.render(&body)
}

fn row(entry: &LogEntry) -> Markup {
    html! {
        (tag(entry))
        span.what {
            a href={ "/requests/" (entry.request_id) } { (entry.method) " " (entry.path) }
            @if let Some(message) = &entry.message { small { (message) } }
            @if entry.replayed { small { "replayed for its idempotency key" } }
        }
        time.soft.small { (format_time(entry.at, false)) }
    }
}

fn tag(entry: &LogEntry) -> Markup {
    let class = match entry.status {
        200..400 => "good",
        402 | 409 | 429 => "warn",
        _ => "bad",
    };
    let text = if entry.status == 0 { "none".to_owned() } else { entry.status.to_string() };
    html! { span.tag.(class) { (text) } }
}

fn detail(entry: &LogEntry) -> Markup {
    let fault = entry.fault.map(|fault| serde_json::json!(fault));
    let facts = [
        ("Request", Some(entry.request_id.clone())),
        ("At", Some(format_time(entry.at, true))),
        ("Key", entry.key.clone()),
        ("Idempotency key", entry.idempotency_key.clone()),
        ("Fault", fault.as_ref().and_then(Value::as_str).map(str::to_owned)),
        ("Error", entry.message.clone()),
    ];
    let params = form::pairs(&entry.params).unwrap_or_default();
    let body = html! {
        div.split {
            h1 { (entry.method) " " (entry.path) }
            p { (tag(entry)) }
        }
        section.card aria-label="About this request" {
            dl {
                @for (name, value) in &facts {
                    @if let Some(value) = value { dt { (name) } dd { (value) } }
                }
            }
        }
        section.card aria-labelledby="params" {
            h2 id="params" { "Parameters" }
            @if params.is_empty() { p.soft { "None." } } @else {
                dl.params {
                    @for (key, value) in &params { dt { (key) } dd { (mask::param(key, value)) } }
                }
            }
        }
        section.card aria-labelledby="response" {
            h2 id="response" { "Response" }
            // The box scrolls sideways, so it must be focusable by keyboard.
            pre tabindex="0" role="region" aria-labelledby="response" { (pretty(&entry.response_body)) }
        }
    };
    Document { title: &entry.request_id, narrow: false, back: Some(("/", "All requests")) }
        .render(&body)
}

fn pretty(body: &str) -> String {
    let shown = mask::text(body);
    serde_json::from_str::<Value>(&shown)
        .and_then(|json| serde_json::to_string_pretty(&json))
        .unwrap_or(shown)
}

fn format_time(at: i64, with_date: bool) -> String {
    let Ok(at) = OffsetDateTime::from_unix_timestamp(at) else { return String::new() };
    let (hours, minutes, seconds) = at.to_hms();
    let time = format!("{hours:02}:{minutes:02}:{seconds:02}");
    if with_date { format!("{} {time} UTC", at.date()) } else { time }
}
