//! The table: as the functions need it, and whether we may do with it what an operator does.

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{
    AttributeValue, BillingMode, ContinuousBackupsStatus, PointInTimeRecoveryStatus, SseStatus,
    TableDescription, TableStatus, TimeToLiveStatus,
};

use super::report::Report;
use super::settings::Settings;
use crate::error;
use crate::setup::table::{TTL, has_our_keys};

/// An item that there never is.
const NOTHING: &str = "DOCTOR#NOTHING";

const SETUP: &str = "run `billingctl setup`, which brings the table to what it has to be";

pub(super) async fn check(sdk: &SdkConfig, settings: &Settings, report: &mut Report) {
    let (client, name) = (Client::new(sdk), settings.table.as_str());
    let described = client.describe_table().table_name(name).send().await;
    let table = match described.map(|answer| answer.table) {
        Ok(Some(table)) => table,
        Ok(None) => return report.fail("table.exists", "AWS describes nothing", "try again"),
        Err(error) => return missing(&error, name, report),
    };
    shape(&table, report);
    ttl(&client, name, report).await;
    recovery(&client, name, report).await;
    Box::pin(permissions(&client, name, report)).await;
}

fn missing<E, R>(error: &SdkError<E, R>, name: &str, report: &mut Report)
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    const CHECK: &str = "table.exists";
    if error::code(error) == Some("ResourceNotFoundException") {
        let advice = "deploy the stack, or run `billingctl setup`; another name goes into --table";
        report.fail(
            CHECK,
            format!("there is no table \"{name}\" in this account and region"),
            advice,
        );
    } else {
        let advice = "give yourself dynamodb:DescribeTable on the table";
        report.fail(CHECK, error::aws("look at the table", error).to_string(), advice);
    }
}

fn shape(table: &TableDescription, report: &mut Report) {
    let name = table.table_name().unwrap_or_default();
    let status = table.table_status().map_or("UNKNOWN", TableStatus::as_str);
    let advice = "wait until AWS is done with it, and run doctor again";
    report.expect("table.exists", status == "ACTIVE", format!("\"{name}\" is {status}"), advice);
    let keys = has_our_keys(table);
    let found = if keys { "pk and sk, both text" } else { "they are not pk (S) and sk (S)" };
    let advice = "this is another table; name ours with --table, or let `billingctl setup` make it";
    report.expect("table.keys", keys, found, advice);
    let is_protected = table.deletion_protection_enabled() == Some(true);
    report.expect("table.protection", is_protected, on(is_protected), SETUP);
    let billing = table.billing_mode_summary().and_then(|summary| summary.billing_mode());
    if billing == Some(&BillingMode::PayPerRequest) {
        report.pass("table.billing", "by request");
    } else {
        let advice = "provisioned capacity turns requests away at peaks: aws dynamodb update-table --billing-mode PAY_PER_REQUEST";
        report.warn("table.billing", "provisioned capacity", advice);
    }
    match table.sse_description().and_then(|sse| sse.status()) {
        Some(SseStatus::Enabled | SseStatus::Updating) => {
            report.pass("table.encryption", "with a key of this account's KMS");
        }
        _ => report.warn(
            "table.encryption",
            "with a key that AWS owns, whose use nobody can follow",
            "deploy the table with the template, or: aws dynamodb update-table --sse-specification Enabled=true",
        ),
    }
}

fn on(is_on: bool) -> &'static str {
    if is_on { "on" } else { "off" }
}

async fn ttl(client: &Client, name: &str, report: &mut Report) {
    const CHECK: &str = "table.ttl";
    let answer = match client.describe_time_to_live().table_name(name).send().await {
        Ok(answer) => answer,
        Err(error) => {
            let advice = "give yourself dynamodb:DescribeTimeToLive on the table";
            return report.fail(CHECK, error::aws("look at the TTL", &error).to_string(), advice);
        }
    };
    let ttl = answer.time_to_live_description();
    let is_on = ttl.and_then(|ttl| ttl.time_to_live_status()).is_some_and(|status| {
        matches!(status, TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
    });
    let attribute = ttl.and_then(|ttl| ttl.attribute_name()).filter(|_| is_on);
    match attribute {
        Some(TTL) => report.pass(CHECK, format!("on, by the attribute {TTL}")),
        Some(other) => report.fail(
            CHECK,
            format!("by the attribute {other}"),
            format!("turn TTL off, wait an hour, and run `billingctl setup`: it has to be {TTL}"),
        ),
        None => {
            report.fail(
                CHECK,
                "off: the answers of idempotency keys would be kept for ever",
                SETUP,
            );
        }
    }
}

async fn recovery(client: &Client, name: &str, report: &mut Report) {
    const CHECK: &str = "table.recovery";
    match client.describe_continuous_backups().table_name(name).send().await {
        Ok(answer) => {
            let is_on = answer.continuous_backups_description().is_some_and(|backups| {
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
                error::code(&error),
                Some("UnknownOperationException" | "NotImplemented")
            ) =>
        {
            let advice = "this stand-in for DynamoDB knows no backups; on AWS it is checked";
            report.skip(CHECK, "backups cannot be looked at", advice);
        }
        Err(error) => {
            let advice = "give yourself dynamodb:DescribeContinuousBackups on the table";
            report.fail(CHECK, error::aws("look at the backups", &error).to_string(), advice);
        }
    }
}

/// Tries everything that billingctl does with items, on one that there never is: a write whose
/// condition cannot hold is refused for the condition, or for the permission.
async fn permissions(client: &Client, name: &str, report: &mut Report) {
    const CHECK: &str = "aws.permissions";
    const THERE: &str = "attribute_exists(pk)";
    let text = || AttributeValue::S(NOTHING.to_owned());
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
    let tried = [
        ("dynamodb:GetItem", denied(&get.await)),
        ("dynamodb:Query", denied(&query.await)),
        ("dynamodb:Scan", denied(&scan.await)),
        ("dynamodb:PutItem", denied(&put.condition_expression(THERE).send().await)),
        ("dynamodb:UpdateItem", denied(&update.condition_expression(THERE).send().await)),
        ("dynamodb:DeleteItem", denied(&delete.condition_expression(THERE).send().await)),
    ];
    let missing: Vec<&str> =
        tried.iter().filter(|(_, denied)| *denied).map(|(action, _)| *action).collect();
    let all: Vec<&str> = tried.iter().map(|(action, _)| *action).collect();
    if missing.is_empty() {
        report.pass(CHECK, format!("{} on the table", all.join(", ")));
    } else {
        let advice = "add them to the policy of whoever runs billingctl";
        report.fail(CHECK, format!("not allowed: {}", missing.join(", ")), advice);
    }
}

fn denied<T, E: ProvideErrorMetadata, R>(outcome: &Result<T, SdkError<E, R>>) -> bool {
    outcome.as_ref().err().and_then(error::code) == Some("AccessDeniedException")
}
