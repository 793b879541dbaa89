//! Secrets that are set and rotated, against moto and the sandbox.

use std::path::PathBuf;

use serde_json::{Value, json};
use shared::ApiError;
use stripe_sandbox::{Config, Running, Sandbox};

use crate::functions::{PEPPER, READ, WRITE, authenticate, secrets_manager, with_stripe_keys};
use crate::harness::{Run, Shell};
use crate::moto_server::MotoServer;

async fn secret(moto: &MotoServer, id: &str) -> Value {
    let answer = secrets_manager(moto).get_secret_value().secret_id(id).send().await;
    let text = answer.expect("there").secret_string.expect("text");
    serde_json::from_str(&text).expect("JSON")
}

/// A Stripe that knows these keys, and no others.
fn stripe(keys: &[(&str, &[&str])]) -> Running {
    let restricted = keys.iter().map(|(key, permissions)| {
        ((*key).to_owned(), permissions.iter().map(|name| (*name).to_owned()).collect())
    });
    let config = Config { restricted_keys: restricted.collect(), ..Config::default() };
    Sandbox::start(config).expect("a free port")
}

const READS: &[&str] = &["rak_product_read", "rak_subscription_read"];

/// No secret in what was printed; the tests' all have this word in them.
#[track_caller]
fn discreet(run: Run) -> Run {
    assert!(!format!("{run:?}").contains("hunter"), "{run:?}");
    run
}

#[tokio::test]
async fn a_stripe_key_is_tried_before_it_takes_the_place_of_another() {
    let moto = MotoServer::start();
    let sandbox = stripe(&[
        ("rk_test_hunter1", READS),
        ("rk_test_hunter7", READS),
        ("rk_test_hunter8", &["rak_product_read"]),
    ]);
    let shell = with_stripe_keys(&Shell::with_aws(&moto.url)).with("STRIPE_API_BASE", &sandbox.url);
    shell.json(&["setup"]);
    let before = secret(&moto, READ).await;
    let rotate = |key: &str, more: &[&str]| {
        let command = ["secrets", "rotate", "stripe-read", "--stdin"];
        discreet(shell.run_with(&[&command[..], more].concat(), key))
    };
    for (key, more, reason) in [
        ("hunter2", &[][..], "no secret key of Stripe's"),
        ("", &[], "is empty"),
        ("rk_live_hunter2", &[], "live mode"),
        ("sk_test_hunter2", &[], "unrestricted"),
        ("rk_test_hunter2", &[], "Stripe refuses this key"),
        ("rk_test_hunter8", &[], "lacks a permission"),
        ("rk_test_hunter7", &["--publishable-key", "pk_live_1"], "publishable key is not"),
        ("rk_test_hunter7", &["--until", "2999-01-01T00:00:00Z"], "--until is for the pepper"),
    ] {
        let run = rotate(key, more);
        assert!(run.failure().contains(reason), "{key}: {run:?}");
    }
    assert_eq!(secret(&moto, READ).await, before);

    let rotated = rotate("rk_test_hunter7\n", &["--json"]);
    assert_eq!(rotated.json(), json!({ "secret": READ, "mode": "test", "checked": true }));
    assert!(rotated.stderr.contains("end the old key"), "{rotated:?}");
    let after = json!({ "secretKey": "rk_test_hunter7", "publishableKey": "pk_test_hunter3" });
    assert_eq!(secret(&moto, READ).await, after);

    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("stripe-write.txt");
    std::fs::write(&file, "rk_test_hunter9\n").expect("writable");
    let file = file.to_str().expect("UTF-8");
    let write = ["secrets", "set", "stripe-write", "--from-file", file];
    assert!(discreet(shell.run(&write)).failure().contains("Stripe refuses"));
    let unchecked = discreet(shell.run(&[&write[..], &["--skip-check", "--json"]].concat()));
    assert_eq!(unchecked.json(), json!({ "secret": WRITE, "mode": "test", "checked": false }));
    assert_eq!(secret(&moto, WRITE).await["secretKey"], "rk_test_hunter9");

    let nobody = shell.run_with(&["secrets", "set", "stripe-read"], "rk_test_hunter7");
    assert!(discreet(nobody).failure().contains("--from-file or --stdin"));
    let missing = shell.run(&["secrets", "set", "stripe-read", "--from-file", "/nonexistent"]);
    assert!(missing.failure().contains("could not be read"), "{missing:?}");
}

#[tokio::test]
async fn a_first_key_needs_its_publishable_one_and_there_has_to_be_one_to_rotate() {
    let moto = MotoServer::start();
    let sandbox = stripe(&[("rk_test_hunter1", READS)]);
    let shell = Shell::with_aws(&moto.url).with("STRIPE_API_BASE", &sandbox.url);
    let run = |command: &str, more: &[&str]| {
        let arguments = [&["secrets", command, "stripe-read", "--stdin"], more].concat();
        discreet(shell.run_with(&arguments, "rk_test_hunter1"))
    };
    assert!(run("rotate", &[]).failure().contains("billingctl setup"));
    assert!(run("set", &[]).failure().contains("--publishable-key"));
    let set = run("set", &["--publishable-key", "pk_test_1"]);
    assert_eq!(set.code, Some(0), "{set:?}");
    let expected = json!({ "secretKey": "rk_test_hunter1", "publishableKey": "pk_test_1" });
    assert_eq!(secret(&moto, READ).await, expected);
}

#[tokio::test]
async fn the_pepper_is_rotated_while_every_key_that_is_used_goes_on_working() {
    let moto = MotoServer::start();
    let shell = with_stripe_keys(&Shell::with_aws(&moto.url));
    shell.json(&["setup"]);
    shell.json(&["accounts", "create", "--handle", "acme", "--id", "acc_1"]);
    let create = || {
        let made = shell.json(&["keys", "create", "--account", "acme", "--scope", "read"]);
        let text = |field: &str| made[field].as_str().expect(field).to_owned();
        (text("id"), text("key"))
    };
    let works = async |key: &str| authenticate(&moto, key, None).await.is_ok();
    let status = || {
        let status = shell.json(&["secrets", "pepper-status"]);
        let unused = status["keys"]["unused"].as_array().expect("a list").len();
        (status["keys"]["done"].clone(), status["keys"]["rehashed"].clone(), unused)
    };
    let (_, used) = create();
    let (idle_id, idle) = create();
    let (revoked_id, _) = create();
    shell.json(&["keys", "revoke", &revoked_id, "--account", "acme"]);
    assert_eq!(status(), (json!(2), json!(0), 0));
    let finish =
        |more: &[&str]| shell.run(&[&["secrets", "finish-pepper", "--json"], more].concat());
    assert!(finish(&[]).failure().contains("nothing to finish"));

    let before = secret(&moto, PEPPER).await;
    let rotated = shell.run(&["secrets", "rotate", "pepper", "--json"]);
    let said = rotated.json();
    let after = secret(&moto, PEPPER).await;
    assert_eq!(after["previous"]["pepper"], before["pepper"]);
    assert_ne!(after["pepper"], before["pepper"]);
    for pepper in [&before["pepper"], &after["pepper"]] {
        assert!(!format!("{rotated:?} {said}").contains(pepper.as_str().expect("text")));
    }
    let again = shell.run(&["secrets", "rotate", "pepper"]);
    assert!(again.failure().contains("not finished"), "{again:?}");
    assert!(shell.run(&["keys", "import", "/dev/null"]).failure().contains("being rotated"));

    // A key that is made at once is under the pepper that every process has.
    let (_, early) = create();
    assert_eq!(status(), (json!(0), json!(0), 3));
    assert!(works(&used).await && works(&early).await);
    assert_eq!(status(), (json!(0), json!(2), 1));
    let refused = finish(&[]);
    assert!(
        refused.failure().contains(&format!(
            "1 valid keys were not used since the rotation and would stop working: {idle_id}"
        )),
        "{refused:?}"
    );
    assert_eq!(status(), (json!(2), json!(0), 1), "what can be moved is moved");
    assert!(works(&used).await && works(&early).await && works(&idle).await);
    assert_eq!(status(), (json!(2), json!(1), 0));
    let listed = shell.json(&["keys", "list", "--account", "acme"]);
    assert_eq!(listed["keys"].as_array().map(Vec::len), Some(4), "and found by their account");

    let (lost_id, _) = create();
    assert_eq!(status(), (json!(3), json!(1), 0), "a new key is under the new pepper by now");
    let done = finish(&["--drop-unused", "0"]).json();
    assert_eq!((&done["moved"], &done["dropped"]), (&json!(1), &json!(0)));
    assert!(works(&used).await && works(&early).await && works(&idle).await);
    assert_eq!(status(), (json!(4), json!(0), 0));
    let until = secret(&moto, PEPPER).await["previous"]["until"].clone();
    assert_eq!(until, done["previousUntil"]);
    shell.json(&["keys", "revoke", &lost_id, "--account", "acme"]);
}

#[tokio::test]
async fn a_key_that_is_not_used_is_dropped_only_by_number_and_is_revoked_then() {
    let moto = MotoServer::start();
    let shell = with_stripe_keys(&Shell::with_aws(&moto.url));
    shell.json(&["setup"]);
    shell.json(&["accounts", "create", "--handle", "acme", "--id", "acc_1"]);
    let made = shell.json(&["keys", "create", "--account", "acme", "--scope", "read"]);
    let past = shell.run(&["secrets", "rotate", "pepper", "--until", "2020-01-01T00:00:00Z"]);
    assert!(past.failure().contains("is past"), "{past:?}");
    let own = "hunter2hunter2hunter2hunter2hunter2";
    let short = shell.run_with(&["secrets", "rotate", "pepper", "--stdin"], "hunter2");
    assert!(discreet(short).failure().contains("at least 32"));
    let rotated = discreet(shell.run_with(&["secrets", "rotate", "pepper", "--stdin"], own));
    assert_eq!(rotated.code, Some(0), "{rotated:?}");
    assert_eq!(secret(&moto, PEPPER).await["pepper"], own);
    let shown = shell.run(&["secrets", "pepper-status"]).stdout;
    assert!(shown.contains(made["id"].as_str().expect("an id")), "{shown}");

    let dropped = shell.run(&["secrets", "finish-pepper", "--drop-unused", "1", "--json"]).json();
    assert_eq!((&dropped["moved"], &dropped["dropped"]), (&json!(0), &json!(1)));
    let key = made["key"].as_str().expect("a key");
    assert!(matches!(authenticate(&moto, key, None).await, Err(ApiError::Unauthenticated)));
    let listed = shell.json(&["keys", "list", "--account", "acme"]);
    assert_eq!(listed["keys"][0]["status"], "revoked");
    let exists = shell.run_with(&["secrets", "set", "pepper", "--stdin"], own);
    assert!(discreet(exists).failure().contains("rotate pepper"));
}
