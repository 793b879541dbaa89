//! Requests to the API behind a page.

use maud::{Markup, html};

use super::parts::{Tone, tag};
use super::text;
use crate::api::Call;

/// Number of requests up to which they are shown at once.
const OPEN: usize = 8;

pub fn section(calls: &[Call]) -> Markup {
    let stripe: usize = calls.iter().map(Call::stripe_requests).sum();
    html! {
        section.inspector aria-labelledby="inspector" {
            details open[calls.len() <= OPEN] {
                summary {
                    h2 id="inspector" { "Requests of this page" }
                    span.soft {
                        (count(calls.len(), "request to the API", "requests to the API")) ", "
                        (count(stripe, "request to Stripe", "requests to Stripe"))
                    }
                }
                ol { @for call in calls { li { (entry(call)) } } }
            }
        }
    }
}

fn entry(call: &Call) -> Markup {
    html! {
        div {
            p.code { strong { (call.method) " " (call.path) } }
            p {
                @match &call.outcome {
                    Ok(status) => (tag(&status.to_string(), tone(*status))),
                    Err(reason) => { (tag("no response", Tone::Bad)) " " (reason) },
                }
                " " (call.milliseconds) " ms, account " (call.account)
                @if call.replayed { ", replayed" }
            }
        }
        dl {
            @if let Some(timing) = &call.server_timing { dt { "server-timing" } dd.code { (timing) } }
            @if let Some(as_of) = &call.as_of {
                dt { "asOf" }
                dd {
                    (text::moment(as_of))
                    @if let Some(status) = &call.cache_status { ", " span.code { (status) } }
                }
            }
            @if let Some(id) = &call.request_id { dt { "Request ID" } dd.code { (id) } }
            dt { "Stripe" }
            dd {
                (count(call.stripe_requests(), "request", "requests"))
                @if !call.stripe_ids.is_empty() { ": " span.code { (call.stripe_ids.join(" ")) } }
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
