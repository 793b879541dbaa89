//! Snapshots: state that outlives the process.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use stripe_sandbox::{Config, Exhausted, Rules, Sandbox};
use time::macros::datetime;

use crate::cli;
use crate::support::{Api, Form, exchange, id};

fn file(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.json"));
    let _ = std::fs::remove_file(&path);
    path
}

fn with(path: &Path) -> Config {
    Config { snapshot: Some(path.to_path_buf()), ..Config::default() }
}

/// Returns a sandbox with objects in many states, and its test clock.
fn populated(config: &Config) -> (Api, String) {
    let api = Api::with(config);
    let clock = api.clock_at(datetime!(2027-01-31 09:30 UTC));
    let meter = id(&api.post(
        "/v1/billing/meters",
        &[
            ("display_name", "Calls"),
            ("event_name", "calls"),
            ("default_aggregation[formula]", "sum"),
        ],
    ));
    let seat = api.price(
        "Seat",
        &[
            ("currency", "usd"),
            ("recurring[interval]", "month"),
            ("billing_scheme", "tiered"),
            ("tiers_mode", "graduated"),
            ("tiers[0][up_to]", "2"),
            ("tiers[0][unit_amount_decimal]", "1000.25"),
            ("tiers[1][up_to]", "inf"),
            ("tiers[1][flat_amount]", "50"),
            ("tiers[1][unit_amount]", "700"),
            ("currency_options[eur][tiers][0][up_to]", "inf"),
            ("currency_options[eur][tiers][0][unit_amount]", "900"),
        ],
    );
    let form = [
        ("currency", "usd"),
        ("unit_amount_decimal", "0.5"),
        ("recurring[interval]", "month"),
        ("recurring[usage_type]", "metered"),
        ("recurring[meter]", meter.as_str()),
        ("lookup_key", "calls"),
    ];
    let calls = api.price("Calls", &form);
    let coupon = id(&api.post("/v1/coupons", &[("percent_off", "12.5"), ("duration", "forever")]));
    let tax = id(&api.post(
        "/v1/tax_rates",
        &[("display_name", "VAT"), ("percentage", "19"), ("inclusive", "false")],
    ));

    let ada = api.customer(&clock, Some("pm_card_visa"), &[("email", "ada@example.com")]);
    let form: Form<'_> = &[
        ("items[0][quantity]", "5"),
        ("items[1][price]", &calls),
        ("discounts[0][coupon]", &coupon),
        ("default_tax_rates[0]", &tax),
        ("metadata[team]", "a b"),
    ];
    api.subscribe(&ada, &seat, form);
    for (key, value) in [("a", "31"), ("b", "11")] {
        let form = [
            ("event_name", "calls"),
            ("identifier", key),
            ("payload[stripe_customer_id]", &ada),
            ("payload[value]", value),
        ];
        api.post("/v1/billing/meter_events", &form);
    }

    // A customer whose card declines: an open invoice with retries, and a pending update.
    let bob = api.customer(&clock, Some("pm_card_visa"), &[]);
    let sub = api.subscribe(&bob, &seat, &[]);
    let bad = api.post(
        "/v1/payment_methods/pm_card_chargeCustomerFail/attach",
        &[("customer", bob.as_str())],
    );
    api.post(
        &format!("/v1/customers/{bob}"),
        &[("invoice_settings[default_payment_method]", id(&bad).as_str())],
    );
    let item = id(&sub["items"]["data"][0]);
    let form = [
        ("items[0][id]", item.as_str()),
        ("items[0][quantity]", "9"),
        ("proration_behavior", "always_invoice"),
        ("payment_behavior", "pending_if_incomplete"),
    ];
    let waiting = api.post(&format!("/v1/subscriptions/{}", id(&sub)), &form);
    assert!(waiting["pending_update"].is_object());

    // A debit that is processing, and fails later.
    let eve = api.customer(&clock, Some("pm_failed_de"), &[]);
    api.subscribe(&eve, &seat, &[]);

    let form = [
        ("mode", "subscription"),
        ("customer", &ada),
        ("line_items[0][price]", &seat),
        ("line_items[0][quantity]", "1"),
        ("success_url", "https://example.com/done"),
    ];
    api.post("/v1/checkout/sessions", &form);
    api.admin("POST", "/portal_configuration", &Value::Null);
    api.post("/v1/billing_portal/sessions", &[("customer", &bob)]);
    (api, clock)
}

/// Returns all lists, without the sandbox's own address.
fn listed(api: &Api, clock: &str) -> Vec<String> {
    let customers = api.get("/v1/customers", &[("test_clock", clock)]);
    let mut shown = vec![customers.to_string()];
    for path in
        ["products", "prices", "coupons", "tax_rates", "billing/meters", "checkout/sessions"]
    {
        shown.push(api.get(&format!("/v1/{path}"), &[("limit", "100")]).to_string());
    }
    for customer in customers["data"].as_array().unwrap() {
        let customer = id(customer);
        for path in
            ["subscriptions", "invoices", "invoiceitems", "payment_intents", "payment_methods"]
        {
            let form = [("customer", customer.as_str()), ("limit", "100")];
            shown.push(api.get(&format!("/v1/{path}"), &form).to_string());
        }
    }
    shown.iter().map(|text| text.replace(api.url(), "")).collect()
}

#[test]
fn restored_sandbox_continues_like_the_original() {
    let path = file("goes_on");
    let (one, clock) = populated(&with(&path));
    assert_eq!(one.admin("POST", "/snapshot", &Value::Null)["path"], path.to_str().unwrap());
    let other = Api::with(&with(&path));
    assert_eq!(listed(&one, &clock), listed(&other, &clock));
    // The pending update expires, both subscriptions renew, and retries begin. New IDs are the same
    // as well.
    for to in [
        datetime!(2027-02-01 09:00 UTC),
        datetime!(2027-02-28 10:00 UTC),
        datetime!(2027-03-02 12:00 UTC),
        datetime!(2027-04-10 00:00 UTC),
    ] {
        one.advance(&clock, to);
        other.advance(&clock, to);
        assert_eq!(listed(&one, &clock), listed(&other, &clock), "at {to}");
    }
}

#[test]
fn keys_settings_clocks_and_idempotency_records_survive_a_restart() {
    let path = file("restart");
    let rules =
        Rules { retries_exhausted: Exhausted::Cancel, retry_days: vec![1], ..Rules::default() };
    let exhausted = Config { rules, ..with(&path) };
    let api = Api::with(&exhausted);
    api.admin(
        "POST",
        "/keys",
        &json!({ "key": "rk_test_kept", "permissions": ["rak_product_read"] }),
    );
    api.pass(86_400 * 40);
    let key = [("idempotency-key", "k")];
    let first = api.send("POST", "/v1/products", &[("name", "Pro")], &key);
    let before = api.admin("GET", "/clock", &Value::Null);
    drop(api);

    let mut api = Api::with(&with(&path));
    let again = api.send("POST", "/v1/products", &[("name", "Pro")], &key);
    assert_eq!((&again.text, again.header("idempotent-replayed")), (&first.text, Some("true")));
    let after = api.admin("GET", "/clock", &Value::Null);
    assert_eq!(after["offset_seconds"], before["offset_seconds"]);
    assert!(after["now"].as_i64() >= before["now"].as_i64());
    let settings = api.admin("GET", "/settings", &Value::Null);
    assert_eq!(
        (&settings["retries_exhausted"], &settings["retry_days"]),
        (&json!("cancel"), &json!([1]))
    );
    api.key = "rk_test_kept".to_owned();
    api.get("/v1/products", &[]);
    api.refused(403, "GET", "/v1/customers", &[]);
}

#[test]
fn invalid_snapshot_is_refused_and_not_overwritten() {
    for (name, text) in [
        ("foreign", "{\"dependencies\": {}}"),
        ("damaged", "{\"format\":\"stripe-sandbox snapshot\",\"version\":1,\"world\":{"),
        ("newer", "{\"format\":\"stripe-sandbox snapshot\",\"version\":99}"),
        ("empty", ""),
    ] {
        let path = file(name);
        std::fs::write(&path, text).unwrap();
        let refusal = Sandbox::start(with(&path)).err().expect("a refusal").to_string();
        assert!(refusal.contains(path.to_str().unwrap()), "{refusal}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn snapshot_request_without_file_is_refused() {
    let api = Api::new();
    assert_eq!(api.raw("POST", "/_sandbox/snapshot", &[], "").unwrap().status, 400);
}

#[test]
fn binary_writes_the_snapshot_on_termination() {
    let path = file("program");
    let snapshot = ["--snapshot", path.to_str().unwrap()];
    let headers = [("authorization", "Bearer sk_test_sandbox")];
    for (signal, found) in [("-TERM", 0), ("-INT", 1)] {
        let (mut child, address) = cli::start(&snapshot);
        let list = exchange(address, "GET", "/v1/products", &headers, "").unwrap();
        assert_eq!(list.json["data"].as_array().unwrap().len(), found);
        exchange(address, "POST", "/v1/products", &headers, "name=Pro").unwrap();
        let pid = child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        assert!(child.wait().unwrap().success());
    }

    std::fs::write(&path, "something else").unwrap();
    let refused = Command::new(env!("CARGO_BIN_EXE_stripe-sandbox"))
        .args(["--listen", "127.0.0.1:0"])
        .args(snapshot)
        .stdout(Stdio::null())
        .output()
        .unwrap();
    assert!(!refused.status.success());
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("is not a snapshot of stripe-sandbox"), "{said}");
}
