//! The direction of a plan change.

use serde::Serialize;

/// The direction of a change by monthly base price, at the subscription's quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Upgrade,
    Downgrade,
    Lateral,
}
