//! Address and tax ID in forms.

use maud::{Markup, html};

use super::layout::{Field, Problem};
use super::request::PageRequest;
use crate::lifecycle::automatic_tax::is_location;
use crate::model::customer::Address;
use crate::model::tax_id::{TaxId, TaxIdType};

/// Submitted address.
#[derive(Clone, Debug, Default)]
pub struct AddressForm {
    pub line1: String,
    pub city: String,
    pub state: String,
    pub postal_code: String,
    pub country: String,
}

impl AddressForm {
    pub fn read(request: &PageRequest<'_>) -> AddressForm {
        let field = |name: &str| request.form_value(name).to_owned();
        AddressForm {
            line1: field("line1"),
            city: field("city"),
            state: field("state"),
            postal_code: field("postal_code"),
            country: field("country").to_ascii_uppercase(),
        }
    }

    pub fn of(address: Option<&Address>) -> AddressForm {
        let Some(address) = address else { return AddressForm::default() };
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        AddressForm {
            line1: text(&address.line1),
            city: text(&address.city),
            state: text(&address.state),
            postal_code: text(&address.postal_code),
            country: text(&address.country),
        }
    }

    /// Returns the address; None if no field is filled in.
    pub fn address(&self) -> Option<Address> {
        let some = |text: &String| (!text.is_empty()).then(|| text.clone());
        let address = Address {
            city: some(&self.city),
            country: some(&self.country),
            line1: some(&self.line1),
            line2: None,
            postal_code: some(&self.postal_code),
            state: some(&self.state),
        };
        let fields = [&self.line1, &self.city, &self.state, &self.postal_code, &self.country];
        fields.iter().any(|text| !text.is_empty()).then_some(address)
    }

    /// Checks the country and, for automatic tax, the location.
    pub fn check(&self, for_tax: bool) -> Vec<Problem> {
        let letters = self.country.bytes().all(|byte| byte.is_ascii_alphabetic());
        if !letters || self.country.len() != 2 {
            return vec![("country", "Enter the country as two letters, such as US.".to_owned())];
        }
        if for_tax && !is_location(self.address().as_ref()) {
            let text = "Enter the postal code. Tax depends on it.";
            return vec![("postal_code", text.to_owned())];
        }
        Vec::new()
    }

    pub fn render(&self, problems: &[Problem]) -> Markup {
        let field = |id, label, value, autocomplete| Field {
            id,
            label,
            hint: None,
            value,
            kind: "text",
            autocomplete,
            numeric: false,
            placeholder: None,
        };
        let line1 = field("line1", "Street and number", self.line1.as_str(), "address-line1");
        let city = field("city", "City", self.city.as_str(), "address-level2");
        let state = field("state", "State or region", self.state.as_str(), "address-level1");
        let postal = field("postal_code", "Postal code", self.postal_code.as_str(), "postal-code");
        let country = field("country", "Country", self.country.as_str(), "country");
        html! {
            (line1.render(problems))
            div.pair { (city.render(problems)) (state.render(problems)) }
            div.pair {
                (Field { hint: Some("Two letters"), ..country }.render(problems))
                (Field { hint: Some("If there is one"), ..postal }.render(problems))
            }
        }
    }
}

/// Checks a tax ID. Empty is fine unless `required` and the country has tax IDs.
pub fn check_tax_id(country: &str, text: &str, required: bool) -> Result<Option<TaxId>, Problem> {
    let kind = TaxIdType::of_country(country);
    if text.is_empty() && !(required && kind.is_some()) {
        return Ok(None);
    }
    let problem = |text: String| Err(("tax_id", text));
    match (kind, TaxId::parse(country, text)) {
        (_, Some(id)) => Ok(Some(id)),
        (Some(kind), None) => problem(format!("Enter the tax ID in the form {}.", kind.example())),
        (None, None) => problem("The sandbox has no tax IDs of this country.".to_owned()),
    }
}

pub fn render_tax_id(value: &str, problems: &[Problem]) -> Markup {
    Field {
        id: "tax_id",
        label: "Tax ID",
        hint: Some("For example DE123456789, GB123456789 or 12-3456789"),
        value,
        kind: "text",
        autocomplete: "off",
        numeric: false,
        placeholder: None,
    }
    .render(problems)
}
