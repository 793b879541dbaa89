//! A change of plan: which items become which, what it costs now, and a quote that holds it.
//!
//! Preview and change must ask Stripe for the very same thing, so what they ask for is made here.

mod ask;
mod diff;
mod preview;
mod quote;
mod target;

pub use ask::{charge, preview_invoice, proration_date, quoted_preview};
pub use diff::{Change, Direction, ItemChange, state};
pub use preview::Preview;
pub use quote::{BadQuote, Quote};
pub use target::Target;
