//! Idempotency records, against the AWS emulator.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use shared::api::idempotency::{Claim, Operation};
use shared::aws::table::Table;
use shared::values::Attribution;
use shared::{ApiError, Reply};

use crate::table::{DynamoDb, TABLE};

const FAR: i64 = 4_102_444_800_000;

fn claim(fingerprint: &str, until: i64, request_id: &str) -> Claim<'static> {
    Claim {
        attribution: Attribution {
            account: "acc_1".to_owned(),
            request_id: request_id.to_owned(),
            key_id: "key_1".to_owned(),
        },
        route: "plan-change",
        fingerprint: fingerprint.to_owned(),
        key: "the-key",
        until,
    }
}

fn table(dynamodb: &DynamoDb) -> Table {
    Table::new(dynamodb.client.clone(), TABLE.to_owned())
}

/// Returns status and body of the response.
async fn ask(
    dynamodb: &DynamoDb,
    claim: Claim<'_>,
    work: impl AsyncFnOnce(Operation) -> Result<Reply, ApiError>,
) -> (u16, String) {
    let outcome = claim.once(&table(dynamodb), |operation| work(operation)).await;
    let request_id = &claim.attribution.request_id;
    let reply = outcome.unwrap_or_else(|error| Reply::of_error(&error, request_id));
    (reply.status(), reply.body().to_owned())
}

fn done(text: &str) -> Result<Reply, ApiError> {
    Reply::ok(&serde_json::json!({ "done": text }))
}

async fn never(_: Operation) -> Result<Reply, ApiError> {
    panic!("done twice")
}

#[tokio::test]
async fn response_is_replayed() {
    let dynamodb = DynamoDb::start();
    let first = ask(&dynamodb, claim("a", FAR, "req-1"), async |_| done("once")).await;
    assert_eq!(first, (200, r#"{"done":"once"}"#.to_owned()));
    assert_eq!(ask(&dynamodb, claim("a", FAR, "req-2"), never).await, first);
    let outcome = claim("a", FAR, "req-3").once(&table(&dynamodb), never).await.unwrap();
    assert_eq!(outcome.header("idempotent-replayed"), Some("true"));
    let mut other = claim("a", FAR, "req-4");
    other.attribution.account = "acc_2".to_owned();
    assert_eq!(ask(&dynamodb, other, async |_| done("theirs")).await.1, r#"{"done":"theirs"}"#);
}

#[tokio::test]
async fn error_is_replayed_with_the_first_request_id() {
    let dynamodb = DynamoDb::start();
    let first =
        ask(&dynamodb, claim("a", FAR, "req-1"), async |_| Err(ApiError::NoSubscription)).await;
    assert_eq!(first.0, 409);
    assert!(first.1.contains(r#""requestId":"req-1""#));
    assert_eq!(ask(&dynamodb, claim("a", FAR, "req-2"), never).await, first);
}

#[tokio::test]
async fn key_with_another_body_or_route_is_refused() {
    let dynamodb = DynamoDb::start();
    ask(&dynamodb, claim("a", FAR, "req-1"), async |_| done("once")).await;
    let route = Claim { route: "checkout-session", ..claim("a", FAR, "req-2") };
    for other in [claim("b", FAR, "req-2"), route] {
        let error = other.once(&table(&dynamodb), never).await.unwrap_err();
        assert_eq!(error.kind().1, "idempotency_key_reused");
    }
}

#[tokio::test]
async fn key_is_taken_while_the_first_request_runs() {
    let dynamodb = DynamoDb::start();
    let outcome = ask(&dynamodb, claim("a", FAR, "req-1"), async |_| {
        let second = claim("a", FAR, "req-2").once(&table(&dynamodb), never).await.unwrap_err();
        assert_eq!(second.kind().1, "idempotency_in_progress");
        let other = claim("b", FAR, "req-3").once(&table(&dynamodb), never).await.unwrap_err();
        assert_eq!(other.kind().1, "idempotency_key_reused");
        done("once")
    });
    assert_eq!(outcome.await.0, 200);
}

/// Sends a request for each number at once. Returns the statuses, and how many of the requests did the work.
async fn race(dynamodb: &DynamoDb, numbers: Range<usize>) -> (Vec<u16>, u32) {
    let count = AtomicU32::new(0);
    let one = |id: usize| {
        let count = &count;
        async move {
            let work = async |_| {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(50)).await;
                done("once")
            };
            ask(dynamodb, claim("a", FAR, &format!("req-{id}")), work).await.0
        }
    };
    let statuses = futures_util::future::join_all(numbers.map(one)).await;
    (statuses, count.into_inner())
}

#[tokio::test]
async fn one_of_twenty_racing_requests_does_the_work() {
    let dynamodb = DynamoDb::start();
    let (statuses, count) = race(&dynamodb, 0..20).await;
    assert_eq!(count, 1);
    assert!(statuses.iter().all(|status| [200, 409].contains(status)), "{statuses:?}");
}

#[tokio::test]
async fn expired_lease_is_taken_over_with_operation_and_note() {
    let dynamodb = DynamoDb::start();
    let mut mark = String::new();
    {
        // The work never ends, as in a killed process.
        let work = async |operation: Operation| {
            mark = operation.id().to_owned();
            std::future::pending().await
        };
        let cut = tokio::time::timeout(
            Duration::from_millis(500),
            ask(&dynamodb, claim("a", 1, "req-1"), work),
        )
        .await;
        assert!(cut.is_err());
    }
    let outcome = ask(&dynamodb, claim("a", FAR, "req-2"), async |operation: Operation| {
        assert_eq!(operation.id(), mark);
        done("after all")
    });
    assert_eq!(outcome.await, (200, r#"{"done":"after all"}"#.to_owned()));
    assert_eq!(ask(&dynamodb, claim("a", FAR, "req-3"), never).await.0, 200);
}

/// The SDK repeats a write whose response was lost, and finds its own record.
#[tokio::test]
async fn lost_response_of_a_claim_is_no_conflict() {
    let dynamodb = DynamoDb::start();
    let (_proxy, client) = dynamodb.lossy(&["DynamoDB_20120810.PutItem"]).await;
    let table = Table::new(client, TABLE.to_owned());
    let work = async |_| done("once");
    let reply = claim("a", FAR, "req-1").once(&table, work).await;
    assert_eq!(reply.unwrap().body(), r#"{"done":"once"}"#);
    assert_eq!(ask(&dynamodb, claim("a", FAR, "req-2"), never).await.0, 200);
}

#[tokio::test]
async fn lost_response_of_taking_over_is_no_conflict() {
    let dynamodb = DynamoDb::start();
    let work = async |_| std::future::pending().await;
    let killed = ask(&dynamodb, claim("a", 1, "req-1"), work);
    assert!(tokio::time::timeout(Duration::from_millis(500), killed).await.is_err());
    let (_proxy, client) = dynamodb.lossy(&["DynamoDB_20120810.UpdateItem"]).await;
    let table = Table::new(client, TABLE.to_owned());
    let work = async |_| done("after all");
    let reply = claim("a", FAR, "req-2").once(&table, work).await;
    assert_eq!(reply.unwrap().body(), r#"{"done":"after all"}"#);
}

/// The winner and the losers ask for the same end of the lease.
#[tokio::test]
async fn one_of_twenty_racing_requests_takes_an_expired_lease_over() {
    let dynamodb = DynamoDb::start();
    let work = async |_| std::future::pending().await;
    let killed = ask(&dynamodb, claim("a", 1, "req-0"), work);
    assert!(tokio::time::timeout(Duration::from_millis(500), killed).await.is_err());
    let (_, count) = race(&dynamodb, 1..21).await;
    assert_eq!(count, 1);
}

#[tokio::test]
async fn failure_frees_the_key_and_only_a_replayed_one_changes_stripes_keys() {
    let dynamodb = DynamoDb::start();
    let mut first = None;
    let refused = |status: u16, is_replayed: bool| {
        let mut refused = shared::StripeError::Refused {
            status,
            request_id: "req".to_owned(),
            retry_after: None,
            error: Box::default(),
        };
        if let shared::StripeError::Refused { error, .. } = &mut refused {
            error.replayed = is_replayed;
        }
        refused
    };
    for failed in [
        shared::StripeError::Unreachable { reason: "gone".to_owned() },
        refused(500, false),
        refused(503, false),
        refused(500, true),
    ] {
        let outcome = ask(&dynamodb, claim("a", FAR, "req-1"), async |operation: Operation| {
            let keys = (operation.id().to_owned(), operation.stripe_key("update"));
            let first = first.get_or_insert_with(|| keys.clone());
            assert_eq!(*first, keys, "Stripe may still execute the first request");
            Err(failed.into())
        });
        assert_eq!(outcome.await.0, 503);
    }
    let outcome = ask(&dynamodb, claim("a", FAR, "req-3"), async |operation: Operation| {
        let (mark, key) = first.clone().unwrap();
        assert_eq!(operation.id(), mark);
        assert_ne!(operation.stripe_key("update"), key, "Stripe would replay its 500");
        done("at last")
    });
    assert_eq!(outcome.await.0, 200);
}

#[tokio::test]
async fn conflict_response_is_not_stored() {
    let dynamodb = DynamoDb::start();
    let busy = async |_| Err(ApiError::IdempotencyInProgress);
    assert_eq!(ask(&dynamodb, claim("a", FAR, "req-1"), busy).await.0, 409);
    let outcome = ask(&dynamodb, claim("a", FAR, "req-2"), async |_| done("now")).await;
    assert_eq!(outcome, (200, r#"{"done":"now"}"#.to_owned()));
}

#[tokio::test]
async fn key_is_new_after_a_day() {
    let dynamodb = DynamoDb::start();
    ask(&dynamodb, claim("a", FAR, "req-1"), async |_| done("yesterday")).await;
    dynamodb.set("keptUntil", AttributeValue::N("1000".to_owned())).await;
    let outcome = ask(&dynamodb, claim("b", FAR, "req-2"), async |_| done("today")).await;
    assert_eq!(outcome.1, r#"{"done":"today"}"#);
}

#[tokio::test]
async fn nothing_is_done_without_the_table() {
    let dynamodb = DynamoDb::start();
    let config = crate::server::aws("http://127.0.0.1:1", Duration::from_secs(1));
    let table = Table::new(Client::new(&config), TABLE.to_owned());
    let error = claim("a", FAR, "req-1").once(&table, never).await.unwrap_err();
    assert_eq!(error.kind().1, "unavailable");
    drop(dynamodb);
}
