//! The local stack: the whole billing system on one machine, for `make run` and the tests.
//!
//! The functions run as they are deployed. The Stripe sandbox replaces Stripe, the AWS emulator replaces DynamoDB and
//! Secrets Manager, cargo-lambda replaces Lambda, and [`api_gateway`] API Gateway. [`functions`] is the table of the endpoints, from which
//! routes, secrets, the summary and the tests derive.
//!
//! A stack has one to four processes of each function, which take requests from one queue, one at a time each.

mod about;
pub mod api_gateway;
mod command;
mod compiler;
#[cfg(test)]
mod contributing;
mod daemon;
pub mod docs;
mod environment;
mod error;
pub mod functions;
mod gateway;
pub mod http;
pub mod lambda;
mod local;
mod operator;
mod plan;
mod ports;
mod process;
mod sam;
mod seed;
mod services;
mod shell;
mod stack;
mod state;
mod stripe;
mod summary;

pub use about::{About, Account, Keys};
pub use command::{RunArguments, run, stop};
pub use environment::Variables;
pub use error::Error;
pub use gateway::{Functions, outdated};
pub use local::Local;
pub use sam::{sam_local, sam_template};
pub use stack::{MAX_PROCESSES, Options, Ports, Reach, Stack};
pub use stripe::StripeChoice;
