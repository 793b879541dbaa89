//! Form of the checkout page.

use super::address::{AddressForm, check_tax_id};
use super::card::CardForm;
use super::layout::Problem;
use super::request::PageRequest;
use crate::lifecycle::checkout::needs_card;
use crate::model::checkout::Session;
use crate::model::tax_id::TaxId;

/// Submitted values, and their problems.
#[derive(Default)]
pub struct CheckoutForm {
    pub card: CardForm,
    pub email: String,
    pub address: AddressForm,
    pub business_name: String,
    pub tax_id: String,
    pub promotion_code: String,
    pub problems: Vec<Problem>,
}

impl CheckoutForm {
    pub fn read(request: &PageRequest<'_>) -> CheckoutForm {
        let field = |name: &str| request.form_value(name).to_owned();
        CheckoutForm {
            card: CardForm::read(request),
            email: field("email"),
            address: AddressForm::read(request),
            business_name: field("business_name"),
            tax_id: field("tax_id"),
            promotion_code: field("promotion_code"),
            problems: Vec::new(),
        }
    }
}

pub const EMAIL_PROBLEM: &str = "Enter an email address, such as name@example.com.";

pub fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'))
        && !text.contains(char::is_whitespace)
}

/// Fields that the session requires.
#[expect(clippy::struct_excessive_bools, reason = "each field is required or not")]
#[derive(Clone, Copy)]
pub struct RequiredFields {
    pub card: bool,
    pub email: bool,
    pub address: bool,
    /// The address must be a location that tax can be computed for.
    pub location: bool,
}

impl RequiredFields {
    pub fn of(session: &Session, due: i64) -> RequiredFields {
        RequiredFields {
            card: needs_card(session, due),
            email: session.customer.is_none() && session.customer_email.is_none(),
            // A tax ID belongs to a country.
            address: session.tax.address_required || session.tax.ids,
            location: session.tax.automatic,
        }
    }

    pub fn check(self, form: &CheckoutForm) -> Vec<Problem> {
        let mut problems: Vec<Problem> = Vec::new();
        if self.email && !is_email(&form.email) {
            problems.insert(0, ("email", EMAIL_PROBLEM.to_owned()));
        }
        if self.address {
            problems.extend(form.address.check(self.location));
        }
        problems
    }
}

/// Returns the tax ID, if the session collects one.
pub fn tax_id(session: &Session, form: &CheckoutForm) -> Result<Option<TaxId>, Problem> {
    if !session.tax.ids {
        return Ok(None);
    }
    check_tax_id(&form.address.country, &form.tax_id, session.tax.id_required)
}
