//! Compares the table in memory with moto: runs the functions' operations on both and compares their results.

#![allow(clippy::unwrap_used, reason = "the modules shared with other tests fail by panicking")]

#[path = "../../../../shared/tests/it/moto.rs"]
#[expect(dead_code, reason = "this test uses only a part of the module")]
mod moto;
#[path = "../../../../shared/tests/it/server.rs"]
#[expect(dead_code, reason = "this test uses only the clients' settings")]
mod server;

use std::fmt::Debug;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use model::World;
use shared::api::idempotency::{Claim, Operation};
use shared::aws::table::{Account, Item, KeyRecord, Table, keys};
use shared::values::{Attribution, KeyHash, Scope, Timestamp};
use shared::{ApiError, Reply};

use crate::moto::{Moto, TABLE};

const FAR: i64 = 4_102_444_800_000;

/// Results of the operations in order.
#[derive(Default)]
struct Transcript(Vec<String>);

impl Transcript {
    fn note(&mut self, operation: &str, result: &impl Debug) {
        self.0.push(format!("{operation}: {result:?}"));
    }
}

fn hash() -> KeyHash {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    KeyHash::of(&NUMBER.fetch_add(1, Ordering::Relaxed).to_string())
}

async fn put(client: &Client, key: Item, item: Item) {
    let item: Item = key.into_iter().chain(item).collect();
    client.put_item().table_name(TABLE).set_item(Some(item)).send().await.expect("put");
}

async fn seed(client: &Client, hash: &KeyHash) {
    let zero = Timestamp::try_from(0).expect("a moment");
    let key = KeyRecord {
        id: "key_1".to_owned(),
        account: "acc_1".to_owned(),
        scope: Scope::Admin,
        name: "n".to_owned(),
        prefix: "sk".to_owned(),
        created_at: zero,
        expires_at: None,
        revoked_at: None,
        last_used_on: None,
    };
    let account = Account {
        id: "acc_1".to_owned(),
        handle: "one".to_owned(),
        parent: None,
        customer: None,
        created_at: zero,
    };
    put(client, keys::key(hash.as_str()), key.to_item()).await;
    put(client, keys::account("acc_1"), account.to_item()).await;
    let leads = Item::from([("account".to_owned(), AttributeValue::S("acc_1".to_owned()))]);
    put(client, keys::handle("one"), leads).await;
}

async fn accounts(client: &Client, transcript: &mut Transcript, hash: &KeyHash) {
    let store = Table::new(client.clone(), TABLE.to_owned());
    for account in ["acc_1", "acc_2"] {
        transcript.note("account", &store.account(account).await.expect("read"));
    }
    for handle in ["one", "two"] {
        transcript.note("handle", &store.handle(handle).await.expect("read"));
    }
    for request in ["req-1", "req-2"] {
        for account in ["acc_1", "acc_2"] {
            let first = store.first_customer_attribution(&attribution(account, request)).await;
            transcript.note("first", &first.map_err(drop));
        }
    }
    for customer in ["cus_1", "cus_2"] {
        for account in ["acc_1", "acc_2"] {
            let kept = store.remember_customer(account, customer).await;
            transcript.note("customer", &kept.map_err(drop));
        }
    }
    transcript.note("account", &store.account("acc_1").await.expect("read"));
    let unknown = self::hash();
    for day in ["2026-06-28", "2026-06-27", "2026-06-29", "2026-06-29"] {
        transcript.note("use", &store.record_key_use(hash, day).await.map_err(drop));
        transcript.note("use of none", &store.record_key_use(&unknown, day).await.map_err(drop));
        transcript.note("key", &store.key(hash).await.expect("read"));
        transcript.note("no key", &store.key(&unknown).await.expect("read"));
    }
}

fn attribution(account: &str, request_id: &str) -> Attribution {
    Attribution {
        account: account.to_owned(),
        request_id: request_id.to_owned(),
        key_id: "key_1".to_owned(),
    }
}

async fn records(client: &Client, transcript: &mut Transcript) {
    let table = Table::new(client.clone(), TABLE.to_owned());
    let work = [
        // idempotency key, fingerprint of the body, end of the lease, outcome of the handler
        ("a", "x", FAR, Some(Ok(()))),
        ("a", "x", FAR, Some(Ok(()))),
        ("a", "y", FAR, Some(Ok(()))),
        ("b", "x", FAR, Some(Err(()))),
        ("b", "x", 1, None),
        ("b", "x", FAR, None),
        ("b", "x", FAR, Some(Ok(()))),
        ("b", "y", FAR, Some(Ok(()))),
        ("c", "x", 1, None),
        ("c", "x", 1, Some(Ok(()))),
        ("c", "x", FAR, Some(Err(()))),
    ];
    for (at, (key, fingerprint, until, outcome)) in work.into_iter().enumerate() {
        let mut seen = None;
        let done = async |operation: Operation| {
            seen = Some(operation.note().map(str::to_owned));
            operation.write_note(&format!("note {at}")).await?;
            match outcome {
                Some(Ok(())) => Reply::ok(&at),
                Some(Err(())) => Err(ApiError::Unavailable("on purpose".into())),
                None => std::future::pending().await,
            }
        };
        let id = format!("req-{at}");
        let claim = Claim {
            attribution: attribution("acc_1", &id),
            route: "r",
            fingerprint: fingerprint.to_owned(),
            key,
            until,
        };
        let once = claim.once(&table, done);
        let came = tokio::time::timeout(std::time::Duration::from_millis(700), once).await;
        let came = came.map(|came| came.unwrap_or_else(|error| Reply::of_error(&error, &id)));
        let came = came.map(|reply| (reply.status(), reply.body().to_owned()));
        transcript.note(&format!("{key} {fingerprint}"), &(came.ok(), seen));
    }
}

async fn transcript(client: &Client, hash: &KeyHash) -> Vec<String> {
    let mut transcript = Transcript::default();
    seed(client, hash).await;
    accounts(client, &mut transcript, hash).await;
    records(client, &mut transcript).await;
    transcript.0
}

#[tokio::test]
async fn table_in_memory_gives_the_same_results_as_moto() {
    let (moto, hash) = (Moto::start().await, hash());
    let theirs = transcript(&moto.client, &hash).await;
    let ours = transcript(&World::new().dynamodb(), &hash).await;
    assert!(theirs.len() >= 40, "{theirs:#?}");
    assert_eq!(ours, theirs);
}
