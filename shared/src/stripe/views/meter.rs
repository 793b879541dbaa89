//! Meters, and the usage that they have counted.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::common::has_id;
use super::validated;
use crate::values::Timestamp;

/// A meter, archived or not.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Meter {
    #[serde(deserialize_with = "validated::id")]
    pub id: String,
    pub display_name: String,
    pub default_aggregation: Aggregation,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Aggregation {
    pub formula: Formula,
}

/// The way in which a meter's events become one quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Formula {
    Sum,
    Count,
    /// The newest event counts, so the quantities of two times have no sum.
    Last,
    #[serde(other)]
    Other,
}

/// The quantity that a meter has counted from `start_time` until before `end_time`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct MeterSummary {
    pub id: String,
    pub aggregated_value: Decimal,
    pub start_time: Timestamp,
    pub end_time: Timestamp,
}

has_id!(Meter, MeterSummary);
