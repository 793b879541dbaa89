//! Creates the table and turns on TTL, point-in-time recovery and deletion protection.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, ContinuousBackupsStatus, KeySchemaElement,
    PointInTimeRecoverySpecification, PointInTimeRecoveryStatus, ScalarAttributeType,
    SseSpecification, TableDescription, TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
};

use crate::aws::failure::{self, AwsFailure};
use crate::aws::resource::ResourceStatus;
use crate::aws::schema::{KEYS, TTL, has_our_keys};
use crate::aws::table::Table;
use crate::error::{CliError, Result};
use crate::output::note;

/// Polling interval and number of polls while AWS works: two minutes in total.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
const MAX_POLLS: u32 = 120;

/// Creates the table unless it exists, and sets its options.
///
/// # Errors
/// If the table has other keys or another TTL attribute, or if AWS refuses a call.
pub(super) async fn ensure(table: &Table) -> Result<ResourceStatus> {
    let status = match describe(table).await? {
        Some(_) => ResourceStatus::Exists,
        None => create(table).await?,
    };
    let description = wait_until_active(table).await?;
    if !has_our_keys(&description) {
        return Err(CliError::new(format!(
            "the table \"{}\" has other keys than pk (S) and sk (S), so it belongs to something else; choose another name with --table",
            table.name()
        )));
    }
    enable_ttl(table).await?;
    enable_deletion_protection(table, &description).await?;
    enable_recovery(table).await?;
    Ok(status)
}

async fn describe(table: &Table) -> Result<Option<TableDescription>> {
    match table.client().describe_table().table_name(table.name()).send().await {
        Ok(response) => Ok(response.table),
        Err(error) if failure::code(&error) == Some("ResourceNotFoundException") => Ok(None),
        Err(error) => Err(AwsFailure::new("describe the table", &error).into()),
    }
}

async fn create(table: &Table) -> Result<ResourceStatus> {
    let mut request = table
        .client()
        .create_table()
        .table_name(table.name())
        .billing_mode(BillingMode::PayPerRequest)
        .sse_specification(SseSpecification::builder().enabled(true).build())
        .deletion_protection_enabled(true);
    for (name, kind) in KEYS {
        let invalid = |error: aws_sdk_dynamodb::error::BuildError| CliError::new(error.to_string());
        let element = KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(kind)
            .build()
            .map_err(invalid)?;
        let attribute = AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::S);
        request =
            request.key_schema(element).attribute_definitions(attribute.build().map_err(invalid)?);
    }
    match request.send().await {
        Ok(_) => Ok(ResourceStatus::Created),
        // Another process has created it since `describe`.
        Err(error) if failure::code(&error) == Some("ResourceInUseException") => {
            Ok(ResourceStatus::Exists)
        }
        Err(error) => Err(AwsFailure::of_write("create the table", &error).into()),
    }
}

async fn wait_until_active(table: &Table) -> Result<TableDescription> {
    for poll in 0..MAX_POLLS {
        match describe(table).await? {
            Some(description) if description.table_status() == Some(&TableStatus::Active) => {
                return Ok(description);
            }
            _ if poll == 0 => note(format_args!("waiting for the table \"{}\" …", table.name())),
            _ => {}
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Err(CliError::new(format!(
        "the table \"{}\" is still not active; run `billingctl setup` again in a few minutes",
        table.name()
    )))
}

/// Turns on TTL, which deletes idempotency records.
async fn enable_ttl(table: &Table) -> Result<()> {
    let response = table.client().describe_time_to_live().table_name(table.name()).send().await;
    let response = response.map_err(|error| AwsFailure::new("describe the table's TTL", &error))?;
    let ttl = response.time_to_live_description();
    let status = ttl.and_then(|ttl| ttl.time_to_live_status());
    if matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
        return match ttl.and_then(|ttl| ttl.attribute_name()) {
            Some(TTL) => Ok(()),
            other => Err(CliError::new(format!(
                "the table's TTL attribute is \"{}\" instead of \"{TTL}\"; turn TTL off, wait an hour, and run `billingctl setup` again",
                other.unwrap_or("unknown")
            ))),
        };
    }
    let specification = TimeToLiveSpecification::builder().enabled(true).attribute_name(TTL);
    let specification = specification.build().map_err(|error| CliError::new(error.to_string()))?;
    let outcome = table
        .client()
        .update_time_to_live()
        .table_name(table.name())
        .time_to_live_specification(specification)
        .send()
        .await;
    outcome.map_err(|error| AwsFailure::of_write("turn on the table's TTL", &error))?;
    Ok(())
}

async fn enable_deletion_protection(table: &Table, description: &TableDescription) -> Result<()> {
    if description.deletion_protection_enabled() == Some(true) {
        return Ok(());
    }
    let outcome = table
        .client()
        .update_table()
        .table_name(table.name())
        .deletion_protection_enabled(true)
        .send()
        .await;
    outcome
        .map_err(|error| AwsFailure::of_write("turn on the table's deletion protection", &error))?;
    wait_until_active(table).await.map(drop)
}

/// Turns on point-in-time recovery. The backups of a new table take a moment to become available.
/// An emulator of DynamoDB may not have them.
async fn enable_recovery(table: &Table) -> Result<()> {
    let specification =
        PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).build();
    let specification = specification.map_err(|error| CliError::new(error.to_string()))?;
    for _ in 0..MAX_POLLS {
        if has_recovery(table).await {
            return Ok(());
        }
        let request = table.client().update_continuous_backups().table_name(table.name());
        let request = request.point_in_time_recovery_specification(specification.clone());
        let Err(error) = request.send().await else { return Ok(()) };
        match failure::code(&error) {
            Some("ContinuousBackupsUnavailableException") => {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
            Some("UnknownOperationException" | "NotImplemented" | "InternalFailure") => {
                note("this emulator of DynamoDB has no point-in-time recovery; it stays off");
                return Ok(());
            }
            _ => return Err(AwsFailure::of_write("turn on point-in-time recovery", &error).into()),
        }
    }
    Err(CliError::new(
        "the table's backups are still not available; run `billingctl setup` again in a few minutes",
    ))
}

async fn has_recovery(table: &Table) -> bool {
    let response =
        table.client().describe_continuous_backups().table_name(table.name()).send().await;
    let Ok(response) = response else { return false };
    response.continuous_backups_description().is_some_and(|backups| {
        let recovery = backups
            .point_in_time_recovery_description()
            .and_then(|recovery| recovery.point_in_time_recovery_status());
        backups.continuous_backups_status() == &ContinuousBackupsStatus::Enabled
            && recovery == Some(&PointInTimeRecoveryStatus::Enabled)
    })
}
