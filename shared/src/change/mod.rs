//! One plan change at a time per Stripe customer.
//!
//! Every change acquires the customer's journal ([`Journal`]), settles what the previous operation left there
//! ([`settle()`]), and writes its own update into it before the update is sent. An operation that was interrupted is
//! settled by the next change of the customer, and never executed by it. The one exception is the second update, which
//! charges nothing.

mod complete;
mod journal;
mod settle;

pub use complete::complete;
pub use journal::{Entry, Journal, Phase, Target, Work};
pub use settle::{Metered, Settled, respond_to_drop, settle, swap_meters};
