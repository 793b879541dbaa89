//! Who is asking, against a table that is slow, broken, refusing or out of its mind.

use std::time::Duration;

use lambda_http::http::{HeaderMap, HeaderValue};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use shared::auth::{Authenticator, Mode, generate};
use shared::secrets::Secrets;
use shared::store::Store;
use shared::{ApiError, Caller, Scope};
use tokio::time::Instant;

use crate::server::{Behavior, Server, json, refusal};

struct World {
    table: Server,
    manager: Server,
    auth: Authenticator,
    secrets: Secrets,
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
        // So that nothing is to be written.
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

impl World {
    async fn new(table: Vec<Behavior>) -> Self {
        let secret = |text: Value| json(&json!({ "SecretString": text.to_string() }).to_string());
        let manager = Server::start(vec![
            secret(json!({ "secretKey": "rk_test_1" })),
            secret(json!({ "pepper": "0123456789abcdef0123456789abcdef" })),
        ])
        .await;
        let secrets = Secrets::new(
            aws_sdk_secretsmanager::Client::new(&manager.aws()),
            "stripe".to_owned(),
            "pepper".to_owned(),
        );
        secrets.stripe().await.unwrap();
        secrets.peppers().await.unwrap();
        let table = Server::start(table).await;
        let auth = Authenticator::new(Store::new(
            aws_sdk_dynamodb::Client::new(&table.aws()),
            "billing".to_owned(),
        ));
        let key = generate(Mode::Test).unwrap().expose_secret().to_owned();
        Self { table, manager, auth, secrets, key }
    }

    async fn ask(&self, act_as: &str) -> Result<Caller, ApiError> {
        self.ask_with(&self.key, act_as, Scope::Read).await
    }

    async fn ask_with(&self, key: &str, act_as: &str, scope: Scope) -> Result<Caller, ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_str(&format!("Bearer {key}")).unwrap());
        headers.insert("x-cantila-act-as", HeaderValue::from_str(act_as).unwrap());
        self.auth.authenticate(&headers, scope, &self.secrets).await
    }

    async fn refused(&self, act_as: &str) -> &'static str {
        self.ask(act_as).await.unwrap_err().kind().1
    }
}

#[tokio::test]
async fn a_key_leads_to_its_account_and_both_are_remembered() {
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
        "the key itself leaves the process never"
    );
    assert!(got.iter().all(|request| request.contains(r#""ConsistentRead":true"#)));
}

#[tokio::test]
async fn an_account_without_a_customer_is_looked_up_each_time() {
    let world = World::new(vec![key_item(&json!({})), acme(None), acme(Some("cus_1"))]).await;
    assert_eq!(world.ask("").await.unwrap().account.customer, None);
    assert_eq!(world.ask("").await.unwrap().account.customer.as_deref(), Some("cus_1"));
}

#[tokio::test]
async fn unknown_keys_are_remembered_too_and_malformed_ones_never_looked_up() {
    let world = World::new(vec![json("{}")]).await;
    for _ in 0..3 {
        assert_eq!(world.refused("").await, "unauthenticated");
    }
    assert_eq!(world.table.got().len(), 1);
    let live = generate(Mode::Live).unwrap();
    for key in ["", "sk_test_1", &world.key[1..], live.expose_secret()] {
        let error = world.ask_with(key, "", Scope::Read).await.unwrap_err();
        assert_eq!(error.kind().1, "unauthenticated", "{key}");
    }
    assert_eq!(world.table.got().len(), 1);
}

#[tokio::test]
async fn expired_and_revoked_keys_and_those_without_an_account_are_as_good_as_none() {
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
async fn a_scope_below_the_routes_is_refused_before_the_account_is_looked_up() {
    let world = World::new(vec![key_item(&json!({ "scope": text("deploy") }))]).await;
    let error = world.ask_with(&world.key, "nobody", Scope::Admin).await.unwrap_err();
    assert!(matches!(
        error,
        ApiError::InsufficientScope { required: Scope::Admin, granted: Scope::Deploy }
    ));
    assert_eq!(world.table.got().len(), 1);
}

#[tokio::test]
async fn a_parent_acts_for_its_own_sub_accounts_and_for_nobody_else() {
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
    for (act_as, answers, expected) in cases {
        let world = World::new(own().into_iter().chain(answers).collect()).await;
        let got =
            world.ask(act_as).await.map(|caller| caller.account.id).map_err(|error| error.kind().1);
        assert_eq!(got.as_deref().map_err(|code| *code), expected, "{act_as}");
    }
}

#[tokio::test]
async fn every_refusal_of_a_key_of_the_right_form_takes_one_look_up_and_then_none() {
    let rows = [
        ("unknown", json("{}")),
        ("expired", key_item(&json!({ "expiresAt": { "N": "2000" } }))),
        ("revoked", key_item(&json!({ "revokedAt": { "N": "2000" } }))),
    ];
    for (what, answer) in rows {
        let mut world = World::new(vec![answer, json("nonsense")]).await;
        world.secrets = world.secrets.look_again_after(Duration::ZERO);
        for round in 1..=3 {
            assert_eq!(world.refused("").await, "unauthenticated", "{what}");
            // The two secrets at the start, and each time whether there is a new pepper.
            let asked = (world.table.got().len(), world.manager.got().len());
            assert_eq!(asked, (1, 2 + round), "{what}");
        }
    }
}

#[tokio::test]
async fn a_foreign_account_takes_as_many_look_ups_as_none() {
    let handle = || item(&json!({ "account": text("acc_2") }));
    let foreign = || account_item("acc_2", "client", Some("acc_9"), Some("cus_2"));
    let rows = [
        ("client", vec![handle(), foreign()], [2, 1, 1]),
        ("client", vec![json("{}")], [2, 1, 1]),
        ("acc_2", vec![foreign()], [1, 1, 1]),
        ("acc_2", vec![json("{}")], [1, 1, 1]),
    ];
    for (act_as, answers, look_ups) in rows {
        let own = [key_item(&json!({})), acme(Some("cus_1"))];
        let world = World::new(own.into_iter().chain(answers).collect()).await;
        world.ask("").await.unwrap();
        for expected in look_ups {
            let before = world.table.got().len();
            assert_eq!(world.refused(act_as).await, "act_as_forbidden");
            assert_eq!(world.table.got().len() - before, expected, "{act_as}");
        }
    }
}

#[tokio::test]
async fn a_sub_account_is_remembered_for_its_own_parent_alone() {
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
async fn without_the_table_the_answer_is_unavailable_and_nothing_is_remembered() {
    for failure in [
        Behavior::Hang,
        Behavior::Close,
        Behavior::Cut,
        refusal(500, ""),
        refusal(400, ""),
        json("nonsense"),
    ] {
        let world = World::new(vec![failure, key_item(&json!({})), acme(Some("cus_1"))]).await;
        assert_eq!(world.refused("").await, "unavailable");
        assert_eq!(world.ask("").await.unwrap().account.id, "acc_1");
    }
}

#[tokio::test]
async fn an_item_that_is_not_ours_is_a_bug_of_ours() {
    let world = World::new(vec![key_item(&json!({ "scope": text("root") }))]).await;
    assert_eq!(world.refused("").await, "internal");
}

#[tokio::test]
async fn a_table_that_takes_no_writes_holds_up_no_request_for_long_and_is_tried_once() {
    let unused = || key_item(&json!({ "lastUsedOn": text("2000-01-01") }));
    for failure in [refusal(400, ""), Behavior::Close, Behavior::Hang] {
        // The account is known from another key, so that what comes third is the write.
        let answers = vec![key_item(&json!({})), acme(Some("cus_1")), unused(), failure];
        let world = World::new(answers).await;
        world.ask("").await.unwrap();
        let other = generate(Mode::Test).unwrap();
        for _ in 0..3 {
            world.ask_with(other.expose_secret(), "", Scope::Read).await.unwrap();
            let started = Instant::now();
            world.auth.aside().settle(started + Duration::from_mins(1)).await;
            assert!(started.elapsed() < Duration::from_secs(1));
        }
        let got = world.table.got();
        let writes = got.iter().filter(|request| request.contains("UpdateItem")).count();
        assert_eq!((got.len(), writes), (4, 1));
    }
}
