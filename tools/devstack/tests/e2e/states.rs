//! Whole bodies of each GET endpoint for each seeded account.
//!
//! They follow from the account's fixture and the time of seeding. Only IDs and Stripe's URLs differ between runs.

use serde_json::{Value, json};

use crate::body::expect;
use crate::cases;
use crate::clock::{DAY, HOUR, Renewal, at, day, month_after};
use crate::expected_bodies::{
    FREE, all, capabilities, declined, estimate, healthy, line, overdue, plans, subscribed,
    test_card, unsubscribed, unused, usage,
};
use crate::harness::Harness;

cases![
    fresh_account_is_on_the_free_tier_and_can_check_out,
    metered_account_sees_the_cost_of_its_usage,
    overdue_account_sees_since_when_and_how_to_pay,
    suspended_account_has_deploys_blocked,
    canceled_account_is_on_the_free_tier_and_can_resubscribe,
    free_subscription_has_zero_amounts,
    agency_sees_its_own_subscription,
    client_sees_its_own_subscription,
];

/// Expected bodies of an account's four responses.
struct Expected {
    name: &'static str,
    summary: Value,
    dunning: Value,
    invoices: Value,
    /// Current plan in `info`.
    plan: &'static str,
    /// `hasCustomer`, `hasSubscription`, `hasPaymentMethod`.
    has: [bool; 3],
    /// `capabilities` for an admin key.
    may: [bool; 4],
    /// Last digits of the card.
    card: &'static str,
}

/// Returns the expectation for an account with a customer, a subscription and a card, without debts.
fn paying(name: &'static str, plan: &'static str) -> Expected {
    Expected {
        name,
        summary: Value::Null,
        dunning: healthy(),
        invoices: Value::Null,
        plan,
        has: [true, true, true],
        may: [false, false, true, true],
        card: "4242",
    }
}

fn check(harness: &Harness, expected: &Expected) {
    let account = harness.account(expected.name);
    let rows = [
        ("summary", &expected.summary),
        ("dunning", &expected.dunning),
        ("invoices", &expected.invoices),
    ];
    for (name, body) in rows {
        let path = format!("/v1/billing/{name}");
        expect(&harness.get(&path, &account.keys.read, &[]), 200, body);
    }
    let [customer, subscription, payment_method] = expected.has;
    let info = |may: [bool; 4]| {
        json!({
            "provider": "stripe", "mode": "test", "publishableKey": "pk_test_sandbox", "currency": "USD",
            "account": {
                "id": account.id, "handle": expected.name, "hasCustomer": customer,
                "hasSubscription": subscription, "hasPaymentMethod": payment_method, "paymentMethod": payment_method.then(|| test_card(expected.card)),
            },
            "capabilities": capabilities(may), "plans": plans(expected.plan),
        })
    };
    let rows = [
        (&account.keys.read, [false; 4]),
        (&account.keys.deploy, [false; 4]),
        (&account.keys.admin, expected.may),
    ];
    for (key, may) in rows {
        expect(&harness.get("/v1/billing/info", key, &[]), 200, &info(may));
    }
}

/// Returns an entry of invoices: the account's invoice with this number, for the month from `from` on.
fn invoice(harness: &Harness, name: &str, number: u32, amount: &str, from: i64) -> Value {
    let customer = harness.account(name).customer.as_deref().expect("a customer");
    let customer = harness.stripe(&format!("/customers/{customer}"));
    let prefix = customer["invoice_prefix"].as_str().expect("a prefix");
    let reason = if number == 1 { "subscription_create" } else { "subscription_cycle" };
    json!({
        "number": format!("{prefix}-{number:04}"), "status": "paid", "amount": amount,
        "hostedUrl": "<url>", "id": "<in_…>", "currency": "USD", "amountPaid": amount,
        "amountDue": "0.00", "payment": "paid", "tax": "0.00", "createdAt": at(from), "periodStart": day(from),
        "periodEnd": day(month_after(from)), "dueDate": null, "paidAt": at(from),
        "pdfUrl": "<url>", "reason": reason,
    })
}

/// Returns the invoice as open.
fn open(mut invoice: Value) -> Value {
    let amount = invoice["amount"].clone();
    let changes = [
        ("status", json!("open")),
        ("amountPaid", json!("0.00")),
        ("amountDue", amount),
        ("payment", json!("failed")),
        ("paidAt", Value::Null),
    ];
    for (field, value) in changes {
        invoice[field] = value;
    }
    invoice
}

fn fresh_account_is_on_the_free_tier_and_can_check_out(harness: &Harness) {
    let expected = Expected {
        summary: unsubscribed("none"),
        invoices: all(&[]),
        has: [false; 3],
        may: [true, true, true, false],
        ..paying("fresh", "hobby")
    };
    check(harness, &expected);
}

fn metered_account_sees_the_cost_of_its_usage(harness: &Harness) {
    let start = harness.seeded_at() - 10 * DAY;
    let free = |meter: &str, quantity| usage("pro", meter, quantity, "0.00", FREE);
    let lines = [
        line("pro", 1, None, "35.00", "Pro (at $35.00 / month)"),
        free("storage", 100),
        usage("pro", "storage", 250, "4.50", "Tier 2 at $0.018"),
        free("ram", 1_500),
        free("egress", 500),
        usage("pro", "egress", 250, "10.00", "Tier 2 at $0.04"),
        free("database", 10),
        free("cpu", 1_500),
        usage("pro", "cpu", 250, "3.00", "Tier 2 at $0.012"),
    ];
    let estimate = estimate("USD", "52.50", "0.00", &lines);
    let expected = Expected {
        summary: subscribed("pro", "active", [start, month_after(start)], &estimate),
        invoices: all(&[invoice(harness, "metered", 1, "35.00", start)]),
        ..paying("metered", "pro")
    };
    check(harness, &expected);
}

fn overdue_account_sees_since_when_and_how_to_pay(harness: &Harness) {
    let now = harness.seeded_at();
    let renewal = Renewal::at_about(now - 26 * HOUR, now);
    let estimate = estimate("USD", "10.00", "0.00", &unused("starter", "Starter", "10.00"));
    let unpaid = open(invoice(harness, "overdue", 2, "10.00", renewal.renewed));
    let period = [renewal.renewed, month_after(renewal.renewed)];
    let since = renewal.tries[0];
    let expected = Expected {
        summary: subscribed("starter", "past_due", period, &estimate),
        dunning: json!({
            "state": "past_due", "reason": null, "since": at(since), "attempts": renewal.tried,
            "maxAttempts": 4, "nextAttemptAt": at(renewal.tries[renewal.tried]),
            "graceEndsAt": at(since + 21 * DAY), "amountDue": "10.00", "currency": "USD",
            "overdue": overdue("USD", "10.00"), "processing": null,
            "invoice": { "number": unpaid["number"], "amountDue": "10.00", "currency": "USD", "hostedUrl": "<url>" },
            "failure": declined(), "deployBlocked": false,
            "recovery": { "action": "pay_invoice", "url": "<url>", "method": "GET" },
        }),
        invoices: all(&[unpaid, invoice(harness, "overdue", 1, "10.00", renewal.start)]),
        may: [false, false, true, false],
        card: "0341",
        ..paying("overdue", "starter")
    };
    check(harness, &expected);
    every_link_is_the_invoices_url(harness, "overdue");
}

fn suspended_account_has_deploys_blocked(harness: &Harness) {
    let now = harness.seeded_at();
    let renewal = Renewal::at_about(now - 24 * DAY, now);
    assert_eq!(renewal.tried, 4, "every retry has failed");
    let unpaid = open(invoice(harness, "suspended", 2, "35.00", renewal.renewed));
    let period = [renewal.renewed, month_after(renewal.renewed)];
    let expected = Expected {
        summary: subscribed("pro", "unpaid", period, &Value::Null),
        dunning: json!({
            "state": "suspended", "reason": null, "since": at(renewal.tries[0]), "attempts": 4,
            "maxAttempts": 4, "nextAttemptAt": null, "graceEndsAt": null, "amountDue": "35.00",
            "currency": "USD",
            "overdue": overdue("USD", "35.00"), "processing": null,
            "invoice": { "number": unpaid["number"], "amountDue": "35.00", "currency": "USD", "hostedUrl": "<url>" },
            "failure": declined(), "deployBlocked": true,
            "recovery": { "action": "pay_invoice", "url": "<url>", "method": "GET" },
        }),
        invoices: all(&[unpaid, invoice(harness, "suspended", 1, "35.00", renewal.start)]),
        may: [false, false, true, false],
        card: "0341",
        ..paying("suspended", "pro")
    };
    check(harness, &expected);
    every_link_is_the_invoices_url(harness, "suspended");
}

/// Asserts that every link to the open invoice is Stripe's URL and that the page exists.
fn every_link_is_the_invoices_url(harness: &Harness, name: &str) {
    let account = harness.account(name);
    let customer = account.customer.as_deref().expect("a customer");
    let list = harness.stripe(&format!("/invoices?status=open&customer={customer}"));
    let url = &list["data"][0]["hosted_invoice_url"];
    let get = |path| harness.get(path, &account.keys.read, &[]).json();
    let (dunning, invoices) = (get("/v1/billing/dunning"), get("/v1/billing/invoices"));
    let shown = [
        &dunning["invoice"]["hostedUrl"],
        &dunning["recovery"]["url"],
        &invoices["invoices"][0]["hostedUrl"],
    ];
    assert_eq!(shown, [url, url, url]);
    let page = harness.exchange("GET", url.as_str().expect("a link"), &[], "");
    assert_eq!(page.status, 200, "{}", page.body);
}

fn canceled_account_is_on_the_free_tier_and_can_resubscribe(harness: &Harness) {
    let now = harness.seeded_at();
    let mut dunning = healthy();
    dunning["state"] = json!("canceled");
    dunning["reason"] = json!("cancellation_requested");
    dunning["since"] = at(now - 2 * DAY);
    dunning["recovery"] =
        json!({ "action": "resubscribe", "url": "/v1/billing/checkout-session", "method": "POST" });
    let expected = Expected {
        summary: unsubscribed("canceled"),
        dunning,
        invoices: all(&[invoice(harness, "canceled", 1, "10.00", now - 12 * DAY)]),
        has: [true, false, true],
        may: [true, true, true, false],
        ..paying("canceled", "hobby")
    };
    check(harness, &expected);
}

fn free_subscription_has_zero_amounts(harness: &Harness) {
    let start = harness.seeded_at() - 3 * DAY;
    let estimate = estimate("USD", "0.00", "0.00", &unused("hobby", "Hobby", "0.00"));
    let expected = Expected {
        summary: subscribed("hobby", "active", [start, month_after(start)], &estimate),
        invoices: all(&[invoice(harness, "free", 1, "0.00", start)]),
        has: [true, true, false],
        // Without a payment method a change would be declined.
        may: [false, false, true, false],
        ..paying("free", "hobby")
    };
    check(harness, &expected);
}

fn agency_sees_its_own_subscription(harness: &Harness) {
    check(harness, &quiet(harness, "agency", "agency", "Agency", "99.00"));
}

fn client_sees_its_own_subscription(harness: &Harness) {
    check(harness, &quiet(harness, "client", "starter", "Starter", "10.00"));
}

/// Returns the expectation for a subscription since the stack's start without usage.
fn quiet(
    harness: &Harness,
    account: &'static str,
    plan: &'static str,
    name: &str,
    fee: &str,
) -> Expected {
    let customer = harness.account(account).customer.clone().unwrap_or_default();
    let subscriptions = harness.stripe(&format!("/subscriptions?customer={customer}"));
    let start = subscriptions["data"][0]["created"].as_i64().expect("a time");
    let estimate = estimate("USD", fee, "0.00", &unused(plan, name, fee));
    Expected {
        summary: subscribed(plan, "active", [start, month_after(start)], &estimate),
        invoices: all(&[invoice(harness, account, 1, fee, start)]),
        ..paying(account, plan)
    }
}
