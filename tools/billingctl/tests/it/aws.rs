//! `setup`, `accounts` and `keys`, against moto.

use aws_sdk_dynamodb::types::BillingMode;
use serde_json::{Value, json};
use shared::{ApiError, Scope};

use crate::functions::{
    PEPPER, READ, TABLE, WRITE, authenticate, dynamo, secrets_manager, with_stripe_keys,
};
use crate::harness::Shell;
use crate::moto_server::MotoServer;

fn statuses(table: &str, secrets: [&str; 3]) -> Value {
    let secret = |(name, status): (&str, &str)| json!({ "name": name, "status": status });
    let secrets: Vec<Value> = [PEPPER, READ, WRITE].into_iter().zip(secrets).map(secret).collect();
    json!({ "table": { "name": TABLE, "status": table }, "secrets": secrets })
}

#[tokio::test]
async fn a_second_setup_changes_nothing_and_replaces_stripe_keys_only_when_asked() {
    let moto = MotoServer::start();
    let bare = Shell::with_aws(&moto.url);
    let first = bare.run(&["setup", "--json"]);
    assert_eq!(first.json(), statuses("created", ["created", "missing", "missing"]));
    assert!(
        first.stderr.contains("STRIPE_READ_KEY") && first.stderr.contains("STRIPE_WRITE_KEY"),
        "{first:?}"
    );
    let secret = async |id: &str| {
        let answer =
            secrets_manager(&moto).get_secret_value().secret_id(id).send().await.expect("there");
        answer.secret_string.expect("text")
    };
    let pepper = secret(PEPPER).await;

    let keys = with_stripe_keys(&bare);
    assert_eq!(keys.json(&["setup"]), statuses("exists", ["exists", "created", "created"]));
    assert_eq!(keys.json(&["setup"]), statuses("exists", ["exists", "exists", "exists"]));
    assert_eq!(bare.json(&["setup"]), statuses("exists", ["exists", "exists", "exists"]));
    assert_eq!(
        secret(READ).await,
        r#"{"secretKey":"rk_test_hunter1","publishableKey":"pk_test_hunter3"}"#
    );

    let rotated = keys.with("STRIPE_READ_KEY", "rk_test_hunter4");
    assert_eq!(rotated.json(&["setup"]), statuses("exists", ["exists", "exists", "exists"]));
    assert_eq!(
        secret(READ).await,
        r#"{"secretKey":"rk_test_hunter1","publishableKey":"pk_test_hunter3"}"#
    );
    let replaced = rotated.run(&["setup", "--replace-secrets"]);
    assert!(
        replaced.code == Some(0) && !format!("{replaced:?}").contains("hunter"),
        "{replaced:?}"
    );
    assert_eq!(
        secret(READ).await,
        r#"{"secretKey":"rk_test_hunter4","publishableKey":"pk_test_hunter3"}"#
    );
    assert_eq!(secret(PEPPER).await, pepper, "with it would go every API key");
}

#[tokio::test]
async fn the_table_is_as_the_functions_need_it() {
    let moto = MotoServer::start();
    let shell = with_stripe_keys(&Shell::with_aws(&moto.url)).with("BILLING_TABLE", "mine");
    assert_eq!(shell.json(&["setup"])["table"], json!({ "name": "mine", "status": "created" }));
    let client = dynamo(&moto);
    let table = client
        .describe_table()
        .table_name("mine")
        .send()
        .await
        .expect("there")
        .table
        .expect("described");
    let keys: Vec<String> = table
        .key_schema()
        .iter()
        .map(|key| format!("{} {}", key.attribute_name(), key.key_type()))
        .collect();
    assert_eq!(keys, ["pk HASH", "sk RANGE"]);
    assert_eq!(table.deletion_protection_enabled(), Some(true));
    assert_eq!(
        table.billing_mode_summary().and_then(|mode| mode.billing_mode()).map(BillingMode::as_str),
        Some("PAY_PER_REQUEST")
    );
    let ttl = client
        .describe_time_to_live()
        .table_name("mine")
        .send()
        .await
        .expect("there")
        .time_to_live_description;
    assert_eq!(ttl.and_then(|ttl| ttl.attribute_name).as_deref(), Some("ttl"));
    let backups =
        client.describe_continuous_backups().table_name("mine").send().await.expect("there");
    let recovery = backups
        .continuous_backups_description
        .and_then(|backups| backups.point_in_time_recovery_description);
    let status = recovery.and_then(|recovery| recovery.point_in_time_recovery_status);
    assert_eq!(status.map(|status| status.as_str().to_owned()).as_deref(), Some("ENABLED"));
}

#[test]
fn an_account_is_created_found_linked_and_unique() {
    let moto = MotoServer::start();
    let shell = Shell::with_aws(&moto.url);
    let none = shell.run(&["accounts", "list"]);
    assert!(none.failure().contains("billingctl setup"), "{none:?}");
    shell.json(&["setup"]);

    let acme = shell.json(&["accounts", "create", "--handle", "acme", "--id", "acc_1"]);
    assert_eq!(
        acme,
        json!({ "id": "acc_1", "handle": "acme", "parent": null, "customer": null, "createdAt": acme["createdAt"] })
    );
    let client = shell.json(&[
        "accounts",
        "create",
        "--handle",
        "client",
        "--parent",
        "acme",
        "--customer",
        "cus_c",
        "--skip-check",
    ]);
    let id = client["id"].as_str().expect("an id");
    assert!(id.len() == 20 && id.starts_with("acc_"), "{client}");
    assert_eq!((&client["parent"], &client["customer"]), (&json!("acc_1"), &json!("cus_c")));
    assert_eq!(shell.json(&["accounts", "list"]), json!({ "accounts": [acme, client] }));

    let refused = [
        (&["--handle", "acme"][..], "the handle \"acme\" is taken"),
        (&["--handle", "other", "--id", "acc_1"], "an account with the id acc_1"),
        (&["--handle", "other", "--parent", "client"], "only an account without a parent"),
        (&["--handle", "other", "--parent", "nobody"], "there is no account \"nobody\""),
    ];
    for (arguments, reason) in refused {
        let run = shell.run(&[&["accounts", "create"], arguments].concat());
        assert!(run.failure().contains(reason), "{run:?}");
    }
    assert_eq!(
        shell.json(&["accounts", "list"]),
        json!({ "accounts": [acme, client] }),
        "all or nothing"
    );

    let link = |arguments: &[&str]| {
        shell.run(&[&["accounts", "link", "acme", "--json", "--skip-check"], arguments].concat())
    };
    assert_eq!(link(&["--customer", "cus_1"]).json()["customer"], "cus_1");
    assert_eq!(link(&["--customer", "cus_1"]).json()["customer"], "cus_1");
    assert!(link(&["--customer", "cus_2"]).failure().contains("--replace"));
    assert!(
        link(&["--customer", "cus_c", "--replace"]).failure().contains("the customer of client")
    );
    assert_eq!(link(&["--customer", "cus_2", "--replace"]).json()["customer"], "cus_2");
    let shown = shell.json(&["accounts", "show", "acc_1"]);
    assert_eq!(
        shown,
        json!({ "id": "acc_1", "handle": "acme", "parent": null, "customer": "cus_2", "createdAt": acme["createdAt"], "keys": [] })
    );
}

#[tokio::test]
async fn a_key_works_for_its_account_until_it_is_revoked() {
    let moto = MotoServer::start();
    let shell = with_stripe_keys(&Shell::with_aws(&moto.url));
    shell.json(&["setup"]);
    shell.json(&[
        "accounts",
        "create",
        "--handle",
        "acme",
        "--id",
        "acc_1",
        "--customer",
        "cus_1",
        "--skip-check",
    ]);
    shell.json(&["accounts", "create", "--handle", "client", "--id", "acc_2", "--parent", "acme"]);

    let made = shell.run(&[
        "keys",
        "create",
        "--account",
        "acme",
        "--scope",
        "deploy",
        "--name",
        "ci",
        "--expires-in",
        "90d",
        "--json",
    ]);
    let made = made.json();
    let (key, id) = (made["key"].as_str().expect("a key"), made["id"].as_str().expect("an id"));
    let expected = json!({
        "id": id, "key": key, "account": "acc_1", "scope": "deploy", "name": "ci", "prefix": &key[..12],
        "createdAt": made["createdAt"], "expiresAt": made["expiresAt"],
    });
    assert_eq!(made, expected);
    assert!(key.starts_with("sk_test_"), "the mode of the stack's Stripe key");
    let caller = authenticate(&moto, key, None).await.expect("a good key");
    assert_eq!(
        (caller.account.handle.as_str(), caller.scope, caller.key_id.as_str()),
        ("acme", Scope::Deploy, id)
    );
    let caller = authenticate(&moto, key, Some("client")).await.expect("its own sub-account");
    assert_eq!(caller.account.id, "acc_2");

    let listed = shell.run(&["keys", "list", "--account", "acme", "--json"]);
    assert!(!listed.stdout.contains(key), "never the key");
    assert_eq!(listed.json()["keys"][0]["status"], "active");
    let revoke = || shell.run(&["keys", "revoke", id, "--account", "acc_1", "--json"]);
    let revoked = revoke().json();
    assert_eq!(
        revoked,
        json!({ "id": id, "account": "acc_1", "revokedAt": revoked["revokedAt"], "already": false })
    );
    let again = revoke();
    assert_eq!(
        again.json(),
        json!({ "id": id, "account": "acc_1", "revokedAt": revoked["revokedAt"], "already": true })
    );
    assert!(matches!(authenticate(&moto, key, None).await, Err(ApiError::Unauthenticated)));
    assert_eq!(shell.json(&["accounts", "show", "acme"])["keys"][0]["status"], "revoked");
    let foreign = shell.run(&["keys", "revoke", id, "--account", "client"]);
    assert!(foreign.failure().contains("client has no key"), "{foreign:?}");
}

#[test]
fn the_mode_of_a_key_is_said_or_known_and_its_end_is_to_come() {
    let moto = MotoServer::start();
    let shell = Shell::with_aws(&moto.url);
    shell.json(&["setup"]);
    shell.json(&["accounts", "create", "--handle", "acme"]);
    let create = |arguments: &[&str]| {
        shell
            .run(&[&["keys", "create", "--account", "acme", "--scope", "read"], arguments].concat())
    };
    let unknown = create(&[]);
    assert!(unknown.failure().contains("--mode test"), "{unknown:?}");
    let live = create(&["--mode", "live"]);
    assert!(
        live.stdout.starts_with("sk_live_") && live.stdout.lines().count() == 1,
        "the key alone: {live:?}"
    );
    let past = create(&["--mode", "test", "--expires-at", "2020-01-01T00:00:00Z"]);
    assert!(past.failure().contains("is past"), "{past:?}");
    let until = create(&["--mode", "test", "--expires-at", "2999-01-01T00:00:00Z", "--json"]);
    assert_eq!(until.json()["expiresAt"], "2999-01-01T00:00:00Z");
    let nobody =
        shell.run(&["keys", "create", "--account", "nobody", "--scope", "read", "--mode", "test"]);
    assert!(nobody.failure().contains("there is no account"), "{nobody:?}");
}
