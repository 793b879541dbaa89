//! Expected bodies of the four GET endpoints.

use serde_json::{Value, json};

use crate::clock::{HOUR, at, day};

/// Plan of `catalog.toml`: tier, name, description, monthly and yearly fee, and the monthly allowances of cpu, database,
/// egress, ram and storage.
type Plan = (&'static str, &'static str, &'static str, [&'static str; 2], [u32; 5]);

const PLANS: [Plan; 4] = [
    (
        "hobby",
        "Hobby",
        "For trying things out: one small app, free within its allowance.",
        ["0.00", "0.00"],
        [50, 1, 10, 100, 1],
    ),
    (
        "starter",
        "Starter",
        "For a first app in production.",
        ["10.00", "100.00"],
        [400, 5, 100, 800, 20],
    ),
    (
        "pro",
        "Pro",
        "For teams with several apps in production.",
        ["35.00", "350.00"],
        [1_500, 20, 500, 3_000, 100],
    ),
    (
        "agency",
        "Agency",
        "For agencies that run their clients' apps in sub-accounts.",
        ["99.00", "990.00"],
        [5_000, 100, 2_000, 10_000, 500],
    ),
];

/// Meter: name, unit, price of a unit beyond the allowance, name of the product.
pub(crate) const METERS: [(&str, &str, &str, &str); 5] = [
    ("cpu", "vCore-hour", "0.012", "CPU"),
    ("database", "GB-month", "0.18", "Database"),
    ("egress", "GB", "0.04", "Egress"),
    ("ram", "GB-hour", "0.006", "RAM"),
    ("storage", "GB-month", "0.018", "Object storage"),
];

/// Returns info's `plans` for an account on this tier by the month.
pub(crate) fn plans(current: &str) -> Value {
    let mut plans = Vec::new();
    for (tier, name, description, fees, included) in PLANS {
        for (interval, months, amount) in [("month", 1, fees[0]), ("year", 12, fees[1])] {
            let metered = METERS.iter().zip(included).map(|((meter, unit, price, _), included)| {
                allowance(meter, Some(unit), &(included * months).to_string(), price)
            });
            plans.push(json!({
                "plan": tier, "name": name, "description": description, "interval": interval,
                "every": { "count": 1, "unit": interval }, "currency": "USD", "amount": amount,
                "yourAmount": null, "yourEvery": null, "metered": metered.collect::<Vec<_>>(),
                "current": tier == current && interval == "month",
            }));
        }
    }
    plans.into()
}

/// Returns a metered price of `plans` that is free up to an allowance.
pub(crate) fn allowance(meter: &str, unit: Option<&str>, included: &str, price: &str) -> Value {
    json!({
        "meter": meter, "unit": unit, "included": included, "unitAmount": price,
        "per": 1, "tiersMode": "graduated",
        "tiers": [
            { "upTo": included, "unitAmount": "0", "flatAmount": null },
            { "upTo": null, "unitAmount": price, "flatAmount": null },
        ],
    })
}

/// Returns info's `capabilities`: checkout, embedded checkout, portal, plan change.
pub(crate) fn capabilities([checkout, embedded, portal, change]: [bool; 4]) -> Value {
    json!({ "checkout": checkout, "embeddedCheckout": embedded, "portal": portal, "planChange": change })
}

/// Returns the summary of an account without a live subscription.
pub(crate) fn unsubscribed(status: &str) -> Value {
    json!({
        "plan": "hobby", "status": status, "currentPeriodStart": null, "currentPeriodEnd": null,
        "trialEnd": null, "cancelAt": null, "quantity": null, "pendingChange": null, "estimate": null,
        "nextChargeAt": null, "balance": "0.00", "discounts": [],
        "currency": "USD", "subscriptionId": null, "warnings": [],
    })
}

/// Returns the summary of a subscription, with start and end of its period.
pub(crate) fn subscribed(plan: &str, status: &str, period: [i64; 2], estimate: &Value) -> Value {
    let currency = estimate["currency"].as_str().unwrap_or("USD");
    let zero = estimate["tax"].as_str().unwrap_or("0.00");
    // Stripe charges a renewal an hour after it has created the invoice.
    let charged = estimate.is_object().then(|| at(period[1] + HOUR));
    json!({
        "plan": plan, "status": status,
        "currentPeriodStart": day(period[0]), "currentPeriodEnd": day(period[1]),
        "trialEnd": null, "cancelAt": null, "quantity": "1", "pendingChange": null, "estimate": estimate,
        "nextChargeAt": charged, "balance": zero, "discounts": [],
        "currency": currency, "subscriptionId": "<sub_…>", "warnings": [],
    })
}

/// Returns an estimate without tax, discount and credit.
pub(crate) fn estimate(currency: &str, amount: &str, zero: &str, lines: &[Value]) -> Value {
    json!({
        "status": "preview", "currency": currency, "amount": amount, "amountDue": amount, "subtotal": amount,
        "tax": zero, "discount": zero, "billingCredits": zero, "creditApplied": zero, "lines": lines,
        "asOf": "<at>",
    })
}

/// Returns a line of an estimate.
pub(crate) fn line(
    plan: &str,
    quantity: u32,
    meter: Option<&str>,
    amount: &str,
    description: &str,
) -> Value {
    json!({
        "description": format!("{quantity} × {description}"), "amount": amount,
        "quantity": quantity.to_string(), "metered": meter.is_some(), "plan": plan, "meter": meter,
    })
}

/// Returns a line for usage of a meter of `catalog.toml`. `rate` is for example `Tier 1 at $0.00`.
pub(crate) fn usage(plan: &str, meter: &str, quantity: u32, amount: &str, rate: &str) -> Value {
    let known = METERS.iter().find(|known| known.0 == meter);
    let (_, unit, _, name) = known.expect("a meter of the catalogue");
    let mut line = line(plan, quantity, Some(meter), amount, "");
    line["description"] = format!("{quantity} {unit} × {name} ({rate} / month)").into();
    line
}

/// Rate of the units that a plan includes.
pub(crate) const FREE: &str = "Tier 1 at $0.00";

/// Returns the lines of a plan without usage.
pub(crate) fn unused(plan: &str, name: &str, fee: &str) -> Vec<Value> {
    let base = line(plan, 1, None, fee, &format!("{name} (at ${fee} / month)"));
    // Stripe lists the prices newest first, so the subscriptions of the tests have them in this order.
    let unused = METERS.iter().rev().map(|(meter, ..)| usage(plan, meter, 0, "0.00", FREE));
    std::iter::once(base).chain(unused).collect()
}

/// Returns dunning's body for an account that owes nothing.
pub(crate) fn healthy() -> Value {
    json!({
        "state": "active", "reason": null, "since": null, "attempts": 0, "maxAttempts": 4,
        "nextAttemptAt": null, "graceEndsAt": null, "amountDue": "0.00", "currency": "USD",
        "overdue": [], "invoice": null, "processing": null, "failure": null, "deployBlocked": false, "recovery": null,
    })
}

/// Returns info's `paymentMethod` for a test card of Stripe.
pub(crate) fn test_card(last4: &str) -> Value {
    json!({ "type": "card", "brand": "visa", "last4": last4, "expMonth": 12, "expYear": "<any>" })
}

/// Returns dunning's `overdue` for one currency.
pub(crate) fn overdue(currency: &str, amount: &str) -> Value {
    json!([{ "currency": currency, "amount": amount }])
}

/// Returns dunning's `failure` for a generic decline.
pub(crate) fn declined() -> Value {
    json!({ "code": "card_declined", "declineCode": "generic_decline", "kind": "soft", "message": "Your card was declined." })
}

/// Returns the body of a single page of invoices.
pub(crate) fn all(invoices: &[Value]) -> Value {
    json!({ "invoices": invoices, "hasMore": false, "nextCursor": null })
}
