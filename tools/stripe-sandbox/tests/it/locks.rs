//! Concurrent requests: locked objects and rate limits.

use std::thread::{JoinHandle, spawn};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stripe_sandbox::Config;
use time::macros::datetime;

use crate::support::{Api, Form, Reply, encode, exchange, id};

/// Posts on a separate thread.
fn in_parallel(api: &Api, path: &str, form: Form<'_>) -> JoinHandle<Reply> {
    let (address, path, form) = (api.address(), path.to_owned(), encode(form));
    spawn(move || {
        let headers = [
            ("authorization", "Bearer sk_test_sandbox"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        exchange(address, "POST", &path, &headers, &form).unwrap()
    })
}

/// Waits until the slow request has taken its fault.
fn wait_for_fault(api: &Api) {
    let until = Instant::now() + Duration::from_secs(20);
    while api.admin("GET", "/faults", &Value::Null)["faults"] != json!([]) {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(5));
    }
    // The server takes the fault first and the lock right after it.
    std::thread::sleep(Duration::from_millis(20));
}

fn slow(api: &Api, path: &str, millis: u64, after_work: bool) {
    let fault = json!({ "path": path, "method": "POST", "kind": "latency", "delay_ms": millis, "after_work": after_work });
    api.admin("POST", "/faults", &fault);
}

fn impatient() -> Api {
    Api::with(&Config { lock_timeout: Duration::from_millis(150), ..Config::default() })
}

#[test]
fn second_change_times_out_on_a_locked_object() {
    for after_work in [false, true] {
        let api = impatient();
        let (ada, bob) = (id(&api.post("/v1/customers", &[])), id(&api.post("/v1/customers", &[])));
        let path = format!("/v1/customers/{ada}");
        slow(&api, &path, 1200, after_work);
        let first = in_parallel(&api, &path, &[("name", "first")]);
        wait_for_fault(&api);

        let started = Instant::now();
        let key = [("idempotency-key", "second")];
        let second = api.send("POST", &path, &[("name", "second")], &key);
        assert_eq!((second.status, second.code()), (429, "lock_timeout"), "{}", second.text);
        assert_eq!(second.json["error"]["type"], "invalid_request_error");
        assert!(started.elapsed() >= Duration::from_millis(150));
        // Other customers are not locked, and neither are reads.
        api.post(&format!("/v1/customers/{bob}"), &[("name", "Bob")]);
        let name = &api.get(&path, &[])["name"];
        assert_eq!(*name, if after_work { json!("first") } else { Value::Null });

        assert_eq!(first.join().unwrap().json["name"], "first");
        assert_eq!(api.get(&path, &[])["name"], "first", "the second was not done");
        // The refusal did not use the key.
        let again = api.send("POST", &path, &[("name", "second")], &key);
        assert_eq!((again.status, again.header("idempotent-replayed")), (200, None));
    }
}

#[test]
fn second_change_proceeds_when_the_lock_is_released() {
    let api = Api::new();
    let path = format!("/v1/customers/{}", id(&api.post("/v1/customers", &[])));
    slow(&api, &path, 300, true);
    let first = in_parallel(&api, &path, &[("name", "first")]);
    wait_for_fault(&api);
    assert_eq!(api.post(&path, &[("name", "second")])["name"], "second");
    assert_eq!(first.join().unwrap().status, 200);
    assert_eq!(api.get(&path, &[])["name"], "second");
}

#[test]
fn lock_covers_the_customer_of_the_object() {
    let api = impatient();
    let price = api.monthly("Pro", "usd", "1000");
    let form = [
        ("payment_method", "pm_card_visa"),
        ("invoice_settings[default_payment_method]", "pm_card_visa"),
    ];
    let customer = id(&api.post("/v1/customers", &form));
    let sub = api.subscribe(&customer, &price, &[]);
    let (invoice, sub) =
        (id(&api.invoices(&id(&sub))[0]), format!("/v1/subscriptions/{}", id(&sub)));
    let (customer_path, invoice_path) =
        (format!("/v1/customers/{customer}"), format!("/v1/invoices/{invoice}"));
    slow(&api, &sub, 2500, false);
    let first = in_parallel(&api, &sub, &[("metadata[a]", "1")]);
    wait_for_fault(&api);
    let item = [("customer", customer.as_str()), ("amount", "100"), ("currency", "usd")];
    for (path, form) in [
        (sub.as_str(), &[("metadata[b]", "2")][..]),
        (&customer_path, &[("name", "Ada")]),
        (&invoice_path, &[("metadata[b]", "2")]),
        ("/v1/invoiceitems", &item),
        ("/v1/subscriptions", &[("customer", &customer), ("items[0][price]", &price)]),
    ] {
        assert_eq!(api.refused(429, "POST", path, form).code(), "lock_timeout", "{path}");
    }
    // A preview only reads, and prices have no customer.
    api.post(
        "/v1/invoices/create_preview",
        &[("customer", &customer), ("subscription", &sub[18..])],
    );
    api.post(&format!("/v1/prices/{price}"), &[("nickname", "n")]);
    assert_eq!(first.join().unwrap().json["metadata"], json!({ "a": "1" }));
    api.post(&sub, &[("metadata[b]", "2")]);
}

#[test]
fn concurrent_changes_run_one_after_another() {
    let api = Api::new();
    let customer = id(&api.post("/v1/customers", &[]));
    let path = format!("/v1/customers/{customer}/balance_transactions");
    slow(&api, &path, 100, true);
    let requests: Vec<_> = (0..12)
        .map(|_| in_parallel(&api, &path, &[("amount", "-100"), ("currency", "usd")]))
        .collect();
    for request in requests {
        assert_eq!(request.join().unwrap().status, 200);
    }
    assert_eq!(api.get(&format!("/v1/customers/{customer}"), &[])["balance"], -1200);
}

#[test]
fn rate_limits_are_off_by_default() {
    let api = Api::new();
    for _ in 0..60 {
        api.get("/v1/products", &[]);
    }
    assert_eq!(api.admin("GET", "/limits", &Value::Null)["per_second"], Value::Null);
}

#[test]
fn exceeded_rate_limit_returns_429_with_optional_retry_header() {
    for (should_retry, header) in
        [(Value::Null, None), (json!(true), Some("true")), (json!(false), Some("false"))]
    {
        let api = Api::new();
        let limits =
            json!({ "per_endpoint_per_second": 2, "per_second": 3, "should_retry": should_retry });
        api.admin("POST", "/limits", &limits);
        let status = |path: &str| api.send("GET", path, &[], &[]).status;
        let customers: Vec<u16> = (0..3).map(|_| status("/v1/customers")).collect();
        assert_eq!(customers, [200, 200, 429]);
        // One more in total, on another endpoint. The refused POST does not use its key.
        assert_eq!(status("/v1/products"), 200);
        let post =
            || api.send("POST", "/v1/products", &[("name", "P")], &[("idempotency-key", "k")]);
        let refused = post();
        assert_eq!((refused.status, refused.code()), (429, "rate_limit"));
        assert_eq!(refused.header("stripe-should-retry"), header);
        api.admin("DELETE", "/limits", &Value::Null);
        assert_eq!((post().status, post().header("idempotent-replayed")), (200, Some("true")));
    }
}

#[test]
fn invoice_limits_apply_when_set() {
    let api = Api::new();
    let limits = json!({ "invoices_per_minute": 3, "invoices_per_day": 4 });
    api.admin("POST", "/limits", &limits);
    let clock = api.clock_at(datetime!(2027-01-01 00:00 UTC));
    let price = api.monthly("Seat", "usd", "1000");
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let sub = api.subscribe(&customer, &price, &[]);
    let (path, item) = (format!("/v1/subscriptions/{}", id(&sub)), id(&sub["items"]["data"][0]));
    let seats = |count: &str| {
        let form = [
            ("items[0][id]", item.as_str()),
            ("items[0][quantity]", count),
            ("proration_behavior", "always_invoice"),
        ];
        api.send("POST", &path, &form, &[])
    };
    // The first invoice was created with the subscription.
    let codes: Vec<u16> = ["2", "3", "4"].map(|count| seats(count).status).to_vec();
    assert_eq!(codes, [200, 200, 429]);
    assert_eq!(api.get(&path, &[])["items"]["data"][0]["quantity"], 3, "nothing was done");
    // An update without an invoice succeeds.
    api.post(&path, &[("metadata[a]", "1")]);
    api.advance(&clock, datetime!(2027-01-01 00:01 UTC));
    assert_eq!(seats("4").status, 200);
    api.advance(&clock, datetime!(2027-01-01 00:02 UTC));
    let refused = seats("5");
    assert_eq!((refused.status, refused.code()), (429, "rate_limit"));
    let manual = [("customer", customer.as_str()), ("subscription", &path[18..])];
    assert_eq!(api.refused(429, "POST", "/v1/invoices", &manual).code(), "rate_limit");
    api.advance(&clock, datetime!(2027-01-02 00:00 UTC));
    assert_eq!(seats("5").status, 200);
}
