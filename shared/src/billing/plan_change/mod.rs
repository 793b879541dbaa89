//! A plan change: which items change, what it costs now, and the quote that fixes the price.
//!
//! Preview and change must send Stripe the same items, so both use these modules.

mod amounts;
mod diff;
mod preview;
mod preview_request;
mod quote;
mod target;

pub use amounts::{charge, proration_date};
pub use diff::{Change, ChangeError, Direction, ItemChange, state};
pub use preview::Preview;
pub use preview_request::{preview_invoice, quoted_preview};
pub use quote::{BadQuote, Quote};
pub use target::{INTERVALS, Target, UnknownPlan};
