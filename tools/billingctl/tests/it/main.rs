//! The real binary, against stand-ins for AWS and Stripe.

mod accounts;
mod aws;
mod catalog;
mod doctor;
mod errors;
mod functions;
mod harness;
mod keys;
#[path = "../../../../shared/tests/it/moto_server.rs"]
mod moto_server;
mod proxy;
mod secrets;
