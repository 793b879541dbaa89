//! Stateful sandbox of Stripe Billing that runs locally and needs no Stripe account.
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
//! - `values`: money, time, prices, test payment methods, IDs, API errors
//! - `config`: settings of a sandbox
//! - `model`: the objects that a sandbox stores
//! - `engine`: billing arithmetic on these objects
//! - `world`: the store of all objects, and the agenda of what is due next
//! - `lifecycle`: what requests and time do to subscriptions and invoices
//! - `endpoint`: form encoding, parameters, lists, the table row of an endpoint
//! - `resources`: Stripe's endpoints and their JSON objects
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
