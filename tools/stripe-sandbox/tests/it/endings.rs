//! Immediate and scheduled cancellation, `pause_collection`, and sent invoices.

use serde_json::{Value, json};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::support::{Api, Form, amounts, id, stamp};

const START: OffsetDateTime = datetime!(2027-04-01 00:00 UTC);
const MIDDLE: OffsetDateTime = datetime!(2027-04-16 00:00 UTC);
const END: OffsetDateTime = datetime!(2027-05-01 00:00 UTC);

struct Case {
    api: Api,
    clock: String,
    customer: String,
    sub: String,
}

fn metered() -> Case {
    let api = Api::new();
    let clock = api.clock_at(START);
    let base = api.monthly("Pro", "usd", "3000");
    let form =
        [("display_name", "CPU"), ("event_name", "cpu"), ("default_aggregation[formula]", "count")];
    let meter = id(&api.post("/v1/billing/meters", &form));
    let usage = api.price(
        "CPU",
        &[
            ("currency", "usd"),
            ("unit_amount", "100"),
            ("recurring[interval]", "month"),
            ("recurring[usage_type]", "metered"),
            ("recurring[meter]", &meter),
        ],
    );
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let sub = id(&api.subscribe(&customer, &base, &[("items[1][price]", &usage)]));
    let case = Case { api, clock, customer, sub };
    case.api.advance(&case.clock, MIDDLE);
    let event = [
        ("event_name", "cpu"),
        ("payload[stripe_customer_id]", case.customer.as_str()),
        ("payload[value]", "9"),
    ];
    case.api.post("/v1/billing/meter_events", &event);
    case
}

impl Case {
    fn path(&self) -> String {
        format!("/v1/subscriptions/{}", self.sub)
    }

    fn update(&self, form: Form<'_>) -> Value {
        self.api.post(&self.path(), form)
    }
}

#[test]
fn cancellation_at_period_end_bills_the_last_usage() {
    let case = metered();
    let form = [
        ("cancel_at_period_end", "true"),
        ("cancellation_details[feedback]", "too_expensive"),
        ("cancellation_details[comment]", "sorry"),
    ];
    let sub = case.update(&form);
    assert_eq!((&sub["status"], &sub["cancel_at"]), (&json!("active"), &stamp(END)));
    assert_eq!((&sub["cancel_at_period_end"], &sub["canceled_at"]), (&json!(true), &stamp(MIDDLE)));
    let preview = case.api.post("/v1/invoices/create_preview", &[("subscription", &case.sub)]);
    assert_eq!(amounts(&preview), [100]);

    case.api.advance(&case.clock, END);
    let ended = case.api.subscription(&case.sub);
    assert_eq!((&ended["status"], &ended["ended_at"]), (&json!("canceled"), &stamp(END)));
    let details = &ended["cancellation_details"];
    assert_eq!(details["reason"], "cancellation_requested");
    assert_eq!(
        (&details["feedback"], &details["comment"]),
        (&json!("too_expensive"), &json!("sorry"))
    );
    case.api.advance(&case.clock, datetime!(2027-05-01 01:00 UTC));
    let last = case.api.invoices(&case.sub).remove(0);
    assert_eq!((amounts(&last), &last["status"]), (vec![100], &json!("paid")));
    let none = case.api.refused(
        404,
        "POST",
        "/v1/invoices/create_preview",
        &[("subscription", &case.sub)],
    );
    assert_eq!(none.code(), "invoice_upcoming_none");
}

#[test]
fn scheduled_cancellation_can_be_undone() {
    let case = metered();
    case.update(&[("cancel_at_period_end", "true")]);
    let sub = case.update(&[("cancel_at_period_end", "false")]);
    assert_eq!((&sub["cancel_at"], &sub["canceled_at"]), (&Value::Null, &Value::Null));
    let at = datetime!(2027-04-20 12:00 UTC);
    let sub = case.update(&[("cancel_at", &at.unix_timestamp().to_string())]);
    assert_eq!((&sub["cancel_at"], &sub["cancel_at_period_end"]), (&stamp(at), &json!(false)));
    let sub = case.update(&[("cancel_at", "")]);
    assert_eq!(sub["cancel_at"], Value::Null);
    let sub = case.update(&[("cancel_at", "min_period_end")]);
    assert_eq!(sub["cancel_at"], stamp(END));
    case.update(&[("cancel_at", &at.unix_timestamp().to_string())]);
    case.api.advance(&case.clock, at);
    assert_eq!(case.api.subscription(&case.sub)["status"], "canceled");
}

#[test]
fn immediate_cancellation_bills_nothing_by_default() {
    let case = metered();
    let gone = case.api.delete(&case.path(), &[]);
    assert_eq!((&gone["status"], &gone["ended_at"]), (&json!("canceled"), &stamp(MIDDLE)));
    assert_eq!(case.api.invoices(&case.sub).len(), 1);
    case.api.refused(404, "DELETE", &case.path(), &[]);

    let case = metered();
    case.api.delete(&case.path(), &[("invoice_now", "true"), ("prorate", "true")]);
    let last = case.api.invoices(&case.sub).remove(0);
    // Half of 3000 is credited and one event is charged. The credit is larger.
    assert_eq!((amounts(&last), &last["total"]), (vec![-1500, 100], &json!(-1400)));
    let balance =
        || case.api.get(&format!("/v1/customers/{}", case.customer), &[])["balance"].clone();
    assert_eq!((&last["status"], balance()), (&json!("draft"), json!(0)));
    case.api.advance(&case.clock, MIDDLE + Duration::HOUR);
    assert_eq!(balance(), -1400);
}

#[test]
fn canceled_subscription_only_accepts_metadata_and_cancellation_details() {
    let case = metered();
    case.api.delete(&case.path(), &[]);
    let noted =
        case.update(&[("metadata[why]", "moved away"), ("cancellation_details[comment]", "bye")]);
    assert_eq!(noted["metadata"], json!({ "why": "moved away" }));
    let refusal = case.api.refused(400, "POST", &case.path(), &[("cancel_at_period_end", "true")]);
    assert_eq!(refusal.code(), "invalid_canceled_subscription_fields");
}

#[test]
fn pause_collection_keeps_voids_or_marks_uncollectible() {
    for (behavior, status) in
        [("keep_as_draft", "draft"), ("void", "void"), ("mark_uncollectible", "uncollectible")]
    {
        let case = metered();
        let sub = case.update(&[("pause_collection[behavior]", behavior)]);
        assert_eq!(
            (&sub["status"], &sub["pause_collection"]["behavior"]),
            (&json!("active"), &json!(behavior))
        );
        case.api.advance(&case.clock, datetime!(2027-05-01 02:00 UTC));
        let renewal = case.api.invoices(&case.sub).remove(0);
        assert_eq!(renewal["status"], status, "{behavior}");
        assert_eq!(case.api.subscription(&case.sub)["status"], "active");
        if behavior == "mark_uncollectible" {
            assert_eq!(renewal["status_details"]["uncollectible"]["reason"], "subscription_paused");
        }
        let sub = case.update(&[("pause_collection", "")]);
        assert_eq!(sub["pause_collection"], Value::Null);
    }
}

#[test]
fn pause_collection_ends_at_its_date() {
    let case = metered();
    let until = datetime!(2027-04-20 00:00 UTC).unix_timestamp().to_string();
    case.update(&[
        ("pause_collection[behavior]", "void"),
        ("pause_collection[resumes_at]", &until),
    ]);
    case.api.advance(&case.clock, datetime!(2027-04-20 00:00 UTC));
    assert_eq!(case.api.subscription(&case.sub)["pause_collection"], Value::Null);
}

#[test]
fn sent_invoice_is_past_due_after_its_due_date() {
    let api = Api::new();
    let clock = api.clock_at(START);
    let base = api.monthly("Pro", "usd", "3000");
    let customer = api.customer(&clock, None, &[]);
    let form = [("collection_method", "send_invoice"), ("days_until_due", "10")];
    let sub = api.subscribe(&customer, &base, &form);
    assert_eq!(sub["status"], "active");
    assert_eq!(api.invoice(sub["latest_invoice"].as_str().unwrap())["status"], "draft");
    api.advance(&clock, datetime!(2027-04-01 01:00 UTC));
    let invoice = api.invoice(sub["latest_invoice"].as_str().unwrap());
    assert_eq!(
        (&invoice["status"], &invoice["next_payment_attempt"]),
        (&json!("open"), &Value::Null)
    );
    assert_eq!(invoice["due_date"], stamp(datetime!(2027-04-11 01:00 UTC)));
    api.advance(&clock, datetime!(2027-04-11 01:00 UTC));
    assert_eq!(api.subscription(&id(&sub))["status"], "past_due");
    assert_eq!(api.invoice(&id(&invoice))["attempted"], json!(false));
    api.post(&format!("/v1/invoices/{}/pay", id(&invoice)), &[("paid_out_of_band", "true")]);
    assert_eq!(api.subscription(&id(&sub))["status"], "active");
}

#[test]
fn deleting_a_customer_cancels_its_subscriptions() {
    let case = metered();
    let path = format!("/v1/customers/{}", case.customer);
    assert_eq!(case.api.delete(&path, &[])["deleted"], true);
    assert_eq!(
        case.api.get(&path, &[]),
        json!({ "id": case.customer, "object": "customer", "deleted": true })
    );
    assert_eq!(case.api.subscription(&case.sub)["status"], "canceled");
    case.api.refused(404, "POST", &path, &[("name", "x")]);
    let form = [("customer", case.customer.as_str()), ("items[0][price]", "price_x")];
    case.api.refused(404, "POST", "/v1/subscriptions", &form);
}
