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
mod events;
mod metadata;
mod permits;
mod reads;
mod refusal;
mod request_id;
mod retry;
mod transport;
pub mod views;
mod writes;

pub use base_url::base_url;
pub use call_log::CallLog;
pub use calls::{Details, MAX_PAGE, PARALLEL};
pub use client::{Stripe, View};
pub use decline::{Decline, DeclineKind};
pub use errors::StripeError;
pub use events::Event;
pub use metadata::{add_attribution, add_metadata};
pub use permits::{Permits, Priority, UsualCalls};
pub use reads::{Freshness, Reads, Source};
pub use refusal::{Refusal, Setting, UrlParam};
pub use transport::{Sent, Transport, Wire};
pub use writes::Writes;
