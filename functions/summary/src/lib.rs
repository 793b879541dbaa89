//! `GET /v1/billing/summary`: an account's plan, its status, and what the next invoice would be now.

#[cfg(test)]
mod fixtures;
mod handler;
mod pending;
mod response;

pub use handler::summary;
