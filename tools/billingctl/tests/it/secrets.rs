//! Tests of `secrets`, against the AWS emulator and the sandbox.

use std::path::PathBuf;

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use shared::aws::secrets::QuoteSecret;
use shared::values::token::{Bounds, MacKeys};
use shared::values::{Mode, Timestamp};
use stripe_sandbox::{Config, Running, Sandbox};

use crate::authentication::{QUOTE_KEYS, READ, WRITE, secrets_manager, with_stripe_keys};
use crate::aws::Aws;
use crate::harness::{Run, Shell};

async fn secret(aws: &Aws, id: &str) -> Value {
    let response = secrets_manager(aws).get_secret_value().secret_id(id).send().await;
    let text = response.expect("there").secret_string.expect("text");
    serde_json::from_str(&text).expect("JSON")
}

/// Starts a sandbox with these restricted keys.
fn stripe(keys: &[(&str, &[&str])]) -> Running {
    let restricted = keys.iter().map(|(key, permissions)| {
        ((*key).to_owned(), permissions.iter().map(|name| (*name).to_owned()).collect())
    });
    let config = Config { restricted_keys: restricted.collect(), ..Config::default() };
    Sandbox::start(config).expect("a free port")
}

const READS: &[&str] = &["rak_product_read", "rak_subscription_read"];

/// Checks that the output has no secret. All secrets of these tests contain "hunter".
#[track_caller]
fn without_secrets(run: Run) -> Run {
    assert!(!format!("{run:?}").contains("hunter"), "{run:?}");
    run
}

#[tokio::test]
async fn stripe_key_is_checked_before_it_is_stored() {
    let aws = Aws::with_secrets();
    let sandbox = stripe(&[
        ("rk_test_hunter1", READS),
        ("rk_test_hunter7", READS),
        ("rk_test_hunter8", &["rak_product_read"]),
    ]);
    let shell = with_stripe_keys(&Shell::with_aws(&aws.url)).with("STRIPE_API_BASE", &sandbox.url);
    shell.json(&["setup"]);
    let before = secret(&aws, READ).await;
    let rotate = |key: &str, more: &[&str]| {
        let command = ["secrets", "rotate", "stripe-read", "--stdin"];
        without_secrets(shell.run_with(&[&command[..], more].concat(), key))
    };
    for (key, more, reason) in [
        ("hunter2", &[][..], "no secret key of Stripe"),
        ("sk_test_0123456789ABCDEFGHIJKLMNOPQRSTUV3bN14w", &[], "is an API key of this API"),
        ("", &[], "is empty"),
        ("rk_live_hunter2", &[], "live mode"),
        ("sk_test_hunter2", &[], "unrestricted"),
        ("rk_test_hunter2", &[], "Stripe refused this key"),
        ("rk_test_hunter8", &[], "lacks a permission"),
        ("rk_test_hunter7", &["--publishable-key", "pk_live_1"], "publishable key is not"),
    ] {
        let run = rotate(key, more);
        assert!(run.error().contains(reason), "{key}: {run:?}");
    }
    assert_eq!(secret(&aws, READ).await, before);

    let rotated = rotate("rk_test_hunter7\n", &["--json"]);
    assert_eq!(rotated.json(), json!({ "secret": READ, "mode": "test", "checked": true }));
    assert!(rotated.stderr.contains("delete the old key"), "{rotated:?}");
    let after = json!({ "secretKey": "rk_test_hunter7", "publishableKey": "pk_test_hunter3" });
    assert_eq!(secret(&aws, READ).await, after);

    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("stripe-write.txt");
    std::fs::write(&file, "rk_test_hunter9\n").expect("writable");
    let file = file.to_str().expect("UTF-8");
    let write = ["secrets", "set", "stripe-write", "--from-file", file];
    assert!(without_secrets(shell.run(&write)).error().contains("Stripe refused"));
    let unchecked = without_secrets(shell.run(&[&write[..], &["--skip-check", "--json"]].concat()));
    assert_eq!(unchecked.json(), json!({ "secret": WRITE, "mode": "test", "checked": false }));
    assert_eq!(secret(&aws, WRITE).await["secretKey"], "rk_test_hunter9");

    let nobody = shell.run_with(&["secrets", "set", "stripe-read"], "rk_test_hunter7");
    assert!(without_secrets(nobody).error().contains("--from-file or --stdin"));
    let missing = shell.run(&["secrets", "set", "stripe-read", "--from-file", "/nonexistent"]);
    assert!(missing.error().contains("could not be read"), "{missing:?}");
}

#[tokio::test]
async fn status_shows_each_secret_and_no_value() {
    let aws = Aws::with_secrets();
    let shell = Shell::with_aws(&aws.url);
    let status = || without_secrets(shell.run(&["secrets", "status", "--json"])).json();
    let missing = |secret: &str, id: &str| json!({ "secret": secret, "id": id, "status": "missing", "changedAt": null });
    let expected = [
        missing("stripe-read", READ),
        missing("stripe-write", WRITE),
        missing("quote-keys", QUOTE_KEYS),
    ];
    assert_eq!(status()["secrets"], json!(expected));

    with_stripe_keys(&shell).json(&["setup"]);
    shell.json(&["secrets", "rotate-quote-key"]);
    let client = secrets_manager(&aws);
    let write = json!({ "secretKey": "sk_live_hunter7" }).to_string();
    client.put_secret_value().secret_id(WRITE).secret_string(write).send().await.expect("a value");
    let found = status();
    let [read, write, quotes] = [0, 1, 2].map(|index| found["secrets"][index].clone());
    let stripe = |mode: &str, is_restricted: bool, has_publishable_key: bool| {
        json!([mode, is_restricted, has_publishable_key])
    };
    let shown = |secret: &Value| {
        json!([secret["mode"], secret["isRestricted"], secret["hasPublishableKey"]])
    };
    assert_eq!(shown(&read), stripe("test", true, true));
    assert_eq!(shown(&write), stripe("live", false, false));
    assert_eq!((&quotes["current"], &quotes["ids"]), (&json!("k2"), &json!(["k1", "k2"])));
    for secret in [&read, &write, &quotes] {
        assert_eq!(secret["status"], "stored");
        let changed_at = secret["changedAt"].as_str().expect("a time");
        let age = Timestamp::now().seconds()
            - Timestamp::parse(changed_at).expect("a timestamp").seconds();
        assert!((0..600).contains(&age), "{changed_at}");
    }
    let text = without_secrets(shell.run(&["secrets", "status"])).stdout;
    assert!(text.contains("restricted key, test mode") && text.contains("current k2, previous k1"));

    let canary = shared::access::generate(Mode::Test).expect("random numbers");
    let canary = format!("{}\n", canary.expose_secret());
    let create = client.create_secret().name("CanaryKeySecret-1").secret_string(&canary);
    let id = create.send().await.expect("created").arn.expect("an ARN");
    let profiles = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("status-profiles.toml");
    let profile = format!(
        "[profiles.dev]\nstack = \"s\"\nregion = \"eu-central-1\"\ntable = \"t\"\n\
         quote_keys_secret = \"{QUOTE_KEYS}\"\nstripe_read_secret = \"{READ}\"\n\
         stripe_write_secret = \"{WRITE}\"\ncanary_key_secret = \"{id}\"\n"
    );
    std::fs::write(&profiles, profile).expect("writable");
    let dev = shell.with("BILLINGCTL_CONFIG", profiles.to_str().expect("UTF-8"));
    let run = dev.run(&["--profile", "dev", "secrets", "status", "--json"]);
    assert!(!format!("{run:?}").contains(canary.trim()), "{run:?}");
    let shown = &run.json()["secrets"][3];
    assert_eq!((&shown["secret"], &shown["mode"]), (&json!("canary"), &json!("test")));

    let create = client.create_secret().name("EmptySecret-1").send().await.expect("created");
    let arn = create.arn.expect("an ARN");
    for (value, status, advice) in [
        (None, "empty", "--replace-secrets"),
        (Some(r#"{"secretKey":"hunter2"}"#), "malformed", "--replace-secrets"),
        (
            Some(r#"{"secretKey":"sk_test_0123456789ABCDEFGHIJKLMNOPQRSTUV3bN14w"}"#),
            "malformed",
            "holds an API key of this API",
        ),
    ] {
        if let Some(value) = value {
            let put = client.put_secret_value().secret_id(&arn).secret_string(value);
            put.send().await.expect("a value");
        }
        let run = shell.run(&["secrets", "status", "--json", "--stripe-read-secret", &arn]);
        let run = without_secrets(run);
        assert_eq!(run.json()["secrets"][0]["status"], status);
        assert!(run.stderr.contains(advice) && !run.stderr.contains("0123"), "{run:?}");
    }
}

#[tokio::test]
async fn setup_checks_keys_before_it_replaces_them() {
    let aws = Aws::with_secrets();
    let sandbox = stripe(&[("rk_test_hunter1", READS), ("rk_test_hunter2", READS)]);
    let shell = with_stripe_keys(&Shell::with_aws(&aws.url)).with("STRIPE_API_BASE", &sandbox.url);
    shell.json(&["setup"]);
    let before = secret(&aws, READ).await;
    let replace = |read: &str, write: &str, more: &[&str]| {
        let shell = shell.with("STRIPE_READ_KEY", read).with("STRIPE_WRITE_KEY", write);
        without_secrets(shell.run(&[&["setup", "--replace-secrets"], more].concat()))
    };
    for (read, write, variable) in [
        ("rk_test_hunter7", "rk_test_hunter2", "STRIPE_READ_KEY: Stripe refused this key"),
        ("rk_test_hunter1", "rk_test_hunter7", "STRIPE_WRITE_KEY: Stripe refused this key"),
    ] {
        let run = replace(read, write, &[]);
        assert!(run.error().contains(variable), "{run:?}");
        assert_eq!(secret(&aws, READ).await, before);
    }
    assert_eq!(replace("rk_test_hunter2", "rk_test_hunter1", &[]).code, Some(0));
    assert_eq!(secret(&aws, READ).await["secretKey"], "rk_test_hunter2");
    assert_eq!(replace("rk_test_hunter7", "", &["--skip-check"]).code, Some(0));
    assert_eq!(secret(&aws, READ).await["secretKey"], "rk_test_hunter7");
    let alone = without_secrets(shell.run(&["setup", "--skip-check"]));
    assert_eq!(alone.code, Some(2), "{alone:?}");
}

#[tokio::test]
async fn first_key_needs_a_publishable_key_and_rotation_needs_an_existing_key() {
    let aws = Aws::with_secrets();
    let sandbox = stripe(&[("rk_test_hunter1", READS)]);
    let shell = Shell::with_aws(&aws.url).with("STRIPE_API_BASE", &sandbox.url);
    let run = |command: &str, more: &[&str]| {
        let arguments = [&["secrets", command, "stripe-read", "--stdin"], more].concat();
        without_secrets(shell.run_with(&arguments, "rk_test_hunter1"))
    };
    assert!(run("rotate", &[]).error().contains("billingctl setup"));
    assert!(run("set", &[]).error().contains("--publishable-key"));
    let set = run("set", &["--publishable-key", "pk_test_1"]);
    assert_eq!(set.code, Some(0), "{set:?}");
    let expected = json!({ "secretKey": "rk_test_hunter1", "publishableKey": "pk_test_1" });
    assert_eq!(secret(&aws, READ).await, expected);
}

#[tokio::test]
async fn rotated_quote_key_stays_valid_until_it_is_dropped() {
    let aws = Aws::with_secrets();
    let shell = with_stripe_keys(&Shell::with_aws(&aws.url));
    let rotate = || shell.run(&["secrets", "rotate-quote-key", "--json"]);
    let drop_key = |id: &str, more: &[&str]| {
        shell.run(&[&["secrets", "drop-quote-key", id, "--json"], more].concat())
    };
    assert!(rotate().error().contains("billingctl setup"));
    shell.json(&["setup"]);
    let before = secret(&aws, QUOTE_KEYS).await;
    let bounds = Bounds { purpose: "quote", account: "acc_1" };
    let keys = async || -> std::sync::Arc<MacKeys> {
        let secret = QuoteSecret::new(secrets_manager(&aws), Some(QUOTE_KEYS.to_owned()));
        secret.keys().await.expect("quote keys")
    };
    let quote = keys().await.seal(bounds, b"quote");
    let listed = shell.json(&["secrets", "list-quote-keys"]);
    let expected = json!({
        "secret": QUOTE_KEYS, "current": "k1", "ids": ["k1"], "previousExpireAt": null,
    });
    assert_eq!(listed, expected);

    let rotated = rotate();
    let after = secret(&aws, QUOTE_KEYS).await;
    assert_eq!((&before["current"], &after["current"]), (&json!("k1"), &json!("k2")));
    assert_eq!(keys().await.open(bounds, &quote).as_deref(), Some(&b"quote"[..]));
    for id in ["k1", "k2"] {
        let key = after[id].as_str().expect("a key");
        assert!(!format!("{rotated:?}").contains(key), "{rotated:?}");
    }
    let result = rotated.json();
    let expected = json!({
        "secret": QUOTE_KEYS, "current": "k2", "previous": "k1",
        "previousExpireAt": result["previousExpireAt"],
    });
    assert_eq!(result, expected);
    assert!(rotated.stderr.contains("drop-quote-key k1"), "{rotated:?}");

    assert!(drop_key("k2", &["--force"]).error().contains("is the current quote key"));
    let early = drop_key("k1", &[]);
    assert!(
        early.error().contains(result["previousExpireAt"].as_str().expect("text")),
        "{early:?}"
    );
    assert_eq!(secret(&aws, QUOTE_KEYS).await, after);
    let unknown = drop_key("k7", &["--force"]);
    assert!(unknown.error().contains("list-quote-keys"), "{unknown:?}");
    let dropped = drop_key("k1", &["--force"]).json();
    assert_eq!(dropped, json!({ "secret": QUOTE_KEYS, "dropped": "k1", "current": "k2" }));
    assert_eq!(keys().await.open(bounds, &quote), None);
    let remaining = secret(&aws, QUOTE_KEYS).await;
    assert_eq!((&remaining["k1"], &remaining["k2"]), (&Value::Null, &after["k2"]));

    let put = secrets_manager(&aws).put_secret_value().secret_id(QUOTE_KEYS);
    let mut old = after.clone();
    old["rotatedAt"] = json!("2026-01-31T00:00:00Z");
    put.secret_string(old.to_string()).send().await.expect("a value");
    assert_eq!(drop_key("k1", &[]).json()["dropped"], "k1", "its quotes have expired");
    let put = secrets_manager(&aws).put_secret_value().secret_id(QUOTE_KEYS);
    put.secret_string("hunter2").send().await.expect("a value");
    assert!(without_secrets(rotate()).error().contains("does not hold quote keys"));
}
