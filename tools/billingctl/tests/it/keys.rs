//! Tests of `keys`, against the AWS emulator.

use std::path::PathBuf;

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use shared::access::{AccessError, ApiKey, generate};
use shared::values::{Mode, Scope, Timestamp, sha256_hex};

use crate::authentication::{authenticate, with_stripe_keys};
use crate::aws::Aws;
use crate::harness::Shell;

/// Creates the account `acme` in an emulator with a table.
fn stack(aws: &Aws) -> Shell {
    let shell = Shell::with_aws(&aws.url);
    shell.json(&["accounts", "create", "--handle", "acme", "--id", "acc_1"]);
    shell
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}")).to_owned()
}

#[track_caller]
fn listed(shell: &Shell) -> Vec<Value> {
    let keys = shell.json(&["keys", "list", "--account", "acme"]);
    keys["keys"].as_array().expect("a list").clone()
}

#[tokio::test]
async fn key_is_listed_with_the_day_of_its_last_use() {
    let aws = Aws::with_table();
    let shell = stack(&aws);
    let created =
        shell.json(&["keys", "create", "--account", "acme", "--scope", "read", "--mode", "test"]);
    assert_eq!(listed(&shell)[0]["lastUsedOn"], Value::Null);
    authenticate(&aws, &text(&created, "key"), None).await.expect("a good key");
    let today = Timestamp::now().date().to_string();
    assert_eq!(listed(&shell)[0]["lastUsedOn"], json!(today));
    let table = shell.run(&["keys", "list", "--account", "acme"]).stdout;
    assert!(table.contains("LAST USED") && table.contains(&today), "{table}");
}

#[tokio::test]
async fn rolled_key_works_until_the_overlap_ends() {
    let aws = Aws::with_table();
    let shell = stack(&aws);
    let create = ["keys", "create", "--account", "acme", "--scope", "deploy", "--name", "ci"];
    let old = shell.json(&[&create[..], &["--expires-in", "90d", "--mode", "test"]].concat());
    let (old_key, old_id) = (text(&old, "key"), text(&old, "id"));
    let roll = |id: &str, more: &[&str]| {
        shell.run(&[&["keys", "roll", id, "--account", "acme", "--json"], more].concat())
    };

    let run = roll(&old_id, &[]);
    let new = run.json();
    let new_key = text(&new, "key");
    assert_eq!((&new["scope"], &new["name"]), (&json!("deploy"), &json!("ci")));
    assert_eq!(new["replaces"]["id"], json!(old_id));
    let until = text(&new["replaces"], "worksUntil");
    assert!(run.stderr.contains(&until) && !run.stderr.contains(&new_key), "{run:?}");
    for key in [&old_key, &new_key] {
        assert_eq!(authenticate(&aws, key, None).await.expect("both work").account.id, "acc_1");
    }
    let keys = listed(&shell);
    assert_eq!(keys.len(), 2);
    assert_eq!(
        keys.iter().find(|key| key["id"] == json!(old_id)).expect("listed")["expiresAt"],
        until
    );
    let seconds = |text: &str| Timestamp::parse(text).expect("a timestamp").seconds();
    let created = seconds(&text(&new, "createdAt"));
    assert_eq!(seconds(&until) - created, 24 * 3_600);
    assert_eq!(seconds(&text(&new, "expiresAt")) - created, 90 * 24 * 3_600, "the same lifetime");

    // A second roll does not extend the old key; without an overlap it expires at once.
    let again = roll(&old_id, &["--overlap", "90d"]).json();
    assert_eq!(text(&again["replaces"], "worksUntil"), until);
    let ended = roll(&old_id, &["--overlap", "0", "--yes"]);
    assert!(ended.stderr.contains("within 60 s"), "{ended:?}");
    assert!(matches!(authenticate(&aws, &old_key, None).await, Err(AccessError::Unauthenticated)));
    assert!(roll(&old_id, &[]).error().contains("cannot be rolled"));
    assert!(roll("key_none", &[]).error().contains("acme has no key"));
}

#[test]
fn replacement_of_a_rolled_key_keeps_the_lifetime_of_the_first_one() {
    let aws = Aws::with_table();
    let shell = stack(&aws);
    let create = ["keys", "create", "--account", "acme", "--scope", "read", "--mode", "test"];
    let seconds = |value: &Value, field: &str| {
        Timestamp::parse(&text(value, field)).expect("a timestamp").seconds()
    };
    for (more, lifetime) in [(&[][..], None), (&["--expires-in", "90d"], Some(90 * 86_400))] {
        let id = text(&shell.json(&[&create[..], more].concat()), "id");
        for _ in 0..3 {
            let new = shell.json(&["keys", "roll", &id, "--account", "acme", "--overlap", "1h"]);
            let expiry = lifetime.map(|lifetime| seconds(&new, "createdAt") + lifetime);
            match expiry {
                Some(expiry) => assert_eq!(seconds(&new, "expiresAt"), expiry),
                None => assert_eq!(new["expiresAt"], Value::Null),
            }
        }
    }
}

fn file(name: &str, text: &str) -> PathBuf {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&file, text).expect("writable");
    file
}

#[tokio::test]
async fn imported_keys_authenticate_and_an_invalid_file_imports_nothing() {
    let aws = Aws::with_table();
    let shell = stack(&aws);
    let keys = [(); 2].map(|()| generate(Mode::Test).expect("random numbers"));
    let row = |index: usize, account: &str| {
        let key = ApiKey::parse(keys[index].expose_secret()).expect("own form");
        let (hash, prefix) = (sha256_hex(keys[index].expose_secret()), key.display_prefix());
        format!("{hash},{account},admin,key {index},{prefix},2026-01-31T00:00:00Z,\n")
    };
    let header = "hash,account,scope,name,prefix,createdAt,expiresAt\n";
    let import = |name: &str, rows: &[String], more: &[&str]| {
        let file = file(name, &(header.to_owned() + &rows.concat()));
        shell.run(&[&["keys", "import", file.to_str().expect("UTF-8"), "--json"], more].concat())
    };

    let bad = [row(0, "acme"), row(1, "nobody")];
    let refused = import("bad.csv", &bad, &[]);
    assert!(refused.error().contains("line 3: there is no account \"nobody\""), "{refused:?}");
    let broken = [row(0, "acme"), "x,acme,admin,,,,\n".to_owned()];
    assert!(import("broken.csv", &broken, &[]).error().contains("line 3: \"hash\""));
    assert_eq!(listed(&shell).len(), 0, "all or nothing");

    let good = [row(0, "acme"), row(1, "acc_1")];
    let dry = import("good.csv", &good, &["--dry-run"]).json();
    assert_eq!(dry, json!({ "imported": 0, "new": 2, "alreadyThere": 0 }));
    assert_eq!(listed(&shell).len(), 0, "only checked");
    let first = import("good.csv", &good, &[]).json();
    assert_eq!(first, json!({ "imported": 2, "new": 2, "alreadyThere": 0 }));
    for key in &keys {
        let key = key.expose_secret();
        assert_eq!(authenticate(&aws, key, None).await.expect("imported").account.id, "acc_1");
    }
    let before = listed(&shell);
    let id = text(&before[0], "id");
    shell.json(&["keys", "revoke", &id, "--account", "acme", "--yes"]);
    let again = import("good.csv", &good, &[]).json();
    assert_eq!(again, json!({ "imported": 0, "new": 0, "alreadyThere": 2 }));
    assert_eq!(listed(&shell).iter().filter(|key| key["status"] == "revoked").count(), 1);

    let other = [row(0, "acme").replace(",admin,", ",read,")];
    let refused = import("other.csv", &other, &[]);
    assert!(refused.error().contains("line 2: another key has this hash"), "{refused:?}");
    let missing = shell.run(&["keys", "import", "/nonexistent/keys.csv"]);
    assert!(missing.error().contains("/nonexistent/keys.csv"), "{missing:?}");
}

#[tokio::test]
async fn key_authenticates_its_account_until_it_is_revoked() {
    let aws = Aws::with_secrets();
    let shell = with_stripe_keys(&Shell::with_aws(&aws.url));
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

    let created = shell.run(&[
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
    let created = created.json();
    let (key, id) =
        (created["key"].as_str().expect("a key"), created["id"].as_str().expect("an ID"));
    let expected = json!({
        "id": id, "key": key, "account": "acc_1", "scope": "deploy", "name": "ci", "prefix": &key[..12],
        "createdAt": created["createdAt"], "expiresAt": created["expiresAt"],
    });
    assert_eq!(created, expected);
    assert!(key.starts_with("sk_test_"), "the mode of the stack's Stripe key");
    let caller = authenticate(&aws, key, None).await.expect("a good key");
    assert_eq!(
        (caller.account.handle.as_str(), caller.scope, caller.key_id.as_str()),
        ("acme", Scope::Deploy, id)
    );
    let caller = authenticate(&aws, key, Some("client")).await.expect("its own sub-account");
    assert_eq!(caller.account.id, "acc_2");

    let listed = shell.run(&["keys", "list", "--account", "acme", "--json"]);
    assert!(!listed.stdout.contains(key), "never the key");
    assert_eq!(listed.json()["keys"][0]["status"], "active");
    let revoke = || shell.run(&["keys", "revoke", id, "--account", "acc_1", "--json", "--yes"]);
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
    assert!(matches!(authenticate(&aws, key, None).await, Err(AccessError::Unauthenticated)));
    assert_eq!(shell.json(&["accounts", "show", "acme"])["keys"][0]["status"], "revoked");
    let foreign = shell.run(&["keys", "revoke", id, "--account", "client"]);
    assert!(foreign.error().contains("client has no key"), "{foreign:?}");
}

#[test]
fn new_key_needs_a_mode_and_a_future_expiry() {
    let aws = Aws::with_secrets();
    let shell = Shell::with_aws(&aws.url);
    shell.json(&["setup"]);
    shell.json(&["accounts", "create", "--handle", "acme"]);
    let create = |arguments: &[&str]| {
        shell
            .run(&[&["keys", "create", "--account", "acme", "--scope", "read"], arguments].concat())
    };
    let unknown = create(&[]);
    assert!(unknown.error().contains("--mode test"), "{unknown:?}");
    let live = create(&["--mode", "live"]);
    assert!(
        live.stdout.starts_with("sk_live_") && live.stdout.lines().count() == 1,
        "the key alone: {live:?}"
    );
    assert!(live.stderr.contains("was not compared with the stack's mode"), "{live:?}");
    with_stripe_keys(&shell).json(&["setup"]);
    let other = create(&["--mode", "live"]);
    assert!(other.error().contains("this stack is for test mode"), "{other:?}");
    assert!(create(&["--mode", "test"]).stdout.starts_with("sk_test_"));
    let past = create(&["--mode", "test", "--expires-at", "2020-01-01T00:00:00Z"]);
    assert!(past.error().contains("is in the past"), "{past:?}");
    let until = create(&["--mode", "test", "--expires-at", "2999-01-01T00:00:00Z", "--json"]);
    assert_eq!(until.json()["expiresAt"], "2999-01-01T00:00:00Z");
    let nobody =
        shell.run(&["keys", "create", "--account", "nobody", "--scope", "read", "--mode", "test"]);
    assert!(nobody.error().contains("there is no account"), "{nobody:?}");
}
