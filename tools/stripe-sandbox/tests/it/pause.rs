//! Pauses by request, and resuming.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::case::{Case, MIDDLE, at_the_middle};
use crate::support::{Form, amounts, id, stamp};

/// End of the month that began on the first of April.
const END: OffsetDateTime = datetime!(2027-05-01 00:00 UTC);

/// Returns a subscription of 30 dollars a month with 15 of 30 days left.
fn case() -> Case {
    at_the_middle("3000", &[])
}

impl Case {
    fn pause(&self, form: Form<'_>) -> Value {
        self.api.post(&format!("/v1/subscriptions/{}/pause", self.sub), form)
    }

    fn resume(&self, form: Form<'_>) -> Value {
        let form = [form, &[("expand[]", "latest_invoice")]].concat();
        self.api.post(&format!("/v1/subscriptions/{}/resume", self.sub), &form)
    }

    /// Returns the amounts of the pending invoice items.
    fn waiting(&self) -> Vec<i64> {
        let form = [("customer", self.customer.as_str()), ("pending", "true")];
        let list = self.api.get("/v1/invoiceitems", &form);
        let items = list["data"].as_array().unwrap().iter();
        items.map(|item| item["amount"].as_i64().unwrap()).collect()
    }

    fn newest(&self) -> Value {
        self.api.invoices(&self.sub).remove(0)
    }

    fn period(&self) -> (Value, Value) {
        let item = &self.shown()["items"]["data"][0];
        (item["current_period_start"].clone(), item["current_period_end"].clone())
    }
}

#[test]
fn pause_credits_unused_time_and_stops_billing() {
    let case = case();
    let paused = case.pause(&[]);
    assert_eq!(paused["status"], "paused");
    let details = json!({ "paused": {
        "subscription": { "type": "pause_requested" },
        "transitioned_at": MIDDLE.unix_timestamp(), "type": "subscription",
    } });
    assert_eq!(paused["status_details"], details);
    // Half of 30.00, on no invoice yet.
    assert_eq!(case.waiting(), [-1500]);
    case.api.advance(&case.clock, datetime!(2027-06-15 00:00 UTC));
    assert_eq!(case.api.invoices(&case.sub).len(), 1, "only the first one of all");
    assert_eq!(case.shown()["status"], "paused");
    let form = [("subscription", case.sub.as_str())];
    let none = case.api.refused(404, "POST", "/v1/invoices/create_preview", &form);
    assert_eq!(none.code(), "invoice_upcoming_none");
}

#[test]
fn bill_for_selects_credit_and_usage() {
    let unused = "bill_for[unused_time_from][type]";
    for (from, waiting) in
        [("now", vec![-1500]), ("item_current_period_start", vec![-3000]), ("none", vec![])]
    {
        let case = case();
        case.pause(&[(unused, from)]);
        assert_eq!(case.waiting(), waiting, "{from}");
    }
}

/// Returns a subscription with a metered item at 10 cents and 7 units of usage.
fn metered() -> Case {
    let case = at_the_middle("3000", &[]);
    let form =
        [("display_name", "CPU"), ("event_name", "cpu"), ("default_aggregation[formula]", "sum")];
    let meter = id(&case.api.post("/v1/billing/meters", &form));
    let price = case.api.price(
        "CPU",
        &[
            ("currency", "usd"),
            ("unit_amount", "10"),
            ("recurring[interval]", "month"),
            ("recurring[usage_type]", "metered"),
            ("recurring[meter]", &meter),
        ],
    );
    let path = format!("/v1/subscriptions/{}", case.sub);
    case.api.post(&path, &[("items[0][price]", &price)]);
    case.report("7");
    case
}

impl Case {
    fn report(&self, value: &str) {
        let event = [
            ("event_name", "cpu"),
            ("payload[stripe_customer_id]", self.customer.as_str()),
            ("payload[value]", value),
        ];
        self.api.post("/v1/billing/meter_events", &event);
    }
}

#[test]
fn pause_bills_accrued_usage_and_none_during_the_pause() {
    let case = metered();
    case.pause(&[]);
    let mut waiting = case.waiting();
    waiting.sort_unstable();
    // 7 times 10 cents in addition to the credit.
    assert_eq!(waiting, [-1500, 70]);

    let case = metered();
    case.pause(&[
        ("bill_for[outstanding_usage_through][type]", "none"),
        ("bill_for[unused_time_from][type]", "none"),
    ]);
    assert_eq!(case.waiting(), [0_i64; 0]);
    case.api.advance(&case.clock, datetime!(2027-04-20 00:00 UTC));
    case.report("5");
    case.resume(&[("billing_cycle_anchor[type]", "unchanged")]);
    case.report("2");
    case.api.advance(&case.clock, datetime!(2027-05-01 01:00 UTC));
    let mut renewal = amounts(&case.newest());
    renewal.sort_unstable();
    assert_eq!(renewal, [20, 3000]);
}

#[test]
fn pause_with_invoice_settles_immediately_and_matches_its_preview() {
    let case = metered();
    let preview = [
        ("subscription", case.sub.as_str()),
        ("subscription_details[pause][invoicing_behavior]", "invoice"),
    ];
    let preview = case.api.post("/v1/invoices/create_preview", &preview);
    assert_eq!((amounts(&preview), &preview["total"]), (vec![-1500, 70], &json!(-1430)));
    assert_eq!(case.shown()["status"], "active");
    case.pause(&[("invoicing_behavior", "invoice")]);
    let invoice = case.newest();
    assert_eq!((amounts(&invoice), &invoice["status"]), (vec![-1500, 70], &json!("paid")));
    assert_eq!((case.balance(), case.shown()["status"].clone()), (json!(-1430), json!("paused")));

    let case = metered();
    case.pause(&[("invoicing_behavior", "invoice"), ("bill_for[unused_time_from][type]", "none")]);
    let invoice = case.newest();
    assert_eq!((amounts(&invoice), &invoice["amount_paid"]), (vec![70], &json!(70)));
}

#[test]
fn resume_starts_a_new_period_when_its_invoice_is_paid() {
    let case = case();
    case.pause(&[]);
    let later = datetime!(2027-06-10 12:00 UTC);
    case.api.advance(&case.clock, later);
    let form = [("subscription", case.sub.as_str()), ("subscription_details[resume_at]", "now")];
    let preview = case.api.post("/v1/invoices/create_preview", &form);
    let resumed = case.resume(&[]);
    // The credit of the pause, and a month from now on.
    let invoice = &resumed["latest_invoice"];
    for shown in [&preview, invoice] {
        assert_eq!((amounts(shown), &shown["amount_due"]), (vec![-1500, 3000], &json!(1500)));
    }
    assert_eq!((&invoice["status"], &invoice["attempt_count"]), (&json!("open"), &json!(0)));
    assert_eq!(invoice["next_payment_attempt"], Value::Null);
    assert_eq!((&resumed["status"], case.period().1), (&json!("paused"), stamp(END)));
    case.api.refused(400, "POST", &format!("/v1/subscriptions/{}/resume", case.sub), &[]);

    case.api.advance(&case.clock, datetime!(2027-06-11 10:59:59 UTC));
    case.api.post(&format!("/v1/invoices/{}/pay", id(invoice)), &[]);
    let sub = case.shown();
    assert_eq!((&sub["status"], &sub["status_details"]), (&json!("active"), &Value::Null));
    assert_eq!(sub["billing_cycle_anchor"], stamp(later));
    assert_eq!(case.period(), (stamp(later), stamp(datetime!(2027-07-10 12:00 UTC))));
    case.api.advance(&case.clock, datetime!(2027-07-10 13:00 UTC));
    assert_eq!((amounts(&case.newest()), &case.newest()["status"]), (vec![3000], &json!("paid")));
}

#[test]
fn unattempted_resumption_expires_after_23_hours() {
    let case = case();
    case.pause(&[]);
    case.api.advance(&case.clock, datetime!(2027-05-10 00:00 UTC));
    let first = id(&case.resume(&[])["latest_invoice"]);
    assert_eq!(case.waiting(), [0_i64; 0]);
    case.api.advance(&case.clock, datetime!(2027-05-10 22:59:59 UTC));
    assert_eq!(case.api.invoice(&first)["status"], "open");
    case.api.advance(&case.clock, datetime!(2027-05-10 23:00 UTC));
    assert_eq!(case.api.invoice(&first)["status"], "void");
    // The credit of the pause is on the voided invoice.
    assert_eq!((case.shown()["status"].clone(), case.waiting()), (json!("paused"), vec![]));

    // The second resumption is paid manually.
    let invoice = case.resume(&[])["latest_invoice"].clone();
    assert_eq!(amounts(&invoice), [3000]);
    let second = id(&invoice);
    case.api.post(&format!("/v1/invoices/{second}/void"), &[]);
    assert_eq!(case.shown()["status"], "paused");
    let third = id(&case.resume(&[])["latest_invoice"]);
    case.api.post(&format!("/v1/invoices/{third}/mark_uncollectible"), &[]);
    assert_eq!(case.shown()["status"], "active");
    assert_eq!(case.period().0, stamp(datetime!(2027-05-10 23:00 UTC)));
}

#[test]
fn failed_attempt_resumes_as_past_due_by_default() {
    let case = case();
    case.pause(&[("bill_for[unused_time_from][type]", "none")]);
    case.use_card("pm_card_chargeCustomerFail");
    let now = datetime!(2027-05-10 00:00 UTC);
    case.api.advance(&case.clock, now);
    let invoice = id(&case.resume(&[])["latest_invoice"]);
    let path = format!("/v1/invoices/{invoice}/pay");
    case.api.refused(402, "POST", &path, &[]);
    assert_eq!((case.shown()["status"].clone(), case.period().0), (json!("past_due"), stamp(now)));
    case.api.advance(&case.clock, datetime!(2027-06-09 00:00 UTC));
    let open = case.api.invoice(&invoice);
    assert_eq!((&open["status"], &open["attempt_count"]), (&json!("open"), &json!(1)));
    case.api.post(&path, &[("payment_method", "pm_card_visa")]);
    assert_eq!(case.shown()["status"], "active");
}

#[test]
fn resume_on_payment_success_retries_until_paid() {
    let on_success = [("payment_behavior", "resume_on_payment_success")];
    let paused = || {
        let case = case();
        case.pause(&[("bill_for[unused_time_from][type]", "none")]);
        case.api.advance(&case.clock, datetime!(2027-05-10 00:00 UTC));
        case
    };
    let case = paused();
    let resumed = case.resume(&on_success);
    assert_eq!(
        (&resumed["status"], &resumed["latest_invoice"]["amount_paid"]),
        (&json!("active"), &json!(3000))
    );

    let case = paused();
    case.use_card("pm_card_chargeCustomerFail");
    let invoice = case.resume(&on_success)["latest_invoice"].clone();
    assert_eq!((&invoice["status"], &invoice["attempt_count"]), (&json!("open"), &json!(1)));
    // Three days after the first attempt; the limit of 23 hours does not apply.
    let retry = datetime!(2027-05-13 00:00 UTC);
    assert_eq!(invoice["next_payment_attempt"], stamp(retry));
    case.use_card("pm_card_visa");
    case.api.advance(&case.clock, datetime!(2027-05-12 23:59:59 UTC));
    assert_eq!(case.shown()["status"], "paused");
    case.api.advance(&case.clock, retry);
    assert_eq!(case.shown()["status"], "active");
    assert_eq!(case.period().0, stamp(datetime!(2027-05-10 00:00 UTC)));
}

#[test]
fn resume_with_unchanged_anchor_charges_only_unpaid_time() {
    let unchanged = ("billing_cycle_anchor[type]", "unchanged");
    let now = ("proration_behavior", "always_invoice");
    // Nothing was credited and the period is not over, so nothing is due.
    let case = case();
    case.pause(&[("bill_for[unused_time_from][type]", "none")]);
    case.api.advance(&case.clock, datetime!(2027-04-20 00:00 UTC));
    let resumed = case.resume(&[unchanged, now]);
    assert_eq!((&resumed["status"], case.waiting()), (&json!("active"), vec![]));
    assert_eq!(case.api.invoices(&case.sub).len(), 1);
    assert_eq!(case.period().1, stamp(END));

    // 15 days were credited; from 21 April on 10 of 30 days remain.
    let case = self::case();
    case.pause(&[]);
    case.api.advance(&case.clock, datetime!(2027-04-21 00:00 UTC));
    let resumed = case.resume(&[unchanged]);
    assert_eq!(resumed["status"], "active");
    let mut waiting = case.waiting();
    waiting.sort_unstable();
    assert_eq!(waiting, [-1500, 1000]);
    case.api.advance(&case.clock, datetime!(2027-05-01 01:00 UTC));
    assert_eq!(case.newest()["amount_paid"], 2500);

    // Two months later: 16 June, half of a month of 30 days again.
    let case = self::case();
    case.pause(&[]);
    case.api.advance(&case.clock, datetime!(2027-06-16 00:00 UTC));
    let invoice = case.resume(&[unchanged, now, ("payment_behavior", "resume_on_payment_success")]);
    assert_eq!(invoice["status"], "active");
    assert_eq!(amounts(&invoice["latest_invoice"]), [1500, -1500]);
    assert_eq!(
        case.period(),
        (stamp(datetime!(2027-06-01 00:00 UTC)), stamp(datetime!(2027-07-01 00:00 UTC)))
    );

    // Prorated as of five days earlier: 20 of 30 days.
    let case = self::case();
    case.pause(&[("bill_for[unused_time_from][type]", "item_current_period_start")]);
    case.api.advance(&case.clock, datetime!(2027-06-16 00:00 UTC));
    let date = datetime!(2027-06-11 00:00 UTC).unix_timestamp().to_string();
    case.resume(&[unchanged, ("proration_date", &date)]);
    let mut waiting = case.waiting();
    waiting.sort_unstable();
    assert_eq!(waiting, [-3000, 2000]);
}

#[test]
fn only_paused_subscriptions_resume_and_only_flexible_ones_pause() {
    let case = case();
    let path = |verb: &str| format!("/v1/subscriptions/{}/{verb}", case.sub);
    let refusal = case.api.refused(400, "POST", &path("resume"), &[]);
    assert!(refusal.message().contains("`paused`"));
    case.pause(&[]);
    case.api.refused(400, "POST", &path("pause"), &[]);
    let string = [("billing_cycle_anchor", "now")];
    case.api.refused(400, "POST", &path("resume"), &string);
    case.api.delete(&format!("/v1/subscriptions/{}", case.sub), &[]);
    case.api.refused(404, "POST", &path("resume"), &[]);
    case.api.refused(404, "POST", &path("pause"), &[]);
    case.api.refused(404, "POST", "/v1/subscriptions/sub_none/pause", &[]);

    let classic = at_the_middle("3000", &[("billing_mode[type]", "classic")]);
    let path = format!("/v1/subscriptions/{}/pause", classic.sub);
    assert!(classic.api.refused(400, "POST", &path, &[]).message().contains("flexible"));
}

#[test]
fn subscription_paused_after_its_trial_resumes_with_a_card() {
    let case = case();
    let price = case.api.monthly("Pro", "usd", "3500");
    let customer = case.api.customer(&case.clock, None, &[]);
    let form = [
        ("trial_period_days", "7"),
        ("trial_settings[end_behavior][missing_payment_method]", "pause"),
    ];
    let sub = id(&case.api.subscribe(&customer, &price, &form));
    // The trial ends on 23 April.
    let case = Case { customer, sub, ..case };
    case.api.advance(&case.clock, datetime!(2027-04-25 00:00 UTC));
    assert_eq!(case.shown()["status"], "paused");
    case.use_card("pm_card_visa");
    let resumed = case.resume(&[("payment_behavior", "resume_on_payment_success")]);
    assert_eq!(resumed["status"], "active");
    assert_eq!(resumed["latest_invoice"]["amount_paid"], 3500);
    assert_eq!(
        case.period(),
        (stamp(datetime!(2027-04-25 00:00 UTC)), stamp(datetime!(2027-05-25 00:00 UTC)))
    );
}

#[test]
fn paused_subscription_is_canceled_at_its_date() {
    let case = case();
    let path = format!("/v1/subscriptions/{}", case.sub);
    case.api.post(&path, &[("cancel_at", &END.unix_timestamp().to_string())]);
    case.pause(&[]);
    case.api.advance(&case.clock, END);
    let sub = case.shown();
    assert_eq!((&sub["status"], &sub["status_details"]), (&json!("canceled"), &Value::Null));
    assert_eq!(case.api.invoices(&case.sub).len(), 1);
}
