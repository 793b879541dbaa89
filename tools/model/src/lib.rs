//! All endpoints in one process, without a socket: the real handlers, the real AWS SDK and the real
//! Stripe client, over a table and a sandbox that answer in memory.
//!
//! On a runtime whose time is paused ([`runtime`]) nothing waits: a retry's pause or a deadline has
//! passed once there is nothing else to do. So thousands of histories are run in a minute, and one
//! that fails is run again the same way.

mod aws;
mod expression;
pub mod plans;
mod process;
mod stripe;
mod table;

pub use process::{Endpoint, Process, Reply, Request, World, runtime};
pub use stripe::{Outside, Stripe};
pub use table::{Table, Trouble};
