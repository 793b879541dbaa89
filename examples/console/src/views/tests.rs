//! Pages from the examples in `openapi.yaml`.

use std::sync::LazyLock;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::account::{self, Parts};
use super::accounts::{self, Entry};
use super::{change, invoice, returns};
use crate::api::{Failure, Refusal, Target};
use crate::clock::{Reading, Whose};
use crate::stack::{Account, Keys};

static EXAMPLES: LazyLock<Value> = LazyLock::new(|| {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi.yaml");
    let text = std::fs::read_to_string(file).expect("openapi.yaml");
    let mut document: Value = serde_yaml_ng::from_str(&text).expect("YAML");
    document["components"]["examples"].take()
});

fn example<T: DeserializeOwned>(name: &str) -> T {
    changed(name, &json!({}))
}

/// Returns an example with other values of some fields.
fn changed<T: DeserializeOwned>(name: &str, fields: &Value) -> T {
    let mut value = EXAMPLES[name]["value"].clone();
    assert!(value.is_object(), "openapi.yaml has no example {name}");
    for (field, other) in fields.as_object().expect("an object") {
        value[field] = other.clone();
    }
    serde_json::from_value(value).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn refusal(name: &str, status: u16) -> Failure {
    let value = &EXAMPLES[name]["value"];
    let text = |field: &str| value[field].as_str().expect(field).to_owned();
    Failure::Refused(Box::new(Refusal {
        status,
        error: text("error"),
        message: text("message"),
        request_id: text("requestId"),
        details: value["details"].clone(),
        retry_after: None,
    }))
}

fn silent() -> Failure {
    Failure::NoResponse { reason: "connection refused".to_owned() }
}

fn parts() -> Parts {
    Parts {
        summary: Ok(example("summary")),
        info: Ok(example("info")),
        dunning: Ok(example("dunningOfAnActiveAccount")),
        usage: Ok(example("usage")),
        invoices: Ok(example("invoices")),
        clock: Some(Ok(Reading { now: 0, whose: Whose::Account })),
    }
}

fn target() -> Target {
    let [plan, interval, effective] = ["agency", "month", "now"].map(str::to_owned);
    Target { plan, interval, effective }
}

fn show(parts: &Parts) -> String {
    account::page("acme", parts, Some("key-1")).render(&[]).into_string()
}

#[track_caller]
fn has(page: &str, texts: &[&str]) {
    for text in texts {
        assert!(page.contains(text), "no {text:?} in {page}");
    }
}

#[track_caller]
fn lacks(page: &str, texts: &[&str]) {
    for text in texts {
        assert!(!page.contains(text), "{text:?} in {page}");
    }
}

#[test]
fn account_shows_plan_estimate_usage_and_invoices() {
    let page = show(&parts());
    has(
        &page,
        &[
            "41.20 USD",
            "Visa ending in 4242, until 4/2030",
            "500 vCore-hour × CPU (Tier 2",
            "2,000",
            r#"<title id="chart-cpu">CPU by day</title>"#,
            "CANT-0001",
            "Current plan",
            "1 Jan 1970, 00:00 UTC",
        ],
    );
    lacks(&page, &["overdue", "Subscribe"]);
}

#[test]
fn plans_lead_to_a_preview_or_to_checkout_as_the_capabilities_say() {
    let plans = json!([{
        "plan": "agency", "name": "Agency", "description": null, "interval": "month",
        "every": { "count": 3, "unit": "month" }, "currency": "JPY", "amount": "4120",
        "yourAmount": null, "yourEvery": null, "metered": [], "current": false
    }]);
    let show = |checkout: bool, change: bool| {
        let able = json!({ "checkout": checkout, "embeddedCheckout": false, "portal": true, "planChange": change });
        let info = changed("info", &json!({ "plans": plans, "capabilities": able }));
        show(&Parts { info: Ok(info), ..parts() })
    };
    let page = show(false, true);
    has(&page, &["4120 JPY", "3 months", "/accounts/acme/change?plan=agency&amp;interval=month"]);
    lacks(&page, &["Subscribe"]);
    let page = show(true, false);
    has(&page, &["Subscribe", r#"action="/accounts/acme/checkout""#]);
    lacks(&page, &["change?plan"]);
    has(&show(false, false), &["cannot be changed now"]);
}

#[test]
fn overdue_account_has_a_banner_with_its_recovery() {
    let show = |fields: Value| show(&Parts { dunning: Ok(changed("dunning", &fields)), ..parts() });
    has(
        &show(json!({})),
        &[
            "Payment overdue",
            "35.00 USD",
            "insufficient funds",
            "1 of 4",
            "Pay invoice CANT-0002",
            "test_Open",
        ],
    );
    let recovery = json!({ "action": "update_payment_method", "url": "/v1/billing/portal-session", "method": "POST" });
    let page = show(json!({ "state": "suspended", "deployBlocked": true, "recovery": recovery }));
    has(
        &page,
        &["Account suspended", "deployments are blocked", r#"value="payment_method_update""#],
    );
    let recovery =
        json!({ "action": "resubscribe", "url": "/v1/billing/checkout-session", "method": "POST" });
    let page = show(json!({ "state": "canceled", "overdue": [], "recovery": recovery }));
    has(&page, &["Subscription canceled", r##"href="#plans""##]);
}

#[test]
fn pending_change_and_cancellation_can_be_dropped() {
    let pending = json!({
        "plan": "starter", "interval": "month", "quantity": "1", "effectiveAt": "2026-06-28T09:30:00Z",
        "reason": "scheduled", "expiresAt": null, "url": null, "then": []
    });
    let of = |fields: Value| show(&Parts { summary: Ok(changed("summary", &fields)), ..parts() });
    let page = of(json!({ "pendingChange": pending }));
    has(
        &page,
        &["Change to starter is scheduled", "/accounts/acme/change/drop", r#"value="key-1""#],
    );
    has(&of(json!({ "cancelAt": "2026-06-28" })), &["set to end", "Keep the subscription"]);
    lacks(&of(json!({})), &["change/drop"]);
}

#[test]
fn each_part_of_the_account_fails_by_itself() {
    let page = show(&Parts {
        summary: Err(refusal("stripe_unavailable", 503)),
        usage: Err(silent()),
        ..parts()
    });
    has(
        &page,
        &[
            "Stripe unavailable",
            "JKJaXmPLvHcESHA=",
            "The usage: no response",
            "make run",
            "CANT-0001",
        ],
    );
}

#[test]
fn account_without_subscription_has_empty_parts() {
    let page = show(&Parts {
        summary: Ok(example("summaryWithoutSubscription")),
        usage: Ok(changed("usage", &json!({ "meters": [], "total": null }))),
        invoices: Ok(changed("invoices", &json!({ "invoices": [] }))),
        clock: None,
        ..parts()
    });
    has(
        &page,
        &[
            "Nothing will be billed",
            "no metered usage",
            "There are no invoices",
            "Only the sandbox",
        ],
    );
    lacks(&page, &["subscription_cancel"]);
}

#[test]
fn api_that_does_not_respond_has_its_own_page() {
    let parts = Parts {
        summary: Err(silent()),
        info: Err(silent()),
        dunning: Err(silent()),
        usage: Err(silent()),
        invoices: Err(silent()),
        clock: None,
    };
    let page = account::page("acme", &parts, None);
    assert_eq!(page.status, 503);
    has(
        &page.render(&[]).into_string(),
        &["The API does not respond", "connection refused", "make run"],
    );
}

#[test]
fn text_of_the_api_is_escaped() {
    let dunning = changed(
        "dunning",
        &json!({ "failure": { "code": null, "declineCode": null, "kind": "soft", "message": "<script>alert(1)</script>" } }),
    );
    let page = show(&Parts { dunning: Ok(dunning), ..parts() });
    has(&page, &["&lt;script&gt;"]);
    lacks(&page, &["<script"]);
}

#[test]
fn preview_shows_lines_total_and_a_form_with_the_quote() {
    let preview = |fields: Value| {
        let preview = changed("preview", &fields);
        change::preview("acme", &target(), &preview, Some("key-1")).render(&[]).into_string()
    };
    let page = preview(json!({}));
    has(
        &page,
        &[
            "Unused time on Pro",
            "-10.07 USD",
            "Pay 18.42 USD and change the plan",
            r#"name="quote" value="v1.cXVvdGU.bWFj""#,
            r#"name="key" value="key-1""#,
            r#"aria-current="page""#,
        ],
    );
    lacks(&page, &["max_amount"]);
    let usage = json!({ "amount": "3.00", "asOf": "2026-06-19T13:12:00Z" });
    has(&preview(json!({ "usage": usage })), &["max_amount", "3.00 USD"]);
}

#[test]
fn changed_price_shows_the_fresh_preview() {
    let error = refusal("quote_changed", 409);
    let refused = error.refused("quote_changed").expect("this error");
    let preview = changed("preview", &json!({ "quote": "fresh" }));
    let page = change::changed_quote("acme", &target(), refused, &preview, None);
    assert_eq!(page.status, 409);
    has(&page.render(&[]).into_string(), &["The price has changed", r#"value="fresh""#]);
}

#[test]
fn every_outcome_of_a_change_has_its_page() {
    let outcome = |fields: Value| {
        change::outcome("acme", &changed("planChange", &fields)).render(&[]).into_string()
    };
    has(
        &outcome(json!({})),
        &["The plan has changed", "18.42 USD", "/accounts/acme/invoices/in_2Example"],
    );
    let page = outcome(json!({ "outcome": "processing" }));
    has(&page, &["The payment is processing"]);
    let page = outcome(json!({ "outcome": "scheduled", "invoice": null }));
    has(&page, &["The change is scheduled", "19 Jun 2026"]);
    has(&outcome(json!({ "warnings": ["amount_differs"] })), &["differs from the preview"]);
    let dropped = change::dropped("acme", &Ok(example("planChangeCancellation")));
    has(&dropped.render(&[]).into_string(), &["The change to starter is dropped"]);
}

#[test]
fn every_error_of_a_change_says_what_to_do() {
    let failed = |name: &str, status: u16| {
        let page = change::failed("acme", &target(), &refusal(name, status));
        assert_eq!(page.status, status, "{name}");
        page.render(&[]).into_string()
    };
    has(&failed("payment_failed", 402), &["declined", "Update the payment method"]);
    has(&failed("payment_action_required", 402), &["test_Authenticate", "Confirm the payment"]);
    has(&failed("quote_expired", 410), &["The price has expired", "Show the price again"]);
    has(&failed("tax_location_required", 422), &["Add the address", r#"value="customer_update""#]);
    for (name, status) in [
        ("no_subscription", 409),
        ("already_on_plan", 409),
        ("subscription_not_changeable", 409),
        ("change_in_progress", 409),
        ("rate_limited", 429),
        ("stripe_error", 502),
        ("timeout", 504),
        ("internal", 500),
    ] {
        let message = EXAMPLES[name]["value"]["message"].as_str().expect("a message");
        let shown = maud::html! { (message) }.into_string();
        has(&failed(name, status), &[&shown, "JKJaXmPLvHcESHA=", name]);
    }
}

#[test]
fn invoice_shows_lines_payments_and_its_request() {
    let page = invoice::page("acme", &Ok(example("invoice"))).render(&[]).into_string();
    has(&page, &["Invoice CANT-0001", "1 × Pro (at $35.00 / month)", "Paid", "key_1Example"]);
    let missing = invoice::page("acme", &Err(refusal("not_found", 404)));
    assert_eq!(missing.status, 404);
}

#[test]
fn accounts_are_grouped_by_state() {
    let names = ["good", "late", "new", "down"];
    let accounts = names.map(|name| Account {
        name: name.to_owned(),
        id: name.to_owned(),
        handle: name.to_owned(),
        customer: None,
        parent: None,
        keys: Keys { read: String::new(), admin: String::new() },
    });
    let entry = |index: usize, summary: &str, dunning: &str| Entry {
        account: &accounts[index],
        parent: None,
        summary: Ok(example(summary)),
        dunning: Ok(example(dunning)),
    };
    let entries = [
        entry(0, "summary", "dunningOfAnActiveAccount"),
        entry(1, "summary", "dunning"),
        entry(2, "summaryWithoutSubscription", "dunningOfAnActiveAccount"),
        Entry { summary: Err(silent()), ..entry(3, "summary", "dunning") },
    ];
    let page = accounts::page(&entries, true).render(&[]).into_string();
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text} in {page}"));
    let order = [
        "No response",
        "/accounts/down",
        "Past due",
        "/accounts/late",
        "Active",
        "/accounts/good",
        "Never subscribed",
        "/accounts/new",
    ];
    assert!(order.map(place).is_sorted(), "{page}");
}

#[test]
fn return_pages_find_their_account() {
    let summary = Ok(example("summary"));
    for from in
        [returns::Return::Checkout, returns::Return::CanceledCheckout, returns::Return::Portal]
    {
        let page = returns::page(from, "acme", &summary).render(&[]).into_string();
        has(&page, &["/accounts/acme?fresh=1", "Pro"]);
        has(&returns::unknown(from).render(&[]).into_string(), &["Choose it from the list"]);
    }
}
