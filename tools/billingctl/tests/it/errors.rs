//! What goes wrong says what to do, in one sentence, and ends with 1; a wrong command line with 2.

use crate::harness::Shell;

#[test]
fn a_missing_region_and_missing_credentials_are_said_before_anything_is_sent() {
    let no_region = Shell::bare().run(&["accounts", "list"]);
    assert!(no_region.failure().contains("AWS_REGION"), "{no_region:?}");
    let no_credentials =
        Shell::bare().with("AWS_REGION", "eu-central-1").run(&["accounts", "list"]);
    assert!(no_credentials.failure().contains("AWS_PROFILE"), "{no_credentials:?}");
}

#[test]
fn an_aws_that_does_not_answer_is_said_to_be_that() {
    let run = Shell::with_aws("http://127.0.0.1:1").run(&["accounts", "list"]);
    assert!(run.failure().contains("AWS_ENDPOINT_URL"), "{run:?}");
}

#[test]
fn a_missing_or_senseless_stripe_key_or_base_is_named_and_not_quoted() {
    let key = |key: &str| Shell::bare().with("STRIPE_SECRET_KEY", key);
    let cases = [
        (Shell::bare(), "STRIPE_SECRET_KEY is not set"),
        (key("pk_test_hunter2"), "STRIPE_SECRET_KEY holds no Stripe key"),
        (key("sk_test_hunter2\nx: y"), "STRIPE_SECRET_KEY holds no Stripe key"),
        (key("sk_test_hunter2").with("STRIPE_API_BASE", "http://example.com"), "STRIPE_API_BASE"),
        (
            key("sk_test_hunter2").with("STRIPE_API_BASE", "http://127.0.0.1:1"),
            "stripe could not be reached",
        ),
    ];
    for (shell, reason) in cases {
        let run = shell.run(&["catalog", "show"]);
        assert!(run.failure().contains(reason) && !run.stderr.contains("hunter2"), "{run:?}");
    }
}

#[test]
fn a_catalogue_that_is_absent_or_wrong_is_refused_before_stripe_is_asked() {
    let absent = Shell::bare().run(&["catalog", "apply", "--file", "/nonexistent/catalog.toml"]);
    assert!(absent.failure().contains("--file"), "{absent:?}");
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let wrong = Shell::bare().run(&["catalog", "apply", "--file", file]);
    assert!(wrong.stderr.contains("Cargo.toml:14:2: unknown field `dependencies`"), "{wrong:?}");
}

#[test]
fn a_wrong_command_line_ends_with_2_and_help_with_0() {
    for wrong in [
        &["accounts", "create", "--handle", "A"][..],
        &["keys", "create", "--account", "acme"],
        &["teapot"],
    ] {
        assert_eq!(Shell::bare().run(wrong).code, Some(2), "{wrong:?}");
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
        &["secrets", "set"],
        &["secrets", "rotate"],
        &["secrets", "pepper-status"],
        &["secrets", "finish-pepper"],
        &["catalog", "apply"],
        &["catalog", "pull"],
        &["doctor"],
        &["catalog", "show"],
    ] {
        let help = Shell::bare().run(&[command, &["--help"]].concat());
        assert_eq!(help.code, Some(0), "{command:?}");
        assert!(help.stdout.contains("billingctl"), "an example in {}", help.stdout);
    }
}
