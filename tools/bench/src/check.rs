//! `bench check`: compares the functions' costs with `expected.toml`.

use std::process::ExitCode;

use clap::Args;

use crate::error::{Error, Result};
use crate::expected::{Costs, Expected, exceeded};
use crate::process::Running;
use crate::stage::Stage;
use crate::subject::{Subject, ours};
use crate::{callgrind, proc, progress, sequence};

/// Number of requests before the peak memory is read.
const REQUESTS: usize = 20;

/// Arguments of `bench check`
#[derive(Args)]
pub struct CheckArguments {
    /// Write the measured costs to `expected.toml` instead of comparing
    #[arg(long)]
    accept: bool,
    /// Functions to measure; all if none is given
    functions: Vec<String>,
}

/// Measures the functions and fails if a cost exceeds the expected one.
pub fn run(arguments: &CheckArguments) -> Result<ExitCode> {
    let mut expected = Expected::read()?;
    let stage = Stage::start("check", None, |_| ())?;
    let counts = callgrind::is_installed();
    if !counts {
        println!("SKIPPED: instructions of a warm request: valgrind is not installed");
    }
    let mut lines = Vec::new();
    let named = &arguments.functions;
    let is_selected = |name: &str| named.is_empty() || named.iter().any(|one| one == name);
    for subject in ours().into_iter().filter(|one| is_selected(one.function.name)) {
        let name = subject.function.name;
        progress(&format!("measuring {name}"));
        let found = measure(&stage, &subject, counts)?;
        if arguments.accept {
            // Keeps the expected instructions if they cannot be counted here.
            let before = expected.here().get(name).and_then(|costs| costs.instructions);
            let found = Costs { instructions: found.instructions.or(before), ..found };
            expected.here().insert(name.to_owned(), found);
            continue;
        }
        let tolerance = expected.tolerance;
        match expected.here().get(name) {
            Some(costs) => lines.extend(exceeded(name, costs, &found, tolerance)),
            None => {
                println!(
                    "SKIPPED: {name}: expected.toml has no costs for {}",
                    std::env::consts::ARCH
                );
            }
        }
    }
    if arguments.accept {
        expected.write()?;
        println!("wrote the measured costs to tools/bench/expected.toml");
    } else if lines.is_empty() {
        println!("no cost exceeds the expected one");
    } else {
        let advice = "If the change is meant to cost more, run `make bench-accept` and commit tools/bench/expected.toml with it.";
        return Error::wrong(format!("{}\n{advice}", lines.join("\n")));
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(stage: &Stage, subject: &Subject, counts: bool) -> Result<Costs> {
    let calls = sequence::count(stage, subject)?;
    stage.begin(subject.function)?;
    let mut running = Running::start(stage, subject)?;
    for _ in 0..REQUESTS {
        running.invoke(&stage.event(subject.function)?)?;
    }
    let peak = running.peak_kib()?;
    drop(running);
    let is_counted = counts && callgrind::COUNTED.contains(&subject.function.name);
    let instructions = is_counted.then(|| callgrind::instructions(stage, subject)).transpose()?;
    Ok(Costs {
        package: proc::bytes(&subject.package())?,
        peak,
        stripe: calls.stripe,
        aws_at_start: calls.aws_at_start,
        aws_at_first: calls.aws_at_first,
        aws_warm: calls.aws_warm,
        instructions,
    })
}
