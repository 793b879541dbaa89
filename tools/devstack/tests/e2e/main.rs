//! End-to-end tests of the functions' programs behind HTTP.
//!
//! All cases share one stack, so the test has its own `main`: nextest sees a single test, `end_to_end`, which starts a
//! stack on free ports, runs every case and prints a line for each.
//!
//!     cargo build --workspace --all-targets       # builds the functions, which the test does not
//!     cargo test -p devstack --test e2e           # all cases
//!     cargo test -p devstack --test e2e routes    # cases whose name contains "routes"
//!     E2E=routes cargo nextest run -p devstack    # the same
//!
//! A case is a function that takes [`Harness`] and panics on failure. It is listed in its module's `cases!`, and the
//! module's `CASES` in [`ALL`]. Cases run in sequence, so a case may advance a clock or break a service if it restores
//! the service. A case that changes an account creates its own.

mod accounts;
mod act_as;
mod attribution;
mod billing_states;
mod body;
mod changes;
mod checkouts;
mod clock;
mod costs;
mod currencies;
mod dice;
mod doctor;
mod document;
mod environment;
mod errors;
mod events;
mod expected_bodies;
mod expected_error;
mod faults;
mod following;
mod frozen;
mod function_process;
mod harness;
mod headers;
mod idempotency;
mod invoice_fixtures;
mod invoices;
mod item_settings;
mod load;
mod logs;
mod older_catalog;
mod one_invoice;
mod operator;
mod outages;
mod payer;
mod pending_items;
mod period_end;
mod plan_change_process;
mod price_currencies;
mod price_shapes;
mod property;
mod queries;
mod rejections;
mod roles;
mod rotation;
mod routes;
mod schedules_and_pauses;
mod scopes;
mod secrets;
mod security_bodies;
mod security_guessing;
mod security_headers;
mod security_limits;
mod security_objects;
mod security_stripe;
mod smoke;
mod state_table;
mod states;
mod stored_reads;
mod stripe;
mod subscription_states;
mod unseen;
mod usage;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

use harness::Harness;

/// Name of the single test that nextest sees.
const WHOLE: &str = "end_to_end";

/// Name and function of a case.
type Case = (&'static str, fn(&Harness));

/// All cases. Roles, logs and document come last, because they check what the other cases recorded.
const ALL: &[&[Case]] = &[
    routes::CASES,
    accounts::CASES,
    environment::CASES,
    // Before other cases add to the catalogue, which doctor compares with its file.
    doctor::CASES,
    // Archives the prices that are not in the catalogue's file.
    older_catalog::CASES,
    states::CASES,
    scopes::CASES,
    act_as::CASES,
    subscription_states::CASES,
    invoices::CASES,
    queries::CASES,
    currencies::CASES,
    price_currencies::CASES,
    price_shapes::CASES,
    item_settings::CASES,
    usage::CASES,
    one_invoice::CASES,
    checkouts::CASES,
    changes::CASES,
    costs::CASES,
    pending_items::CASES,
    attribution::CASES,
    schedules_and_pauses::CASES,
    period_end::CASES,
    billing_states::CASES,
    state_table::CASES,
    stored_reads::CASES,
    rejections::CASES,
    idempotency::CASES,
    property::CASES,
    faults::CASES,
    frozen::CASES,
    outages::CASES,
    load::CASES,
    errors::CASES,
    rotation::CASES,
    security_objects::CASES,
    security_bodies::CASES,
    security_limits::CASES,
    security_headers::CASES,
    events::CASES,
    security_guessing::CASES,
    security_stripe::CASES,
    smoke::CASES,
    roles::CASES,
    logs::CASES,
    document::CASES,
];

/// Defines a module's `CASES` from its functions.
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
            "warning: {name} is older than its sources; run `cargo build --workspace --all-targets`"
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
