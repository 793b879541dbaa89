//! Stripe's protocol: keys, versions, errors, expansion, pagination and idempotency.

use serde_json::{Value, json};
use stripe_sandbox::Config;

use crate::support::{Api, Form, encode, id};

fn paying_customer(api: &Api) -> String {
    let form = [
        ("payment_method", "pm_card_visa"),
        ("invoice_settings[default_payment_method]", "pm_card_visa"),
    ];
    id(&api.post("/v1/customers", &form))
}

#[test]
fn unknown_and_missing_keys_are_refused() {
    let api = Api::new();
    let basic = format!("Basic {}", "c2tfdGVzdF9zYW5kYm94Og==");
    let status =
        |headers: &[(&str, &str)]| api.raw("GET", "/v1/customers", headers, "").unwrap().status;
    assert_eq!(status(&[("authorization", "Bearer sk_test_sandbox")]), 200);
    assert_eq!(status(&[("authorization", &basic)]), 200);
    assert_eq!(status(&[]), 401);
    let wrong = api
        .raw("GET", "/v1/customers", &[("authorization", "Bearer sk_test_wrongwrongwrong")], "")
        .unwrap();
    assert_eq!(
        (wrong.status, wrong.message()),
        (401, "Invalid API Key provided: sk_test_***********rong")
    );
}

#[test]
fn restricted_key_error_names_the_missing_permission() {
    let permissions = vec!["rak_subscription_read".to_owned(), "rak_invoice_read".to_owned()];
    let config = Config {
        restricted_keys: vec![("rk_test_reader".to_owned(), permissions)],
        ..Config::default()
    };
    let mut api = Api::with(&config);
    let base = api.monthly("Pro", "usd", "100");
    let customer = paying_customer(&api);
    let sub = id(&api.subscribe(&customer, &base, &[]));
    api.key = "rk_test_reader".to_owned();
    api.get("/v1/subscriptions", &[("customer", &customer)]);
    // A preview is a POST that only reads.
    api.post("/v1/invoices/create_preview", &[("subscription", &sub)]);
    let path = format!("/v1/subscriptions/{sub}");
    api.get(&path, &[("expand[]", "latest_invoice")]);
    for (method, path, form, missing) in [
        ("POST", "/v1/subscriptions", &[][..], "rak_subscription_write"),
        ("GET", "/v1/customers", &[], "rak_customer_read"),
        ("GET", "/v1/prices", &[], "rak_plan_read"),
        ("GET", path.as_str(), &[("expand[]", "customer")], "rak_customer_read"),
    ] {
        let refusal = api.refused(403, method, path, form);
        let expected =
            format!("Having the '{missing}' permission would allow this request to continue.");
        assert!(refusal.message().ends_with(&expected), "{}", refusal.message());
    }
}

#[test]
fn other_api_versions_are_refused() {
    let api = Api::new();
    let send = |version: &str| {
        let headers = [("authorization", "Bearer sk_test_sandbox"), ("stripe-version", version)];
        api.raw("GET", "/v1/customers", &headers, "").unwrap()
    };
    assert_eq!(send("2026-09-30.endive").header("stripe-version"), Some("2026-09-30.endive"));
    assert_eq!(send("2026-06-24.dahlia").status, 400);
}

#[test]
fn parameter_errors_use_stripes_messages() {
    let api = Api::new();
    let rows: [(&str, &str, Form<'_>, &str, &str, &str); 9] = [
        (
            "POST",
            "/v1/customers",
            &[("foo", "1")],
            "parameter_unknown",
            "foo",
            "Received unknown parameter: foo",
        ),
        (
            "POST",
            "/v1/customers",
            &[("invoice_settings[foo]", "1")],
            "parameter_unknown",
            "invoice_settings[foo]",
            "Received unknown parameter: invoice_settings[foo]",
        ),
        ("POST", "/v1/products", &[], "parameter_missing", "name", "Missing required param: name."),
        (
            "POST",
            "/v1/customers",
            &[("balance", "1.5")],
            "parameter_invalid_integer",
            "balance",
            "Invalid integer: 1.5",
        ),
        (
            "GET",
            "/v1/customers",
            &[("limit", "101")],
            "parameter_invalid_integer",
            "limit",
            "This value must be less than or equal to 100 (it currently is '101').",
        ),
        (
            "GET",
            "/v1/invoices",
            &[("status", "due")],
            "",
            "status",
            "Invalid status: must be one of draft, open, void, paid, or uncollectible",
        ),
        (
            "POST",
            "/v1/invoices",
            &[("customer", "cus_none")],
            "resource_missing",
            "customer",
            "No such customer: 'cus_none'",
        ),
        (
            "GET",
            "/v1/customers",
            &[("starting_after", "cus_none")],
            "resource_missing",
            "starting_after",
            "No such customer: 'cus_none'",
        ),
        (
            "POST",
            "/v1/subscriptions",
            &[("customer", "cus_1"), ("items[0][price]", "p"), ("on_behalf_of", "acct_1")],
            "sandbox_not_imitated",
            "on_behalf_of",
            "stripe-sandbox does not imitate the parameter: on_behalf_of",
        ),
    ];
    for (method, path, form, code, param, message) in rows {
        let refusal = api.refused(400, method, path, form);
        assert_eq!((refusal.message(), refusal.code()), (message, code));
        assert_eq!(refusal.json["error"]["param"], param);
        assert_eq!(refusal.json["error"]["type"], "invalid_request_error");
    }
    let refusal = api.refused(400, "POST", "/v1/products", &[("name", "")]);
    assert_eq!(refusal.code(), "parameter_invalid_empty");
}

#[test]
fn unknown_ids_and_paths_return_404() {
    let api = Api::new();
    let missing = api.refused(404, "GET", "/v1/customers/cus_none", &[]);
    assert_eq!(
        (missing.code(), &missing.json["error"]["param"]),
        ("resource_missing", &json!("id"))
    );
    let unknown = api.refused(404, "GET", "/v1/foo", &[]);
    assert!(unknown.message().starts_with("Unrecognized request URL (GET: /v1/foo)."));
    assert!(unknown.header("request-id").unwrap().starts_with("req_"));
    api.refused(404, "DELETE", "/v1/customers", &[]);
}

#[test]
fn bare_question_mark_and_both_array_notations_are_accepted() {
    let api = Api::new();
    let product = api.product("Pro");
    let headers = [("authorization", "Bearer sk_test_sandbox")];
    assert_eq!(api.raw("GET", "/v1/products?", &headers, "").unwrap().status, 200);
    for query in ["ids[]=", "ids%5B%5D=", "ids[0]="] {
        let reply =
            api.raw("GET", &format!("/v1/products?{query}{product}"), &headers, "").unwrap();
        assert_eq!(reply.json["data"][0]["id"], *product, "{query}");
    }
    let json = [("authorization", "Bearer sk_test_sandbox"), ("content-type", "application/json")];
    assert_eq!(api.raw("POST", "/v1/customers", &json, "{}").unwrap().status, 400);
}

#[test]
fn expansion_is_limited_to_four_levels() {
    let api = Api::new();
    let base = api.monthly("Pro", "usd", "100");
    let sub = id(&api.subscribe(&paying_customer(&api), &base, &[]));
    let path = format!("/v1/subscriptions/{sub}");
    let shown = api.get(
        &path,
        &[("expand[]", "items.data.price.product"), ("expand[]", "latest_invoice.payments")],
    );
    assert_eq!(shown["items"]["data"][0]["price"]["product"]["name"], "Pro");
    assert_eq!(shown["latest_invoice"]["payments"]["data"][0]["status"], "paid");
    let plain = api.get(&path, &[]);
    assert!(plain["latest_invoice"].is_string());
    let invoice = format!("/v1/invoices/{}", plain["latest_invoice"].as_str().unwrap());
    let unexpanded = api.get(&invoice, &[]);
    assert!(
        unexpanded.get("payments").is_none() && unexpanded.get("confirmation_secret").is_none()
    );
    let deep = api.get(&invoice, &[("expand[]", "payments.data.payment.payment_intent")]);
    assert_eq!(deep["payments"]["data"][0]["payment"]["payment_intent"]["status"], "succeeded");

    for (path, expand, code, message) in [
        (
            path.as_str(),
            "latest_invoice.payments.data.payment.payment_intent",
            "property_expansion_max_depth",
            "You cannot expand more than 4 levels of a property. Property: latest_invoice.payments.data.payment.payment_intent",
        ),
        (
            "/v1/subscriptions",
            "data.items.data.price.product",
            "property_expansion_max_depth",
            "You cannot expand more than 4 levels of a property. Property: data.items.data.price.product",
        ),
        (path.as_str(), "foo", "", "This property cannot be expanded (foo)."),
        (path.as_str(), "status", "", "This property cannot be expanded (status)."),
        (
            "/v1/subscriptions",
            "customer",
            "",
            "This property cannot be expanded (customer). You may want to try expanding 'data.customer' instead.",
        ),
    ] {
        let refusal = api.refused(400, "GET", path, &[("expand[]", expand)]);
        assert_eq!((refusal.message(), refusal.code()), (message, code));
    }
}

#[test]
fn invalid_expansion_is_refused_before_the_operation() {
    let api = Api::new();
    api.refused(400, "POST", "/v1/products", &[("name", "Pro"), ("expand[]", "foo")]);
    assert_eq!(api.get("/v1/products", &[])["data"], json!([]));
}

#[test]
fn pages_together_contain_the_whole_list() {
    let api = Api::new();
    let made: Vec<String> = (0..23).map(|n| api.product(&format!("P{n}"))).collect();
    let newest_first: Vec<String> = made.into_iter().rev().collect();
    let ids =
        |page: &Value| -> Vec<String> { page["data"].as_array().unwrap().iter().map(id).collect() };
    assert_eq!(ids(&api.get("/v1/products", &[])).len(), 10);

    let mut seen: Vec<String> = Vec::new();
    loop {
        let mut form = vec![("limit", "5")];
        let last = seen.last().cloned().unwrap_or_default();
        if !seen.is_empty() {
            form.push(("starting_after", last.as_str()));
        }
        let page = api.get("/v1/products", &form);
        assert_eq!(page["url"], "/v1/products");
        seen.extend(ids(&page));
        if page["has_more"] == false {
            break;
        }
    }
    assert_eq!(seen, newest_first);
    let page = api.get("/v1/products", &[("limit", "4"), ("ending_before", &newest_first[10])]);
    assert_eq!((ids(&page), &page["has_more"]), (newest_first[6..10].to_vec(), &json!(true)));
    let both = [("starting_after", newest_first[0].as_str()), ("ending_before", &newest_first[1])];
    assert_eq!(api.refused(400, "GET", "/v1/products", &both).code(), "");
}

#[test]
fn embedded_lists_have_ten_entries_and_a_url() {
    let api = Api::new();
    let customer = paying_customer(&api);
    for _ in 0..12 {
        let form = [("customer", customer.as_str()), ("amount", "100"), ("currency", "usd")];
        api.post("/v1/invoiceitems", &form);
    }
    let form = [("customer", customer.as_str()), ("pending_invoice_items_behavior", "include")];
    let invoice = api.post("/v1/invoices", &form);
    let lines = &invoice["lines"];
    assert_eq!((lines["data"].as_array().unwrap().len(), &lines["has_more"]), (10, &json!(true)));
    assert_eq!(invoice["total"], 1200);
    let last = id(&lines["data"][9]);
    let rest = api.get(lines["url"].as_str().unwrap(), &[("starting_after", &last)]);
    assert_eq!((rest["data"].as_array().unwrap().len(), &rest["has_more"]), (2, &json!(false)));
}

fn keyed(api: &Api, key: &str, path: &str, form: Form<'_>) -> crate::support::Reply {
    api.send("POST", path, form, &[("idempotency-key", key)])
}

#[test]
fn retry_with_the_same_key_replays_the_response() {
    let api = Api::new();
    let first = keyed(&api, "k1", "/v1/customers", &[("name", "Ada"), ("email", "a@example.com")]);
    let again = keyed(&api, "k1", "/v1/customers", &[("email", "a@example.com"), ("name", "Ada")]);
    assert_eq!(first.text, again.text);
    assert_eq!(api.get("/v1/customers", &[])["data"].as_array().unwrap().len(), 1);
    assert_eq!(
        (first.header("idempotent-replayed"), again.header("idempotent-replayed")),
        (None, Some("true"))
    );
    assert_eq!(first.header("original-request"), first.header("request-id"));
    assert_eq!(again.header("original-request"), first.header("request-id"));
    assert_ne!(again.header("request-id"), first.header("request-id"));
    assert_eq!(again.header("idempotency-key"), Some("k1"));

    let other = keyed(&api, "k1", "/v1/customers", &[("name", "Bob")]);
    assert_eq!((other.status, &other.json["error"]["type"]), (400, &json!("idempotency_error")));
    assert_eq!(keyed(&api, "k1", "/v1/products", &[("name", "Ada")]).status, 400);
    api.pass(86_400);
    keyed(&api, "k1", "/v1/customers", &[("name", "Bob")]);
    assert_eq!(api.get("/v1/customers", &[])["data"].as_array().unwrap().len(), 2);
}

#[test]
fn operation_errors_are_stored_and_validation_errors_are_not() {
    let api = Api::new();
    let base = api.monthly("Pro", "usd", "100");
    let customer = id(&api.post("/v1/customers", &[]));
    let form = [("customer", customer.as_str()), ("items[0][price]", &base)];
    let refused = keyed(&api, "work", "/v1/subscriptions", &form);
    assert_eq!(refused.status, 400);
    // With a card it would succeed now, but the response is stored.
    let card = id(&api.post("/v1/payment_methods/pm_card_visa/attach", &[("customer", &customer)]));
    api.post(
        &format!("/v1/customers/{customer}"),
        &[("invoice_settings[default_payment_method]", &card)],
    );
    let replayed = keyed(&api, "work", "/v1/subscriptions", &form);
    assert_eq!((replayed.status, replayed.text), (400, refused.text));

    assert_eq!(keyed(&api, "check", "/v1/products", &[]).status, 400);
    assert_eq!(keyed(&api, "check", "/v1/products", &[("name", "Pro")]).status, 200);
    let long = "k".repeat(256);
    assert_eq!(keyed(&api, &long, "/v1/products", &[("name", "Pro")]).status, 400);
}

#[test]
fn declined_payment_is_stored_for_the_key() {
    let api = Api::new();
    let customer = paying_customer(&api);
    let invoice = id(&api.post("/v1/invoices", &[("customer", &customer)]));
    let form = [
        ("customer", customer.as_str()),
        ("invoice", &invoice),
        ("amount", "900"),
        ("currency", "usd"),
    ];
    api.post("/v1/invoiceitems", &form);
    let path = format!("/v1/invoices/{invoice}/pay");
    let form = [("payment_method", "pm_card_chargeDeclined")];
    let first = keyed(&api, "pay", &path, &form);
    let again = keyed(&api, "pay", &path, &form);
    assert_eq!((first.status, again.status), (402, 402));
    assert_eq!(first.text, again.text);
}

#[test]
fn key_of_a_running_request_returns_409() {
    let api = Api::new();
    let fault =
        json!({ "path": "/v1/products", "kind": "latency", "delay_ms": 400, "after_work": true });
    api.admin("POST", "/faults", &fault);
    let address = api.address();
    let slow = std::thread::spawn(move || {
        let headers = [
            ("authorization", "Bearer sk_test_sandbox"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("idempotency-key", "slow"),
        ];
        crate::support::exchange(
            address,
            "POST",
            "/v1/products",
            &headers,
            &encode(&[("name", "Pro")]),
        )
        .unwrap()
    });
    std::thread::sleep(std::time::Duration::from_millis(150));
    let running = keyed(&api, "slow", "/v1/products", &[("name", "Pro")]);
    assert_eq!((running.status, running.code()), (409, "idempotency_key_in_use"));
    assert_eq!(slow.join().unwrap().status, 200);
    let replayed = keyed(&api, "slow", "/v1/products", &[("name", "Pro")]);
    assert_eq!((replayed.status, replayed.header("idempotent-replayed")), (200, Some("true")));
}
