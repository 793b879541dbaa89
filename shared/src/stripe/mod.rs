//! Stripe: async-stripe's typed requests over our own transport, and views of the responses.
//!
//! async-stripe's response types are not used: they fail a whole response over one missing field that
//! nobody reads, and they compile types for all of Stripe's objects into the binary. A *view* declares
//! the few fields that are read; a response that lacks a required one is malformed.

mod base_url;
mod call_log;
mod calls;
mod client;
mod decline;
mod errors;
mod metadata;
mod retry;
mod transport;
pub mod views;

pub use base_url::base_url;
pub use call_log::CallLog;
pub use calls::{MAX_PAGE, PARALLEL};
pub use client::Stripe;
pub use decline::{Decline, DeclineKind, is_processing};
pub use errors::StripeError;
pub use metadata::add_attribution;
pub use transport::{Sent, Transport, Wire};
