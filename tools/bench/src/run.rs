//! `bench run`: measures all programs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::error::{Error, Result};
use crate::results::{Machine, Program, Results, against_peers, is_fair, twice};
use crate::runs::{Extent, Measured, Sample};
use crate::stage::Stage;
use crate::subject::{Kind, Subject, all};
use crate::{budgets, document, equal, growth, proc, progress, report, runs, sequence};

/// Arguments of `bench run`
#[derive(Args)]
pub struct RunArguments {
    /// Processes of each program
    #[arg(long, default_value_t = 20)]
    rounds: usize,
    /// Warm requests of each process
    #[arg(long, default_value_t = 100)]
    warm: usize,
    /// Program of the sandbox, in place of the one in this program's folder
    #[arg(long)]
    sandbox: Option<PathBuf>,
    /// Update the tables and plots of docs/bench.md
    #[arg(long)]
    write: bool,
}

/// Measures all programs. Fails if the bench finds a difference between equal programs; an exceeded budget is only
/// reported.
pub fn run(arguments: &RunArguments) -> Result<ExitCode> {
    let subjects = all();
    for subject in &subjects {
        if !subject.program().is_file() {
            let program = subject.program();
            return Error::wrong(format!(
                "{} is missing; `make bench` builds it",
                program.display()
            ));
        }
    }
    let machine = Machine::here();
    let stage = Stage::start("run", arguments.sandbox.clone(), progress)?;
    progress("comparing the peers' responses with ours");
    let equal_responses = equal::check(&stage)?;
    let mut calls = BTreeMap::new();
    for subject in subjects.iter().filter(|one| matches!(one.kind, Kind::Ours | Kind::Peer)) {
        progress(&format!("counting the calls of {}", subject.label()));
        calls.insert(subject.label(), sequence::count(&stage, subject)?);
    }
    let extent = Extent { rounds: arguments.rounds, warm: arguments.warm };
    let samples = runs::measure(&stage, &subjects, extent, progress)?;
    let growth = growth::measure(&stage, progress)?;
    let program = |subject: &Subject| program(subject, &samples, calls.remove(&subject.label()));
    let programs: Vec<Program> = subjects.iter().map(program).collect::<Result<_>>()?;
    let results = Results {
        machine,
        extent,
        equal_responses,
        ratios: against_peers(&samples),
        twice: twice(&samples),
        budgets: budgets::verdicts(&programs, &growth),
        programs,
        growth,
    };
    results.write()?;
    show(&results);
    if !is_fair(&results.twice) {
        return Error::wrong(
            "two runs of the same program differ by more than the noise: the results are not reliable",
        );
    }
    if arguments.write {
        document::write(&results)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn program(
    subject: &Subject,
    samples: &BTreeMap<String, Vec<Sample>>,
    calls: Option<sequence::CallCounts>,
) -> Result<Program> {
    let label = subject.label();
    let package = Some(proc::bytes(&subject.package())?);
    Ok(Program {
        measured: Measured::of(samples.get(&label).map_or(&[][..], Vec::as_slice)),
        label,
        kind: subject.kind,
        function: subject.function.name,
        package_bytes: package,
        calls,
    })
}

fn show(results: &Results) {
    println!("{}", report::programs(results).plain());
    println!("{}", report::ratios(results).plain());
    println!("{}", report::growth(&results.growth).plain());
    println!("{}", report::budgets(&results.budgets).plain());
    println!("{} responses of the peers equal ours", results.equal_responses);
    println!("a program relative to itself: {}", report::twice(results));
}
