//! Calls to AWS and Stripe against fake servers that are slow, broken, refusing or malformed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod customer;
mod idempotency;
mod journal;
mod last_used;
mod quote_keys;
mod reads;
mod server;
mod stripe;
mod table;
