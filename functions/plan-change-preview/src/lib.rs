//! `POST /v1/billing/plan-change/preview`: previews a plan change to the cent. Changes nothing.

mod handler;

pub use handler::plan_change_preview;
