//! The checkout page's form: its fields, and which of them a session needs.

use super::card::CardForm;
use super::layout::Problem;
use super::visit::Visit;
use crate::lifecycle::checkout::needs_card;
use crate::model::checkout::Session;

/// What the form held and what was wrong with it.
#[derive(Default)]
pub struct Filled {
    pub card: CardForm,
    pub email: String,
    pub country: String,
    pub postal_code: String,
    pub problems: Vec<Problem>,
}

impl Filled {
    pub fn read(visit: &Visit<'_>) -> Filled {
        let field = |name: &str| visit.field(name).to_owned();
        Filled {
            card: CardForm::read(visit),
            email: field("email"),
            country: field("country"),
            postal_code: field("postal_code"),
            problems: Vec::new(),
        }
    }
}

/// What the page asks for.
#[derive(Clone, Copy)]
pub struct Asked {
    pub card: bool,
    pub email: bool,
    pub address: bool,
}

impl Asked {
    pub fn of(session: &Session, due: i64) -> Asked {
        Asked {
            card: needs_card(session, due),
            email: session.customer.is_none() && session.customer_email.is_none(),
            address: session.tax.address_required,
        }
    }

    pub fn check(self, filled: &Filled) -> Vec<Problem> {
        let mut problems: Vec<Problem> = Vec::new();
        let is_email = |text: &str| {
            text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'))
                && !text.contains(char::is_whitespace)
        };
        if self.email && !is_email(&filled.email) {
            let text = "Enter an email address, such as name@example.com.";
            problems.insert(0, ("email", text.to_owned()));
        }
        let letters = filled.country.bytes().all(|byte| byte.is_ascii_alphabetic());
        if self.address && !(letters && filled.country.len() == 2) {
            problems.push(("country", "Enter the country as two letters, such as US.".to_owned()));
        }
        problems
    }
}
