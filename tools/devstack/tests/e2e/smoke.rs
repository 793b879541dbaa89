//! The deployments' smoke test, run against the local stack.

use std::path::Path;
use std::process::Command;

use devstack::functions::FUNCTIONS;

use crate::cases;
use crate::harness::Harness;
use crate::operator::binaries;

cases![smoke_test_passes_on_a_working_stack_and_fails_with_a_wrong_key];

/// Runs the smoke test and returns whether it passed, and its output.
fn smoke(harness: &Harness, key: &str, functions: &[&str]) -> (bool, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(root.join("tools/deployer/smoke.sh"));
    command.current_dir(&root).arg(&harness.about().api_url).args(functions);
    command.env("PATH", format!("{}:{path}", binaries().display())).env("SMOKE_KEY", key);
    let output = command.output().expect("bash and curl");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success(), format!("{text}{}", String::from_utf8_lossy(&output.stderr)))
}

fn smoke_test_passes_on_a_working_stack_and_fails_with_a_wrong_key(harness: &Harness) {
    let keys = &harness.account("metered").keys;
    let (passes, text) = smoke(harness, &keys.read, &[]);
    assert!(passes, "{text}");
    for function in FUNCTIONS {
        assert!(
            text.contains(&format!("ok    {} {}: 401", function.method, function.path)),
            "{text}"
        );
    }
    assert_eq!(text.matches(": 200").count(), 5, "{text}");
    assert_eq!(text.matches(": 404").count(), 1, "{text}");
    let (passes, text) = smoke(harness, "sk_test_wrong", &["summary"]);
    assert!(!passes && text.contains("WRONG GET /v1/billing/summary: 401, expected 200"), "{text}");
    let (passes, text) = smoke(harness, "", &["plan-change"]);
    assert!(passes && text.trim() == "ok    POST /v1/billing/plan-change: 401", "{text}");
    assert!(!smoke(harness, "", &["nothing"]).0);
}
