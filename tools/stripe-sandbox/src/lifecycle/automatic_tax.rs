//! Automatic tax: needs a location of the customer that tax can be computed for. The sandbox has no
//! tax registrations, so the tax is 0.

use crate::model::customer::{Address, Customer};
use crate::model::subscription::AutomaticTax;
use crate::values::errors::{ApiError, Result};
use crate::world::World;

/// Returns whether tax can be computed for the address. Only the United States and Canada need more
/// than a country (docs.stripe.com/tax/customer-locations).
pub fn is_location(address: Option<&Address>) -> bool {
    let Some(address) = address else { return false };
    let has = |field: &Option<String>| field.as_ref().is_some_and(|text| !text.trim().is_empty());
    match address.country.as_deref() {
        Some("US") => has(&address.postal_code),
        Some("CA") => has(&address.postal_code) || has(&address.state),
        Some(country) => {
            country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase())
        }
        None => false,
    }
}

pub fn has_location(customer: &Customer) -> bool {
    is_location(customer.address.as_ref())
}

/// Returns an error if automatic tax is on and the customer has no valid location.
pub fn check_location(world: &World, customer: &str, tax: AutomaticTax) -> Result<()> {
    if tax != AutomaticTax::On || has_location(world.customer(customer)) {
        return Ok(());
    }
    Err(location_invalid())
}

/// Returns whether a subscription of the customer that has not ended has automatic tax.
pub fn is_taxed(world: &World, customer: &str) -> bool {
    let mut own = world.subscriptions().under(&format!("customer={customer}"));
    own.any(|sub| sub.automatic_tax == AutomaticTax::On && !sub.status.is_terminal())
}

pub fn location_invalid() -> ApiError {
    ApiError::invalid("The customer's location isn't recognized. Set a valid customer address in order to automatically calculate tax.")
        .code("customer_tax_location_invalid")
}

/// Turns automatic tax off for an invoice that finalizes by itself, and for its subscription, if the
/// customer has no valid location.
pub fn disable_without_location(world: &mut World, invoice: &str) {
    let mut invoice = world.invoice(invoice);
    if check_location(world, &invoice.customer, invoice.automatic_tax).is_ok() {
        return;
    }
    invoice.automatic_tax = AutomaticTax::Disabled;
    if let Some(mut sub) = invoice.subscription.as_ref().map(|id| world.subscription(id)) {
        sub.automatic_tax = AutomaticTax::Disabled;
        world.put_subscription(sub);
    }
    world.put_invoice(invoice);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn location_needs_a_country_and_in_north_america_more() {
        for (country, postal_code, state, expected) in [
            (None, Some("10115"), None, false),
            (Some("DE"), None, None, true),
            (Some("US"), None, Some("CA"), false),
            (Some("US"), Some(" "), None, false),
            (Some("US"), Some("94103"), None, true),
            (Some("CA"), None, None, false),
            (Some("CA"), None, Some("ON"), true),
            (Some("Germany"), None, None, false),
            (Some("de"), None, None, false),
        ] {
            let text = |text: Option<&str>| text.map(str::to_owned);
            let (country, postal_code, state) = (text(country), text(postal_code), text(state));
            let address = Address { country, postal_code, state, ..Address::default() };
            assert_eq!(is_location(Some(&address)), expected, "{address:?}");
        }
        assert!(!is_location(None));
    }
}
