//! Pages without data.

use maud::{Markup, html};

use super::layout::Page;

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
