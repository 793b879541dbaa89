//! Checks the table's options, and the operator's permissions on it.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{
    AttributeValue, BillingMode, ContinuousBackupsStatus, PointInTimeRecoveryStatus, SseStatus,
    TableDescription, TableStatus, TimeToLiveStatus,
};

use super::report::Report;
use super::settings::Settings;
use super::watermark;
use crate::aws::failure::{self, AwsFailure};
use crate::aws::schema::{TTL, has_our_keys};

/// Key of an item that never exists.
const MISSING_ITEM: &str = "DOCTOR#NOTHING";

const SETUP: &str = "run `billingctl setup`, which sets the table's options";

/// Checks the table.
pub(super) async fn check(sdk: &SdkConfig, settings: &Settings, report: &mut Report) {
    let (client, name) = (Client::new(sdk), settings.table.as_str());
    let described = client.describe_table().table_name(name).send().await;
    let table = match described.map(|response| response.table) {
        Ok(Some(table)) => table,
        Ok(None) => {
            return report.fail("table.exists", "AWS returned no description", "run doctor again");
        }
        Err(error) => return describe_failed(&error, name, report),
    };
    check_options(&table, report);
    check_ttl(&client, name, report).await;
    check_recovery(&client, name, report).await;
    Box::pin(check_permissions(&client, name, report)).await;
    if has_our_keys(&table) {
        watermark::check(sdk, settings, report).await;
    }
}

fn describe_failed<E>(error: &SdkError<E>, name: &str, report: &mut Report)
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    const CHECK: &str = "table.exists";
    if failure::code(error) == Some("ResourceNotFoundException") {
        let advice = "deploy the stack or run `billingctl setup`; use --table for another name";
        report.fail(
            CHECK,
            format!("there is no table \"{name}\" in this AWS account and region"),
            advice,
        );
    } else {
        let failure = AwsFailure::new("describe the table", error);
        let advice = failure.advice_or("give your role dynamodb:DescribeTable on the table");
        report.fail(CHECK, failure.found, advice);
    }
}

fn check_options(table: &TableDescription, report: &mut Report) {
    let name = table.table_name().unwrap_or_default();
    let status = table.table_status().map_or("UNKNOWN", TableStatus::as_str);
    let advice = "wait until the table is ACTIVE and run doctor again";
    report.expect("table.exists", status == "ACTIVE", format!("\"{name}\" is {status}"), advice);
    let keys = has_our_keys(table);
    let found = if keys { "pk (S) and sk (S)" } else { "other keys than pk (S) and sk (S)" };
    let advice = "this table belongs to something else; name the right one with --table, or create it with `billingctl setup`";
    report.expect("table.keys", keys, found, advice);
    let is_protected = table.deletion_protection_enabled() == Some(true);
    report.expect("table.protection", is_protected, on(is_protected), SETUP);
    let billing = table.billing_mode_summary().and_then(|summary| summary.billing_mode());
    if billing == Some(&BillingMode::PayPerRequest) {
        report.pass("table.billing", "on demand");
    } else {
        let advice = "provisioned capacity throttles peaks; run aws dynamodb update-table --billing-mode PAY_PER_REQUEST";
        report.warn("table.billing", "provisioned capacity", advice);
    }
    match table.sse_description().and_then(|sse| sse.status()) {
        Some(SseStatus::Enabled | SseStatus::Updating) => {
            report.pass("table.encryption", "with a KMS key of this AWS account");
        }
        _ => report.warn(
            "table.encryption",
            "with a key that AWS owns, so CloudTrail does not record its use",
            "deploy the table with the template, or run aws dynamodb update-table --sse-specification Enabled=true",
        ),
    }
}

fn on(is_on: bool) -> &'static str {
    if is_on { "on" } else { "off" }
}

async fn check_ttl(client: &Client, name: &str, report: &mut Report) {
    const CHECK: &str = "table.ttl";
    let response = match client.describe_time_to_live().table_name(name).send().await {
        Ok(response) => response,
        Err(error) => {
            let failure = AwsFailure::new("describe the TTL", &error);
            let permission = "give your role dynamodb:DescribeTimeToLive on the table";
            let advice = failure.advice_or(permission);
            return report.fail(CHECK, failure.found, advice);
        }
    };
    let ttl = response.time_to_live_description();
    let is_on = ttl.and_then(|ttl| ttl.time_to_live_status()).is_some_and(|status| {
        matches!(status, TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
    });
    let attribute = ttl.and_then(|ttl| ttl.attribute_name()).filter(|_| is_on);
    match attribute {
        Some(TTL) => report.pass(CHECK, format!("on, attribute {TTL}")),
        Some(other) => report.fail(
            CHECK,
            format!("on, attribute {other}"),
            format!(
                "turn TTL off, wait an hour and run `billingctl setup`; the attribute must be {TTL}"
            ),
        ),
        None => {
            report.fail(CHECK, "off, so idempotency records are never deleted", SETUP);
        }
    }
}

async fn check_recovery(client: &Client, name: &str, report: &mut Report) {
    const CHECK: &str = "table.recovery";
    match client.describe_continuous_backups().table_name(name).send().await {
        Ok(response) => {
            let is_on = response.continuous_backups_description().is_some_and(|backups| {
                let recovery = backups.point_in_time_recovery_description();
                let recovery =
                    recovery.and_then(|recovery| recovery.point_in_time_recovery_status());
                backups.continuous_backups_status() == &ContinuousBackupsStatus::Enabled
                    && recovery == Some(&PointInTimeRecoveryStatus::Enabled)
            });
            report.expect(CHECK, is_on, format!("point-in-time recovery is {}", on(is_on)), SETUP);
        }
        Err(error)
            if matches!(
                failure::code(&error),
                Some("UnknownOperationException" | "NotImplemented")
            ) =>
        {
            let advice = "this emulator of DynamoDB has no backups; on AWS they are checked";
            report.skip(CHECK, "backups cannot be checked", advice);
        }
        Err(error) => {
            let failure = AwsFailure::new("describe the backups", &error);
            let permission = "give your role dynamodb:DescribeContinuousBackups on the table";
            let advice = failure.advice_or(permission);
            report.fail(CHECK, failure.found, advice);
        }
    }
}

/// Probes the operator's permissions with an item that does not exist. A write with a condition that
/// cannot hold fails with the condition, or with the missing permission.
async fn check_permissions(client: &Client, name: &str, report: &mut Report) {
    const CHECK: &str = "aws.permissions";
    const EXISTS: &str = "attribute_exists(pk)";
    let text = || AttributeValue::S(MISSING_ITEM.to_owned());
    let get = client.get_item().table_name(name).key("pk", text()).key("sk", text()).send();
    let query = client
        .query()
        .table_name(name)
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", text())
        .send();
    let scan = client.scan().table_name(name).limit(1).send();
    let put = client.put_item().table_name(name).item("pk", text()).item("sk", text());
    let update = client.update_item().table_name(name).key("pk", text()).key("sk", text());
    let update = update.update_expression("SET a = :a").expression_attribute_values(":a", text());
    let delete = client.delete_item().table_name(name).key("pk", text()).key("sk", text());
    let probes = [
        ("dynamodb:GetItem", probe(get.await)),
        ("dynamodb:Query", probe(query.await)),
        ("dynamodb:Scan", probe(scan.await)),
        ("dynamodb:PutItem", probe(put.condition_expression(EXISTS).send().await)),
        ("dynamodb:UpdateItem", probe(update.condition_expression(EXISTS).send().await)),
        ("dynamodb:DeleteItem", probe(delete.condition_expression(EXISTS).send().await)),
    ];
    let failed = probes.iter().find_map(|(_, probe)| probe.as_ref().err());
    if let Some(failure) = failed {
        return report.fail(CHECK, failure.found.clone(), failure.advice);
    }
    let is_missing = |(_, probe): &&(&str, _)| matches!(probe, Ok(Permission::Missing));
    let missing: Vec<&str> = probes.iter().filter(is_missing).map(|(action, _)| *action).collect();
    let all: Vec<&str> = probes.iter().map(|(action, _)| *action).collect();
    if missing.is_empty() {
        report.pass(CHECK, format!("{} on the table", all.join(", ")));
    } else {
        let advice = "add them to the policy of your role";
        report.fail(CHECK, format!("not allowed: {}", missing.join(", ")), advice);
    }
}

enum Permission {
    Granted,
    Missing,
}

/// Returns what the outcome of a probe tells about the permission.
///
/// # Errors
/// If AWS refused the call for another reason, or did not respond.
fn probe<T, E>(outcome: Result<T, SdkError<E>>) -> Result<Permission, AwsFailure>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match outcome {
        Ok(_) => Ok(Permission::Granted),
        Err(error) => match failure::code(&error) {
            Some("ConditionalCheckFailedException") => Ok(Permission::Granted),
            Some("AccessDeniedException") => Ok(Permission::Missing),
            _ => Err(AwsFailure::new("probe the permissions on the table", &error)),
        },
    }
}
