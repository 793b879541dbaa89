//! Page shown if Stripe's page cannot be opened.

use maud::html;

use super::failure;
use super::layout::Page;
use super::parts::{account_url, trail};
use crate::api::Failure;

pub fn failed(account: &str, what: &str, error: &Failure) -> Page {
    let url = account_url(account);
    let title = format!("{what} cannot be opened");
    let body = html! {
        (trail(&[(&url, account)]))
        h1 { (title) }
        (failure::part(what, error))
        p { a.button.second href=(url) { "Back to " (account) } }
    };
    Page::new(title, body).narrow().with_status(error.status())
}
