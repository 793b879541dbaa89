//! Events of the lives of objects: which changes have which events, in which order.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::case::{MIDDLE, START, at_the_middle};
use crate::debits;
use crate::events::types;
use crate::support::{Api, Form, id};

const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;

fn at(day: OffsetDateTime, seconds: i64) -> OffsetDateTime {
    day + time::Duration::seconds(seconds)
}

pub fn of<'a>(events: &'a [Value], kind: &str) -> &'a Value {
    let mut found = events.iter().filter(|event| event["type"] == kind);
    let event = found.next().unwrap_or_else(|| panic!("no {kind} in {:?}", types(events)));
    assert!(found.next().is_none(), "two {kind}");
    &event["data"]
}

#[test]
fn paid_subscription_has_the_events_of_all_its_objects() {
    let api = Api::new();
    let price = api.monthly("Pro", "usd", "3500");
    let card = "pm_card_visa";
    let form = [("payment_method", card), ("invoice_settings[default_payment_method]", card)];
    let mut customer = Value::Null;
    let made = api.events_of(|| customer = api.post("/v1/customers", &form));
    assert_eq!(types(&made), ["customer.created", "payment_method.attached"]);
    let made = api.events_of(|| api.subscribe(&id(&customer), &price, &[]));
    assert_eq!(
        types(&made),
        [
            "customer.updated",
            "payment_intent.created",
            "payment_intent.succeeded",
            "charge.succeeded",
            "invoice.created",
            "invoice.finalized",
            "invoice.paid",
            "invoice.payment_succeeded",
            "invoice_payment.paid",
            "customer.subscription.created",
        ]
    );
    assert_eq!(
        of(&made, "customer.updated")["previous_attributes"],
        json!({ "currency": null, "next_invoice_sequence": 1 })
    );
    let intent = &of(&made, "payment_intent.succeeded")["object"];
    let charge = &of(&made, "charge.succeeded")["object"];
    assert_eq!(
        (&charge["id"], &charge["payment_intent"], &charge["amount"], &charge["customer"]),
        (&intent["latest_charge"], &intent["id"], &json!(3500), &customer["id"])
    );
}

#[test]
fn renewal_happens_without_a_request_at_its_own_time() {
    let api = Api::new();
    let price = api.price(
        "Daily",
        &[("currency", "usd"), ("unit_amount", "500"), ("recurring[interval]", "day")],
    );
    let card = "pm_card_visa";
    let form = [("payment_method", card), ("invoice_settings[default_payment_method]", card)];
    let customer = id(&api.post("/v1/customers", &form));
    let sub = api.subscribe(&customer, &price, &[]);
    let events = api.events_of(|| api.pass(DAY + 2 * HOUR));
    assert_eq!(
        types(&events),
        [
            "invoice.created",
            "customer.subscription.updated",
            "customer.updated",
            "payment_intent.created",
            "payment_intent.succeeded",
            "charge.succeeded",
            "invoice.updated",
            "invoice.finalized",
            "invoice.paid",
            "invoice.payment_succeeded",
            "invoice_payment.paid",
        ]
    );
    let start = sub["created"].as_i64().unwrap();
    let created: Vec<i64> =
        events.iter().map(|event| event["created"].as_i64().unwrap() - start).collect();
    assert_eq!(
        (created[0], created[1], created[2], created[10]),
        (DAY, DAY, DAY + HOUR, DAY + HOUR)
    );
    for event in &events {
        assert_eq!(event["request"], json!({ "id": null, "idempotency_key": null }));
    }
    let draft = &of(&events, "invoice.created")["object"];
    assert_eq!((&draft["status"], &draft["created"]), (&json!("draft"), &json!(start + DAY)));
    let previous = &of(&events, "customer.subscription.updated")["previous_attributes"];
    assert_eq!(previous["latest_invoice"], sub["latest_invoice"]);
    assert_eq!(previous["items"]["data"][0]["current_period_end"], start + DAY);
    assert_eq!(of(&events, "invoice.updated")["previous_attributes"]["status"], "draft");
}

#[test]
fn failed_renewal_has_the_events_of_its_attempts() {
    let case = at_the_middle("3000", &[]);
    case.use_card("pm_card_chargeCustomerFail");
    let events =
        case.api.events_of(|| case.api.advance(&case.clock, datetime!(2027-05-01 01:00 UTC)));
    let failed = [
        "payment_intent.created",
        "payment_intent.payment_failed",
        "charge.failed",
        "invoice.updated",
        "invoice.finalized",
        "invoice.payment_failed",
        "customer.subscription.updated",
    ];
    let kinds = types(&events);
    let from = kinds.iter().position(|kind| kind == failed[0]).unwrap();
    assert_eq!(kinds[from..from + failed.len()], failed);
    let charge = &of(&events, "charge.failed")["object"];
    assert_eq!(
        (&charge["status"], &charge["failure_code"], &charge["outcome"]["type"]),
        (&json!("failed"), &json!("card_declined"), &json!("issuer_declined"))
    );
    let retry =
        case.api.events_of(|| case.api.advance(&case.clock, datetime!(2027-05-04 01:00 UTC)));
    for kind in ["payment_intent.payment_failed", "charge.failed", "invoice.payment_failed"] {
        of(&retry, kind);
    }
    let invoice = id(&case.api.invoices(&case.sub)[0]);
    let manual = case.api.events_of(|| {
        case.api.refused(402, "POST", &format!("/v1/invoices/{invoice}/pay"), &[]);
    });
    let kinds = ["payment_intent.payment_failed", "charge.failed", "invoice.payment_failed"];
    assert_eq!(types(&manual), kinds);
    let path = format!("/v1/invoices/{invoice}/mark_uncollectible");
    let forgiven = case.api.events_of(|| case.api.post(&path, &[]));
    assert_eq!(
        types(&forgiven),
        ["invoice.updated", "invoice.marked_uncollectible", "customer.subscription.updated"]
    );
}

#[test]
fn payment_that_needs_action_has_both_events() {
    let case = at_the_middle("3000", &[]);
    case.use_card("pm_card_authenticationRequired");
    let events =
        case.api.events_of(|| case.api.advance(&case.clock, datetime!(2027-05-01 01:00 UTC)));
    let invoice = &of(&events, "invoice.payment_action_required")["object"];
    assert_eq!(of(&events, "invoice.payment_failed")["object"], *invoice);
    let intent = &of(&events, "payment_intent.requires_action")["object"];
    let path = format!("/payment_intents/{}/authenticate", id(intent));
    let failed = case.api.events_of(|| case.api.admin("POST", &path, &json!({ "succeed": false })));
    assert_eq!(types(&failed), ["payment_intent.payment_failed", "invoice.payment_failed"]);
    assert_eq!(of(&failed, "invoice.payment_failed")["object"]["id"], invoice["id"]);
}

#[test]
fn renewal_without_payment_method_fails_without_a_charge() {
    let case = at_the_middle("3000", &[]);
    let cards = case.api.get("/v1/payment_methods", &[("customer", &case.customer)]);
    let path = format!("/v1/payment_methods/{}/detach", id(&cards["data"][0]));
    let detached = case.api.events_of(|| case.api.post(&path, &[]));
    assert_eq!(types(&detached), ["customer.updated", "payment_method.detached"]);
    let detached = of(&detached, "payment_method.detached");
    assert_eq!(detached["object"]["customer"], Value::Null);
    assert_eq!(detached["previous_attributes"], json!({ "customer": case.customer }));
    let events =
        case.api.events_of(|| case.api.advance(&case.clock, datetime!(2027-05-01 01:00 UTC)));
    of(&events, "invoice.payment_failed");
    assert!(!types(&events).iter().any(|kind| kind.starts_with("charge.")));
}

#[test]
fn end_of_a_trial_is_announced_three_days_before_or_immediately() {
    let kind = "customer.subscription.trial_will_end";
    let trial = |days: &str| {
        let api = Api::new();
        let clock = api.clock_at(START);
        let price = api.monthly("Pro", "usd", "3500");
        let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
        let sub = id(&api.subscribe(&customer, &price, &[("trial_period_days", days)]));
        (api, clock, sub)
    };
    let count = |api: &Api| types(&api.events()).iter().filter(|one| **one == kind).count();

    let (api, clock, _) = trial("10");
    api.advance(&clock, at(START, 7 * DAY - 1));
    assert_eq!(count(&api), 0);
    let events = api.events_of(|| api.advance(&clock, at(START, 7 * DAY)));
    assert_eq!(of(&events, kind)["object"]["status"], "trialing");
    api.advance(&clock, at(START, 11 * DAY));
    assert_eq!(count(&api), 1);

    let (api, _, _) = trial("2");
    assert_eq!(count(&api), 1, "less than three days are left at the start");

    let (api, clock, sub) = trial("10");
    let path = format!("/v1/subscriptions/{sub}");
    let end = at(START, 20 * DAY).unix_timestamp().to_string();
    api.post(&path, &[("trial_end", &end)]);
    api.advance(&clock, at(START, 8 * DAY));
    assert_eq!(count(&api), 0, "the end was moved");
    let events = api.events_of(|| api.post(&path, &[("trial_end", "now")]));
    assert_eq!(of(&events, kind)["object"]["status"], "active");
    api.advance(&clock, at(START, 25 * DAY));
    assert_eq!(count(&api), 1);
}

#[test]
fn pending_update_is_applied_or_expires() {
    for pays in [true, false] {
        let case = at_the_middle("1000", &[]);
        let dearer = case.api.monthly("Max", "usd", "9000");
        case.use_card("pm_card_chargeCustomerFail");
        let form: Form<'_> = &[
            ("proration_behavior", "always_invoice"),
            ("payment_behavior", "pending_if_incomplete"),
        ];
        let events = case.api.events_of(|| case.change(&dearer, form));
        let previous = &of(&events, "customer.subscription.updated")["previous_attributes"];
        assert_eq!(previous["pending_update"], Value::Null);
        let invoice = case.shown()["latest_invoice"].as_str().unwrap().to_owned();
        let events = case.api.events_of(|| {
            if pays {
                let form = [("payment_method", "pm_card_visa")];
                case.api.post(&format!("/v1/invoices/{invoice}/pay"), &form);
            } else {
                case.api.advance(&case.clock, at(MIDDLE, DAY));
            }
        });
        let (kind, end) = if pays {
            ("customer.subscription.pending_update_applied", "invoice.paid")
        } else {
            ("customer.subscription.pending_update_expired", "invoice.voided")
        };
        assert_eq!(of(&events, kind)["object"]["pending_update"], Value::Null);
        assert_eq!(of(&events, end)["object"]["id"], invoice);
        of(&events, "customer.subscription.updated");
    }
}

#[test]
fn pause_resumption_and_cancellation_have_their_events() {
    let case = at_the_middle("3000", &[]);
    let path = format!("/v1/subscriptions/{}", case.sub);
    let ended = format!("/v1/subscriptions/{}", case.sub);
    let subscription_events = |work: &dyn Fn()| -> Vec<String> {
        let events = types(&case.api.events_of(work));
        events.into_iter().filter(|kind| kind.starts_with("customer.subscription")).collect()
    };
    let paused = subscription_events(&|| {
        case.api.post(&format!("{path}/pause"), &[("type", "subscription")]);
    });
    assert_eq!(paused, ["customer.subscription.updated", "customer.subscription.paused"]);
    let resumed = subscription_events(&|| {
        case.api.post(&format!("{path}/resume"), &[("billing_cycle_anchor[type]", "unchanged")]);
    });
    assert_eq!(resumed, ["customer.subscription.updated", "customer.subscription.resumed"]);
    let canceled = subscription_events(&|| drop(case.api.delete(&ended, &[])));
    assert_eq!(canceled, ["customer.subscription.deleted"]);
    let note = [("metadata[why]", "bored")];
    let noted = subscription_events(&|| drop(case.api.post(&path, &note)));
    assert_eq!(noted, ["customer.subscription.updated"]);
}

#[test]
fn schedule_has_the_events_of_its_life() {
    let case = at_the_middle("3000", &[]);
    let of_schedule = |work: &dyn Fn()| -> Vec<String> {
        let events = types(&case.api.events_of(work));
        events.into_iter().filter(|kind| kind.starts_with("subscription_schedule")).collect()
    };
    let from = [("from_subscription", case.sub.as_str())];
    let create = || id(&case.api.post("/v1/subscription_schedules", &from));
    assert_eq!(of_schedule(&|| drop(create())), ["subscription_schedule.created"]);
    let released = of_schedule(&|| case.api.advance(&case.clock, datetime!(2027-05-01 00:00 UTC)));
    let [expiring, updated] = ["subscription_schedule.expiring", "subscription_schedule.updated"];
    assert_eq!(released, [expiring, updated, "subscription_schedule.released"]);
    let schedule = create();
    let path = format!("/v1/subscription_schedules/{schedule}");
    let changed = of_schedule(&|| drop(case.api.post(&path, &[("metadata[a]", "1")])));
    assert_eq!(changed, [updated]);
    let canceled = of_schedule(&|| drop(case.api.post(&format!("{path}/cancel"), &[])));
    assert_eq!(canceled, [updated, "subscription_schedule.canceled"]);
}

#[test]
fn debit_is_announced_when_it_is_pending_and_when_it_ends() {
    // The first invoice of a debit that fails is voided, which cancels its payment intent.
    let failed = ["payment_intent.payment_failed", "payment_intent.canceled", "charge.failed"];
    let ends: [(&str, &[&str]); 2] = [
        ("pm_usBankAccount", &["payment_intent.succeeded", "charge.succeeded"]),
        ("pm_usBankAccount_insufficientFunds", &failed),
    ];
    for (token, end) in ends {
        let it = debits::subscribed(token);
        let payments = |events: &[Value]| {
            let mut kinds = types(events);
            kinds.retain(|kind| kind.starts_with("payment_intent.") || kind.starts_with("charge."));
            kinds
        };
        let begun = ["payment_intent.created", "payment_intent.processing", "charge.pending"];
        assert_eq!(payments(&it.api.events()), begun, "{token}");
        let ended =
            it.api.events_of(|| it.api.advance(&it.clock, debits::START + time::Duration::days(5)));
        assert_eq!(payments(&ended), end, "{token}");
        let charge = &of(&ended, end.last().unwrap())["object"];
        assert_eq!(charge["payment_method_details"]["type"], "us_bank_account", "{token}");
    }
}
