//! End-to-end tests: the functions' own binaries behind HTTP, as a caller sees them.
//!
//! One stack serves all cases, so this is no ordinary test binary: nextest sees a single test,
//! `end_to_end`, that starts a stack on free ports, runs every case and prints a line for each.
//!
//!     cargo build --workspace --all-targets       # the functions; this binary does not build them
//!     cargo test -p devstack --test e2e           # all cases
//!     cargo test -p devstack --test e2e routes    # those whose name contains "routes"
//!     E2E=routes cargo nextest run -p devstack    # the same
//!
//! A case is a function that takes [`Harness`] and panics if something is wrong. It has to be in
//! its module's `cases!`, and the module's `CASES` in [`ALL`]. Cases run one after the other, so
//! one may move a clock or break something, as long as it mends it; for an account of its own it
//! makes one.

mod accounts;
mod act_as;
mod alone;
mod body;
mod changes;
mod checkouts;
mod currencies;
mod doctor;
mod document;
mod each_error;
mod faults;
mod foreseen;
mod frozen;
mod harness;
mod headers;
mod invoices;
mod kept;
mod lives;
mod load;
mod logs;
mod lone;
mod managed;
mod operator;
mod options;
mod outages;
mod posts;
mod property;
mod queries;
mod refusal;
mod refusals;
mod repeats;
mod roles;
mod rotation;
mod routes;
mod scopes;
mod secrets;
mod security_bodies;
mod security_guessing;
mod security_headers;
mod security_limits;
mod security_objects;
mod security_stripe;
mod shape;
mod smoke;
mod stamps;
mod states;
mod stock;
mod stripe;
mod swept;
mod unseen;
mod when;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

use harness::Harness;

/// What nextest knows all cases as.
const WHOLE: &str = "end_to_end";

/// A case: its name, and what it does.
type Case = (&'static str, fn(&Harness));

/// Every module's cases. Those of the roles, the logs and the document come last: they look
/// at what all others have left there.
const ALL: &[&[Case]] = &[
    routes::CASES,
    accounts::CASES,
    // Before others add to the catalogue, which doctor compares with its file.
    doctor::CASES,
    states::CASES,
    scopes::CASES,
    act_as::CASES,
    lives::CASES,
    invoices::CASES,
    queries::CASES,
    currencies::CASES,
    options::CASES,
    kept::CASES,
    checkouts::CASES,
    changes::CASES,
    swept::CASES,
    stamps::CASES,
    managed::CASES,
    refusals::CASES,
    repeats::CASES,
    property::CASES,
    faults::CASES,
    foreseen::CASES,
    frozen::CASES,
    outages::CASES,
    load::CASES,
    each_error::CASES,
    rotation::CASES,
    security_objects::CASES,
    security_bodies::CASES,
    security_limits::CASES,
    security_headers::CASES,
    security_guessing::CASES,
    security_stripe::CASES,
    smoke::CASES,
    roles::CASES,
    logs::CASES,
    document::CASES,
];

/// Lists a module's cases under their own names.
macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        pub(crate) const CASES: &[crate::Case] = &[$((concat!(module_path!(), "::", stringify!($case)), $case)),*];
    };
}
pub(crate) use cases;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    if has("--list") {
        if !has("--ignored") {
            println!("{WHOLE}: test");
        }
        return ExitCode::SUCCESS;
    }
    let given = arguments.iter().filter(|argument| !argument.starts_with('-')).cloned();
    let filters: Vec<String> =
        given.filter(|filter| filter != WHOLE).chain(std::env::var("E2E")).collect();
    let is_meant = |name: &str| {
        filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()))
    };
    let cases: Vec<&Case> =
        ALL.iter().copied().flatten().filter(|(name, _)| is_meant(name)).collect();
    if cases.is_empty() || has("--ignored") {
        return ExitCode::SUCCESS;
    }
    for name in devstack::outdated() {
        println!(
            "warning: {name} is older than its sources; `cargo build --workspace --all-targets` builds it anew"
        );
    }
    let started = Instant::now();
    match Harness::start(filters.is_empty()) {
        Ok(harness) => {
            println!("stack up in {} ms, {} cases", started.elapsed().as_millis(), cases.len());
            run(harness, &cases)
        }
        Err(error) => {
            eprintln!("the stack did not start: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(harness: Harness, cases: &[&Case]) -> ExitCode {
    let mut failed = Vec::new();
    for (name, case) in cases {
        let started = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| case(&harness)));
        let word = if outcome.is_ok() { "ok" } else { "FAILED" };
        let name = name.trim_start_matches("e2e::");
        println!("test {name} ... {word} ({} ms)", started.elapsed().as_millis());
        if outcome.is_err() {
            failed.push(name);
        }
    }
    println!("\n{} of {} cases passed", cases.len() - failed.len(), cases.len());
    if failed.is_empty() {
        harness.clean_up();
        return ExitCode::SUCCESS;
    }
    println!("failed:\n    {}\nlogs: {}", failed.join("\n    "), harness.logs().display());
    ExitCode::FAILURE
}
