//! Instructions of a warm request, counted by valgrind. The counts vary by a few in a thousand, whatever else the
//! machine does.
//!
//! Two processes serve different numbers of requests. The difference of their counts is that of the additional warm
//! requests, without the start and the first request.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::process::Running;
use crate::stage::Stage;
use crate::subject::{Subject, folder};

/// Endpoints whose instructions are counted.
pub const COUNTED: [&str; 3] = ["summary", "invoices", "plan-change-preview"];

/// Requests of the first process, and of the second.
const FEW: usize = 5;
const MORE: usize = 45;

/// Returns whether valgrind is installed.
pub fn is_installed() -> bool {
    let mut valgrind = Command::new("valgrind");
    valgrind.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    valgrind.status().is_ok_and(|status| status.success())
}

/// Counts the instructions of a warm request.
pub fn instructions(stage: &Stage, subject: &Subject) -> Result<u64> {
    // Concurrently: counts do not depend on time.
    let runs = [FEW, MORE].map(|count| {
        let events = (0..count).map(|_| stage.event(subject.function)).collect::<Result<Vec<_>>>();
        events.and_then(|events| Run::start(stage, subject, events))
    });
    let [few, more] = runs;
    let (few, more) = (few?, more?);
    let totals = thread::scope(|scope| {
        let few = scope.spawn(|| few.finish());
        let more = more.finish();
        (few.join().unwrap_or_else(|_| Error::wrong("it has panicked")), more)
    });
    let (few, more) = (totals.0?, totals.1?);
    let difference = more.checked_sub(few);
    let Some(difference) = difference else {
        let label = subject.label();
        return Error::wrong(format!("{label} executes fewer instructions for more requests"));
    };
    Ok(difference / (MORE - FEW) as u64)
}

struct Run {
    running: Running,
    events: Vec<Value>,
    out: PathBuf,
}

impl Run {
    fn start(stage: &Stage, subject: &Subject, events: Vec<Value>) -> Result<Self> {
        let name = subject.function.name;
        let out = folder().join(format!("callgrind.{name}.{}", events.len()));
        let mut command = Command::new("valgrind");
        command.args(["--tool=callgrind", "--quiet", "--dump-line=no"]);
        command.arg(format!("--callgrind-out-file={}", out.display()));
        command.arg(subject.program());
        let running = Running::start_as(stage, subject, command)?;
        Ok(Self { running, events, out })
    }

    fn finish(self) -> Result<u64> {
        let Self { mut running, events, out } = self;
        for event in &events {
            running.invoke(event)?;
        }
        running.end()?;
        total(&out)
    }
}

/// Reads the instructions of a process from valgrind's output.
fn total(out: &Path) -> Result<u64> {
    let place = out.display().to_string();
    let text = std::fs::read_to_string(out).map_err(Error::system(&place))?;
    let total = sum(&text);
    total.map_or_else(|| Error::wrong(format!("{place} has no total")), Ok)
}

/// Returns the sum of the output's totals, or `None` without any.
fn sum(text: &str) -> Option<u64> {
    let totals = text.lines().filter_map(|line| line.strip_prefix("totals: "));
    totals.map(|total| total.trim().parse::<u64>().ok()).sum::<Option<u64>>().filter(|sum| *sum > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sum_reads_the_total_or_returns_none() {
        let text = "version: 1\nevents: Ir\nfn=(1) main\n0 12\n\ntotals: 123456\n";
        assert_eq!(sum(text), Some(123_456));
        assert_eq!(sum("events: Ir\n"), None);
        assert_eq!(sum("totals: x\n"), None);
    }
}
