//! Usage by meter and day, compared with the estimate of the next invoice.

use serde_json::{Value, json};

use crate::cases;
use crate::clock::{DAY, HOUR, day};
use crate::expected_error::assert_invalid;
use crate::harness::Harness;
use crate::payer::{CHANGE, Payer, Start};

cases![
    days_add_up_to_the_estimate,
    price_that_changed_within_the_period_hides_the_amounts_of_days,
    days_of_other_periods_have_no_amounts,
    account_without_a_customer_has_used_nothing,
    malformed_days_are_rejected,
];

const USAGE: &str = "/v1/billing/usage";

/// Reports usage at this time.
pub(crate) fn report(harness: &Harness, payer: &Payer, event: &str, value: &str, at: i64) {
    let event = [
        ("event_name", event),
        ("payload[stripe_customer_id]", &*payer.customer.id),
        ("payload[value]", value),
        ("timestamp", &*at.to_string()),
    ];
    harness.stripe_post("/billing/meter_events", &event);
}

/// Returns the usage, and the estimate of the next invoice.
#[track_caller]
pub(crate) fn usage_and_estimate(harness: &Harness, payer: &Payer) -> (Value, Value) {
    let get = |path: &str| {
        let response = harness.get(path, &payer.account.key, &[]);
        assert_eq!(response.status, 200, "{}", response.body);
        response.json()
    };
    (get(USAGE), get("/v1/billing/summary")["estimate"].take())
}

fn minor(amount: &Value) -> i64 {
    let text = amount.as_str().unwrap_or_else(|| panic!("{amount} is no amount"));
    text.replace('.', "").parse().expect("minor units")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).expect("a list")
}

/// Returns the sum of the estimate's lines of a meter, in minor units.
fn estimated(estimate: &Value, meter: &Value) -> i64 {
    let lines = list(&estimate["lines"]).iter();
    lines.filter(|line| line["meter"] == *meter).map(|line| minor(&line["amount"])).sum()
}

/// Asserts that each meter is what the estimate charges, and so are its days if they have amounts.
#[track_caller]
pub(crate) fn reconciles(usage: &Value, estimate: &Value) {
    let mut total = 0;
    for meter in list(&usage["meters"]) {
        let amount = minor(&meter["amount"]);
        assert_eq!(amount, estimated(estimate, &meter["meter"]), "{meter}");
        let days = list(&meter["days"]);
        if !days[0]["amount"].is_null() {
            assert_eq!(
                amount,
                days.iter().map(|day| minor(&day["amount"])).sum::<i64>(),
                "{meter}"
            );
        }
        total += amount;
    }
    assert_eq!(minor(&usage["total"]), total);
}

fn meter<'a>(usage: &'a Value, name: &str) -> &'a Value {
    list(&usage["meters"]).iter().find(|meter| meter["meter"] == name).expect(name)
}

fn days_add_up_to_the_estimate(harness: &Harness) {
    let payer = harness.payer("usage-days", Start::on("pro"));
    for (event, value, at) in [
        ("cantila_cpu", "1400", payer.start + 120),
        ("cantila_cpu", "100.5", payer.start + 2 * DAY),
        ("cantila_cpu", "0.25", payer.start + 2 * DAY + HOUR),
        ("cantila_cpu", "1000", payer.now - 60),
        ("cantila_egress", "505", payer.start + 5 * DAY),
        ("cantila_ram", "1", payer.start + 9 * DAY),
    ] {
        report(harness, &payer, event, value, at);
    }
    let (usage, estimate) = usage_and_estimate(harness, &payer);
    reconciles(&usage, &estimate);
    assert_eq!((&usage["from"], &usage["warnings"]), (&day(payer.start), &json!([])));
    assert_eq!(
        usage["to"],
        harness.get("/v1/billing/summary", &payer.account.key, &[]).json()["currentPeriodEnd"]
    );
    let names: Vec<_> = list(&usage["meters"]).iter().map(|meter| &meter["meter"]).collect();
    assert_eq!(json!(names), json!(["cpu", "database", "egress", "ram", "storage"]));
    let cpu = meter(&usage, "cpu");
    let found = ["unit", "included", "used", "remaining"].map(|name| cpu[name].clone());
    assert_eq!(json!(found), json!(["vCore-hour", "1500", "2500.75", "0"]));
    let days = list(&cpu["days"]);
    assert_eq!((&days[0]["date"], &days[0]["quantity"]), (&day(payer.start), &json!("1400")));
    assert_eq!(days.last().map(|last| &last["date"]), Some(&day(payer.now)), "until today");
    assert_eq!(days.len(), list(&meter(&usage, "ram")["days"]).len(), "with days without usage");
    // A part of the period has the same days, and what remains of the whole period's allowance.
    let date = text(&day(payer.start + 2 * DAY));
    let path = format!("{USAGE}?from={date}&to={date}");
    let part = harness.get(&path, &payer.account.key, &[]).json();
    let on_day = days.iter().find(|one| one["date"] == *date).expect("a day");
    assert_eq!(meter(&part, "cpu")["days"], json!([on_day]));
    assert_eq!(meter(&part, "cpu")["amount"], on_day["amount"]);
    assert_eq!(meter(&part, "egress")["remaining"], json!("0"));
    let later = text(&day(payer.now + 2 * DAY));
    let path = format!("{USAGE}?from={later}&to={later}");
    let later = harness.get(&path, &payer.account.key, &[]).json();
    assert_eq!(meter(&later, "cpu")["days"], json!([]), "{later}");
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn price_that_changed_within_the_period_hides_the_amounts_of_days(harness: &Harness) {
    let payer = harness.payer("usage-changed", Start::on("pro"));
    report(harness, &payer, "cantila_cpu", "2000", payer.start + 3 * DAY);
    let changed = harness.post(CHANGE, &payer.account.key, &json!({ "plan": "agency" }));
    assert_eq!(changed.status, 200, "{}", changed.body);
    report(harness, &payer, "cantila_cpu", "7", payer.now);
    let (usage, estimate) = usage_and_estimate(harness, &payer);
    assert_eq!(usage["warnings"], json!(["not_reconciled"]));
    reconciles(&usage, &estimate);
    let cpu = meter(&usage, "cpu");
    assert_eq!((&cpu["used"], &cpu["amount"]), (&json!("2007"), &json!("6.00")));
    assert!(list(&cpu["days"]).iter().all(|day| day["amount"].is_null()), "{cpu}");
}

fn days_of_other_periods_have_no_amounts(harness: &Harness) {
    let start = Start { age: 40 * DAY, ..Start::on("pro") };
    let payer = harness.payer("usage-past", start);
    report(harness, &payer, "cantila_cpu", "12", payer.start + 20 * DAY);
    report(harness, &payer, "cantila_cpu", "3", payer.now - HOUR);
    let dates = [payer.start + 19 * DAY, payer.start + 21 * DAY].map(|at| text(&day(at)));
    let path = format!("{USAGE}?from={}&to={}", dates[0], dates[1]);
    let response = harness.get(&path, &payer.account.key, &[]);
    let body = response.json();
    let cpu = meter(&body, "cpu");
    let quantities: Vec<_> = list(&cpu["days"]).iter().map(|day| &day["quantity"]).collect();
    assert_eq!(json!(quantities), json!(["0", "12", "0"]));
    let found = ["used", "included", "remaining", "amount"].map(|name| cpu[name].clone());
    assert_eq!(json!(found), json!(["12", null, null, null]));
    assert_eq!(json!([body["total"], body["warnings"]]), json!([null, []]));
}

fn account_without_a_customer_has_used_nothing(harness: &Harness) {
    let response = harness.get(USAGE, &harness.account("fresh").keys.read, &[]);
    let body = response.json();
    let found = ["meters", "total", "currency", "warnings"].map(|name| body[name].clone());
    assert_eq!((response.status, json!(found)), (200, json!([[], null, "USD", []])));
}

fn malformed_days_are_rejected(harness: &Harness) {
    let key = &harness.account("metered").keys.read;
    let no_day = |name: &str| format!("\"{name}\" must be a UTC day, such as \"2026-06-28\".");
    for (query, field, message) in [
        ("from=yesterday", "from", no_day("from")),
        ("to=2026-02-30", "to", no_day("to")),
        ("from=2026-02-02&to=2026-02-01", "to", "\"to\" must not be before \"from\".".to_owned()),
        (
            "from=2026-01-01&to=2026-04-03",
            "to",
            "\"to\" must be at most 91 days after \"from\".".to_owned(),
        ),
    ] {
        assert_invalid(&harness.get(&format!("{USAGE}?{query}"), key, &[]), field, &message);
    }
}
