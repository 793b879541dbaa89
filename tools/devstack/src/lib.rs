//! The whole billing system on one machine: `make run` and the end-to-end tests start it here.
//!
//! What is ours runs as it is deployed; only what is not ours has a stand-in. [`functions`] is the
//! one table of the endpoints: routes, secrets, the summary and the tests derive from it.

mod about;
mod command;
mod daemon;
mod docs;
mod environment;
mod error;
pub mod functions;
mod gateway;
pub mod http;
pub mod lambda;
mod local;
mod operator;
mod ports;
mod process;
mod sam;
mod seed;
mod services;
mod stack;
mod stripe;
mod summary;

pub use about::{About, Account, Keys};
pub use command::{RunArguments, run, stop};
pub use docs::serve as docs;
pub use error::Error;
pub use gateway::{Functions, outdated};
pub use local::Local;
pub use sam::{sam_local, sam_template};
pub use stack::{Options, Ports, Reach, Stack, StandIns};
pub use stripe::StripeChoice;
