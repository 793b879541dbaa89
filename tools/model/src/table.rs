//! A DynamoDB table in memory, which answers as DynamoDB does to what the functions ask of it. A
//! test holds it to moto.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::expression::{Item, Terms};

/// How the table fails for some of the next calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// How many calls go well before.
    pub after: u8,
    /// How many fail then.
    pub calls: u8,
    /// Whether they are done all the same.
    pub done: bool,
}

#[derive(Default)]
struct State {
    items: BTreeMap<(String, String), Item>,
    trouble: Option<Trouble>,
}

/// The table, whatever its name.
#[derive(Default)]
pub struct Table {
    state: Mutex<State>,
}

impl Table {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an item in, in DynamoDB's own form.
    ///
    /// # Panics
    /// If it has no key.
    pub fn put(&self, item: &Value) {
        let item = item.as_object().expect("an item").clone();
        self.state().items.insert(key(&item), item);
    }

    /// The item with this key.
    #[must_use]
    pub fn item(&self, pk: &str, sk: &str) -> Option<Value> {
        self.state().items.get(&(pk.to_owned(), sk.to_owned())).map(|item| json!(item))
    }

    /// Fails from now on as is said; `None` mends it.
    pub fn trouble(&self, trouble: Option<Trouble>) {
        self.state().trouble = trouble;
    }

    /// Lets the time pass after which a request that was cut off no longer holds its key.
    pub fn free_claims(&self) {
        for item in self.state().items.values_mut() {
            if item.contains_key("claimedUntil") {
                item.insert("claimedUntil".to_owned(), json!({ "N": "0" }));
            }
        }
    }

    /// The answer to one request: status and body.
    pub(crate) fn answer(&self, target: &str, request: &Value) -> (u16, Value) {
        let mut state = self.state();
        let failing = state.trouble.as_mut().and_then(Trouble::strikes);
        if failing == Some(false) {
            return failure();
        }
        let answer = state.work(target, request);
        if failing == Some(true) { failure() } else { answer }
    }
}

impl Trouble {
    /// Whether this call fails, and if so, whether it is done.
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

fn refused(old: Option<&Item>) -> (u16, Value) {
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
    fn work(&mut self, target: &str, request: &Value) -> (u16, Value) {
        let terms = Terms {
            names: &request["ExpressionAttributeNames"],
            values: &request["ExpressionAttributeValues"],
        };
        let given = &request[if target == "PutItem" { "Item" } else { "Key" }];
        let given = given.as_object().unwrap_or_else(|| panic!("not imitated: {target}")).clone();
        let key = key(&given);
        let old = self.items.get(&key);
        if let Some(condition) = request["ConditionExpression"].as_str() {
            let none = Item::new();
            if !terms.hold(condition, old.unwrap_or(&none)) {
                let wanted = request["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD";
                return refused(old.filter(|_| wanted));
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
                let answer = if all_new { json!({ "Attributes": item }) } else { json!({}) };
                self.items.insert(key, item);
                (200, answer)
            }
            _ => panic!("not imitated: {target}"),
        }
    }
}
