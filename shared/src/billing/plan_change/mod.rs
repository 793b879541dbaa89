//! A plan change: which items change, what it costs now, the quote that fixes the price, and the updates that make it.
//!
//! Preview and change must send Stripe the same items, so both use these modules.

mod amounts;
mod diff;
mod direction;
mod effective;
mod keep;
mod limits;
mod preview;
mod preview_request;
mod quote;
mod restorable;
mod scheduling;
mod target;
mod update;
mod withdraw;

pub use amounts::{HeldAmounts, charge};
pub use diff::{Change, ChangeError, ItemChange, state};
pub use direction::Direction;
pub use effective::{EFFECTIVE, Effective};
pub use keep::keep_subscription;
pub use limits::ChangeLimits;
pub use preview::Preview;
pub use preview_request::{held_price, quoted_preview};
pub use quote::{BadQuote, Quote};
pub use restorable::restore;
pub use scheduling::{Scheduling, add_phase, release};
pub use target::{INTERVALS, Target, UnknownPlan};
pub use update::{HeldPrice, IfIncomplete, Update, is_in_force, is_pending};
pub use withdraw::{Withdrawal, withdraw};
