//! The outside calls against servers that are slow, broken, refusing or out of their minds.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod idempotency;
mod moto;
mod rotation;
mod security;
mod server;
mod stripe;
mod table;
