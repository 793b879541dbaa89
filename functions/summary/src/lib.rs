//! `GET /v1/billing/summary`: an account's plan, its status, and what the next invoice would be now.

#[cfg(test)]
mod fixtures;
mod handler;
mod pending;
mod shape;

pub use handler::summary;
