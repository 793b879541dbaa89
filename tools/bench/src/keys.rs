//! Many API keys in the table: copies of a key under other hashes.

use aws_emulator::{DynamoDb, Response};
use serde_json::{Value, json};
use shared::values::KeyHash;

use crate::error::{Error, Result};

/// Most items of a `BatchWriteItem`.
const BATCH: u64 = 25;

/// Keys of the table.
pub struct Keys<'a> {
    dynamodb: &'a DynamoDb,
    table: &'a str,
    /// Item of a key, which is copied.
    pattern: Value,
    size: u64,
}

impl<'a> Keys<'a> {
    /// Counts the keys of the table.
    pub fn new(dynamodb: &'a DynamoDb, table: &'a str) -> Result<Self> {
        let keys = json!({
            "TableName": table, "FilterExpression": "begins_with(pk, :key)",
            "ExpressionAttributeValues": { ":key": { "S": "KEY#" } },
        });
        let mut found = call(dynamodb, "Scan", &keys)?;
        let size = found["Count"].as_u64().unwrap_or_default();
        match found["Items"].get_mut(0).map(Value::take) {
            None => Error::wrong("the table has no key"),
            Some(pattern) => Ok(Self { dynamodb, table, pattern, size }),
        }
    }

    /// Adds keys until the table has `count`, and returns the number of keys.
    pub fn fill(&mut self, count: u64) -> Result<u64> {
        while self.size < count {
            let end = count.min(self.size + BATCH);
            let puts: Vec<Value> = (self.size..end).map(|number| self.put(number)).collect();
            let request = json!({ "RequestItems": { (self.table): puts } });
            call(self.dynamodb, "BatchWriteItem", &request)?;
            self.size = end;
        }
        Ok(self.size)
    }

    fn put(&self, number: u64) -> Value {
        let hash = KeyHash::of(&number.to_string());
        let mut item = self.pattern.clone();
        item["pk"] = json!({ "S": format!("KEY#{}", hash.as_str()) });
        json!({ "PutRequest": { "Item": item } })
    }
}

/// Calls DynamoDB and returns the response's body.
pub fn call(dynamodb: &DynamoDb, operation: &str, request: &Value) -> Result<Value> {
    let Response { status, body } = dynamodb.call(operation, request);
    if status == 200 {
        Ok(serde_json::from_str(&body).unwrap_or_default())
    } else {
        Error::wrong(format!("{operation}: {body}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_filled_with_copies_of_a_key() {
        let dynamodb = DynamoDb::memory().expect("a database");
        dynamodb.create_table("keys").expect("a new table");
        assert!(Keys::new(&dynamodb, "keys").is_err());
        for (pk, scope) in [("KEY#a", "read"), ("ACCOUNT#a", "none")] {
            let item = json!({ "pk": { "S": pk }, "sk": { "S": "KEY" }, "scope": { "S": scope } });
            let put = json!({ "TableName": "keys", "Item": item });
            call(&dynamodb, "PutItem", &put).expect("written");
        }
        let mut keys = Keys::new(&dynamodb, "keys").expect("a key");
        for (count, size) in [(1, 1), (60, 60), (10, 60)] {
            assert_eq!(keys.fill(count).expect("written"), size);
        }
        let all = call(&dynamodb, "Scan", &json!({ "TableName": "keys" })).expect("items");
        let items = all["Items"].as_array().expect("items");
        assert_eq!(items.len(), 61);
        assert_eq!(items.iter().filter(|item| item["scope"]["S"] == "read").count(), 60);
    }
}
