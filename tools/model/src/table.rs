//! DynamoDB table in memory, with faults.

use std::sync::{Mutex, PoisonError};

use aws_emulator::{DynamoDb, Response};
use serde_json::{Value, json};

/// Name of the table.
pub(crate) const TABLE: &str = "billing";

/// Fault of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableFault {
    /// Writes that it counts; all calls if `None`.
    pub write: Option<Write>,
    /// Number of calls that succeed first.
    pub after: u8,
    /// Number of calls that fail then.
    pub calls: u8,
    /// Whether the failed calls take effect.
    pub done: bool,
}

/// Kind of a write, told by the item and the attributes that it sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// Claims an idempotency key.
    Claim,
    /// Takes over an expired claim.
    TakeOver,
    /// Writes an operation's note.
    Note,
    /// Stores a response under its idempotency key.
    Store,
    /// Releases an idempotency key.
    Release,
    /// Acquires a customer's journal.
    Acquire,
    /// Writes or clears the entry of a customer's journal.
    Journal,
    /// Releases a customer's journal.
    ReleaseJournal,
}

impl Write {
    pub const ALL: [Self; 8] = [
        Self::Claim,
        Self::TakeOver,
        Self::Note,
        Self::Store,
        Self::Release,
        Self::Acquire,
        Self::Journal,
        Self::ReleaseJournal,
    ];

    fn of(operation: &str, request: &[u8]) -> Option<Self> {
        let request: Value = serde_json::from_slice(request).ok()?;
        let is = |prefix: &str| {
            let items = [&request["Key"], &request["Item"]];
            items
                .iter()
                .any(|item| item["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with(prefix)))
        };
        let update = request["UpdateExpression"].as_str().unwrap_or_default();
        let sets = |attribute: &str| update.contains(attribute);
        match operation {
            "PutItem" if is("IDEMPOTENCY#") => Some(Self::Claim),
            "UpdateItem" if is("IDEMPOTENCY#") => Some(match () {
                () if sets("claimedBy") => Self::TakeOver,
                () if sets("note") => Self::Note,
                () if sets("claimedUntil") => Self::Release,
                () => Self::Store,
            }),
            "UpdateItem" if is("CHANGE#") => Some(match () {
                () if sets("fence") => Self::Acquire,
                () if sets("lease") => Self::ReleaseJournal,
                () => Self::Journal,
            }),
            _ => None,
        }
    }
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

    /// Lets the leases expire that end before `until`, in milliseconds since 1970: of idempotency keys, and of
    /// customers' journals.
    ///
    /// # Panics
    /// Never: the requests are well-formed.
    pub fn expire_leases(&self, until: i64) {
        // Not 0, which marks a free lease.
        let long_ago = json!({ "N": "1" });
        for attribute in ["claimedUntil", "lease"] {
            let found = self.call(
                "Scan",
                &json!({
                    "TableName": TABLE,
                    "FilterExpression": format!("{attribute} > :longAgo AND {attribute} < :until"),
                    "ExpressionAttributeValues":
                        { ":longAgo": long_ago, ":until": { "N": until.to_string() } },
                }),
            );
            for item in found["Items"].as_array().into_iter().flatten() {
                let mut expired = item.clone();
                expired[attribute] = long_ago.clone();
                self.put(&expired);
            }
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
        let failing = fault
            .as_mut()
            .filter(|fault| fault.counts(operation, request))
            .and_then(TableFault::strikes);
        drop(fault);
        if failing == Some(false) {
            return failure();
        }
        let response = self.dynamodb.execute(operation, request);
        if failing == Some(true) { failure() } else { response }
    }
}

impl TableFault {
    fn counts(self, operation: &str, request: &[u8]) -> bool {
        self.write.is_none() || self.write == Write::of(operation, request)
    }

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
