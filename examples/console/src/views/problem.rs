//! Pages without data.

use maud::{Markup, html};

use super::layout::Page;

/// Page for an API that does not respond.
pub fn api_down(reason: &str) -> Page {
    let text = html! {
        p { "Check that the stack runs (" code { "make run" } "), and load the page again." }
        p.small { "Reason: " (reason) }
    };
    page(503, "The API does not respond", &text)
}

pub fn page(status: u16, title: &str, text: &Markup) -> Page {
    let body = html! {
        h1 { (title) }
        div.card {
            (text)
            p { a.button.second href="/" { "Accounts" } }
        }
    };
    Page::new(title, body).narrow().with_status(status)
}
