//! Tests of the binary against the AWS emulator and the Stripe sandbox.

mod accounts;
mod authentication;
mod aws;
mod aws_failures;
mod catalog;
mod confirm;
mod doctor;
mod errors;
mod harness;
mod keys;
mod logs;
mod moto_server;
mod operating;
mod profiles;
mod proxy;
mod secrets;
mod setup;
mod terminal;
