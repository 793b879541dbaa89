//! DynamoDB's calls, over dynoxide's engine.

use std::io;
use std::path::Path;
use std::sync::Arc;

use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::backups::Backups;

/// Marks the messages of dynoxide's decoders that are DynamoDB's own words.
const VALIDATION: &str = "VALIDATION:";

/// Tables in memory or in a file. Clones share them.
#[derive(Clone)]
pub struct DynamoDb {
    database: Database,
    backups: Arc<Backups>,
}

/// Response to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// JSON.
    pub body: String,
}

impl DynamoDb {
    /// Creates tables in memory.
    ///
    /// # Errors
    /// If SQLite cannot create the database.
    pub fn memory() -> io::Result<Self> {
        Database::memory().map(Self::of).map_err(io::Error::other)
    }

    /// Opens the tables in a file, which is created if it is missing.
    ///
    /// # Errors
    /// If the file cannot be opened or is not a database of dynoxide.
    pub fn open(file: &Path) -> io::Result<Self> {
        let path = file.to_str().ok_or_else(|| io::Error::other("the path is not UTF-8"))?;
        Database::new(path).map(Self::of).map_err(io::Error::other)
    }

    fn of(database: Database) -> Self {
        Self { database, backups: Arc::default() }
    }

    /// Creates a table with the string keys `pk` and `sk`.
    ///
    /// # Errors
    /// If the table exists or its name is invalid.
    pub fn create_table(&self, name: &str) -> io::Result<()> {
        let attribute = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
        let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
        let request = json!({
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [attribute("pk"), attribute("sk")],
            "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
        });
        let response = self.call("CreateTable", &request);
        if response.status == 200 { Ok(()) } else { Err(io::Error::other(response.body)) }
    }

    /// Executes a call whose request is JSON.
    #[must_use]
    pub fn call(&self, operation: &str, request: &Value) -> Response {
        self.execute(operation, request.to_string().as_bytes())
    }

    /// Executes a call, for example `GetItem`.
    #[must_use]
    pub fn execute(&self, operation: &str, request: &[u8]) -> Response {
        match self.dispatch(operation, request) {
            Ok(body) => Response { status: 200, body },
            Err(error) => Response { status: error.status_code(), body: error.to_json() },
        }
    }

    fn dispatch(&self, operation: &str, request: &[u8]) -> Result<String, DynoxideError> {
        let (database, backups) = (&self.database, &*self.backups);
        match operation {
            "BatchGetItem" => run(request, |call| database.batch_get_item(call)),
            "BatchWriteItem" => run(request, |call| database.batch_write_item(call)),
            "CreateTable" => run(request, |call| database.create_table(call)),
            "DeleteItem" => run(request, |call| database.delete_item(call)),
            "DeleteTable" => run(request, |call| database.delete_table(call)),
            "DescribeContinuousBackups" => run(request, |call| backups.describe(database, &call)),
            "DescribeTable" => run(request, |call| database.describe_table(call)),
            "DescribeTimeToLive" => run(request, |call| database.describe_time_to_live(call)),
            "GetItem" => run(request, |call| database.get_item(call)),
            "ListTables" => run(request, |call| database.list_tables(call)),
            "PutItem" => run(request, |call| database.put_item(call)),
            "Query" => run(request, |call| database.query(call)),
            "Scan" => run(request, |call| database.scan(call)),
            "TransactGetItems" => run(request, |call| database.transact_get_items(call)),
            "TransactWriteItems" => run(request, |call| database.transact_write_items(call)),
            "UpdateContinuousBackups" => run(request, |call| backups.update(database, &call)),
            "UpdateItem" => run(request, |call| database.update_item(call)),
            "UpdateTable" => run(request, |call| database.update_table(call)),
            "UpdateTimeToLive" => run(request, |call| database.update_time_to_live(call)),
            _ => Err(DynoxideError::UnsupportedCapability(operation.to_owned())),
        }
    }
}

/// Decodes the request, executes the call and encodes its response.
fn run<Q: DeserializeOwned, A: Serialize>(
    request: &[u8],
    call: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> Result<String, DynoxideError> {
    let request = serde_json::from_slice(request).map_err(|error| {
        let message = error.to_string();
        let message = message.strip_prefix(VALIDATION).unwrap_or(&message);
        DynoxideError::ValidationException(message.to_owned())
    })?;
    let response = call(request)?;
    serde_json::to_string(&response)
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}
