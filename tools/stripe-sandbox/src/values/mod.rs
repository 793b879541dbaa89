//! Plain values and their arithmetic: money, time, prices, test cards, ids, and refusals.
//!
//! They know no object of Stripe's and do no I/O.

pub mod cards;
pub mod cost;
pub mod errors;
pub mod ids;
pub mod money;
pub mod period;
pub mod pricing;
