//! The real binary, against stand-ins for AWS and Stripe.

mod accounts;
mod aws;
mod catalog;
mod doctor;
mod errors;
mod functions;
mod harness;
mod keys;
mod moto;
mod proxy;
mod secrets;
