//! Budgets of the functions' costs, and whether they are met.

use serde::Serialize;

use crate::growth::{Growth, INVOICES, KEYS, PRICES};
use crate::results::Program;
use crate::subject::{Kind, PEERS};

/// Milliseconds from the start of the process to its first poll, less the floor's and the calls of AWS.
const START_MS: f64 = 10.0;
/// Cold start as a fraction of the peer's.
const COLD_OF_PEER: f64 = 1.0 / 8.0;
/// Peak memory in millions of bytes.
const PEAK_MB: f64 = 20.0;
const PEAK_OF_PEER: f64 = 1.0 / 5.0;
/// CPU time of a warm request in microseconds.
const CPU_US: f64 = 1_000.0;
const CPU_OF_PEER: f64 = 1.0 / 6.0;
/// Size of a deployment package.
pub const PACKAGE_BYTES: u64 = 4_000_000;
/// Factor within which two times count as the same: wall clock times vary that much between runs.
const FLAT: f64 = 1.2;

const SAME: &str = "the same time";

/// Returns the budget of an endpoint's Stripe calls in sequence.
pub fn in_sequence(name: &str) -> usize {
    match name {
        "info" | "invoices" | "portal-session" => 1,
        "summary" | "dunning" | "plan-change-preview" => 2,
        // checkout-session reads the sessions before the subscriptions; plan-change reads the billing and the price,
        // then sends the change, and the metered prices where they differ.
        // usage reads the customer, the next invoice, and then the meters, five summaries at once.
        "checkout-session" | "plan-change" | "usage" => 4,
        _ => 3,
    }
}

/// Budget, and whether it is met.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// Name of the cost.
    pub cost: String,
    /// Budget with its unit.
    pub budget: String,
    /// Worst value with its unit.
    pub worst: String,
    /// Program with the worst value.
    pub program: String,
    pub met: bool,
}

/// Reads a cost of a program.
type Cost = fn(&Program) -> f64;

/// Cost of one program, and its budget.
struct Case<'a> {
    program: &'a str,
    value: f64,
    budget: f64,
}

fn verdict(
    cost: &str,
    budget: &str,
    cases: Vec<Case<'_>>,
    show: impl Fn(&Case<'_>) -> String,
) -> Option<Verdict> {
    let worst =
        cases.into_iter().max_by(|a, b| (a.value / a.budget).total_cmp(&(b.value / b.budget)))?;
    Some(Verdict {
        cost: cost.to_owned(),
        budget: budget.to_owned(),
        worst: show(&worst),
        program: worst.program.to_owned(),
        met: worst.value <= worst.budget,
    })
}

/// Compares the measurements with every budget.
pub fn verdicts(programs: &[Program], growth: &[Growth]) -> Vec<Verdict> {
    let ours = || programs.iter().filter(|program| program.kind == Kind::Ours);
    let floor = programs.iter().find(|program| program.kind == Kind::Floor);
    let floor = floor.map_or(f64::NAN, |floor| floor.measured.start_ms);
    let each = |cost: Cost, budget: f64| {
        let cases = ours().map(|one| Case { program: &one.label, value: cost(one), budget });
        cases.collect::<Vec<_>>()
    };
    let of_peer = |cost: Cost, budget: f64| {
        let pairs = PEERS.iter().filter_map(|name| {
            let of = |kind| programs.iter().find(|one| one.kind == kind && one.function == *name);
            Some((of(Kind::Ours)?, of(Kind::Peer)?))
        });
        let case = |(ours, peer): (&Program, &Program)| Case {
            program: ours.function,
            value: cost(ours) / cost(peer),
            budget,
        };
        pairs.map(case).collect::<Vec<_>>()
    };
    let start = ours().map(|one| Case {
        program: &one.label,
        value: one.measured.start_ms - floor - one.measured.aws_at_start_ms,
        budget: START_MS,
    });
    let part = |case: &Case<'_>| format!("1/{:.1}", 1.0 / case.value);
    let sequence = ours().filter_map(|one| {
        let found = one.calls.as_ref()?.stripe.in_sequence;
        let budget = small(in_sequence(one.function));
        Some(Case { program: &one.label, value: small(found), budget })
    });
    let flat = |of: &str| {
        let grown = growth.iter().filter(|one| one.of == of);
        let case = |one: &Growth| Case { program: one.what, value: one.factor(), budget: FLAT };
        grown.map(case).collect::<Vec<_>>()
    };
    let times = |case: &Case<'_>| format!("{:.2} times", case.value);
    let package =
        |one: &Program| one.package_bytes.map_or(f64::NAN, |bytes| small_bytes(bytes) / 1e6);
    let (cold, peak, cpu): (Cost, Cost, Cost) = (
        |one| one.measured.cold_ms,
        |one| one.measured.peak_mib * 1.048_576,
        |one| one.measured.cpu_us,
    );
    let packages = ours().map(|one| Case {
        program: &one.label,
        value: package(one),
        budget: small_bytes(PACKAGE_BYTES) / 1e6,
    });
    [
        verdict(
            "start to first poll, beyond the floor and AWS",
            "10 ms",
            start.collect(),
            |case| format!("{:.1} ms", case.value),
        ),
        verdict("cold start, of the Node.js peer's", "1/8", of_peer(cold, COLD_OF_PEER), part),
        verdict("peak memory", "20 MB", each(peak, PEAK_MB), |case| {
            format!("{:.1} MB", case.value)
        }),
        verdict("peak memory, of the peer's", "1/5", of_peer(peak, PEAK_OF_PEER), part),
        verdict("CPU of a warm request", "1 ms", each(cpu, CPU_US), |case| {
            format!("{:.2} ms", case.value / 1e3)
        }),
        verdict("CPU of a warm request, of the peer's", "1/6", of_peer(cpu, CPU_OF_PEER), part),
        verdict("deployment package", "4 MB", packages.collect(), |case| {
            format!("{:.2} MB", case.value)
        }),
        verdict("Stripe calls in sequence", "1 to 4, by endpoint", sequence.collect(), |case| {
            format!("{} of {}", case.value, case.budget)
        }),
        verdict("a page of 10,000 invoices, of one of 10", SAME, flat(INVOICES), times),
        verdict("a key among a million, of one among few", SAME, flat(KEYS), times),
        verdict("a catalogue of 400 prices, of one of 4", SAME, flat(PRICES), times),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[expect(clippy::cast_precision_loss)]
fn small(count: usize) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss)]
fn small_bytes(bytes: u64) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::{growth, program};

    #[test]
    fn costs_within_the_budgets_meet_every_budget() {
        let programs = [
            program("summary", Kind::Ours, 1.0),
            program("summary", Kind::Floor, 0.2),
            program("summary", Kind::Peer, 20.0),
        ];
        let verdicts = verdicts(&programs, &[growth("first page", &[1.0, 1.05])]);
        assert_eq!(verdicts.len(), 9, "all but the growth of keys and prices");
        assert!(verdicts.iter().all(|verdict| verdict.met), "{verdicts:#?}");
    }

    #[test]
    fn exceeded_budget_names_the_worst_program() {
        let programs = [
            program("info", Kind::Ours, 1.0),
            program("summary", Kind::Ours, 50.0),
            program("summary", Kind::Floor, 0.2),
            program("summary", Kind::Peer, 60.0),
        ];
        let grown = [growth("first page", &[1.0, 1.0]), growth("page in the middle", &[1.0, 3.0])];
        let verdicts = verdicts(&programs, &grown);
        let met: Vec<_> = verdicts.iter().filter(|verdict| verdict.met).collect();
        assert!(met.is_empty(), "{met:#?}");
        for verdict in &verdicts[..8] {
            assert_eq!(verdict.program, "summary", "{verdict:?}");
        }
        assert_eq!(verdicts[8].program, "page in the middle");
    }
}
