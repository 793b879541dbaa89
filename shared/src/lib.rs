//! What the eight endpoints have in common, and nothing about any one of them.
//!
//! A function's `main` names its scope and its handler and calls [`serve`]. The handler gets a
//! [`Call`]: who is asking, what they asked, and a way to ask Stripe within the time that is left.

pub mod aside;
mod audit;
pub mod auth;
pub mod aws;
pub mod catalog;
pub mod change;
pub mod config;
pub mod customer;
mod encode;
mod gateway;
mod hints;
pub mod https;
pub mod idempotency;
mod log_line;
pub mod metrics;
mod query;
pub mod request;
pub mod respond;
mod runtime;
pub mod secrets;
pub mod situation;
pub mod stamp;
pub mod store;
pub mod stripe;
pub mod subscription;
pub mod telemetry;
pub mod token;
pub mod urls;

pub use auth::{Account, Caller, Scope};
pub use config::Config;
pub use query::Query;
pub use respond::{ApiError, At, Currency, Day, Money, Reply};
pub use runtime::{App, Call, answer, serve};
pub use situation::Situation;
pub use stripe::{Stripe, StripeError};
