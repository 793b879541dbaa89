//! `POST /v1/billing/plan-change/preview`: what a change of plan would cost now, to the cent. Changes nothing.

mod handler;

pub use handler::plan_change_preview;
