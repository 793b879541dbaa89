//! Previews of schedules.

use serde_json::json;
use time::macros::datetime;

use crate::case::START;
use crate::schedule_starts::{JUNE, MAY, planned, text};
use crate::support::{Form, amounts, id, stamp};

#[test]
fn preview_shows_the_first_invoice_of_a_schedule() {
    let it = planned();
    let preview = |form: Form<'_>| it.api.post("/v1/invoices/create_preview", form);
    let schedule = id(&it.create(text(MAY), &[("phases[0][items][0][quantity]", "2")]));
    let existing = preview(&[("schedule", &schedule)]);
    assert_eq!(
        (&existing["total"], &existing["lines"]["data"][0]["period"]),
        (&json!(10_000), &json!({ "start": stamp(MAY), "end": stamp(JUNE) }))
    );
    let changed = preview(&[
        ("schedule", &schedule),
        ("schedule_details[phases][0][items][0][price]", &it.price),
        ("schedule_details[phases][0][items][0][quantity]", "5"),
        ("schedule_details[phases][0][start_date]", text(JUNE)),
    ]);
    assert_eq!(
        (&changed["total"], &changed["lines"]["data"][0]["period"]["start"]),
        (&json!(25_000), &stamp(JUNE))
    );
    let prospective = preview(&[
        ("customer", &it.customer),
        ("schedule_details[phases][0][items][0][price]", &it.price),
    ]);
    assert_eq!(prospective["total"], 5000);
    for (form, code, status) in [
        (
            &[("schedule", schedule.as_str()), ("subscription", "sub_x")][..],
            "parameters_exclusive",
            400,
        ),
        (&[("schedule", "sub_sched_none")], "resource_missing", 400),
        (
            &[("customer", it.customer.as_str()), ("schedule_details[end_behavior]", "cancel")],
            "parameter_missing",
            400,
        ),
    ] {
        let refusal = it.api.refused(status, "POST", "/v1/invoices/create_preview", form);
        assert_eq!(refusal.code(), code, "{form:?}");
    }
    it.api.post(&format!("/v1/subscription_schedules/{schedule}/cancel"), &[]);
    let form = [("schedule", schedule.as_str())];
    let refusal = it.api.refused(404, "POST", "/v1/invoices/create_preview", &form);
    assert_eq!(refusal.code(), "invoice_upcoming_none");
}

#[test]
fn preview_of_an_active_schedule_matches_its_update() {
    for behavior in ["always_invoice", "create_prorations"] {
        let it = planned();
        let schedule = it.create("now", &[]);
        it.api.advance(&it.clock, datetime!(2027-04-16 00:00 UTC));
        let dearer = it.api.monthly("Max", "usd", "9000");
        let details: Form<'_> = &[
            ("schedule", &id(&schedule)),
            ("schedule_details[proration_behavior]", behavior),
            ("schedule_details[phases][0][items][0][price]", &dearer),
            ("schedule_details[phases][0][start_date]", text(START)),
            ("schedule_details[phases][0][end_date]", text(MAY)),
            ("schedule_details[phases][1][items][0][price]", &it.price),
        ];
        let preview = it.api.post("/v1/invoices/create_preview", details);
        let update: Form<'_> = &[
            ("proration_behavior", behavior),
            ("phases[0][items][0][price]", &dearer),
            ("phases[0][start_date]", text(START)),
            ("phases[0][end_date]", text(MAY)),
            ("phases[1][items][0][price]", &it.price),
        ];
        it.api.post(&format!("/v1/subscription_schedules/{}", id(&schedule)), update);
        if behavior == "create_prorations" {
            it.api.advance(&it.clock, MAY);
        }
        let sub = it.subscription(&schedule);
        let invoice = it.api.invoice(sub["latest_invoice"].as_str().unwrap());
        assert_eq!(
            (amounts(&preview), &preview["total"]),
            (amounts(&invoice), &invoice["total"]),
            "{behavior}"
        );
    }
}
