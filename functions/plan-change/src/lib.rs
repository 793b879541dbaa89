//! `POST /v1/billing/plan-change`: changes the plan if the payment succeeds.

#[cfg(test)]
mod fixtures;
mod handler;
mod marks;
mod outcome;
mod progress;
mod swept;
mod update;

pub use handler::plan_change;
