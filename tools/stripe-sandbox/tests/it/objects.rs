//! One-off invoices, and each remaining endpoint once. The client checks each object's type.

use serde_json::{Value, json};
use time::macros::datetime;

use crate::support::{Api, amounts, id};

#[test]
fn one_off_invoice_reaches_every_final_status() {
    let api = Api::new();
    let clock = api.clock_at(datetime!(2027-04-01 00:00 UTC));
    let customer = api.customer(&clock, Some("pm_card_visa"), &[("invoice_prefix", "ONCE")]);
    let draft = |amount: &str| {
        let invoice =
            id(&api.post("/v1/invoices", &[("customer", &customer), ("metadata[kind]", "seed")]));
        let form = [
            ("customer", customer.as_str()),
            ("invoice", &invoice),
            ("amount", amount),
            ("currency", "usd"),
            ("description", "Set-up"),
        ];
        api.post("/v1/invoiceitems", &form);
        invoice
    };
    let left = api.invoice(&draft("1000"));
    assert_eq!(
        (&left["status"], &left["total"], &left["number"]),
        (&json!("draft"), &json!(1000), &Value::Null)
    );
    assert_eq!(
        (&left["hosted_invoice_url"], &left["billing_reason"]),
        (&Value::Null, &json!("manual"))
    );

    let open = draft("2000");
    let shown = api.post(&format!("/v1/invoices/{open}/finalize"), &[]);
    assert_eq!((&shown["status"], &shown["number"]), (&json!("open"), &json!("ONCE-0001")));
    let page = shown["hosted_invoice_url"].as_str().unwrap().strip_prefix(api.url()).unwrap();
    let page = api.raw("GET", page, &[], "").unwrap();
    assert!(
        page.status == 200 && page.text.contains("stripe-sandbox") && page.text.contains("$20.00")
    );
    api.refused(400, "POST", &format!("/v1/invoices/{open}/finalize"), &[]);
    api.refused(400, "DELETE", &format!("/v1/invoices/{open}"), &[]);

    let paid = api.post(&format!("/v1/invoices/{}/pay", draft("3000")), &[]);
    assert_eq!((&paid["status"], &paid["amount_paid"]), (&json!("paid"), &json!(3000)));
    assert_eq!(api.intent(&id(&paid))["status"], "succeeded");
    let refusal = api.refused(400, "POST", &format!("/v1/invoices/{}/void", id(&paid)), &[]);
    assert_eq!(refusal.message(), "Invoices with `paid` payments cannot be voided.");

    for (end, status) in [("void", "void"), ("mark_uncollectible", "uncollectible")] {
        let invoice = draft("4000");
        api.post(&format!("/v1/invoices/{invoice}/finalize"), &[]);
        assert_eq!(api.post(&format!("/v1/invoices/{invoice}/{end}"), &[])["status"], status);
    }
    assert_eq!(api.delete(&format!("/v1/invoices/{}", draft("5000")), &[])["deleted"], true);
    let count = |status: &str| {
        let form = [("customer", customer.as_str()), ("status", status)];
        api.get("/v1/invoices", &form)["data"].as_array().unwrap().len()
    };
    let counts = ["draft", "open", "paid", "void", "uncollectible"].map(count);
    assert_eq!(counts, [1, 1, 1, 1, 1]);
}

#[test]
fn manual_invoice_can_include_pending_items() {
    let api = Api::new();
    let clock = api.clock_at(datetime!(2027-04-01 00:00 UTC));
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let item = |amount: &str| {
        let form = [("customer", customer.as_str()), ("amount", amount), ("currency", "usd")];
        id(&api.post("/v1/invoiceitems", &form))
    };
    let (kept, removed) = (item("700"), item("900"));
    assert_eq!(api.delete(&format!("/v1/invoiceitems/{removed}"), &[])["deleted"], true);
    let form = [("customer", customer.as_str()), ("pending_invoice_items_behavior", "include")];
    let invoice = api.post("/v1/invoices", &form);
    assert_eq!(amounts(&invoice), [700]);
    assert_eq!(api.get(&format!("/v1/invoiceitems/{kept}"), &[])["invoice"], invoice["id"]);
    let edited =
        api.post(&format!("/v1/invoices/{}", id(&invoice)), &[("description", "Thank you")]);
    assert_eq!(edited["description"], "Thank you");
}

#[test]
fn tax_settings_of_an_invoice_item_are_those_of_its_price() {
    let api = Api::new();
    let clock = api.clock_at(datetime!(2027-04-01 00:00 UTC));
    let customer = api.customer(&clock, Some("pm_card_visa"), &[]);
    let tax = [("tax_behavior", "exclusive"), ("tax_code", "txcd_10000000")];
    let form = [("customer", customer.as_str()), ("amount", "700"), ("currency", "usd")];
    let item = api.post("/v1/invoiceitems", &[&form[..], &tax].concat());
    let of_price = &item["pricing"]["price_details"];
    let [price, product] = ["price", "product"].map(|field| of_price[field].as_str().unwrap());
    assert_eq!(api.get(&format!("/v1/prices/{price}"), &[])["tax_behavior"], "exclusive");
    assert_eq!(api.get(&format!("/v1/products/{product}"), &[])["tax_code"], "txcd_10000000");

    let form = [
        ("customer", customer.as_str()),
        ("invoice_items[0][amount]", "700"),
        ("invoice_items[0][tax_behavior]", "exclusive"),
        ("invoice_items[0][tax_code]", "txcd_10000000"),
    ];
    let preview = api.post("/v1/invoices/create_preview", &form);
    assert_eq!((amounts(&preview), &preview["total"]), (vec![700], &json!(700)));
    let wrong = [&form[..2], &[("invoice_items[0][tax_behavior]", "extra")]].concat();
    api.refused(400, "POST", "/v1/invoices/create_preview", &wrong);
}

#[test]
fn product_and_price_lists_filter_by_fields_and_lookup_key() {
    let api = Api::new();
    let (a, b) = (api.product("A"), api.product("B"));
    let make = |product: &str, key: &str, more: &[(&str, &str)]| {
        let form = [
            &[
                ("product", product),
                ("currency", "usd"),
                ("unit_amount", "100"),
                ("lookup_key", key),
            ],
            more,
        ]
        .concat();
        api.send("POST", "/v1/prices", &form, &[])
    };
    let first = id(&make(&a, "pro", &[("recurring[interval]", "month")]).json);
    let taken = make(&b, "pro", &[]);
    assert_eq!((taken.status, taken.code()), (400, "resource_already_exists"));
    let second = id(&make(&b, "pro", &[("transfer_lookup_key", "true")]).json);
    assert_eq!(api.get(&format!("/v1/prices/{first}"), &[])["lookup_key"], Value::Null);
    let ids = |path: &str, form: &[(&str, &str)]| -> Vec<String> {
        api.get(path, form)["data"].as_array().unwrap().iter().map(id).collect()
    };
    assert_eq!(
        ids("/v1/prices", &[("lookup_keys[]", "pro"), ("lookup_keys[]", "unknown")]),
        [second.as_str()]
    );
    assert_eq!(ids("/v1/prices", &[("product", &a)]), [first.as_str()]);
    assert_eq!(ids("/v1/prices", &[("type", "one_time")]), [second.as_str()]);
    assert_eq!(ids("/v1/prices", &[("recurring[interval]", "month")]), [first.as_str()]);
    assert_eq!(ids("/v1/products", &[("ids[0]", &b)]), [b.as_str()]);
    api.post(&format!("/v1/products/{a}"), &[("active", "false"), ("metadata[tier]", "pro")]);
    assert_eq!(ids("/v1/products", &[("active", "true")]), [b.as_str()]);
    api.post(&format!("/v1/prices/{first}"), &[("active", "false")]);
    assert_eq!(ids("/v1/prices", &[("active", "false")]), [first.as_str()]);
    let change =
        api.refused(400, "POST", &format!("/v1/prices/{first}"), &[("unit_amount", "200")]);
    assert_eq!(change.code(), "parameter_unknown");
    let many: Vec<(String, &str)> = (0..11).map(|n| (format!("lookup_keys[{n}]"), "x")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    api.refused(400, "GET", "/v1/prices", &many);
}

#[test]
fn payment_methods_can_be_attached_listed_and_detached() {
    let api = Api::new();
    let customer = id(&api.post("/v1/customers", &[("email", "a@example.com")]));
    let visa = id(&api.post("/v1/payment_methods/pm_card_visa/attach", &[("customer", &customer)]));
    assert_ne!(visa, "pm_card_visa");
    let form = [("type", "card"), ("card[number]", "5555555555554444")];
    let loose = id(&api.post("/v1/payment_methods", &form));
    let path = format!("/v1/customers/{customer}");
    let default = [("invoice_settings[default_payment_method]", loose.as_str())];
    assert_eq!(api.refused(400, "POST", &path, &default).code(), "resource_missing");
    api.post(&format!("/v1/payment_methods/{loose}/attach"), &[("customer", &customer)]);
    api.post(&path, &default);
    let listed = api.get("/v1/payment_methods", &[("customer", &customer), ("type", "card")]);
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    assert_eq!(
        api.get(&format!("{path}/payment_methods"), &[])["data"].as_array().unwrap().len(),
        2
    );
    let shown = api.get(&path, &[("expand[]", "invoice_settings.default_payment_method")]);
    assert_eq!(shown["invoice_settings"]["default_payment_method"]["card"]["brand"], "mastercard");
    api.post(&format!("/v1/payment_methods/{loose}/detach"), &[]);
    assert_eq!(api.get(&path, &[])["invoice_settings"]["default_payment_method"], Value::Null);
}

#[test]
fn customers_can_be_updated_and_found_by_email() {
    let api = Api::new();
    let form = [
        ("email", "a@example.com"),
        ("name", "Ada"),
        ("metadata[account]", "acc_1"),
        ("balance", "-500"),
    ];
    let customer = id(&api.post("/v1/customers", &form));
    let path = format!("/v1/customers/{customer}");
    let updated = api.post(
        &path,
        &[("name", ""), ("metadata[account]", ""), ("metadata[team]", "x"), ("balance", "-200")],
    );
    assert_eq!((&updated["name"], &updated["metadata"]), (&Value::Null, &json!({ "team": "x" })));
    assert_eq!(updated["balance"], -200);
    let booked = api.get(&format!("{path}/balance_transactions"), &[]);
    let kinds: Vec<&Value> =
        booked["data"].as_array().unwrap().iter().map(|entry| &entry["type"]).collect();
    assert_eq!(kinds, ["adjustment", "initial"]);
    let found = api.get("/v1/customers", &[("email", "a@example.com")]);
    assert_eq!(id(&found["data"][0]), customer);
    assert_eq!(api.get("/v1/customers", &[("email", "b@example.com")])["data"], json!([]));
    let expanded = api.get(&path, &[("expand[]", "subscriptions"), ("expand[]", "tax")]);
    assert_eq!(expanded["subscriptions"]["data"], json!([]));
}

#[test]
fn meters_and_tax_rates_can_be_listed_and_changed() {
    let api = Api::new();
    let form =
        [("display_name", "CPU"), ("event_name", "cpu"), ("default_aggregation[formula]", "sum")];
    let meter = id(&api.post("/v1/billing/meters", &form));
    api.refused(400, "POST", "/v1/billing/meters", &form);
    let customer = id(&api.post("/v1/customers", &[]));
    let event = [
        ("event_name", "cpu"),
        ("payload[stripe_customer_id]", customer.as_str()),
        ("payload[value]", "2.5"),
    ];
    let taken = api.post("/v1/billing/meter_events", &event);
    let minute = taken["timestamp"].as_i64().unwrap() / 60 * 60;
    let (start, end) = (minute.to_string(), (minute + 60).to_string());
    let path = format!("/v1/billing/meters/{meter}");
    let range = [("customer", customer.as_str()), ("start_time", &start), ("end_time", &end)];
    let summaries = api.get(&format!("{path}/event_summaries"), &range);
    assert_eq!(summaries["data"][0]["aggregated_value"], 2.5);
    assert_eq!(api.post(&format!("{path}/deactivate"), &[])["status"], "inactive");
    assert_eq!(api.get("/v1/billing/meters", &[("status", "active")])["data"], json!([]));
    assert_eq!(api.post(&format!("{path}/reactivate"), &[])["status"], "active");

    let form =
        [("display_name", "VAT"), ("percentage", "7.25"), ("inclusive", "true"), ("country", "DE")];
    let rate = api.post("/v1/tax_rates", &form);
    assert_eq!(rate["percentage"], 7.25);
    let off = api.post(&format!("/v1/tax_rates/{}", id(&rate)), &[("active", "false")]);
    assert_eq!(off["active"], false);
    assert_eq!(api.get("/v1/tax_rates", &[("active", "true")])["data"], json!([]));
    assert_eq!(api.get("/v1/coupons", &[])["data"], json!([]));
}

#[test]
fn objects_on_a_test_clock_are_listed_only_by_customer_or_clock() {
    let api = Api::new();
    let clock = api.clock_at(datetime!(2027-04-01 00:00 UTC));
    let base = api.monthly("Pro", "usd", "100");
    let customer = api.customer(&clock, Some("pm_card_visa"), &[("email", "t@example.com")]);
    api.subscribe(&customer, &base, &[]);
    for path in ["/v1/customers", "/v1/subscriptions", "/v1/invoices", "/v1/invoice_payments"] {
        assert_eq!(api.get(path, &[])["data"], json!([]), "{path}");
    }
    for (path, filter) in [
        ("/v1/customers", ("test_clock", clock.as_str())),
        ("/v1/subscriptions", ("test_clock", &clock)),
        ("/v1/subscriptions", ("customer", &customer)),
        ("/v1/invoices", ("customer", &customer)),
        ("/v1/payment_intents", ("customer", &customer)),
    ] {
        assert_eq!(api.get(path, &[filter])["data"].as_array().unwrap().len(), 1, "{path}");
    }
    assert_eq!(api.get("/v1/test_helpers/test_clocks", &[])["data"].as_array().unwrap().len(), 1);
    assert_eq!(api.delete(&format!("/v1/test_helpers/test_clocks/{clock}"), &[])["deleted"], true);
    assert_eq!(api.get(&format!("/v1/customers/{customer}"), &[])["deleted"], true);
}

#[test]
fn subscription_items_can_be_listed_and_retrieved() {
    let api = Api::new();
    let base = api.monthly("Pro", "usd", "100");
    let form = [
        ("payment_method", "pm_card_visa"),
        ("invoice_settings[default_payment_method]", "pm_card_visa"),
    ];
    let customer = id(&api.post("/v1/customers", &form));
    let sub = api.subscribe(&customer, &base, &[("items[0][metadata][role]", "base")]);
    let items = api.get("/v1/subscription_items", &[("subscription", &id(&sub))]);
    let item = id(&items["data"][0]);
    let found = api.get(&format!("/v1/subscription_items/{item}"), &[]);
    assert_eq!(
        (&found["metadata"]["role"], &found["plan"]["interval"]),
        (&json!("base"), &json!("month"))
    );
    api.refused(404, "GET", "/v1/subscription_items/si_none", &[]);
}

#[test]
fn unit_label_has_at_most_12_characters() {
    let api = Api::new();
    let form = |label| [("name", "CPU"), ("unit_label", label)];
    let product = api.post("/v1/products", &form("vCore-minute"));
    assert_eq!(product["unit_label"], "vCore-minute");
    let reply = api.refused(400, "POST", "/v1/products", &form("vCore-minutes"));
    let message = "Invalid string: vCore-minutes; must be at most 12 characters";
    let param = &reply.json["error"]["param"];
    assert_eq!((reply.message(), param), (message, &json!("unit_label")));
}
