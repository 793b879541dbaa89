//! Tests of `deploy.sh` and `rollback.sh` with a fake AWS CLI that records its arguments.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use deployer::Template;
use serde_json::json;

/// Fake AWS CLI for a stack with two functions, whose alias points to version 5.
const AWS: &str = r#"#!/bin/sh
echo "$*" >> "$FOLDER/calls"
case "$1 $2" in
"cloudformation get-template") cat "$FOLDER/deployed" ;;
"cloudformation describe-stacks") echo "$STATUS" ;;
"cloudformation deploy")
    while [ "$1" != --template-file ]; do shift; done
    cp "$2" "$FOLDER/new" ;;
"lambda get-alias") echo 5 ;;
"lambda list-versions-by-function") printf '$LATEST\t3\t10\t4\t5\n' ;;
"lambda get-function") echo "file://$FOLDER/previous.zip" ;;
"s3 cp") cp "$4" "$FOLDER/uploaded" ;;
esac
"#;

const DEPLOYED: &str = "
Resources:
  SummaryFunction: { Type: AWS::Serverless::Function, Properties: { CodeUri: s3://bucket/old } }
  PlanChangeFunction: { Type: AWS::Serverless::Function, Properties: { CodeUri: s3://bucket/old2 } }
";

/// Creates a folder with the fake CLI and packages.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("deployer-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect(name);
    write("aws", AWS);
    fs::set_permissions(folder.join("aws"), fs::Permissions::from_mode(0o755)).expect("a mode");
    // The AWS CLI prints a YAML template as a JSON string.
    write("deployed", &format!("{}\n", json!(DEPLOYED)));
    write("plan-change.zip", "a new package");
    write("previous.zip", "the previous package");
    folder
}

fn run(folder: &Path, script: &str, arguments: &[&str], status: &str) -> Output {
    let own = Path::new(env!("CARGO_BIN_EXE_deployer")).parent().expect("a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(script);
    let mut command = Command::new(script);
    command.args(arguments).env("PATH", format!("{}:{}:{path}", folder.display(), own.display()));
    command.env("FOLDER", folder).env("PACKAGES", folder).env("STATUS", status);
    command.env("COMMIT", "abc123").output().expect("bash")
}

fn calls(folder: &Path) -> String {
    fs::read_to_string(folder.join("calls")).expect("the fake CLI was called")
}

fn new_template(folder: &Path) -> Template {
    Template::read(&folder.join("new")).expect("a template was deployed")
}

#[test]
fn deploy_replaces_the_package_of_one_function_only() {
    let folder = folder("deploy");
    let output = run(&folder, "deploy.sh", &["the-stack", "plan-change"], "");
    assert!(output.status.success(), "{output:?}");
    let template = new_template(&folder);
    assert_eq!(template.properties("SummaryFunction"), &json!({ "CodeUri": "s3://bucket/old" }));
    let own = template.properties("PlanChangeFunction");
    let place = own["CodeUri"].as_str().expect("a place");
    assert!(place.starts_with("s3://bucket/the-stack/plan-change-"), "{place}");
    assert_eq!(own["DeploymentPreference"], json!({ "Enabled": true }));
    assert_eq!(fs::read_to_string(folder.join("uploaded")).expect("uploaded"), "a new package");
    let calls = calls(&folder);
    assert!(calls.contains(place) && calls.contains("--tags commit=abc123"), "{calls}");
    assert!(!calls.contains("--parameter-overrides"), "parameters keep their values: {calls}");
}

#[test]
fn deploy_fails_for_a_function_missing_from_the_stack() {
    let folder = folder("unknown");
    fs::write(folder.join("dunning.zip"), "a package").expect("a package");
    let output = run(&folder, "deploy.sh", &["the-stack", "dunning"], "");
    assert!(!output.status.success() && !folder.join("new").exists(), "{output:?}");
}

#[test]
fn rollback_deploys_the_previous_version_at_once() {
    let folder = folder("rollback");
    let output = run(&folder, "rollback.sh", &["the-stack", "plan-change"], "UPDATE_COMPLETE");
    assert!(output.status.success(), "{output:?}");
    // Versions compare as numbers: of 3, 4 and 10, the version before 5 is 4.
    assert!(
        calls(&folder).contains("get-function --function-name the-stack-plan-change --qualifier 4")
    );
    let uploaded = fs::read_to_string(folder.join("uploaded")).expect("uploaded");
    assert_eq!(uploaded, "the previous package");
    let own = new_template(&folder).properties("PlanChangeFunction").clone();
    assert_eq!(own["DeploymentPreference"], json!({ "Enabled": false }));
}

#[test]
fn rollback_cancels_a_deployment_in_progress() {
    let folder = folder("cancel");
    let output = run(&folder, "rollback.sh", &["the-stack", "plan-change"], "UPDATE_IN_PROGRESS");
    assert!(output.status.success(), "{output:?}");
    let calls = calls(&folder);
    assert!(calls.contains("cancel-update-stack --stack-name the-stack"), "{calls}");
    assert!(!calls.contains("lambda") && !folder.join("new").exists(), "{calls}");
}
