//! Authentication against a table that is slow, broken, refusing or malformed.

use std::time::{Duration, Instant};

use lambda_http::http::{HeaderMap, HeaderValue};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use shared::ApiError;
use shared::access::{AccessError, Authenticator, Caller, generate};
use shared::aws::secrets::StripeSecret;
use shared::aws::table::Table;
use shared::values::{Mode, Scope};

use crate::server::{Behavior, Server, json, refusal};

struct World {
    table: Server,
    authenticator: Authenticator,
    secret: StripeSecret,
    key: String,
}

fn text(value: &str) -> Value {
    json!({ "S": value })
}

fn item(fields: &Value) -> Behavior {
    json(&json!({ "Item": fields }).to_string())
}

fn key_item(change: &Value) -> Behavior {
    let mut fields = json!({
        "keyId": text("key_1"), "account": text("acc_1"), "scope": text("read"), "name": text("ci"),
        "prefix": text("sk_test_Ab12"), "createdAt": { "N": "1000" },
        // In the future, so that no use is written.
        "lastUsedOn": text("9999-12-31"),
    });
    fields.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    item(&fields)
}

fn account_item(id: &str, handle: &str, parent: Option<&str>, customer: Option<&str>) -> Behavior {
    let mut fields =
        json!({ "id": text(id), "handle": text(handle), "createdAt": { "N": "1000" } });
    for (name, value) in [("parent", parent), ("customer", customer)] {
        if let Some(value) = value {
            fields[name] = text(value);
        }
    }
    item(&fields)
}

fn acme(customer: Option<&str>) -> Behavior {
    account_item("acc_1", "acme", None, customer)
}

/// Returns the contract's error code.
fn code(error: AccessError) -> &'static str {
    ApiError::from(error).kind().1
}

impl World {
    async fn new(table: Vec<Behavior>) -> Self {
        let text = json!({ "secretKey": "rk_test_1" }).to_string();
        let secret = json(&json!({ "SecretString": text }).to_string());
        let manager = Server::start(vec![secret]).await;
        let manager = aws_sdk_secretsmanager::Client::new(&manager.aws());
        let secret = StripeSecret::new(manager, "stripe".to_owned());
        secret.keys().await.unwrap();
        let table = Server::start(table).await;
        let client = aws_sdk_dynamodb::Client::new(&table.aws());
        let authenticator = Authenticator::new(Table::new(client, "billing".to_owned()));
        let key = generate(Mode::Test).unwrap().expose_secret().to_owned();
        Self { table, authenticator, secret, key }
    }

    async fn ask(&self, act_as: &str) -> Result<Caller, AccessError> {
        self.ask_with(&self.key, act_as, Scope::Read).await
    }

    async fn ask_with(&self, key: &str, act_as: &str, scope: Scope) -> Result<Caller, AccessError> {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_str(&format!("Bearer {key}")).unwrap());
        headers.insert("x-cantila-act-as", HeaderValue::from_str(act_as).unwrap());
        let (caller, key_use) =
            self.authenticator.authenticate(&headers, scope, &self.secret).await?;
        self.authenticator.record_use(key_use).await;
        Ok(caller)
    }

    async fn refused(&self, act_as: &str) -> &'static str {
        code(self.ask(act_as).await.unwrap_err())
    }
}

#[tokio::test]
async fn key_and_account_are_cached() {
    let world = World::new(vec![key_item(&json!({})), acme(Some("cus_1"))]).await;
    for _ in 0..3 {
        let caller = world.ask("").await.unwrap();
        assert_eq!(
            (caller.account.id.as_str(), caller.scope, caller.key_id.as_str()),
            ("acc_1", Scope::Read, "key_1")
        );
    }
    let got = world.table.got();
    assert_eq!(got.len(), 2);
    assert!(
        got.iter().all(|request| !request.contains(&world.key)),
        "the key never leaves the process"
    );
    assert!(got.iter().all(|request| request.contains(r#""ConsistentRead":true"#)));
}

#[tokio::test]
async fn account_without_a_customer_is_not_cached() {
    let world = World::new(vec![key_item(&json!({})), acme(None), acme(Some("cus_1"))]).await;
    assert_eq!(world.ask("").await.unwrap().account.customer, None);
    assert_eq!(world.ask("").await.unwrap().account.customer.as_deref(), Some("cus_1"));
}

#[tokio::test]
async fn unknown_keys_are_cached_and_malformed_ones_not_looked_up() {
    let world = World::new(vec![json("{}")]).await;
    for _ in 0..3 {
        assert_eq!(world.refused("").await, "unauthenticated");
    }
    assert_eq!(world.table.got().len(), 1);
    let live = generate(Mode::Live).unwrap();
    for key in ["", "sk_test_1", &world.key[1..], live.expose_secret()] {
        let error = world.ask_with(key, "", Scope::Read).await.unwrap_err();
        assert_eq!(code(error), "unauthenticated", "{key}");
    }
    assert_eq!(world.table.got().len(), 1);
}

#[tokio::test]
async fn expired_revoked_and_orphaned_keys_are_unauthenticated() {
    for change in [json!({ "expiresAt": { "N": "2000" } }), json!({ "revokedAt": { "N": "2000" } })]
    {
        assert_eq!(
            World::new(vec![key_item(&change)]).await.refused("").await,
            "unauthenticated",
            "{change}"
        );
    }
    let orphan = World::new(vec![key_item(&json!({})), json("{}")]).await;
    assert_eq!(orphan.refused("").await, "unauthenticated");
}

#[tokio::test]
async fn low_scope_is_refused_before_the_account_is_read() {
    let world = World::new(vec![key_item(&json!({ "scope": text("deploy") }))]).await;
    let error = world.ask_with(&world.key, "nobody", Scope::Admin).await.unwrap_err();
    assert!(matches!(
        error,
        AccessError::InsufficientScope { required: Scope::Admin, granted: Scope::Deploy }
    ));
    assert_eq!(world.table.got().len(), 1);
}

#[tokio::test]
async fn parent_acts_for_its_own_sub_accounts_only() {
    let handle = || item(&json!({ "account": text("acc_2") }));
    let child = || account_item("acc_2", "client", Some("acc_1"), Some("cus_2"));
    let foreign = || account_item("acc_2", "client", Some("acc_9"), Some("cus_2"));
    let orphan = || account_item("acc_2", "client", None, Some("cus_2"));
    let own = || vec![key_item(&json!({})), acme(Some("cus_1"))];
    let cases = [
        ("acme", vec![], Ok("acc_1")),
        ("acc_1", vec![], Ok("acc_1")),
        ("client", vec![handle(), child()], Ok("acc_2")),
        ("acc_2", vec![child()], Ok("acc_2")),
        ("client", vec![handle(), foreign()], Err("act_as_forbidden")),
        ("acc_2", vec![orphan()], Err("act_as_forbidden")),
        ("acc_2", vec![json("{}")], Err("act_as_forbidden")),
        ("client", vec![json("{}")], Err("act_as_forbidden")),
        ("Not A Handle", vec![], Err("act_as_forbidden")),
    ];
    for (act_as, responses, expected) in cases {
        let world = World::new(own().into_iter().chain(responses).collect()).await;
        let got = world.ask(act_as).await.map(|caller| caller.account.id).map_err(code);
        assert_eq!(got.as_deref().map_err(|code| *code), expected, "{act_as}");
    }
}

#[tokio::test]
async fn refused_key_takes_one_lookup_and_then_none() {
    let rows = [
        ("unknown", json("{}")),
        ("expired", key_item(&json!({ "expiresAt": { "N": "2000" } }))),
        ("revoked", key_item(&json!({ "revokedAt": { "N": "2000" } }))),
    ];
    for (kind, response) in rows {
        let world = World::new(vec![response, json("malformed")]).await;
        for _ in 0..3 {
            assert_eq!(world.refused("").await, "unauthenticated", "{kind}");
            assert_eq!(world.table.got().len(), 1, "{kind}");
        }
    }
}

#[tokio::test]
async fn foreign_account_takes_as_many_lookups_as_a_missing_one() {
    let handle = || item(&json!({ "account": text("acc_2") }));
    let foreign = || account_item("acc_2", "client", Some("acc_9"), Some("cus_2"));
    let rows = [
        ("client", vec![[handle(), foreign()]; 3].concat(), [2, 2, 2]),
        ("client", vec![json("{}")], [2, 2, 2]),
        ("acc_2", vec![foreign()], [1, 1, 1]),
        ("acc_2", vec![json("{}")], [1, 1, 1]),
    ];
    for (act_as, responses, lookups) in rows {
        let own = [key_item(&json!({})), acme(Some("cus_1"))];
        let world = World::new(own.into_iter().chain(responses).collect()).await;
        world.ask("").await.unwrap();
        for expected in lookups {
            let before = world.table.got().len();
            assert_eq!(world.refused(act_as).await, "act_as_forbidden");
            assert_eq!(world.table.got().len() - before, expected, "{act_as}");
        }
    }
}

#[tokio::test]
async fn sub_account_is_cached_for_its_parent() {
    let handle = item(&json!({ "account": text("acc_2") }));
    let child = account_item("acc_2", "client", Some("acc_1"), Some("cus_2"));
    let own = [key_item(&json!({})), acme(Some("cus_1"))];
    let world = World::new(own.into_iter().chain([handle, child]).collect()).await;
    for _ in 0..3 {
        assert_eq!(world.ask("client").await.unwrap().account.id, "acc_2");
        assert_eq!(world.table.got().len(), 4);
    }
}

#[tokio::test]
async fn failed_lookup_is_unavailable_and_not_cached() {
    for failure in [
        Behavior::Hang,
        Behavior::Close,
        Behavior::Cut,
        refusal(500, ""),
        refusal(400, ""),
        json("malformed"),
    ] {
        let world = World::new(vec![failure, key_item(&json!({})), acme(Some("cus_1"))]).await;
        assert_eq!(world.refused("").await, "unavailable");
        assert_eq!(world.ask("").await.unwrap().account.id, "acc_1");
    }
}

#[tokio::test]
async fn malformed_item_is_an_internal_error() {
    let world = World::new(vec![key_item(&json!({ "scope": text("root") }))]).await;
    assert_eq!(world.refused("").await, "internal");
}

#[tokio::test]
async fn failed_write_of_the_last_use_delays_no_request_and_is_not_repeated() {
    let unused = || key_item(&json!({ "lastUsedOn": text("2000-01-01") }));
    for failure in [refusal(400, ""), Behavior::Close, Behavior::Hang] {
        // Another key has the account cached, so that the third call is the write.
        let responses = vec![key_item(&json!({})), acme(Some("cus_1")), unused(), failure];
        let world = World::new(responses).await;
        world.ask("").await.unwrap();
        let other = generate(Mode::Test).unwrap();
        for _ in 0..3 {
            let started = Instant::now();
            world.ask_with(other.expose_secret(), "", Scope::Read).await.unwrap();
            assert!(started.elapsed() < Duration::from_secs(1));
        }
        let got = world.table.got();
        let writes = got.iter().filter(|request| request.contains("UpdateItem")).count();
        assert_eq!(writes, 1);
    }
}

#[tokio::test]
async fn unknown_keys_do_not_evict_known_ones() {
    let mut responses = vec![key_item(&json!({})), acme(Some("cus_1"))];
    responses.push(json("{}"));
    let world = World::new(responses).await;
    world.ask("").await.unwrap();
    for _ in 0..1_100 {
        let unknown = generate(Mode::Test).unwrap();
        let error = world.ask_with(unknown.expose_secret(), "", Scope::Read).await.unwrap_err();
        assert_eq!(code(error), "unauthenticated");
    }
    let before = world.table.got().len();
    world.ask("").await.unwrap();
    assert_eq!(world.table.got().len(), before);
}
