//! Automatic tax, which needs a location of the customer.

use serde_json::{Value, json};
use time::macros::datetime;

use crate::case::{Case, START, at_the_middle};
use crate::events::types;
use crate::support::{Api, Form, id};

const MESSAGE: &str = "The customer's location isn't recognized. Set a valid customer address in order to automatically calculate tax.";

#[track_caller]
fn refused(api: &Api, path: &str, form: Form<'_>) {
    let refusal = api.refused(400, "POST", path, form);
    assert_eq!(
        (refusal.message(), refusal.code()),
        (MESSAGE, "customer_tax_location_invalid"),
        "{path}"
    );
}

/// Subscription with automatic tax, whose customer then loses its address.
fn without_location() -> Case {
    let case = at_the_middle("3000", &[]);
    let customer = format!("/v1/customers/{}", case.customer);
    case.api.post(&customer, &[("address[country]", "DE")]);
    let path = format!("/v1/subscriptions/{}", case.sub);
    case.api.post(&path, &[("automatic_tax[enabled]", "true")]);
    case.api.post(&customer, &[("address", ""), ("tax[validate_location]", "deferred")]);
    case
}

#[test]
fn subscription_with_automatic_tax_needs_a_location() {
    let api = Api::new();
    let clock = api.clock_at(START);
    let price = api.monthly("Pro", "usd", "3000");
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let form: Form<'_> =
        &[("customer", &customer), ("items[0][price]", &price), ("automatic_tax[enabled]", "true")];
    let preview: Form<'_> = &[
        ("customer", &customer),
        ("subscription_details[items][0][price]", &price),
        ("automatic_tax[enabled]", "true"),
    ];
    let invoice: Form<'_> = &[("customer", &customer), ("automatic_tax[enabled]", "true")];
    for (country, postal_code, valid) in
        [(None, None, false), (Some("US"), None, false), (Some("US"), Some("94103"), true)]
    {
        let mut address = Vec::new();
        address.extend(country.map(|country| ("address[country]", country)));
        address.extend(postal_code.map(|code| ("address[postal_code]", code)));
        api.post(&format!("/v1/customers/{customer}"), &address);
        let path = format!("/v1/customers/{customer}");
        let tax = &api.get(&path, &[("expand[]", "tax")])["tax"];
        if !valid {
            assert_eq!(tax["automatic_tax"], "unrecognized_location");
            refused(&api, "/v1/subscriptions", form);
            refused(&api, "/v1/invoices/create_preview", preview);
            refused(&api, "/v1/invoices", invoice);
            continue;
        }
        assert_eq!(
            *tax,
            json!({
                "automatic_tax": "supported",
                "ip_address": null,
                "location": { "country": "US", "source": "billing_address", "state": null },
                "provider": "stripe",
            })
        );
        let sub = api.post("/v1/subscriptions", form);
        let on =
            json!({ "disabled_reason": null, "enabled": true, "liability": { "type": "self" } });
        assert_eq!(sub["automatic_tax"], on);
        let first = api.invoice(sub["latest_invoice"].as_str().unwrap());
        assert_eq!(
            first["automatic_tax"],
            json!({
                "disabled_reason": null,
                "enabled": true,
                "liability": { "type": "self" },
                "provider": "stripe",
                "status": "complete",
            })
        );
        assert_eq!((&first["total"], &first["total_taxes"]), (&json!(3000), &json!([])));
        assert_eq!(api.post("/v1/invoices/create_preview", preview)["total"], 3000);
        api.post("/v1/invoices", invoice);
    }
}

#[test]
fn changes_and_previews_are_refused_after_the_location_is_lost() {
    let case = without_location();
    let path = format!("/v1/subscriptions/{}", case.sub);
    let change: Form<'_> = &[("items[0][id]", &case.item), ("items[0][quantity]", "2")];
    refused(&case.api, &path, change);
    let preview: Form<'_> = &[("subscription", &case.sub)];
    refused(&case.api, "/v1/invoices/create_preview", preview);
    case.api.post(&path, &[("metadata[a]", "1")]);
    case.api.post(&path, &[("automatic_tax[enabled]", "false")]);
    case.api.post(&path, change);
    case.api.post("/v1/invoices/create_preview", preview);
}

#[test]
fn address_without_location_is_refused_for_a_taxed_customer() {
    let case = at_the_middle("3000", &[]);
    let path = format!("/v1/customers/{}", case.customer);
    case.api.post(&path, &[("address[country]", "US")]);
    refused(&case.api, &path, &[("tax[validate_location]", "immediately")]);
    case.api.post(&path, &[("address[country]", "DE"), ("tax[validate_location]", "immediately")]);
    let sub = format!("/v1/subscriptions/{}", case.sub);
    case.api.post(&sub, &[("automatic_tax[enabled]", "true")]);
    refused(&case.api, &path, &[("address", "")]);
    refused(&case.api, &path, &[("address[country]", "US")]);
    case.api.post(&path, &[("name", "Ada"), ("address[country]", "AT")]);
    refused(&case.api, "/v1/customers", &[("tax[validate_location]", "immediately")]);
}

#[test]
fn renewal_without_location_turns_automatic_tax_off() {
    let case = without_location();
    let events =
        case.api.events_of(|| case.api.advance(&case.clock, datetime!(2027-05-01 02:00 UTC)));
    let invoice = case.api.invoices(&case.sub).remove(0);
    assert_eq!((&invoice["status"], &invoice["total"]), (&json!("paid"), &json!(3000)));
    assert_eq!(
        invoice["automatic_tax"],
        json!({
            "disabled_reason": "finalization_requires_location_inputs",
            "enabled": false,
            "liability": null,
            "provider": null,
            "status": null,
        })
    );
    assert_eq!(
        case.shown()["automatic_tax"],
        json!({ "disabled_reason": "requires_location_inputs", "enabled": false, "liability": null })
    );
    assert!(types(&events).contains(&"customer.subscription.updated".to_owned()));
}

#[test]
fn draft_without_location_cannot_be_finalized() {
    let case = at_the_middle("3000", &[]);
    let path = format!("/v1/customers/{}", case.customer);
    case.api.post(&path, &[("address[country]", "DE")]);
    let form = [("customer", case.customer.as_str()), ("automatic_tax[enabled]", "true")];
    let draft = id(&case.api.post("/v1/invoices", &form));
    case.api.post(&path, &[("address", "")]);
    for verb in ["finalize", "pay"] {
        refused(&case.api, &format!("/v1/invoices/{draft}/{verb}"), &[]);
    }
    assert_eq!(case.api.invoice(&draft)["last_finalization_error"], Value::Null);
}
