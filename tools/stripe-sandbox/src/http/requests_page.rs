//! The request log for people: `/` lists, `/requests/req_…` shows one request whole.

use maud::{Markup, html};
use serde_json::Value;
use time::OffsetDateTime;

use super::exchange::VERSION;
use super::log::{Entry, Log};
use super::mask;
use crate::endpoint::form;
use crate::pages::layout::{Document, message};
use crate::pages::visit::{Reply, Visit};

/// More than this is not shown at once; the filter finds the rest.
const SHOWN: usize = 200;

const STATUSES: [(&str, &str); 7] = [
    ("", "all"),
    ("failed", "failed"),
    ("2xx", "2xx"),
    ("4xx", "4xx"),
    ("402", "402 card declined"),
    ("429", "429 too many"),
    ("5xx", "5xx"),
];

pub fn visit(log: &Log, visit: &Visit<'_>) -> Reply {
    match visit.path.as_slice() {
        [] => Reply::ok(list(log, visit)),
        [id] => {
            let found = log.recent().find(|entry| entry.request_id == **id);
            found.map_or_else(unknown, |entry| Reply::ok(detail(entry)))
        }
        _ => Reply::not_found("There is no such page"),
    }
}

fn unknown() -> Reply {
    let text = "The log keeps the last 2000 requests, and none of them has this id.";
    Reply::Page(404, message("There is no such request", text, None))
}

/// Whether an entry is among those asked for: `failed`, a class (`4xx`) or one status.
fn has_status(entry: &Entry, wanted: &str) -> bool {
    match wanted {
        "" => true,
        "failed" => entry.status >= 400 || entry.status == 0,
        class if class.ends_with("xx") => class.starts_with(&(entry.status / 100).to_string()),
        one => one == entry.status.to_string(),
    }
}

fn list(log: &Log, visit: &Visit<'_>) -> Markup {
    let (status, path) =
        (visit.asks("status").unwrap_or_default(), visit.asks("path").unwrap_or_default().trim());
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
                ol.log { @for entry in hits().take(SHOWN) { li { (row(entry)) } } }
            }
        }
        p.small.soft {
            (count) " of the last " (log.recent().count()) ", newest first"
            @if count > SHOWN { "; " (SHOWN) " are shown" }
            ". API version " (VERSION) ". As JSON: " a href="/_sandbox/requests" { "/_sandbox/requests" }
        }
    };
    Document { title: "Requests", narrow: false, back: None }.render(&body)
}

fn row(entry: &Entry) -> Markup {
    html! {
        (tag(entry))
        span.what {
            a href={ "/requests/" (entry.request_id) } { (entry.method) " " (entry.path) }
            @if let Some(message) = &entry.message { small { (message) } }
            @if entry.replayed { small { "given again for its idempotency key" } }
        }
        time.soft.small { (moment(entry.at, false)) }
    }
}

fn tag(entry: &Entry) -> Markup {
    let class = match entry.status {
        200..400 => "good",
        402 | 409 | 429 => "warn",
        _ => "bad",
    };
    let text = if entry.status == 0 { "none".to_owned() } else { entry.status.to_string() };
    html! { span.tag.(class) { (text) } }
}

fn detail(entry: &Entry) -> Markup {
    let fault = entry.fault.map(|fault| serde_json::json!(fault));
    let facts = [
        ("Request", Some(entry.request_id.clone())),
        ("At", Some(moment(entry.at, true))),
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
        section.card aria-labelledby="answer" {
            h2 id="answer" { "Answer" }
            // It can be scrolled sideways, so the keyboard has to reach it.
            pre tabindex="0" role="region" aria-labelledby="answer" { (pretty(&entry.answer)) }
        }
    };
    Document { title: &entry.request_id, narrow: false, back: Some(("/", "All requests")) }
        .render(&body)
}

fn pretty(answer: &str) -> String {
    let shown = mask::text(answer);
    serde_json::from_str::<Value>(&shown)
        .and_then(|json| serde_json::to_string_pretty(&json))
        .unwrap_or(shown)
}

fn moment(at: i64, with_date: bool) -> String {
    let Ok(at) = OffsetDateTime::from_unix_timestamp(at) else { return String::new() };
    let (hours, minutes, seconds) = at.to_hms();
    let time = format!("{hours:02}:{minutes:02}:{seconds:02}");
    if with_date { format!("{} {time} UTC", at.date()) } else { time }
}
