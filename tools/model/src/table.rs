//! DynamoDB table in memory, with faults.

use std::sync::{Mutex, PoisonError};

use aws_emulator::{DynamoDb, Response};
use serde_json::{Value, json};

/// Name of the table.
pub(crate) const TABLE: &str = "billing";

/// Fault of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableFault {
    /// Number of calls that succeed first.
    pub after: u8,
    /// Number of calls that fail then.
    pub calls: u8,
    /// Whether the failed calls take effect.
    pub done: bool,
}

/// Table of the AWS emulator.
pub struct Table {
    dynamodb: DynamoDb,
    fault: Mutex<Option<TableFault>>,
}

impl Default for Table {
    fn default() -> Self {
        let dynamodb = DynamoDb::memory().expect("a database in memory");
        dynamodb.create_table(TABLE).expect("a new table");
        Self { dynamodb, fault: Mutex::default() }
    }
}

impl Table {
    /// Inserts an item in DynamoDB's JSON.
    ///
    /// # Panics
    /// If the item has no key.
    pub fn put(&self, item: &Value) {
        self.call("PutItem", &json!({ "TableName": TABLE, "Item": item }));
    }

    /// Returns the item with this key.
    ///
    /// # Panics
    /// Never: the request is well-formed.
    #[must_use]
    pub fn item(&self, pk: &str, sk: &str) -> Option<Value> {
        let key = json!({ "pk": { "S": pk }, "sk": { "S": sk } });
        let mut response = self.call("GetItem", &json!({ "TableName": TABLE, "Key": key }));
        response.get_mut("Item").map(Value::take)
    }

    /// Sets or removes the fault.
    pub fn set_fault(&self, fault: Option<TableFault>) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// Lets all leases of idempotency keys expire.
    ///
    /// # Panics
    /// Never: the requests are well-formed.
    pub fn expire_leases(&self) {
        let leases = json!({
            "TableName": TABLE, "FilterExpression": "attribute_exists(claimedUntil)",
        });
        let found = self.call("Scan", &leases);
        for item in found["Items"].as_array().into_iter().flatten() {
            let mut expired = item.clone();
            expired["claimedUntil"] = json!({ "N": "0" });
            self.put(&expired);
        }
    }

    fn call(&self, operation: &str, request: &Value) -> Value {
        let Response { status, body } = self.dynamodb.call(operation, request);
        assert_eq!(status, 200, "{operation}: {body}");
        serde_json::from_str(&body).expect("JSON")
    }

    /// Executes a call, unless the fault prevents it.
    pub(crate) fn respond(&self, operation: &str, request: &[u8]) -> Response {
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        let failing = fault.as_mut().and_then(TableFault::strikes);
        drop(fault);
        if failing == Some(false) {
            return failure();
        }
        let response = self.dynamodb.execute(operation, request);
        if failing == Some(true) { failure() } else { response }
    }
}

impl TableFault {
    /// Counts a call. Returns `None` if it succeeds, else whether it takes effect.
    fn strikes(&mut self) -> Option<bool> {
        if self.after > 0 {
            self.after -= 1;
            return None;
        }
        self.calls = self.calls.checked_sub(1)?;
        Some(self.done)
    }
}

fn failure() -> Response {
    let kind = "com.amazonaws.dynamodb.v20120810#InternalServerError";
    let body = json!({ "__type": kind, "message": "The request processing has failed." });
    Response { status: 500, body: body.to_string() }
}
