//! Expected bodies of the four GET endpoints.

use serde_json::{Value, json};

use crate::clock::day;

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

/// Meter: name, unit, price of a unit beyond the allowance.
const METERS: [(&str, &str, &str); 5] = [
    ("cpu", "vCore-hour", "0.012"),
    ("database", "GB-month", "0.18"),
    ("egress", "GB", "0.04"),
    ("ram", "GB-hour", "0.006"),
    ("storage", "GB-month", "0.018"),
];

/// Returns info's `plans` for an account on this tier by the month.
pub(crate) fn plans(current: &str) -> Value {
    let mut plans = Vec::new();
    for (tier, name, description, fees, included) in PLANS {
        for (interval, months, amount) in [("month", 1, fees[0]), ("year", 12, fees[1])] {
            let metered = METERS.iter().zip(included).map(|((meter, unit, price), included)| {
                json!({ "meter": meter, "unit": unit, "included": (included * months).to_string(), "unitAmount": price })
            });
            plans.push(json!({
                "plan": tier, "name": name, "description": description, "interval": interval,
                "currency": "USD", "amount": amount, "metered": metered.collect::<Vec<_>>(),
                "current": tier == current && interval == "month",
            }));
        }
    }
    plans.into()
}

/// Returns info's `capabilities`: checkout, embedded checkout, portal, plan change.
pub(crate) fn capabilities([checkout, embedded, portal, change]: [bool; 4]) -> Value {
    json!({ "checkout": checkout, "embeddedCheckout": embedded, "portal": portal, "planChange": change })
}

/// Returns the summary of an account without a live subscription.
pub(crate) fn unsubscribed(status: &str) -> Value {
    json!({
        "plan": "hobby", "status": status, "currentPeriodStart": null, "currentPeriodEnd": null,
        "trialEnd": null, "cancelAt": null, "pendingChange": null, "estimate": null,
        "currency": "USD", "subscriptionId": null, "warnings": [],
    })
}

/// Returns the summary of a subscription, with start and end of its period.
pub(crate) fn subscribed(plan: &str, status: &str, period: [i64; 2], estimate: &Value) -> Value {
    let currency = estimate["currency"].as_str().unwrap_or("USD");
    json!({
        "plan": plan, "status": status,
        "currentPeriodStart": day(period[0]), "currentPeriodEnd": day(period[1]),
        "trialEnd": null, "cancelAt": null, "pendingChange": null, "estimate": estimate,
        "currency": currency, "subscriptionId": "<sub_…>", "warnings": [],
    })
}

/// Returns an estimate without tax, discount and credit.
pub(crate) fn estimate(currency: &str, amount: &str, zero: &str, lines: &[Value]) -> Value {
    json!({
        "currency": currency, "amount": amount, "amountDue": amount, "subtotal": amount,
        "tax": zero, "discount": zero, "creditApplied": zero, "lines": lines,
    })
}

/// Returns a line of an estimate.
pub(crate) fn line(
    plan: &str,
    quantity: u32,
    metered: bool,
    amount: &str,
    description: &str,
) -> Value {
    json!({
        "description": format!("{quantity} × {description}"), "amount": amount,
        "quantity": quantity.to_string(), "metered": metered, "plan": plan,
    })
}

/// Returns the lines of a plan without usage.
pub(crate) fn unused(plan: &str, name: &str, fee: &str) -> Vec<Value> {
    let base = line(plan, 1, false, fee, &format!("{name} (at ${fee} / month)"));
    let usage = line(plan, 0, true, "0.00", &format!("{name} (Tier 1 at $0.00 / month)"));
    [vec![base], vec![usage; 5]].concat()
}

/// Returns dunning's body for an account that owes nothing.
pub(crate) fn healthy() -> Value {
    json!({
        "state": "active", "reason": null, "since": null, "attempts": 0, "maxAttempts": 4,
        "nextAttemptAt": null, "graceEndsAt": null, "amountDue": "0.00", "currency": "USD",
        "invoice": null, "failure": null, "deployBlocked": false, "recovery": null,
    })
}

/// Returns dunning's `failure` for a generic decline.
pub(crate) fn declined() -> Value {
    json!({ "code": "card_declined", "declineCode": "generic_decline", "kind": "soft", "message": "Your card was declined." })
}

/// Returns the body of a single page of invoices.
pub(crate) fn all(invoices: &[Value]) -> Value {
    json!({ "invoices": invoices, "hasMore": false, "nextCursor": null })
}
