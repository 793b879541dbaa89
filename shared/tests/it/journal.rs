//! Journals of plan changes, against the AWS emulator.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use shared::ApiError;
use shared::aws::table::Table;
use shared::change::Journal;

use crate::table::{DynamoDb, TABLE};

const FAR: i64 = 4_102_444_800_000;

fn table(dynamodb: &DynamoDb) -> Table {
    Table::new(dynamodb.client.clone(), TABLE.to_owned())
}

async fn acquire(dynamodb: &DynamoDb, attempt: &str, until: i64) -> Result<Journal, ApiError> {
    Journal::acquire(&table(dynamodb), "cus_1", attempt, until).await
}

#[track_caller]
fn is_held(outcome: Result<Journal, ApiError>) {
    let error = outcome.err().expect("it is held");
    assert_eq!(error.kind().1, "change_in_progress");
}

#[tokio::test]
async fn one_request_at_a_time_holds_the_journal() {
    let dynamodb = DynamoDb::start();
    let first = acquire(&dynamodb, "attempt-1", FAR).await.unwrap();
    is_held(acquire(&dynamodb, "attempt-2", FAR).await);
    let key = first.stripe_key("op", "1");
    first.release().await;
    let second = acquire(&dynamodb, "attempt-2", FAR).await.unwrap();
    assert_ne!(second.stripe_key("op", "1"), key, "another attempt has other keys");
    let other = Journal::acquire(&table(&dynamodb), "cus_2", "attempt-3", FAR).await;
    assert!(other.is_ok(), "another customer's journal");
}

#[tokio::test]
async fn one_of_twenty_racing_requests_acquires_the_journal() {
    let dynamodb = DynamoDb::start();
    let attempts: Vec<String> = (0..20).map(|number| format!("attempt-{number}")).collect();
    let races = attempts.iter().map(|attempt| acquire(&dynamodb, attempt, FAR));
    let outcomes = futures_util::future::join_all(races).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
}

#[tokio::test]
async fn journal_of_a_killed_request_is_free_after_its_deadline() {
    let dynamodb = DynamoDb::start();
    let killed = acquire(&dynamodb, "attempt-1", 1).await.unwrap();
    let next = acquire(&dynamodb, "attempt-2", FAR).await.unwrap();
    // The killed request was only slow: it does not give away what it no longer holds.
    killed.release().await;
    is_held(acquire(&dynamodb, "attempt-3", FAR).await);
    next.release().await;
    assert!(acquire(&dynamodb, "attempt-3", FAR).await.is_ok());
}

/// The SDK repeats a write whose response was lost, and finds its own lease.
#[tokio::test]
async fn lost_response_of_an_acquisition_is_no_conflict() {
    let dynamodb = DynamoDb::start();
    let (_proxy, client) = dynamodb.lossy(&["DynamoDB_20120810.UpdateItem"]).await;
    let table = Table::new(client, TABLE.to_owned());
    let journal = Journal::acquire(&table, "cus_1", "attempt-1", FAR).await.unwrap();
    journal.release().await;
    assert!(acquire(&dynamodb, "attempt-2", FAR).await.is_ok());
}

#[tokio::test]
async fn unreadable_entry_is_ignored() {
    let dynamodb = DynamoDb::start();
    acquire(&dynamodb, "attempt-1", FAR).await.unwrap().release().await;
    dynamodb.set("entry", AttributeValue::S("{}".to_owned())).await;
    let journal = acquire(&dynamodb, "attempt-2", FAR).await.unwrap();
    assert!(journal.entry().is_none());
}

#[tokio::test]
async fn table_that_does_not_respond_is_unavailable() {
    let client = aws_sdk_dynamodb::Client::new(&crate::server::aws(
        "http://127.0.0.1:9",
        Duration::from_millis(200),
    ));
    let table = Table::new(client, TABLE.to_owned());
    let error = Journal::acquire(&table, "cus_1", "attempt-1", FAR).await.err().expect("no table");
    assert_eq!(error.kind().1, "unavailable");
}
