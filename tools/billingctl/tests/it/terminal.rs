//! Tests of what a reader sees: colors, widths, version, completions and help.

use serde_json::json;

use crate::authentication::{READ, secrets_manager, with_stripe_keys};
use crate::aws::Aws;
use crate::harness::{Run, Shell};

const ESCAPE: char = '\u{1b}';

#[test]
fn colors_reach_terminals_only_and_none_with_no_color() {
    let aws = Aws::with_table();
    let shell = Shell::with_aws(&aws.url);
    shell.json(&["accounts", "create", "--handle", "acme"]);
    let run = |shell: &Shell| {
        [shell.run(&["accounts", "list"]), shell.run(&["accounts", "show", "nobody"])]
    };
    let has_color = |run: &Run| format!("{}{}", run.stdout, run.stderr).contains(ESCAPE);
    assert!(!run(&shell).iter().any(has_color), "a pipe");
    let forced = shell.with("CLICOLOR_FORCE", "1");
    assert!(run(&forced).iter().all(has_color), "{:?}", run(&forced));
    let without = shell.with("NO_COLOR", "1").with("TERM", "xterm");
    assert!(!run(&without).iter().any(has_color));
    let json = forced.run(&["accounts", "list", "--json"]);
    assert!(!has_color(&json) && json.code == Some(0), "{json:?}");
}

#[tokio::test]
async fn table_fits_100_columns() {
    let aws = Aws::with_secrets();
    let shell = with_stripe_keys(&Shell::with_aws(&aws.url));
    let handle = format!("a{}", "b".repeat(39));
    let create = secrets_manager(&aws).create_secret().name("StripeReadSecret-1-AbCdEfGhIjKl");
    let read = create.send().await.expect("created").arn.expect("an ARN");
    let runs = [
        shell.run(&["setup", "--stripe-read-secret", &read]),
        shell.run(&["secrets", "status"]),
        shell.run(&["secrets", "list-quote-keys"]),
    ];
    for child in [None, Some(("--parent", handle.as_str()))] {
        let name = child.map_or(handle.clone(), |_| format!("c{}", "d".repeat(39)));
        let mut arguments = vec!["accounts", "create", "--handle", &name, "--skip-check"];
        let customer =
            format!("cus_{}{}", "x".repeat(13), name.len() + usize::from(child.is_some()));
        arguments.extend(["--customer", &customer]);
        arguments.extend(child.into_iter().flat_map(|(option, parent)| [option, parent]));
        shell.json(&arguments);
    }
    let name = "n".repeat(100);
    let create = ["keys", "create", "--account", &handle, "--scope", "deploy", "--name", &name];
    shell.json(&[&create[..], &["--expires-in", "90d", "--mode", "test"]].concat());
    let lists = [
        shell.run(&["accounts", "list"]),
        shell.run(&["accounts", "show", &handle]),
        shell.run(&["keys", "list", "--account", &handle]),
    ];
    for run in runs.iter().chain(&lists) {
        assert_eq!(run.code, Some(0), "{run:?}");
        for line in run.stdout.lines().filter(|line| !line.starts_with("customer ")) {
            assert!(line.chars().count() <= 100, "{line}");
        }
    }
    assert!(runs[0].stdout.contains("StripeReadSecret-1-AbCdEfGhIjKl"), "{:?}", runs[0]);
    let keys = shell.json(&["keys", "list", "--account", &handle]);
    assert_eq!(keys["keys"][0]["name"], json!(name), "uncut");
    assert_ne!(read, READ);
}

#[test]
fn version_completions_and_help_need_no_settings() {
    let version = Shell::bare().run(&["--version"]);
    assert!(version.stdout.starts_with("billingctl 0.") && version.code == Some(0), "{version:?}");
    for (shell, part) in [("bash", "complete -F"), ("zsh", "#compdef"), ("fish", "complete -c")] {
        let script = Shell::bare().run(&["completions", shell]);
        assert!(script.stdout.contains(part) && script.code == Some(0), "{script:?}");
        assert!(script.stdout.contains("rotate-quote-key"));
    }
    let help = Shell::bare().run(&["--help"]);
    for part in ["Stripe is called by", "All other commands work without Stripe"] {
        assert!(help.stdout.contains(part), "{help:?}");
    }
}
