//! Every route leads to its function, and nothing else leads anywhere.

use serde_json::json;

use crate::body::expect;
use crate::cases;
use crate::harness::Harness;

cases![
    every_endpoint_answers_for_every_account,
    every_answer_has_the_headers_of_the_contract,
    an_unknown_path_or_method_is_not_found,
    without_a_key_every_endpoint_says_the_same,
];

fn gets() -> impl Iterator<Item = &'static devstack::functions::Function> {
    devstack::functions::FUNCTIONS.iter().filter(|function| function.method == "GET")
}

fn every_endpoint_answers_for_every_account(harness: &Harness) {
    for account in &harness.about().accounts {
        for function in gets() {
            let answer = harness.get(function.path, &account.keys.read, &[]);
            assert_eq!(
                answer.status, 200,
                "{} for {}: {}",
                function.name, account.name, answer.body
            );
            assert!(
                answer.json().is_object(),
                "{} for {}: {}",
                function.name,
                account.name,
                answer.body
            );
        }
    }
}

fn every_answer_has_the_headers_of_the_contract(harness: &Harness) {
    let key = &harness.account("metered").keys.read;
    for function in gets() {
        for (key, status) in [(key.as_str(), 200), ("", 401)] {
            let answer = harness.get(function.path, key, &[]);
            assert_eq!(answer.status, status, "{}", answer.body);
            assert_eq!(answer.header("content-type"), "application/json", "{}", function.name);
            assert_eq!(answer.header("cache-control"), "no-store", "{}", function.name);
            assert!(!answer.header("x-request-id").is_empty(), "{}", function.name);
            assert!(answer.header("server-timing").starts_with("total;dur="), "{}", function.name);
        }
    }
}

fn an_unknown_path_or_method_is_not_found(harness: &Harness) {
    let key = &harness.account("fresh").keys.read;
    let rows = [
        ("GET", "/v1/billing/nothing"),
        ("GET", "/v1/billing/summary/"),
        ("GET", "/v1/billing"),
        ("GET", "/"),
        ("DELETE", "/v1/billing/summary"),
    ];
    for (method, path) in rows {
        let answer = harness.send(method, path, key, &[], "");
        expect(&answer, 404, &json!({ "message": "Not Found" }));
    }
}

fn without_a_key_every_endpoint_says_the_same(harness: &Harness) {
    for function in gets() {
        let answer = harness.get(function.path, "", &[]);
        let body = json!({ "error": "unauthenticated", "message": "<text>", "requestId": answer.header("x-request-id"), "details": null });
        expect(&answer, 401, &body);
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{}", function.name);
    }
}
