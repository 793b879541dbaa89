//! `GET /v1/billing/summary`: plan, status, and the estimate of the next invoice.

mod discounts;
mod estimate;
mod handler;
mod pending;
mod response;

pub use handler::summary;
