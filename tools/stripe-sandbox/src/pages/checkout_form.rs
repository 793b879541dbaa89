//! Form of the checkout page.

use super::card::CardForm;
use super::layout::Problem;
use super::request::PageRequest;
use crate::lifecycle::checkout::needs_card;
use crate::model::checkout::Session;

/// Submitted values, and their problems.
#[derive(Default)]
pub struct CheckoutForm {
    pub card: CardForm,
    pub email: String,
    pub country: String,
    pub postal_code: String,
    pub problems: Vec<Problem>,
}

impl CheckoutForm {
    pub fn read(request: &PageRequest<'_>) -> CheckoutForm {
        let field = |name: &str| request.form_value(name).to_owned();
        CheckoutForm {
            card: CardForm::read(request),
            email: field("email"),
            country: field("country"),
            postal_code: field("postal_code"),
            problems: Vec::new(),
        }
    }
}

/// Fields that the session requires.
#[derive(Clone, Copy)]
pub struct RequiredFields {
    pub card: bool,
    pub email: bool,
    pub address: bool,
}

impl RequiredFields {
    pub fn of(session: &Session, due: i64) -> RequiredFields {
        RequiredFields {
            card: needs_card(session, due),
            email: session.customer.is_none() && session.customer_email.is_none(),
            address: session.tax.address_required,
        }
    }

    pub fn check(self, form: &CheckoutForm) -> Vec<Problem> {
        let mut problems: Vec<Problem> = Vec::new();
        let is_email = |text: &str| {
            text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'))
                && !text.contains(char::is_whitespace)
        };
        if self.email && !is_email(&form.email) {
            let text = "Enter an email address, such as name@example.com.";
            problems.insert(0, ("email", text.to_owned()));
        }
        let letters = form.country.bytes().all(|byte| byte.is_ascii_alphabetic());
        if self.address && !(letters && form.country.len() == 2) {
            problems.push(("country", "Enter the country as two letters, such as US.".to_owned()));
        }
        problems
    }
}
