//! Tests of the binary against moto (AWS) and the Stripe sandbox.

mod accounts;
mod authentication;
mod catalog;
mod doctor;
mod errors;
mod harness;
mod keys;
#[path = "../../../../shared/tests/it/moto_server.rs"]
mod moto_server;
mod proxy;
mod secrets;
mod setup;
