//! Changes follow one another: each applied change starts from the plan of the one before it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Formatter};

use serde_json::Value;

use crate::laws::Violations;
use crate::record::{Exchange, Kind, Target};
use crate::round::Outcome;
use crate::truth::{Plan, Truth, text};

/// Change of the subscription's plan at Stripe.
pub struct Step {
    pub from: Plan,
    pub to: Plan,
    /// Latest invoice after the change.
    pub invoice: String,
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} → {} ({})", self.from, self.to, self.invoice)
    }
}

/// Returns the changes of the plan in their order.
pub fn steps(truth: &Truth) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut current: BTreeMap<&str, Plan> = BTreeMap::new();
    for event in truth.list("events") {
        let subscription = &event["data"]["object"];
        let Some(plan) = Plan::of(subscription) else { continue };
        let before = current.insert(text(&subscription["id"]), plan.clone());
        if let Some(before) = before.filter(|before| *before != plan) {
            let invoice = text(&subscription["latest_invoice"]).to_owned();
            steps.push(Step { from: before, to: plan, invoice });
        }
    }
    steps
}

/// Returns the last response of each operation that changes the plan, with the result if there is one.
pub fn operations(exchanges: &[Exchange]) -> Vec<&Exchange> {
    let mut operations: Vec<&Exchange> = Vec::new();
    for exchange in exchanges.iter().filter(|one| matches!(one.kind, Kind::Change { .. })) {
        let earlier =
            operations.iter_mut().find(|one| one.key.is_some() && one.key == exchange.key);
        match earlier {
            Some(earlier) if earlier.is_final() => {}
            Some(earlier) => *earlier = exchange,
            None => operations.push(exchange),
        }
    }
    operations
}

fn fits(to: Target, plan: &Plan) -> bool {
    plan.tier == to.tier && to.interval.is_none_or(|interval| plan.interval == interval)
}

/// Returns whether the operation may have changed the plan although its response does not say so.
fn is_unclear(exchange: &Exchange) -> bool {
    !exchange.is_final() && exchange.error() != "change_in_progress"
        || exchange.error() == "payment_action_required"
}

pub fn check(outcome: &Outcome, exchanges: &[Exchange], violations: &mut Violations) {
    let steps = steps(&outcome.settled);
    let all = || steps.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n    ");
    let operations = operations(exchanges);
    let mut claimed = BTreeSet::new();
    for exchange in operations.iter().filter(|one| one.status() == 200) {
        let (body, Kind::Change { to, .. }) = (exchange.json(), &exchange.kind) else { continue };
        let is_right = |step: &Step| {
            step.from.tier == text(&body["previousPlan"])
                && step.to.tier == text(&body["plan"])
                && fits(*to, &step.to)
        };
        let index = match body["invoice"]["id"].as_str() {
            Some(invoice) => steps.iter().position(|step| step.invoice == invoice),
            None => {
                (0..steps.len()).find(|index| !claimed.contains(index) && is_right(&steps[*index]))
            }
        };
        let found = || format!("{to:?}: {body}\nchanges at Stripe:\n    {}", all());
        let Some(index) = index else {
            violations.add("an applied change is at Stripe", found());
            continue;
        };
        if !claimed.insert(index) {
            violations.add("one response for each change", found());
        } else if !is_right(&steps[index]) {
            violations.add("previousPlan chain", found());
        }
    }
    let mut unclear: Vec<_> = operations.iter().filter(|exchange| is_unclear(exchange)).collect();
    for (_, step) in steps.iter().enumerate().filter(|(index, _)| !claimed.contains(index)) {
        let cause = unclear.iter().position(|exchange| match &exchange.kind {
            Kind::Change { to, .. } => fits(*to, &step.to),
            Kind::Preview(_) | Kind::Checkout(_) => false,
        });
        match cause {
            Some(cause) => drop(unclear.swap_remove(cause)),
            None => {
                violations.add(
                    "no unreported change",
                    format!("{step}\nchanges at Stripe:\n    {}", all()),
                );
            }
        }
    }
    check_payments(&outcome.settled, &steps, violations);
}

/// Checks that every payment is for a plan that the account got.
fn check_payments(truth: &Truth, steps: &[Step], violations: &mut Violations) {
    let is_paid = |invoice: &&Value| {
        invoice["billing_reason"] == "subscription_update"
            && invoice["amount_paid"].as_i64() > Some(0)
    };
    for invoice in truth.invoices().filter(is_paid) {
        let id = text(&invoice["id"]);
        if steps.iter().all(|step| step.invoice != id) {
            violations
                .add("no charge without a change", format!("{id} paid {}", invoice["amount_paid"]));
        }
    }
}
