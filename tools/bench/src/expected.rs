//! `expected.toml`: the costs that `make bench-check` expects.
//!
//! It has only costs that are nearly the same in every run: sizes, calls, instructions, memory.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::sequence::Calls;
use crate::subject::root;

/// Costs of one function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Costs {
    /// Size of the deployment package in bytes.
    pub package: u64,
    /// Peak memory after a few requests in KiB.
    pub peak: u64,
    #[serde(with = "pair")]
    pub stripe: Calls,
    #[serde(with = "pair")]
    pub aws_at_start: Calls,
    #[serde(with = "pair")]
    pub aws_at_first: Calls,
    pub aws_warm: usize,
    /// Instructions of a warm request, if counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<u64>,
}

/// Factors by which costs may exceed the expected ones.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tolerance {
    pub package: f64,
    pub peak: f64,
    pub instructions: f64,
}

/// Content of the file. Packages and instructions differ between architectures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    pub tolerance: Tolerance,
    #[serde(default)]
    pub x86_64: BTreeMap<String, Costs>,
    #[serde(default)]
    pub aarch64: BTreeMap<String, Costs>,
}

/// Writes calls as `[4, 2]`: four calls, two of them in sequence.
mod pair {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use crate::sequence::Calls;

    pub fn serialize<S: Serializer>(calls: &Calls, serializer: S) -> Result<S::Ok, S::Error> {
        [calls.count, calls.in_sequence].serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Calls, D::Error> {
        let [count, in_sequence] = <[usize; 2]>::deserialize(deserializer)?;
        Ok(Calls { count, in_sequence })
    }
}

const HEAD: &str = "\
# Expected costs of each function, which `make bench-check` compares with. If a change is meant to cost more, or saves
# so much that it should stay saved, run `make bench-accept` and commit this file with the change.
#
# tolerance: factor by which a value may exceed the expected one; numbers of calls must not. package: bytes. peak: KiB.
# stripe, aws_at_start, aws_at_first: number of calls, and how many of them run in sequence.

";

fn path() -> PathBuf {
    root().join("tools/bench/expected.toml")
}

impl Expected {
    /// Reads the file.
    pub fn read() -> Result<Self> {
        let place = path().display().to_string();
        let text = std::fs::read_to_string(path()).map_err(Error::system(&place))?;
        toml::from_str(&text).map_err(|error| Error::Wrong(format!("{place}: {error}")))
    }

    /// Writes the file.
    pub fn write(&self) -> Result<()> {
        let place = path().display().to_string();
        let text = toml::to_string(self).map_err(|error| Error::Wrong(error.to_string()))?;
        std::fs::write(path(), format!("{HEAD}{text}")).map_err(Error::system(place))
    }

    /// Returns the costs on this machine's architecture.
    pub fn here(&mut self) -> &mut BTreeMap<String, Costs> {
        if cfg!(target_arch = "aarch64") { &mut self.aarch64 } else { &mut self.x86_64 }
    }
}

/// Returns a line for each cost that exceeds the expected one.
pub fn exceeded(name: &str, expected: &Costs, found: &Costs, tolerance: Tolerance) -> Vec<String> {
    let mut lines = Vec::new();
    let mut compare = |cost: &str, expected: u64, found: u64, factor: f64| {
        if exceeds(found, expected, factor) {
            let mut line = format!("{name}: {cost} is {found}, expected {expected}");
            if factor > 1.0 {
                let _ = write!(line, " (at most {factor} times that)");
            }
            lines.push(line);
        }
    };
    compare("package size in bytes", expected.package, found.package, tolerance.package);
    compare("peak memory in KiB", expected.peak, found.peak, tolerance.peak);
    let calls = [
        ("of Stripe in a request", expected.stripe, found.stripe),
        ("of AWS before the first request", expected.aws_at_start, found.aws_at_start),
        ("of AWS in the first request", expected.aws_at_first, found.aws_at_first),
    ];
    for (calls, expected, found) in calls {
        let cost = format!("number of calls {calls}");
        compare(&cost, expected.count as u64, found.count as u64, 1.0);
        let (expected, found) = (expected.in_sequence as u64, found.in_sequence as u64);
        compare(&format!("{cost} in sequence"), expected, found, 1.0);
    }
    let (expected_warm, found_warm) = (expected.aws_warm as u64, found.aws_warm as u64);
    compare("number of calls of AWS in a warm request", expected_warm, found_warm, 1.0);
    if let (Some(expected), Some(found)) = (expected.instructions, found.instructions) {
        compare("instructions of a warm request", expected, found, tolerance.instructions);
    }
    lines
}

/// Sizes and counts are far below 2^52.
#[expect(clippy::cast_precision_loss)]
fn exceeds(found: u64, expected: u64, factor: f64) -> bool {
    found as f64 > expected as f64 * factor
}

#[cfg(test)]
mod tests {
    use devstack::functions::FUNCTIONS;

    use super::*;

    /// Higher cost, and a part of the line that reports it.
    type Case = (fn(&mut Costs), &'static str);

    const TOLERANCE: Tolerance = Tolerance { package: 1.03, peak: 1.3, instructions: 1.1 };

    fn costs() -> Costs {
        Costs {
            package: 3_000_000,
            peak: 10_000,
            stripe: Calls { count: 4, in_sequence: 2 },
            aws_at_start: Calls { count: 2, in_sequence: 1 },
            aws_at_first: Calls { count: 2, in_sequence: 2 },
            aws_warm: 0,
            instructions: Some(1_000_000),
        }
    }

    #[test]
    fn every_higher_cost_is_reported() {
        let changes: [Case; 9] = [
            (|costs| costs.package = 3_100_000, "size"),
            (|costs| costs.peak = 14_000, "memory"),
            (|costs| costs.stripe.count = 5, "calls of Stripe"),
            (|costs| costs.stripe.in_sequence = 3, "calls of Stripe in a request in sequence"),
            (|costs| costs.aws_at_start.count = 3, "before the first request"),
            (|costs| costs.aws_at_start.in_sequence = 2, "before the first request in sequence"),
            (|costs| costs.aws_at_first.in_sequence = 3, "in the first request in sequence"),
            (|costs| costs.aws_warm = 1, "warm request"),
            (|costs| costs.instructions = Some(1_200_000), "instructions"),
        ];
        for (change, named) in changes {
            let mut found = costs();
            change(&mut found);
            let lines = exceeded("summary", &costs(), &found, TOLERANCE);
            assert_eq!(lines.len(), 1, "{lines:?}");
            assert!(lines[0].contains(named) && lines[0].starts_with("summary: "), "{}", lines[0]);
        }
    }

    #[test]
    fn equal_lower_and_tolerated_costs_are_not_reported() {
        let changes: [fn(&mut Costs); 6] = [
            |_| (),
            |costs| costs.package = 3_080_000,
            |costs| costs.peak = 12_900,
            |costs| costs.stripe = Calls { count: 2, in_sequence: 1 },
            |costs| costs.instructions = Some(1_090_000),
            |costs| costs.instructions = None,
        ];
        for change in changes {
            let mut found = costs();
            change(&mut found);
            assert_eq!(exceeded("summary", &costs(), &found, TOLERANCE), Vec::<String>::new());
        }
    }

    #[test]
    fn committed_file_has_known_functions_within_the_budgets() {
        let expected = Expected::read().expect("a valid file");
        for (name, costs) in expected.x86_64.iter().chain(&expected.aarch64) {
            assert!(FUNCTIONS.iter().any(|function| function.name == name), "{name}");
            assert!(costs.package <= crate::budgets::PACKAGE_BYTES, "{name}");
            assert!(costs.stripe.in_sequence <= crate::budgets::in_sequence(name), "{name}");
        }
        for name in crate::callgrind::COUNTED {
            assert!(expected.x86_64[name].instructions.is_some(), "{name}");
        }
    }
}
