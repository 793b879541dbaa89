//! Idempotency: requests that are repeated, lost, killed or concurrent take effect once.

use std::thread::sleep;
use std::time::{Duration, Instant};

use devstack::http::Response;
use serde_json::{Value, json};

use crate::cases;
use crate::expected_error::{assert_error, assert_invalid};
use crate::function_process::{FunctionProcess, PATIENT};
use crate::harness::{Harness, Request};
use crate::payer::{CHANGE, CHECKOUT, JSON, Ledger, PORTAL, Payer, Start, with};
use crate::plan_change_process::{PlanChangeProcess, SLOW};
use crate::stripe::text;

cases![
    repeated_change_replays_the_first_response,
    rejection_is_replayed_even_if_the_cause_is_gone,
    idempotency_key_is_valid_for_one_request,
    stripe_failure_can_be_retried_with_the_same_key,
    change_with_a_lost_response_is_applied_and_charged_once,
    retry_completes_a_change_that_timed_out,
    retry_completes_a_killed_change,
    retry_reports_the_decline_of_a_killed_change,
    retry_completes_a_killed_change_that_needs_authentication,
    concurrent_identical_changes_are_applied_once,
    concurrent_checkouts_open_one_session,
];

/// Asserts that the response replays the first one: same status and body, another `x-request-id`.
#[track_caller]
fn replays(response: &Response, first: &Response) {
    assert_eq!((response.status, &response.body), (first.status, &first.body));
    assert_eq!(response.header("idempotent-replayed"), "true");
    assert_eq!(first.header("idempotent-replayed"), "");
    assert_ne!(response.header("x-request-id"), first.header("x-request-id"));
}

fn repeated_change_replays_the_first_response(harness: &Harness) {
    let payer = harness.payer("repeats", Start::on("pro"));
    let body = json!({ "plan": "agency" });
    let quote = text(&payer.preview(harness, &body), "quote");
    let first =
        harness.post_once(CHANGE, &payer.account.key, "once", &with(&body, "quote", &*quote));
    assert_eq!(first.status, 200, "{}", first.body);
    let after = payer.ledger(harness);
    for same in [
        format!(r#"{{"plan":"agency","quote":"{quote}"}}"#),
        format!(r#" {{ "quote" : "{quote}", "interval": null, "plan" : "\u0061gency" }} "#),
    ] {
        let headers = [JSON, ("idempotency-key", "once")];
        let again = harness.send("POST", CHANGE, &payer.account.key, &headers, &same);
        replays(&again, &first);
    }
    assert_eq!(payer.ledger(harness), after);
    // The same key of another account is independent.
    let other = harness.payer("repeats-not", Start::on("pro"));
    let response = harness.post_once(CHANGE, &other.account.key, "once", &body);
    assert_eq!((response.status, response.header("idempotent-replayed")), (200, ""));
}

fn rejection_is_replayed_even_if_the_cause_is_gone(harness: &Harness) {
    let payer = harness.payer("declined-twice", Start::on("pro"));
    harness.card(&payer.customer, "pm_card_chargeCustomerFail");
    let body = json!({ "plan": "agency" });
    let send = || harness.post_once(CHANGE, &payer.account.key, "declined", &body);
    let first = send();
    assert_eq!(first.status, 402, "{}", first.body);
    harness.card(&payer.customer, "pm_card_visa");
    let before = payer.ledger(harness);
    let again = send();
    replays(&again, &first);
    assert_eq!(again.json()["requestId"], first.header("x-request-id"));
    assert_eq!(payer.ledger(harness), before);
    // A new key starts a new operation.
    assert_eq!(harness.post_once(CHANGE, &payer.account.key, "again", &body).status, 200);
    let current = harness.post_once(CHANGE, &payer.account.key, "current", &body);
    assert_eq!(current.status, 409, "{}", current.body);
    replays(&harness.post_once(CHANGE, &payer.account.key, "current", &body), &current);
}

fn idempotency_key_is_valid_for_one_request(harness: &Harness) {
    let account = harness.admin_of("one-key", None);
    let send =
        |path: &str, key: &str, body: Value| harness.post_once(path, &account.key, key, &body);
    let first = send(CHECKOUT, "k", json!({ "plan": "pro" }));
    assert_eq!(first.status, 201, "{}", first.body);
    let message = "This Idempotency-Key was used for another request within the last 24 hours. Use a new key for a new request.";
    for (path, body) in [
        (CHECKOUT, json!({ "plan": "agency" })),
        (CHECKOUT, json!({ "plan": "pro", "interval": "month" })),
        (CHANGE, json!({ "plan": "pro" })),
        (PORTAL, json!({})),
    ] {
        assert_error(&send(path, "k", body), (422, "idempotency_key_reused", message));
    }
    replays(&send(CHECKOUT, "k", json!({ "plan": "pro", "interval": null })), &first);
    let long = "x".repeat(256);
    let message = "\"Idempotency-Key\" must be 1 to 255 visible ASCII characters, given once.";
    for path in [CHECKOUT, PORTAL, CHANGE] {
        for bad in ["", "two words", &long] {
            let body = if path == PORTAL { json!({}) } else { json!({ "plan": "pro" }) };
            assert_invalid(&send(path, bad, body), "Idempotency-Key", message);
        }
    }
    let portal = send(PORTAL, &long[..255], json!({}));
    assert_eq!(portal.status, 201, "{}", portal.body);
    replays(&send(PORTAL, &long[..255], json!({})), &portal);
}

fn stripe_failure_can_be_retried_with_the_same_key(harness: &Harness) {
    for (handle, fault, status) in [
        ("fails-500", json!({ "kind": "status", "status": 500 }), 503),
        ("fails-429", json!({ "kind": "status", "status": 429, "should_retry": false }), 429),
        ("fails-403", json!({ "kind": "status", "status": 403 }), 502),
        ("fails-cut", json!({ "kind": "cut" }), 503),
    ] {
        let payer = harness.payer(handle, Start::on("pro"));
        let before = payer.ledger(harness);
        let send =
            || harness.post_once(CHANGE, &payer.account.key, "try", &json!({ "plan": "agency" }));
        for path in ["/v1/", "/v1/subscriptions/"] {
            let broken = harness.break_stripe(&with(
                &with(&fault, "path", path),
                "method",
                if path == "/v1/" { "GET" } else { "POST" },
            ));
            let response = send();
            assert_eq!(response.status, status, "{handle} {path}: {}", response.body);
            drop(broken);
            assert_eq!(payer.ledger(harness), before, "{handle} {path}");
        }
        let response = send();
        assert_eq!(
            (response.status, response.header("idempotent-replayed")),
            (200, ""),
            "{handle}: {}",
            response.body
        );
        once(harness, &payer, &before);
        replays(&send(), &response);
    }
}

/// Asserts that exactly one change from pro to agency was applied and charged.
#[track_caller]
pub(crate) fn once(harness: &Harness, payer: &Payer, before: &Ledger) {
    let after = payer.ledger(harness);
    assert_eq!(after.charges().0, before.charges().0 + 1, "{after:?}");
    assert_eq!(after.invoices.len(), before.invoices.len() + 1, "{after:?}");
    assert_eq!(
        (after.pending, after.open(), after.void, after.balance),
        (false, 0, before.void, before.balance)
    );
    let mut prices = harness.prices("agency", "month");
    prices.sort();
    assert_eq!(after.items.iter().map(|(price, _)| price.clone()).collect::<Vec<_>>(), prices);
}

/// Returns the body of a change from pro to agency without the values that differ between accounts.
fn gist(response: &Response) -> Value {
    let mut body = response.json();
    for field in ["id", "number", "hostedUrl"] {
        assert!(body["invoice"][field].is_string(), "{body:#}");
        body["invoice"][field] = Value::Null;
    }
    for field in ["effectiveAt", "currentPeriodEnd", "prorationAmount"] {
        assert!(body[field].is_string(), "{body:#}");
        body[field] = Value::Null;
    }
    body["invoice"]["amount"] = Value::Null;
    body
}

/// Returns the body of an undisturbed change.
fn undisturbed() -> Value {
    json!({
        "plan": "agency", "previousPlan": "pro", "status": "active", "outcome": "applied",
        "prorationAmount": null, "currency": "USD", "effectiveAt": null, "currentPeriodEnd": null,
        "invoice": { "id": null, "number": null, "status": "paid", "payment": "paid", "amount": null, "hostedUrl": null },
        "warnings": [],
    })
}

#[track_caller]
fn is_as_undisturbed(harness: &Harness, response: &Response) {
    assert_eq!(response.status, 200, "{}", response.body);
    assert_eq!(gist(response), undisturbed());
    charges_what_it_says(harness, response);
}

/// Asserts that the amounts in the response to a change are those of its invoice at Stripe.
#[track_caller]
pub(crate) fn charges_what_it_says(harness: &Harness, response: &Response) {
    let body = response.json();
    let invoice = harness.stripe(&format!("/invoices/{}", text(&body["invoice"], "id")));
    let amount = |field: &str| {
        let cents = invoice[field].as_i64().expect("an amount");
        format!("{}.{:02}", cents / 100, cents % 100)
    };
    let charged = (amount("amount_due"), amount("total"));
    let said = (text(&body, "prorationAmount"), text(&body["invoice"], "amount"));
    assert_eq!(said, charged, "{body:#}");
    assert_eq!(body["currency"], "USD", "{body:#}");
}

fn change_with_a_lost_response_is_applied_and_charged_once(harness: &Harness) {
    for (index, (count, fault)) in [
        (1, json!({ "kind": "status", "status": 500 })),
        (1, json!({ "kind": "status", "status": 503 })),
        (1, json!({ "kind": "cut" })),
        (100, json!({ "kind": "status", "status": 500 })),
        (100, json!({ "kind": "status", "status": 500, "should_retry": false })),
        (100, json!({ "kind": "cut" })),
    ]
    .into_iter()
    .enumerate()
    {
        for key in [None, Some("lost")] {
            let handle = format!("lost-{index}-{}", key.unwrap_or("keyless"));
            let payer = harness.payer(&handle, Start::on("pro"));
            let before = payer.ledger(harness);
            let body = json!({ "plan": "agency" });
            let lose = json!({ "path": "/v1/subscriptions/", "method": "POST", "after_work": true, "count": count });
            let mut lose = lose;
            lose.as_object_mut()
                .expect("an object")
                .extend(fault.as_object().expect("an object").clone());
            let broken = harness.break_stripe(&lose);
            let send = || match key {
                Some(key) => harness.post_once(CHANGE, &payer.account.key, key, &body),
                None => payer.change(harness, &body),
            };
            let response = send();
            drop(broken);
            is_as_undisturbed(harness, &response);
            once(harness, &payer, &before);
            if key.is_some() {
                replays(&send(), &response);
                once(harness, &payer, &before);
            }
        }
    }
}

fn retry_completes_a_change_that_timed_out(harness: &Harness) {
    let payer = harness.payer("too-late", Start::on("pro"));
    let before = payer.ledger(harness);
    let change = PlanChangeProcess { harness, payer: &payer };
    let broken = harness.break_stripe(&json!({
        "path": "/v1/subscriptions/", "method": "POST", "kind": "latency", "delay_ms": SLOW, "after_work": true, "count": 1,
    }));
    let mut function = change.start();
    change.send(&mut function, Duration::from_secs(2));
    let late = function.response();
    assert_eq!(late.status, 504, "{}", late.body);
    drop(broken);
    assert_eq!(payer.ledger(harness).invoices.len(), before.invoices.len() + 1);
    sleep(Duration::from_millis(SLOW));
    is_as_undisturbed(harness, &change.retry());
    once(harness, &payer, &before);
}

fn retry_completes_a_killed_change(harness: &Harness) {
    let points: [(&str, Value); 3] = [
        // While the billing state is read; before the update; after it.
        (
            "killed-at-the-start",
            json!({ "path": "/v1/customers", "method": "GET", "after_work": true }),
        ),
        ("killed-before-the-update", json!({ "path": "/v1/subscriptions/", "method": "POST" })),
        (
            "killed-after-the-update",
            json!({ "path": "/v1/subscriptions/", "method": "POST", "after_work": true }),
        ),
    ];
    for (handle, point) in points {
        let payer = harness.payer(handle, Start::on("pro"));
        let before = payer.ledger(harness);
        let change = PlanChangeProcess { harness, payer: &payer };
        let fault = with(&with(&with(&point, "kind", "latency"), "delay_ms", SLOW), "count", 1);
        let broken = harness.break_stripe(&fault);
        let started = Instant::now();
        change.kill_when(|| match handle {
            "killed-after-the-update" => payer.ledger(harness) != before,
            _ => started.elapsed() > Duration::from_millis(600),
        });
        drop(broken);
        if handle.starts_with("killed-after") {
            // Only the metered prices are still those of pro.
            assert_eq!(payer.ledger(harness).invoices.len(), before.invoices.len() + 1);
        } else {
            assert_eq!(payer.ledger(harness), before);
        }
        // Meanwhile Stripe processes the killed process's request, if it has received it.
        is_as_undisturbed(harness, &change.retry());
        once(harness, &payer, &before);
        sleep(Duration::from_millis(SLOW).saturating_sub(started.elapsed()));
        once(harness, &payer, &before);
        let again = change.retry();
        assert_eq!(again.header("idempotent-replayed"), "true");
        once(harness, &payer, &before);
    }
}

fn retry_reports_the_decline_of_a_killed_change(harness: &Harness) {
    let payer = harness.payer("declined-and-killed", Start::on("pro"));
    harness.card(&payer.customer, "pm_card_chargeCustomerFail");
    let before = payer.ledger(harness);
    let change = PlanChangeProcess { harness, payer: &payer };
    let broken = harness.break_stripe(&json!({
        "path": "/v1/subscriptions/", "method": "POST", "kind": "latency", "delay_ms": SLOW, "after_work": true, "count": 1,
    }));
    let started = Instant::now();
    change.kill_when(|| started.elapsed() > Duration::from_millis(1_500));
    drop(broken);
    // Meanwhile the card is replaced, but the first attempt was declined.
    harness.card(&payer.customer, "pm_card_visa");
    let response = change.retry();
    let error = (response.status, response.json()["error"].clone());
    assert_eq!(error, (402, json!("payment_failed")), "{}", response.body);
    let after = payer.ledger(harness);
    assert_eq!(Ledger { card: before.card.clone(), ..after }, before);
}

fn retry_completes_a_killed_change_that_needs_authentication(harness: &Harness) {
    let payer = harness.payer("authenticates-and-killed", Start::on("pro"));
    harness.card(&payer.customer, "pm_card_authenticationRequired");
    let change = PlanChangeProcess { harness, payer: &payer };
    // While the payment of the update is read.
    let broken = harness.break_stripe(&json!({
        "path": "/v1/payment_intents", "method": "GET", "kind": "latency", "delay_ms": SLOW, "count": 1,
    }));
    change.kill_when(|| payer.ledger(harness).pending);
    drop(broken);
    let response = change.retry();
    let error = (response.status, response.json()["error"].clone());
    assert_eq!(error, (402, json!("payment_action_required")), "{}", response.body);
    assert!(payer.ledger(harness).pending);
    assert_eq!(change.retry().header("idempotent-replayed"), "true");
}

/// Starts several processes of one function, so that requests run concurrently.
#[track_caller]
fn crowd<'a>(harness: &'a Harness, name: &str, size: usize) -> Vec<FunctionProcess<'a>> {
    (0..size).map(|_| FunctionProcess::start(harness, name, &[])).collect()
}

fn concurrent_identical_changes_are_applied_once(harness: &Harness) {
    let body = r#"{"plan":"agency"}"#;
    for handle in ["raced-for", "raced-for-again"] {
        let payer = harness.payer(handle, Start::on("pro"));
        let before = payer.ledger(harness);
        let mut functions = crowd(harness, "plan-change", 6);
        let bearer = format!("Bearer {}", payer.account.key);
        let headers = [JSON, ("authorization", &*bearer), ("idempotency-key", "race")];
        for _ in 0..4 {
            for function in &mut functions {
                function.send_with_body(PATIENT, &headers, body);
            }
        }
        let mut good = Vec::new();
        for function in &functions {
            for _ in 0..4 {
                let response = function.response();
                if response.status == 200 {
                    good.push(response.body);
                } else {
                    let busy = response.json()["error"] == "idempotency_in_progress";
                    assert!(busy, "{}", response.body);
                    assert_eq!((response.status, response.header("retry-after")), (409, "1"));
                }
            }
        }
        assert!(!good.is_empty() && good.iter().all(|body| *body == good[0]), "{good:?}");
        once(harness, &payer, &before);
    }
    // Through the gateway, where requests queue.
    let payer = harness.payer("raced-for-in-a-queue", Start::on("pro"));
    let before = payer.ledger(harness);
    let request = |_| Request {
        method: "POST",
        url: format!("{}{CHANGE}", harness.about().api_url),
        headers: vec![
            ("content-type", "application/json".to_owned()),
            ("authorization", format!("Bearer {}", payer.account.key)),
            ("idempotency-key", "race".to_owned()),
        ],
        body: body.to_owned(),
    };
    let responses = harness.together((0..20).map(request).collect());
    let done = responses.iter().filter(|response| response.status == 200).count();
    let busy = responses.iter().filter(|response| response.status == 409).count();
    assert_eq!((done >= 1, done + busy), (true, 20));
    once(harness, &payer, &before);
}

fn concurrent_checkouts_open_one_session(harness: &Harness) {
    let account = harness.admin_of("checks-out-twenty-times", None);
    let mut functions = crowd(harness, "checkout-session", 7);
    let bearer = format!("Bearer {}", account.key);
    for _ in 0..3 {
        for function in &mut functions {
            function.send_with_body(
                PATIENT,
                &[JSON, ("authorization", &*bearer)],
                r#"{"plan":"pro"}"#,
            );
        }
    }
    let mut ids = Vec::new();
    for function in &functions {
        for _ in 0..3 {
            let response = function.response();
            assert_eq!(response.status, 201, "{}", response.body);
            ids.push(text(&response.json(), "id"));
        }
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let session = harness.stripe(&format!("/checkout/sessions/{}", ids[0]));
    let customer = text(&session, "customer");
    let all = harness.stripe(&format!("/checkout/sessions?customer={customer}"));
    let open = all["data"].as_array().expect("a list").iter();
    assert_eq!(open.filter(|session| session["status"] == "open").count(), 1);
    let customers = harness.stripe("/customers?limit=100")["data"].take();
    let own = customers.as_array().expect("a list").iter().filter(|customer| {
        customer["metadata"]
            .as_object()
            .is_some_and(|pairs| pairs.values().any(|value| *value == *account.id))
    });
    assert_eq!(own.count(), 1, "one customer");
}
