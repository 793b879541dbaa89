//! The records of idempotency keys, against moto's DynamoDB.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use shared::idempotency::{Claim, Operation, Records};
use shared::{ApiError, Reply};

use crate::moto::{Moto, TABLE};

const FAR: i64 = 4_102_444_800_000;

fn claim(fingerprint: &'static str, until: i64) -> Claim<'static> {
    Claim {
        account: "acc_1",
        route: "plan-change",
        fingerprint,
        key: "the-key",
        key_id: "key_1",
        until,
    }
}

fn records(moto: &Moto) -> Records {
    Records::new(moto.client.clone(), TABLE.to_owned())
}

/// What a caller sees: status and body of the answer.
async fn ask(
    moto: &Moto,
    claim: Claim<'_>,
    request_id: &str,
    work: impl AsyncFnOnce(Operation) -> Result<Reply, ApiError>,
) -> (u16, String) {
    let outcome = records(moto).once(claim, request_id, |operation| work(operation)).await;
    let reply = outcome.unwrap_or_else(|error| error.reply(request_id));
    (reply.status(), reply.body().to_owned())
}

fn done(text: &str) -> Result<Reply, ApiError> {
    Reply::ok(&serde_json::json!({ "done": text }))
}

async fn never(_: Operation) -> Result<Reply, ApiError> {
    panic!("done twice")
}

#[tokio::test]
async fn an_answer_is_given_again_whatever_happens_in_between() {
    let moto = Moto::start().await;
    let first = ask(&moto, claim("a", FAR), "req-1", async |_| done("once")).await;
    assert_eq!(first, (200, r#"{"done":"once"}"#.to_owned()));
    assert_eq!(ask(&moto, claim("a", FAR), "req-2", never).await, first);
    let outcome = records(&moto).once(claim("a", FAR), "req-3", never).await.unwrap();
    assert_eq!(outcome.header("idempotent-replayed"), Some("true"));
    let other = Claim { account: "acc_2", ..claim("a", FAR) };
    assert_eq!(
        ask(&moto, other, "req-4", async |_| done("theirs")).await.1,
        r#"{"done":"theirs"}"#
    );
}

#[tokio::test]
async fn refusals_are_kept_with_their_first_request_id() {
    let moto = Moto::start().await;
    let first = ask(&moto, claim("a", FAR), "req-1", async |_| Err(ApiError::NoSubscription)).await;
    assert_eq!(first.0, 409);
    assert!(first.1.contains(r#""requestId":"req-1""#));
    assert_eq!(ask(&moto, claim("a", FAR), "req-2", never).await, first);
}

#[tokio::test]
async fn the_same_key_for_another_body_or_route_is_refused() {
    let moto = Moto::start().await;
    ask(&moto, claim("a", FAR), "req-1", async |_| done("once")).await;
    let route = Claim { route: "checkout-session", ..claim("a", FAR) };
    for other in [claim("b", FAR), route] {
        let error = records(&moto).once(other, "req-2", never).await.unwrap_err();
        assert_eq!(error.kind().1, "idempotency_key_reused");
    }
}

#[tokio::test]
async fn while_the_first_request_runs_the_key_is_taken_even_for_another_body() {
    let moto = Moto::start().await;
    let outcome = ask(&moto, claim("a", FAR), "req-1", async |_| {
        let second = records(&moto).once(claim("a", FAR), "req-2", never).await.unwrap_err();
        assert_eq!(second.kind().1, "idempotency_in_progress");
        let other = records(&moto).once(claim("b", FAR), "req-3", never).await.unwrap_err();
        assert_eq!(other.kind().1, "idempotency_key_reused");
        done("once")
    });
    assert_eq!(outcome.await.0, 200);
}

#[tokio::test]
async fn of_twenty_at_once_one_does_it() {
    let moto = Moto::start().await;
    let count = AtomicU32::new(0);
    let one = |id: usize| {
        let (moto, count) = (&moto, &count);
        async move {
            let work = async |_| {
                count.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(50)).await;
                done("once")
            };
            ask(moto, claim("a", FAR), &format!("req-{id}"), work).await.0
        }
    };
    let statuses = futures_util::future::join_all((0..20).map(one)).await;
    assert_eq!(count.load(Ordering::Relaxed), 1);
    assert!(statuses.iter().all(|status| [200, 409].contains(status)), "{statuses:?}");
}

#[tokio::test]
async fn an_abandoned_claim_is_taken_over_with_its_operation_and_its_note() {
    let moto = Moto::start().await;
    let mut mark = String::new();
    {
        // As if the process had been killed: the work never comes to its end.
        let work = async |operation: Operation| {
            operation.take_note("about to change").await.unwrap();
            mark = operation.mark().to_owned();
            std::future::pending().await
        };
        let cut = tokio::time::timeout(
            Duration::from_millis(500),
            ask(&moto, claim("a", 1), "req-1", work),
        )
        .await;
        assert!(cut.is_err());
    }
    let outcome = ask(&moto, claim("a", FAR), "req-2", async |operation: Operation| {
        assert_eq!((operation.mark(), operation.note()), (mark.as_str(), Some("about to change")));
        done("after all")
    });
    assert_eq!(outcome.await, (200, r#"{"done":"after all"}"#.to_owned()));
    assert_eq!(ask(&moto, claim("a", FAR), "req-3", never).await.0, 200);
}

#[tokio::test]
async fn a_failure_frees_the_key_and_one_of_stripes_own_changes_the_keys_sent_to_it() {
    let moto = Moto::start().await;
    let failed = shared::StripeError::Unreachable { reason: "gone".to_owned() };
    let mut first = None;
    let outcome = ask(&moto, claim("a", FAR), "req-1", async |operation: Operation| {
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
    let outcome = ask(&moto, claim("a", FAR), "req-2", async |operation: Operation| {
        assert_eq!(
            Some((operation.mark().to_owned(), operation.stripe_key("update"))),
            first,
            "nobody knows what Stripe did"
        );
        Err(refused.into())
    });
    assert_eq!(outcome.await.0, 503);
    let outcome = ask(&moto, claim("a", FAR), "req-3", async |operation: Operation| {
        let (mark, key) = first.clone().unwrap();
        assert_eq!(operation.mark(), mark);
        assert_ne!(operation.stripe_key("update"), key, "Stripe would give its 500 again");
        done("at last")
    });
    assert_eq!(outcome.await.0, 200);
}

#[tokio::test]
async fn work_that_is_told_to_come_again_is_not_held_to_that_answer() {
    let moto = Moto::start().await;
    let outcome =
        ask(&moto, claim("a", FAR), "req-1", async |_| Err(ApiError::IdempotencyInProgress));
    assert_eq!(outcome.await.0, 409);
    let outcome = ask(&moto, claim("a", FAR), "req-2", async |_| done("at last")).await;
    assert_eq!((outcome.0, &*outcome.1), (200, r#"{"done":"at last"}"#));
}

#[tokio::test]
async fn after_a_day_the_key_is_new_even_if_the_record_is_still_there() {
    let moto = Moto::start().await;
    ask(&moto, claim("a", FAR), "req-1", async |_| done("yesterday")).await;
    moto.set("keptUntil", AttributeValue::N("1000".to_owned())).await;
    let outcome = ask(&moto, claim("b", FAR), "req-2", async |_| done("today")).await;
    assert_eq!(outcome.1, r#"{"done":"today"}"#);
}

#[tokio::test]
async fn without_the_table_nothing_is_done() {
    let moto = Moto::start().await;
    let config = crate::server::aws("http://127.0.0.1:1", Duration::from_secs(1));
    let records = Records::new(Client::new(&config), TABLE.to_owned());
    let error = records.once(claim("a", FAR), "req-1", never).await.unwrap_err();
    assert_eq!(error.kind().1, "unavailable");
    drop(moto);
}
