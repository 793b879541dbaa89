//! Currencies with zero and three decimals, in every endpoint.

use serde_json::{Value, json};

use crate::body::expect;
use crate::cases;
use crate::clock::{DAY, HOUR, Renewal, at, day, month_after, now};
use crate::expected_bodies::{
    all, capabilities, declined, estimate, line, overdue, subscribed, test_card,
};
use crate::harness::Harness;
use crate::operator::OwnAccount;
use crate::stripe::{Customer, text};

cases![
    yen_have_no_decimals_and_fractional_unit_prices_are_exact,
    dinars_have_three_decimals_and_fractional_unit_prices_are_exact,
    amount_below_the_minimum_charge_is_carried_over_as_debt,
];

/// A plan in a currency, and its amounts.
struct Sale {
    currency: &'static str,
    /// The tier, which is also the account's handle.
    tier: &'static str,
    /// Monthly fee and unit price, each in Stripe's minor units and as the API formats it.
    fee: [&'static str; 2],
    unit: [&'static str; 2],
    /// Fee and unit price in Stripe's descriptions.
    words: [&'static str; 2],
    /// Total of the renewal's invoice: 1230 units of the first month, and the fee.
    billed: &'static str,
    /// Amount of the second month's 700 units so far, and with the fee.
    so_far: [&'static str; 2],
    zero: &'static str,
}

fn yen_have_no_decimals_and_fractional_unit_prices_are_exact(harness: &Harness) {
    let sale = Sale {
        currency: "jpy",
        tier: "tokyo",
        fee: ["4120", "4120"],
        unit: ["0.05", "0.05"],
        words: ["¥4120", "¥0.05"],
        // 61.5 yen of usage.
        billed: "4182",
        so_far: ["35", "4155"],
        zero: "0",
    };
    check(harness, &sale);
}

fn dinars_have_three_decimals_and_fractional_unit_prices_are_exact(harness: &Harness) {
    let sale = Sale {
        currency: "kwd",
        tier: "kuwait",
        fee: ["4120", "4.120"],
        unit: ["0.5", "0.0005"],
        words: ["KWD 4.120", "KWD 0.0005"],
        // 615 fils of usage; Stripe charges multiples of ten.
        billed: "4.740",
        so_far: ["0.350", "4.470"],
        zero: "0.000",
    };
    check(harness, &sale);
}

/// Sells the plan to an account that paid the first month but not the second, and checks all four GETs.
fn check(harness: &Harness, sale: &Sale) {
    let until = now();
    let renewal = Renewal::at_about(until - 26 * HOUR, until);
    let account = subscriber(harness, sale, &renewal, until);
    let code = sale.currency.to_uppercase();
    let get = |path: &str| harness.get(&format!("/v1/billing/{path}"), &account.key, &[]);

    let base = format!("Plan (at {} / month)", sale.words[0]);
    let usage = format!("Plan (at {} / month)", sale.words[1]);
    let lines = [
        line(sale.tier, 1, None, sale.fee[1], &base),
        line(sale.tier, 700, Some("requests"), sale.so_far[0], &usage),
    ];
    let period = [renewal.renewed, month_after(renewal.renewed)];
    let next = estimate(&code, sale.so_far[1], sale.zero, &lines);
    expect(&get("summary"), 200, &subscribed(sale.tier, "past_due", period, &next));

    let invoices = get("invoices");
    expect(&invoices, 200, &all(&[unpaid(sale, &renewal), paid(sale, &renewal)]));

    let dunning = json!({
        "state": "past_due", "reason": null, "since": at(renewal.tries[0]),
        "attempts": renewal.tried, "maxAttempts": 4, "nextAttemptAt": at(renewal.tries[renewal.tried]),
        "graceEndsAt": at(renewal.tries[0] + 21 * DAY), "amountDue": sale.billed, "currency": code,
        "overdue": overdue(&code, sale.billed), "processing": null,
        "invoice": { "number": invoices.json()["invoices"][0]["number"], "amountDue": sale.billed, "currency": code, "hostedUrl": "<url>" },
        "failure": declined(), "deployBlocked": false,
        "recovery": { "action": "pay_invoice", "url": "<url>", "method": "GET" },
    });
    expect(&get("dunning"), 200, &dunning);

    let info = json!({
        "provider": "stripe", "mode": "test", "publishableKey": "pk_test_sandbox", "currency": code,
        "account": {
            "id": account.id, "handle": account.handle,
            "hasCustomer": true, "hasSubscription": true, "hasPaymentMethod": true, "paymentMethod": test_card("0341"),
        },
        "capabilities": capabilities([false; 4]),
        "plans": [{
            "plan": sale.tier, "name": "Plan", "description": null, "interval": "month",
            "every": { "count": 1, "unit": "month" }, "currency": code, "amount": sale.fee[1],
            "yourAmount": null, "yourEvery": null, "current": true,
            "metered": [{
                "meter": "requests", "unit": "request", "included": "0", "unitAmount": sale.unit[1],
                "per": 1, "tiersMode": null, "tiers": [],
            }],
        }],
    });
    expect(&get("info"), 200, &info);
}

/// Returns the first month's invoice.
fn paid(sale: &Sale, renewal: &Renewal) -> Value {
    let (start, fee) = (renewal.start, sale.fee[1]);
    json!({
        "number": "<text>", "status": "paid", "amount": fee, "hostedUrl": "<url>", "id": "<in_…>",
        "currency": sale.currency.to_uppercase(), "amountPaid": fee, "amountDue": sale.zero, "payment": "paid",
        "tax": sale.zero, "createdAt": at(start), "periodStart": day(start),
        "periodEnd": day(renewal.renewed), "dueDate": null, "paidAt": at(start),
        "pdfUrl": "<url>", "reason": "subscription_create",
    })
}

/// Returns the second month's invoice, which includes the first month's usage.
fn unpaid(sale: &Sale, renewal: &Renewal) -> Value {
    let mut invoice = paid(sale, renewal);
    let changes = json!({
        "status": "open", "amount": sale.billed, "amountPaid": sale.zero, "amountDue": sale.billed, "payment": "failed",
        "createdAt": at(renewal.renewed), "periodStart": day(renewal.renewed),
        "periodEnd": day(month_after(renewal.renewed)), "paidAt": null, "reason": "subscription_cycle",
    });
    for (field, value) in changes.as_object().expect("an object") {
        invoice[field] = value.clone();
    }
    invoice
}

fn subscriber(harness: &Harness, sale: &Sale, renewal: &Renewal, until: i64) -> OwnAccount {
    let (base, metered) = prices(harness, sale);
    let customer = harness.customer_at(renewal.start);
    harness.card(&customer, "pm_card_visa");
    let items =
        [("customer", &*customer.id), ("items[0][price]", &*base), ("items[1][price]", &*metered)];
    harness.stripe_post("/subscriptions", &items);
    harness.advance(&customer, renewal.start + DAY);
    usage(harness, sale, &customer, 1_230);
    harness.card(&customer, "pm_card_chargeCustomerFail");
    for moment in [renewal.renewed + 60, renewal.renewed + 2 * HOUR, until] {
        harness.advance(&customer, moment);
    }
    usage(harness, sale, &customer, 700);
    harness.account_of(sale.tier, Some(&customer.id))
}

/// Reports usage at the current time.
fn usage(harness: &Harness, sale: &Sale, customer: &Customer, quantity: u32) {
    let event = [
        ("event_name", sale.tier),
        ("payload[stripe_customer_id]", &customer.id),
        ("payload[value]", &quantity.to_string()),
    ];
    harness.stripe_post("/billing/meter_events", &event);
}

/// Creates a plan in one currency and returns its base price and its metered price.
fn prices(harness: &Harness, sale: &Sale) -> (String, String) {
    let product = harness.product_of_plan("Plan", sale.tier);
    let meter = [
        ("display_name", "Requests"),
        ("event_name", sale.tier),
        ("default_aggregation[formula]", "sum"),
    ];
    let meter = text(&harness.stripe_post("/billing/meters", &meter), "id");
    let common =
        [("product", &*product), ("currency", sale.currency), ("recurring[interval]", "month")];
    let lookup_key = format!("cantila_{}_month", sale.tier);
    let base = [&common[..], &[("unit_amount", sale.fee[0]), ("lookup_key", &lookup_key)]];
    let metered = [
        &common[..],
        &[
            ("unit_amount_decimal", sale.unit[0]),
            ("recurring[usage_type]", "metered"),
            ("recurring[meter]", &meter),
            ("metadata[cantila_meter]", "requests"),
            ("metadata[cantila_unit]", "request"),
        ],
    ];
    let [base, metered] =
        [base, metered].map(|form| text(&harness.stripe_post("/prices", &form.concat()), "id"));
    (base, metered)
}

/// Stripe's minimum charge is 50 yen. The product is not in the catalogue, so `plan` is null.
fn amount_below_the_minimum_charge_is_carried_over_as_debt(harness: &Harness) {
    let product = text(&harness.stripe_post("/products", &[("name", "Trinket")]), "id");
    let price = [
        ("product", &*product),
        ("currency", "jpy"),
        ("recurring[interval]", "month"),
        ("unit_amount", "30"),
    ];
    let price = text(&harness.stripe_post("/prices", &price), "id");
    let start = now() - DAY;
    let customer = harness.customer_at(start);
    harness.card(&customer, "pm_card_visa");
    let form = [("customer", &*customer.id), ("items[0][price]", &*price)];
    harness.stripe_post("/subscriptions", &form);
    let account = harness.account_of("trinkets", Some(&customer.id));
    let mut line = line("", 1, None, "30", "Trinket (at ¥30 / month)");
    line["plan"] = Value::Null;
    let mut next = estimate("JPY", "30", "0", &[line]);
    // With the 30 yen of debt from the first month, the next invoice exceeds the minimum.
    next["creditApplied"] = json!("-30");
    next["amountDue"] = json!("60");
    let mut summary = subscribed("", "active", [start, month_after(start)], &next);
    summary["balance"] = json!("-30");
    summary["plan"] = Value::Null;
    expect(&harness.get("/v1/billing/summary", &account.key, &[]), 200, &summary);
    let response = harness.get("/v1/billing/invoices", &account.key, &[]).json();
    let first = &response["invoices"][0];
    let shown = ["status", "amount", "amountPaid", "amountDue"].map(|field| first[field].clone());
    assert_eq!(json!(shown), json!(["paid", "30", "0", "0"]), "{first}");
}
