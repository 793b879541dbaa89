//! How an answer looks: money, dates, errors, headers.

mod breakdown;
mod date;
mod error;
mod money;
mod reply;

pub use breakdown::{Breakdown, sum, total_tax};
pub use date::{At, Day, Timestamp};
pub use error::{ApiError, Cause};
pub use money::{Currency, InvalidCurrency, Money, exact, unit_price};
pub use reply::{Reply, Timings};
