//! Billing details in the portal (`customer_update`).

use maud::{Markup, html};

use super::address::{AddressForm, check_tax_id, render_tax_id};
use super::checkout_form::{EMAIL_PROBLEM, is_email};
use super::layout::{Document, Field, Problem, summary};
use super::portal_view::Portal;
use super::request::PageRequest;
use crate::lifecycle::automatic_tax::is_taxed;
use crate::model::customer::Customer;
use crate::model::portal::CustomerUpdate;
use crate::world::World;

/// Submitted values.
pub struct DetailsForm {
    name: String,
    email: String,
    phone: String,
    address: AddressForm,
    tax_id: String,
}

impl DetailsForm {
    pub fn of(customer: &Customer) -> DetailsForm {
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        DetailsForm {
            name: text(&customer.name),
            email: text(&customer.email),
            phone: text(&customer.phone),
            address: AddressForm::of(customer.address.as_ref()),
            tax_id: customer.tax_ids.first().map(|id| id.value.clone()).unwrap_or_default(),
        }
    }

    pub fn read(request: &PageRequest<'_>) -> DetailsForm {
        let field = |name: &str| request.form_value(name).to_owned();
        DetailsForm {
            name: field("name"),
            email: field("email"),
            phone: field("phone"),
            address: AddressForm::read(request),
            tax_id: field("tax_id"),
        }
    }

    /// Applies the fields that the configuration allows, or returns all problems of the form.
    pub fn apply(
        &self,
        world: &World,
        customer: &mut Customer,
        allowed: &[CustomerUpdate],
    ) -> Result<(), Vec<Problem>> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let may = |field: CustomerUpdate| allowed.contains(&field);
        let mut problems = Vec::new();
        if may(CustomerUpdate::Name) {
            customer.name = some(&self.name);
        }
        if may(CustomerUpdate::Email) {
            if !is_email(&self.email) {
                problems.push(("email", EMAIL_PROBLEM.to_owned()));
            }
            customer.email = some(&self.email);
        }
        if may(CustomerUpdate::Phone) {
            customer.phone = some(&self.phone);
        }
        if may(CustomerUpdate::Address) {
            problems.extend(self.address.check(is_taxed(world, &customer.id)));
            customer.address = self.address.address();
        }
        if may(CustomerUpdate::TaxId) {
            let country = customer.address.as_ref().and_then(|address| address.country.as_deref());
            match check_tax_id(country.unwrap_or_default(), &self.tax_id, false) {
                Ok(id) => customer.tax_ids = id.into_iter().collect(),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    pub fn page(&self, portal: &Portal<'_>, problems: &[Problem]) -> Markup {
        let title = "Update your billing details";
        let allowed = portal.configuration.features.customer_update.as_deref().unwrap_or_default();
        let may = |field: CustomerUpdate| allowed.contains(&field);
        let name = Field {
            id: "name",
            label: "Name",
            hint: None,
            value: &self.name,
            kind: "text",
            autocomplete: "name",
            numeric: false,
            placeholder: None,
        };
        let email = Field {
            id: "email",
            label: "Email",
            value: &self.email,
            kind: "email",
            autocomplete: "email",
            ..name
        };
        let phone = Field {
            id: "phone",
            label: "Phone",
            value: &self.phone,
            kind: "tel",
            autocomplete: "tel",
            ..name
        };
        let body = html! {
            (summary(problems))
            div.card {
                h1 { (title) }
                form method="post" action={ (portal.base) "/details" } novalidate {
                    @if may(CustomerUpdate::Name) { (name.render(problems)) }
                    @if may(CustomerUpdate::Email) { (email.render(problems)) }
                    @if may(CustomerUpdate::Phone) { (phone.render(problems)) }
                    @if may(CustomerUpdate::Address) { (self.address.render(problems)) }
                    @if may(CustomerUpdate::TaxId) { (render_tax_id(&self.tax_id, problems)) }
                    button.wide type="submit" { "Save details" }
                }
            }
        };
        Document { title, narrow: true, back: portal.back() }.render(&body)
    }
}
