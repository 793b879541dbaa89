//! The table: made if absent, and brought to what it has to be: TTL, recovery, protection.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, ContinuousBackupsStatus, KeySchemaElement, KeyType,
    PointInTimeRecoverySpecification, PointInTimeRecoveryStatus, ScalarAttributeType,
    SseSpecification, TableDescription, TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
};

use super::Status;
use crate::error::{self, Failure, Result};
use crate::output::note;
use crate::table::Table;

const KEYS: [(&str, KeyType); 2] = [("pk", KeyType::Hash), ("sk", KeyType::Range)];
pub(crate) const TTL: &str = "ttl";

/// How often, and how many times, to look whether a thing has got ready: two minutes in all.
const PAUSE: Duration = Duration::from_secs(1);
const LOOKS: u32 = 120;

pub(super) async fn ensure(table: &Table) -> Result<Status> {
    let status = match describe(table).await? {
        Some(_) => Status::Exists,
        None => create(table).await?,
    };
    let description = wait_until_active(table).await?;
    if !has_our_keys(&description) {
        return Err(Failure::new(format!(
            "the table \"{}\" is not ours: its key has to be pk (S) and sk (S); name another with --table",
            table.name()
        )));
    }
    expire_items(table).await?;
    protect(table, &description).await?;
    recover(table).await?;
    Ok(status)
}

async fn describe(table: &Table) -> Result<Option<TableDescription>> {
    match table.client().describe_table().table_name(table.name()).send().await {
        Ok(answer) => Ok(answer.table),
        Err(error) if error::code(&error) == Some("ResourceNotFoundException") => Ok(None),
        Err(error) => Err(error::aws("look at the table", &error)),
    }
}

async fn create(table: &Table) -> Result<Status> {
    let mut request = table
        .client()
        .create_table()
        .table_name(table.name())
        .billing_mode(BillingMode::PayPerRequest)
        .sse_specification(SseSpecification::builder().enabled(true).build())
        .deletion_protection_enabled(true);
    for (name, kind) in KEYS {
        let bad = |error: aws_sdk_dynamodb::error::BuildError| Failure::new(error.to_string());
        let element =
            KeySchemaElement::builder().attribute_name(name).key_type(kind).build().map_err(bad)?;
        let attribute = AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::S);
        request =
            request.key_schema(element).attribute_definitions(attribute.build().map_err(bad)?);
    }
    match request.send().await {
        Ok(_) => Ok(Status::Created),
        // Somebody else was faster.
        Err(error) if error::code(&error) == Some("ResourceInUseException") => Ok(Status::Exists),
        Err(error) => Err(error::aws("create the table", &error)),
    }
}

async fn wait_until_active(table: &Table) -> Result<TableDescription> {
    for look in 0..LOOKS {
        match describe(table).await? {
            Some(description) if description.table_status() == Some(&TableStatus::Active) => {
                return Ok(description);
            }
            _ if look == 0 => note(format_args!("waiting for the table \"{}\" …", table.name())),
            _ => {}
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(Failure::new(format!(
        "the table \"{}\" is still not active; run `billingctl setup` again in a few minutes",
        table.name()
    )))
}

pub(crate) fn has_our_keys(description: &TableDescription) -> bool {
    let has = |(name, kind): &(&str, KeyType)| {
        description
            .key_schema()
            .iter()
            .any(|element| element.attribute_name() == *name && element.key_type() == kind)
            && description.attribute_definitions().iter().any(|attribute| {
                attribute.attribute_name() == *name
                    && attribute.attribute_type() == &ScalarAttributeType::S
            })
    };
    description.key_schema().len() == KEYS.len() && KEYS.iter().all(has)
}

/// Idempotency records vanish by themselves.
async fn expire_items(table: &Table) -> Result<()> {
    let answer = table.client().describe_time_to_live().table_name(table.name()).send().await;
    let answer = answer.map_err(|error| error::aws("look at the table's TTL", &error))?;
    let ttl = answer.time_to_live_description();
    let is_on = ttl.and_then(|ttl| ttl.time_to_live_status());
    if matches!(is_on, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
        return match ttl.and_then(|ttl| ttl.attribute_name()) {
            Some(TTL) => Ok(()),
            other => Err(Failure::new(format!(
                "the table's TTL attribute is \"{}\" and has to be \"{TTL}\"; turn TTL off, wait an hour, and run `billingctl setup` again",
                other.unwrap_or("unknown")
            ))),
        };
    }
    let on = TimeToLiveSpecification::builder().enabled(true).attribute_name(TTL).build();
    let on = on.map_err(|error| Failure::new(error.to_string()))?;
    let outcome = table
        .client()
        .update_time_to_live()
        .table_name(table.name())
        .time_to_live_specification(on)
        .send()
        .await;
    outcome.map(drop).map_err(|error| error::aws("turn on the table's TTL", &error))
}

async fn protect(table: &Table, description: &TableDescription) -> Result<()> {
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
    outcome.map_err(|error| error::aws("protect the table from deletion", &error))?;
    wait_until_active(table).await.map(drop)
}

/// Point-in-time recovery. A new table's backups take a moment to be available; a stand-in for
/// DynamoDB may not know them at all.
async fn recover(table: &Table) -> Result<()> {
    let on =
        PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).build();
    let on = on.map_err(|error| Failure::new(error.to_string()))?;
    for _ in 0..LOOKS {
        if recovers(table).await {
            return Ok(());
        }
        let request = table.client().update_continuous_backups().table_name(table.name());
        let Err(error) = request.point_in_time_recovery_specification(on.clone()).send().await
        else {
            return Ok(());
        };
        match error::code(&error) {
            Some("ContinuousBackupsUnavailableException") => tokio::time::sleep(PAUSE).await,
            Some("UnknownOperationException" | "NotImplemented" | "InternalFailure") => {
                note(
                    "this stand-in for DynamoDB has no point-in-time recovery; the table is used without",
                );
                return Ok(());
            }
            _ => return Err(error::aws("turn on point-in-time recovery", &error)),
        }
    }
    Err(Failure::new(
        "the table's backups are still not available; run `billingctl setup` again in a few minutes",
    ))
}

async fn recovers(table: &Table) -> bool {
    let answer = table.client().describe_continuous_backups().table_name(table.name()).send().await;
    let Ok(answer) = answer else { return false };
    answer.continuous_backups_description().is_some_and(|backups| {
        let recovery = backups
            .point_in_time_recovery_description()
            .and_then(|recovery| recovery.point_in_time_recovery_status());
        backups.continuous_backups_status() == &ContinuousBackupsStatus::Enabled
            && recovery == Some(&PointInTimeRecoveryStatus::Enabled)
    })
}
