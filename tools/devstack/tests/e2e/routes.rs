//! Every route reaches its function, and other paths and methods return 404.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::body::expect;
use crate::cases;
use crate::harness::Harness;

cases![
    every_get_succeeds_for_every_account,
    every_response_has_the_contracts_headers,
    unknown_path_or_method_returns_404,
    request_without_a_key_returns_401,
];

fn gets() -> impl Iterator<Item = &'static devstack::functions::Function> {
    let all = devstack::functions::FUNCTIONS.iter();
    all.filter(|function| function.method == "GET" && !function.needs_id())
}

fn every_get_succeeds_for_every_account(harness: &Harness) {
    for account in &harness.about().accounts {
        for function in gets() {
            let response = harness.get(function.path, &account.keys.read, &[]);
            assert_eq!(
                response.status, 200,
                "{} for {}: {}",
                function.name, account.name, response.body
            );
            assert!(
                response.json().is_object(),
                "{} for {}: {}",
                function.name,
                account.name,
                response.body
            );
        }
    }
}

fn every_response_has_the_contracts_headers(harness: &Harness) {
    let key = &harness.account("metered").keys.read;
    for function in gets() {
        for (key, status) in [(key.as_str(), 200), ("", 401)] {
            let response = harness.get(function.path, key, &[]);
            assert_eq!(response.status, status, "{}", response.body);
            assert_eq!(response.header("content-type"), "application/json", "{}", function.name);
            let cache_control = if status == 200 { "private, no-cache" } else { "no-store" };
            assert_eq!(response.header("cache-control"), cache_control, "{}", function.name);
            assert!(!response.header("x-request-id").is_empty(), "{}", function.name);
            // The stack's Stripe has answered these requests, and only the last ten are listed.
            let ids = response.header("x-stripe-request-ids");
            let known = harness.sandbox("GET", "/requests", &Value::Null);
            let known: Vec<&Value> = known["requests"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|request| &request["request_id"])
                .collect();
            let (mut count, mut unique) = (0, BTreeSet::new());
            for id in ids.split(',').filter(|id| !id.is_empty()) {
                assert!(known.contains(&&json!(id)), "{}: {id}", function.name);
                count += 1;
                unique.insert(id);
            }
            assert_eq!(
                (count > 0, count),
                (response.header("cache-status").contains("fwd="), unique.len()),
                "{}: {ids}",
                function.name
            );
        }
    }
}

fn unknown_path_or_method_returns_404(harness: &Harness) {
    let key = &harness.account("fresh").keys.read;
    let rows = [
        ("GET", "/v1/billing/nothing"),
        ("GET", "/v1/billing/summary/"),
        ("GET", "/v1/billing"),
        ("GET", "/"),
        ("DELETE", "/v1/billing/summary"),
    ];
    for (method, path) in rows {
        let response = harness.send(method, path, key, &[], "");
        expect(&response, 404, &json!({ "message": "Not Found" }));
    }
}

fn request_without_a_key_returns_401(harness: &Harness) {
    for function in gets() {
        let response = harness.get(function.path, "", &[]);
        let body = json!({ "error": "unauthenticated", "message": "<text>", "requestId": response.header("x-request-id"), "details": null });
        expect(&response, 401, &body);
        assert_eq!(response.header("www-authenticate"), "Bearer", "{}", function.name);
    }
}
