//! Limit on new invoices of one subscription.

use serde::{Deserialize, Serialize};

use super::store::Table;
use crate::model::invoice::Invoice;
use crate::values::errors::{ApiError, Result};
use crate::values::period::{DAY, Timestamp};

/// Maximum number of new invoices of one subscription; None means no limit.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct InvoiceLimits {
    pub per_minute: Option<usize>,
    pub per_day: Option<usize>,
}

impl InvoiceLimits {
    /// Returns 429 if the subscription has reached its limit.
    pub fn check(
        &self,
        invoices: &Table<Invoice>,
        subscription: &str,
        now: Timestamp,
    ) -> Result<()> {
        for (limit, seconds) in [(self.per_minute, 60), (self.per_day, DAY)] {
            let Some(limit) = limit else { continue };
            let key = format!("subscription={subscription}");
            let recent = invoices.under(&key).rev().take_while(|i| i.created > now - seconds);
            if recent.take(limit).count() == limit {
                return Err(ApiError::rate_limit());
            }
        }
        Ok(())
    }
}
