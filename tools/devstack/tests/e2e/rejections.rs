//! Requests that the POST routes reject: invalid bodies, URLs, plans and quotes, and states that do not allow them.

use devstack::http::Response;
use serde_json::{Value, json};

use crate::body::expect;
use crate::cases;
use crate::clock::{DAY, now};
use crate::expected_error::{
    ExpectedError, assert_error, assert_error_with, assert_invalid, assert_malformed,
};
use crate::harness::Harness;
use crate::payer::{CHANGE, CHECKOUT, JSON, PORTAL, PREVIEW, Payer, Start, with};
use crate::stripe::text;

cases![
    body_that_is_not_a_json_object_is_rejected,
    invalid_field_is_rejected_by_name,
    invalid_or_foreign_url_is_rejected,
    unknown_plan_is_rejected_with_the_list_of_plans,
    change_without_a_subscription_is_rejected,
    checkout_with_a_subscription_in_any_state_is_rejected,
    subscription_that_cannot_be_changed_is_rejected_with_the_reason,
    change_to_the_current_plan_is_rejected,
    forged_altered_or_foreign_quote_is_rejected,
    outdated_quote_is_rejected_with_a_fresh_preview,
    quote_holds_every_amount_and_every_price,
    checks_run_in_the_documented_order,
];

/// Each POST route with a valid body and the names of its fields.
const ROUTES: [(&str, &str, &str); 4] = [
    (
        CHECKOUT,
        r#"{"plan":"pro"}"#,
        "plan, interval, uiMode, successUrl, cancelUrl, returnUrl, promotionCode",
    ),
    (PORTAL, "{}", "returnUrl, flow"),
    (PREVIEW, r#"{"plan":"agency"}"#, "plan, interval, effective"),
    (CHANGE, r#"{"plan":"agency"}"#, "plan, interval, effective, quote, maxAmount"),
];

const NO_SUBSCRIPTION: ExpectedError = (
    409,
    "no_subscription",
    "There is no subscription to change. Start one with POST /v1/billing/checkout-session.",
);

pub(crate) const ALREADY_SUBSCRIBED: ExpectedError = (
    409,
    "already_subscribed",
    "There is a subscription already. Change it with POST /v1/billing/plan-change.",
);

const ALREADY_ON_PLAN: ExpectedError = (
    409,
    "already_on_plan",
    "This plan at this price is the current one. There is nothing to change.",
);

const QUOTE: &str = "\"quote\" must be the quote of a preview for this account and this plan. Request a new preview.";

/// Sends a body with the key of an account that no case changes.
#[track_caller]
fn send(harness: &Harness, path: &str, body: &str) -> Response {
    harness.send("POST", path, &harness.account("metered").keys.admin, &[JSON], body)
}

fn body_that_is_not_a_json_object_is_rejected(harness: &Harness) {
    let key = &harness.account("metered").keys.admin;
    for (path, good, _) in ROUTES {
        for (body, column) in [
            ("{", 1),
            ("plan=pro", 1),
            ("{'plan':'pro'}", 2),
            ("{} {}", 4),
            ("\u{feff}{}", 1),
            (r#"{"plan":"pro",}"#, 15),
        ] {
            assert_malformed(&send(harness, path, body), column);
        }
        for body in ["[]", "null", "1", "true", "\"pro\"", r#"[{"plan":"pro"}]"#] {
            assert_invalid(&send(harness, path, body), "body", "The body must be a JSON object.");
        }
        let long = format!("{{{}}}", " ".repeat(16 * 1024));
        let message = "The body is too large. Send at most 16384 bytes.";
        assert_error(&send(harness, path, &long), (413, "body_too_large", message));
        let message = "The body must be JSON. Send `content-type: application/json`.";
        for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
            let response = harness.send("POST", path, key, &[("content-type", media_type)], good);
            assert_error(&response, (415, "unsupported_media_type", message));
        }
        let message = "There is no query parameter \"plan\" here. This endpoint takes none.";
        assert_invalid(&send(harness, &format!("{path}?plan=pro"), good), "plan", message);
    }
}

fn invalid_field_is_rejected_by_name(harness: &Harness) {
    for (path, _, known) in ROUTES {
        let message = format!("There is no field \"coupon\" here. Use one of: {known}.");
        assert_invalid(&send(harness, path, r#"{"coupon":"free"}"#), "coupon", &message);
        let fields: Vec<&str> = known.split(", ").collect();
        for field in &fields {
            for value in [r#""""#, "1", "true", "[]", "{}", r#"["pro"]"#, "0.5"] {
                let message = format!("\"{field}\" must be a non-empty string.");
                let body = format!("{{\"{field}\":{value}}}");
                assert_invalid(&send(harness, path, &body), field, &message);
            }
            for twice in [
                format!("{{\"{field}\":\"a\",\"{field}\":\"a\"}}"),
                format!("{{\"{field}\":null,\"{field}\":\"a\"}}"),
            ] {
                let message = format!("The field \"{field}\" is given twice. Give it once.");
                assert_invalid(&send(harness, path, &twice), field, &message);
            }
        }
        if fields.contains(&"plan") {
            let message = "\"plan\" is missing. Add it to the body.";
            for body in ["", "{}", r#"{"plan":null}"#, r#"{"interval":"month"}"#] {
                assert_invalid(&send(harness, path, body), "plan", message);
            }
            for interval in ["week", "MONTH", "monthly", " year"] {
                let body = json!({ "plan": "agency", "interval": interval });
                let message = "\"interval\" must be one of month, year.";
                assert_invalid(&send(harness, path, &body.to_string()), "interval", message);
            }
        }
    }
    let message = "\"uiMode\" must be one of hosted, embedded.";
    let body = r#"{"plan":"pro","uiMode":"elements"}"#;
    assert_invalid(&send(harness, CHECKOUT, body), "uiMode", message);
    let message =
        "\"flow\" must be one of customer_update, payment_method_update, subscription_cancel.";
    assert_invalid(&send(harness, PORTAL, r#"{"flow":"subscription_update"}"#), "flow", message);
    for (mode, field) in [
        (Value::Null, "returnUrl"),
        (json!("hosted"), "returnUrl"),
        (json!("embedded"), "successUrl"),
        (json!("embedded"), "cancelUrl"),
    ] {
        let body = json!({ "plan": "pro", "uiMode": mode, field: "http://localhost:3000/" });
        let message = format!(
            "\"{field}\" does not apply to this uiMode. Use successUrl and cancelUrl with hosted, returnUrl with embedded."
        );
        assert_invalid(&send(harness, CHECKOUT, &body.to_string()), field, &message);
    }
}

fn invalid_or_foreign_url_is_rejected(harness: &Harness) {
    let places = [
        (CHECKOUT, json!({ "plan": "pro" }), "successUrl"),
        (CHECKOUT, json!({ "plan": "pro" }), "cancelUrl"),
        (CHECKOUT, json!({ "plan": "pro", "uiMode": "embedded" }), "returnUrl"),
        (PORTAL, json!({}), "returnUrl"),
    ];
    for (path, body, field) in places {
        for url in [
            "/billing",
            "//localhost:3000/",
            "localhost:3000",
            "http://shop.example/",
            "javascript:alert(1)",
            "https://localhost:3000@evil.example/",
            "https://evil.example\\@localhost:3000/",
            "http://localhost:3000/a b",
        ] {
            let message = format!(
                "\"{field}\" must be an absolute https URL (http only on localhost) of at most 5000 characters."
            );
            assert_invalid(
                &send(harness, path, &with(&body, field, url).to_string()),
                field,
                &message,
            );
        }
        for url in [
            "https://evil.example/",
            "http://localhost:3001/",
            "https://localhost:3000/",
            "http://localhost/",
        ] {
            let message = format!(
                "\"{field}\" is outside the allowed origins. Use a URL of an allowed origin, or ask the operator to add this one to ALLOWED_ORIGINS."
            );
            let response = send(harness, path, &with(&body, field, url).to_string());
            assert_error_with(
                &response,
                422,
                "url_not_allowed",
                &message,
                &json!({ "field": field }),
            );
        }
    }
}

fn unknown_plan_is_rejected_with_the_list_of_plans(harness: &Harness) {
    let product = harness.product_of_plan("Campus", "campus");
    let price = [
        ("product", &*product),
        ("currency", "usd"),
        ("recurring[interval]", "year"),
        ("unit_amount", "50000"),
        ("lookup_key", "cantila_campus_year"),
    ];
    let price = text(&harness.stripe_post("/prices", &price), "id");
    let rows = [
        ("gold", "month", "There is no plan \"gold\". Plans: hobby, starter, pro, agency."),
        ("Pro", "month", "There is no plan \"Pro\". Plans: hobby, starter, pro, agency."),
        (
            "dedicated",
            "month",
            "The plan \"dedicated\" is arranged personally. Write to sales@cantila.example.",
        ),
        (
            "dedicated",
            "year",
            "The plan \"dedicated\" is arranged personally. Write to sales@cantila.example.",
        ),
        (
            "campus",
            "month",
            "The plan \"campus\" is not sold by the month. Plans by the month: hobby, starter, pro, agency.",
        ),
    ];
    for path in [CHECKOUT, PREVIEW, CHANGE] {
        for account in ["fresh", "metered"] {
            for (plan, interval, message) in rows {
                let body = json!({ "plan": plan, "interval": interval });
                let response = harness.post(path, &harness.account(account).keys.admin, &body);
                assert_error_with(
                    &response,
                    422,
                    "unknown_plan",
                    message,
                    &json!({ "field": "plan" }),
                );
            }
        }
    }
    harness.stripe_post(&format!("/prices/{price}"), &[("active", "false")]);
    harness.stripe_post(&format!("/products/{product}"), &[("active", "false")]);
}

fn change_without_a_subscription_is_rejected(harness: &Harness) {
    for account in ["fresh", "canceled"] {
        let key = &harness.account(account).keys.admin;
        for path in [PREVIEW, CHANGE] {
            for plan in ["hobby", "pro"] {
                assert_error(&harness.post(path, key, &json!({ "plan": plan })), NO_SUBSCRIPTION);
            }
        }
        let body = json!({ "flow": "subscription_cancel" });
        assert_error(&harness.post(PORTAL, key, &body), NO_SUBSCRIPTION);
    }
}

/// Account whose subscription cannot be changed, and the expected reason.
struct Unchangeable {
    key: String,
    reason: &'static str,
    message: &'static str,
}

pub(crate) const PAUSED: &str = "This subscription is paused. GET /v1/billing/dunning says how to resume it; otherwise ask the operator to resume it.";
const OVERDUE: &str =
    "An invoice of this subscription is overdue. Pay it first; GET /v1/billing/dunning says how.";
const ENDING: &str = "This subscription is set to end. Renew it in the billing portal (POST /v1/billing/portal-session) first.";

fn unchangeable(harness: &Harness, prefix: &str) -> Vec<Unchangeable> {
    let seeded = |name: &str| Unchangeable {
        key: harness.account(name).keys.admin.clone(),
        reason: "overdue",
        message: OVERDUE,
    };
    let mut all = vec![seeded("overdue"), seeded("suspended")];
    let own = |name: &str| format!("{prefix}-{name}");
    let mut add = |payer: Payer, reason, message| {
        all.push(Unchangeable { key: payer.account.key, reason, message });
    };
    let incomplete = [("payment_behavior", "default_incomplete")];
    let start = Start { age: 60, more: &incomplete, ..Start::on("pro") };
    let message = "The first invoice of this subscription is unpaid. Pay it first; GET /v1/billing/dunning says how.";
    add(harness.payer(&own("incomplete"), start), "incomplete", message);
    let pause = [
        ("trial_period_days", "5"),
        ("trial_settings[end_behavior][missing_payment_method]", "pause"),
    ];
    let start = Start { card: None, more: &pause, ..Start::on("pro") };
    add(harness.payer(&own("paused"), start), "paused", PAUSED);
    let end = (now() + 9 * DAY).to_string();
    for (name, value) in [("cancel_at_period_end", "true"), ("cancel_at", &*end)] {
        let more = [(name, value)];
        let handle = own(&name.replace('_', "-"));
        let start = Start { age: 60, more: &more, ..Start::on("pro") };
        add(harness.payer(&handle, start), "ending", ENDING);
    }
    let invoiced = [("collection_method", "send_invoice"), ("days_until_due", "30")];
    let start = Start { age: 60, more: &invoiced, ..Start::on("hobby") };
    let message = "This subscription is paid by invoice, so a change cannot be charged at once. Ask the operator to make the change.";
    add(harness.payer(&own("invoiced"), start), "invoiced", message);
    let prices = [harness.add_on("month", "usd", "500")];
    let start = Start { age: 60, ..Start::on("pro") };
    let message =
        "This subscription is not on a plan of the catalogue. Ask the operator to change it.";
    add(harness.payer_of(&own("uncatalogued"), &prices, start), "not_in_catalogue", message);
    all
}

fn checkout_with_a_subscription_in_any_state_is_rejected(harness: &Harness) {
    let seeded = ["metered", "free", "client"].map(|name| harness.account(name).keys.admin.clone());
    let unchangeable =
        unchangeable(harness, "no-checkout").into_iter().map(|unchangeable| unchangeable.key);
    for key in seeded.into_iter().chain(unchangeable) {
        for body in [json!({ "plan": "pro" }), json!({ "plan": "hobby", "uiMode": "embedded" })] {
            assert_error(&harness.post(CHECKOUT, &key, &body), ALREADY_SUBSCRIBED);
        }
    }
}

fn subscription_that_cannot_be_changed_is_rejected_with_the_reason(harness: &Harness) {
    for Unchangeable { key, reason, message } in unchangeable(harness, "no-change") {
        for path in [PREVIEW, CHANGE] {
            // Includes the current plan of some accounts: this check precedes `already_on_plan`.
            for plan in ["starter", "pro", "hobby"] {
                let response = harness.post(path, &key, &json!({ "plan": plan }));
                let details = json!({ "reason": reason });
                assert_error_with(&response, 409, "subscription_not_changeable", message, &details);
            }
        }
    }
}

fn change_to_the_current_plan_is_rejected(harness: &Harness) {
    for (account, plan) in [("metered", "pro"), ("free", "hobby"), ("client", "starter")] {
        let key = &harness.account(account).keys.admin;
        for path in [PREVIEW, CHANGE] {
            for interval in [Value::Null, json!("month")] {
                let body = json!({ "plan": plan, "interval": interval });
                assert_error(&harness.post(path, key, &body), ALREADY_ON_PLAN);
            }
        }
    }
}

fn forged_altered_or_foreign_quote_is_rejected(harness: &Harness) {
    let payer = harness.payer("quoted", Start::on("pro"));
    let before = payer.ledger(harness);
    let agency = json!({ "plan": "agency" });
    let good = text(&payer.preview(harness, &agency), "quote");
    let other = harness.post(PREVIEW, &harness.account("metered").keys.admin, &agency).json();
    let altered = |index: usize| {
        let mut bytes = good.clone().into_bytes();
        bytes[index] = if bytes[index] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).expect("ASCII")
    };
    let rows = [
        (agency.clone(), "made-up".to_owned()),
        (agency.clone(), good[1..].to_owned()),
        (agency.clone(), format!("{good}A")),
        (agency.clone(), altered(3)),
        (agency.clone(), altered(good.len() / 2)),
        (agency.clone(), altered(good.len() - 4)),
        (agency, text(&other, "quote")),
        (json!({ "plan": "starter" }), good.clone()),
        (json!({ "plan": "agency", "interval": "year" }), good.clone()),
    ];
    for (body, quote) in rows {
        assert_invalid(&payer.change(harness, &with(&body, "quote", quote)), "quote", QUOTE);
    }
    assert_eq!(payer.ledger(harness), before);
    let response =
        payer.change(harness, &json!({ "plan": "agency", "interval": "month", "quote": good }));
    assert_eq!(response.status, 200, "{}", response.body);
}

const CHANGED: &str = "The price has changed since it was quoted, and nothing was charged. Show the new preview in `details.preview`, and confirm with its quote.";

/// Change at Stripe between the preview and the plan change.
type Meddle = fn(&Harness, &Payer);

fn outdated_quote_is_rejected_with_a_fresh_preview(harness: &Harness) {
    let add_on = harness.add_on("month", "usd", "500");
    let mut prices = harness.prices("pro", "month");
    prices.push(add_on);
    let rows: [(&str, Meddle); 4] = [
        ("less-balance", |harness, payer| harness.credit(&payer.customer.id, 1, "usd")),
        ("more-balance", |harness, payer| harness.credit(&payer.customer.id, -1, "usd")),
        ("another-plan", |harness, payer| {
            assert_eq!(payer.change(harness, &json!({ "plan": "starter" })).status, 200);
        }),
        ("another-item", |harness, payer| {
            let items = payer.at_stripe(harness)["items"]["data"].take();
            let last = items.as_array().and_then(|items| items.last()).expect("the add-on").clone();
            let path = format!("/subscriptions/{}", payer.subscription);
            let item = [("items[0][id]", &*text(&last, "id")), ("items[0][quantity]", "2")];
            harness.stripe_post(&path, &[&item[..], &[("proration_behavior", "none")]].concat());
        }),
    ];
    let body = json!({ "plan": "agency" });
    for (handle, meddle) in rows {
        let payer = harness.payer_of(handle, &prices, Start::on("pro"));
        let quote = text(&payer.preview(harness, &body), "quote");
        meddle(harness, &payer);
        let before = payer.ledger(harness);
        let response = payer.change(harness, &with(&body, "quote", quote));
        let fresh = with(&payer.preview(harness, &body), "quote", "<text>");
        let details = json!({ "preview": fresh });
        assert_error_with(&response, 409, "quote_changed", CHANGED, &details);
        assert_eq!(payer.ledger(harness), before, "{handle}");
        let preview = response.json()["details"]["preview"].take();
        let response = payer.change(harness, &with(&body, "quote", preview["quote"].clone()));
        assert_eq!(response.status, 200, "{handle}: {}", response.body);
        assert_eq!(response.json()["prorationAmount"], preview["prorationAmount"], "{handle}");
    }
}

/// A plan in yen, which Stripe charges from 50 yen on.
struct YenPlan {
    tier: &'static str,
    product: String,
    base: String,
    metered: String,
}

impl YenPlan {
    fn create(harness: &Harness, tier: &'static str, amount: &str) -> Self {
        let product = harness.product_of_plan(tier, tier);
        let meter = [
            ("display_name", "Requests"),
            ("event_name", tier),
            ("default_aggregation[formula]", "sum"),
        ];
        let meter = text(&harness.stripe_post("/billing/meters", &meter), "id");
        let metered = [
            ("unit_amount", "2"),
            ("recurring[usage_type]", "metered"),
            ("recurring[meter]", &meter),
            ("metadata[cantila_meter]", "requests"),
        ];
        let metered = Self::price(harness, &product, &metered);
        let lookup_key = format!("cantila_{tier}_month");
        let base = [("unit_amount", amount), ("lookup_key", &lookup_key)];
        let base = Self::price(harness, &product, &base);
        Self { tier, product, base, metered }
    }

    fn price(harness: &Harness, product: &str, more: &[(&str, &str)]) -> String {
        let common = [("product", product), ("currency", "jpy"), ("recurring[interval]", "month")];
        text(&harness.stripe_post("/prices", &[&common[..], more].concat()), "id")
    }

    fn archive(harness: &Harness, price: &str) {
        harness.stripe_post(&format!("/prices/{price}"), &[("active", "false")]);
    }

    fn replace_base(&self, harness: &Harness, amount: &str) {
        let lookup_key = format!("cantila_{}_month", self.tier);
        let base =
            [("unit_amount", amount), ("lookup_key", &lookup_key), ("transfer_lookup_key", "true")];
        Self::price(harness, &self.product, &base);
        Self::archive(harness, &self.base);
    }

    fn replace_metered(&self, harness: &Harness, amount: &str) {
        let meter = harness.stripe(&format!("/prices/{}", self.metered));
        let metered = [
            ("unit_amount", amount),
            ("recurring[usage_type]", "metered"),
            ("recurring[meter]", &text(&meter["recurring"], "meter")),
            ("metadata[cantila_meter]", "requests"),
        ];
        Self::price(harness, &self.product, &metered);
        Self::archive(harness, &self.metered);
    }
}

/// Adds an item in yen to the payer's next invoice.
fn bill_yen(harness: &Harness, payer: &Payer, amount: &str) {
    let item = [
        ("customer", &*payer.customer.id),
        ("subscription", &*payer.subscription),
        ("amount", amount),
        ("currency", "jpy"),
    ];
    harness.stripe_post("/invoiceitems", &item);
}

/// In each row the amount due stays the same.
fn quote_holds_every_amount_and_every_price(harness: &Harness) {
    const TRIAL: &[(&str, &str)] = &[("trial_period_days", "14")];
    type Meddle = fn(&Harness, &Payer, &YenPlan);
    /// Handle, price, balance, further parameters of the subscription, change at Stripe.
    type Row<'a> = (&'a str, &'a str, i64, &'a [(&'a str, &'a str)], Meddle);
    let from = YenPlan::create(harness, "toyama", "4120");
    let prices = [from.base, from.metered];
    let rows: [Row<'_>; 4] = [
        ("nagoya", "9800", -100_000, &[], |harness, payer, _| {
            bill_yen(harness, payer, "70200");
        }),
        ("kobe", "4129", 0, &[], |harness, payer, _| bill_yen(harness, payer, "20")),
        ("sendai", "9800", 0, TRIAL, |harness, _, to| to.replace_base(harness, "70000")),
        ("nara", "9800", 0, &[], |harness, _, to| to.replace_metered(harness, "200")),
    ];
    for (tier, amount, balance, more, meddle) in rows {
        let to = YenPlan::create(harness, tier, amount);
        let handle = format!("moves-to-{tier}");
        let payer = harness.payer_of(&handle, &prices, Start { more, ..Start::on("toyama") });
        if balance != 0 {
            harness.credit(&payer.customer.id, balance, "jpy");
        }
        let body = json!({ "plan": tier });
        let shown = payer.preview(harness, &body);
        meddle(harness, &payer, &to);
        let before = payer.ledger(harness);
        let response = payer.change(harness, &with(&body, "quote", shown["quote"].clone()));
        let fresh = with(&payer.preview(harness, &body), "quote", "<text>");
        assert_eq!(fresh["prorationAmount"], shown["prorationAmount"], "{tier}");
        let details = json!({ "preview": fresh });
        assert_error_with(&response, 409, "quote_changed", CHANGED, &details);
        assert_eq!(payer.ledger(harness), before, "{tier}");
        let preview = response.json()["details"]["preview"].take();
        let response = payer.change(harness, &with(&body, "quote", preview["quote"].clone()));
        assert_eq!(response.status, 200, "{tier}: {}", response.body);
    }
}

/// Route, headers and body of a request; expected status, error and field.
type Wrong<'a> = (&'a str, Vec<(&'a str, &'a str)>, &'a str, u16, &'a str, Value);

/// Each request has two errors; the response reports the one that is checked first.
fn checks_run_in_the_documented_order(harness: &Harness) {
    let account = harness.admin_of("all-wrong", None);
    let read = &harness.account("fresh").keys.read;
    let response = harness.send("POST", CHANGE, read, &[JSON], "{");
    assert_eq!((response.status, &response.json()["error"]), (403, &json!("insufficient_scope")));
    let error = |path: &str, headers: &[(&str, &str)], body: &str| {
        let response = harness.send("POST", path, &account.key, headers, body);
        (
            response.status,
            text(&response.json(), "error"),
            response.json()["details"]["field"].clone(),
        )
    };
    let plain = ("content-type", "text/plain");
    let bad_key = ("idempotency-key", "not good");
    let act_as = ("x-cantila-act-as", "nobody");
    let long = " ".repeat(17 * 1024);
    let evil = r#"{"plan":"gold","successUrl":"https://evil.example/"}"#;
    let key = ("idempotency-key", "used-before");
    let rows: [Wrong<'_>; 13] = [
        (CHANGE, vec![JSON, act_as], "{", 403, "act_as_forbidden", Value::Null),
        (CHANGE, vec![plain], &long, 413, "body_too_large", Value::Null),
        (CHANGE, vec![plain], "{", 415, "unsupported_media_type", Value::Null),
        (CHANGE, vec![JSON, bad_key], "{", 400, "malformed_body", Value::Null),
        (CHANGE, vec![JSON, bad_key], "{}", 422, "validation", json!("plan")),
        (
            CHANGE,
            vec![JSON, bad_key],
            r#"{"plan":"gold"}"#,
            422,
            "validation",
            json!("Idempotency-Key"),
        ),
        (CHECKOUT, vec![JSON, bad_key], evil, 422, "validation", json!("Idempotency-Key")),
        (CHECKOUT, vec![JSON], evil, 422, "url_not_allowed", json!("successUrl")),
        (CHANGE, vec![JSON], r#"{"plan":"gold","quote":"x"}"#, 422, "validation", json!("quote")),
        (CHANGE, vec![JSON], r#"{"plan":"gold"}"#, 422, "unknown_plan", json!("plan")),
        (CHANGE, vec![JSON], r#"{"plan":"pro","quote":"x"}"#, 422, "validation", json!("quote")),
        (CHANGE, vec![JSON, key], r#"{"plan":"pro"}"#, 409, "no_subscription", Value::Null),
        (CHECKOUT, vec![JSON, key], evil, 422, "idempotency_key_reused", Value::Null),
    ];
    for (path, headers, body, status, code, field) in rows {
        let found = error(path, &headers, body);
        assert_eq!(found, (status, code.to_owned(), field), "{path} {headers:?} {body:.60}");
    }
    expect(
        &harness.get("/v1/billing/invoices", &account.key, &[]),
        200,
        &json!({ "invoices": [], "hasMore": false, "nextCursor": null }),
    );
}
