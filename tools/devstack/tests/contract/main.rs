//! Tests of `openapi.yaml`: against the code, with schemathesis, with generated clients and in a browser.
//!
//! Tests that need a running system start a stack of their own from the binaries that `cargo build --workspace
//! --all-targets` builds.

mod clients;
mod console;
mod document;
mod fuzz;
mod page;
mod running;
mod tools;
#[allow(dead_code, reason = "the tests of the sandbox's pages use more of it")]
#[path = "../../../stripe-sandbox/tests/browser/webdriver.rs"]
mod webdriver;
