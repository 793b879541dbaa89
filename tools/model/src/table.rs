//! DynamoDB table in memory, for the calls that the functions make. A test compares it with moto.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::expression::{Item, Terms};

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

#[derive(Default)]
struct State {
    items: BTreeMap<(String, String), Item>,
    fault: Option<TableFault>,
}

/// Table in memory; ignores the name in requests.
#[derive(Default)]
pub struct Table {
    state: Mutex<State>,
}

impl Table {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Inserts an item in DynamoDB's JSON.
    ///
    /// # Panics
    /// If the item has no key.
    pub fn put(&self, item: &Value) {
        let item = item.as_object().expect("an item").clone();
        self.state().items.insert(key(&item), item);
    }

    /// Returns the item with this key.
    #[must_use]
    pub fn item(&self, pk: &str, sk: &str) -> Option<Value> {
        self.state().items.get(&(pk.to_owned(), sk.to_owned())).map(|item| json!(item))
    }

    /// Sets or removes the fault.
    pub fn set_fault(&self, fault: Option<TableFault>) {
        self.state().fault = fault;
    }

    /// Lets all leases of idempotency keys expire.
    pub fn expire_leases(&self) {
        for item in self.state().items.values_mut() {
            if item.contains_key("claimedUntil") {
                item.insert("claimedUntil".to_owned(), json!({ "N": "0" }));
            }
        }
    }

    /// Executes a call and returns status and body.
    pub(crate) fn respond(&self, target: &str, request: &Value) -> (u16, Value) {
        let mut state = self.state();
        let failing = state.fault.as_mut().and_then(TableFault::strikes);
        if failing == Some(false) {
            return failure();
        }
        let response = state.execute(target, request);
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

fn failure() -> (u16, Value) {
    let kind = "com.amazonaws.dynamodb.v20120810#InternalServerError";
    (500, json!({ "__type": kind, "message": "The request processing has failed." }))
}

fn condition_failed(old: Option<&Item>) -> (u16, Value) {
    let kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
    let mut body = json!({ "__type": kind, "message": "The conditional request failed" });
    if let Some(old) = old {
        body["Item"] = json!(old);
    }
    (400, body)
}

fn key(item: &Item) -> (String, String) {
    let text = |name: &str| item[name]["S"].as_str().expect("a key").to_owned();
    (text("pk"), text("sk"))
}

impl State {
    fn execute(&mut self, target: &str, request: &Value) -> (u16, Value) {
        let terms = Terms {
            names: &request["ExpressionAttributeNames"],
            values: &request["ExpressionAttributeValues"],
        };
        let given = &request[if target == "PutItem" { "Item" } else { "Key" }];
        let given = given.as_object().unwrap_or_else(|| panic!("not supported: {target}")).clone();
        let key = key(&given);
        let old = self.items.get(&key);
        if let Some(condition) = request["ConditionExpression"].as_str() {
            let none = Item::new();
            if !terms.evaluate(condition, old.unwrap_or(&none)) {
                let returns_old = request["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD";
                return condition_failed(old.filter(|_| returns_old));
            }
        }
        match target {
            "GetItem" => (200, old.map_or(json!({}), |item| json!({ "Item": item }))),
            "PutItem" => {
                self.items.insert(key, given);
                (200, json!({}))
            }
            "UpdateItem" => {
                let mut item = old.cloned().unwrap_or(given);
                terms.set(request["UpdateExpression"].as_str().unwrap_or_default(), &mut item);
                let all_new = request["ReturnValues"] == "ALL_NEW";
                let response = if all_new { json!({ "Attributes": item }) } else { json!({}) };
                self.items.insert(key, item);
                (200, response)
            }
            _ => panic!("not supported: {target}"),
        }
    }
}
