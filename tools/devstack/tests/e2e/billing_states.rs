//! Billing states beyond cards that are charged at once: payments under way, deleted customers, missing addresses,
//! several scheduled changes; and capabilities against the calls that they promise.

use serde_json::{Value, json};

use crate::cases;
use crate::clock::{DAY, HOUR, at, month_after};
use crate::expected_error::assert_error_with;
use crate::harness::Harness;
use crate::operator::OwnAccount;
use crate::payer::{CHANGE, CHECKOUT, PORTAL, PREVIEW, Payer, Start};
use crate::stripe::text;

cases![
    bank_debit_is_processing_until_it_settles,
    change_paid_by_bank_debit_applies_at_once,
    change_whose_card_payment_takes_hours_applies_at_once,
    payment_by_transfer_or_voucher_is_to_be_paid_and_not_authenticated,
    later_phases_of_a_schedule_follow_the_first_change,
    renewal_that_is_a_draft_is_the_estimate,
    discounts_name_their_amounts_and_ends,
    deleted_customer_counts_as_none_and_is_replaced,
    second_cancellation_says_when_the_subscription_ends,
    missing_portal_feature_is_the_operators_setting,
    missing_address_takes_only_the_estimate_along,
    refusal_that_somebody_can_fix_is_not_a_502,
    capability_is_true_exactly_if_the_call_succeeds,
];

fn get(harness: &Harness, account: &OwnAccount, endpoint: &str) -> Value {
    let response = harness.get(&format!("/v1/billing/{endpoint}"), &account.key, &[]);
    assert_eq!(response.status, 200, "{endpoint}: {}", response.body);
    response.json()
}

/// Returns some fields of a response as an array.
fn pick(body: &Value, fields: &[&str]) -> Value {
    fields.iter().map(|field| body[*field].clone()).collect()
}

#[track_caller]
fn not_changeable(harness: &Harness, account: &OwnAccount, reason: &str) {
    for path in [PREVIEW, CHANGE] {
        let response = harness.post(path, &account.key, &json!({ "plan": "agency" }));
        assert_eq!(response.status, 409, "{}", response.body);
        assert_eq!(response.json()["details"], json!({ "reason": reason }));
    }
}

/// Returns the payment intent of an invoice.
fn intent(harness: &Harness, invoice: &str) -> String {
    let payments = harness.stripe(&format!("/invoice_payments?invoice={invoice}"));
    text(&payments["data"][0]["payment"], "payment_intent")
}

fn settle(harness: &Harness, invoice: &str, succeed: bool) {
    let path = format!("/payment_intents/{}/settle", intent(harness, invoice));
    harness.sandbox("POST", &path, &json!({ "succeed": succeed }));
}

fn open_invoice(harness: &Harness, payer: &Payer) -> Value {
    let path = format!("/invoices?status=open&customer={}", payer.customer.id);
    harness.stripe(&path)["data"][0].clone()
}

fn bank_debit_is_processing_until_it_settles(harness: &Harness) {
    let payer = harness.payer("pays-by-debit", Start::on("pro"));
    harness.card(&payer.customer, "pm_usBankAccount");
    harness.advance(&payer.customer, month_after(payer.start) + 2 * HOUR);
    let open = open_invoice(harness, &payer);
    let info = get(harness, &payer.account, "info");
    assert_eq!(
        info["account"]["paymentMethod"],
        json!({ "type": "us_bank_account", "brand": null, "last4": "6789", "expMonth": null, "expYear": null })
    );
    assert_eq!(info["capabilities"]["planChange"], false);
    let dunning = get(harness, &payer.account, "dunning");
    let fields = [
        "state",
        "since",
        "attempts",
        "amountDue",
        "overdue",
        "invoice",
        "recovery",
        "deployBlocked",
    ];
    assert_eq!(pick(&dunning, &fields), json!(["active", null, 0, "0.00", [], null, null, false]));
    let shown = &dunning["processing"];
    let number = &open["number"];
    assert_eq!(pick(shown, &["amount", "currency"]), json!(["35.00", "USD"]));
    assert_eq!(
        pick(&shown["invoice"], &["number", "amountDue", "currency"]),
        json!([number, "35.00", "USD"])
    );
    let first = &get(harness, &payer.account, "invoices")["invoices"][0];
    assert_eq!(
        pick(first, &["number", "status", "payment", "amountDue"]),
        json!([number, "open", "processing", "35.00"])
    );
    not_changeable(harness, &payer.account, "payment_processing");

    settle(harness, &text(&open, "id"), true);
    let first = &get(harness, &payer.account, "invoices")["invoices"][0];
    assert_eq!(pick(first, &["status", "payment", "amountDue"]), json!(["paid", "paid", "0.00"]));
    assert_eq!(get(harness, &payer.account, "dunning")["processing"], Value::Null);
}

fn change_paid_by_bank_debit_applies_at_once(harness: &Harness) {
    let payer = harness.payer("changes-by-debit", Start::on("pro"));
    harness.card(&payer.customer, "pm_usBankAccount");
    assert_eq!(get(harness, &payer.account, "info")["capabilities"]["planChange"], true);
    let response = payer.change(harness, &json!({ "plan": "agency" }));
    assert_eq!(response.status, 200, "{}", response.body);
    let body = response.json();
    assert_eq!(pick(&body, &["plan", "outcome"]), json!(["agency", "applied"]));
    assert_eq!(pick(&body["invoice"], &["status", "payment"]), json!(["open", "processing"]));
    let summary = get(harness, &payer.account, "summary");
    assert_eq!(pick(&summary, &["plan", "pendingChange"]), json!(["agency", null]));
    not_changeable(harness, &payer.account, "payment_processing");

    settle(harness, &text(&body["invoice"], "id"), false);
    let dunning = get(harness, &payer.account, "dunning");
    assert_eq!(
        pick(&dunning, &["amountDue", "processing"]),
        json!([body["prorationAmount"], null])
    );
    assert_eq!(get(harness, &payer.account, "summary")["plan"], "agency", "the plan stays");
}

fn change_whose_card_payment_takes_hours_applies_at_once(harness: &Harness) {
    let payer = harness.payer("pays-in-india", Start::on("pro"));
    harness.card(&payer.customer, "pm_card_processing");
    let response = payer.change(harness, &json!({ "plan": "agency" }));
    assert_eq!(response.status, 200, "{}", response.body);
    let body = response.json();
    assert_eq!(pick(&body, &["plan", "outcome"]), json!(["agency", "applied"]));
    assert_eq!(pick(&body["invoice"], &["status", "payment"]), json!(["open", "processing"]));
    not_changeable(harness, &payer.account, "payment_processing");
    harness.advance(&payer.customer, payer.now + 2 * HOUR);
    let summary = get(harness, &payer.account, "summary");
    assert_eq!(pick(&summary, &["plan", "pendingChange"]), json!(["agency", null]));
}

fn payment_by_transfer_or_voucher_is_to_be_paid_and_not_authenticated(harness: &Harness) {
    let payer = harness.payer("pays-by-transfer", Start::on("pro"));
    let sent = [("collection_method", "send_invoice"), ("days_until_due", "7")];
    harness.stripe_post(&format!("/subscriptions/{}", payer.subscription), &sent);
    let renewed = month_after(payer.start);
    harness.advance(&payer.customer, renewed + 2 * HOUR);
    let open = open_invoice(harness, &payer);
    let path = format!("/v1/invoices/{}/pay", text(&open, "id"));
    // Stripe refuses the payment until the customer has acted.
    let about = harness.about();
    let url = format!("{}{path}", about.stripe_url);
    let key = format!("Bearer {}", about.stripe_key);
    harness.exchange("POST", &url, &[("authorization", &key)], "payment_method=pm_customerBalance");
    let entry = get(harness, &payer.account, "invoices")["invoices"][0].clone();
    assert_eq!(pick(&entry, &["status", "payment"]), json!(["open", "action_required"]));
    harness.advance(&payer.customer, renewed + 9 * DAY);
    let dunning = get(harness, &payer.account, "dunning");
    assert_eq!(pick(&dunning, &["amountDue", "failure", "attempts"]), json!(["35.00", null, 0]));
    assert_eq!(dunning["recovery"]["action"], "pay_invoice");
}

fn later_phases_of_a_schedule_follow_the_first_change(harness: &Harness) {
    let payer = harness.payer("plans-far-ahead", Start::on("pro"));
    let from = [("from_subscription", &*payer.subscription)];
    let schedule = harness.stripe_post("/subscription_schedules", &from);
    let phase = &schedule["phases"][0];
    let [start, end] = ["start_date", "end_date"].map(|name| phase[name].as_i64().expect("a time"));
    let archived = harness.add_on("week", "usd", "700");
    let year = harness.prices("agency", "year").remove(0);
    let month = harness.prices("pro", "month").remove(0);
    let later = [end, month_after(end), month_after(month_after(end))];
    let mut form: Vec<(String, String)> = Vec::new();
    let mut add = |index: usize, from: i64, to: i64, price: &str, quantity: u32| {
        for (name, value) in [
            ("start_date", from.to_string()),
            ("end_date", to.to_string()),
            ("proration_behavior", "none".to_owned()),
            ("items][0][price", price.to_owned()),
            ("items][0][quantity", quantity.to_string()),
        ] {
            form.push((format!("phases[{index}][{name}]"), value));
        }
    };
    add(0, start, end, &month, 1);
    add(1, later[0], later[1], &month, 1);
    add(2, later[1], later[2], &archived, 3);
    add(3, later[2], later[2] + 365 * DAY, &year, 2);
    let form: Vec<_> = form.iter().map(|(name, value)| (&**name, &**value)).collect();
    harness.stripe_post(&format!("/subscription_schedules/{}", text(&schedule, "id")), &form);
    harness.stripe_post(&format!("/prices/{archived}"), &[("active", "false")]);
    let summary = get(harness, &payer.account, "summary");
    let change = json!({
        "plan": null, "interval": null, "quantity": null, "effectiveAt": at(later[1]), "reason": "scheduled",
        "expiresAt": null, "url": null,
        "then": [{ "plan": "agency", "interval": "year", "quantity": "2", "effectiveAt": at(later[2]) }],
    });
    assert_eq!(summary["pendingChange"], change);
    not_changeable(harness, &payer.account, "scheduled");
}

fn renewal_that_is_a_draft_is_the_estimate(harness: &Harness) {
    let payer = harness.payer("renews-now", Start::on("pro"));
    let renewed = month_after(payer.start);
    harness.advance(&payer.customer, renewed + 60);
    let summary = get(harness, &payer.account, "summary");
    let estimate = &summary["estimate"];
    assert_eq!(pick(estimate, &["status", "amount"]), json!(["draft", "35.00"]));
    assert_eq!(estimate["lines"].as_array().map(Vec::len), Some(6));
    assert_eq!(summary["nextChargeAt"], at(renewed + HOUR));
    harness.advance(&payer.customer, renewed + 2 * HOUR);
    let summary = get(harness, &payer.account, "summary");
    assert_eq!(summary["estimate"]["status"], "preview");
    assert_eq!(summary["nextChargeAt"], at(month_after(renewed) + HOUR));
}

fn discounts_name_their_amounts_and_ends(harness: &Harness) {
    let coupon = [
        ("name", "Welcome"),
        ("amount_off", "500"),
        ("currency", "usd"),
        ("duration", "repeating"),
        ("duration_in_months", "3"),
    ];
    let coupon = text(&harness.stripe_post("/coupons", &coupon), "id");
    let more = [("discounts[0][coupon]", &*coupon)];
    let payer = harness.payer("welcomed", Start { more: &more, ..Start::on("pro") });
    let discounts = get(harness, &payer.account, "summary")["discounts"].take();
    assert_eq!(
        pick(&discounts[0], &["name", "percentOff", "amountOff"]),
        json!(["Welcome", null, "5.00"])
    );
    assert!(discounts[0]["endsAt"].is_string(), "{discounts}");
}

fn deleted_customer_counts_as_none_and_is_replaced(harness: &Harness) {
    let payer = harness.payer("deleted", Start::on("pro"));
    let about = harness.about();
    let url = format!("{}/v1/customers/{}", about.stripe_url, payer.customer.id);
    let key = format!("Bearer {}", about.stripe_key);
    let deleted = harness.exchange("DELETE", &url, &[("authorization", &key)], "");
    assert_eq!(deleted.status, 200, "{}", deleted.body);

    let info = get(harness, &payer.account, "info");
    assert_eq!(
        pick(&info["account"], &["hasCustomer", "hasSubscription", "hasPaymentMethod"]),
        json!([false, false, false])
    );
    assert_eq!(
        info["capabilities"],
        json!({ "checkout": true, "embeddedCheckout": true, "portal": true, "planChange": false })
    );
    assert_eq!(get(harness, &payer.account, "summary")["status"], "canceled");
    assert_eq!(get(harness, &payer.account, "dunning")["recovery"]["action"], "resubscribe");
    get(harness, &payer.account, "invoices");
    let show = || harness.billingctl(&["accounts", "show", "deleted"]);
    assert_eq!(show()["customerDeleted"], true);

    // Racing requests get one new customer.
    let admin = &payer.account.key;
    let portal = harness.post(PORTAL, admin, &json!({}));
    assert_eq!(portal.status, 201, "{}", portal.body);
    let checkout = harness.post(CHECKOUT, admin, &json!({ "plan": "pro" }));
    assert_eq!(checkout.status, 201, "{}", checkout.body);
    let session = harness.stripe(&format!("/checkout/sessions/{}", text(&checkout.json(), "id")));
    let linked = show();
    assert_ne!(linked["customer"], json!(payer.customer.id));
    assert_eq!(session["customer"], linked["customer"]);
    assert_eq!(linked["customerDeleted"], false);
    let info = get(harness, &payer.account, "info");
    assert_eq!(info["account"]["hasCustomer"], true);
    assert_eq!(get(harness, &payer.account, "summary")["status"], "none");
}

fn second_cancellation_says_when_the_subscription_ends(harness: &Harness) {
    let payer = harness.payer("cancels-twice", Start::on("pro"));
    let cancel = json!({ "flow": "subscription_cancel" });
    let first = harness.post(PORTAL, &payer.account.key, &cancel);
    assert_eq!(first.status, 201, "{}", first.body);
    let ends = [("cancel_at_period_end", "true")];
    harness.stripe_post(&format!("/subscriptions/{}", payer.subscription), &ends);
    let second = harness.post(PORTAL, &payer.account.key, &cancel);
    let details = json!({ "cancelAt": get(harness, &payer.account, "summary")["cancelAt"] });
    assert_error_with(
        &second,
        409,
        "already_canceling",
        "The subscription is set to end already. To keep it, open the billing portal (POST /v1/billing/portal-session without a flow).",
        &details,
    );
    let portal = harness.post(PORTAL, &payer.account.key, &json!({}));
    assert_eq!(portal.status, 201, "the way out: {}", portal.body);
}

fn not_configured(setting: &str) -> String {
    format!(
        "Stripe rejected this request because a setting is missing ({setting}). Ask the operator to complete it; the log names Stripe's reason under the request ID."
    )
}

fn missing_portal_feature_is_the_operators_setting(harness: &Harness) {
    let payer = harness.payer("portal-without-cancel", Start::on("pro"));
    let configurations = harness.stripe("/billing_portal/configurations?limit=1");
    let path = format!("/billing_portal/configurations/{}", text(&configurations["data"][0], "id"));
    let enable = |enabled: &str| {
        harness.stripe_post(&path, &[("features[subscription_cancel][enabled]", enabled)]);
    };
    enable("false");
    let cancel = json!({ "flow": "subscription_cancel" });
    let response = harness.post(PORTAL, &payer.account.key, &cancel);
    enable("true");
    let details = json!({ "setting": "portal" });
    assert_error_with(&response, 409, "not_configured", &not_configured("portal"), &details);
    assert_eq!(harness.post(PORTAL, &payer.account.key, &cancel).status, 201);
    let update = harness.post(PORTAL, &payer.account.key, &json!({ "flow": "customer_update" }));
    assert_eq!(update.status, 201, "{}", update.body);
}

const TAX_LOCATION: &str = "The tax cannot be computed without the customer's address. Add it in the billing portal (POST /v1/billing/portal-session with the flow \"customer_update\"), then retry.";

fn missing_address_takes_only_the_estimate_along(harness: &Harness) {
    let payer = harness.payer("lives-nowhere", Start::on("pro"));
    let fault = |path: &str| json!({ "path": path, "method": "POST", "kind": "status", "status": 400, "code": "customer_tax_location_invalid" });
    let broken = harness.break_stripe(&fault("/v1/invoices/create_preview"));
    let summary = get(harness, &payer.account, "summary");
    assert_eq!(
        pick(&summary, &["plan", "status", "estimate", "nextChargeAt", "warnings"]),
        json!(["pro", "active", null, null, ["tax_location_required"]])
    );
    let details = json!({ "flow": "customer_update" });
    let preview = harness.post(PREVIEW, &payer.account.key, &json!({ "plan": "agency" }));
    assert_error_with(&preview, 422, "tax_location_required", TAX_LOCATION, &details);
    drop(broken);
    let broken = harness.break_stripe(&fault("/v1/subscriptions/"));
    let change = harness.post(CHANGE, &payer.account.key, &json!({ "plan": "agency" }));
    assert_error_with(&change, 422, "tax_location_required", TAX_LOCATION, &details);
    drop(broken);
    assert_eq!(get(harness, &payer.account, "summary")["warnings"], json!([]));
    assert_eq!(payer.change(harness, &json!({ "plan": "agency" })).status, 200);
}

fn refusal_that_somebody_can_fix_is_not_a_502(harness: &Harness) {
    let payer = harness.payer("refused", Start::on("pro"));
    let fresh = harness.admin_of("refused-fresh", None);
    let change = (CHANGE, "/v1/subscriptions/", json!({ "plan": "agency" }), &payer.account.key);
    let preview =
        (PREVIEW, "/v1/invoices/create_preview", json!({ "plan": "agency" }), &payer.account.key);
    let checkout = (CHECKOUT, "/v1/checkout/sessions", json!({ "plan": "pro" }), &fresh.key);
    let portal = (PORTAL, "/v1/billing_portal/sessions", json!({}), &payer.account.key);
    let cases = [
        (&change, "stripe_tax_inactive", 409, "not_configured"),
        (&change, "invoice_no_payment_method_types", 409, "not_configured"),
        (&change, "amount_too_large", 409, "not_configured"),
        (&change, "product_inactive", 422, "unknown_plan"),
        (&change, "customer_tax_location_invalid", 422, "tax_location_required"),
        (&change, "debit_not_authorized", 402, "payment_failed"),
        (&change, "invoice_payment_intent_requires_action", 402, "payment_action_required"),
        (&preview, "stripe_tax_inactive", 409, "not_configured"),
        (&preview, "product_inactive", 422, "unknown_plan"),
        (&checkout, "amount_too_small", 409, "not_configured"),
        (&checkout, "product_inactive", 422, "unknown_plan"),
        (&checkout, "customer_tax_location_invalid", 422, "tax_location_required"),
        (&portal, "capability_not_active", 409, "not_configured"),
        (&portal, "parameter_unknown", 502, "stripe_error"),
    ];
    for ((path, at_stripe, body, key), code, status, error) in cases {
        let fault = json!({ "path": at_stripe, "method": "POST", "kind": "status", "status": 400, "code": code });
        let broken = harness.break_stripe(&fault);
        let response = harness.post(path, key, body);
        drop(broken);
        assert_eq!(response.status, status, "{path} {code}: {}", response.body);
        assert_eq!(response.json()["error"], error, "{path} {code}");
    }
}

fn capability_is_true_exactly_if_the_call_succeeds(harness: &Harness) {
    let card = |name: &'static str, card: Option<&'static str>, more: &'static [(&str, &str)]| {
        harness.payer(name, Start { card, more, ..Start::on("starter") })
    };
    let set = |payer: Payer, fields: &[(&str, &str)]| {
        harness.stripe_post(&format!("/subscriptions/{}", payer.subscription), fields);
        payer
    };
    let ended = card("may-ended", Some("pm_card_visa"), &[]);
    let about = harness.about();
    let url = format!("{}/v1/subscriptions/{}", about.stripe_url, ended.subscription);
    let key = format!("Bearer {}", about.stripe_key);
    harness.exchange("DELETE", &url, &[("authorization", &key)], "");
    let debit = card("may-debit", Some("pm_card_visa"), &[]);
    harness.card(&debit.customer, "pm_sepaDebit");
    let payers = [
        card("may-card", Some("pm_card_visa"), &[]),
        card("may-trial", Some("pm_card_visa"), &[("trial_period_days", "30")]),
        card("may-trial-unpaid", None, &[("trial_period_days", "30")]),
        set(card("may-end", Some("pm_card_visa"), &[]), &[("cancel_at_period_end", "true")]),
        set(
            card("may-pause", Some("pm_card_visa"), &[]),
            &[("pause_collection[behavior]", "void")],
        ),
        set(
            card("may-invoice", Some("pm_card_visa"), &[]),
            &[("collection_method", "send_invoice"), ("days_until_due", "7")],
        ),
        debit,
        ended,
    ];
    let accounts = payers.into_iter().map(|payer| payer.account);
    for account in accounts.chain([harness.admin_of("may-start", None)]) {
        let may = get(harness, &account, "info")["capabilities"].take();
        let call = |path: &str, body: Value| harness.post(path, &account.key, &body);
        let hosted = call(CHECKOUT, json!({ "plan": "pro" }));
        let embedded = call(CHECKOUT, json!({ "plan": "pro", "uiMode": "embedded" }));
        let portal = call(PORTAL, json!({}));
        let change = call(CHANGE, json!({ "plan": "pro" }));
        let did = json!({
            "checkout": hosted.status == 201, "embeddedCheckout": embedded.status == 201,
            "portal": portal.status == 201, "planChange": change.status == 200,
        });
        assert_eq!(may, did, "{}: {}", account.handle, change.body);
    }
}
