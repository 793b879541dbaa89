//! Authentication page, in place of the bank's.

use maud::{Markup, html};

use super::layout::Document;
use super::request::PageRequest;

/// Payment to authenticate, and the form's action.
pub struct AuthenticationPage<'a> {
    pub card: &'a str,
    /// None if the card is only saved.
    pub amount: Option<String>,
    pub action: &'a str,
}

impl AuthenticationPage<'_> {
    pub fn page(&self) -> Markup {
        let body = html! {
            div.card {
                h1 { "Confirm it is you" }
                p {
                    "Your bank wants to know whether "
                    @match &self.amount {
                        Some(amount) => { "you are paying " strong { (amount) } " with " (self.card) "." }
                        None => { "you are saving " (self.card) " for later payments." }
                    }
                }
                p.soft { "A real bank would ask for a code here. In the sandbox you choose how it ends." }
                form method="post" action=(self.action) {
                    div.row {
                        button type="submit" name="outcome" value="complete" { "Complete" }
                        button.second type="submit" name="outcome" value="fail" { "Fail" }
                    }
                }
            }
        };
        Document { title: "Confirm it is you", narrow: true, back: None }.render(&body)
    }
}

pub fn succeeded(request: &PageRequest<'_>) -> bool {
    request.form_value("outcome") == "complete"
}
