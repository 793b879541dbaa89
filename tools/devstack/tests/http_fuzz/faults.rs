//! Random faults of the sandbox.

use serde_json::{Value, json};

use crate::dice::Dice;

/// Requests of the functions to Stripe that a fault hits. The platform's own requests go elsewhere, or are retried.
const PLACES: [(&str, &str); 12] = [
    ("POST", "/v1/subscriptions/"),
    ("POST", "/v1/subscriptions/"),
    ("POST", "/v1/subscriptions/"),
    ("GET", "/v1/subscriptions"),
    ("GET", "/v1/customers"),
    ("GET", "/v1/invoices"),
    ("POST", "/v1/invoices/create_preview"),
    ("POST", "/v1/invoices/in_"),
    ("POST", "/v1/invoiceitems"),
    ("POST", "/v1/checkout/sessions"),
    ("GET", "/v1/checkout/sessions"),
    ("GET", "/v1/invoice"),
];

/// Returns a fault for the next requests of a kind. A function retries a request twice.
pub fn fault(dice: &mut Dice) -> Value {
    let (method, path) = dice.pick(&PLACES);
    let mut fault = json!({
        "method": method, "path": path, "count": dice.pick(&[1, 2, 3, 6]), "after_work": dice.one_in(2),
    });
    match dice.below(8) {
        0..=1 => fault["kind"] = "latency".into(),
        2 => (fault["kind"], fault["status"]) = ("status".into(), 503.into()),
        3 => (fault["kind"], fault["status"]) = ("status".into(), 500.into()),
        4 => {
            (fault["kind"], fault["status"]) = ("status".into(), 500.into());
            (fault["after_work"], fault["stored"]) = (true.into(), true.into());
        }
        5 => fault["kind"] = "cut".into(),
        _ => fault["kind"] = "hang_up".into(),
    }
    if fault["kind"] == "latency" || dice.one_in(3) {
        fault["delay_ms"] = dice.between(20, 1_200).into();
    }
    fault
}
