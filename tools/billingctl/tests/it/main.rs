//! The real binary, against stand-ins for AWS and Stripe.

mod aws;
mod catalog;
mod errors;
mod functions;
mod harness;
mod keys;
mod moto;
