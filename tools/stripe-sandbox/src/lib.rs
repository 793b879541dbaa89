//! A stateful stand-in for Stripe Billing that runs on one machine and needs no account.
//!
//! In another crate's tests:
//!
//! ```no_run
//! let sandbox = stripe_sandbox::Sandbox::start(stripe_sandbox::Config::default())?;
//! println!("{} accepts {}", sandbox.url, stripe_sandbox::DEFAULT_SECRET_KEY);
//! // It stops when it is dropped.
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Layers, bottom to top. A folder uses only those above it in this list:
//!
//! - `values`: money, time, prices, test cards, IDs, refusals
//! - `config`: settings that a sandbox starts with
//! - `model`: the objects that a sandbox keeps
//! - `engine`: arithmetic on these objects
//! - `world`: the store of all objects, and the agenda of what time changes next
//! - `lifecycle`: what requests and time do to subscriptions and invoices
//! - `endpoint`: form encoding, parameters, lists, the description of an endpoint
//! - `resources`: Stripe's endpoints and wire objects
//! - `pages`: checkout, invoice and portal pages
//! - `http`: keys, idempotency, expansion, faults, the admin endpoints and the server

mod config;
mod endpoint;
mod engine;
mod http;
mod lifecycle;
mod model;
mod pages;
mod resources;
mod sandbox;
mod values;
mod world;

pub use config::{Config, DEFAULT_SECRET_KEY, Exhausted, Rules};
pub use sandbox::{Inside, Running, Sandbox};
