//! Authentication: every scope at every route, and every kind of invalid key.

use std::thread::sleep;
use std::time::Duration;

use devstack::functions::FUNCTIONS;
use devstack::http::Response;
use serde_json::json;
use shared::Scope;

use crate::cases;
use crate::clock::{at, now};
use crate::expected_error::{
    NOT_FOUND, UNAUTHENTICATED, assert_error, assert_error_with, assert_invalid, assert_malformed,
};
use crate::function_process::FunctionProcess;
use crate::harness::Harness;

cases![
    each_scope_allows_the_routes_at_or_below_it,
    every_invalid_key_gets_the_same_401,
    keys_of_stripe_are_named_as_such,
    two_keys_joined_in_one_header_are_rejected,
    authentication_comes_before_all_other_checks,
];

const JSON: (&str, &str) = ("content-type", "application/json");

fn each_scope_allows_the_routes_at_or_below_it(harness: &Harness) {
    let keys = &harness.account("fresh").keys;
    for function in FUNCTIONS {
        for (granted, key) in
            [(Scope::Read, &keys.read), (Scope::Deploy, &keys.deploy), (Scope::Admin, &keys.admin)]
        {
            let required = function.scope;
            // A malformed body is rejected only after authentication, and changes nothing.
            let body = if function.method == "GET" { "" } else { "{" };
            let response =
                harness.send(function.method, &function.example_path(), key, &[JSON], body);
            match (granted >= required, function.method) {
                (true, "GET") if function.needs_id() => assert_error(&response, NOT_FOUND),
                (true, "GET") => assert_eq!(response.status, 200, "{}", response.body),
                (true, _) => assert_malformed(&response, 1),
                (false, _) => insufficient(&response, required, granted),
            }
        }
    }
}

fn insufficient(response: &Response, required: Scope, granted: Scope) {
    let message = format!(
        "This endpoint needs a key with the scope \"{required}\", and yours has \"{granted}\". Use another key, or ask an administrator for one."
    );
    let details = json!({ "required": required.as_str(), "granted": granted.as_str() });
    assert_error_with(response, 403, "insufficient_scope", &message, &details);
}

fn every_invalid_key_gets_the_same_401(harness: &Harness) {
    let good = &harness.account("metered").keys.read;
    let new_key =
        |args: &[&str]| harness.new_key("metered", &[&["--scope", "admin"], args].concat());
    // Long enough for a busy machine to create the key before.
    let expiry = now() + 8;
    let end = at(expiry);
    let expired = new_key(&["--expires-at", end.as_str().expect("a moment")]);
    let revoked = new_key(&[]);
    harness.billingctl(&["keys", "revoke", &revoked.id, "--account", "metered", "--yes"]);
    // The command compares the mode with the stack's Stripe key, if there is one.
    let live = new_key(&["--mode", "live", "--stripe-read-secret", "none"]);
    let bearer = |key: &str| vec![format!("Bearer {key}")];
    let last = if good.ends_with('0') { "1" } else { "0" };
    let rows = [
        ("no header", vec![]),
        ("an empty header", vec![String::new()]),
        ("another scheme", vec![format!("Basic {good}")]),
        ("no scheme", vec![good.clone()]),
        ("no key", vec!["Bearer".to_owned()]),
        ("an empty key", bearer("")),
        ("not a key", bearer("hunter2")),
        ("a Stripe key", bearer(&harness.about().stripe_key)),
        ("a key that is cut short", bearer(&good[..good.len() - 1])),
        ("a key with an additional character", bearer(&format!("{good}0"))),
        ("a wrong checksum", bearer(&format!("{}{last}", &good[..good.len() - 1]))),
        ("the other mode's prefix", bearer(&good.replacen("sk_test_", "sk_live_", 1))),
        ("an unknown key", bearer("sk_test_0123456789ABCDEFGHIJKLMNOPQRSTUV3bN14w")),
        ("a key for the other mode", bearer(&live.key)),
        ("a revoked key", bearer(&revoked.key)),
        ("an expired key", bearer(&expired.key)),
        ("two headers", [bearer("hunter2"), bearer(good)].concat()),
    ];
    while now() < expiry {
        sleep(Duration::from_millis(100));
    }
    for (what, values) in rows {
        let headers: Vec<_> =
            values.iter().map(|value| ("authorization", value.as_str())).collect();
        for function in FUNCTIONS {
            let body = function.sample.unwrap_or_default();
            let headers = [&[JSON], headers.as_slice()].concat();
            let response =
                harness.send(function.method, &function.example_path(), "", &headers, body);
            assert_eq!(response.status, 401, "{what}, {}: {}", function.name, response.body);
            assert_error(&response, UNAUTHENTICATED);
        }
    }
}

fn keys_of_stripe_are_named_as_such(harness: &Harness) {
    let message = "That is a key of Stripe's, not of this API. Send `Authorization: Bearer <key>` with an API key of your account. Unless it was a publishable key, replace it in Stripe's dashboard: it has left your system.";
    for key in ["sk_test_51", "sk_live_51", "rk_live_51", "pk_test_51"] {
        let key = format!("{key}{}", "Ab3".repeat(32));
        let response = harness.get("/v1/billing/summary", &key, &[]);
        assert_error(&response, (401, "unauthenticated", message));
        assert_eq!(response.header("www-authenticate"), "Bearer");
    }
}

/// API Gateway joins two headers with a comma; cargo-lambda passes only the first, so the case starts a process itself.
fn two_keys_joined_in_one_header_are_rejected(harness: &Harness) {
    let keys = &harness.account("metered").keys;
    let mut summary = FunctionProcess::start(harness, "summary", &[]);
    for other in [&keys.read, &keys.admin] {
        let value = format!("Bearer {},Bearer {other}", keys.read);
        assert_error(&summary.get(&[("authorization", &value)]), UNAUTHENTICATED);
    }
    let value = format!("Bearer {}", keys.read);
    assert_eq!(summary.get(&[("authorization", &value)]).status, 200);
}

fn authentication_comes_before_all_other_checks(harness: &Harness) {
    let key = &harness.account("client").keys.read;
    let act_as = ("x-cantila-act-as", "agency");
    for function in FUNCTIONS.iter().filter(|function| function.method == "GET") {
        let path = format!("{}?unknown=1", function.example_path());
        assert_error(&harness.get(&path, "", &[act_as]), UNAUTHENTICATED);
        assert_error(&harness.get(&path, key, &[act_as]), crate::expected_error::ACT_AS_FORBIDDEN);
        let advice = match function.name {
            "invoices" => "Use one of: limit, cursor, status.",
            "usage" => "Use one of: from, to.",
            _ => "This endpoint takes none.",
        };
        let message = format!("There is no query parameter \"unknown\" here. {advice}");
        assert_invalid(&harness.get(&path, key, &[]), "unknown", &message);
    }
}
