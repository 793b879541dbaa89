//! Permits for calls to Stripe: how many all processes together send in one second, and for whom.

use aws_sdk_dynamodb::error::SdkError;

use super::client::{Table, TableError, keys, number};

/// Time that the counts of a second are kept, in seconds.
const KEPT: i64 = 3_600;

/// The largest counts at which a call may still be sent in a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceilings {
    /// Calls of all accounts.
    pub all: u32,
    /// Calls of the same account.
    pub account: u32,
    /// Calls of the same operation.
    pub operation: u32,
}

impl Table {
    /// Counts `calls` calls of `account`, the first of them to the Stripe operation `operation`, in the second `second`
    /// (Unix), unless a count has reached its ceiling. Returns whether they were counted.
    ///
    /// # Errors
    /// [`TableError`].
    pub async fn take_permits(
        &self,
        second: i64,
        account: &str,
        operation: &str,
        calls: u32,
        ceilings: Ceilings,
    ) -> Result<bool, TableError> {
        let below = |name: &str| format!("(attribute_not_exists(#{name}) OR #{name} < :{name})");
        let update = self
            .update(keys::permits(second))
            .update_expression("ADD #all :calls, #account :calls, #operation :one SET #ttl = :ttl")
            .condition_expression(["all", "account", "operation"].map(below).join(" AND "))
            .expression_attribute_names("#all", "all")
            .expression_attribute_names("#account", format!("of {account}"))
            .expression_attribute_names("#operation", format!("for {operation}"))
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":calls", number(calls.into()))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":ttl", number(second + KEPT))
            .expression_attribute_values(":all", number(ceilings.all.into()))
            .expression_attribute_values(":account", number(ceilings.account.into()))
            .expression_attribute_values(":operation", number(ceilings.operation.into()));
        match update.send().await.map_err(SdkError::into_service_error) {
            Ok(_) => Ok(true),
            Err(error) if error.is_conditional_check_failed_exception() => Ok(false),
            Err(error) => Err(TableError::unreachable(error)),
        }
    }
}
