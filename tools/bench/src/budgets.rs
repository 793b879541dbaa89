//! What the functions may take, and whether they do.

use serde::Serialize;

use crate::growth::{Growth, INVOICES, KEYS, PRICES};
use crate::results::Program;
use crate::subject::{Kind, PEERS};

/// Milliseconds from the start to the first question for work beyond the floor and the calls of AWS.
const START_MS: f64 = 10.0;
/// Of the peer's cold start.
const COLD_OF_PEER: f64 = 1.0 / 8.0;
/// In millions of bytes.
const PEAK_MB: f64 = 20.0;
const PEAK_OF_PEER: f64 = 1.0 / 5.0;
/// Of a warm request, in microseconds.
const CPU_US: f64 = 1_000.0;
const CPU_OF_PEER: f64 = 1.0 / 6.0;
/// Of a deployment package.
pub const PACKAGE_BYTES: u64 = 4_000_000;
/// How many times as long is still "the same time": wall clocks differ by that much from run to run.
const FLAT: f64 = 1.2;

const SAME: &str = "the same time";

/// Calls of Stripe one after the other.
pub fn in_sequence(name: &str) -> usize {
    match name {
        "info" | "invoices" | "portal-session" => 1,
        "summary" | "dunning" | "plan-change-preview" => 2,
        _ => 3,
    }
}

/// One budget, and how it is kept.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    pub what: String,
    /// As it is shown, with its unit.
    pub budget: String,
    pub worst: String,
    /// Which program comes nearest to the budget, or passes it the most.
    pub who: String,
    pub met: bool,
}

/// What of a program is looked at.
type Value = fn(&Program) -> f64;

/// A value of one program, and what it may be at most.
struct Case<'a> {
    who: &'a str,
    value: f64,
    most: f64,
}

fn verdict(
    what: &str,
    budget: &str,
    cases: Vec<Case<'_>>,
    show: impl Fn(&Case<'_>) -> String,
) -> Option<Verdict> {
    let worst =
        cases.into_iter().max_by(|a, b| (a.value / a.most).total_cmp(&(b.value / b.most)))?;
    Some(Verdict {
        what: what.to_owned(),
        budget: budget.to_owned(),
        worst: show(&worst),
        who: worst.who.to_owned(),
        met: worst.value <= worst.most,
    })
}

/// Every budget that this bench can look at.
pub fn verdicts(programs: &[Program], growth: &[Growth]) -> Vec<Verdict> {
    let ours = || programs.iter().filter(|program| program.kind == Kind::Ours);
    let floor = programs.iter().find(|program| program.kind == Kind::Floor);
    let floor = floor.map_or(f64::NAN, |floor| floor.taken.start_ms);
    let each = |value: Value, most: f64| {
        ours().map(|one| Case { who: &one.label, value: value(one), most }).collect::<Vec<_>>()
    };
    let beside = |value: Value, most: f64| {
        let pairs = PEERS.iter().filter_map(|name| {
            let of = |kind| programs.iter().find(|one| one.kind == kind && one.function == *name);
            Some((of(Kind::Ours)?, of(Kind::Peer)?))
        });
        let case = |(ours, peer): (&Program, &Program)| Case {
            who: ours.function,
            value: value(ours) / value(peer),
            most,
        };
        pairs.map(case).collect::<Vec<_>>()
    };
    let start = ours().map(|one| Case {
        who: &one.label,
        value: one.taken.start_ms - floor - one.taken.aws_at_start_ms,
        most: START_MS,
    });
    let part = |case: &Case<'_>| format!("1/{:.1}", 1.0 / case.value);
    let sequence = ours().filter_map(|one| {
        let got = one.asked.as_ref()?.stripe.in_sequence;
        Some(Case { who: &one.label, value: small(got), most: small(in_sequence(one.function)) })
    });
    let flat = |of: &str| {
        let grown = growth.iter().filter(|one| one.of == of);
        grown.map(|one| Case { who: one.what, value: one.times(), most: FLAT }).collect::<Vec<_>>()
    };
    let times = |case: &Case<'_>| format!("{:.2} times", case.value);
    let package =
        |one: &Program| one.package_bytes.map_or(f64::NAN, |bytes| small_bytes(bytes) / 1e6);
    let (cold, peak, cpu): (Value, Value, Value) =
        (|one| one.taken.cold_ms, |one| one.taken.peak_mib * 1.048_576, |one| one.taken.cpu_us);
    let packages = ours().map(|one| Case {
        who: &one.label,
        value: package(one),
        most: small_bytes(PACKAGE_BYTES) / 1e6,
    });
    [
        verdict(
            "start to first poll, beyond the floor and AWS",
            "10 ms",
            start.collect(),
            |case| format!("{:.1} ms", case.value),
        ),
        verdict("cold start, of the Node.js peer's", "1/8", beside(cold, COLD_OF_PEER), part),
        verdict("peak memory", "20 MB", each(peak, PEAK_MB), |case| {
            format!("{:.1} MB", case.value)
        }),
        verdict("peak memory, of the peer's", "1/5", beside(peak, PEAK_OF_PEER), part),
        verdict("CPU of a warm request", "1 ms", each(cpu, CPU_US), |case| {
            format!("{:.2} ms", case.value / 1e3)
        }),
        verdict("CPU of a warm request, of the peer's", "1/6", beside(cpu, CPU_OF_PEER), part),
        verdict("deployment package", "4 MB", packages.collect(), |case| {
            format!("{:.2} MB", case.value)
        }),
        verdict("Stripe calls in sequence", "1 to 3, by endpoint", sequence.collect(), |case| {
            format!("{} of {}", case.value, case.most)
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
    fn within_the_budgets_all_are_met_and_each_is_looked_at() {
        let programs = [
            program("summary", Kind::Ours, 1.0),
            program("summary", Kind::Floor, 0.2),
            program("summary", Kind::Peer, 20.0),
        ];
        let verdicts = verdicts(&programs, &[growth("first page", &[1.0, 1.05])]);
        assert_eq!(verdicts.len(), 9, "no growth of keys and prices was measured");
        assert!(verdicts.iter().all(|verdict| verdict.met), "{verdicts:#?}");
    }

    #[test]
    fn what_takes_too_much_is_not_met_and_the_worst_is_named() {
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
            assert_eq!(verdict.who, "summary", "{verdict:?}");
        }
        assert_eq!(verdicts[8].who, "page in the middle");
    }
}
