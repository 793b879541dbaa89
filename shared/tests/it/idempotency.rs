//! Idempotency records, against the AWS emulator.

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

#[tokio::test]
async fn one_of_twenty_racing_requests_does_the_work() {
    let dynamodb = DynamoDb::start();
    let count = AtomicU32::new(0);
    let one = |id: usize| {
        let (dynamodb, count) = (&dynamodb, &count);
        async move {
            let work = async |_| {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(50)).await;
                done("once")
            };
            ask(dynamodb, claim("a", FAR, &format!("req-{id}")), work).await.0
        }
    };
    let statuses = futures_util::future::join_all((0..20).map(one)).await;
    assert_eq!(count.load(Ordering::Relaxed), 1);
    assert!(statuses.iter().all(|status| [200, 409].contains(status)), "{statuses:?}");
}

#[tokio::test]
async fn expired_lease_is_taken_over_with_operation_and_note() {
    let dynamodb = DynamoDb::start();
    let mut mark = String::new();
    {
        // The work never ends, as in a killed process.
        let work = async |operation: Operation| {
            operation.write_note("about to change").await.unwrap();
            mark = operation.mark().to_owned();
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
        assert_eq!((operation.mark(), operation.note()), (mark.as_str(), Some("about to change")));
        done("after all")
    });
    assert_eq!(outcome.await, (200, r#"{"done":"after all"}"#.to_owned()));
    assert_eq!(ask(&dynamodb, claim("a", FAR, "req-3"), never).await.0, 200);
}

#[tokio::test]
async fn failure_frees_the_key_and_a_stored_one_changes_stripes_keys() {
    let dynamodb = DynamoDb::start();
    let failed = shared::StripeError::Unreachable { reason: "gone".to_owned() };
    let mut first = None;
    let outcome = ask(&dynamodb, claim("a", FAR, "req-1"), async |operation: Operation| {
        first = Some((operation.mark().to_owned(), operation.stripe_key("update")));
        Err(failed.into())
    });
    assert_eq!(outcome.await.0, 503);
    let refused = shared::StripeError::Refused {
        status: 500,
        request_id: "req".to_owned(),
        retry_after: None,
        error: Box::default(),
    };
    let outcome = ask(&dynamodb, claim("a", FAR, "req-2"), async |operation: Operation| {
        assert_eq!(
            Some((operation.mark().to_owned(), operation.stripe_key("update"))),
            first,
            "Stripe may have executed the request"
        );
        Err(refused.into())
    });
    assert_eq!(outcome.await.0, 503);
    let outcome = ask(&dynamodb, claim("a", FAR, "req-3"), async |operation: Operation| {
        let (mark, key) = first.clone().unwrap();
        assert_eq!(operation.mark(), mark);
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
