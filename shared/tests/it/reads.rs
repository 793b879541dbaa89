//! Stored reads against the AWS emulator and a fake Stripe.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::json;
use shared::aws::https::Https;
use shared::aws::secrets::StripeSecret;
use shared::aws::table::{Ceilings, SnapshotItem, Subject, Table, Watermark};
use shared::stripe::{
    Permits, Priority, Reads, Source, Stripe, StripeError, Transport, UsualCalls, Writes,
};
use shared::values::Timestamp;
use stripe_client_core::{RequestBuilder, StripeMethod};

use crate::server::{Behavior, Server, json, refusal};
use crate::table::{DynamoDb, TABLE};

const CUSTOMER: &str = "cus_1";

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
struct View {
    id: String,
}

/// Returns a response of Stripe whose date is `seconds` ago.
fn answer(id: &str, seconds: u64) -> Behavior {
    let date = SystemTime::now() - Duration::from_secs(seconds);
    let headers = format!("date: {}\r\n", httpdate::fmt_http_date(date));
    Behavior::Respond(200, headers.leak(), json!({ "id": id, "test_clock": null }).to_string())
}

fn now() -> i64 {
    Timestamp::now().seconds()
}

struct World {
    dynamodb: DynamoDb,
    stripe: Server,
    secrets: Server,
}

impl World {
    async fn new(stripe: Vec<Behavior>) -> Self {
        let text = json!({ "secretKey": "rk_test_1" }).to_string();
        let secret = json(&json!({ "Name": "stripe", "SecretString": text }).to_string());
        Self {
            dynamodb: DynamoDb::start(),
            stripe: Server::start(stripe).await,
            secrets: Server::start(vec![secret]).await,
        }
    }

    fn table(&self) -> Table {
        Table::new(self.dynamodb.client.clone(), TABLE.to_owned())
    }

    fn client(&self) -> Stripe {
        let manager = aws_sdk_secretsmanager::Client::new(&self.secrets.aws());
        let secret = StripeSecret::new(manager, "stripe".to_owned());
        let transport = Transport::new(Https::new(), self.stripe.url.parse().unwrap())
            .attempt_timeout(Duration::from_millis(300));
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        Stripe::new(Arc::new(transport), Arc::new(secret), Arc::default(), deadline)
    }

    /// Loads the stored reads as a request does that begins now.
    async fn reads(&self, no_cache: bool) -> Reads {
        let watermark = self.table().watermark().await;
        Reads::load(&self.table(), watermark, Some(CUSTOMER), "summary", no_cache).await
    }

    /// Reads a path as a request does that stores what it has read.
    async fn get_at(&self, path: &str, no_cache: bool) -> (Result<View, StripeError>, Arc<Reads>) {
        let reads = Arc::new(self.reads(no_cache).await);
        let outcome = send(&self.client().with_reads(Arc::clone(&reads)), path).await;
        reads.store().await;
        (outcome, reads)
    }

    /// Reads the customer. Returns the ID in the response, and where it comes from.
    async fn get(&self) -> (String, Source) {
        let (outcome, reads) = self.get_at("/customers/cus_1", false).await;
        (outcome.unwrap().id, reads.freshness().source)
    }

    fn calls(&self) -> usize {
        self.stripe.got().len()
    }
}

async fn send(stripe: &Stripe, path: &str) -> Result<View, StripeError> {
    let method = match path {
        "/invoices/create_preview" => StripeMethod::Post,
        _ => StripeMethod::Get,
    };
    stripe.send_built(RequestBuilder::new(method, path), None).await
}

fn two() -> Vec<Behavior> {
    vec![answer("first", 0), answer("second", 0)]
}

fn from(id: &str, source: Source) -> (String, Source) {
    (id.to_owned(), source)
}

#[tokio::test]
async fn second_read_makes_no_call() {
    let world = World::new(two()).await;
    assert_eq!(world.get().await, from("first", Source::Stripe));
    assert_eq!(world.get().await, from("first", Source::Stored));
    assert_eq!(world.calls(), 1);
}

#[tokio::test]
async fn change_of_the_customer_or_the_catalog_ends_the_validity() {
    for subject in [Subject::Customer(CUSTOMER), Subject::Catalog] {
        let world = World::new(two()).await;
        world.get().await;
        world.table().raise_generation(Subject::Customer("cus_2")).await.unwrap();
        assert_eq!(world.get().await, from("first", Source::Stored), "another customer");
        world.table().raise_generation(subject).await.unwrap();
        assert_eq!(world.get().await, from("second", Source::Stripe), "{subject:?}");
        assert_eq!(world.get().await, from("second", Source::Stored), "{subject:?}");
    }
}

#[tokio::test]
async fn missed_changes_end_the_validity() {
    let world = World::new(two()).await;
    world.get().await;
    world.table().begin_epoch(1).await.unwrap();
    assert_eq!(world.get().await, from("second", Source::Stripe));
}

#[tokio::test]
async fn change_during_a_read_keeps_it_from_being_current() {
    let world = World::new(two()).await;
    let reads = Arc::new(world.reads(false).await);
    send(&world.client().with_reads(Arc::clone(&reads)), "/customers/cus_1").await.unwrap();
    world.table().raise_generation(Subject::Customer(CUSTOMER)).await.unwrap();
    reads.store().await;
    assert_eq!(world.get().await, from("second", Source::Stripe));
}

#[tokio::test]
async fn catalog_of_a_later_generation_replaces_a_read_of_the_same_second() {
    let world = World::new(vec![answer("old", 0), answer("new", 0)]).await;
    world.get().await;
    world.table().raise_generation(Subject::Catalog).await.unwrap();
    world.get().await;
    let (_, reads) = world.get_at("/customers/cus_1", false).await;
    assert_eq!(reads.freshness().source, Source::Stored);
}

#[tokio::test]
async fn older_read_does_not_replace_a_newer_one() {
    let world = World::new(vec![answer("old", 0), answer("new", 0), answer("third", 0)]).await;
    let slow = Arc::new(world.reads(false).await);
    send(&world.client().with_reads(Arc::clone(&slow)), "/customers/cus_1").await.unwrap();
    world.table().raise_generation(Subject::Customer(CUSTOMER)).await.unwrap();
    assert_eq!(world.get().await, from("new", Source::Stripe));
    slow.store().await;
    assert_eq!(world.get().await, from("new", Source::Stored));
}

#[tokio::test]
async fn read_is_as_old_as_the_watermark_while_it_holds() {
    let world = World::new(vec![answer("first", 100)]).await;
    let (_, reads) = world.get_at("/customers/cus_1", false).await;
    let as_of = reads.freshness().as_of.seconds();
    assert!(
        (now() - 104..=now() - 101).contains(&as_of),
        "a second for the elapsed time, one for the fraction"
    );
    world.table().publish_watermark(now() - 60).await.unwrap();
    let (_, reads) = world.get_at("/customers/cus_1", false).await;
    assert_eq!(reads.freshness().source, Source::Stored);
    assert!((now() - 61..=now() - 60).contains(&reads.freshness().as_of.seconds()));
    world.table().publish_watermark(now() - 90).await.unwrap();
    let Watermark { followed_to, .. } = world.table().watermark().await.unwrap();
    assert!(followed_to >= Some(now() - 61), "the watermark never falls");
}

#[tokio::test]
async fn old_read_is_read_again_if_nobody_follows() {
    let world = World::new(vec![answer("first", 125), answer("second", 0)]).await;
    world.get().await;
    assert_eq!(world.get().await, from("second", Source::Stripe));
    let world = World::new(vec![answer("first", 125), answer("second", 0)]).await;
    world.table().publish_watermark(now() - 60).await.unwrap();
    world.get().await;
    assert_eq!(world.get().await, from("first", Source::Stored), "followed");
}

#[tokio::test]
async fn lifetimes_are_six_hours_and_fifteen_minutes_for_usage() {
    for (path, seconds, expected) in [
        ("/customers/cus_1", 6 * 3_600 - 60, Source::Stored),
        ("/customers/cus_1", 6 * 3_600 + 60, Source::Stripe),
        ("/invoices/create_preview", 14 * 60, Source::Stored),
        ("/invoices/create_preview", 16 * 60, Source::Stripe),
    ] {
        let world = World::new(vec![answer("first", seconds), answer("second", 0)]).await;
        world.table().publish_watermark(now() - 30).await.unwrap();
        world.get_at(path, false).await.0.unwrap();
        let (_, reads) = world.get_at(path, false).await;
        assert_eq!(reads.freshness().source, expected, "{path} {seconds}");
    }
}

#[tokio::test]
async fn usage_has_a_time_of_its_own() {
    let world = World::new(vec![answer("usage", 400)]).await;
    world.table().publish_watermark(now() - 30).await.unwrap();
    world.get_at("/invoices/create_preview", false).await.0.unwrap();
    let (_, reads) = world.get_at("/invoices/create_preview", false).await;
    assert!((now() - 404..=now() - 400).contains(&reads.usage_as_of().seconds()));
}

#[tokio::test]
async fn refusal_that_is_an_answer_is_stored() {
    let date = httpdate::fmt_http_date(SystemTime::now());
    let headers: &'static str = format!("date: {date}\r\n").leak();
    let world = World::new(vec![refusal(404, headers)]).await;
    for source in [Source::Stripe, Source::Stored] {
        let (outcome, reads) = world.get_at("/customers/cus_1", false).await;
        assert_eq!(outcome.unwrap_err().code(), Some("a_code"));
        assert_eq!(reads.freshness().source, source);
    }
    assert_eq!(world.calls(), 1);
}

#[tokio::test]
async fn failures_clocks_and_undated_responses_are_not_stored() {
    let date = httpdate::fmt_http_date(SystemTime::now());
    let headers: &'static str = format!("date: {date}\r\n").leak();
    let on_clock = json!({ "id": "first", "test_clock": "clock_1" }).to_string();
    for first in [
        refusal(429, headers),
        Behavior::Respond(200, headers, on_clock),
        json(r#"{"id":"first"}"#),
        Behavior::Respond(200, headers, "{}".to_owned()),
    ] {
        let world = World::new(vec![first]).await;
        let _ = world.get_at("/customers/cus_1", false).await;
        let _ = world.get_at("/customers/cus_1", false).await;
        assert!(world.calls() >= 2);
        assert!(world.reads(false).await.last_known().is_none());
    }
}

#[tokio::test]
async fn no_cache_reads_stripe_again_after_five_seconds() {
    for (seconds, expected) in
        [(0, from("first", Source::Stored)), (6, from("second", Source::Requested))]
    {
        let world = World::new(vec![answer("first", seconds), answer("second", 0)]).await;
        world.get().await;
        let (outcome, reads) = world.get_at("/customers/cus_1", true).await;
        assert_eq!((outcome.unwrap().id, reads.freshness().source), expected);
    }
}

#[tokio::test]
async fn last_known_state_makes_no_call_and_has_the_time_of_the_read() {
    let world = World::new(vec![answer("first", 1_000)]).await;
    world.get().await;
    world.table().raise_generation(Subject::Customer(CUSTOMER)).await.unwrap();
    let last_known = Arc::new(world.reads(false).await.last_known().unwrap());
    let client = world.client().with_reads(Arc::clone(&last_known));
    assert_eq!(send(&client, "/customers/cus_1").await.unwrap().id, "first");
    let freshness = last_known.freshness();
    assert_eq!(freshness.source, Source::LastKnown);
    assert_eq!(client.past(), Some(freshness.as_of));
    assert!(now() - freshness.as_of.seconds() >= 1_000);
    assert!(matches!(send(&client, "/subscriptions").await, Err(StripeError::NotKnown)));
    assert_eq!(world.calls(), 1);
}

#[tokio::test]
async fn state_before_an_own_write_or_older_than_a_day_is_not_used() {
    let world = World::new(two()).await;
    world.get().await;
    world.table().raise_generation_of_write(CUSTOMER).await.unwrap();
    assert!(world.reads(false).await.last_known().is_none());
    assert_eq!(world.get().await, from("second", Source::Stripe));
    assert!(world.reads(false).await.last_known().is_some(), "read after the write");
    let world = World::new(vec![answer("first", 24 * 3_600 + 60)]).await;
    world.get().await;
    assert!(world.reads(false).await.last_known().is_none());
}

#[tokio::test]
async fn snapshot_in_another_form_counts_as_missing() {
    let world = World::new(two()).await;
    for body in [vec![], vec![1], vec![1, 255, 255, 255, 255], b"\x01junk and more junk".to_vec()] {
        let item = SnapshotItem { generation: 0, catalog: 0, epoch: 0, at: 1, body };
        let subject = Subject::Customer(CUSTOMER);
        world.table().put_snapshot(subject, "summary", item).await.unwrap();
        assert!(world.reads(false).await.last_known().is_none());
    }
    assert_eq!(world.get().await, from("first", Source::Stripe));
}

#[tokio::test]
async fn change_is_announced_before_it_is_sent_and_when_the_request_ends() {
    let world = World::new(vec![answer("sub_1", 0)]).await;
    let writes = Writes::new(world.table(), CUSTOMER.to_owned());
    let client = world.client().with_writes(Arc::clone(&writes));
    let generation = async || {
        let stored = world.table().stored_read(Some(CUSTOMER), "summary").await.unwrap();
        (stored.customer.number, stored.customer.written)
    };
    send(&client, "/customers/cus_1").await.unwrap();
    writes.end(false).await.unwrap();
    assert_eq!(generation().await, (0, 0), "a read announces nothing");
    for _ in 0..2 {
        let change = RequestBuilder::new(StripeMethod::Post, "/subscriptions/sub_1");
        client.send_built::<View>(change, None).await.unwrap();
    }
    assert_eq!(generation().await, (1, 1));
    writes.end(false).await.unwrap();
    assert_eq!(generation().await, (2, 2));
    let replay = Writes::new(world.table(), CUSTOMER.to_owned());
    replay.end(true).await.unwrap();
    assert_eq!(generation().await, (3, 3), "a replayed change may not have been announced");
}

#[tokio::test]
async fn change_that_cannot_be_announced_is_not_sent() {
    let world = World::new(vec![answer("sub_1", 0)]).await;
    let broken = Server::start(vec![Behavior::Close]).await;
    let client = aws_sdk_dynamodb::Client::new(&broken.aws());
    let table = Table::new(client, TABLE.to_owned());
    let client = world.client().with_writes(Writes::new(table, CUSTOMER.to_owned()));
    let change = RequestBuilder::new(StripeMethod::Post, "/subscriptions/sub_1");
    let outcome = client.send_built::<View>(change, None).await;
    assert!(matches!(outcome, Err(StripeError::Table(_))), "{outcome:?}");
    assert_eq!(world.calls(), 0);
}

#[tokio::test]
async fn reads_go_to_stripe_without_a_table() {
    let world = World::new(two()).await;
    let broken = Server::start(vec![Behavior::Close]).await;
    let table = Table::new(aws_sdk_dynamodb::Client::new(&broken.aws()), TABLE.to_owned());
    let watermark = table.watermark().await;
    let reads = Reads::load(&table, watermark, Some(CUSTOMER), "summary", false).await;
    let reads = Arc::new(reads);
    let client = world.client().with_reads(Arc::clone(&reads));
    assert_eq!(send(&client, "/customers/cus_1").await.unwrap().id, "first");
    assert!(reads.last_known().is_none());
    assert_eq!(reads.freshness().source, Source::Stripe);
}

fn permits(world: &World, account: &str, priority: Priority, rate: u32) -> Permits {
    let (patience, usual) = (Duration::ZERO, UsualCalls::default());
    Permits::new(world.table(), account.to_owned(), priority, Some(rate), patience, usual)
}

/// Sends one request of an account with its own permits, and returns whether it was let through.
async fn is_let(world: &World, account: &str, priority: Priority) -> bool {
    let client = world.client().with_permits(permits(world, account, priority, 1_000));
    match send(&client, "/customers/cus_1").await {
        Ok(_) => true,
        Err(StripeError::NoPermit) => false,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn account_at_its_share_leaves_the_others_theirs() {
    let world = World::new(vec![answer("cus_1", 0)]).await;
    let table = world.table();
    let second = shared::values::now_in_milliseconds() / 1_000;
    let ceilings = Ceilings { all: 10, account: 2, operation: 10 };
    let take = async |account: &str| {
        table.take_permits(second, account, "GET customers", 1, ceilings).await.unwrap()
    };
    let greedy = [take("greedy").await, take("greedy").await, take("greedy").await];
    assert_eq!(greedy, [true, true, false]);
    assert!(take("other").await, "another account");
    for number in 0..20 {
        take(&format!("account-{number}")).await;
    }
    assert!(!take("late").await, "all permits are taken");
    assert!(is_let(&world, "late", Priority::Write).await, "another second, or a larger share");
}

#[tokio::test]
async fn only_the_first_call_is_refused_and_the_next_request_counts_as_many() {
    let world = World::new(vec![answer("cus_1", 0)]).await;
    let usual = UsualCalls::default();
    for calls in [3, 1] {
        let (table, account) = (world.table(), "account".to_owned());
        let rate = Some(100_000);
        let permits =
            Permits::new(table, account, Priority::Read, rate, Duration::ZERO, usual.clone());
        let client = world.client().with_permits(permits);
        for _ in 0..calls {
            assert!(send(&client, "/customers/cus_1").await.is_ok());
        }
    }
    let items = world.dynamodb.client.scan().table_name(TABLE).send().await.unwrap();
    let counts = items.items().iter().filter_map(|item| item.get("of account")?.as_n().ok());
    assert_eq!(
        counts.map(|count| count.parse::<u32>().unwrap()).sum::<u32>(),
        1 + 3,
        "the first request is not known yet"
    );
}

#[tokio::test]
async fn calls_are_sent_if_they_cannot_be_counted() {
    let world = World::new(vec![answer("cus_1", 0)]).await;
    let broken = Server::start(vec![Behavior::Close]).await;
    let table = Table::new(aws_sdk_dynamodb::Client::new(&broken.aws()), TABLE.to_owned());
    let (account, usual) = ("a".to_owned(), UsualCalls::default());
    let permits = Permits::new(table, account, Priority::Read, None, Duration::ZERO, usual);
    assert!(send(&world.client().with_permits(permits), "/customers/cus_1").await.is_ok());
}
