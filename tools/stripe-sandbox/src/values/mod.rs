//! Plain values and their arithmetic: money, time, prices, test payment methods, IDs and API errors.
//!
//! They use no Stripe object and do no I/O.

pub mod accounts;
pub mod cards;
pub mod cost;
pub mod errors;
pub mod failures;
pub mod ids;
pub mod instruments;
pub mod money;
pub mod outcomes;
pub mod period;
pub mod pricing;
