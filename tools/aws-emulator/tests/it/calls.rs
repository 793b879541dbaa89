//! Responses to the calls that the functions and `billingctl` make.

use aws_emulator::{DynamoDb, Response};
use serde_json::{Value, json};

const TABLE: &str = "billing";

fn dynamodb() -> DynamoDb {
    let dynamodb = DynamoDb::memory().expect("a database");
    dynamodb.create_table(TABLE).expect("a new table");
    dynamodb
}

/// Executes a call on the table and returns status and body.
fn call(dynamodb: &DynamoDb, operation: &str, mut request: Value) -> (u16, Value) {
    if operation != "TransactWriteItems" {
        request["TableName"] = json!(TABLE);
    }
    let Response { status, body } = dynamodb.call(operation, &request);
    (status, serde_json::from_str(&body).expect("JSON"))
}

fn key(pk: &str, sk: &str) -> Value {
    json!({ "pk": { "S": pk }, "sk": { "S": sk } })
}

/// Returns an item with its key and these attributes.
fn item(pk: &str, sk: &str, attributes: &Value) -> Value {
    let mut item = key(pk, sk);
    for (name, value) in attributes.as_object().expect("attributes") {
        item[name] = value.clone();
    }
    item
}

fn refused(kind: &str, message: &str) -> (u16, Value) {
    let prefix = if kind == "ValidationException" {
        "com.amazon.coral.validate"
    } else {
        "com.amazonaws.dynamodb.v20120810"
    };
    (400, json!({ "__type": format!("{prefix}#{kind}"), "message": message }))
}

#[test]
fn conditional_put_returns_the_old_item_on_request() {
    let dynamodb = dynamodb();
    let old = item("a", "b", &json!({ "until": { "N": "5" } }));
    assert_eq!(call(&dynamodb, "PutItem", json!({ "Item": old })), (200, json!({})));
    let claim = |more: Value| {
        let mut put = json!({
            "Item": key("a", "b"),
            "ConditionExpression": "attribute_not_exists(pk) OR #until < :now",
            "ExpressionAttributeNames": { "#until": "until" },
            "ExpressionAttributeValues": { ":now": { "N": "5" } },
        });
        for (name, value) in more.as_object().expect("members") {
            put[name] = value.clone();
        }
        call(&dynamodb, "PutItem", put)
    };
    let failed = refused("ConditionalCheckFailedException", "The conditional request failed");
    assert_eq!(claim(json!({})), failed);
    let (status, mut body) = failed;
    body["Item"] = old.clone();
    let returned = claim(json!({ "ReturnValuesOnConditionCheckFailure": "ALL_OLD" }));
    assert_eq!(returned, (status, body));
    let kept = call(&dynamodb, "GetItem", json!({ "Key": key("a", "b") }));
    assert_eq!(kept, (200, json!({ "Item": old })));
    let later = json!({ "ExpressionAttributeValues": { ":now": { "N": "6" } } });
    assert_eq!(claim(later), (200, json!({})));
}

#[test]
fn update_sets_adds_and_removes_attributes() {
    let dynamodb = dynamodb();
    let put = item(
        "a",
        "b",
        &json!({ "n": { "N": "5" }, "gone": { "S": "x" }, "tags": { "SS": ["a"] } }),
    );
    call(&dynamodb, "PutItem", json!({ "Item": put }));
    // expression, values, attributes after it
    let rows = [
        ("SET one = :v", json!({ ":v": { "S": "1" } }), json!({ "one": { "S": "1" } })),
        (
            "SET one = if_not_exists(one, :v), two = if_not_exists(two, :v)",
            json!({ ":v": { "S": "2" } }),
            json!({ "two": { "S": "2" } }),
        ),
        ("ADD n :v", json!({ ":v": { "N": "-7" } }), json!({ "n": { "N": "-2" } })),
        ("ADD m :v", json!({ ":v": { "N": "3" } }), json!({ "m": { "N": "3" } })),
        ("ADD tags :v", json!({ ":v": { "SS": ["b"] } }), json!({ "tags": { "SS": ["a", "b"] } })),
        ("REMOVE gone, absent", Value::Null, json!({ "gone": null })),
        (
            "SET two = :v REMOVE one",
            json!({ ":v": { "S": "3" } }),
            json!({ "two": { "S": "3" }, "one": null }),
        ),
    ];
    let mut expected = put;
    for (expression, values, changes) in rows {
        for (name, value) in changes.as_object().expect("attributes") {
            match value {
                Value::Null => drop(expected.as_object_mut().expect("an item").remove(name)),
                value => expected[name] = value.clone(),
            }
        }
        let mut update = json!({
            "Key": key("a", "b"), "UpdateExpression": expression, "ReturnValues": "ALL_NEW",
        });
        if !values.is_null() {
            update["ExpressionAttributeValues"] = values;
        }
        let updated = call(&dynamodb, "UpdateItem", update);
        assert_eq!(updated, (200, json!({ "Attributes": expected })), "{expression}");
    }
}

#[test]
fn transaction_writes_all_items_or_none() {
    let dynamodb = dynamodb();
    let put = |pk: &str| {
        json!({ "Put": {
            "TableName": TABLE, "Item": key(pk, "x"),
            "ConditionExpression": "attribute_not_exists(pk)",
        } })
    };
    let check = json!({ "ConditionCheck": {
        "TableName": TABLE, "Key": key("account", "x"),
        "ConditionExpression": "attribute_exists(pk)",
    } });
    let items = json!({ "TransactItems": [put("a"), check, put("b")] });
    let failed = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed, None]",
        "CancellationReasons": [
            { "Code": "None" },
            { "Code": "ConditionalCheckFailed", "Message": "The conditional request failed" },
            { "Code": "None" },
        ],
    });
    assert_eq!(call(&dynamodb, "TransactWriteItems", items.clone()), (400, failed));
    let empty = (200, json!({ "Count": 0, "ScannedCount": 0, "Items": [] }));
    assert_eq!(call(&dynamodb, "Scan", json!({})), empty);

    call(&dynamodb, "PutItem", json!({ "Item": key("account", "x") }));
    assert_eq!(call(&dynamodb, "TransactWriteItems", items), (200, json!({})));
    let delete = json!({ "TransactItems": [{ "Delete": {
        "TableName": TABLE, "Key": key("a", "x"), "ConditionExpression": "attribute_exists(pk)",
    } }] });
    assert_eq!(call(&dynamodb, "TransactWriteItems", delete), (200, json!({})));
    let (_, left) = call(&dynamodb, "Scan", json!({ "FilterExpression": "attribute_exists(pk)" }));
    assert_eq!((&left["Count"], &left["ScannedCount"]), (&json!(2), &json!(2)));
}

#[test]
fn query_returns_the_items_with_a_prefix_in_order() {
    let dynamodb = dynamodb();
    for (pk, sk) in [("a", "KEY#2"), ("a", "KEY#1"), ("a", "ACCOUNT"), ("b", "KEY#3")] {
        call(&dynamodb, "PutItem", json!({ "Item": key(pk, sk) }));
    }
    let query = json!({
        "KeyConditionExpression": "pk = :pk AND begins_with(sk, :key)",
        "ExpressionAttributeValues": { ":pk": { "S": "a" }, ":key": { "S": "KEY#" } },
    });
    let items = [key("a", "KEY#1"), key("a", "KEY#2")];
    let expected = json!({ "Count": 2, "ScannedCount": 2, "Items": items });
    assert_eq!(call(&dynamodb, "Query", query), (200, expected));
}

#[test]
fn point_in_time_recovery_is_off_until_it_is_turned_on() {
    let dynamodb = dynamodb();
    let describe = || call(&dynamodb, "DescribeContinuousBackups", json!({}));
    let expected = |status: &str| {
        let recovery = json!({ "PointInTimeRecoveryStatus": status });
        (
            200,
            json!({ "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": recovery,
        } }),
        )
    };
    assert_eq!(describe(), expected("DISABLED"));
    for (is_on, status) in [(true, "ENABLED"), (true, "ENABLED"), (false, "DISABLED")] {
        let specification = json!({ "PointInTimeRecoveryEnabled": is_on });
        let update = json!({ "PointInTimeRecoverySpecification": specification });
        let updated = call(&dynamodb, "UpdateContinuousBackups", update);
        assert_eq!((&updated, describe()), (&expected(status), expected(status)));
    }
    let missing = json!({ "TableName": "missing" });
    let Response { status, body } = dynamodb.call("DescribeContinuousBackups", &missing);
    assert!(status == 400 && body.contains("ResourceNotFoundException"), "{body}");
}

#[test]
fn ttl_and_deletion_protection_are_settings_of_the_table() {
    let dynamodb = dynamodb();
    let ttl = json!({ "TimeToLiveSpecification": { "Enabled": true, "AttributeName": "ttl" } });
    let (status, _) = call(&dynamodb, "UpdateTimeToLive", ttl);
    let (_, described) = call(&dynamodb, "DescribeTimeToLive", json!({}));
    let expected = json!({ "TimeToLiveDescription": {
        "AttributeName": "ttl", "TimeToLiveStatus": "ENABLED",
    } });
    assert_eq!((status, described), (200, expected));
    let (status, _) = call(&dynamodb, "UpdateTable", json!({ "DeletionProtectionEnabled": true }));
    let (_, described) = call(&dynamodb, "DescribeTable", json!({}));
    let protection = &described["Table"]["DeletionProtectionEnabled"];
    assert_eq!((status, protection), (200, &json!(true)));
    assert_eq!(call(&dynamodb, "DeleteTable", json!({})).0, 400);
}

#[test]
fn unknown_operation_and_malformed_request_are_refused() {
    let dynamodb = dynamodb();
    let Response { status, body } = dynamodb.execute("Teleport", b"{}");
    assert!(status == 501 && body.contains("Teleport"), "{body}");
    let Response { status, body } = dynamodb.execute("GetItem", b"not JSON");
    assert!(status == 400 && body.contains("ValidationException"), "{body}");
    let key = json!({ "Key": { "pk": { "S": "a" } } });
    let expected =
        refused("ValidationException", "The provided key element does not match the schema");
    assert_eq!(call(&dynamodb, "GetItem", key), expected);
}
