//! `GET /v1/billing/info`: configuration, capabilities and plans.

mod capabilities;
#[cfg(test)]
mod fixtures;
mod handler;
mod plans;
mod portal;
mod response;

pub use handler::info;
