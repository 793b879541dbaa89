//! Tests of the commands that ask before a change that cannot be undone.

use serde_json::{Value, json};

use crate::aws::Aws;
use crate::harness::{Run, Shell};

/// A stack with an account, its customer and one key.
struct Stack {
    shell: Shell,
    key: String,
    _aws: Aws,
}

impl Stack {
    fn new() -> Self {
        let aws = Aws::with_table();
        let shell = Shell::with_aws(&aws.url);
        let create = ["accounts", "create", "--handle", "acme", "--customer", "cus_1"];
        shell.json(&[&create[..], &["--skip-check"]].concat());
        let create = ["keys", "create", "--account", "acme", "--scope", "read", "--name", "ci"];
        let created = shell.json(&[&create[..], &["--mode", "test"]].concat());
        let key = created["id"].as_str().expect("an ID").to_owned();
        Self { shell, key, _aws: aws }
    }

    /// The commands that ask, and parts of their questions.
    fn commands(&self) -> [(Vec<&str>, [&str; 2]); 3] {
        let key = self.key.as_str();
        [
            (vec!["keys", "roll", key, "--account", "acme", "--overlap", "0"], ["Replace", key]),
            (vec!["keys", "revoke", key, "--account", "acme"], ["Revoke", "\"ci\""]),
            (vec!["accounts", "unlink", "acme"], ["Unlink acme", "cus_1"]),
        ]
    }

    /// Returns the account with its customer and its keys.
    fn account(&self) -> Value {
        self.shell.json(&["accounts", "show", "acme"])
    }
}

#[test]
fn nothing_changes_without_a_terminal_or_without_a_yes() {
    let stack = Stack::new();
    let before = stack.account();
    for (command, question) in stack.commands() {
        let unasked = stack.shell.run(&command);
        assert!(unasked.error().contains("no terminal") && unasked.error().contains("--yes"));
        for answer in ["no", "", "y"] {
            let run = stack.shell.run_on_terminal(&command, answer);
            let asked = question.iter().all(|part| run.stderr.contains(part));
            assert!(asked && run.code == Some(1) && run.stdout.is_empty(), "{run:?}");
            assert!(run.stderr.contains("nothing was changed"), "{run:?}");
        }
        assert_eq!(stack.account(), before, "{command:?}");
    }
}

#[test]
fn change_is_made_after_a_yes() {
    let changes: [fn(&Stack, &[&str]) -> Run; 2] = [
        |stack, command| stack.shell.run_on_terminal(command, "yes"),
        |stack, command| stack.shell.run(&[command, &["--yes"]].concat()),
    ];
    for change in changes {
        let stack = Stack::new();
        for (command, _) in stack.commands() {
            // A key that was replaced at once has expired; `keys revoke` revokes it all the same.
            assert_eq!(change(&stack, &command).code, Some(0), "{command:?}");
        }
        let account = stack.account();
        let status = |key: &Value| (key["id"] == json!(stack.key), key["status"].clone());
        let keys: Vec<_> = account["keys"].as_array().expect("keys").iter().map(status).collect();
        assert_eq!(account["customer"], Value::Null);
        assert!(keys.contains(&(true, json!("revoked"))), "{keys:?}");
        assert!(keys.contains(&(false, json!("active"))), "{keys:?}");
    }
}

#[test]
fn command_that_changes_nothing_does_not_ask() {
    let stack = Stack::new();
    for (command, _) in stack.commands() {
        assert_eq!(stack.shell.run(&[&command[..], &["--yes"]].concat()).code, Some(0));
    }
    for (command, _) in &stack.commands()[1..] {
        assert_eq!(stack.shell.run(command).code, Some(0), "{command:?}");
    }
}
