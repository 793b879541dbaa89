//! When a plan change takes effect.

use serde::{Deserialize, Serialize};

/// When a plan change takes effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effective {
    /// At once, and it is paid for.
    #[default]
    Now,
    /// At the end of the billing period. Nothing is due before.
    PeriodEnd,
}

/// The names of the times.
pub const EFFECTIVE: [(&str, Effective); 2] =
    [("now", Effective::Now), ("period_end", Effective::PeriodEnd)];
