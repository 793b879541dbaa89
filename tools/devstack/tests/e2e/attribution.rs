//! Attribution: objects at Stripe name the request, key and account that created them, and the audit line names the
//! objects.

use std::fs;

use devstack::http::Response;
use serde_json::{Value, json};

use crate::cases;
use crate::harness::Harness;
use crate::operator::Key;
use crate::payer::{CHANGE, CHECKOUT, JSON, Start};
use crate::stripe::text;

cases![
    parents_checkout_is_attributed_to_its_key_and_the_sub_account,
    change_is_attributed_to_the_first_request,
];

/// Returns the audit line of a request.
#[track_caller]
fn audit(harness: &Harness, function: &str, response: &Response) -> Value {
    let log = fs::read_to_string(harness.logs().join(format!("{function}.log"))).expect("a log");
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let id = response.header("x-request-id");
    let mut own = lines.filter(|line| line["event"] == "audit" && line["request_id"] == id);
    own.next().expect("an audit line")
}

#[track_caller]
fn expect_stamp(object: &Value, account: &str, key: &Key, request: &str) {
    let metadata = &object["metadata"];
    let stamp = ["cantila_account", "cantila_key_id", "cantila_request_id"]
        .map(|name| text(metadata, name));
    assert_eq!(stamp, [account, &key.id, request], "{object:#}");
}

fn parents_checkout_is_attributed_to_its_key_and_the_sub_account(harness: &Harness) {
    let parent = harness.admin_of("stamps-parent", None);
    let child = ["accounts", "create", "--handle", "stamps-child", "--parent", &parent.id];
    let child = text(&harness.billingctl(&child), "id");
    let key = harness.new_key("stamps-parent", &["--scope", "admin"]);
    let headers = [JSON, ("x-cantila-act-as", "stamps-child")];
    let response = harness.send("POST", CHECKOUT, &key.key, &headers, r#"{"plan":"pro"}"#);
    assert_eq!(response.status, 201, "{}", response.body);
    let request = response.header("x-request-id");
    let session = text(&response.json(), "id");
    let at_stripe = harness.stripe(&format!("/checkout/sessions/{session}"));
    expect_stamp(&at_stripe, &child, &key, request);
    let customer = text(&at_stripe, "customer");
    expect_stamp(&harness.stripe(&format!("/customers/{customer}")), &child, &key, request);

    let line = audit(harness, "checkout-session", &response);
    let shown = ["account", "acting_account", "key_id", "outcome"].map(|name| text(&line, name));
    assert_eq!(shown, [&*child, &parent.id, &key.id, "done"], "{line}");
    let objects = text(&line, "stripe_objects");
    for id in [&session, &customer] {
        assert!(objects.split(' ').any(|object| object == id), "{line}");
    }
}

fn change_is_attributed_to_the_first_request(harness: &Harness) {
    let payer = harness.payer("stamps-changes", Start::on("pro"));
    let key = harness.new_key("stamps-changes", &["--scope", "admin"]);
    let body = json!({ "plan": "agency" });
    let change = || harness.post_once(CHANGE, &key.key, "stamps", &body);
    let first = change();
    assert_eq!(first.status, 200, "{}", first.body);
    let stamped = |response: &Response| {
        let request = response.header("x-request-id");
        expect_stamp(&payer.at_stripe(harness), &payer.account.id, &key, request);
    };
    stamped(&first);
    let again = change();
    assert_eq!(again.header("idempotent-replayed"), "true");
    stamped(&first);

    let lines = [&first, &again].map(|response| audit(harness, "plan-change", response));
    assert_eq!(lines[0]["idempotency_key"], lines[1]["idempotency_key"]);
    assert_eq!([&lines[0]["replayed"], &lines[1]["replayed"]], [&json!(false), &json!(true)]);
    assert!(text(&lines[0], "stripe_objects").contains(&payer.subscription), "{lines:?}");
}
