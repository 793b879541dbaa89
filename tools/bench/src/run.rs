//! `bench run`: everything, side by side.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::error::{Error, Result};
use crate::results::{Machine, Program, Results, against_peers, is_fair, twice};
use crate::runs::{Extent, Sample, Taken};
use crate::stage::Stage;
use crate::subject::{Kind, Subject, all};
use crate::{budgets, equal, growth, proc, progress, readme, report, runs, sequence};

/// How much, and where it goes
#[derive(Args)]
pub struct RunArguments {
    /// Processes of each program
    #[arg(long, default_value_t = 20)]
    rounds: usize,
    /// Warm requests of each process
    #[arg(long, default_value_t = 100)]
    warm: usize,
    /// Another build of the sandbox than that beside this program
    #[arg(long)]
    sandbox: Option<PathBuf>,
    /// Write the README's block and the plots
    #[arg(long)]
    write: bool,
}

/// Fails where the harness cannot be trusted. A budget that is not met is shown, and no failure: it
/// is for people to say why.
pub fn run(arguments: &RunArguments) -> Result<ExitCode> {
    let subjects = all();
    for subject in &subjects {
        if !subject.program().is_file() {
            let program = subject.program();
            return Error::wrong(format!(
                "{} is not there; `make bench` makes it",
                program.display()
            ));
        }
    }
    let machine = Machine::here();
    let stage = Stage::start("run", arguments.sandbox.clone(), progress)?;
    progress("comparing the peer's answers with ours");
    let equal_answers = equal::check(&stage)?;
    let mut asked = BTreeMap::new();
    for subject in subjects.iter().filter(|one| matches!(one.kind, Kind::Ours | Kind::Peer)) {
        progress(&format!("counting the calls of {}", subject.label()));
        asked.insert(subject.label(), sequence::count(&stage, subject)?);
    }
    let extent = Extent { rounds: arguments.rounds, warm: arguments.warm };
    let samples = runs::measure(&stage, &subjects, extent, progress)?;
    let growth = growth::measure(&stage, progress)?;
    let program = |subject: &Subject| program(subject, &samples, asked.remove(&subject.label()));
    let programs: Vec<Program> = subjects.iter().map(program).collect::<Result<_>>()?;
    let results = Results {
        machine,
        extent,
        equal_answers,
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
            "the same program twice is not the same within the noise: this run shows nothing",
        );
    }
    if arguments.write {
        readme::write(&results)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn program(
    subject: &Subject,
    samples: &BTreeMap<String, Vec<Sample>>,
    asked: Option<sequence::Asked>,
) -> Result<Program> {
    let label = subject.label();
    let package = Some(proc::bytes(&subject.package())?);
    Ok(Program {
        taken: Taken::of(samples.get(&label).map_or(&[][..], Vec::as_slice)),
        label,
        kind: subject.kind,
        function: subject.function.name,
        package_bytes: package,
        asked,
    })
}

fn show(results: &Results) {
    println!("{}", report::programs(results).plain());
    println!("{}", report::ratios(results).plain());
    println!("{}", report::growth(&results.growth).plain());
    println!("{}", report::budgets(&results.budgets).plain());
    println!("{} answers of the peer's are the same as ours", results.equal_answers);
    println!("the same program twice: {}", report::twice(results));
}
