//! Announces this API's own changes to the stored reads.

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::aws::table::{Table, TableError};

/// The changes that one POST makes to a Stripe customer.
///
/// The customer's generation rises before the first change, so that nothing that was read before it is stored after it,
/// and again when the request ends, so that the next GET reads the outcome.
pub struct Writes {
    table: Table,
    customer: String,
    begun: OnceCell<()>,
}

impl Writes {
    /// Creates the changes of a request to the customer with this ID.
    pub fn new(table: Table, customer: String) -> Arc<Self> {
        Arc::new(Self { table, customer, begun: OnceCell::new() })
    }

    /// Announces that Stripe is about to be changed.
    pub(super) async fn begin(&self) -> Result<(), TableError> {
        let raise = || self.table.raise_generation_of_write(&self.customer);
        self.begun.get_or_try_init(raise).await.map(drop)
    }

    /// Announces that the changes are over, if there were any. `is_replay` tells that an earlier request made them.
    ///
    /// # Errors
    /// [`TableError`]. The request has to be repeated then, because the next GET may not see its effect.
    pub async fn end(&self, is_replay: bool) -> Result<(), TableError> {
        if self.begun.initialized() || is_replay {
            self.table.raise_generation_of_write(&self.customer).await?;
        }
        Ok(())
    }
}
