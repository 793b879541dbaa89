//! Error messages and exit codes: 1 for an error, 2 for a usage error.

use serde_json::{Value, json};

use crate::harness::Shell;

#[test]
fn missing_region_and_credentials_are_named() {
    let no_region = Shell::bare().run(&["accounts", "list"]);
    assert!(no_region.error().contains("AWS_REGION"), "{no_region:?}");
    let no_credentials =
        Shell::bare().with("AWS_REGION", "eu-central-1").run(&["accounts", "list"]);
    assert!(no_credentials.error().contains("AWS_PROFILE"), "{no_credentials:?}");
}

#[test]
fn missing_or_invalid_stripe_settings_are_named_and_not_quoted() {
    let key = |key: &str| Shell::bare().with("STRIPE_SECRET_KEY", key);
    let cases = [
        (Shell::bare(), "STRIPE_SECRET_KEY is not set"),
        (key("pk_test_hunter2"), "STRIPE_SECRET_KEY is no secret key of Stripe"),
        (key("sk_test_hunter2\nx: y"), "STRIPE_SECRET_KEY is no secret key of Stripe"),
        (key("sk_test_0123456789ABCDEFGHIJKLMNOPQRSTUV3bN14w"), "is an API key of this API"),
        (key("sk_test_hunter2").with("STRIPE_API_BASE", "http://example.com"), "STRIPE_API_BASE"),
        (
            key("sk_test_1").with("STRIPE_API_BASE", "https://ada:hunter2@stripe.example"),
            "STRIPE_API_BASE",
        ),
        (
            key("sk_test_hunter2").with("STRIPE_API_BASE", "http://127.0.0.1:1"),
            "Stripe could not be reached",
        ),
    ];
    for (shell, reason) in cases {
        let run = shell.run(&["catalog", "show"]);
        assert!(run.error().contains(reason) && !run.stderr.contains("hunter2"), "{run:?}");
    }
}

#[test]
fn missing_or_invalid_catalog_is_refused_before_any_request() {
    let missing = Shell::bare().run(&["catalog", "apply", "--file", "/nonexistent/catalog.toml"]);
    assert!(missing.error().contains("--file"), "{missing:?}");
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let invalid = Shell::bare().run(&["catalog", "apply", "--file", file]);
    assert!(
        invalid.stderr.contains("Cargo.toml:14:2: unknown field `dependencies`"),
        "{invalid:?}"
    );
}

#[test]
fn usage_error_exits_with_2_and_help_with_0() {
    for invalid in [
        &["accounts", "create", "--handle", "A"][..],
        &["keys", "create", "--account", "acme"],
        &["keys", "create", "--account", "acme", "--scope", "read", "--name", "a,b"],
        &["teapot"],
    ] {
        assert_eq!(Shell::bare().run(invalid).code, Some(2), "{invalid:?}");
    }
    for command in [
        &["setup"][..],
        &["accounts", "create"],
        &["accounts", "show"],
        &["accounts", "link"],
        &["accounts", "unlink"],
        &["accounts", "rename"],
        &["accounts", "set-parent"],
        &["keys", "create"],
        &["keys", "roll"],
        &["keys", "revoke"],
        &["keys", "import"],
        &["catalog", "plan"],
        &["secrets", "status"],
        &["secrets", "set"],
        &["secrets", "rotate"],
        &["secrets", "list-quote-keys"],
        &["secrets", "rotate-quote-key"],
        &["secrets", "drop-quote-key"],
        &["catalog", "apply"],
        &["catalog", "pull"],
        &["doctor"],
        &["logs"],
        &["profiles", "add"],
        &["profiles", "list"],
        &["profiles", "remove"],
        &["completions"],
        &["catalog", "show"],
    ] {
        let help = Shell::bare().run(&[command, &["--help"]].concat());
        assert_eq!(help.code, Some(0), "{command:?}");
        assert!(help.stdout.contains("billingctl"), "an example in {}", help.stdout);
    }
}

#[test]
fn error_is_an_object_with_json() {
    for (arguments, code, kind, message) in [
        (&["accounts", "list"][..], 1, "failed", "no AWS region is set"),
        (&["catalog", "show"], 1, "failed", "STRIPE_SECRET_KEY is not set"),
        (&["accounts", "show", "A"], 2, "usage", "invalid value 'A'"),
        (&["teapot"], 2, "usage", "unrecognized subcommand 'teapot'"),
    ] {
        let text = Shell::bare().run(arguments);
        assert_eq!((text.code, text.stdout.as_str()), (Some(code), ""), "{text:?}");
        let run = Shell::bare().run(&[arguments, &["--json"]].concat());
        assert_eq!((run.code, &run.stderr), (Some(code), &text.stderr));
        let found: Value = serde_json::from_str(&run.stdout).expect("JSON");
        assert_eq!((found["error"]["kind"].clone(), run.stdout.lines().count()), (json!(kind), 1));
        assert!(found["error"]["message"].as_str().expect("text").contains(message), "{found}");
    }
    let help = Shell::bare().run(&["--help", "--json"]);
    assert!(help.code == Some(0) && help.stdout.starts_with("Manage"), "{help:?}");
}
