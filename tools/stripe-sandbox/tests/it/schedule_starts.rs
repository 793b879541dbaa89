//! Schedules that create their subscription, and the parameters of their phases.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::case::START;
use crate::events::types;
use crate::support::{Api, Form, amounts, id, stamp};

pub const MAY: OffsetDateTime = datetime!(2027-05-01 00:00 UTC);
pub const JUNE: OffsetDateTime = datetime!(2027-06-01 00:00 UTC);

pub struct Planned {
    pub api: Api,
    pub clock: String,
    pub customer: String,
    pub price: String,
}

pub fn planned() -> Planned {
    let api = Api::new();
    let clock = api.clock_at(START);
    let price = api.monthly("Pro", "usd", "5000");
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    Planned { api, clock, customer, price }
}

pub fn text(at: OffsetDateTime) -> &'static str {
    at.unix_timestamp().to_string().leak()
}

impl Planned {
    fn form<'a>(&'a self, start: &'a str, more: Form<'a>) -> Vec<(&'a str, &'a str)> {
        let form = [
            ("customer", self.customer.as_str()),
            ("start_date", start),
            ("phases[0][items][0][price]", &self.price),
        ];
        [&form, more].concat()
    }

    pub fn create(&self, start: &str, more: Form<'_>) -> Value {
        self.api.post("/v1/subscription_schedules", &self.form(start, more))
    }

    fn shown(&self, schedule: &Value) -> Value {
        self.api.get(&format!("/v1/subscription_schedules/{}", id(schedule)), &[])
    }

    pub fn subscription(&self, schedule: &Value) -> Value {
        self.api.subscription(self.shown(schedule)["subscription"].as_str().unwrap())
    }
}

#[test]
fn schedule_that_starts_now_creates_its_subscription() {
    let it = planned();
    let schedule = it.create(
        "now",
        &[
            ("phases[0][items][0][quantity]", "3"),
            ("phases[0][duration][interval]", "month"),
            ("phases[0][duration][interval_count]", "2"),
            ("phases[0][metadata][team]", "a"),
            ("end_behavior", "cancel"),
            ("metadata[on]", "schedule"),
        ],
    );
    assert_eq!(
        (&schedule["status"], &schedule["end_behavior"], &schedule["metadata"]),
        (&json!("active"), &json!("cancel"), &json!({ "on": "schedule" }))
    );
    let phase = &schedule["phases"][0];
    assert_eq!((&phase["start_date"], &phase["end_date"]), (&stamp(START), &stamp(JUNE)));
    assert_eq!(
        schedule["current_phase"],
        json!({ "start_date": stamp(START), "end_date": stamp(JUNE) })
    );
    let sub = it.subscription(&schedule);
    assert_eq!(
        (&sub["status"], &sub["schedule"], &sub["metadata"], &sub["cancel_at"]),
        (&json!("active"), &schedule["id"], &json!({ "team": "a" }), &stamp(JUNE))
    );
    assert_eq!(sub["items"]["data"][0]["quantity"], 3);
    // The first invoice is a draft for an hour.
    let first = it.api.invoice(sub["latest_invoice"].as_str().unwrap());
    assert_eq!(
        (&first["status"], &first["total"], &first["next_payment_attempt"]),
        (&json!("draft"), &json!(15_000), &json!(START.unix_timestamp() + 3_600))
    );
    it.api.advance(&it.clock, datetime!(2027-04-01 02:00 UTC));
    assert_eq!(it.api.invoice(&id(&first))["status"], "paid");
    it.api.advance(&it.clock, datetime!(2027-05-15 00:00 UTC));
    assert_eq!(it.shown(&schedule)["status"], "active");
    it.api.advance(&it.clock, JUNE);
    assert_eq!(it.shown(&schedule)["status"], "completed");
    assert_eq!(it.api.subscription(&id(&sub))["status"], "canceled");
}

#[test]
fn schedule_in_the_future_starts_at_its_date() {
    let it = planned();
    let schedule = it.create(text(MAY), &[]);
    assert_eq!(
        (&schedule["status"], &schedule["subscription"], &schedule["current_phase"]),
        (&json!("not_started"), &Value::Null, &Value::Null)
    );
    assert_eq!(schedule["phases"][0]["end_date"], stamp(JUNE), "one period of the price");
    let listed = |form: Form<'_>| {
        let form = [&[("customer", it.customer.as_str())], form].concat();
        it.api.get("/v1/subscription_schedules", &form)["data"].as_array().unwrap().len()
    };
    assert_eq!((listed(&[]), listed(&[("scheduled", "true")])), (1, 1));
    it.api.advance(&it.clock, datetime!(2027-04-30 00:00 UTC));
    assert_eq!(it.shown(&schedule)["status"], "not_started");
    let events = it.api.events_of(|| it.api.advance(&it.clock, MAY));
    let kinds = types(&events);
    for kind in ["customer.subscription.created", "subscription_schedule.updated"] {
        assert!(kinds.contains(&kind.to_owned()), "{kind} in {kinds:?}");
    }
    assert_eq!(
        (listed(&[("scheduled", "true")]), it.shown(&schedule)["status"].clone()),
        (0, json!("active"))
    );
    let sub = it.subscription(&schedule);
    assert_eq!((&sub["start_date"], &sub["billing_cycle_anchor"]), (&stamp(MAY), &stamp(MAY)));
    it.api.advance(&it.clock, JUNE);
    assert_eq!(it.shown(&schedule)["status"], "released");
    assert_eq!(it.api.subscription(&id(&sub))["schedule"], Value::Null);
}

#[test]
fn future_schedule_can_be_changed_canceled_and_released() {
    let it = planned();
    let change = |schedule: &Value, start: OffsetDateTime| {
        let form: Form<'_> =
            &[("phases[0][items][0][price]", &it.price), ("phases[0][start_date]", text(start))];
        it.api.send("POST", &format!("/v1/subscription_schedules/{}", id(schedule)), form, &[])
    };
    let schedule = it.create(text(MAY), &[]);
    let moved = change(&schedule, JUNE);
    assert_eq!(moved.json["phases"][0]["start_date"], stamp(JUNE));
    let past = change(&schedule, datetime!(2027-03-01 00:00 UTC));
    assert_eq!((past.status, &past.json["error"]["param"]), (400, &json!("phases[0][start_date]")));
    for (verb, field, status) in
        [("cancel", "canceled_at", "canceled"), ("release", "released_at", "released")]
    {
        let schedule = it.create(text(MAY), &[]);
        let path = format!("/v1/subscription_schedules/{}/{verb}", id(&schedule));
        let ended = it.api.post(&path, &[]);
        assert_eq!(
            (&ended["status"], &ended[field], &ended["subscription"]),
            (&json!(status), &stamp(START), &Value::Null)
        );
        it.api.refused(400, "POST", &path, &[]);
    }
    it.api.advance(&it.clock, datetime!(2027-05-02 00:00 UTC));
    let form = [("customer", it.customer.as_str()), ("status", "all")];
    assert_eq!(it.api.get("/v1/subscriptions", &form)["data"], json!([]));
}

#[test]
fn phases_set_discounts_tax_rates_and_description() {
    let it = planned();
    let half = id(&it.api.post("/v1/coupons", &[("percent_off", "50"), ("duration", "forever")]));
    let tenth = id(&it.api.post("/v1/coupons", &[("percent_off", "10"), ("duration", "forever")]));
    let rate: Form<'_> = &[("display_name", "VAT"), ("percentage", "20"), ("inclusive", "false")];
    let rate = id(&it.api.post("/v1/tax_rates", rate));
    let schedule = it.create(
        "now",
        &[
            ("phases[0][discounts][0][coupon]", &half),
            ("phases[0][duration][interval]", "month"),
            ("phases[0][description]", "Intro"),
            ("phases[1][items][0][price]", &it.price),
            ("phases[1][items][0][discounts][0][coupon]", &tenth),
            ("phases[1][default_tax_rates][0]", &rate),
            ("phases[1][proration_behavior]", "none"),
        ],
    );
    let [first, second] = [0, 1].map(|index| schedule["phases"][index].clone());
    assert_eq!(
        (&first["discounts"], &first["description"], &first["default_tax_rates"]),
        (
            &json!([{ "coupon": half, "discount": null, "promotion_code": null }]),
            &json!("Intro"),
            &json!([])
        )
    );
    assert_eq!(second["default_tax_rates"][0]["id"], rate);
    assert_eq!(
        second["items"][0]["discounts"],
        json!([{ "coupon": tenth, "discount": null, "promotion_code": null }])
    );
    let sub = it.subscription(&schedule);
    assert_eq!(sub["description"], "Intro");
    let invoice = |sub: &Value| it.api.invoice(sub["latest_invoice"].as_str().unwrap());
    assert_eq!(invoice(&sub)["total"], 2500);
    let form = [("schedule", id(&schedule))];
    let preview = it.api.post("/v1/invoices/create_preview", &[("schedule", &form[0].1)]);
    it.api.advance(&it.clock, MAY);
    let sub = it.subscription(&schedule);
    assert_eq!(sub["discounts"], json!([]), "the discount was that of the first phase");
    let renewal = invoice(&sub);
    assert_eq!(
        (amounts(&renewal), &renewal["subtotal"], &renewal["total"]),
        (vec![5000], &json!(4500), &json!(5400)),
        "{:#}",
        renewal["lines"]
    );
    assert_eq!(preview["total"], renewal["total"]);
    it.api.get(&format!("/v1/coupons/{tenth}"), &[]);
    assert_eq!(it.api.get(&format!("/v1/coupons/{tenth}"), &[])["times_redeemed"], 1);
}

#[test]
fn first_phase_can_be_a_trial() {
    let it = planned();
    let schedule = it.create("now", &[("phases[0][trial]", "true")]);
    let sub = it.subscription(&schedule);
    assert_eq!((&sub["status"], &sub["trial_end"]), (&json!("trialing"), &stamp(MAY)));
    let end: Form<'_> = &[("phases[0][trial_end]", text(JUNE))];
    let refusal = it.api.refused(400, "POST", "/v1/subscription_schedules", &it.form("now", end));
    assert_eq!(refusal.json["error"]["param"], "phases[0][trial_end]");
}

#[test]
fn creation_refuses_incomplete_and_contradictory_parameters() {
    let it = planned();
    let yearly = it.api.price(
        "Euro",
        &[("currency", "eur"), ("unit_amount", "100"), ("recurring[interval]", "year")],
    );
    let (customer, price) = (it.customer.as_str(), it.price.as_str());
    let item = ("phases[0][items][0][price]", price);
    for (form, param, code) in [
        (&[("start_date", "now"), item][..], "customer", "parameter_missing"),
        (&[("customer", customer), item], "start_date", "parameter_missing"),
        (&[("customer", customer), ("start_date", "now")], "phases", "parameter_missing"),
        (
            &[("customer", customer), ("start_date", "1700000000"), item],
            "start_date (in the past)",
            "sandbox_not_imitated",
        ),
        (
            &[
                ("customer", customer),
                ("start_date", "now"),
                item,
                ("phases[0][start_date]", "now"),
            ],
            "phases[0][start_date]",
            "parameter_unknown",
        ),
        (
            &[
                ("customer", customer),
                ("start_date", "now"),
                item,
                ("phases[0][end_date]", text(JUNE)),
                ("phases[0][duration][interval]", "month"),
            ],
            "",
            "parameters_exclusive",
        ),
        (
            &[
                ("customer", customer),
                ("start_date", "now"),
                item,
                ("phases[1][items][0][price]", price),
                ("phases[1][trial]", "true"),
            ],
            "phases[1][trial_end]",
            "sandbox_not_imitated",
        ),
        (
            &[
                ("customer", customer),
                ("start_date", "now"),
                item,
                ("phases[0][end_date]", text(START)),
            ],
            "phases[0][end_date]",
            "",
        ),
        (
            &[
                ("customer", customer),
                ("start_date", "now"),
                item,
                ("phases[1][items][0][price]", &yearly),
            ],
            "",
            "",
        ),
    ] {
        let refusal = it.api.refused(400, "POST", "/v1/subscription_schedules", form);
        let found = refusal.json["error"]["param"].as_str().unwrap_or_default();
        assert_eq!((found, refusal.code()), (param, code), "{form:?}");
    }
    let form = [("customer", customer), ("status", "all")];
    assert_eq!(it.api.get("/v1/subscriptions", &form)["data"], json!([]), "nothing was created");
}
