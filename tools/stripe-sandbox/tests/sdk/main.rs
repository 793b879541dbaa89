//! The sandbox as Stripe's own SDKs see it: their suites in `python` and `node`, each with a sandbox of its own.
//!
//! `make setup` installs the SDKs. Without Node the test of its SDK is skipped and says so.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it as well as the test itself")]

mod node;
mod suite;

use std::path::Path;

use suite::Suite;

#[test]
fn stripes_python_sdk_finds_in_the_sandbox_what_it_expects_of_stripe() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.venv/bin/python");
    assert!(python.exists(), "{} is missing: run `make setup`", python.display());
    let suite = Suite::start("python");
    suite.run(
        "the tests",
        &python,
        &["-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider"],
    );
    if let Some(node) = node::installed() {
        suite.run("the shapes of all answers", &node, &["../node/shapes/check.js"]);
    }
}

#[test]
fn stripes_node_sdk_finds_in_the_sandbox_what_it_expects_of_stripe() {
    let Some(node) = node::installed() else { return };
    let suite = Suite::start("node");
    suite.run("the tests", &node, &["--test", "--test-reporter=spec"]);
    suite.run("the shapes of all answers", &node, &["shapes/check.js", "--complete"]);
}
