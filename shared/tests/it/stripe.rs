//! The transport to Stripe.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;
use shared::aws::https::Https;
use shared::aws::secrets::StripeSecret;
use shared::stripe::{CallLog, Stripe, StripeError, Transport};
use stripe_client_core::{RequestBuilder, StripeMethod};

use crate::server::{Behavior, Server, json, refusal};

#[derive(Debug, Deserialize, serde::Serialize, PartialEq)]
struct View {
    id: String,
}

/// Fake servers of Stripe and Secrets Manager, and our client of them.
struct World {
    stripe: Server,
    secrets: Server,
    client: Stripe,
    log: Arc<CallLog>,
}

fn secret(key: &str) -> Behavior {
    let text = json!({ "secretKey": key, "publishableKey": "pk_test_1" }).to_string();
    json(&json!({ "Name": "stripe", "SecretString": text }).to_string())
}

impl World {
    async fn new(stripe: Vec<Behavior>, secrets: Vec<Behavior>, deadline: Duration) -> Self {
        let (stripe, secrets) = (Server::start(stripe).await, Server::start(secrets).await);
        let manager = aws_sdk_secretsmanager::Client::new(&secrets.aws());
        let secret = StripeSecret::new(manager, "stripe".to_owned());
        let transport = Transport::new(Https::new(), stripe.url.parse().unwrap())
            .attempt_timeout(Duration::from_millis(300));
        let log = Arc::new(CallLog::default());
        let client = Stripe::new(
            Arc::new(transport),
            Arc::new(secret),
            Arc::clone(&log),
            tokio::time::Instant::now() + deadline,
        );
        Self { stripe, secrets, client, log }
    }

    async fn with(stripe: Vec<Behavior>) -> Self {
        Self::new(stripe, vec![secret("rk_test_1")], Duration::from_secs(10)).await
    }

    async fn get(&self) -> Result<View, StripeError> {
        self.client
            .send_built(
                RequestBuilder::new(StripeMethod::Get, "/customers/cus_1").query(&[("limit", 1)]),
                None,
            )
            .await
    }

    async fn post(&self, key: Option<&str>) -> Result<View, StripeError> {
        let request =
            RequestBuilder::new(StripeMethod::Post, "/customers").form(&json!({ "name": "a b" }));
        self.client.send_built(request, key.map(str::to_owned)).await
    }
}

const GOOD: &str = r#"{"id":"cus_1","unknown":[]}"#;

fn view() -> View {
    View { id: "cus_1".to_owned() }
}

#[tokio::test]
async fn request_carries_key_and_pinned_version() {
    let world = World::with(vec![json(GOOD)]).await;
    assert_eq!(world.get().await.unwrap(), view());
    assert_eq!(world.post(Some("the-key")).await.unwrap(), view());
    let got = world.stripe.got();
    assert!(got[0].starts_with("GET /v1/customers/cus_1?"), "{}", got[0]);
    for line in [
        "authorization: Bearer rk_test_1",
        "stripe-version: 2026-09-30.endive",
        "user-agent: cantila-billing/",
    ] {
        assert!(got[0].contains(line), "{line}: {}", got[0]);
    }
    assert!(!got[0].contains("idempotency-key"));
    assert!(
        got[1].contains("idempotency-key: the-key") && got[1].ends_with("name=a+b"),
        "{}",
        got[1]
    );
    assert!(got[1].contains("content-type: application/x-www-form-urlencoded"));
    assert_eq!(world.secrets.got().len(), 1, "the secret is read once");
    assert_eq!(world.log.attempts(), 2);
}

#[tokio::test]
async fn only_ids_of_stripe_are_recorded_and_shown() {
    let responses = vec![
        refusal(500, "request-id: req_2\r\n"),
        refusal(500, "request-id: rk_test_1\r\n"),
        refusal(404, "request-id: req_3 req_4\r\n"),
        refusal(404, "request-id: req_5\r\n"),
    ];
    let world = World::with(responses).await;
    let error = world.get().await.unwrap_err();
    assert_eq!(error.request_id(), None);
    assert!(error.to_string().contains("a request without an id"), "{error}");
    assert_eq!((world.log.request_ids().as_str(), world.log.attempts()), ("req_2", 3));
    assert_eq!(world.get().await.unwrap_err().request_id(), Some("req_5"));
    assert_eq!(world.log.request_ids(), "req_2,req_5");
}

#[tokio::test]
async fn transient_failure_is_retried_with_the_same_idempotency_key() {
    let failures = [
        refusal(500, ""),
        refusal(503, ""),
        refusal(429, ""),
        refusal(409, ""),
        refusal(424, ""),
        refusal(400, "stripe-should-retry: true\r\n"),
        Behavior::Close,
        Behavior::Cut,
        Behavior::Hang,
    ];
    for failure in failures {
        let world = World::with(vec![failure, json(GOOD)]).await;
        assert_eq!(world.post(Some("the-key")).await.unwrap(), view());
        let got = world.stripe.got();
        // hyper itself resends a request that was cut off before any response.
        assert!(got.len() >= 2, "{got:?}");
        assert!(got.iter().all(|request| request.contains("idempotency-key: the-key")), "{got:?}");
    }
}

#[tokio::test]
async fn permanent_failure_is_not_retried() {
    for (status, headers) in [
        (400, ""),
        (402, ""),
        (403, ""),
        (404, ""),
        (429, "stripe-should-retry: false\r\n"),
        (302, "location: /x\r\n"),
    ] {
        let world = World::with(vec![refusal(status, headers), json(GOOD)]).await;
        let error = world.get().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("Stripe responded {status} api_error a_code to req_1: Stripe's words.")
        );
        assert_eq!(world.stripe.got().len(), 1);
    }
}

#[tokio::test]
async fn post_without_an_idempotency_key_is_sent_once() {
    let world = World::with(vec![refusal(500, ""), json(GOOD)]).await;
    assert!(matches!(world.post(None).await, Err(StripeError::Refused { status: 500, .. })));
    assert_eq!(world.stripe.got().len(), 1);
}

#[tokio::test]
async fn third_attempt_is_the_last() {
    let world = World::with(vec![refusal(503, "")]).await;
    assert!(matches!(world.get().await, Err(StripeError::Refused { status: 503, .. })));
    assert_eq!(world.stripe.got().len(), 3);
    let world = World::with(vec![Behavior::Hang]).await;
    assert!(matches!(world.get().await, Err(StripeError::Unreachable { .. })));
    assert_eq!(world.log.attempts(), 3);
}

#[tokio::test]
async fn rate_limit_allows_five_attempts() {
    let limited = || refusal(429, "");
    let world = World::with(vec![limited(), limited(), limited(), limited(), json(GOOD)]).await;
    assert_eq!(world.get().await.unwrap(), view());
    let world = World::with(vec![limited()]).await;
    assert!(matches!(world.get().await, Err(StripeError::Refused { status: 429, .. })));
    assert_eq!(world.stripe.got().len(), 5);
}

#[tokio::test]
async fn replayed_failure_is_not_retried() {
    let again = refusal(500, "idempotent-replayed: true\r\n");
    let world = World::with(vec![refusal(500, ""), again, json(GOOD)]).await;
    let error = world.post(Some("the-key")).await.unwrap_err();
    assert!(error.is_replayed_failure(), "{error}");
    assert_eq!(world.stripe.got().len(), 2);
    let world = World::with(vec![refusal(400, "idempotent-replayed: true\r\n")]).await;
    assert!(!world.post(Some("the-key")).await.unwrap_err().is_replayed_failure());
}

#[tokio::test]
async fn no_pause_exceeds_the_deadline() {
    let started = Instant::now();
    let world =
        World::new(vec![Behavior::Hang], vec![secret("rk_test_1")], Duration::from_millis(200))
            .await;
    assert!(matches!(world.get().await, Err(StripeError::Deadline)));
    let world = World::new(
        vec![refusal(429, "retry-after: 60\r\n")],
        vec![secret("rk_test_1")],
        Duration::from_secs(10),
    )
    .await;
    assert!(matches!(
        world.get().await,
        Err(StripeError::Refused { status: 429, retry_after: Some(60), .. })
    ));
    assert_eq!(world.stripe.got().len(), 1, "a minute is not waited for");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn malformed_response_is_refused() {
    for body in ["", "<html>", "[]", r#"{"id":7}"#, r#"{"object":"customer"}"#] {
        let world = World::with(vec![json(body)]).await;
        assert!(matches!(world.get().await, Err(StripeError::Malformed { .. })), "{body}");
    }
    let world = World::with(vec![Behavior::Respond(502, "", "<html>".to_owned())]).await;
    assert!(matches!(world.get().await, Err(StripeError::Refused { status: 502, .. })));
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let elsewhere = Server::start(vec![json(GOOD)]).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("location: {}/v1/customers/cus_1\r\n", elsewhere.url);
        let world = World::with(vec![refusal(status, location.leak())]).await;
        assert!(
            matches!(world.get().await, Err(StripeError::Refused { status: found, .. }) if found == status)
        );
        assert!(
            matches!(world.post(Some("k")).await, Err(StripeError::Refused { status: found, .. }) if found == status)
        );
    }
    assert_eq!(elsewhere.got(), Vec::<String>::new());
}

#[tokio::test]
async fn id_in_a_query_is_encoded() {
    let first = r#"{"data":[{"id":"gold&customer=cus_2#","active":true}],"has_more":true}"#;
    let world = World::with(vec![json(first), json(r#"{"data":[],"has_more":false}"#)]).await;
    let list = stripe_product::product::ListProduct::new().limit(1);
    let all: Vec<shared::stripe::views::Product> = world.client.all(&list).await.unwrap();
    assert_eq!(all.len(), 1);
    let second = world.stripe.got().remove(1);
    assert!(
        second
            .starts_with("GET /v1/products?limit=1&starting_after=gold%26customer%3Dcus_2%23 HTTP"),
        "{second}"
    );
}

#[tokio::test]
async fn endless_list_is_refused() {
    let long = format!(r#"{{"id":"cus_1","name":"{}"}}"#, "x".repeat(9 * 1024 * 1024));
    let world = World::with(vec![json(&long)]).await;
    assert!(matches!(world.get().await, Err(StripeError::Unreachable { .. })));
    let deep = format!(r#"{{"id":"cus_1","deep":{}}}"#, "[".repeat(100_000));
    let world = World::with(vec![json(&deep)]).await;
    assert!(matches!(world.get().await, Err(StripeError::Malformed { .. })));
}

#[tokio::test]
async fn malformed_id_is_not_sent() {
    let world = World::with(vec![json(GOOD)]).await;
    for path in [
        "/customers/../charges",
        "/customers/cus_1?x=y",
        "/customers//",
        "/customers/a b",
        "/customers/",
        "customers/cus_1",
        "/customers/cus_1#",
        "/customers/cus_1%2Fsources",
        "/customers/cus_1\\..",
        "/customers/cus_1;x=y",
        "/customers/cus_1\r\nx: y",
        "/@evil.example/",
        "/customers/é",
    ] {
        let result: Result<View, _> =
            world.client.send_built(RequestBuilder::new(StripeMethod::Get, path), None).await;
        assert!(matches!(result, Err(StripeError::BadPath(_))), "{path}");
    }
    assert_eq!(world.stripe.got(), Vec::<String>::new());
}

#[tokio::test]
async fn rotated_key_fails_no_request() {
    let secrets = vec![secret("rk_test_old"), secret("rk_test_new")];
    let world =
        World::new(vec![refusal(401, ""), json(GOOD)], secrets, Duration::from_secs(10)).await;
    assert_eq!(world.get().await.unwrap(), view());
    let got = world.stripe.got();
    assert!(
        got[0].contains("Bearer rk_test_old") && got[1].contains("Bearer rk_test_new"),
        "{got:?}"
    );
    assert_eq!(world.get().await.unwrap(), view());
    assert_eq!(world.secrets.got().len(), 2, "and kept");
}

#[tokio::test]
async fn refused_key_is_read_again_once_per_request() {
    let world = World::with(vec![refusal(401, "")]).await;
    let error = world.get().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Stripe responded 401 api_error a_code to req_1: the key was refused"
    );
    assert_eq!((world.stripe.got().len(), world.secrets.got().len()), (2, 2));
}

#[tokio::test]
async fn nothing_is_sent_without_secrets_manager() {
    for failure in [Behavior::Hang, Behavior::Close, refusal(500, ""), json("{}"), secret("no key")]
    {
        let world = World::new(
            vec![json(GOOD)],
            vec![failure, secret("rk_test_1")],
            Duration::from_secs(10),
        )
        .await;
        assert!(matches!(world.get().await, Err(StripeError::Secret(_))));
        assert_eq!(world.stripe.got(), Vec::<String>::new());
        assert_eq!(world.get().await.unwrap(), view(), "and the next request tries again");
    }
}

#[tokio::test]
async fn missing_server_is_unreachable() {
    let world = World::with(vec![json(GOOD)]).await;
    let nobody = Transport::new(Https::new(), "http://127.0.0.1:1".parse().unwrap())
        .attempt_timeout(Duration::from_millis(300));
    let manager = aws_sdk_secretsmanager::Client::new(&world.secrets.aws());
    let secret = StripeSecret::new(manager, "stripe".to_owned());
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    let client =
        Stripe::new(Arc::new(nobody), Arc::new(secret), Arc::new(CallLog::default()), deadline);
    let result: Result<View, _> =
        client.send_built(RequestBuilder::new(StripeMethod::Get, "/customers/cus_1"), None).await;
    assert!(matches!(result, Err(StripeError::Unreachable { .. })));
}
