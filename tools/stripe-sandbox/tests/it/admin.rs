//! Admin endpoints: keys, faults, the request log and the reset.

use serde_json::{Value, json};

use crate::support::{Api, encode};

const HEADERS: [(&str, &str); 2] = [
    ("authorization", "Bearer sk_test_sandbox"),
    ("content-type", "application/x-www-form-urlencoded"),
];

#[test]
fn keys_can_be_added_and_removed_at_runtime() {
    let mut api = Api::new();
    api.admin(
        "POST",
        "/keys",
        &json!({ "key": "rk_test_new", "permissions": ["rak_customer_write"] }),
    );
    api.admin("POST", "/keys", &json!({ "key": "sk_test_new", "permissions": null }));
    api.key = "rk_test_new".to_owned();
    api.post("/v1/customers", &[]);
    api.get("/v1/customers", &[]);
    api.refused(403, "GET", "/v1/products", &[]);
    api.admin("DELETE", "/keys/rk_test_new", &Value::Null);
    api.refused(401, "GET", "/v1/customers", &[]);
    api.key = "sk_test_new".to_owned();
    api.get("/v1/products", &[]);
}

#[test]
fn request_log_masks_keys() {
    let api = Api::new();
    api.get("/v1/customers", &[]);
    api.refused(404, "GET", "/v1/customers/cus_none", &[]);
    let log = api.admin("GET", "/requests", &Value::Null);
    let entry = &log["requests"][0];
    assert_eq!((&entry["status"], &entry["path"]), (&json!(404), &json!("/v1/customers/cus_none")));
    assert!(entry["request_id"].as_str().unwrap().starts_with("req_"));
    assert!(!log.to_string().contains("sk_test_sandbox"));
    let page = api.open("/");
    page.shows(200, "/v1/customers/cus_none");
    assert!(!page.text.contains("sk_test_sandbox"));
}

#[test]
fn log_pages_filter_requests_and_mask_secrets() {
    let api = Api::new();
    api.post("/v1/customers", &[("name", "Ada <b>")]);
    let missing = api.refused(404, "GET", "/v1/customers/cus_none", &[("expand[]", "tax")]);
    for (query, shown, hidden) in [
        ("?status=failed", "/v1/customers/cus_none", "POST /v1/customers<"),
        ("?status=404", "/v1/customers/cus_none", "POST /v1/customers<"),
        ("?status=2xx", "POST /v1/customers<", "cus_none"),
        ("?path=cus_none", "/v1/customers/cus_none", "POST /v1/customers<"),
        ("?status=5xx", "Nothing yet that fits.", "cus_none<"),
    ] {
        let page = api.open(&format!("/{query}"));
        page.shows(200, shown);
        assert!(!page.text.contains(hidden), "{query}: {}", page.text);
    }
    // The error links to the request's page in the log.
    let url = missing.json["error"]["request_log_url"].as_str().unwrap();
    assert!(url.ends_with(missing.header("request-id").unwrap()));
    let page = api.open(url);
    for text in ["No such customer", "<dt>expand[]</dt><dd>tax</dd>", "resource_missing"] {
        page.shows(200, text);
    }
    api.open("/requests/req_none").shows(404, "There is no such request");

    api.admin("POST", "/portal_configuration", &Value::Null);
    let customer = crate::support::id(&api.post("/v1/customers", &[]));
    let session = api.post("/v1/billing_portal/sessions", &[("customer", &customer)]);
    let door = session["url"].as_str().unwrap().rsplit('/').next().unwrap();
    let log = api.admin("GET", "/requests", &Value::Null);
    let request = log["requests"][0]["request_id"].as_str().unwrap();
    let page = api.open(&format!("/requests/{request}"));
    page.shows(200, "billing_portal.session");
    assert!(!page.text.contains(door));
}

#[test]
fn fault_applies_to_matching_requests_until_its_count_is_used() {
    let api = Api::new();
    let fault = json!({
        "path": "/v1/customers", "method": "GET", "count": 2, "kind": "status", "status": 429,
        "should_retry": true, "retry_after": 3,
    });
    api.admin("POST", "/faults", &fault);
    api.get("/v1/products", &[]);
    for _ in 0..2 {
        let refusal = api.refused(429, "GET", "/v1/customers", &[]);
        assert_eq!(refusal.code(), "rate_limit");
        assert_eq!(
            (refusal.header("stripe-should-retry"), refusal.header("retry-after")),
            (Some("true"), Some("3"))
        );
    }
    api.get("/v1/customers", &[]);
    api.admin("POST", "/faults", &json!({ "kind": "status", "status": 503 }));
    api.admin("DELETE", "/faults", &Value::Null);
    api.get("/v1/customers", &[]);
}

#[test]
fn hang_up_closes_the_connection_before_or_after_the_operation() {
    let api = Api::new();
    for (after_work, made) in [(false, 0), (true, 1)] {
        api.admin(
            "POST",
            "/faults",
            &json!({ "method": "POST", "kind": "cut", "after_work": after_work }),
        );
        let form = encode(&[("name", "Pro")]);
        assert!(api.raw("POST", "/v1/products", &HEADERS, &form).is_none());
        assert_eq!(api.get("/v1/products", &[])["data"].as_array().unwrap().len(), made);
    }
}

#[test]
fn lost_response_is_replayed_for_its_idempotency_key() {
    let api = Api::new();
    api.admin("POST", "/faults", &json!({ "kind": "status", "status": 500, "after_work": true }));
    let key = [("idempotency-key", "lost")];
    assert_eq!(api.send("POST", "/v1/products", &[("name", "Pro")], &key).status, 500);
    let again = api.send("POST", "/v1/products", &[("name", "Pro")], &key);
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, Some("true")));
    assert_eq!(api.get("/v1/products", &[])["data"].as_array().unwrap().len(), 1);
}

#[test]
fn garbage_fault_returns_invalid_json() {
    let api = Api::new();
    api.admin("POST", "/faults", &json!({ "kind": "garbage" }));
    let reply = api.raw("GET", "/v1/products", &HEADERS, "").unwrap();
    assert_eq!((reply.status, reply.json), (200, Value::Null));
}

#[test]
fn reset_removes_everything_except_keys() {
    let api = Api::new();
    api.admin("POST", "/keys", &json!({ "key": "sk_test_other" }));
    api.product("Pro");
    api.admin("POST", "/reset", &Value::Null);
    assert_eq!(api.get("/v1/products", &[])["data"], json!([]));
    let headers = [("authorization", "Bearer sk_test_other")];
    assert_eq!(api.raw("GET", "/v1/products", &headers, "").unwrap().status, 200);
}

#[test]
fn payment_failure_settings_can_be_changed_at_runtime() {
    let api = Api::new();
    let before = json!({
        "retry_days": [3, 5, 7], "retries_exhausted": "unpaid",
        "pause_on_first_failure": false, "resume_when_paid": false,
        "debit_success_seconds": 345_600, "debit_failure_seconds": 172_800,
        "card_processing_seconds": 3_600,
    });
    assert_eq!(api.admin("GET", "/settings", &Value::Null), before);
    let change = json!({
        "retry_days": [1], "resume_when_paid": true, "card_processing_seconds": 60,
    });
    let changed = api.admin("POST", "/settings", &change);
    let after = json!({
        "retry_days": [1], "retries_exhausted": "unpaid",
        "pause_on_first_failure": false, "resume_when_paid": true,
        "debit_success_seconds": 345_600, "debit_failure_seconds": 172_800,
        "card_processing_seconds": 60,
    });
    assert_eq!(changed, after);
    for (body, word) in [
        (json!({ "retry_hours": [1] }), "retry_hours"),
        (json!({ "retries_exhausted": "forget" }), "forget"),
        (json!({ "retry_days": [-1] }), "-1"),
    ] {
        let refusal = api.raw("POST", "/_sandbox/settings", &[], &body.to_string()).unwrap();
        assert_eq!(refusal.status, 400, "{body}");
        assert!(refusal.json["error"].as_str().unwrap().contains(word), "{}", refusal.text);
    }
    assert_eq!(api.admin("GET", "/settings", &Value::Null), after);
}

#[test]
fn population_creates_customers_with_subscriptions() {
    let api = Api::new();
    let price = api.monthly("Pro", "usd", "1000");
    let made = api.admin("POST", "/population", &json!({ "customers": 30, "price": price }));
    let list = api.get("/v1/subscriptions", &[("limit", "100"), ("status", "active")]);
    assert_eq!(list["data"].as_array().unwrap().len(), 30);
    assert_eq!(list["data"][0]["customer"], made["last_customer"]);
    let by_mail = api.get("/v1/customers", &[("email", "customer-7@example.com")]);
    assert_eq!(by_mail["data"].as_array().unwrap().len(), 1);
    let unknown = json!({ "customers": 1, "price": "price_none" }).to_string();
    assert_eq!(api.raw("POST", "/_sandbox/population", &[], &unknown).unwrap().status, 400);
}
