//! Further states of a subscription: trials, scheduled ends, discounts, incomplete and unauthenticated payments.

use serde_json::{Value, json};

use crate::body::expect;
use crate::cases;
use crate::clock::{DAY, HOUR, Renewal, at, day, month_after, now};
use crate::expected_bodies::{estimate, healthy, line, overdue, subscribed};
use crate::harness::Harness;
use crate::operator::OwnAccount;
use crate::stripe::{Customer, text};

cases![
    trial_shows_its_end_and_the_next_invoice,
    ending_subscription_shows_its_end_and_no_estimate,
    discount_tax_and_credit_add_up,
    two_subscriptions_show_the_plan_and_a_warning,
    incomplete_first_payment_can_be_paid,
    failed_renewal_that_needs_authentication_says_so,
];

/// Returns the ID of a plan's monthly base price.
fn base_price(harness: &Harness, tier: &str) -> String {
    let path = format!("/prices?active=true&lookup_keys[0]=cantila_{tier}_month");
    text(&harness.stripe(&path)["data"][0], "id")
}

/// Subscribes a new customer with a card to a plan's base price, with additional parameters.
fn subscribe(harness: &Harness, at: i64, tier: &str, more: &[(&str, &str)]) -> (Customer, Value) {
    let customer = harness.customer_at(at);
    harness.card(&customer, "pm_card_visa");
    let price = base_price(harness, tier);
    let own = [("customer", &*customer.id), ("items[0][price]", &*price)];
    let subscription = harness.stripe_post("/subscriptions", &[&own[..], more].concat());
    (customer, subscription)
}

#[track_caller]
fn check(harness: &Harness, account: &OwnAccount, endpoint: &str, body: &Value) {
    expect(&harness.get(&format!("/v1/billing/{endpoint}"), &account.key, &[]), 200, body);
}

/// Returns the capabilities of an admin key.
fn may(harness: &Harness, account: &OwnAccount) -> Value {
    let admin = harness.new_key(&account.handle, &["--scope", "admin"]).key;
    let mut info = harness.get("/v1/billing/info", &admin, &[]).json();
    info["capabilities"].take()
}

fn pro(amount: &str) -> Value {
    line("pro", 1, None, amount, "Pro (at $35.00 / month)")
}

fn trial_shows_its_end_and_the_next_invoice(harness: &Harness) {
    let start = now() - DAY;
    let (customer, _) = subscribe(harness, start, "pro", &[("trial_period_days", "14")]);
    let account = harness.account_of("trial", Some(&customer.id));
    let end = start + 14 * DAY;
    let next = estimate("USD", "35.00", "0.00", &[pro("35.00")]);
    let mut summary = subscribed("pro", "trialing", [start, end], &next);
    summary["trialEnd"] = day(end);
    check(harness, &account, "summary", &summary);
    check(harness, &account, "dunning", &healthy());
    assert_eq!(may(harness, &account)["planChange"], true);
}

fn ending_subscription_shows_its_end_and_no_estimate(harness: &Harness) {
    let start = now() - DAY;
    let soon = start + 9 * DAY;
    let rows = [
        ("ends-with-period", ("cancel_at_period_end", "true".to_owned()), month_after(start)),
        ("ends-on-a-day", ("cancel_at", soon.to_string()), soon),
    ];
    for (handle, (name, value), end) in rows {
        let (customer, subscription) = subscribe(harness, start, "pro", &[]);
        let path = format!("/subscriptions/{}", text(&subscription, "id"));
        harness.stripe_post(&path, &[(name, &value), ("proration_behavior", "none")]);
        let account = harness.account_of(handle, Some(&customer.id));
        let period = [start, month_after(start)];
        let mut summary = subscribed("pro", "active", period, &Value::Null);
        summary["cancelAt"] = day(end);
        check(harness, &account, "summary", &summary);
        check(harness, &account, "dunning", &healthy());
        assert_eq!(may(harness, &account)["planChange"], false, "{handle}");
    }
}

fn discount_tax_and_credit_add_up(harness: &Harness) {
    let coupon = [("percent_off", "20"), ("duration", "forever")];
    let coupon = text(&harness.stripe_post("/coupons", &coupon), "id");
    let tax = [("display_name", "VAT"), ("percentage", "19"), ("inclusive", "false")];
    let tax = text(&harness.stripe_post("/tax_rates", &tax), "id");
    let more = [("discounts[0][coupon]", &*coupon), ("default_tax_rates[0]", &*tax)];
    let start = now() - DAY;
    let (customer, _) = subscribe(harness, start, "pro", &more);
    let path = format!("/customers/{}/balance_transactions", customer.id);
    harness.stripe_post(&path, &[("amount", "-1000"), ("currency", "usd")]);
    let account = harness.account_of("discounted", Some(&customer.id));
    // 35.00 less a fifth is 28.00, and 19 % of that are 5.32.
    let next = json!({
        "status": "preview", "currency": "USD", "amount": "33.32", "amountDue": "23.32", "subtotal": "35.00",
        "tax": "5.32", "discount": "7.00", "billingCredits": "0.00", "creditApplied": "10.00", "lines": [pro("35.00")],
        "asOf": "<at>",
    });
    let mut summary = subscribed("pro", "active", [start, month_after(start)], &next);
    summary["balance"] = json!("10.00");
    summary["discounts"] =
        json!([{ "name": coupon, "percentOff": "20", "amountOff": null, "endsAt": null }]);
    check(harness, &account, "summary", &summary);
    let invoices = harness.get("/v1/billing/invoices", &account.key, &[]).json();
    let first = &invoices["invoices"][0];
    let shown = ["amount", "amountPaid", "amountDue", "tax"].map(|field| first[field].clone());
    assert_eq!(json!(shown), json!(["33.32", "33.32", "0.00", "5.32"]), "{first}");
}

fn two_subscriptions_show_the_plan_and_a_warning(harness: &Harness) {
    let start = now() - DAY;
    let (customer, subscription) = subscribe(harness, start, "pro", &[]);
    let product = text(&harness.stripe_post("/products", &[("name", "Address")]), "id");
    let price = [
        ("product", &*product),
        ("currency", "usd"),
        ("recurring[interval]", "month"),
        ("unit_amount", "500"),
    ];
    let price = text(&harness.stripe_post("/prices", &price), "id");
    let form = [("customer", &*customer.id), ("items[0][price]", &*price)];
    harness.stripe_post("/subscriptions", &form);
    let account = harness.account_of("doubled", Some(&customer.id));
    let next = estimate("USD", "35.00", "0.00", &[pro("35.00")]);
    let mut summary = subscribed("pro", "active", [start, month_after(start)], &next);
    summary["subscriptionId"] = subscription["id"].clone();
    summary["warnings"] = json!(["multiple_subscriptions"]);
    check(harness, &account, "summary", &summary);
    check(harness, &account, "dunning", &healthy());
}

/// Returns URL and number of the customer's open invoice.
fn to_pay(harness: &Harness, customer: &Customer) -> (Value, Value) {
    let open = harness.stripe(&format!("/invoices?status=open&customer={}", customer.id));
    let invoice = &open["data"][0];
    (invoice["hosted_invoice_url"].clone(), invoice["number"].clone())
}

fn incomplete_first_payment_can_be_paid(harness: &Harness) {
    let start = now() - HOUR;
    let more = [("payment_behavior", "default_incomplete")];
    let (customer, _) = subscribe(harness, start, "pro", &more);
    let account = harness.account_of("incomplete", Some(&customer.id));
    let (url, number) = to_pay(harness, &customer);
    let dunning = json!({
        "state": "past_due", "reason": null, "since": at(start), "attempts": 0, "maxAttempts": 4,
        "nextAttemptAt": null, "graceEndsAt": at(start + 21 * DAY), "amountDue": "35.00",
        "currency": "USD", "overdue": overdue("USD", "35.00"), "failure": null, "deployBlocked": false,
        "invoice": { "number": number, "amountDue": "35.00", "currency": "USD", "hostedUrl": url },
        "processing": null,
        "recovery": { "action": "pay_invoice", "url": url, "method": "GET" },
    });
    check(harness, &account, "dunning", &dunning);
    let summary = harness.get("/v1/billing/summary", &account.key, &[]).json();
    assert_eq!(summary["status"], "incomplete");
    assert_eq!(may(harness, &account)["planChange"], false);
}

fn failed_renewal_that_needs_authentication_says_so(harness: &Harness) {
    let until = now();
    let renewal = Renewal::at_about(until - 26 * HOUR, until);
    let (customer, _) = subscribe(harness, renewal.start, "pro", &[]);
    harness.card(&customer, "pm_card_authenticationRequired");
    for moment in [renewal.renewed + 60, renewal.renewed + 2 * HOUR, until] {
        harness.advance(&customer, moment);
    }
    let account = harness.account_of("authenticates", Some(&customer.id));
    let (url, number) = to_pay(harness, &customer);
    let dunning = json!({
        "state": "past_due", "reason": null, "since": at(renewal.tries[0]),
        "attempts": renewal.tried, "maxAttempts": 4,
        "nextAttemptAt": at(renewal.tries[renewal.tried]),
        "graceEndsAt": at(renewal.tries[0] + 21 * DAY), "amountDue": "35.00", "currency": "USD",
        "overdue": overdue("USD", "35.00"), "processing": null,
        "invoice": { "number": number, "amountDue": "35.00", "currency": "USD", "hostedUrl": url },
        "failure": {
            "code": "authentication_required", "declineCode": null, "kind": "authentication",
            "message": "Your bank wants you to authenticate this payment.",
        },
        "deployBlocked": false,
        "recovery": { "action": "authenticate_payment", "url": url, "method": "GET" },
    });
    check(harness, &account, "dunning", &dunning);
}
