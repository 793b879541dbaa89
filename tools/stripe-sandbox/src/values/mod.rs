//! Plain values and their arithmetic: money, time, prices, test cards, IDs and API errors.
//!
//! They use no Stripe object and do no I/O.

pub mod cards;
pub mod cost;
pub mod errors;
pub mod ids;
pub mod money;
pub mod period;
pub mod pricing;
