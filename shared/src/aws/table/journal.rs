//! The journal of a Stripe customer's plan changes: one item, which one request at a time may write.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::types::ReturnValue;
use serde::Deserialize;

use super::client::{Table, TableError, from_item, keys, number, text};

/// A customer's journal, held by this request.
///
/// Writes have the condition that no other request has acquired the journal since. The fence, a counter of
/// acquisitions, tells.
#[derive(Clone, Debug)]
pub struct HeldJournal {
    table: Table,
    customer: String,
    fence: i64,
    entry: Option<String>,
}

#[derive(Deserialize)]
struct Attributes {
    fence: i64,
    entry: Option<String>,
}

impl Table {
    /// Returns the entry that the last change of `customer` left, without acquiring the journal.
    ///
    /// # Errors
    /// [`TableError`].
    pub async fn journal_entry(&self, customer: &str) -> Result<Option<String>, TableError> {
        let Some(item) = self.get(keys::journal(customer)).await? else { return Ok(None) };
        Ok(from_item::<Attributes>("journal", item)?.entry)
    }

    /// Acquires the journal of `customer` until `until`; `None` if another request holds it at `now`. Both are
    /// milliseconds since 1970. `holder` names this request, so that the SDK's repetition of a write whose response was
    /// lost is no other request.
    ///
    /// # Errors
    /// [`TableError`].
    pub async fn acquire_journal(
        &self,
        customer: &str,
        holder: &str,
        now: i64,
        until: i64,
    ) -> Result<Option<HeldJournal>, TableError> {
        let update = self
            .update(keys::journal(customer))
            .update_expression("SET lease = :until, holder = :holder ADD fence :one")
            .condition_expression("attribute_not_exists(lease) OR lease < :now OR holder = :holder")
            .expression_attribute_values(":until", number(until))
            .expression_attribute_values(":holder", text(holder))
            .expression_attribute_values(":now", number(now))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::AllNew);
        match update.send().await.map_err(SdkError::into_service_error) {
            Ok(written) => {
                let item = written.attributes.unwrap_or_default();
                let Attributes { fence, entry } = from_item("journal", item)?;
                let (table, customer) = (self.clone(), customer.to_owned());
                Ok(Some(HeldJournal { table, customer, fence, entry }))
            }
            Err(error) if error.is_conditional_check_failed_exception() => Ok(None),
            Err(error) => Err(TableError::unreachable(error)),
        }
    }
}

impl HeldJournal {
    /// Returns the entry that the last request left.
    pub fn entry(&self) -> Option<&str> {
        self.entry.as_deref()
    }

    /// Returns the number of this acquisition. No other request has the same for this customer.
    pub fn fence(&self) -> i64 {
        self.fence
    }

    /// Writes the entry.
    ///
    /// # Errors
    /// [`TableError`], also if another request has acquired the journal since.
    pub async fn write(&self, entry: &str) -> Result<(), TableError> {
        self.update("SET entry = :entry", &[(":entry", entry)]).await
    }

    /// Gives the journal back, with the entry or without one.
    ///
    /// # Errors
    /// As [`HeldJournal::write`].
    pub async fn release(&self, entry: Option<&str>) -> Result<(), TableError> {
        match entry {
            Some(entry) => {
                self.update("SET entry = :entry REMOVE lease", &[(":entry", entry)]).await
            }
            None => self.update("REMOVE entry, lease", &[]).await,
        }
    }

    async fn update(&self, expression: &str, values: &[(&str, &str)]) -> Result<(), TableError> {
        let mut update = self
            .table
            .update(keys::journal(&self.customer))
            .update_expression(expression)
            .condition_expression("fence = :fence")
            .expression_attribute_values(":fence", number(self.fence));
        for (name, value) in values {
            update = update.expression_attribute_values(*name, text(value));
        }
        update.send().await.map(drop).map_err(TableError::unreachable)
    }
}
