//! schemathesis sends every operation requests that `openapi.yaml` allows and requests that it does not.

use crate::running::Running;
use crate::tools;

/// Default number of examples per operation and kind of input; `CONTRACT_EXAMPLES` overrides it.
const EXAMPLES: &str = "8";

/// Runs: name, account and scope of the key, and the sub-account that the run acts for.
const RUNS: [(&str, &str, &str, &str); 6] = [
    ("a subscriber's admin key", "metered", "admin", ""),
    ("the admin key of an account without a customer", "fresh", "admin", ""),
    ("a parent's admin key for its sub-account", "agency", "admin", "client"),
    ("a deploy key", "overdue", "deploy", ""),
    ("a read key", "canceled", "read", ""),
    ("no key", "fresh", "none", ""),
];

#[test]
fn schemathesis_finds_no_failure() {
    let examples = std::env::var("CONTRACT_EXAMPLES").unwrap_or(EXAMPLES.to_owned());
    let running = Running::start("fuzz");
    let folder = tools::root().join("tools/contract/schemathesis");
    let mut failed = Vec::new();
    for (run_name, account, scope, act_as) in RUNS {
        let keys = &running.account(account).keys;
        let key = match scope {
            "admin" => &keys.admin,
            "deploy" => &keys.deploy,
            _ => &keys.read,
        };
        let mut run = tools::python("schemathesis");
        run.current_dir(&folder).env("CONTRACT_SCOPE", scope).env("PYTHONPATH", &folder);
        run.args(["--config-file", "schemathesis.toml", "run", "../../../openapi.yaml", "--url"]);
        // In several threads, Python 3.11's parser, which hypothesis calls, fails now and then (gh-106905).
        run.arg(&running.about().api_url).args(["--max-examples", &examples, "--workers", "1"]);
        run.args(["--output-sanitize", "false", "--continue-on-failure"]);
        if scope != "none" {
            run.arg("--header").arg(format!("Authorization: Bearer {key}"));
        }
        if !act_as.is_empty() {
            run.arg("--header").arg(format!("X-Cantila-Act-As: {act_as}"));
        }
        let output = run.output().expect("schemathesis starts");
        let report = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            let cases = report.lines().rev().find(|line| line.contains(" generated"));
            println!("{run_name}: {}", cases.unwrap_or_default().trim());
        } else {
            let errors = String::from_utf8_lossy(&output.stderr);
            failed.push(format!("{run_name}:\n{report}{errors}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
    running.clean_up();
}
