//! Replaced metered items, with old and new price on the same meter.

use serde_json::{Value, json};
use time::macros::datetime;

use crate::case::{Case, at_the_middle};
use crate::support::{Form, amounts, id};

/// Subscription with a metered item at 10 cents, and another price on the same meter at 3.
struct Metered {
    case: Case,
    bigger: String,
    item: String,
    cheaper: String,
}

fn metered_price(case: &Case, meter: &str, name: &str, cents: &str) -> String {
    let form = [
        ("currency", "usd"),
        ("unit_amount", cents),
        ("recurring[interval]", "month"),
        ("recurring[usage_type]", "metered"),
        ("recurring[meter]", meter),
    ];
    case.api.price(name, &form)
}

fn metered() -> Metered {
    let case = at_the_middle("2000", &[]);
    let form =
        [("display_name", "CPU"), ("event_name", "cpu"), ("default_aggregation[formula]", "sum")];
    let meter = id(&case.api.post("/v1/billing/meters", &form));
    let dear = metered_price(&case, &meter, "CPU of Starter", "10");
    let cheaper = metered_price(&case, &meter, "CPU of Pro", "3");
    let path = format!("/v1/subscriptions/{}", case.sub);
    let added = case.api.post(&path, &[("items[0][price]", &dear)]);
    let item = added["items"]["data"][1]["id"].as_str().unwrap().to_owned();
    let bigger = case.api.monthly("Pro", "usd", "5000");
    case.api.advance(&case.clock, datetime!(2027-04-21 00:00 UTC));
    Metered { case, bigger, item, cheaper }
}

impl Metered {
    fn report(&self, value: &str, more: Form<'_>) {
        let event = [
            ("event_name", "cpu"),
            ("payload[stripe_customer_id]", self.case.customer.as_str()),
            ("payload[value]", value),
        ];
        self.case.api.post("/v1/billing/meter_events", &[&event, more].concat());
    }

    /// Replaces base and metered price, as a plan change does.
    fn swap(&self, more: Form<'_>) -> Value {
        let form = [
            ("items[1][id]", self.item.as_str()),
            ("items[1][deleted]", "true"),
            ("items[2][price]", &self.cheaper),
            ("proration_behavior", "always_invoice"),
        ];
        self.case.change(&self.bigger, &[&form, more].concat())
    }

    fn preview(&self) -> Value {
        let form = [
            ("subscription_details[items][1][id]", self.item.as_str()),
            ("subscription_details[items][1][deleted]", "true"),
            ("subscription_details[items][2][price]", &self.cheaper),
            ("subscription_details[proration_behavior]", "always_invoice"),
        ];
        self.case.preview(&self.bigger, &form)
    }

    fn renewal(&self) -> Vec<i64> {
        self.case.api.advance(&self.case.clock, datetime!(2027-05-01 01:00 UTC));
        amounts(&self.case.api.invoices(&self.case.sub)[0])
    }
}

#[test]
fn usage_is_billed_at_the_price_in_force_when_it_was_reported_and_only_once() {
    let it = metered();
    it.report("7", &[]);
    let preview = it.preview();
    let changed = it.swap(&[]);
    // A third of the month remains.
    assert_eq!(amounts(&changed["latest_invoice"]), [-667, 1667, 70]);
    assert_eq!(amounts(&preview), amounts(&changed["latest_invoice"]));
    let line = &changed["latest_invoice"]["lines"]["data"][2];
    let parent = &line["parent"]["subscription_item_details"];
    assert!(parent["invoice_item"].is_string());
    assert_eq!(
        (&parent["proration"], &parent["subscription_item"]),
        (&json!(false), &json!(it.item))
    );

    // In the same second as the change, after it, and late for a time before it.
    it.report("2", &[]);
    let earlier = datetime!(2027-04-20 00:00 UTC).unix_timestamp().to_string();
    it.report("1", &[("timestamp", &earlier)]);
    let mut renewal = it.renewal();
    renewal.sort_unstable();
    assert_eq!(renewal, [9, 5000]);
}

#[test]
fn replaced_metered_price_without_usage_has_no_line() {
    let it = metered();
    assert_eq!(amounts(&it.preview()), [-667, 1667]);
    assert_eq!(amounts(&it.swap(&[])["latest_invoice"]), [-667, 1667]);
    let mut renewal = it.renewal();
    renewal.sort_unstable();
    assert_eq!(renewal, [0, 5000]);
}

#[test]
fn price_replaced_in_place_bills_its_usage() {
    let it = metered();
    it.report("7", &[]);
    let path = format!("/v1/subscriptions/{}", it.case.sub);
    let form = [
        ("items[0][id]", it.item.as_str()),
        ("items[0][price]", &it.cheaper),
        ("proration_behavior", "always_invoice"),
        ("expand[]", "latest_invoice"),
    ];
    assert_eq!(amounts(&it.case.api.post(&path, &form)["latest_invoice"]), [70]);
    it.report("2", &[]);
    let mut renewal = it.renewal();
    renewal.sort_unstable();
    assert_eq!(renewal, [6, 2000]);
}

#[test]
fn usage_is_billed_with_the_renewal_under_create_prorations() {
    let it = metered();
    it.report("7", &[]);
    let path = format!("/v1/subscriptions/{}", it.case.sub);
    let form = [
        ("items[0][id]", it.item.as_str()),
        ("items[0][deleted]", "true"),
        ("items[1][price]", &it.cheaper),
        ("proration_behavior", "create_prorations"),
    ];
    it.case.api.post(&path, &form);
    it.report("2", &[]);
    let preview =
        it.case.api.post("/v1/invoices/create_preview", &[("subscription", &it.case.sub)]);
    let mut shown = amounts(&preview);
    let mut renewal = it.renewal();
    shown.sort_unstable();
    renewal.sort_unstable();
    assert_eq!((shown, renewal), (vec![6, 70, 2000], vec![6, 70, 2000]));
}

#[test]
fn usage_of_a_removed_or_replaced_price_is_lost_without_prorations() {
    for is_removed in [true, false] {
        let it = metered();
        it.report("7", &[]);
        let path = format!("/v1/subscriptions/{}", it.case.sub);
        let mut form = vec![("items[0][id]", it.item.as_str()), ("proration_behavior", "none")];
        if is_removed {
            form.extend([("items[0][deleted]", "true"), ("items[1][price]", &it.cheaper)]);
        } else {
            form.push(("items[0][price]", &it.cheaper));
        }
        it.case.api.post(&path, &form);
        it.report("2", &[]);
        let mut renewal = it.renewal();
        renewal.sort_unstable();
        assert_eq!(renewal, [6, 2000], "removed: {is_removed}");
    }
}

#[test]
fn accrued_usage_is_billed_with_a_new_cycle_whatever_the_behavior() {
    let it = metered();
    it.report("7", &[]);
    let form = [
        ("items[1][id]", it.item.as_str()),
        ("items[1][price]", &it.cheaper),
        ("billing_cycle_anchor[type]", "now"),
        ("proration_behavior", "none"),
    ];
    let changed = it.case.change(&it.bigger, &form);
    let mut billed = amounts(&changed["latest_invoice"]);
    billed.sort_unstable();
    assert_eq!(billed, [70, 5000]);
}

#[test]
fn new_cycle_bills_accrued_usage_and_restarts_the_count() {
    let it = metered();
    it.report("7", &[]);
    let changed = it.case.change(&it.bigger, &[("billing_cycle_anchor[type]", "now")]);
    assert_eq!(amounts(&changed["latest_invoice"]), [-667, 70, 5000]);
    it.report("2", &[]);
    let preview =
        it.case.api.post("/v1/invoices/create_preview", &[("subscription", &it.case.sub)]);
    let mut shown = amounts(&preview);
    shown.sort_unstable();
    assert_eq!(shown, [20, 5000]);
}

#[test]
fn usage_during_a_pending_update_is_billed_at_the_old_price() {
    let it = metered();
    it.case.use_card("pm_card_authenticationRequired");
    it.report("7", &[]);
    let changed = it.swap(&[("payment_behavior", "pending_if_incomplete")]);
    let invoice = id(&changed["latest_invoice"]);
    assert_eq!(amounts(&changed["latest_invoice"]), [-667, 1667, 70]);
    it.report("5", &[]);
    let intent = id(&it.case.api.intent(&invoice));
    let path = format!("/payment_intents/{intent}/authenticate");
    it.case.api.admin("POST", &path, &json!({ "succeed": true }));
    it.report("2", &[]);
    it.case.use_card("pm_card_visa");
    let mut renewal = it.renewal();
    renewal.sort_unstable();
    assert_eq!(renewal, [6, 50, 5000]);
}

#[test]
fn usage_on_an_expired_pending_update_is_not_billed_again() {
    let it = metered();
    it.case.use_card("pm_card_chargeCustomerFail");
    it.report("7", &[]);
    it.swap(&[("payment_behavior", "pending_if_incomplete")]);
    it.report("5", &[]);
    it.case.api.advance(&it.case.clock, datetime!(2027-04-22 00:00 UTC));
    assert_eq!(it.case.shown()["pending_update"], Value::Null);
    it.case.use_card("pm_card_visa");
    let mut renewal = it.renewal();
    renewal.sort_unstable();
    assert_eq!(renewal, [50, 2000]);
}

#[test]
fn credit_follows_the_final_split_of_a_fixed_discount() {
    let it = metered();
    let off = [("amount_off", "500"), ("currency", "usd"), ("duration", "forever")];
    let coupon = id(&it.case.api.post("/v1/coupons", &off));
    let path = format!("/v1/subscriptions/{}", it.case.sub);
    it.case.api.post(&path, &[("discounts[0][coupon]", &coupon)]);
    it.case.api.advance(&it.case.clock, datetime!(2027-05-01 00:10 UTC));
    let off = |invoice: &Value| -> Vec<i64> {
        let lines = invoice["lines"]["data"].as_array().unwrap().iter();
        let amounts = lines.map(|line| line["discount_amounts"][0]["amount"].as_i64().unwrap());
        let mut amounts: Vec<i64> = amounts.collect();
        amounts.sort_unstable();
        amounts
    };
    assert_eq!(off(&it.case.api.invoices(&it.case.sub)[0]), [0, 500]);
    // Usage worth as much as the plan, reported in the hour before the invoice is finalized.
    let april = datetime!(2027-04-30 23:00 UTC).unix_timestamp().to_string();
    it.report("200", &[("timestamp", &april)]);
    it.case.api.advance(&it.case.clock, datetime!(2027-05-01 01:00 UTC));
    assert_eq!(off(&it.case.api.invoices(&it.case.sub)[0]), [250, 250]);
    it.case.api.advance(&it.case.clock, datetime!(2027-05-16 12:00 UTC));
    let changed = it.case.change(&it.bigger, &[("proration_behavior", "always_invoice")]);
    // 17.50 were charged for May, half of which is credited; half of 50 less 5 is charged.
    assert_eq!(amounts(&changed["latest_invoice"]), [-875, 2250]);
}
