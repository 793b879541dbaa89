//! Keys that are listed with their last use, rolled and imported, against moto.

use std::path::PathBuf;

use serde_json::{Value, json};
use shared::ApiError;
use shared::auth::{ApiKey, Mode, generate};
use shared::respond::Timestamp;
use shared::secrets::Pepper;

use crate::functions::{PEPPER, authenticate, secrets_manager, with_stripe_keys};
use crate::harness::Shell;
use crate::moto_server::MotoServer;

/// A stack with the account `acme`.
fn stack(moto: &MotoServer) -> Shell {
    let shell = with_stripe_keys(&Shell::with_aws(&moto.url));
    shell.json(&["setup"]);
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
async fn a_key_is_listed_with_the_day_of_its_last_use() {
    let moto = MotoServer::start();
    let shell = stack(&moto);
    let made = shell.json(&["keys", "create", "--account", "acme", "--scope", "read"]);
    assert_eq!(listed(&shell)[0]["lastUsedOn"], Value::Null);
    authenticate(&moto, &text(&made, "key"), None).await.expect("a good key");
    let today = Timestamp::now().day().to_string();
    assert_eq!(listed(&shell)[0]["lastUsedOn"], json!(today));
    let table = shell.run(&["keys", "list", "--account", "acme"]).stdout;
    assert!(table.contains("LAST USED") && table.contains(&today), "{table}");
}

#[tokio::test]
async fn a_rolled_key_and_its_successor_both_work_until_the_overlap_is_over() {
    let moto = MotoServer::start();
    let shell = stack(&moto);
    let create = ["keys", "create", "--account", "acme", "--scope", "deploy", "--name", "ci"];
    let old = shell.json(&[&create[..], &["--expires-in", "90d"]].concat());
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
        assert_eq!(authenticate(&moto, key, None).await.expect("both work").account.id, "acc_1");
    }
    let keys = listed(&shell);
    assert_eq!(keys.len(), 2);
    assert_eq!(
        keys.iter().find(|key| key["id"] == json!(old_id)).expect("listed")["expiresAt"],
        until
    );
    let seconds = |text: &str| Timestamp::parse(text).expect("a moment").seconds();
    let created = seconds(&text(&new, "createdAt"));
    assert_eq!(seconds(&until) - created, 24 * 3_600);
    assert_eq!(seconds(&text(&new, "expiresAt")) - created, 90 * 24 * 3_600, "as long a life");

    // Rolled again, it works no longer than before; without an overlap it ends at once.
    let again = roll(&old_id, &["--overlap", "90d"]).json();
    assert_eq!(text(&again["replaces"], "worksUntil"), until);
    let ended = roll(&old_id, &["--overlap", "0"]);
    assert!(ended.stderr.contains("within 60 s"), "{ended:?}");
    assert!(matches!(authenticate(&moto, &old_key, None).await, Err(ApiError::Unauthenticated)));
    assert!(roll(&old_id, &[]).failure().contains("nothing to roll"));
    assert!(roll("key_none", &[]).failure().contains("acme has no key"));
}

fn file(name: &str, text: &str) -> PathBuf {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&file, text).expect("writable");
    file
}

#[tokio::test]
async fn imported_keys_work_and_a_file_is_imported_whole_or_not_at_all() {
    let moto = MotoServer::start();
    let shell = stack(&moto);
    let secret = secrets_manager(&moto).get_secret_value().secret_id(PEPPER).send().await;
    let secret = secret.expect("there").secret_string.expect("text");
    let secret: Value = serde_json::from_str(&secret).expect("JSON");
    let pepper = Pepper::from(text(&secret, "pepper").as_str());
    let keys = [(); 2].map(|()| generate(Mode::Test).expect("random numbers"));
    let row = |index: usize, account: &str| {
        let key = ApiKey::parse_secret(&keys[index]).expect("own form");
        let (hash, prefix) = (key.hash(&pepper), key.display_prefix());
        format!("{hash},{account},admin,key {index},{prefix},2026-01-31T00:00:00Z,\n")
    };
    let header = "hash,account,scope,name,prefix,createdAt,expiresAt\n";
    let import = |name: &str, rows: &[String], more: &[&str]| {
        let file = file(name, &(header.to_owned() + &rows.concat()));
        shell.run(&[&["keys", "import", file.to_str().expect("UTF-8"), "--json"], more].concat())
    };

    let bad = [row(0, "acme"), row(1, "nobody")];
    let refused = import("bad.csv", &bad, &[]);
    assert!(refused.failure().contains("line 3: there is no account \"nobody\""), "{refused:?}");
    let broken = [row(0, "acme"), "x,acme,admin,,,,\n".to_owned()];
    assert!(import("broken.csv", &broken, &[]).failure().contains("line 3: \"hash\""));
    assert_eq!(listed(&shell).len(), 0, "all or nothing");

    let good = [row(0, "acme"), row(1, "acc_1")];
    let dry = import("good.csv", &good, &["--dry-run"]).json();
    assert_eq!(dry, json!({ "imported": 0, "new": 2, "alreadyThere": 0 }));
    assert_eq!(listed(&shell).len(), 0, "only checked");
    let first = import("good.csv", &good, &[]).json();
    assert_eq!(first, json!({ "imported": 2, "new": 2, "alreadyThere": 0 }));
    for key in &keys {
        let key = secrecy::ExposeSecret::expose_secret(key);
        assert_eq!(authenticate(&moto, key, None).await.expect("imported").account.id, "acc_1");
    }
    let before = listed(&shell);
    let id = text(&before[0], "id");
    shell.json(&["keys", "revoke", &id, "--account", "acme"]);
    let again = import("good.csv", &good, &[]).json();
    assert_eq!(again, json!({ "imported": 0, "new": 0, "alreadyThere": 2 }));
    assert_eq!(listed(&shell).iter().filter(|key| key["status"] == "revoked").count(), 1);

    let other = [row(0, "acme").replace(",admin,", ",read,")];
    let refused = import("other.csv", &other, &[]);
    assert!(refused.failure().contains("line 2: there is another key"), "{refused:?}");
    let missing = shell.run(&["keys", "import", "/nonexistent/keys.csv"]);
    assert!(missing.failure().contains("/nonexistent/keys.csv"), "{missing:?}");
}
