//! Who gets in: every scope at every route, and everything that can be wrong with a key.

use std::thread::sleep;
use std::time::Duration;

use devstack::functions::FUNCTIONS;
use devstack::http::Answer;
use serde_json::json;
use shared::Scope;

use crate::cases;
use crate::harness::Harness;
use crate::lone::Lone;
use crate::refusal::{MALFORMED_BODY, UNAUTHENTICATED, invalid, refused, refused_with};
use crate::when::{at, now};

cases![
    each_scope_opens_the_routes_at_or_below_it_and_no_other,
    whatever_is_wrong_with_a_key_every_endpoint_says_the_same,
    two_keys_in_one_header_are_refused_as_api_gateway_joins_them,
    a_key_is_asked_for_before_anything_else_is_looked_at,
];

const JSON: (&str, &str) = ("content-type", "application/json");

fn each_scope_opens_the_routes_at_or_below_it_and_no_other(harness: &Harness) {
    let keys = &harness.account("fresh").keys;
    for function in FUNCTIONS {
        for (granted, key) in
            [(Scope::Read, &keys.read), (Scope::Deploy, &keys.deploy), (Scope::Admin, &keys.admin)]
        {
            let required = function.scope;
            // What is no JSON is refused only after the key was let in, and changes nothing.
            let body = if function.method == "GET" { "" } else { "{" };
            let answer = harness.send(function.method, function.path, key, &[JSON], body);
            match (granted >= required, function.method) {
                (true, "GET") => assert_eq!(answer.status, 200, "{}", answer.body),
                (true, _) => refused(&answer, MALFORMED_BODY),
                (false, _) => insufficient(&answer, required, granted),
            }
        }
    }
}

fn insufficient(answer: &Answer, required: Scope, granted: Scope) {
    let message = format!(
        "This needs a key with the scope \"{required}\"; this key has \"{granted}\". Use another key, or ask an administrator for one."
    );
    let details = json!({ "required": required.as_str(), "granted": granted.as_str() });
    refused_with(answer, 403, "insufficient_scope", &message, &details);
}

fn whatever_is_wrong_with_a_key_every_endpoint_says_the_same(harness: &Harness) {
    let good = &harness.account("metered").keys.read;
    let new_key =
        |args: &[&str]| harness.new_key("metered", &[&["--scope", "admin"], args].concat());
    let expiry = now() + 2;
    let end = at(expiry);
    let expired = new_key(&["--expires-at", end.as_str().expect("a moment")]);
    let revoked = new_key(&[]);
    harness.billingctl(&["keys", "revoke", &revoked.id, "--account", "metered"]);
    let live = new_key(&["--mode", "live"]);
    let bearer = |key: &str| vec![format!("Bearer {key}")];
    let last = if good.ends_with('0') { "1" } else { "0" };
    let rows = [
        ("no header", vec![]),
        ("an empty header", vec![String::new()]),
        ("another scheme", vec![format!("Basic {good}")]),
        ("no scheme", vec![good.clone()]),
        ("no key", vec!["Bearer".to_owned()]),
        ("an empty key", bearer("")),
        ("not one of our keys", bearer("hunter2")),
        ("a key of Stripe's", bearer(&harness.about().stripe_key)),
        ("a key that is cut short", bearer(&good[..good.len() - 1])),
        ("a key with something behind it", bearer(&format!("{good}0"))),
        ("a wrong checksum", bearer(&format!("{}{last}", &good[..good.len() - 1]))),
        ("the other mode's name on it", bearer(&good.replacen("sk_test_", "sk_live_", 1))),
        ("a key that nobody has", bearer("sk_test_0123456789ABCDEFGHIJKLMNOPQRSTUV3bN14w")),
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
            let answer = harness.send(function.method, function.path, "", &headers, body);
            assert_eq!(answer.status, 401, "{what}, {}: {}", function.name, answer.body);
            refused(&answer, UNAUTHENTICATED);
        }
    }
}

/// cargo-lambda hands on the first of two headers; API Gateway hands on both, with a comma.
fn two_keys_in_one_header_are_refused_as_api_gateway_joins_them(harness: &Harness) {
    let keys = &harness.account("metered").keys;
    let mut summary = Lone::start(harness, "summary", &[]);
    for other in [&keys.read, &keys.admin] {
        let value = format!("Bearer {},Bearer {other}", keys.read);
        refused(&summary.get(&[("authorization", &value)]), UNAUTHENTICATED);
    }
    let value = format!("Bearer {}", keys.read);
    assert_eq!(summary.get(&[("authorization", &value)]).status, 200);
}

fn a_key_is_asked_for_before_anything_else_is_looked_at(harness: &Harness) {
    let key = &harness.account("client").keys.read;
    let act_as = ("x-cantila-act-as", "agency");
    for function in FUNCTIONS.iter().filter(|function| function.method == "GET") {
        let path = format!("{}?nonsense=1", function.path);
        refused(&harness.get(&path, "", &[act_as]), UNAUTHENTICATED);
        refused(&harness.get(&path, key, &[act_as]), crate::refusal::ACT_AS_FORBIDDEN);
        let known = if function.name == "invoices" { "limit, cursor, status" } else { "none" };
        let message = format!("There is no query parameter \"nonsense\" here. Known are: {known}.");
        invalid(&harness.get(&path, key, &[]), "nonsense", &message);
    }
}
