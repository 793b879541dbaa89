//! DynamoDB table in memory, with faults.

use std::collections::HashMap;
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

/// Mechanism of stored reads that the table takes away, so that a test shows what it prevents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// A snapshot replaces whatever is stored.
    UnconditionalPut,
    /// Reports of changes do not raise generations: what readers see if the watermark is published before.
    EarlyWatermark,
    /// A strongly consistent read returns the generations before their last rise.
    EventualRead,
    /// A change raises its customer's generation before it only, not after it as well.
    OneRaise,
    /// A change does not record that it was this API's own.
    NoWritten,
}

/// Table of the AWS emulator.
pub struct Table {
    dynamodb: DynamoDb,
    fault: Mutex<Option<TableFault>>,
    weakness: Mutex<Weakened>,
}

#[derive(Default)]
struct Weakened {
    weakness: Option<Weakness>,
    /// Generations before their last rise, by partition key.
    before: HashMap<String, Option<Value>>,
    /// Number of raises by this API's own changes.
    raises: usize,
}

impl Default for Table {
    fn default() -> Self {
        let dynamodb = DynamoDb::memory().expect("a database in memory");
        dynamodb.create_table(TABLE).expect("a new table");
        Self { dynamodb, fault: Mutex::default(), weakness: Mutex::default() }
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

    /// Takes a mechanism away.
    pub fn weaken(&self, weakness: Weakness) {
        self.weakness.lock().unwrap_or_else(PoisonError::into_inner).weakness = Some(weakness);
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
        let response = self.weakened(operation, request);
        if failing == Some(true) { failure() } else { response }
    }
}

impl Table {
    /// Executes a call without the mechanism that was taken away.
    fn weakened(&self, operation: &str, request: &[u8]) -> Response {
        let mut weakened = self.weakness.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(weakness) = weakened.weakness else {
            return self.dynamodb.execute(operation, request);
        };
        let mut request: Value = serde_json::from_slice(request).expect("JSON");
        let is_of_reads = |key: &Value| {
            let pk = key["pk"]["S"].as_str().unwrap_or_default();
            pk.starts_with("READ#") || pk == "CATALOG"
        };
        let is_raise = operation == "UpdateItem" && is_of_reads(&request["Key"]);
        let update = request["UpdateExpression"].as_str().unwrap_or_default().to_owned();
        let own_raise = update.find(", written = ").filter(|_| is_raise);
        match weakness {
            Weakness::UnconditionalPut
                if operation == "PutItem" && is_of_reads(&request["Item"]) =>
            {
                let put = request.as_object_mut().expect("a request");
                put.retain(|name, _| name == "TableName" || name == "Item");
            }
            Weakness::EarlyWatermark if is_raise && own_raise.is_none() => return done(),
            Weakness::OneRaise if own_raise.is_some() => {
                weakened.raises += 1;
                if weakened.raises.is_multiple_of(2) {
                    return done();
                }
            }
            Weakness::NoWritten => {
                if let Some(at) = own_raise {
                    request["UpdateExpression"] = json!(update[..at]);
                }
            }
            Weakness::EventualRead if is_raise => {
                let pk = request["Key"]["pk"]["S"].as_str().unwrap_or_default().to_owned();
                let key = json!({ "TableName": TABLE, "Key": request["Key"] });
                let item = self.call("GetItem", &key).get_mut("Item").map(Value::take);
                weakened.before.insert(pk, item);
            }
            Weakness::EventualRead if operation == "BatchGetItem" => {
                let mut found = self.call(operation, &request);
                let items = found["Responses"][TABLE].as_array_mut().expect("items");
                let of_generation = |item: &Value| {
                    let pk = item["pk"]["S"].as_str().filter(|_| item["number"].is_object())?;
                    weakened.before.get(pk).cloned()
                };
                *items = std::mem::take(items)
                    .into_iter()
                    .filter_map(|item| of_generation(&item).unwrap_or(Some(item)))
                    .collect();
                return Response { status: 200, body: found.to_string() };
            }
            _ => {}
        }
        self.dynamodb.execute(operation, request.to_string().as_bytes())
    }
}

fn done() -> Response {
    Response { status: 200, body: "{}".to_owned() }
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
