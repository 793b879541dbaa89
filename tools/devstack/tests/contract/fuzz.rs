//! schemathesis drives every operation with what `openapi.yaml` allows and with what it does not.

use std::process::Command;

use crate::running::Running;
use crate::tools;

/// Examples for each operation and kind of input, where nobody says (`make soak` does).
const EXAMPLES: &str = "8";

/// A run: what it is called, whose key it has, which scope that is, and for whom it acts.
const RUNS: [(&str, &str, &str, &str); 6] = [
    ("a subscriber's admin key", "metered", "admin", ""),
    ("the admin key of an account without a customer", "fresh", "admin", ""),
    ("a parent's admin key for its sub-account", "agency", "admin", "client"),
    ("a key for deploying", "overdue", "deploy", ""),
    ("a key for reading", "canceled", "read", ""),
    ("no key", "fresh", "none", ""),
];

#[test]
fn schemathesis_finds_nothing() {
    let program = tools::root().join(".venv/bin/schemathesis");
    assert!(program.exists(), "{} is missing: run `make setup`", program.display());
    let examples = std::env::var("CONTRACT_EXAMPLES").unwrap_or(EXAMPLES.to_owned());
    let running = Running::start("fuzz");
    let folder = tools::root().join("tools/contract/schemathesis");
    let mut failed = Vec::new();
    for (what, name, scope, act_as) in RUNS {
        let keys = &running.account(name).keys;
        let key = match scope {
            "admin" => &keys.admin,
            "deploy" => &keys.deploy,
            _ => &keys.read,
        };
        let mut run = Command::new(&program);
        run.current_dir(&folder).env("CONTRACT_SCOPE", scope).env("PYTHONPATH", &folder);
        run.args(["--config-file", "schemathesis.toml", "run", "../../../openapi.yaml", "--url"]);
        run.arg(&running.about().api_url).args(["--max-examples", &examples, "--workers", "2"]);
        run.args(["--output-sanitize", "false", "--continue-on-failure"]);
        if scope != "none" {
            run.arg("--header").arg(format!("Authorization: Bearer {key}"));
        }
        if !act_as.is_empty() {
            run.arg("--header").arg(format!("X-Cantila-Act-As: {act_as}"));
        }
        let output = run.output().expect("schemathesis starts");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            let cases = said.lines().rev().find(|line| line.contains(" generated"));
            println!("{what}: {}", cases.unwrap_or_default().trim());
        } else {
            failed.push(format!("{what}:\n{said}{}", String::from_utf8_lossy(&output.stderr)));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
    running.clean_up();
}
