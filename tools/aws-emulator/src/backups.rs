//! Point-in-time recovery, which dynoxide lacks: the setting of each table, without any backup.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use dynoxide::actions::describe_table::DescribeTableRequest;
use dynoxide::{Database, DynoxideError};
use serde::Deserialize;
use serde_json::{Value, json};

/// Tables whose point-in-time recovery is on. A restart turns it off.
#[derive(Default)]
pub(crate) struct Backups(Mutex<BTreeSet<String>>);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Describe {
    table_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Update {
    table_name: String,
    point_in_time_recovery_specification: Specification,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Specification {
    point_in_time_recovery_enabled: bool,
}

impl Backups {
    fn tables(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Executes `DescribeContinuousBackups`.
    pub(crate) fn describe(
        &self,
        database: &Database,
        request: &Describe,
    ) -> Result<Value, DynoxideError> {
        let table_name = request.table_name.clone();
        database.describe_table(DescribeTableRequest { table_name })?;
        let is_on = self.tables().contains(&request.table_name);
        let status = if is_on { "ENABLED" } else { "DISABLED" };
        let recovery = json!({ "PointInTimeRecoveryStatus": status });
        Ok(json!({ "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": recovery,
        } }))
    }

    /// Executes `UpdateContinuousBackups`.
    pub(crate) fn update(
        &self,
        database: &Database,
        request: &Update,
    ) -> Result<Value, DynoxideError> {
        let Update { table_name, point_in_time_recovery_specification: specification } = request;
        let described = Describe { table_name: table_name.clone() };
        self.describe(database, &described)?;
        if specification.point_in_time_recovery_enabled {
            self.tables().insert(table_name.clone());
        } else {
            self.tables().remove(table_name);
        }
        self.describe(database, &described)
    }
}
