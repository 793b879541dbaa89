//! `expected.toml`: what `make bench-check` holds the functions to.
//!
//! Only what is not noisy: what was built, what is called, what is executed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::sequence::Calls;
use crate::subject::root;

/// What one function takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// Bytes of the package as it is uploaded.
    pub package: u64,
    /// KiB of memory after a few requests.
    pub peak: u64,
    /// All calls, and those one after the other.
    #[serde(with = "pair")]
    pub stripe: Calls,
    #[serde(with = "pair")]
    pub aws_at_start: Calls,
    #[serde(with = "pair")]
    pub aws_at_first: Calls,
    pub aws_warm: usize,
    /// For one warm request, where they are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<u64>,
}

/// How many times as much is let pass.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tolerance {
    pub package: f64,
    pub peak: f64,
    pub instructions: f64,
}

/// The file. Packages and instructions are other ones on another architecture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    pub tolerance: Tolerance,
    #[serde(default)]
    pub x86_64: BTreeMap<String, Held>,
    #[serde(default)]
    pub aarch64: BTreeMap<String, Held>,
}

/// `[4, 2]`: four calls, two of them one after the other.
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
# What `make bench-check` holds each function to. `make bench-accept` writes it anew: do that where a change is
# meant to cost more, or saves so much that it should stay saved, and commit the two together.
#
# tolerance: how many times the value is let pass. Numbers of calls have none.
# package: bytes. peak: KiB. stripe, aws_at_start, aws_at_first: all calls, and how many one after the other.

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

    /// Writes it.
    pub fn write(&self) -> Result<()> {
        let place = path().display().to_string();
        let text = toml::to_string(self).map_err(|error| Error::Wrong(error.to_string()))?;
        std::fs::write(path(), format!("{HEAD}{text}")).map_err(Error::system(place))
    }

    /// The functions on this machine's architecture.
    pub fn here(&mut self) -> &mut BTreeMap<String, Held> {
        if cfg!(target_arch = "aarch64") { &mut self.aarch64 } else { &mut self.x86_64 }
    }
}

/// What is worse than it was, a line each; none where nothing is.
pub fn worse(name: &str, held: &Held, got: &Held, tolerance: Tolerance) -> Vec<String> {
    let mut lines = Vec::new();
    let mut more = |what: &str, held: u64, got: u64, times: f64| {
        if exceeds(got, held, times) {
            let mut line = format!("{name}: {what} is {got}, was {held}");
            if times > 1.0 {
                let _ = write!(line, " (let pass: {times} times that)");
            }
            lines.push(line);
        }
    };
    more("the package's size in bytes", held.package, got.package, tolerance.package);
    more("the peak of memory in KiB", held.peak, got.peak, tolerance.peak);
    let calls = [
        ("of Stripe in a request", held.stripe, got.stripe),
        ("of AWS before the first request", held.aws_at_start, got.aws_at_start),
        ("of AWS in the first request", held.aws_at_first, got.aws_at_first),
    ];
    for (what, held, got) in calls {
        more(&format!("the number of calls {what}"), held.count as u64, got.count as u64, 1.0);
        let (held, got) = (held.in_sequence as u64, got.in_sequence as u64);
        more(&format!("the number of calls {what}, one after the other,"), held, got, 1.0);
    }
    let (held_warm, got_warm) = (held.aws_warm as u64, got.aws_warm as u64);
    more("the number of calls of AWS in a warm request", held_warm, got_warm, 1.0);
    if let (Some(held), Some(got)) = (held.instructions, got.instructions) {
        more("the number of instructions for a warm request", held, got, tolerance.instructions);
    }
    lines
}

/// Sizes and counts are far below 2^52.
#[expect(clippy::cast_precision_loss)]
fn exceeds(got: u64, held: u64, times: f64) -> bool {
    got as f64 > held as f64 * times
}

#[cfg(test)]
mod tests {
    use devstack::functions::FUNCTIONS;

    use super::*;

    /// A change for the worse, and what names it.
    type Case = (fn(&mut Held), &'static str);

    const TOLERANCE: Tolerance = Tolerance { package: 1.03, peak: 1.3, instructions: 1.1 };

    fn held() -> Held {
        Held {
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
    fn every_value_that_gets_worse_fails_and_is_named() {
        let changes: [Case; 9] = [
            (|held| held.package = 3_100_000, "size"),
            (|held| held.peak = 14_000, "memory"),
            (|held| held.stripe.count = 5, "calls of Stripe"),
            (
                |held| held.stripe.in_sequence = 3,
                "calls of Stripe in a request, one after the other",
            ),
            (|held| held.aws_at_start.count = 3, "before the first request"),
            (|held| held.aws_at_start.in_sequence = 2, "before the first request, one after the"),
            (|held| held.aws_at_first.in_sequence = 3, "in the first request, one after the"),
            (|held| held.aws_warm = 1, "warm request"),
            (|held| held.instructions = Some(1_200_000), "instructions"),
        ];
        for (change, named) in changes {
            let mut got = held();
            change(&mut got);
            let lines = worse("summary", &held(), &got, TOLERANCE);
            assert_eq!(lines.len(), 1, "{lines:?}");
            assert!(lines[0].contains(named) && lines[0].starts_with("summary: "), "{}", lines[0]);
        }
    }

    #[test]
    fn what_is_equal_better_or_within_the_tolerance_passes() {
        let changes: [fn(&mut Held); 6] = [
            |_| (),
            |held| held.package = 3_080_000,
            |held| held.peak = 12_900,
            |held| held.stripe = Calls { count: 2, in_sequence: 1 },
            |held| held.instructions = Some(1_090_000),
            |held| held.instructions = None,
        ];
        for change in changes {
            let mut got = held();
            change(&mut got);
            assert_eq!(worse("summary", &held(), &got, TOLERANCE), Vec::<String>::new());
        }
    }

    #[test]
    fn the_committed_file_holds_functions_that_there_are_and_to_no_more_than_the_budgets() {
        let expected = Expected::read().expect("it can be read");
        for (name, held) in expected.x86_64.iter().chain(&expected.aarch64) {
            assert!(FUNCTIONS.iter().any(|function| function.name == name), "{name}");
            assert!(held.package <= crate::budgets::PACKAGE_BYTES, "{name}");
            assert!(held.stripe.in_sequence <= crate::budgets::in_sequence(name), "{name}");
        }
        for name in crate::callgrind::COUNTED {
            assert!(expected.x86_64[name].instructions.is_some(), "{name}");
        }
    }
}
