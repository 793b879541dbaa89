//! What one request does, by whatever name it goes in the table and at Stripe.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;

use super::unavailable;
use crate::encode::hex;
use crate::respond::{ApiError, Cause};
use crate::stamp::Stamp;
use crate::store::Item;

/// What one request does, however often it is started. Everything that must not happen twice is
/// named after it.
#[derive(Clone, Debug)]
pub struct Operation {
    pub(super) id: String,
    /// Goes up when Stripe itself failed for good under the keys of before.
    pub(super) round: u32,
    /// The request that began it.
    pub(super) stamp: Stamp,
    /// What an earlier start has noted down.
    pub(super) note: Option<String>,
    /// Where notes are kept; nowhere without a key, since then there is no later start.
    pub(super) record: Option<Place>,
}

/// One item of the table.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) client: Client,
    pub(super) table: String,
    pub(super) key: Item,
}

impl Operation {
    /// One that nothing else has, begun by this request.
    ///
    /// # Errors
    /// `internal` if the operating system has no random numbers to give.
    pub fn new(stamp: Stamp) -> Result<Self, ApiError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| ApiError::Internal(Cause::from(error)))?;
        Ok(Self { id: hex(&bytes), round: 0, stamp, note: None, record: None })
    }

    /// What an earlier start of this operation has noted down, before it was cut off.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// Notes down what is about to be done, for whoever has to go on.
    ///
    /// # Errors
    /// `unavailable`, and then it must not be done.
    pub async fn take_note(&self, note: &str) -> Result<(), ApiError> {
        let Some(place) = &self.record else { return Ok(()) };
        let update = place
            .update(self)
            .update_expression("SET note = :note")
            .condition_expression("operation = :operation AND attribute_not_exists(answer)")
            .expression_attribute_values(":note", AttributeValue::S(note.to_owned()));
        update.send().await.map(|_| ()).map_err(|error| unavailable(&error.into_service_error()))
    }

    /// The mark that it leaves on what it changed. Stays the same in every round.
    #[must_use]
    pub fn mark(&self) -> &str {
        &self.id
    }

    /// The request that began it. Whoever goes on with it writes the same on what it changes, so that
    /// Stripe is sent the same bytes.
    #[must_use]
    pub fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// The idempotency key for one of its calls to Stripe.
    #[must_use]
    pub fn stripe_key(&self, step: &str) -> String {
        format!("{}-{}-{step}", self.id, self.round)
    }
}

impl Place {
    pub(super) fn update(&self, operation: &Operation) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(self.key.clone()))
            .expression_attribute_values(":operation", AttributeValue::S(operation.id.clone()))
    }
}
