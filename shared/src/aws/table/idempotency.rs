//! Idempotency records.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use serde::{Deserialize, Serialize};

use super::client::{Item, Table, TableError, from_item, keys, number, text, to_item};

/// Condition of every write after the claim: the operation is the record's and has no response yet.
const UNANSWERED: &str = "operation = :operation AND attribute_not_exists(answer)";

/// The record of one idempotency key. Times are milliseconds since 1970.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IdempotencyRecord {
    /// Name of the endpoint.
    pub route: String,
    /// Fingerprint of the request body.
    pub fingerprint: String,
    /// ID of the operation.
    pub operation: String,
    /// Number of the round: it rises when Stripe replayed a stored failure for a key of the round before.
    pub round: u32,
    /// ID of the request that began the operation.
    #[serde(default)]
    pub request_id: String,
    /// ID of that request's API key.
    #[serde(default)]
    pub key_id: String,
    /// ID of the attempt that holds the lease. No two requests share it, so it distinguishes another request's write from
    /// the SDK's repetition of a write whose response was lost.
    #[serde(default)]
    pub claimed_by: String,
    /// End of the lease.
    pub claimed_until: i64,
    /// Time from which the record no longer counts.
    pub kept_until: i64,
    /// The same in seconds, for DynamoDB's TTL, which deletes up to two days late.
    pub ttl: i64,
    /// Body of the stored response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Status of the stored response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_status: Option<u16>,
}

/// The outcome of a claim.
#[derive(Debug)]
pub enum Claim {
    /// The record was written.
    Won(RecordHandle),
    /// A record exists; `None` if it could not be read.
    Lost(RecordHandle, Option<Box<IdempotencyRecord>>),
}

/// A record that this request has claimed.
#[derive(Clone, Debug)]
pub struct RecordHandle {
    table: Table,
    key: Item,
}

impl Table {
    /// Returns the record of a key, whether it exists or not. `key_hash` is the SHA-256 of the caller's key.
    pub fn idempotency_record(&self, account: &str, key_hash: &str) -> RecordHandle {
        RecordHandle { table: self.clone(), key: keys::idempotency(account, key_hash) }
    }

    /// Writes `record` unless there is one that still counts at `now`, in milliseconds since 1970.
    /// `key_hash` is the SHA-256 of the caller's key.
    ///
    /// # Errors
    /// [`TableError`].
    pub async fn claim(
        &self,
        account: &str,
        key_hash: &str,
        record: &IdempotencyRecord,
        now: i64,
    ) -> Result<Claim, TableError> {
        let handle = self.idempotency_record(account, key_hash);
        let key = handle.key.clone();
        let put = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(key.into_iter().chain(to_item(record)).collect()))
            .condition_expression("attribute_not_exists(pk) OR keptUntil <= :now")
            .expression_attribute_values(":now", number(now))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match put.send().await.map_err(SdkError::into_service_error) {
            Ok(_) => Ok(Claim::Won(handle)),
            Err(PutItemError::ConditionalCheckFailedException(failed)) => {
                let existing: Option<IdempotencyRecord> =
                    failed.item.and_then(|item| from_item("idempotency", item).ok());
                Ok(match existing {
                    // The SDK has repeated the write.
                    Some(existing) if existing.claimed_by == record.claimed_by => {
                        Claim::Won(handle)
                    }
                    existing => Claim::Lost(handle, existing.map(Box::new)),
                })
            }
            Err(error) => Err(TableError::unreachable(error)),
        }
    }
}

impl RecordHandle {
    /// Takes over a record whose lease ended at `expired`, until `until`, for the attempt `attempt`. Returns
    /// false if another request was faster.
    ///
    /// # Errors
    /// [`TableError`].
    pub async fn take_over(
        &self,
        operation: &str,
        attempt: &str,
        expired: i64,
        until: i64,
    ) -> Result<bool, TableError> {
        let update = self
            .update(operation, "SET claimedUntil = :until, claimedBy = :attempt")
            .condition_expression(format!(
                "{UNANSWERED} AND (claimedUntil = :expired OR claimedBy = :attempt)"
            ))
            .expression_attribute_values(":attempt", text(attempt))
            .expression_attribute_values(":until", number(until))
            .expression_attribute_values(":expired", number(expired));
        send(update).await
    }

    /// Stores the response. Returns false if the record has one, or belongs to another operation.
    ///
    /// # Errors
    /// [`TableError`].
    pub async fn store_response(
        &self,
        operation: &str,
        status: u16,
        body: &str,
    ) -> Result<bool, TableError> {
        let update = self
            .update(operation, "SET answer = :answer, answerStatus = :status")
            .expression_attribute_values(":answer", text(body))
            .expression_attribute_values(":status", number(status.into()));
        send(update).await
    }

    /// Ends the lease, so that the next attempt can begin at once in round `round`. Returns false as
    /// [`Self::store_response`] does.
    ///
    /// # Errors
    /// [`TableError`].
    pub async fn release(&self, operation: &str, round: u32) -> Result<bool, TableError> {
        let update = self
            .update(operation, "SET claimedUntil = :free, round = :round")
            .expression_attribute_values(":free", number(0))
            .expression_attribute_values(":round", number(round.into()));
        send(update).await
    }

    fn update(&self, operation: &str, expression: &str) -> UpdateItemFluentBuilder {
        self.table
            .update(self.key.clone())
            .update_expression(expression)
            .condition_expression(UNANSWERED)
            .expression_attribute_values(":operation", text(operation))
    }
}

/// Returns whether the condition held.
async fn send(update: UpdateItemFluentBuilder) -> Result<bool, TableError> {
    match update.send().await.map_err(SdkError::into_service_error) {
        Ok(_) => Ok(true),
        Err(error) if error.is_conditional_check_failed_exception() => Ok(false),
        Err(error) => Err(TableError::unreachable(error)),
    }
}
