//! API keys of the event files in `events/`. They are constant, so that the events work with every local stack, and
//! valid only there.

use std::time::Duration;

use serde_json::{Map, Value, json};
use shared::access::ApiKey;
use shared::aws::table::{Item, keys};

use crate::Error;
use crate::about::About;
use crate::http;

/// Keys and their accounts: one with data for every endpoint, and one without a subscription, for checkout.
const KEYS: [(&str, &str); 2] = [
    ("sk_test_TheLocalStacksKeyForSamsEvents002nqnB7", "metered"),
    ("sk_test_TheLocalStacksKeyOfAFreshAccount3S6wPB", "fresh"),
];

const LIMIT: Duration = Duration::from_secs(10);

/// Creates the keys as copies of the accounts' admin keys.
pub(crate) async fn create_event_keys(about: &About) -> Result<(), Error> {
    for (key, account) in KEYS {
        let admin = about.account(account).map_or("", |account| account.keys.admin.as_str());
        let own = json!({ "TableName": about.table, "Key": place(admin)? });
        let mut item = call(about, "DynamoDB_20120810.GetItem", &own).await?["Item"].take();
        for (name, value) in place(key)? {
            item[name] = value;
        }
        let copy = json!({ "TableName": about.table, "Item": item });
        call(about, "DynamoDB_20120810.PutItem", &copy).await?;
    }
    Ok(())
}

/// Returns the key attributes of an API key's item.
fn place(key: &str) -> Result<Map<String, Value>, Error> {
    let key = ApiKey::parse(key).map_err(|error| failed(error.to_string()))?;
    Ok(attributes(&keys::key(key.hash().as_str())))
}

/// Returns `pk` and `sk` in DynamoDB's JSON.
fn attributes(item: &Item) -> Map<String, Value> {
    let text = |(name, value): (&String, _)| (name.clone(), json!({ "S": value }));
    let texts = item.iter().filter_map(|(name, value)| Some((name, value.as_s().ok()?)));
    texts.map(text).collect()
}

async fn call(about: &About, target: &str, body: &Value) -> Result<Value, Error> {
    // moto takes the service from the credential and checks nothing else.
    let credential = "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0";
    let headers = [
        ("x-amz-target", target),
        ("content-type", "application/x-amz-json-1.0"),
        ("authorization", credential),
    ];
    let url = format!("{}/", about.aws_url);
    let response = http::send("POST", &url, &headers, &body.to_string(), LIMIT).await;
    match response.map_err(failed)? {
        response if response.status == 200 => Ok(response.json()),
        response => Err(failed(format!("{target} responded with {}", response.status))),
    }
}

fn failed(reason: String) -> Error {
    Error::Seed { account: KEYS[0].1, step: "creating the event files' keys".to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::functions::FUNCTIONS;

    #[test]
    fn every_event_has_a_key_of_the_stack_and_its_functions_sample_body() {
        let mut idempotency_keys = std::collections::BTreeSet::new();
        for function in FUNCTIONS {
            let (key, _) = KEYS[usize::from(function.name == "checkout-session")];
            ApiKey::parse(key).expect("a valid checksum");
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
            let path = root.join(format!("events/{}.json", function.name));
            let text = std::fs::read_to_string(&path).expect("an event");
            let event: Value = serde_json::from_str(&text).expect("JSON");
            let bearer = format!("Bearer {key}");
            assert_eq!(event["headers"]["authorization"], bearer, "{}", function.name);
            assert_eq!(event["body"].as_str(), function.sample, "{}", function.name);
            if let Some(key) = event["headers"]["idempotency-key"].as_str() {
                assert!(idempotency_keys.insert(key.to_owned()), "{}", function.name);
            }
        }
    }
}
