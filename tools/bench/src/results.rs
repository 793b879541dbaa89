//! Results of a run: `target/bench/results.json`.

use std::collections::BTreeMap;
use std::process::Command;

use serde::Serialize;

use crate::budgets::Verdict;
use crate::error::{Error, Result};
use crate::growth::Growth;
use crate::runs::{Extent, Measured, Sample};
use crate::sequence::CallCounts;
use crate::stats::{interval, median};
use crate::subject::{Kind, PEERS, Subject, TWIN, folder};

/// Results of a run.
#[derive(Debug, Serialize)]
pub struct Results {
    pub machine: Machine,
    pub extent: Extent,
    /// Number of the peers' responses that were compared with ours and are equal.
    pub equal_responses: usize,
    pub programs: Vec<Program>,
    pub ratios: Vec<Ratio>,
    /// A program relative to itself: deviations from 1 are noise.
    pub twice: Vec<Ratio>,
    pub growth: Vec<Growth>,
    pub budgets: Vec<Verdict>,
}

/// Machine of the run.
#[derive(Debug, Serialize)]
pub struct Machine {
    pub arch: &'static str,
    pub cpus: usize,
    pub node: String,
    /// One-minute load average before the run.
    pub load: String,
}

/// Measured program.
#[derive(Debug, Serialize)]
pub struct Program {
    pub label: String,
    pub kind: Kind,
    pub function: &'static str,
    pub measured: Measured,
    pub package_bytes: Option<u64>,
    pub calls: Option<CallCounts>,
}

/// Cost of one program relative to another.
#[derive(Clone, Debug, Serialize)]
pub struct Ratio {
    pub function: &'static str,
    pub what: &'static str,
    pub median: f64,
    /// Confidence interval of the median: 99.9 % with twenty rounds.
    pub low: f64,
    pub high: f64,
}

impl Machine {
    /// Describes this machine.
    pub fn here() -> Self {
        let node = Command::new("node").arg("--version").output();
        let node = node.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            arch: std::env::consts::ARCH,
            cpus: std::thread::available_parallelism().map_or(0, usize::from),
            node: node.unwrap_or_default(),
            load: load.split(' ').next().unwrap_or_default().to_owned(),
        }
    }
}

/// Name of a measure, and its value in one process.
type Measure = (&'static str, fn(&Sample) -> f64);

/// Measures that are compared.
const MEASURES: [Measure; 5] = [
    ("start", |sample| sample.start),
    ("cold", Sample::cold),
    ("warm", Sample::warm_median),
    ("cpu", |sample| sample.cpu),
    ("peak", |sample| crate::runs::kib_to_mib(sample.peak_kib)),
];

/// Compares another program with ours, by measure and round.
fn ratios(
    function: &'static str,
    samples: &BTreeMap<String, Vec<Sample>>,
    [ours, other]: [Kind; 2],
) -> Vec<Ratio> {
    let of = |kind| {
        let label = Subject { kind, function: crate::subject::function(function) }.label();
        samples.get(&label).map_or(&[][..], Vec::as_slice)
    };
    let ratio = |(what, value): Measure| {
        let rounds = of(ours).iter().zip(of(other));
        let values: Vec<f64> = rounds.map(|(ours, other)| value(other) / value(ours)).collect();
        let (low, high) = interval(&values);
        Ratio { function, what, median: median(&values), low, high }
    };
    MEASURES.into_iter().map(ratio).collect()
}

/// Compares the peers with ours.
pub fn against_peers(samples: &BTreeMap<String, Vec<Sample>>) -> Vec<Ratio> {
    PEERS.into_iter().flat_map(|name| ratios(name, samples, [Kind::Ours, Kind::Peer])).collect()
}

/// Compares a program with itself.
pub fn twice(samples: &BTreeMap<String, Vec<Sample>>) -> Vec<Ratio> {
    ratios(TWIN, samples, [Kind::Ours, Kind::Twin])
}

/// Returns whether the bench finds no difference between equal programs: every interval contains 1.
pub fn is_fair(twice: &[Ratio]) -> bool {
    !twice.is_empty() && twice.iter().all(|ratio| ratio.low <= 1.0 && 1.0 <= ratio.high)
}

impl Results {
    /// Writes `results.json`.
    pub fn write(&self) -> Result<()> {
        let path = folder().join("results.json");
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        std::fs::write(&path, text + "\n").map_err(Error::system(path.display().to_string()))
    }

    /// Returns the peer's cost relative to ours.
    pub fn ratio(&self, function: &str, what: &str) -> Option<f64> {
        let found = self.ratios.iter().find(|one| one.function == function && one.what == what);
        found.map(|ratio| ratio.median)
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::growth::Point;
    use crate::sequence::Calls;
    use crate::subject::function;

    /// Returns a program with `times` the costs of one within the budgets.
    pub fn program(name: &str, kind: Kind, times: f64) -> Program {
        let function = function(name);
        let calls = Calls { count: 4, in_sequence: if times > 2.0 { 9 } else { 1 } };
        Program {
            label: Subject { kind, function }.label(),
            kind,
            function: function.name,
            measured: Measured {
                start_ms: 5.0 * times,
                aws_at_start_ms: 0.5,
                first_ms: 5.0 * times,
                cold_ms: 10.0 * times,
                warm_ms: times,
                warm_p99_ms: 2.0 * times,
                cpu_us: 500.0 * times,
                peak_mib: 8.0 * times,
            },
            package_bytes: Some(if times > 2.0 { 9_000_000 } else { 3_000_000 }),
            calls: Some(CallCounts {
                stripe: calls,
                aws_at_start: calls,
                aws_at_first: calls,
                aws_warm: 0,
                stripe_off_ms: 1.0,
            }),
        }
    }

    pub fn growth(what: &'static str, ms: &[f64]) -> Growth {
        let point =
            |(size, ms): (u64, &f64)| Point { size, ms: *ms, cpu_us: Some(500.0), stripe_calls: 1 };
        Growth {
            what,
            of: "invoices of the account",
            points: (1..).map(|n| 10_u64.pow(n)).zip(ms).map(point).collect(),
        }
    }

    pub fn results() -> Results {
        let programs: Vec<_> = crate::subject::all()
            .iter()
            .map(|subject| {
                program(
                    subject.function.name,
                    subject.kind,
                    if subject.kind == Kind::Peer { 20.0 } else { 1.0 },
                )
            })
            .collect();
        let growth = vec![growth("first page", &[1.0, 1.1, 1.0])];
        let budgets = crate::budgets::verdicts(&programs, &growth);
        let ratio =
            |function| Ratio { function, what: "cold", median: 12.3, low: 10.0, high: 14.0 };
        Results {
            machine: Machine::here(),
            extent: Extent { rounds: 20, warm: 100 },
            equal_responses: 56,
            programs,
            ratios: PEERS.map(ratio).into(),
            twice: vec![ratio(TWIN)],
            growth,
            budgets,
        }
    }

    #[test]
    fn equal_programs_are_fair_and_unequal_ones_are_not() {
        let sample = |value: f64| Sample {
            start: value,
            aws: 0.0,
            first: value,
            warm: vec![value],
            cpu: value,
            peak_kib: 10_000,
        };
        // Noise of up to a third, in another order for the second program.
        let noise = |round: u32| 1.0 + f64::from(round * 7 % 10) / 30.0;
        let run = |from: u32, times: f64| -> Vec<_> {
            (0..20).map(|round: u32| sample(noise(from.abs_diff(round)) * times)).collect()
        };
        let samples = |times: f64| {
            BTreeMap::from([
                ("summary".to_owned(), run(0, 1.0)),
                ("summary again".to_owned(), run(19, times)),
            ])
        };
        assert!(is_fair(&twice(&samples(1.0))), "{:?}", twice(&samples(1.0)));
        assert!(!is_fair(&twice(&samples(1.5))));
        assert!(!is_fair(&[]));
    }
}
