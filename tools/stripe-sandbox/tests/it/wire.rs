//! Edge cases of the protocol: forms, headers, keys and permissions, lists and filters.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};
use stripe_sandbox::Config;
use time::macros::datetime;

use crate::support::{Api, Form, Reply, id};

const KEY: (&str, &str) = ("authorization", "Bearer sk_test_sandbox");

fn encoded(api: &Api, path: &str, body: &str) -> Reply {
    api.raw("POST", path, &[KEY], body).unwrap()
}

fn ids(list: &Value) -> Vec<String> {
    list["data"].as_array().unwrap().iter().map(id).collect()
}

#[test]
fn arrays_are_accepted_in_every_notation_and_ordered_by_index() {
    let api = Api::new();
    let customer = id(&api.post("/v1/customers", &[]));
    let [a, b, c] = ["A", "B", "C"].map(|name| api.monthly(name, "usd", "0"));
    for items in [
        format!("items[0][price]={a}&items[1][price]={b}&items[2][price]={c}"),
        format!("items[][price]={a}&items[][price]={b}&items[][price]={c}"),
        format!("items[2][price]={c}&items[0][price]={a}&items[1][price]={b}"),
        format!("items[0][price]={a}&items[][price]={b}&items[][price]={c}"),
        format!("items[3][price]={a}&items[7][price]={b}&items[][price]={c}"),
        format!("items%5B0%5D%5Bprice%5D={a}&items%5B1%5D[price]={b}&items[2][price]={c}"),
        format!(
            "items[][price]={a}&items[][metadata][k]=v&items[][price]={b}&items[][price]={c}&items[][quantity]=1"
        ),
    ] {
        let made = encoded(&api, "/v1/subscriptions", &format!("customer={customer}&{items}"));
        let prices: Vec<&str> = made.json["items"]["data"]
            .as_array()
            .unwrap_or_else(|| panic!("{items}: {}", made.text))
            .iter()
            .map(|item| item["price"]["id"].as_str().unwrap())
            .collect();
        assert_eq!(prices, [a.as_str(), &b, &c], "{items}");
    }
    let refused =
        encoded(&api, "/v1/subscriptions", &format!("customer={customer}&items[a][price]={a}"));
    assert_eq!((refused.status, refused.message()), (400, "Invalid array"));
}

#[test]
fn names_and_values_are_decoded_and_malformed_ones_are_refused() {
    let api = Api::new();
    let body = "name=A%2BB+%26%20%C3%A9&metadata%5Bkey%20one%5D=1%3D1&metadata[b%5Bc]=2";
    let customer = encoded(&api, "/v1/customers", body).json;
    assert_eq!(customer["name"], "A+B & é");
    assert_eq!(customer["metadata"], json!({ "key one": "1=1", "b[c": "2" }));
    for bad in ["name=%zz", "name=%ff", "name[=x", "name=a&name=b", "name=a&name[b]=c", "[a]=b"] {
        let refused = encoded(&api, "/v1/customers", bad);
        assert_eq!(
            (refused.status, refused.json["error"]["type"].as_str()),
            (400, Some("invalid_request_error")),
            "{bad}"
        );
    }
}

#[test]
fn empty_string_clears_optional_fields_and_is_refused_elsewhere() {
    let api = Api::new();
    let form = [
        ("payment_method", "pm_card_visa"),
        ("invoice_settings[default_payment_method]", "pm_card_visa"),
        ("name", "Ada"),
        ("description", "x"),
        ("metadata[a]", "1"),
        ("metadata[b]", "2"),
        ("address[city]", "Ulm"),
    ];
    let customer = id(&api.post("/v1/customers", &form));
    let path = format!("/v1/customers/{customer}");
    let after =
        api.post(&path, &[("name", ""), ("description", ""), ("address", ""), ("metadata[a]", "")]);
    assert_eq!(
        (&after["name"], &after["description"], &after["address"], &after["metadata"]),
        (&Value::Null, &Value::Null, &Value::Null, &json!({ "b": "2" }))
    );
    assert_eq!(api.post(&path, &[("metadata", "")])["metadata"], json!({}));

    let price = api.monthly("Pro", "usd", "1000");
    let coupon = id(&api.post("/v1/coupons", &[("percent_off", "10"), ("duration", "forever")]));
    let rate = [("display_name", "VAT"), ("percentage", "19"), ("inclusive", "false")];
    let rate = id(&api.post("/v1/tax_rates", &rate));
    let far = "1900000000";
    let more = [
        ("discounts[0][coupon]", coupon.as_str()),
        ("default_tax_rates[0]", &rate),
        ("description", "d"),
        ("cancel_at", far),
    ];
    let sub = api.subscribe(&customer, &price, &more);
    let path = format!("/v1/subscriptions/{}", id(&sub));
    let unset = [
        "discounts",
        "default_tax_rates",
        "description",
        "cancel_at",
        "pause_collection",
        "default_payment_method",
    ];
    let form: Vec<(&str, &str)> = unset.iter().map(|name| (*name, "")).collect();
    let after = api.post(&path, &form);
    assert_eq!((&after["discounts"], &after["default_tax_rates"]), (&json!([]), &json!([])));
    assert_eq!((&after["description"], &after["cancel_at"]), (&Value::Null, &Value::Null));

    let item = id(&sub["items"]["data"][0]);
    for (path, name) in [
        (path.as_str(), "cancel_at_period_end"),
        (&path, "proration_behavior"),
        (&path, "items[0][price]"),
        ("/v1/products", "name"),
        ("/v1/invoices", "customer"),
        ("/v1/checkout/sessions", "mode"),
    ] {
        let form = [("items[0][id]", item.as_str()), (name, "")];
        let form = if name.starts_with("items") { &form[..] } else { &form[1..] };
        let refused = api.refused(400, "POST", path, form);
        assert_eq!(
            (refused.code(), &refused.json["error"]["param"]),
            ("parameter_invalid_empty", &json!(name))
        );
        assert!(
            refused.message().starts_with(&format!("You passed an empty string for '{name}'."))
        );
    }
}

#[test]
fn error_names_all_unknown_parameters_of_a_level() {
    let api = Api::new();
    let refused =
        api.refused(400, "POST", "/v1/customers", &[("foo", "1"), ("name", "A"), ("bar[x]", "1")]);
    assert_eq!(refused.message(), "Received unknown parameters: foo, bar");
    assert_eq!(
        (refused.code(), &refused.json["error"]["param"]),
        ("parameter_unknown", &json!("foo"))
    );
}

#[test]
fn parameters_removed_in_this_version_are_refused() {
    let api = Api::new();
    let price = api.monthly("Pro", "usd", "1000");
    let customer = id(&api.post(
        "/v1/customers",
        &[
            ("payment_method", "pm_card_visa"),
            ("invoice_settings[default_payment_method]", "pm_card_visa"),
        ],
    ));
    let sub = id(&api.subscribe(&customer, &price, &[]));
    let path = format!("/v1/subscriptions/{sub}");
    let anchor = api.refused(400, "POST", &path, &[("billing_cycle_anchor", "now")]);
    assert_eq!(
        (anchor.message(), &anchor.json["error"]["param"]),
        ("Invalid object", &json!("billing_cycle_anchor"))
    );
    api.post(&path, &[("billing_cycle_anchor[type]", "unchanged")]);
    let form =
        [("subscription", sub.as_str()), ("subscription_details[billing_cycle_anchor]", "now")];
    assert_eq!(
        api.refused(400, "POST", "/v1/invoices/create_preview", &form).message(),
        "Invalid object"
    );
    let form = [
        ("mode", "subscription"),
        ("line_items[0][price]", &price),
        ("payment_method_types[0]", "card"),
    ];
    let refused = api.refused(400, "POST", "/v1/checkout/sessions", &form);
    assert_eq!(refused.code(), "payment_method_types_no_longer_supported");
    let form = [("customer", customer.as_str()), ("items[0][price]", &price), ("coupon", "x")];
    assert_eq!(api.refused(400, "POST", "/v1/subscriptions", &form).code(), "parameter_unknown");
}

#[test]
fn each_kind_of_invalid_key_returns_its_401() {
    let api = Api::new();
    api.admin("POST", "/keys", &json!({ "key": "sk_test_oldoldoldold", "expired": true }));
    for (authorization, code, starts) in [
        (None, "", "You did not provide an API key."),
        (Some("Bearer "), "", "You did not provide an API key."),
        (Some("Token sk_test_sandbox"), "", "You did not provide an API key."),
        (Some("Basic !!!"), "", "You did not provide an API key."),
        (
            Some("Bearer sk_test_unknownunknown"),
            "",
            "Invalid API Key provided: sk_test_**********nown",
        ),
        (Some("Basic c2tfdGVzdF91bmtub3duMTIzNDo="), "", "Invalid API Key provided: sk_test_****"),
        (
            Some("Bearer sk_test_oldoldoldold"),
            "api_key_expired",
            "Expired API Key provided: sk_test_****",
        ),
    ] {
        let headers: Vec<(&str, &str)> =
            authorization.map(|value| ("authorization", value)).into_iter().collect();
        let refused = api.raw("GET", "/v1/customers", &headers, "").unwrap();
        assert_eq!((refused.status, refused.code()), (401, code), "{authorization:?}");
        assert!(refused.message().starts_with(starts), "{}", refused.message());
        assert_eq!(refused.json["error"]["type"], "invalid_request_error");
        assert!(refused.header("request-id").is_some());
    }
    // Basic authentication takes the key as the user.
    let headers = [("authorization", "basic c2tfdGVzdF9zYW5kYm94Og==")];
    assert_eq!(api.raw("GET", "/v1/customers", &headers, "").unwrap().status, 200);
}

#[test]
fn other_versions_and_accounts_are_refused() {
    let api = Api::new();
    let send = |name: &str, value: &str| {
        api.raw("GET", "/v1/customers", &[KEY, (name, value)], "").unwrap()
    };
    let absent = api.raw("GET", "/v1/customers", &[KEY], "").unwrap();
    assert_eq!((absent.status, absent.header("stripe-version")), (200, Some("2026-09-30.endive")));
    for version in ["2026-10-28.endive", "2020-08-27", ""] {
        let refused = send("stripe-version", version);
        assert_eq!(refused.status, 400);
        assert!(
            refused.message().contains("supports only 2026-09-30.endive"),
            "{}",
            refused.message()
        );
    }
    for header in ["stripe-account", "stripe-context"] {
        let refused = send(header, "acct_1");
        assert_eq!((refused.status, refused.code()), (400, "sandbox_not_imitated"));
        assert!(refused.message().contains("Connect"));
    }
}

#[test]
fn unknown_paths_and_methods_return_stripes_404() {
    let api = Api::new();
    for (method, path) in [
        ("GET", "/v1/x"),
        ("PUT", "/v1/customers"),
        ("PATCH", "/v1/customers/cus_1"),
        ("OPTIONS", "/v1/customers"),
        ("DELETE", "/v1/customers"),
        ("GET", "/v1"),
        ("GET", "/v1/customers/cus_1/x"),
    ] {
        let refused = api.raw(method, path, &[KEY], "").unwrap();
        let expected = format!("Unrecognized request URL ({method}: {path}). Please see");
        assert!(refused.message().starts_with(&expected), "{method} {path}: {}", refused.text);
        assert_eq!(refused.status, 404);
    }
    let slash = api.raw("GET", "/v1/customers/", &[KEY], "").unwrap();
    assert!(slash.message().contains("remove the trailing slash"), "{}", slash.text);
}

#[test]
fn ids_in_a_path_are_decoded() {
    let api = Api::new();
    api.post("/v1/coupons", &[("id", "50%+5/x"), ("percent_off", "50"), ("duration", "once")]);
    assert_eq!(api.get("/v1/coupons/50%25+5%2Fx", &[])["id"], "50%+5/x");
    api.refused(404, "GET", "/v1/coupons/50%25", &[]);
}

#[test]
fn oversized_and_wrongly_typed_bodies_are_refused() {
    let api = Api::new();
    let mut stream = TcpStream::connect(api.address()).unwrap();
    let head = "POST /v1/customers HTTP/1.1\r\nhost: sandbox\r\ncontent-length: 50000000\r\nconnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert!(
        response.starts_with("HTTP/1.1 413") && response.contains("invalid_request_error"),
        "{response}"
    );
    for content in ["application/json", "multipart/form-data; boundary=x", "text/plain"] {
        let refused =
            api.raw("POST", "/v1/customers", &[KEY, ("content-type", content)], "{}").unwrap();
        assert_eq!(refused.status, 400, "{content}");
        assert!(refused.message().contains("application/x-www-form-urlencoded"));
    }
    let charset = [KEY, ("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
    assert_eq!(api.raw("POST", "/v1/customers", &charset, "name=A").unwrap().json["name"], "A");
}

#[test]
fn lists_support_limits_cursors_and_date_filters() {
    let api = Api::new();
    let clock = api.clock_at(datetime!(2027-01-01 00:00 UTC));
    let price = api.monthly("Pro", "usd", "1000");
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let sub = id(&api.subscribe(&customer, &price, &[]));
    for month in [time::Month::February, time::Month::March] {
        let start = datetime!(2027-01-01 02:00 UTC).replace_month(month).unwrap();
        api.advance(&clock, start);
    }
    let all = ids(&api.get("/v1/invoices", &[("customer", &customer)]));
    assert_eq!(all.len(), 3);
    let of = |more: Form<'_>| {
        let form = [&[("customer", customer.as_str())], more].concat();
        ids(&api.get("/v1/invoices", &form))
    };
    let at = |month: time::Month| {
        datetime!(2027-01-01 00:00 UTC).replace_month(month).unwrap().unix_timestamp().to_string()
    };
    let (january, february) = (at(time::Month::January), at(time::Month::February));
    assert_eq!(of(&[("created", &january)]), all[2..]);
    assert_eq!(of(&[("created[gte]", &february)]), all[..2]);
    assert_eq!(of(&[("created[gt]", &february)]), all[..1]);
    assert_eq!(of(&[("created[lt]", &february)]), all[2..]);
    assert_eq!(of(&[("created[gt]", &january), ("created[lte]", &february)]), all[1..2]);
    assert_eq!(of(&[("status", "paid"), ("subscription", &sub), ("limit", "2")]), all[..2]);
    assert_eq!(of(&[("starting_after", &all[0])]), all[1..], "the edge itself is not in it");
    assert_eq!(of(&[("ending_before", &all[2])]), all[..2]);
    assert_eq!(of(&[("collection_method", "send_invoice")]), Vec::<String>::new());

    let listed = |path: &str, form: Form<'_>| ids(&api.get(path, form)).len();
    assert_eq!(listed("/v1/payment_intents", &[]), 0, "on a test clock");
    assert_eq!(listed("/v1/payment_intents", &[("customer", &customer)]), 3);
    assert_eq!(listed("/v1/subscriptions", &[]), 0);
    assert_eq!(listed("/v1/subscriptions", &[("test_clock", &clock), ("price", &price)]), 1);
    for (path, name, value, code) in [
        ("/v1/invoices", "limit", "0", "parameter_invalid_integer"),
        ("/v1/invoices", "limit", "101", "parameter_invalid_integer"),
        ("/v1/invoices", "limit", "x", "parameter_invalid_integer"),
        ("/v1/invoices", "limit", "", "parameter_invalid_empty"),
        ("/v1/invoices", "created[from]", "1", "parameter_unknown"),
        ("/v1/invoices", "created[gte]", "x", "parameter_invalid_integer"),
        ("/v1/invoices", "starting_after", "in_none", "resource_missing"),
        ("/v1/invoices", "ending_before", "in_none", "resource_missing"),
        ("/v1/invoices", "customer", "cus_none", "resource_missing"),
        ("/v1/invoices", "subscription", "sub_none", "resource_missing"),
        ("/v1/subscriptions", "price", "price_none", "resource_missing"),
        ("/v1/subscriptions", "test_clock", "clock_none", "resource_missing"),
        ("/v1/subscriptions", "status", "live", ""),
    ] {
        let refused = api.refused(400, "GET", path, &[(name, value)]);
        assert_eq!(
            (refused.code(), &refused.json["error"]["param"]),
            (code, &json!(name)),
            "{path} {name}"
        );
    }
}

#[test]
fn get_and_delete_ignore_idempotency_keys() {
    let api = Api::new();
    let customer = format!("/v1/customers/{}", id(&api.post("/v1/customers", &[])));
    let key = [("idempotency-key", "k")];
    for (method, status) in [("GET", 200), ("GET", 200), ("DELETE", 200), ("DELETE", 404)] {
        let reply = api.send(method, &customer, &[], &key);
        assert_eq!((reply.status, reply.header("idempotency-key")), (status, None), "{method}");
    }
    assert_eq!(api.send("POST", "/v1/customers", &[], &key).status, 200);
}

/// Errors of the operation are stored; retryable errors and those before the operation are not.
#[test]
fn key_is_not_stored_for_errors_before_the_operation() {
    let mut api = Api::new();
    let key = [("idempotency-key", "k")];
    api.admin("POST", "/keys", &json!({ "key": "rk_test_none", "permissions": [] }));
    for (status, used) in [(401, "sk_test_wrong"), (403, "rk_test_none"), (429, "sk_test_sandbox")]
    {
        used.clone_into(&mut api.key);
        if status == 429 {
            api.admin("POST", "/limits", &json!({ "per_second": 0 }));
        }
        let refused = api.send("POST", "/v1/products", &[("name", "Pro")], &key);
        assert_eq!((refused.status, refused.header("original-request")), (status, None));
    }
    api.admin("DELETE", "/limits", &Value::Null);
    let invalid = api.send("POST", "/v1/products", &[("nam", "Pro")], &key);
    assert_eq!((invalid.status, invalid.header("idempotency-key")), (400, Some("k")));
    let made = api.send("POST", "/v1/products", &[("name", "Pro")], &key);
    assert_eq!((made.status, made.header("idempotent-replayed")), (200, None));
}

/// Method, path, and the permission that a restricted key needs.
const PERMISSIONS: &[(&str, &str, &str)] = &[
    ("POST", "/v1/products", "rak_product_write"),
    ("GET", "/v1/products", "rak_product_read"),
    ("GET", "/v1/products/{}", "rak_product_read"),
    ("POST", "/v1/products/{}", "rak_product_write"),
    ("DELETE", "/v1/products/{}", "rak_product_write"),
    ("POST", "/v1/prices", "rak_plan_write"),
    ("GET", "/v1/prices", "rak_plan_read"),
    ("GET", "/v1/prices/{}", "rak_plan_read"),
    ("POST", "/v1/prices/{}", "rak_plan_write"),
    ("POST", "/v1/billing/meters", "rak_billing_meter_write"),
    ("GET", "/v1/billing/meters", "rak_billing_meter_read"),
    ("GET", "/v1/billing/meters/{}", "rak_billing_meter_read"),
    ("POST", "/v1/billing/meters/{}", "rak_billing_meter_write"),
    ("POST", "/v1/billing/meters/{}/deactivate", "rak_billing_meter_write"),
    ("POST", "/v1/billing/meters/{}/reactivate", "rak_billing_meter_write"),
    ("GET", "/v1/billing/meters/{}/event_summaries", "rak_billing_meter_read"),
    ("POST", "/v1/billing/meter_events", "rak_billing_meter_event_write"),
    ("POST", "/v1/coupons", "rak_coupon_write"),
    ("GET", "/v1/coupons", "rak_coupon_read"),
    ("GET", "/v1/coupons/{}", "rak_coupon_read"),
    ("POST", "/v1/coupons/{}", "rak_coupon_write"),
    ("DELETE", "/v1/coupons/{}", "rak_coupon_write"),
    ("POST", "/v1/promotion_codes", "rak_promotion_code_write"),
    ("GET", "/v1/promotion_codes", "rak_promotion_code_read"),
    ("GET", "/v1/promotion_codes/{}", "rak_promotion_code_read"),
    ("POST", "/v1/promotion_codes/{}", "rak_promotion_code_write"),
    ("POST", "/v1/tax_rates", "rak_tax_rate_write"),
    ("GET", "/v1/tax_rates", "rak_tax_rate_read"),
    ("GET", "/v1/tax_rates/{}", "rak_tax_rate_read"),
    ("POST", "/v1/tax_rates/{}", "rak_tax_rate_write"),
    ("POST", "/v1/customers", "rak_customer_write"),
    ("GET", "/v1/customers", "rak_customer_read"),
    ("GET", "/v1/customers/{}", "rak_customer_read"),
    ("POST", "/v1/customers/{}", "rak_customer_write"),
    ("DELETE", "/v1/customers/{}", "rak_customer_write"),
    ("POST", "/v1/customers/{}/balance_transactions", "rak_customer_write"),
    ("GET", "/v1/customers/{}/balance_transactions", "rak_customer_read"),
    ("GET", "/v1/customers/{}/balance_transactions/{}", "rak_customer_read"),
    ("POST", "/v1/payment_methods", "rak_payment_method_write"),
    ("GET", "/v1/payment_methods", "rak_payment_method_read"),
    ("GET", "/v1/payment_methods/{}", "rak_payment_method_read"),
    ("POST", "/v1/payment_methods/{}", "rak_payment_method_write"),
    ("POST", "/v1/payment_methods/{}/attach", "rak_payment_method_write"),
    ("POST", "/v1/payment_methods/{}/detach", "rak_payment_method_write"),
    ("GET", "/v1/customers/{}/payment_methods", "rak_payment_method_read"),
    ("GET", "/v1/customers/{}/payment_methods/{}", "rak_payment_method_read"),
    ("POST", "/v1/subscriptions", "rak_subscription_write"),
    ("GET", "/v1/subscriptions", "rak_subscription_read"),
    ("GET", "/v1/subscriptions/{}", "rak_subscription_read"),
    ("POST", "/v1/subscriptions/{}", "rak_subscription_write"),
    ("DELETE", "/v1/subscriptions/{}", "rak_subscription_write"),
    ("POST", "/v1/subscriptions/{}/pause", "rak_subscription_write"),
    ("POST", "/v1/subscriptions/{}/resume", "rak_subscription_write"),
    ("POST", "/v1/subscription_schedules", "rak_subscription_write"),
    ("GET", "/v1/subscription_schedules", "rak_subscription_read"),
    ("GET", "/v1/subscription_schedules/{}", "rak_subscription_read"),
    ("POST", "/v1/subscription_schedules/{}", "rak_subscription_write"),
    ("POST", "/v1/subscription_schedules/{}/cancel", "rak_subscription_write"),
    ("POST", "/v1/subscription_schedules/{}/release", "rak_subscription_write"),
    ("GET", "/v1/subscription_items", "rak_subscription_read"),
    ("GET", "/v1/subscription_items/{}", "rak_subscription_read"),
    ("POST", "/v1/invoices/create_preview", "rak_invoice_read"),
    ("POST", "/v1/invoices", "rak_invoice_write"),
    ("GET", "/v1/invoices", "rak_invoice_read"),
    ("GET", "/v1/invoices/{}", "rak_invoice_read"),
    ("POST", "/v1/invoices/{}", "rak_invoice_write"),
    ("DELETE", "/v1/invoices/{}", "rak_invoice_write"),
    ("GET", "/v1/invoices/{}/lines", "rak_invoice_read"),
    ("POST", "/v1/invoices/{}/finalize", "rak_invoice_write"),
    ("POST", "/v1/invoices/{}/pay", "rak_invoice_write"),
    ("POST", "/v1/invoices/{}/send", "rak_invoice_write"),
    ("POST", "/v1/invoices/{}/void", "rak_invoice_write"),
    ("POST", "/v1/invoices/{}/mark_uncollectible", "rak_invoice_write"),
    ("POST", "/v1/invoiceitems", "rak_invoice_write"),
    ("GET", "/v1/invoiceitems", "rak_invoice_read"),
    ("GET", "/v1/invoiceitems/{}", "rak_invoice_read"),
    ("DELETE", "/v1/invoiceitems/{}", "rak_invoice_write"),
    ("GET", "/v1/invoice_payments", "rak_invoice_read"),
    ("GET", "/v1/invoice_payments/{}", "rak_invoice_read"),
    ("GET", "/v1/payment_intents", "rak_payment_intent_read"),
    ("GET", "/v1/payment_intents/{}", "rak_payment_intent_read"),
    ("POST", "/v1/checkout/sessions", "rak_checkout_session_write"),
    ("GET", "/v1/checkout/sessions", "rak_checkout_session_read"),
    ("GET", "/v1/checkout/sessions/{}", "rak_checkout_session_read"),
    ("POST", "/v1/checkout/sessions/{}", "rak_checkout_session_write"),
    ("POST", "/v1/checkout/sessions/{}/expire", "rak_checkout_session_write"),
    ("GET", "/v1/checkout/sessions/{}/line_items", "rak_checkout_session_read"),
    ("POST", "/v1/billing_portal/configurations", "rak_customer_portal_write"),
    ("GET", "/v1/billing_portal/configurations", "rak_customer_portal_read"),
    ("GET", "/v1/billing_portal/configurations/{}", "rak_customer_portal_read"),
    ("POST", "/v1/billing_portal/configurations/{}", "rak_customer_portal_write"),
    ("POST", "/v1/billing_portal/sessions", "rak_customer_portal_write"),
    ("POST", "/v1/test_helpers/test_clocks", "rak_test_clock_write"),
    ("GET", "/v1/test_helpers/test_clocks", "rak_test_clock_read"),
    ("GET", "/v1/test_helpers/test_clocks/{}", "rak_test_clock_read"),
    ("DELETE", "/v1/test_helpers/test_clocks/{}", "rak_test_clock_write"),
    ("POST", "/v1/test_helpers/test_clocks/{}/advance", "rak_test_clock_write"),
    ("GET", "/v1/events", "rak_event_read"),
    ("GET", "/v1/events/{}", "rak_event_read"),
];

#[test]
fn each_endpoint_requires_exactly_its_permission() {
    let config =
        Config { restricted_keys: vec![("rk_test_none".into(), vec![])], ..Config::default() };
    let mut api = Api::with(&config);
    let endpoints = api.admin("GET", "/endpoints", &Value::Null)["endpoints"].clone();
    let endpoints = endpoints.as_array().unwrap();
    for endpoint in endpoints {
        let text = |key: &str| endpoint[key].as_str().unwrap();
        let (method, path) = (text("method"), text("path"));
        let row = PERMISSIONS.iter().find(|row| (row.0, row.1) == (method, path));
        let Some((_, _, permission)) = row else { panic!("no row for {method} {path}") };
        let path = path.replace("{}", "x");
        "rk_test_none".clone_into(&mut api.key);
        let refused = api.refused(403, method, &path, &[]);
        let expected =
            format!("Having the '{permission}' permission would allow this request to continue.");
        assert!(refused.message().ends_with(&expected), "{method} {path}: {}", refused.message());
        assert!(refused.message().starts_with("The provided key 'rk_test_****none' does not have"));
        // With exactly this permission the request is authorized.
        api.admin("POST", "/keys", &json!({ "key": "rk_test_one", "permissions": [permission] }));
        "rk_test_one".clone_into(&mut api.key);
        api.typed = false;
        assert_ne!(api.send(method, &path, &[], &[]).status, 403, "{method} {path}");
    }
    assert_eq!(endpoints.len(), PERMISSIONS.len(), "rows for endpoints that are gone");
}
