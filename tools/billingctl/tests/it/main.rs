//! The real binary, against stand-ins for AWS and Stripe.

mod aws;
mod catalog;
mod errors;
mod harness;
mod moto;
