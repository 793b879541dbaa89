//! Parts that several pages have.

use maud::{Markup, html};

use crate::api::encoded;

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
    format!("/accounts/{}", encoded(name))
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
