//! Shared code of the billing functions. It knows no endpoint.
//!
//! A function's `main` passes its scope and its handler to [`serve`]. The handler receives a [`Call`]:
//! the caller, the request, and a client of Stripe that respects the deadline.
//!
//! The modules are layers. Each imports only from those below it; `tools/contract` tests that.
//!
//! | layer | contents |
//! |---|---|
//! | [`runtime`] | settings, clients, request context, logs, metrics |
//! | [`change`] | the journal of plan changes, and its settlement |
//! | [`api`] | API Gateway events, bodies, URLs, errors, replies, idempotency |
//! | [`access`] | API keys, callers, scopes |
//! | [`billing`] | catalog, subscriptions, plan changes: the domain, without HTTP and AWS |
//! | [`stripe`] | transport, retries, views of Stripe's objects |
//! | [`aws`] | HTTPS, SDK settings, secrets, the table |
//! | [`values`] | money, time, scopes, hashes, tokens: no I/O |

pub mod access;
pub mod api;
pub mod aws;
pub mod billing;
pub mod change;
pub mod runtime;
pub mod stripe;
pub mod values;

pub use api::error::ApiError;
pub use api::reply::Reply;
pub use runtime::{App, Call, CheckoutForm, Config, Route, answer, serve, serve_schedule};
pub use stripe::{Stripe, StripeError};
pub use values::{Currency, Date, DateTime, Money, Scope, Timestamp};
