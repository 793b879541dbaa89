//! Requests to the API behind a page.

use maud::{Markup, html};

use super::layout::{Tone, scroll, tag};
use super::text;
use crate::api::Call;

pub fn section(calls: &[Call]) -> Markup {
    let stripe: u32 = calls.iter().map(Call::stripe_requests).sum();
    html! {
        section.inspector aria-labelledby="inspector" {
            details open {
                summary {
                    h2 id="inspector" { "Requests of this page" }
                    span.soft {
                        (count(calls.len(), "request to the API", "requests to the API")) ", "
                        (count(stripe as usize, "request to Stripe", "requests to Stripe"))
                    }
                }
                (scroll("Requests of this page", &table(calls)))
            }
        }
    }
}

fn table(calls: &[Call]) -> Markup {
    html! {
        table {
            caption.hidden { "Requests to the API, in the order in which they were sent" }
            thead {
                tr {
                    th scope="col" { "Request" }
                    th scope="col" { "Account" }
                    th scope="col" { "Status" }
                    th.amount scope="col" { "Time" }
                    th scope="col" { "server-timing" }
                    th.amount scope="col" { "Stripe calls" }
                    th scope="col" { "asOf, cache-status" }
                    th scope="col" { "Request IDs: API, Stripe" }
                }
            }
            tbody { @for call in calls { (row(call)) } }
        }
    }
}

fn row(call: &Call) -> Markup {
    html! {
        tr {
            th.code scope="row" { (call.method) " " (call.path) }
            td { (call.account) }
            td {
                @match &call.outcome {
                    Ok(status) => (tag(&status.to_string(), tone(*status))),
                    Err(_) => (tag("no response", Tone::Bad)),
                }
                @if call.replayed { div.small { "replayed" } }
            }
            td.amount { (call.milliseconds) " ms" }
            td.code {
                @for part in call.server_timing.as_deref().unwrap_or_default().split(',') {
                    div { (part.trim()) }
                }
            }
            td.amount { (call.stripe_requests()) }
            td {
                @if let Some(as_of) = &call.as_of { div { (text::moment(as_of)) } }
                @if let Some(status) = &call.cache_status { div.code { (status) } }
            }
            td.code {
                @if let Some(id) = &call.request_id { div { (id) } }
                @for id in &call.stripe_ids { div { (id) } }
            }
        }
    }
}

fn tone(status: u16) -> Tone {
    match status {
        200..300 => Tone::Good,
        400..500 => Tone::Warn,
        _ => Tone::Bad,
    }
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
