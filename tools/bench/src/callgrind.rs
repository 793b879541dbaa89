//! Instructions for one warm request, counted by valgrind: the same to a few in a thousand whatever else
//! the machine does.
//!
//! A process that answers few requests and one that answers more differ in these alone, so neither
//! the start nor the first request is in the difference.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::process::Running;
use crate::stage::Stage;
use crate::subject::{Subject, folder};

/// Endpoints that are counted.
pub const COUNTED: [&str; 3] = ["summary", "invoices", "plan-change-preview"];

/// Requests of the one process, and of the other.
const FEW: usize = 5;
const MORE: usize = 45;

/// Whether valgrind is here.
pub fn is_there() -> bool {
    let mut valgrind = Command::new("valgrind");
    valgrind.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    valgrind.status().is_ok_and(|status| status.success())
}

/// Instructions for one warm request.
pub fn instructions(stage: &Stage, subject: &Subject) -> Result<u64> {
    // Both at once: each is held up by valgrind, not by the other.
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
        return Error::wrong(format!("{} takes less for more requests", subject.label()));
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

/// All that a process has done.
fn total(out: &Path) -> Result<u64> {
    let place = out.display().to_string();
    let text = std::fs::read_to_string(out).map_err(Error::system(&place))?;
    let total = sum(&text);
    total.map_or_else(|| Error::wrong(format!("there is no total in {place}")), Ok)
}

/// One total for each time that counts were written; there is but one, at the end.
fn sum(text: &str) -> Option<u64> {
    let totals = text.lines().filter_map(|line| line.strip_prefix("totals: "));
    totals.map(|total| total.trim().parse::<u64>().ok()).sum::<Option<u64>>().filter(|sum| *sum > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_off_and_without_one_there_is_no_number() {
        let text = "version: 1\nevents: Ir\nfn=(1) main\n0 12\n\ntotals: 123456\n";
        assert_eq!(sum(text), Some(123_456));
        assert_eq!(sum("events: Ir\n"), None);
        assert_eq!(sum("totals: x\n"), None);
    }
}
