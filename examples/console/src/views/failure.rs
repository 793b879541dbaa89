//! Requests to the API that failed, as parts of a page.

use maud::{Markup, html};

use super::parts::{Tone, notice};
use super::text;
use crate::api::{Failure, Refusal};

/// Shows a failure with what to do next. `what` is what is missing, such as "The usage".
pub fn part(what: &str, failure: &Failure) -> Markup {
    match failure {
        Failure::Refused(refusal) => refused(&text::sentence(&refusal.error), refusal),
        Failure::NoResponse { reason } => notice(
            &format!("{what}: no response"),
            Tone::Bad,
            &html! {
                p {
                    "The API did not respond. Check that the stack runs (" code { "make run" }
                    "), and load the page again."
                }
                p.small { "Reason: " (reason) }
            },
        ),
        Failure::Malformed { status, reason, request_id } => notice(
            &format!("{what}: unknown response"),
            Tone::Bad,
            &html! {
                p {
                    "The response is not one of " code { "openapi.yaml" }
                    ". Check that the console and the API have the same version."
                }
                p.small {
                    "Status " (status) ": " (reason)
                    @if let Some(id) = request_id { ". Request ID " code { (id) } }
                }
            },
        ),
    }
}

/// Shows an error response under another title than its code.
pub fn refused(title: &str, refusal: &Refusal) -> Markup {
    notice(
        title,
        tone(refusal),
        &html! {
            p { (refusal.message) }
            (facts(refusal))
        },
    )
}

/// Shows an error response in the console's own words, because the API's message is for the console.
pub fn explained(title: &str, text: &str, refusal: &Refusal) -> Markup {
    notice(
        title,
        tone(refusal),
        &html! {
            p { (text) }
            p.small { "The API’s message: " (refusal.message) }
            (facts(refusal))
        },
    )
}

fn tone(refusal: &Refusal) -> Tone {
    if refusal.status >= 500 { Tone::Bad } else { Tone::Warn }
}

fn facts(refusal: &Refusal) -> Markup {
    html! {
        @if let Some(seconds) = &refusal.retry_after { p { "Load the page again in " (seconds) " s." } }
        p.small {
            "Error " code { (refusal.error) } ", status " (refusal.status)
            ", request ID " code { (refusal.request_id) }
        }
    }
}
