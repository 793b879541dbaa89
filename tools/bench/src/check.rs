//! `bench check`: what is not noisy, held to `expected.toml`.

use std::process::ExitCode;

use clap::Args;

use crate::error::{Error, Result};
use crate::expected::{Expected, Held, worse};
use crate::process::Running;
use crate::stage::Stage;
use crate::subject::{Subject, ours};
use crate::{callgrind, proc, progress, sequence};

/// Requests before memory is looked at.
const REQUESTS: usize = 20;

/// What to do with what is found
#[derive(Args)]
pub struct CheckArguments {
    /// Take it as what is expected from now on
    #[arg(long)]
    accept: bool,
    /// Functions to look at; all where none is named
    functions: Vec<String>,
}

/// Fails where a function takes more than it did.
pub fn run(arguments: &CheckArguments) -> Result<ExitCode> {
    let mut expected = Expected::read()?;
    let stage = Stage::start("check", None, |_| ())?;
    let counts = callgrind::is_there();
    if !counts {
        println!("SKIPPED: instructions of a warm request: valgrind is not here");
    }
    let mut lines = Vec::new();
    let named = &arguments.functions;
    let is_meant = |name: &str| named.is_empty() || named.iter().any(|one| one == name);
    for subject in ours().into_iter().filter(|one| is_meant(one.function.name)) {
        let name = subject.function.name;
        progress(&format!("looking at {name}"));
        let got = look(&stage, &subject, counts)?;
        if arguments.accept {
            let before = expected.here().get(name).and_then(|held| held.instructions);
            // Not forgotten where they cannot be counted.
            let got = Held { instructions: got.instructions.or(before), ..got };
            expected.here().insert(name.to_owned(), got);
            continue;
        }
        let tolerance = expected.tolerance;
        match expected.here().get(name) {
            Some(held) => lines.extend(worse(name, held, &got, tolerance)),
            None => {
                println!(
                    "SKIPPED: {name}: nothing is expected of it on {}",
                    std::env::consts::ARCH
                );
            }
        }
    }
    if arguments.accept {
        expected.write()?;
        println!("tools/bench/expected.toml holds them to what they take now");
    } else if lines.is_empty() {
        println!("none takes more than it did");
    } else {
        let advice = "If that is meant, `make bench-accept` takes it as expected; commit tools/bench/expected.toml with the change.";
        return Error::wrong(format!("{}\n{advice}", lines.join("\n")));
    }
    Ok(ExitCode::SUCCESS)
}

fn look(stage: &Stage, subject: &Subject, counts: bool) -> Result<Held> {
    let asked = sequence::count(stage, subject)?;
    stage.begin(subject.function)?;
    let mut running = Running::start(stage, subject)?;
    for _ in 0..REQUESTS {
        running.invoke(&stage.event(subject.function)?)?;
    }
    let peak = running.peak_kib()?;
    drop(running);
    let is_counted = counts && callgrind::COUNTED.contains(&subject.function.name);
    let instructions = is_counted.then(|| callgrind::instructions(stage, subject)).transpose()?;
    Ok(Held {
        package: proc::bytes(&subject.package())?,
        peak,
        stripe: asked.stripe,
        aws_at_start: asked.aws_at_start,
        aws_at_first: asked.aws_at_first,
        aws_warm: asked.aws_warm,
        instructions,
    })
}
