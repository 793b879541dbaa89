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
//! `engine` is arithmetic, `lifecycle` what happens to objects, `world` where they are kept,
//! `resources` Stripe's endpoints and wire objects, `http` the protocol around them, `pages` what
//! people see.

mod config;
mod engine;
mod http;
mod lifecycle;
mod model;
mod pages;
mod resources;
mod sandbox;
mod snapshot;
mod world;

pub use config::{Config, DEFAULT_SECRET_KEY, Exhausted, Rules};
pub use sandbox::{Inside, Running, Sandbox};
