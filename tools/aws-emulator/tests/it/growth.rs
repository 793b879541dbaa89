//! Response times of a table with many accounts, compared with those of one with few.

use std::time::{Duration, Instant};

use aws_emulator::{Config, Running, start};
use serde_json::{Value, json};

use crate::http::send;

const TABLE: &str = "billing";

/// Measured requests of each kind.
const ROUNDS: usize = 100;

/// Largest accepted ratio of the medians in percent. The machine's other load varies them by less.
const LIMIT: u128 = 300;

fn put(pk: &str, sk: &str) -> Value {
    let item = json!({ "pk": { "S": pk }, "sk": { "S": sk }, "name": { "S": "x".repeat(100) } });
    json!({ "TableName": TABLE, "Item": item })
}

/// Starts an emulator whose table has accounts with three API keys each.
fn with_accounts(count: usize) -> Running {
    let emulator = start(Config::default()).expect("a free port");
    emulator.dynamodb.create_table(TABLE).expect("a new table");
    for account in 0..count {
        let pk = format!("ACCOUNT#{account}");
        let mut items = vec![put(&pk, "ACCOUNT"), put(&format!("HANDLE#{account}"), "HANDLE")];
        for key in 0..3 {
            items.push(put(&pk, &format!("KEY#{key}")));
            items.push(put(&format!("KEY#{account}-{key}"), "KEY"));
        }
        for item in items {
            assert_eq!(emulator.dynamodb.call("PutItem", &item).status, 200);
        }
    }
    emulator
}

/// Returns the requests of a round: a read, a query, a claim, an update and a transaction.
fn requests(round: usize) -> [(&'static str, Value); 5] {
    let key = json!({ "pk": { "S": "ACCOUNT#7" }, "sk": { "S": "ACCOUNT" } });
    let mut claim = put(&format!("IDEMPOTENCY#{round}"), "IDEMPOTENCY");
    claim["ConditionExpression"] = json!("attribute_not_exists(pk)");
    let write = json!({ "Put": put(&format!("KEY#new-{round}"), "KEY") });
    let check = json!({ "ConditionCheck": {
        "TableName": TABLE, "Key": key, "ConditionExpression": "attribute_exists(pk)",
    } });
    [
        ("GetItem", json!({ "TableName": TABLE, "Key": key })),
        (
            "Query",
            json!({
                "TableName": TABLE, "KeyConditionExpression": "pk = :pk AND begins_with(sk, :key)",
                "ExpressionAttributeValues": { ":pk": { "S": "ACCOUNT#7" }, ":key": { "S": "KEY#" } },
            }),
        ),
        ("PutItem", claim),
        (
            "UpdateItem",
            json!({
                "TableName": TABLE, "Key": key, "UpdateExpression": "SET used = :day",
                "ExpressionAttributeValues": { ":day": { "S": round.to_string() } },
            }),
        ),
        ("TransactWriteItems", json!({ "TransactItems": [write, check] })),
    ]
}

fn median(times: &mut [Duration]) -> u128 {
    times.sort();
    times[times.len() / 2].as_nanos()
}

#[test]
fn two_thousand_accounts_are_as_fast_as_twenty() {
    let emulators = [with_accounts(20), with_accounts(2_000)];
    let mut times = vec![[Vec::new(), Vec::new()]; requests(0).len()];
    for round in 0..ROUNDS {
        for (index, emulator) in emulators.iter().enumerate() {
            for ((operation, request), times) in requests(round).iter().zip(&mut times) {
                let start = Instant::now();
                let target = format!("DynamoDB_20120810.{operation}");
                let (status, body) = send(&emulator.url, &target, &request.to_string());
                times[index].push(start.elapsed());
                assert_eq!(status, 200, "{operation}: {body}");
            }
        }
    }
    for ((operation, _), [few, many]) in requests(0).iter().zip(&mut times) {
        let percent = median(many) * 100 / median(few);
        println!("{operation}: {percent} %");
        assert!(percent < LIMIT, "{operation} takes {percent} % of the time with 20 accounts");
    }
}
