//! Laws of the event list, over a history with declines, changes, pauses and cancellations.

use std::collections::HashMap;

use serde_json::{Map, Value};
use stripe_sandbox::{Config, Sandbox};
use time::macros::datetime;

use crate::case::{Case, at_the_middle};
use crate::support::{Api, Form, id};

/// Goes through a plan change, a pending update, a failed renewal, a pause and a cancellation.
fn history() -> Case {
    let case = at_the_middle("1000", &[("metadata[a]", "1")]);
    let dearer = case.api.monthly("Max", "usd", "9000");
    case.change(&dearer, &[("proration_behavior", "always_invoice")]);
    case.credit("-700");
    case.use_card("pm_card_chargeCustomerFail");
    let base = case.api.monthly("Base", "usd", "20000");
    let pending: Form<'_> =
        &[("proration_behavior", "always_invoice"), ("payment_behavior", "pending_if_incomplete")];
    case.change(&base, pending);
    for to in [
        datetime!(2027-04-18 00:00 UTC),
        datetime!(2027-05-01 02:00 UTC),
        datetime!(2027-05-05 00:00 UTC),
    ] {
        case.api.advance(&case.clock, to);
    }
    case.use_card("pm_card_visa");
    let open = id(&case.api.invoices(&case.sub)[0]);
    case.api.post(&format!("/v1/invoices/{open}/pay"), &[]);
    let path = format!("/v1/subscriptions/{}", case.sub);
    case.api.post(&path, &[("metadata[a]", ""), ("metadata[b]", "2")]);
    case.api.post(&format!("{path}/pause"), &[("type", "subscription")]);
    case.api.post(&format!("{path}/resume"), &[]);
    case.api.delete(&path, &[("prorate", "true"), ("invoice_now", "true")]);
    case
}

/// Sets the attributes to their former values; nulls that the event did not have are removed.
fn undo(object: &mut Value, previous: &Value) {
    let (Value::Object(fields), Value::Object(previous)) = (&mut *object, previous) else {
        *object = previous.clone();
        return;
    };
    for (key, value) in previous {
        match fields.get_mut(key) {
            Some(now) if now.is_object() && value.is_object() => undo(now, value),
            Some(now) => *now = value.clone(),
            None => drop(fields.insert(key.clone(), value.clone())),
        }
    }
}

/// Removes nulls, which are equal to absent fields in `previous_attributes`.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(_, value)| !value.is_null());
            let kept: Map<String, Value> =
                kept.map(|(key, value)| (key.clone(), without_nulls(value))).collect();
            Value::Object(kept)
        }
        Value::Array(values) => Value::Array(values.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

#[test]
fn update_without_its_change_is_the_version_before() {
    let case = history();
    let mut versions: HashMap<String, Value> = HashMap::new();
    let mut updates = 0;
    for event in case.api.events() {
        let object = &event["data"]["object"];
        let key = format!("{} {}", object["object"], object["id"]);
        if let Some(previous) = event["data"].get("previous_attributes") {
            let mut before = object.clone();
            undo(&mut before, previous);
            let known = &versions[&key];
            assert_eq!(without_nulls(&before), without_nulls(known), "{}", event["type"]);
            assert_ne!(before, *object, "an update changes something");
            updates += 1;
        }
        versions.insert(key, object.clone());
    }
    assert!(updates > 20, "{updates}");
}

#[test]
fn last_event_of_an_object_has_its_current_state() {
    let case = history();
    let mut last: HashMap<String, Value> = HashMap::new();
    for event in case.api.events() {
        let object = event["data"]["object"].clone();
        let path = match object["object"].as_str().unwrap() {
            "customer" => "customers",
            "subscription" => "subscriptions",
            "invoice" => "invoices",
            "payment_intent" => "payment_intents",
            "payment_method" => "payment_methods",
            "price" => "prices",
            "product" => "products",
            "test_helpers.test_clock" => "test_helpers/test_clocks",
            _ => continue,
        };
        last.insert(format!("/v1/{path}/{}", id(&object)), object);
    }
    assert!(last.len() > 15, "{}", last.len());
    for (path, object) in last {
        assert_eq!(case.api.get(&path, &[]), object, "{path}");
    }
}

#[test]
fn snapshot_contains_the_events() {
    let path = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("events.json");
    let _ = std::fs::remove_file(&path);
    let config = Config { snapshot: Some(path), ..Config::default() };
    let api = Api::with(&config);
    api.product("Read");
    api.events();
    api.product("Unread");
    api.admin("POST", "/snapshot", &Value::Null);
    let other = Api::with(&config);
    let (one, two) = (api.events(), other.events());
    assert_eq!((one.len(), &one), (2, &two));
    // The next IDs are the same as well.
    api.product("Next");
    other.product("Next");
    assert_eq!(id(&api.events()[2]), id(&other.events()[2]));
}

#[test]
fn reading_events_changes_no_other_id() {
    let path = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("event_ids.json");
    let _ = std::fs::remove_file(&path);
    let config = Config { snapshot: Some(path), ..Config::default() };
    Sandbox::start(config.clone()).unwrap().stop().unwrap();
    let (reader, other) = (Api::with(&config), Api::with(&config));
    let next = || -> [Vec<String>; 2] {
        [&reader, &other].map(|api| (0..3).map(|_| api.product("Pro")).collect())
    };
    let [one, two] = next();
    assert_eq!(one, two);
    assert_eq!(reader.events().len(), 3);
    let [one, two] = next();
    assert_eq!(one, two);
}
