//! Tests of `profiles` and `--profile`, and of the profiles of the AWS CLI.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::aws::Aws;
use crate::harness::Shell;

/// Returns an empty folder for one test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("profiles").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Writes the description of a stack and returns the path.
fn stack(folder: &Path, table: &str) -> String {
    let outputs: Vec<Value> = [
        ("TableName", table),
        ("QuoteKeysSecretArn", "quotes"),
        ("StripeReadSecretArn", "read"),
        ("StripeWriteSecretArn", "write"),
        ("ApiUrl", "https://billing.example.com"),
    ]
    .into_iter()
    .map(|(key, value)| json!({ "OutputKey": key, "OutputValue": value }))
    .collect();
    let stack = json!({ "Stacks": [{
        "StackName": "cantila-billing-prod",
        "StackId": "arn:aws:cloudformation:eu-central-1:123456789012:stack/cantila-billing-prod/1",
        "Outputs": outputs,
    }] });
    let path = folder.join("stack.json");
    fs::write(&path, stack.to_string()).expect("writable");
    text(&path).to_owned()
}

#[test]
fn command_with_a_profile_uses_the_table_of_its_stack() {
    let folder = folder("table");
    let aws = Aws::dynamodb();
    for table in ["one", "two"] {
        aws.dynamodb.create_table(table).expect("a new table");
    }
    let shell = Shell::with_aws(&aws.url).with("HOME", text(&folder));
    let add = |stack: &str| shell.run(&["profiles", "add", "prod", "--stack", stack, "--json"]);
    let added = add(&stack(&folder, "one")).json();
    assert_eq!(added["profile"]["region"], "eu-central-1");
    assert_eq!(shell.json(&["profiles", "list"])["profiles"]["prod"]["table"], "one");

    // Another region and another table in the environment do not matter.
    let elsewhere = shell.with("AWS_REGION", "us-east-1").with("BILLING_TABLE", "two");
    elsewhere.json(&["--profile", "prod", "accounts", "create", "--handle", "acme"]);
    let handles = |shell: &Shell, arguments: &[&str]| {
        let listed = shell.json(&[&["accounts", "list"], arguments].concat());
        listed["accounts"].as_array().expect("a list").len()
    };
    assert_eq!(handles(&elsewhere.with("BILLINGCTL_PROFILE", "prod"), &[]), 1);
    assert_eq!(handles(&shell, &["--table", "one"]), 1);
    assert_eq!(handles(&shell, &["--profile", "prod", "--table", "two"]), 0, "an option wins");

    let replaced = add(&stack(&folder, "two"));
    assert!(replaced.stderr.contains("previous profile prod was replaced"), "{replaced:?}");
    assert_eq!(handles(&shell, &["--profile", "prod"]), 0);

    assert_eq!(shell.json(&["profiles", "remove", "prod"]), json!({ "removed": "prod" }));
    let removed = shell.run(&["profiles", "remove", "prod"]);
    assert!(removed.error().contains("there is no profile \"prod\""), "{removed:?}");
    let unknown = shell.run(&["--profile", "prod", "accounts", "list"]);
    assert!(unknown.error().contains("billingctl profiles add prod"), "{unknown:?}");
}

#[test]
fn profile_needs_the_description_of_a_deployed_stack() {
    let folder = folder("descriptions");
    let shell = Shell::bare().with("BILLINGCTL_CONFIG", text(&folder.join("own.toml")));
    let add = |text: &str| shell.run_with(&["profiles", "add", "prod", "--stack", "-"], text);
    for (description, reason) in [
        ("no JSON", "describe-stacks"),
        (r#"{ "Stacks": [] }"#, "0 stacks"),
        (r#"{ "Stacks": [{ "StackName": "s" }] }"#, "it has no StackId"),
        (
            r#"{ "Stacks": [{ "StackName": "s", "StackId": "arn:aws:cloudformation:r:1:s" }] }"#,
            "it has no output TableName",
        ),
    ] {
        let run = add(description);
        assert!(run.error().contains(reason), "{run:?}");
    }
    assert_eq!(shell.json(&["profiles", "list"]), json!({ "profiles": {} }));
    fs::write(folder.join("own.toml"), "profiles = 1").expect("writable");
    let broken = shell.run(&["profiles", "list"]);
    assert!(broken.error().contains("own.toml is not a file with profiles"), "{broken:?}");
    let nowhere = Shell::bare().run(&["profiles", "list"]);
    assert!(nowhere.error().contains("BILLINGCTL_CONFIG"), "{nowhere:?}");
}

/// Files of the AWS CLI, and an `aws` that has the credentials of the profile `signed-in`.
fn aws_cli(folder: &Path) -> Shell {
    let config = "[profile empty]\nregion = eu-central-1\n\
        [profile keys]\nregion = eu-central-1\naws_access_key_id = test\naws_secret_access_key = test\n\
        [sso-session s]\nsso_start_url = https://sso.example.com\nsso_region = eu-central-1\n"
        .to_owned();
    let sso = |name: &str| {
        format!(
            "[profile {name}]\nregion = eu-central-1\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n"
        )
    };
    let config = config + &sso("signed-in") + &sso("signed-out") + &sso("broken");
    fs::write(folder.join("config"), config).expect("writable");
    fs::create_dir_all(folder.join("bin")).expect("a folder");
    let cli = folder.join("bin/aws");
    let script = r#"#!/bin/sh
case "$*" in
    *signed-in | *default) echo '{"Version":1,"AccessKeyId":"test","SecretAccessKey":"hunter2","SessionToken":"hunter3"}' ;;
    *signed-out) echo 'Error when retrieving token from sso: Token has expired and refresh failed' >&2; exit 255 ;;
    *) echo 'no role' >&2; exit 255 ;;
esac
"#;
    fs::write(&cli, script).expect("writable");
    fs::set_permissions(&cli, fs::Permissions::from_mode(0o755)).expect("own file");
    Shell::bare()
        .with("AWS_CONFIG_FILE", text(&folder.join("config")))
        .with("AWS_SHARED_CREDENTIALS_FILE", text(&folder.join("credentials")))
        .with("HOME", text(folder))
        .with("PATH", &format!("{}:/usr/bin:/bin", text(&folder.join("bin"))))
}

#[test]
fn unusable_aws_profile_is_named_with_the_next_step() {
    let shell = aws_cli(&folder("unusable"));
    for (profile, what, advice) in [
        ("other", "there is no AWS profile \"other\"", "aws configure list-profiles"),
        ("empty", "the AWS profile \"empty\" has no credentials", "aws configure"),
        (
            "signed-out",
            "the SSO session of the AWS profile \"signed-out\" has expired",
            "aws sso login",
        ),
        ("broken", "could not be loaded (", "AWS_PROFILE"),
    ] {
        let run = shell.with("AWS_PROFILE", profile).run(&["accounts", "list"]);
        assert!(run.error().contains(what) && run.error().contains(advice), "{run:?}");
    }
    let without_cli = shell.with("PATH", "/usr/bin:/bin").with("AWS_PROFILE", "signed-in");
    let run = without_cli.run(&["accounts", "list"]);
    let has_cli = ["/usr/bin/aws", "/bin/aws"].iter().any(|path| Path::new(path).exists());
    assert!(has_cli || run.error().contains("needs the AWS CLI"), "{run:?}");
}

#[test]
fn aws_profile_gives_the_credentials() {
    let folder = folder("usable");
    let aws = Aws::with_table();
    let shell = aws_cli(&folder).with("AWS_ENDPOINT_URL", &aws.url);
    for profile in ["keys", "signed-in"] {
        let run = shell.with("AWS_PROFILE", profile).run(&["accounts", "list", "--json"]);
        assert_eq!(run.json(), json!({ "accounts": [] }));
        assert!(!format!("{run:?}").contains("hunter"), "{run:?}");
    }

    let default = fs::read_to_string(folder.join("config")).expect("written");
    let default = default.replace("[profile signed-in]", "[default]");
    fs::write(folder.join("default-config"), default).expect("writable");
    let shell_of_default = shell.with("AWS_CONFIG_FILE", text(&folder.join("default-config")));
    let run = shell_of_default.run(&["accounts", "list", "--json"]);
    assert_eq!(run.json(), json!({ "accounts": [] }), "SSO without AWS_PROFILE");

    // The AWS profile of a stack comes before credentials in the environment.
    let stack = stack(&folder, "cantila-billing");
    for (aws_profile, code) in [("keys", 0), ("signed-in", 0), ("empty", 1), ("signed-out", 1)] {
        let add = ["profiles", "add", "prod", "--stack", &stack, "--aws-profile", aws_profile];
        shell.json(&add);
        let other = shell.with("AWS_ACCESS_KEY_ID", "other").with("AWS_SECRET_ACCESS_KEY", "other");
        let run = other.run(&["--profile", "prod", "accounts", "list"]);
        assert_eq!(run.code, Some(code), "{run:?}");
        assert!(code == 0 || run.error().contains(aws_profile), "{run:?}");
    }
}
