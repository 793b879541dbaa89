//! Messages of all commands when AWS cannot be reached, is slow, or refuses a request.

use std::net::TcpListener;
use std::path::PathBuf;
use std::thread;

use serde_json::{Value, json};

use crate::aws::Aws;
use crate::harness::{Run, Shell};
use crate::proxy::{Proxy, Rule, Then};

/// Address that nothing listens at.
const REFUSING: &str = "http://127.0.0.1:1";

/// Starts a server that gives every request this response. It ends with the test process.
fn server(status: u16, body: &'static str) -> String {
    let proxy = Proxy::start(REFUSING);
    proxy.set(&[Rule { when: Vec::new(), then: Then::Respond(status, body) }]);
    proxy.url
}

fn refusal(code: &str) -> String {
    server(400, format!(r#"{{"__type":"com.amazonaws#{code}","message":"no"}}"#).leak())
}

/// Every command that calls AWS, and the action that its message names.
fn commands() -> Vec<(Vec<&'static str>, &'static str)> {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("aws-failures.csv");
    let row = format!("{},acme,read,,sk_test_Ab12,2026-01-31T00:00:00Z,", "a".repeat(64));
    let rows = format!("hash,account,scope,name,prefix,createdAt,expiresAt\n{row}\n");
    std::fs::write(&file, rows).expect("writable");
    let file: &'static str = file.to_str().expect("UTF-8").to_owned().leak();
    let key = ["--account", "acme", "--scope", "read"];
    let stripe_read = "read the secret cantila-billing/stripe-read";
    let quote_keys = "read the secret cantila-billing/quote-keys";
    vec![
        (vec!["setup"], "describe the table"),
        (vec!["accounts", "create", "--handle", "acme"], "write to the table"),
        (vec!["accounts", "list"], "list the accounts"),
        (vec!["accounts", "show", "acme"], "read the table"),
        (vec!["accounts", "link", "acme", "--customer", "cus_1"], "read the table"),
        (vec!["accounts", "unlink", "acme"], "read the table"),
        (vec!["accounts", "rename", "acme", "other"], "read the table"),
        (vec!["accounts", "set-parent", "acme", "--none"], "read the table"),
        ([&["keys", "create", "--mode", "test"], &key[..]].concat(), "read the table"),
        (vec!["keys", "list", "--account", "acme"], "read the table"),
        (vec!["keys", "roll", "key_1", "--account", "acme"], "read the table"),
        (vec!["keys", "revoke", "key_1", "--account", "acme"], "read the table"),
        (vec!["keys", "import", file], "read the table"),
        (vec!["secrets", "set", "stripe-read", "--stdin"], stripe_read),
        (vec!["secrets", "rotate", "stripe-read", "--stdin"], stripe_read),
        (vec!["secrets", "status"], stripe_read),
        (vec!["secrets", "list-quote-keys"], quote_keys),
        (vec!["secrets", "rotate-quote-key"], quote_keys),
        (vec!["secrets", "drop-quote-key", "k1"], quote_keys),
    ]
}

/// Runs all commands at once and checks the whole message of each. A command that may have written has the advice
/// `after_write`.
fn expect_of_all(url: &str, what: &str, advice: &str, after_write: &str) {
    let shell = Shell::with_aws(url);
    let runs: Vec<(Run, &str)> = thread::scope(|scope| {
        let start = |(arguments, action): (Vec<&'static str>, _)| {
            let shell = &shell;
            (scope.spawn(move || shell.run_with(&arguments, "rk_test_1")), action)
        };
        let started: Vec<_> = commands().into_iter().map(start).collect();
        started.into_iter().map(|(run, action)| (run.join().expect("a run"), action)).collect()
    });
    for (run, action) in runs {
        let advice = if action == "write to the table" { after_write } else { advice };
        assert_eq!(run.error(), format!("error: could not {action}: {what}; {advice}"), "{run:?}");
    }
}

#[test]
fn refused_connection_is_reported_by_every_command() {
    let advice = "if AWS_ENDPOINT_URL is set, start the emulator at that address or unset the variable; else check the network and its proxies";
    expect_of_all(REFUSING, "the connection was refused", advice, advice);
}

#[test]
fn silent_server_is_reported_by_every_command() {
    // The kernel accepts the connections, and nothing reads from them.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", silent.local_addr().expect("its address"));
    expect_of_all(
        &url,
        "AWS did not respond in time",
        "check the network, AWS_REGION and AWS_ENDPOINT_URL, and run the command again",
        "check the network, AWS_REGION and AWS_ENDPOINT_URL; the change may have been made already, so look before you run the command again",
    );
}

#[test]
fn error_without_a_body_is_reported_by_every_command() {
    let advice =
        "run the command again; if it fails for longer, see https://health.aws.amazon.com/";
    let what = "AWS responded with status 500 and no error code";
    expect_of_all(&server(500, ""), what, advice, advice);
}

#[test]
fn each_refusal_is_reported_with_the_next_step() {
    let plain = Aws::dynamodb();
    let rows = [
        ("http://aws.invalid".to_owned(), "the host name of AWS is unknown (", "check AWS_REGION"),
        (
            plain.url.replace("http:", "https:"),
            "the TLS connection failed (",
            "http:// for an emulator",
        ),
        (refusal("ExpiredTokenException"), "the AWS credentials have expired", "sign in again"),
        (
            refusal("UnrecognizedClientException"),
            "AWS refused the credentials",
            "check AWS_PROFILE",
        ),
        (refusal("AccessDeniedException"), "AWS denied access (", "the permission that AWS names"),
        (refusal("ThrottlingException"), "AWS throttled the request", "wait a minute"),
        (
            server(200, "<html>"),
            "AWS's response with status 200 cannot be parsed",
            "AWS_ENDPOINT_URL",
        ),
    ];
    for (url, what, advice) in rows {
        let run = Shell::with_aws(&url).run(&["accounts", "list"]);
        let start = format!("error: could not list the accounts: {what}");
        assert!(run.error().starts_with(&start) && run.error().contains(advice), "{run:?}");
    }
}

#[test]
fn doctor_reports_a_refused_connection_with_the_next_step() {
    let run =
        Shell::with_aws(REFUSING).with("STRIPE_API_BASE", REFUSING).run(&["doctor", "--json"]);
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
    let identity = &report["checks"][0];
    let expected = json!({
        "check": "aws.identity", "verdict": "fail",
        "found": "could not get the caller identity from AWS: the connection was refused",
        "advice": "if AWS_ENDPOINT_URL is set, start the emulator at that address or unset the variable; else check the network and its proxies",
    });
    assert_eq!((run.code, identity), (Some(1), &expected));
    // No key is at fault.
    for (check, advice) in [
        ("stripe.modes", "fix aws.identity first"),
        ("accounts.customers", "fix aws.identity first"),
        ("catalog.offers", "fix aws.identity first"),
        ("portal.configuration", "fix aws.identity first"),
        ("stripe.version", "fix clock.stripe first"),
    ] {
        let checks = report["checks"].as_array().expect("a list");
        let line = checks.iter().find(|line| line["check"] == check).expect(check);
        assert_eq!((&line["verdict"], &line["advice"]), (&json!("skipped"), &json!(advice)));
    }
}
