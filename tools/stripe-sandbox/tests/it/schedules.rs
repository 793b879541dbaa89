//! Subscription schedules.

use serde_json::{Value, json};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::case::{Case, MIDDLE, START, at_the_middle};
use crate::support::{Form, amounts, id, stamp};

const MAY: OffsetDateTime = datetime!(2027-05-01 00:00 UTC);
const JUNE: OffsetDateTime = datetime!(2027-06-01 00:00 UTC);
const JULY: OffsetDateTime = datetime!(2027-07-01 00:00 UTC);

/// Subscription to a plan of 50 dollars in the middle of April, and its schedule.
struct Scheduled {
    case: Case,
    price: String,
    schedule: String,
}

fn text(at: OffsetDateTime) -> String {
    at.unix_timestamp().to_string()
}

fn scheduled() -> Scheduled {
    let case = at_the_middle("5000", &[]);
    let price = case.shown()["items"]["data"][0]["price"]["id"].as_str().unwrap().to_owned();
    let form = [("from_subscription", case.sub.as_str())];
    let schedule = id(&case.api.post("/v1/subscription_schedules", &form));
    Scheduled { case, price, schedule }
}

impl Scheduled {
    fn path(&self, verb: &str) -> String {
        format!("/v1/subscription_schedules/{}{verb}", self.schedule)
    }

    fn shown(&self) -> Value {
        self.case.api.get(&self.path(""), &[])
    }

    /// Sets the phases: the current one until `until`, then this one.
    fn then(&self, until: OffsetDateTime, phase: Form<'_>) -> Value {
        self.case.api.post(&self.path(""), &self.phases(until, phase))
    }

    fn phases<'a>(&'a self, until: OffsetDateTime, phase: Form<'a>) -> Vec<(&'a str, &'a str)> {
        let [start, until] = [START, until].map(|at| &*text(at).leak());
        let present = [
            ("phases[0][items][0][price]", self.price.as_str()),
            ("phases[0][start_date]", start),
            ("phases[0][end_date]", until),
        ];
        [&present[..], phase].concat()
    }

    fn newest(&self) -> Value {
        self.case.api.invoices(&self.case.sub).remove(0)
    }

    fn until(&self, at: OffsetDateTime) {
        self.case.api.advance(&self.case.clock, at);
    }

    fn current(&self) -> (Value, Value, Value) {
        let sub = self.case.shown();
        let item = &sub["items"]["data"][0];
        (
            item["price"]["unit_amount"].clone(),
            item["current_period_start"].clone(),
            item["current_period_end"].clone(),
        )
    }
}

#[test]
fn schedule_from_subscription_has_the_current_period_and_is_released_at_its_end() {
    let it = scheduled();
    let schedule = it.shown();
    assert_eq!(
        (&schedule["status"], &schedule["end_behavior"]),
        (&json!("active"), &json!("release"))
    );
    assert_eq!(
        schedule["current_phase"],
        json!({ "start_date": stamp(START), "end_date": stamp(MAY) })
    );
    let phase = &schedule["phases"][0];
    assert_eq!(
        (&phase["items"][0]["price"], &phase["items"][0]["quantity"]),
        (&json!(it.price), &json!(1))
    );
    assert_eq!(it.case.shown()["schedule"], it.schedule);
    let expanded = [("expand[]", "schedule.phases.items.price")];
    let sub = it.case.api.get(&format!("/v1/subscriptions/{}", it.case.sub), &expanded);
    assert_eq!(sub["schedule"]["phases"][0]["items"][0]["price"]["unit_amount"], 5000);
    let again = [("from_subscription", it.case.sub.as_str())];
    it.case.api.refused(400, "POST", "/v1/subscription_schedules", &again);

    it.until(datetime!(2027-05-01 01:00 UTC));
    let schedule = it.shown();
    assert_eq!((&schedule["status"], &schedule["released_at"]), (&json!("released"), &stamp(MAY)));
    assert_eq!(
        (&schedule["subscription"], &schedule["released_subscription"]),
        (&Value::Null, &json!(it.case.sub))
    );
    assert_eq!(it.case.shown()["schedule"], Value::Null);
    assert_eq!((amounts(&it.newest()), &it.newest()["status"]), (vec![5000], &json!("paid")));
}

#[test]
fn scheduled_downgrade_renews_at_the_new_price() {
    let it = scheduled();
    let smaller = it.case.api.monthly("Starter", "usd", "2000");
    let next = [
        ("phases[1][items][0][price]", smaller.as_str()),
        ("phases[1][proration_behavior]", "none"),
        ("phases[1][duration][interval]", "month"),
        ("phases[1][metadata][plan]", "starter"),
    ];
    let schedule = it.then(MAY, &next);
    assert_eq!(
        (&schedule["phases"][1]["start_date"], &schedule["phases"][1]["end_date"]),
        (&stamp(MAY), &stamp(JUNE))
    );
    assert_eq!((it.case.api.invoices(&it.case.sub).len(), it.current().0), (1, json!(5000)));
    let preview = [("subscription", it.case.sub.as_str())];
    let preview = it.case.api.post("/v1/invoices/create_preview", &preview);

    it.until(datetime!(2027-05-01 01:00 UTC));
    let renewal = it.newest();
    assert_eq!((amounts(&preview), amounts(&renewal)), (vec![2000], vec![2000]));
    assert_eq!(
        (&renewal["billing_reason"], &renewal["status"]),
        (&json!("subscription_cycle"), &json!("paid"))
    );
    assert_eq!(it.current(), (json!(2000), stamp(MAY), stamp(JUNE)));
    assert_eq!(it.case.shown()["metadata"], json!({ "plan": "starter" }));
    assert_eq!(it.shown()["current_phase"]["start_date"], stamp(MAY));
    it.until(datetime!(2027-06-01 01:00 UTC));
    assert_eq!((it.shown()["status"].clone(), it.current().0), (json!("released"), json!(2000)));
    assert_eq!(it.case.balance(), 0);
}

#[test]
fn phase_within_a_period_follows_its_proration_behavior() {
    // From 21 April on a third of the month remains: −1667 and +667.
    let then = datetime!(2027-04-21 00:00 UTC);
    for (behavior, newest, renewal) in [
        ("always_invoice", vec![-1667, 667], vec![2000]),
        ("create_prorations", vec![5000], vec![-1667, 667, 2000]),
        ("none", vec![5000], vec![2000]),
    ] {
        let it = scheduled();
        let smaller = it.case.api.monthly("Starter", "usd", "2000");
        let next = [
            ("phases[1][items][0][price]", smaller.as_str()),
            ("phases[1][proration_behavior]", behavior),
            ("phases[1][end_date]", &text(JULY)),
        ];
        it.then(then, &next);
        it.until(then);
        assert_eq!((amounts(&it.newest()), it.current().0), (newest, json!(2000)), "{behavior}");
        it.until(datetime!(2027-05-01 01:00 UTC));
        assert_eq!(amounts(&it.newest()), renewal, "{behavior}");
    }
}

/// Creates two prices of one meter, at 10 cents and at 3.
fn metered(it: &Scheduled) -> [String; 2] {
    let api = &it.case.api;
    let form =
        [("display_name", "CPU"), ("event_name", "cpu"), ("default_aggregation[formula]", "sum")];
    let meter = id(&api.post("/v1/billing/meters", &form));
    ["10", "3"].map(|cents| {
        api.price(
            "CPU",
            &[
                ("currency", "usd"),
                ("unit_amount", cents),
                ("recurring[interval]", "month"),
                ("recurring[usage_type]", "metered"),
                ("recurring[meter]", &meter),
            ],
        )
    })
}

fn report(it: &Scheduled, value: &str) {
    let event = [
        ("event_name", "cpu"),
        ("payload[stripe_customer_id]", it.case.customer.as_str()),
        ("payload[value]", value),
    ];
    it.case.api.post("/v1/billing/meter_events", &event);
}

/// Returns the sorted amounts of the invoice that is collected an hour after the period end.
fn renewal(it: &Scheduled, end: OffsetDateTime) -> Vec<i64> {
    it.until(end + Duration::HOUR);
    let mut amounts = amounts(&it.newest());
    amounts.sort_unstable();
    amounts
}

#[test]
fn usage_before_a_phase_is_billed_at_the_old_price() {
    let it = scheduled();
    let [dear, cheap] = metered(&it);
    let form = [
        ("phases[0][items][1][price]", dear.as_str()),
        ("phases[1][items][0][price]", &it.price),
        ("phases[1][items][1][price]", &cheap),
        ("phases[1][duration][interval]", "month"),
        ("phases[1][duration][interval_count]", "2"),
    ];
    it.then(MAY, &form);
    report(&it, "7");
    // 7 at 10 cents, and the base fee for May.
    assert_eq!(renewal(&it, MAY), [70, 5000]);
    report(&it, "5");
    assert_eq!(renewal(&it, JUNE), [15, 5000]);
}

#[test]
fn usage_of_an_unchanged_price_is_billed_once() {
    let it = scheduled();
    let [dear, _] = metered(&it);
    let smaller = it.case.api.monthly("Starter", "usd", "2000");
    let form = [
        ("phases[0][items][1][price]", dear.as_str()),
        ("phases[1][items][0][price]", &smaller),
        ("phases[1][items][1][price]", &dear),
        ("phases[1][end_date]", &text(JULY)),
    ];
    it.then(MAY, &form);
    report(&it, "7");
    assert_eq!(renewal(&it, MAY), [70, 2000]);
    report(&it, "2");
    assert_eq!(renewal(&it, JUNE), [20, 2000]);
}

#[test]
fn phase_to_yearly_restarts_the_cycle() {
    let year = [("currency", "usd"), ("unit_amount", "50000"), ("recurring[interval]", "year")];
    let it = scheduled();
    let price = it.case.api.price("Yearly", &year);
    it.then(MAY, &[("phases[1][items][0][price]", &price)]);
    it.until(datetime!(2027-05-01 01:00 UTC));
    assert_eq!(amounts(&it.newest()), [50_000]);
    let next = datetime!(2028-05-01 00:00 UTC);
    assert_eq!(it.current(), (json!(50_000), stamp(MAY), stamp(next)));
    assert_eq!(it.shown()["phases"][1]["end_date"], stamp(next));

    // Within a period only on request: 15 days of 50.00 credited, 500.00 charged now.
    let it = scheduled();
    let price = it.case.api.price("Yearly", &year);
    let then = datetime!(2027-04-21 00:00 UTC);
    let form = [
        ("phases[1][items][0][price]", price.as_str()),
        ("phases[1][billing_cycle_anchor]", "phase_start"),
    ];
    it.then(then, &form);
    it.until(then);
    assert_eq!(amounts(&it.newest()), [-1667, 50_000]);
    assert_eq!(it.current().2, stamp(datetime!(2028-04-21 00:00 UTC)));
}

#[test]
fn schedule_can_cancel_the_subscription_after_its_last_phase() {
    let it = scheduled();
    let path = it.path("");
    let ending = it.case.api.post(&path, &[("end_behavior", "cancel")]);
    assert_eq!(ending["end_behavior"], "cancel");
    let sub = it.case.shown();
    assert_eq!((&sub["cancel_at"], &sub["cancel_at_period_end"]), (&stamp(MAY), &json!(false)));
    it.until(datetime!(2027-05-01 01:00 UTC));
    let sub = it.case.shown();
    assert_eq!((&sub["status"], &sub["ended_at"]), (&json!("canceled"), &stamp(MAY)));
    let schedule = it.shown();
    assert_eq!(
        (&schedule["status"], &schedule["completed_at"]),
        (&json!("completed"), &stamp(MAY))
    );
    assert_eq!(it.case.api.invoices(&it.case.sub).len(), 1);
    it.case.api.refused(400, "POST", &path, &[("end_behavior", "release")]);

    // A cancellation that was scheduled before stays scheduled.
    let case = at_the_middle("5000", &[]);
    case.api.post(&format!("/v1/subscriptions/{}", case.sub), &[("cancel_at_period_end", "true")]);
    let form = [("from_subscription", case.sub.as_str())];
    let made = case.api.post("/v1/subscription_schedules", &form);
    assert_eq!(made["end_behavior"], "cancel");
}

#[test]
fn release_removes_the_cancellation_unless_preserved() {
    for (keep, cancel_at) in [("false", Value::Null), ("true", stamp(MAY))] {
        let it = scheduled();
        let smaller = it.case.api.monthly("Starter", "usd", "2000");
        it.then(MAY, &[("phases[1][items][0][price]", &smaller)]);
        it.case.api.post(&it.path(""), &it.phases(MAY, &[("end_behavior", "cancel")]));
        assert_eq!(it.case.shown()["cancel_at"], stamp(MAY));
        let gone = it.case.api.post(&it.path("/release"), &[("preserve_cancel_date", keep)]);
        assert_eq!((&gone["status"], &gone["released_at"]), (&json!("released"), &stamp(MIDDLE)));
        let sub = it.case.shown();
        assert_eq!((&sub["schedule"], &sub["cancel_at"]), (&Value::Null, &cancel_at), "{keep}");
        it.case.api.refused(400, "POST", &it.path("/release"), &[]);
    }
}

#[test]
fn canceling_schedule_or_subscription_cancels_both() {
    let it = scheduled();
    let gone = it.case.api.post(&it.path("/cancel"), &[]);
    assert_eq!((&gone["status"], &gone["canceled_at"]), (&json!("canceled"), &stamp(MIDDLE)));
    assert_eq!(it.case.shown()["status"], "canceled");
    // Prorated and invoiced by default: half of 50.00.
    assert_eq!((amounts(&it.newest()), it.case.balance()), (vec![-2500], json!(0)));
    it.case.api.advance(&it.case.clock, MIDDLE + Duration::HOUR);
    assert_eq!(it.case.balance(), -2500);

    let it = scheduled();
    let form = [("invoice_now", "false"), ("prorate", "false")];
    it.case.api.post(&it.path("/cancel"), &form);
    assert_eq!((it.case.api.invoices(&it.case.sub).len(), it.case.balance()), (1, json!(0)));

    let it = scheduled();
    it.case.api.delete(&format!("/v1/subscriptions/{}", it.case.sub), &[]);
    assert_eq!(it.shown()["status"], "canceled");
    it.until(JUNE);
    assert_eq!(it.shown()["canceled_at"], stamp(MIDDLE));
}

#[test]
fn managed_subscription_refuses_cancellation_changes_and_pauses() {
    let it = scheduled();
    let path = format!("/v1/subscriptions/{}", it.case.sub);
    for form in
        [[("cancel_at_period_end", "true")], [("cancel_at", "max_period_end")], [("cancel_at", "")]]
    {
        let refusal = it.case.api.refused(400, "POST", &path, &form);
        let words = "updating any cancelation behavior directly is not allowed";
        assert!(refusal.message().contains(words), "{}", refusal.text);
        assert!(refusal.message().contains(&it.schedule), "{}", refusal.text);
    }
    it.case.api.refused(400, "POST", &format!("{path}/pause"), &[]);
    // Other fields can be changed.
    it.case.api.post(&path, &[("metadata[a]", "b")]);
    it.case.api.post(&it.path("/release"), &[]);
    it.case.api.post(&path, &[("cancel_at_period_end", "true")]);
}

#[test]
fn current_phase_can_be_changed() {
    let it = scheduled();
    let bigger = it.case.api.monthly("Agency", "usd", "9000");
    let form = [
        ("phases[0][items][0][price]", bigger.as_str()),
        ("phases[0][start_date]", &text(START)),
        ("phases[0][end_date]", &text(MAY)),
        ("proration_behavior", "always_invoice"),
    ];
    let changed = it.case.api.post(&it.path(""), &form);
    assert_eq!(changed["phases"][0]["items"][0]["price"], bigger);
    // Half of 50.00 credited, half of 90.00 charged.
    assert_eq!((amounts(&it.newest()), it.current().0), (vec![-2500, 4500], json!(9000)));
}

#[test]
fn invalid_phases_are_refused() {
    let it = scheduled();
    let metered = ("phases[1][items][0][quantity]", "0x");
    for (until, phase) in [
        (START, vec![]),
        (MIDDLE, vec![]),
        (MAY, vec![("phases[1][items][0][price]", "price_none")]),
        (MAY, vec![("phases[1][start_date]", "1"), ("phases[1][items][0][price]", &*it.price)]),
        (MAY, vec![("phases[1][end_date]", "1"), ("phases[1][items][0][price]", &*it.price)]),
        (MAY, vec![("phases[1][end_date]", "1")]),
        (MAY, vec![("phases[1][items][0][price]", &*it.price), metered]),
        (MAY, vec![("phases[1][iterations]", "1"), ("phases[1][items][0][price]", &*it.price)]),
    ] {
        let form = it.phases(until, &phase);
        let refusal = it.case.api.refused(400, "POST", &it.path(""), &form);
        assert!(!refusal.message().is_empty(), "{phase:?}");
    }
    let moved = [
        ("phases[0][items][0][price]", it.price.as_str()),
        ("phases[0][start_date]", &text(MIDDLE)),
        ("phases[0][end_date]", &text(MAY)),
    ];
    it.case.api.refused(400, "POST", &it.path(""), &moved);
    it.case.api.refused(404, "POST", "/v1/subscription_schedules/sub_sched_none", &[]);
    let form = [("from_subscription", it.case.sub.as_str()), ("end_behavior", "cancel")];
    it.case.api.refused(400, "POST", "/v1/subscription_schedules", &form);
    assert_eq!(it.shown()["phases"].as_array().unwrap().len(), 1);
}

#[test]
fn schedule_list_filters_by_customer_and_status_dates() {
    let it = scheduled();
    let list = |form: Form<'_>| {
        let form = [&[("customer", it.case.customer.as_str())], form].concat();
        let list = it.case.api.get("/v1/subscription_schedules", &form);
        list["data"].as_array().unwrap().iter().map(id).collect::<Vec<_>>()
    };
    let released = [("released_at[gte]", "1")];
    assert_eq!((list(&[]), list(&released)), (vec![it.schedule.clone()], vec![]));
    it.case.api.post(&it.path("/release"), &[]);
    assert_eq!(list(&released), std::slice::from_ref(&it.schedule));
    assert_eq!(list(&[("scheduled", "true")]), Vec::<String>::new());
}

#[test]
fn failed_payment_does_not_pause_a_managed_subscription() {
    let it = scheduled();
    let rules =
        json!({ "pause_on_first_failure": true, "retries_exhausted": "pause", "retry_days": [1] });
    it.case.api.admin("POST", "/settings", &rules);
    it.then(JULY, &[]);
    it.case.use_card("pm_card_chargeCustomerFail");
    it.until(datetime!(2027-05-01 01:00 UTC));
    assert_eq!(it.case.shown()["status"], "past_due");
    it.until(datetime!(2027-05-02 01:00 UTC));
    assert_eq!(
        (it.case.shown()["status"].clone(), it.shown()["status"].clone()),
        (json!("canceled"), json!("canceled"))
    );
}
