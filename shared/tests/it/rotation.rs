//! What functions write down of a key's use, and how a rotation of the pepper goes by unnoticed.

use std::time::Duration;

use lambda_http::http::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use shared::auth::{ApiKey, Authenticator, Mode, generate};
use shared::respond::Timestamp;
use shared::secrets::{Pepper, Peppers, Previous, Secrets};
use shared::store::{Account, Item, KeyRecord, Store, keys};
use shared::{ApiError, Caller, Scope};
use tokio::time::Instant;

use crate::moto::{Moto, TABLE};

/// A process of a function.
struct Process {
    auth: Authenticator,
    secrets: Secrets,
}

impl Process {
    /// Its pepper is read at once, as at a cold start.
    async fn start(moto: &Moto) -> Self {
        let manager = aws_sdk_secretsmanager::Client::new(&moto.config);
        let secrets = Secrets::new(manager, "stripe".to_owned(), "pepper".to_owned())
            .look_again_after(Duration::ZERO);
        secrets.peppers().await.unwrap();
        let auth = Authenticator::new(Store::new(moto.client.clone(), TABLE.to_owned()));
        Self { auth, secrets }
    }

    async fn ask(&self, key: &SecretString) -> Result<Caller, ApiError> {
        let mut headers = HeaderMap::new();
        let bearer = format!("Bearer {}", key.expose_secret());
        headers.insert("authorization", HeaderValue::from_str(&bearer).unwrap());
        let outcome = self.auth.authenticate(&headers, Scope::Read, &self.secrets).await;
        self.auth.aside().settle(Instant::now() + Duration::from_secs(5)).await;
        outcome
    }
}

async fn put_secret(moto: &Moto, id: &str, text: &str) {
    let manager = aws_sdk_secretsmanager::Client::new(&moto.config);
    if manager.create_secret().name(id).secret_string(text).send().await.is_err() {
        manager.put_secret_value().secret_id(id).secret_string(text).send().await.unwrap();
    }
}

async fn put_peppers(moto: &Moto, peppers: &Peppers) {
    put_secret(moto, "pepper", peppers.to_secret().expose_secret()).await;
}

async fn put(moto: &Moto, key: Item, attributes: Item) {
    let item = key.into_iter().chain(attributes).collect();
    moto.client.put_item().table_name(TABLE).set_item(Some(item)).send().await.unwrap();
}

/// A world with an account and the pepper `old`.
async fn world(old: &Pepper) -> Moto {
    let moto = Moto::start().await;
    put_secret(&moto, "stripe", r#"{"secretKey":"rk_test_1"}"#).await;
    put_peppers(&moto, &Peppers { current: old.clone(), previous: None }).await;
    let account = Account {
        id: "acc_1".to_owned(),
        handle: "acme".to_owned(),
        parent: None,
        customer: Some("cus_1".to_owned()),
        created_at: Timestamp::now(),
    };
    put(&moto, keys::account("acc_1"), account.to_item()).await;
    moto
}

fn hash(key: &SecretString, pepper: &Pepper) -> String {
    ApiKey::parse_secret(key).unwrap().hash(pepper).to_string()
}

/// A key that is stored under `pepper`.
async fn new_key(moto: &Moto, pepper: &Pepper) -> SecretString {
    let key = generate(Mode::Test).unwrap();
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
        pepper: Some(pepper.id()),
        rehashed: None,
    };
    put(moto, keys::key(&hash(&key, pepper)), record.to_item()).await;
    key
}

async fn record(moto: &Moto, hash: &str) -> Option<KeyRecord> {
    let get = moto.client.get_item().table_name(TABLE).set_key(Some(keys::key(hash)));
    let item = get.consistent_read(true).send().await.unwrap().item?;
    Some(KeyRecord::from_item(&item).unwrap())
}

fn rotated(old: &Pepper, new: &Pepper) -> Peppers {
    let since = Timestamp::try_from(Timestamp::now().seconds() - 60).unwrap();
    let previous = Previous { pepper: old.clone(), since, until: None };
    Peppers { current: new.clone(), previous: Some(previous) }
}

#[tokio::test]
async fn that_a_key_was_used_is_written_once_a_day_and_process() {
    let pepper = Pepper::random().unwrap();
    let moto = world(&pepper).await;
    let key = new_key(&moto, &pepper).await;
    let (hash, today) = (hash(&key, &pepper), Timestamp::now().day().to_string());
    let process = Process::start(&moto).await;
    process.ask(&key).await.unwrap();
    let before = record(&moto, &hash).await.unwrap();
    assert_eq!(before.last_used_on.as_deref(), Some(today.as_str()));
    assert_eq!(before.rehashed, None);

    let long_ago = KeyRecord { last_used_on: Some("2000-01-01".to_owned()), ..before };
    put(&moto, keys::key(&hash), long_ago.to_item()).await;
    process.ask(&key).await.unwrap();
    assert_eq!(record(&moto, &hash).await.as_ref(), Some(&long_ago), "it remembers");
    Process::start(&moto).await.ask(&key).await.unwrap();
    let again = record(&moto, &hash).await.unwrap();
    assert_eq!(again.last_used_on.as_deref(), Some(today.as_str()));
}

#[tokio::test]
async fn a_use_makes_no_record_and_turns_no_day_back() {
    let pepper = Pepper::random().unwrap();
    let moto = world(&pepper).await;
    let store = Store::new(moto.client.clone(), TABLE.to_owned());
    let gone = generate(Mode::Test).unwrap();
    let stored = ApiKey::parse_secret(&gone).unwrap().hash(&pepper);
    store.note_use(&stored, "2026-06-28", None).await.unwrap();
    store.note_use(&stored, "2026-06-28", Some(&stored)).await.unwrap();
    assert_eq!(record(&moto, &stored.to_string()).await, None);

    let key = new_key(&moto, &pepper).await;
    let stored = ApiKey::parse_secret(&key).unwrap().hash(&pepper);
    for day in ["2026-06-28", "2026-06-27", "2026-06-28"] {
        store.note_use(&stored, day, None).await.unwrap();
        let noted = record(&moto, &stored.to_string()).await.unwrap().last_used_on;
        assert_eq!(noted.as_deref(), Some("2026-06-28"), "{day}");
    }
}

#[tokio::test]
async fn no_process_fails_a_key_at_any_point_of_a_rotation() {
    let (old, new) = (Pepper::random().unwrap(), Pepper::random().unwrap());
    let moto = world(&old).await;
    let first = new_key(&moto, &old).await;
    let unaware = Process::start(&moto).await;
    let idle = Process::start(&moto).await;
    put_peppers(&moto, &rotated(&old, &new)).await;
    let aware = Process::start(&moto).await;

    // A key under the old pepper, in those who know of the rotation and in those who do not.
    unaware.ask(&first).await.unwrap();
    assert_eq!(record(&moto, &hash(&first, &old)).await.unwrap().rehashed, None);
    aware.ask(&first).await.unwrap();
    let noted = record(&moto, &hash(&first, &old)).await.unwrap();
    assert_eq!(noted.rehashed.as_ref(), Some(&hash(&first, &new)));

    // One that was made under the new pepper makes a process look again, and then re-hash.
    let second = new_key(&moto, &new).await;
    for process in [&aware, &unaware] {
        process.ask(&second).await.unwrap();
    }
    assert_eq!(record(&moto, &hash(&second, &new)).await.unwrap().rehashed, None);

    // The record is moved, as the operator does in the end: found by who has just learnt of it too.
    let moved = KeyRecord { rehashed: None, pepper: Some(new.id()), ..noted };
    put(&moto, keys::key(&hash(&first, &new)), moved.to_item()).await;
    let delete = moto.client.delete_item().table_name(TABLE);
    delete.set_key(Some(keys::key(&hash(&first, &old)))).send().await.unwrap();
    for process in [&aware, &unaware, &idle, &Process::start(&moto).await] {
        process.ask(&first).await.unwrap();
    }
    // And once the old pepper is gone.
    put_peppers(&moto, &Peppers { current: new, previous: None }).await;
    for process in [&aware, &unaware, &idle, &Process::start(&moto).await] {
        process.ask(&first).await.unwrap();
        process.ask(&second).await.unwrap();
    }
}

#[tokio::test]
async fn a_key_under_a_pepper_that_is_no_longer_honoured_is_as_good_as_none() {
    let (old, new) = (Pepper::random().unwrap(), Pepper::random().unwrap());
    let moto = world(&old).await;
    let key = new_key(&moto, &old).await;
    let mut peppers = rotated(&old, &new);
    peppers.previous.as_mut().unwrap().until = Some(Timestamp::now());
    put_peppers(&moto, &peppers).await;
    let error = Process::start(&moto).await.ask(&key).await.unwrap_err();
    assert!(matches!(error, ApiError::Unauthenticated));
}

#[tokio::test]
async fn a_hash_that_is_not_the_keys_own_is_written_anew() {
    let (old, new) = (Pepper::random().unwrap(), Pepper::random().unwrap());
    let moto = world(&old).await;
    let key = new_key(&moto, &old).await;
    let stored = hash(&key, &old);
    let forged = KeyRecord {
        rehashed: Some(hash(&generate(Mode::Test).unwrap(), &new)),
        ..record(&moto, &stored).await.unwrap()
    };
    put(&moto, keys::key(&stored), forged.to_item()).await;
    put_peppers(&moto, &rotated(&old, &new)).await;
    Process::start(&moto).await.ask(&key).await.unwrap();
    assert_eq!(record(&moto, &stored).await.unwrap().rehashed, Some(hash(&key, &new)));
}
