//! `deploy.sh` and `rollback.sh` against a stand-in for the AWS CLI that notes what it is asked.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use deployer::Template;
use serde_json::json;

/// Answers as AWS does for a stack with two functions, whose version 5 is behind the alias.
const AWS: &str = r#"#!/bin/sh
echo "$*" >> "$FOLDER/asked"
case "$1 $2" in
"cloudformation get-template") cat "$FOLDER/deployed" ;;
"cloudformation describe-stacks") echo "$STATUS" ;;
"cloudformation deploy")
    while [ "$1" != --template-file ]; do shift; done
    cp "$2" "$FOLDER/new" ;;
"lambda get-alias") echo 5 ;;
"lambda list-versions-by-function") printf '$LATEST\t3\t10\t4\t5\n' ;;
"lambda get-function") echo "file://$FOLDER/version-before.zip" ;;
"s3 cp") cp "$4" "$FOLDER/uploaded" ;;
esac
"#;

const DEPLOYED: &str = "
Resources:
  SummaryFunction: { Type: AWS::Serverless::Function, Properties: { CodeUri: s3://bucket/old } }
  PlanChangeFunction: { Type: AWS::Serverless::Function, Properties: { CodeUri: s3://bucket/old2 } }
";

/// A folder with the stand-in in it.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("deployer-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder");
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect(name);
    write("aws", AWS);
    fs::set_permissions(folder.join("aws"), fs::Permissions::from_mode(0o755)).expect("a mode");
    // As the AWS CLI prints a template that was YAML.
    write("deployed", &format!("{}\n", json!(DEPLOYED)));
    write("plan-change.zip", "a new package");
    write("version-before.zip", "the package of before");
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

fn asked(folder: &Path) -> String {
    fs::read_to_string(folder.join("asked")).expect("the stand-in was asked")
}

fn new_template(folder: &Path) -> Template {
    Template::read(&folder.join("new")).expect("a template was deployed")
}

#[test]
fn a_deployment_of_one_function_leaves_the_other_as_it_is() {
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
    let asked = asked(&folder);
    assert!(asked.contains(place) && asked.contains("--tags commit=abc123"), "{asked}");
    assert!(!asked.contains("--parameter-overrides"), "parameters keep their values: {asked}");
}

#[test]
fn a_function_that_the_stack_does_not_have_is_not_deployed() {
    let folder = folder("unknown");
    fs::write(folder.join("dunning.zip"), "a package").expect("a package");
    let output = run(&folder, "deploy.sh", &["the-stack", "dunning"], "");
    assert!(!output.status.success() && !folder.join("new").exists(), "{output:?}");
}

#[test]
fn the_way_back_is_the_code_of_the_version_before_at_once() {
    let folder = folder("rollback");
    let output = run(&folder, "rollback.sh", &["the-stack", "plan-change"], "UPDATE_COMPLETE");
    assert!(output.status.success(), "{output:?}");
    // By number: 10 is not before 5, and 4 is nearer than 3.
    assert!(
        asked(&folder).contains("get-function --function-name the-stack-plan-change --qualifier 4")
    );
    let uploaded = fs::read_to_string(folder.join("uploaded")).expect("uploaded");
    assert_eq!(uploaded, "the package of before");
    let own = new_template(&folder).properties("PlanChangeFunction").clone();
    assert_eq!(own["DeploymentPreference"], json!({ "Enabled": false }));
}

#[test]
fn a_deployment_that_is_under_way_is_cancelled_instead() {
    let folder = folder("cancel");
    let output = run(&folder, "rollback.sh", &["the-stack", "plan-change"], "UPDATE_IN_PROGRESS");
    assert!(output.status.success(), "{output:?}");
    let asked = asked(&folder);
    assert!(asked.contains("cancel-update-stack --stack-name the-stack"), "{asked}");
    assert!(!asked.contains("lambda") && !folder.join("new").exists(), "{asked}");
}
