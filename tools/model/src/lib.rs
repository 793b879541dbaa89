//! All endpoints in one process: the real handlers, AWS SDK and Stripe client, with a table and a Stripe sandbox in
//! memory.
//!
//! On a runtime with paused time ([`runtime`]) nothing waits: the clock jumps to the next timer when all tasks are idle.
//! Thousands of histories run in a minute, and a failed one can be reproduced.

mod aws;
pub mod plans;
mod process;
mod stripe;
mod table;

pub use process::{Endpoint, Process, Reply, Request, World, deadline, runtime};
pub use stripe::Stripe;
pub use table::{Table, TableFault, Weakness, Write};
