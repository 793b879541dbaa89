//! Frame of every page, and parts that several pages have.

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

/// Color of a tag or notice.
#[derive(Clone, Copy)]
pub enum Tone {
    Good,
    Warn,
    Bad,
    Plain,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Plain => "plain",
        }
    }
}

pub fn tag(text: &str, tone: Tone) -> Markup {
    html! { span class={ "tag " (tone.class()) } { (text) } }
}

/// Notice with a heading of the second level.
pub fn notice(title: &str, tone: Tone, body: &Markup) -> Markup {
    html! {
        section class={ "notice " (tone.class()) } {
            h2 { (title) }
            (body)
        }
    }
}

/// Links from the list of accounts to the page.
pub fn trail(steps: &[(&str, &str)]) -> Markup {
    html! {
        nav.trail aria-label="Breadcrumb" {
            ol {
                li { a href="/" { "Accounts" } }
                @for (url, name) in steps { li { a href=(url) { (name) } } }
            }
        }
    }
}

/// URL of an account's page.
pub fn account_url(name: &str) -> String {
    format!("/accounts/{}", crate::api::encoded(name))
}

/// Form with one button.
pub fn button(action: &str, hidden: &[(&str, &str)], class: &str, text: &str) -> Markup {
    html! {
        form method="post" action=(action) {
            @for (name, value) in hidden { input type="hidden" name=(name) value=(value); }
            button class=(class) { (text) }
        }
    }
}

/// Container that scrolls sideways where a table is wider than the screen. The keyboard can scroll it as well.
pub fn scroll(label: &str, table: &Markup) -> Markup {
    html! { div.scroll role="group" aria-label=(label) tabindex="0" { (table) } }
}
