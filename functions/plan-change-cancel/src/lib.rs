//! `DELETE /v1/billing/plan-change`: drops a plan change that is scheduled or waits for its payment, or a cancellation at
//! the end of the period.

mod handler;
mod pending;
mod response;

pub use handler::plan_change_cancel;
