//! `GET /v1/billing/info`: configuration, capabilities and plans.

mod handler;
mod portal;
mod response;

pub use handler::info;
