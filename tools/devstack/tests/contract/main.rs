//! `openapi.yaml` against the code, and what others make of it: schemathesis, a generated client, a browser.
//!
//! What needs a running system starts a stack of its own from the binaries that are there
//! (`cargo build --workspace --all-targets`).

mod client;
mod document;
mod fuzz;
mod page;
mod running;
mod tools;
#[allow(dead_code, reason = "the sandbox's own pages need more of it")]
#[path = "../../../stripe-sandbox/tests/browser/webdriver.rs"]
mod webdriver;
