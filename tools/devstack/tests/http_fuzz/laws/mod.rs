//! Invariants of a round, each in a module of its own.

mod billed_once;
mod chain;
mod charges;
mod replays;
mod responses;
mod rest;

use crate::round::Outcome;

/// Broken invariant.
pub struct Violation {
    pub law: &'static str,
    pub text: String,
}

/// Broken invariants of a round.
#[derive(Default)]
pub struct Violations(pub Vec<Violation>);

impl Violations {
    fn add(&mut self, law: &'static str, text: impl Into<String>) {
        self.0.push(Violation { law, text: text.into() });
    }
}

/// Checks every invariant.
pub fn check(outcome: &Outcome) -> Violations {
    let mut violations = Violations::default();
    let exchanges = outcome.record.exchanges();
    responses::check(outcome, &exchanges, &mut violations);
    replays::check(&exchanges, &mut violations);
    chain::check(outcome, &exchanges, &mut violations);
    charges::check(outcome, &exchanges, &mut violations);
    rest::check(outcome, &mut violations);
    billed_once::check(outcome, &mut violations);
    violations
}
