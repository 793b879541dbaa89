//! Test suites with Stripe's own SDKs, in `python` and `node`. Each has its own sandbox.
//!
//! `make setup` installs the SDKs. Without Node the test of its SDK is skipped.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it as well as the test itself")]

mod node;
mod suite;

use std::path::Path;

use suite::Suite;

#[test]
fn python_sdk_suite_passes() {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.venv/bin/python");
    assert!(python.exists(), "{} is missing: run `make setup`", python.display());
    let suite = Suite::start("python");
    suite.run(
        "the tests",
        &python,
        &["-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider"],
    );
    if let Some(node) = node::installed() {
        suite.run("the types of all responses", &node, &["../node/shapes/check.js"]);
    }
}

#[test]
fn node_sdk_suite_passes() {
    let Some(node) = node::installed() else { return };
    let suite = Suite::start("node");
    suite.run("the tests", &node, &["--test", "--test-reporter=spec"]);
    suite.run("the types of all responses", &node, &["shapes/check.js", "--complete"]);
}
