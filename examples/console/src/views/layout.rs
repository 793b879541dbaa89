//! Frame of every page.

use axum::http::StatusCode;
use maud::{DOCTYPE, Markup, html};

use crate::api::Call;

use super::inspector;

/// Style sheet, served at `/style.css`.
pub const STYLE: &str = include_str!("style.css");

/// Page without its frame.
pub struct Page {
    pub status: StatusCode,
    pub title: String,
    pub body: Markup,
    /// One column of a width that is easy to read.
    pub narrow: bool,
}

impl Page {
    pub fn new(title: impl Into<String>, body: Markup) -> Self {
        Self { status: StatusCode::OK, title: title.into(), body, narrow: false }
    }

    pub fn with_status(self, status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
        Self { status, ..self }
    }

    pub fn narrow(self) -> Self {
        Self { narrow: true, ..self }
    }

    /// Returns the document, with the requests that it is made of at its end.
    pub fn render(&self, calls: &[Call]) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) " – Example console" }
                    link rel="icon" href="data:,";
                    link rel="stylesheet" href="/style.css";
                }
                body.narrow[self.narrow] {
                    a.skip href="#content" { "Skip to the content" }
                    header.top {
                        p.brand { a href="/" { "Example console" } }
                        p.soft { "Cantila billing API" }
                    }
                    main id="content" tabindex="-1" { (self.body) }
                    @if !calls.is_empty() { (inspector::section(calls)) }
                    footer.foot {
                        p { "An example on the local stack. The API’s keys stay on this page’s server." }
                    }
                }
            }
        }
    }
}
