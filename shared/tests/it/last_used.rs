//! The last use of a key, against the AWS emulator.

use lambda_http::http::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use shared::access::{Authenticator, generate};
use shared::aws::secrets::{StripeKeys, StripeSecret};
use shared::aws::table::{Account, Item, KeyRecord, Table, keys};
use shared::values::{KeyHash, Mode, Scope, Timestamp};

use crate::table::{DynamoDb, TABLE};

fn table(dynamodb: &DynamoDb) -> Table {
    Table::new(dynamodb.client.clone(), TABLE.to_owned())
}

/// Authenticates with the key in a new process.
async fn use_key(process: &Authenticator, key: &SecretString) {
    let stripe = StripeKeys::new("rk_test_1".into(), None).unwrap();
    let stripe = StripeSecret::given(stripe, "the test");
    let mut headers = HeaderMap::new();
    let bearer = format!("Bearer {}", key.expose_secret());
    headers.insert("authorization", HeaderValue::from_str(&bearer).unwrap());
    let (_, key_use) = process.authenticate(&headers, Scope::Read, &stripe).await.unwrap();
    process.record_use(key_use).await;
}

async fn put(dynamodb: &DynamoDb, key: Item, attributes: Item) {
    let item = key.into_iter().chain(attributes).collect();
    dynamodb.client.put_item().table_name(TABLE).set_item(Some(item)).send().await.unwrap();
}

/// Stores an account with a new key, and returns the key and its hash.
async fn seed(dynamodb: &DynamoDb) -> (SecretString, KeyHash) {
    let key = generate(Mode::Test).unwrap();
    let hash = KeyHash::of(key.expose_secret());
    let account = Account {
        id: "acc_1".to_owned(),
        handle: "acme".to_owned(),
        parent: None,
        customer: Some("cus_1".to_owned()),
        created_at: Timestamp::now(),
    };
    let record = KeyRecord {
        id: "key_1".to_owned(),
        account: "acc_1".to_owned(),
        scope: Scope::Read,
        name: "ci".to_owned(),
        prefix: "sk_test_Ab12".to_owned(),
        created_at: Timestamp::now(),
        expires_at: None,
        revoked_at: None,
        last_used_on: None,
    };
    put(dynamodb, keys::account("acc_1"), account.to_item()).await;
    put(dynamodb, keys::key(hash.as_str()), record.to_item()).await;
    (key, hash)
}

#[tokio::test]
async fn use_is_written_once_a_day_and_process() {
    let dynamodb = DynamoDb::start();
    let (key, hash) = seed(&dynamodb).await;
    let today = Timestamp::now().date().to_string();
    let process = Authenticator::new(table(&dynamodb));
    use_key(&process, &key).await;
    let record = table(&dynamodb).key(&hash).await.unwrap().unwrap();
    assert_eq!(record.last_used_on.as_deref(), Some(today.as_str()));

    let outdated = KeyRecord { last_used_on: Some("2000-01-01".to_owned()), ..record };
    put(&dynamodb, keys::key(hash.as_str()), outdated.to_item()).await;
    use_key(&process, &key).await;
    assert_eq!(table(&dynamodb).key(&hash).await.unwrap().as_ref(), Some(&outdated));
    use_key(&Authenticator::new(table(&dynamodb)), &key).await;
    let record = table(&dynamodb).key(&hash).await.unwrap().unwrap();
    assert_eq!(record.last_used_on.as_deref(), Some(today.as_str()));
}

#[tokio::test]
async fn use_creates_no_record_and_never_goes_back_a_day() {
    let dynamodb = DynamoDb::start();
    let (_, hash) = seed(&dynamodb).await;
    let table = table(&dynamodb);
    let unknown = KeyHash::of("unknown");
    table.record_key_use(&unknown, "2026-06-28").await.unwrap();
    assert_eq!(table.key(&unknown).await.unwrap(), None);
    for day in ["2026-06-28", "2026-06-27", "2026-06-28"] {
        table.record_key_use(&hash, day).await.unwrap();
        let last = table.key(&hash).await.unwrap().unwrap().last_used_on;
        assert_eq!(last.as_deref(), Some("2026-06-28"), "{day}");
    }
}
