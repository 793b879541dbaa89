//! Responses are those of the contract, and errors have a cause.

use crate::laws::Violations;
use crate::record::{Exchange, Kind};
use crate::round::Outcome;

/// Statuses that the requests of the fuzzer may have.
const STATUSES: [u16; 11] = [0, 200, 201, 402, 409, 410, 422, 429, 502, 503, 504];

pub fn check(outcome: &Outcome, exchanges: &[Exchange], violations: &mut Violations) {
    for exchange in exchanges {
        let (status, error) = (exchange.status(), exchange.error());
        let found = || format!("{status} {}", exchange.json());
        if !STATUSES.contains(&status) {
            violations.add("status of the contract", found());
        }
        // None of the faults is a refusal.
        if error == "stripe_error" || error == "idempotency_key_reused" {
            violations.add("no refusal by Stripe", found());
        }
        if status == 0 && !outcome.has_kills {
            violations.add("a response in time", format!("{:?}", exchange.kind));
        }
        if outcome.is_calm && status >= 429 {
            violations.add("no failure without a fault", found());
        }
        let retry_after = exchange.response.as_ref().map(|response| response.header("retry-after"));
        if error.ends_with("_in_progress") && retry_after == Some("") {
            violations.add("a conflict says when to retry", found());
        }
        if outcome.is_calm && error == "change_in_progress" && !overlaps(exchange, exchanges) {
            violations.add("a conflict has a cause", found());
        }
    }
}

/// Returns whether another change was running at the same time.
fn overlaps(exchange: &Exchange, exchanges: &[Exchange]) -> bool {
    let is_other = |other: &&Exchange| {
        matches!(other.kind, Kind::Change { .. })
            && (other.client, other.sent) != (exchange.client, exchange.sent)
    };
    let mut others = exchanges.iter().filter(is_other);
    others.any(|other| other.sent < exchange.ended && exchange.sent < other.ended)
}
