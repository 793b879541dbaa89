//! Tests of `stack.sh` with a fake AWS CLI (`aws.py`) that refuses what AWS would refuse, and records its arguments.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use deployer::Template;
use serde_json::{Value, json};

const STACK: &str = "the-stack";

/// Two functions, and the parameters that the script and these tests set.
const TEMPLATE: &str = "
Parameters:
  PermissionsBoundaryArn: { Type: String, Default: '' }
  RestoredTable: { Type: String, Default: '' }
  AllowedOrigins: { Type: String, Default: '' }
Globals: { Function: { Environment: { Variables: { BILLING_TABLE: !Ref RestoredTable } } } }
Resources:
  SummaryFunction: { Type: AWS::Serverless::Function, Properties: { CodeUri: s3://bucket/old } }
  PlanChangeFunction: { Type: AWS::Serverless::Function, Properties: { CodeUri: s3://bucket/old2 } }
";

/// Folder with a fake AWS CLI, an account in which bootstrap.yaml is deployed, and packages.
struct Account {
    folder: PathBuf,
    answers: Value,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn samconfig(parameter: &str) -> String {
    format!("[prod.deploy.parameters]\nparameter_overrides = [\"{parameter}\"]\n")
}

impl Account {
    /// Creates an account without the stack.
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("deployer-{name}"));
        let _ = fs::remove_dir_all(&folder);
        // The script finds the template and the parameters beside it.
        for inner in ["bin", "tools/deployer"] {
            fs::create_dir_all(folder.join(inner)).expect("a folder");
        }
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect(name);
        let fake = root().join("tools/deployer/tests/aws.py");
        let python = root().join(".venv/bin/python");
        let cli = format!("#!/bin/sh\nexec {} {} \"$@\"\n", python.display(), fake.display());
        write("bin/aws", &cli);
        let executable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(folder.join("bin/aws"), executable).expect("a mode");
        let script = root().join("tools/deployer/stack.sh");
        fs::copy(script, folder.join("tools/deployer/stack.sh")).expect("the script");
        write("template.yaml", TEMPLATE);
        write("samconfig.toml", &samconfig("AllowedOrigins=https://a.example"));
        write("plan-change.zip", "a new package");
        write("summary.zip", "another package");
        write("good.zip", "the package of the good version");
        let output = |key: &str, value: &str| json!({ "OutputKey": key, "OutputValue": value });
        let outputs = json!([
            output("ArtifactBucket", "bucket"),
            output("ArtifactBucketDomain", "bucket.s3.eu-central-1.amazonaws.com"),
            output("ExecutionRoleArn", "arn:aws:iam::123456789012:role/execution"),
            output("PermissionsBoundaryArn", "arn:aws:iam::123456789012:policy/boundary"),
        ]);
        let answers = json!({
            "cloudformation describe-stacks --stack-name the-stack-bootstrap": { "Stacks": [{ "Outputs": outputs }] },
            "cloudformation describe-stacks": { "Error": "An error occurred (ValidationError) when calling the DescribeStacks operation: Stack with id the-stack does not exist" },
        });
        Self { folder, answers }
    }

    /// Creates an account with the stack, whose alias `live` points to version 5 and `good` to version 3.
    fn with_stack(name: &str) -> Self {
        let mut account = Self::new(name);
        account.status("UPDATE_COMPLETE");
        let code = |sha: &str| json!({ "CodeSha256": sha });
        let alias = |name: &str| {
            json!({
                "ResourceType": "AWS::Lambda::Alias",
                "PhysicalResourceId": format!("arn:aws:lambda:eu-central-1:123456789012:function:the-stack-{name}:live"),
            })
        };
        let package = format!("file://{}", account.folder.join("good.zip").display());
        for (call, answer) in [
            // The AWS CLI prints a YAML template as a JSON string.
            ("cloudformation get-template", json!({ "TemplateBody": TEMPLATE })),
            (
                "cloudformation list-stack-resources",
                json!({ "StackResourceSummaries": [alias("summary"), alias("plan-change")] }),
            ),
            ("lambda get-alias --name live", json!({ "FunctionVersion": "5" })),
            ("lambda get-alias --name good", json!({ "FunctionVersion": "3" })),
            ("lambda get-function-configuration --qualifier 5", code("bad")),
            ("lambda get-function-configuration --qualifier 4", code("bad")),
            ("lambda get-function-configuration --qualifier 3", code("good")),
            ("lambda get-function", json!({ "Code": { "Location": package } })),
            (
                "lambda list-versions-by-function",
                json!({ "Versions": [{ "Version": "5", "LastModified": "today", "CodeSha256": "bad" }] }),
            ),
            (
                "dynamodb describe-time-to-live",
                json!({ "TimeToLiveDescription": { "TimeToLiveStatus": "DISABLED" } }),
            ),
        ] {
            account.answer(call, answer);
        }
        account
    }

    fn answer(&mut self, call: &str, answer: Value) {
        self.answers[call] = answer;
    }

    fn status(&mut self, status: &str) {
        let parameters = json!([
            { "ParameterKey": "AllowedOrigins", "ParameterValue": "https://old.example" },
            { "ParameterKey": "RestoredTable", "ParameterValue": "kept" },
        ]);
        let stacks = json!({ "Stacks": [{ "StackStatus": status, "Parameters": parameters }] });
        self.answer("cloudformation describe-stacks", stacks);
    }

    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let answers = self.answers.to_string();
        fs::write(self.folder.join("answers.json"), answers).expect("answers");
        let own = Path::new(env!("CARGO_BIN_EXE_deployer")).parent().expect("a folder");
        let path = std::env::var("PATH").unwrap_or_default();
        let bin = self.folder.join("bin");
        let mut command = Command::new(self.folder.join("tools/deployer/stack.sh"));
        command.args([&[arguments[0], STACK], &arguments[1..]].concat());
        command.env("PATH", format!("{}:{}:{path}", bin.display(), own.display()));
        command.env("FOLDER", &self.folder).env("PACKAGES", &self.folder);
        for name in ["AT_ONCE", "BOOTSTRAP", "COMMIT", "VERSION"] {
            command.env_remove(name);
        }
        let output = command.envs(variables.iter().copied()).output().expect("bash");
        let mut check = Command::new(root().join(".venv/bin/python"));
        check.arg(root().join("tools/deployer/tests/aws.py")).arg("check");
        let check = check.env("FOLDER", &self.folder).output().expect("Python");
        let refused = String::from_utf8_lossy(&check.stderr).into_owned();
        assert!(check.status.success(), "AWS would refuse: {refused}");
        output
    }

    #[track_caller]
    fn succeeds(&self, arguments: &[&str], variables: &[(&str, &str)]) {
        let output = self.run(arguments, variables);
        assert!(output.status.success(), "{output:?}");
    }

    /// Returns what a failing command prints.
    #[track_caller]
    fn fails(&self, arguments: &[&str], variables: &[(&str, &str)]) -> String {
        let output = self.run(arguments, variables);
        assert!(!output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    fn calls(&self) -> String {
        fs::read_to_string(self.folder.join("calls")).unwrap_or_default()
    }

    /// Returns the template of the change set.
    fn template(&self) -> Template {
        let folder = self.folder.join("s3/bucket/templates");
        let mut files = fs::read_dir(folder).expect("an uploaded template");
        let file = files.next().expect("a template").expect("an entry");
        assert!(files.next().is_none(), "two templates");
        Template::read(&file.path()).expect("a template")
    }

    /// Returns the parameters of the change set.
    fn parameters(&self) -> Vec<Value> {
        let calls = fs::read_to_string(self.folder.join("calls.jsonl")).expect("calls");
        let mut calls =
            calls.lines().map(|line| serde_json::from_str::<Vec<String>>(line).expect("JSON"));
        let call = calls.find(|call| call[1] == "create-change-set").expect("a change set");
        let index = call.iter().position(|word| word == "--parameters").expect("parameters");
        serde_json::from_str(&call[index + 1]).expect("JSON")
    }

    fn package(&self, logical: &str) -> String {
        self.template().properties(logical)["CodeUri"].as_str().expect("a place").to_owned()
    }

    /// Returns the content of a package that the template names.
    fn content(&self, logical: &str) -> String {
        let place = self.package(logical);
        let path = self.folder.join("s3").join(place.strip_prefix("s3://").expect("S3"));
        fs::read_to_string(path).expect("an uploaded package")
    }

    fn is_gradual(&self, logical: &str) -> bool {
        let template = self.template();
        template.properties(logical)["DeploymentPreference"]["Enabled"]
            .as_bool()
            .expect("a preference")
    }
}

#[test]
fn first_deployment_creates_the_stack_with_every_package() {
    let account = Account::new("first");
    account.succeeds(&["deploy", "prod", "summary", "plan-change"], &[]);
    assert_eq!(account.content("SummaryFunction"), "another package");
    assert_eq!(account.content("PlanChangeFunction"), "a new package");
    let calls = account.calls();
    assert!(calls.contains("--change-set-type CREATE"), "{calls}");
    assert!(calls.contains("--role-arn arn:aws:iam::123456789012:role/execution"), "{calls}");
    assert!(calls.contains("wait stack-create-complete"), "{calls}");
}

#[test]
fn deployment_replaces_the_packages_of_the_built_functions_only() {
    let account = Account::with_stack("deploy");
    account.succeeds(&["deploy", "prod", "plan-change"], &[]);
    assert_eq!(account.package("SummaryFunction"), "s3://bucket/old");
    let place = account.package("PlanChangeFunction");
    assert!(place.starts_with("s3://bucket/packages/plan-change-"), "{place}");
    assert_eq!(account.content("PlanChangeFunction"), "a new package");
    assert!(account.is_gradual("PlanChangeFunction"));
    let uploads = account.calls().matches("s3 cp").count();
    account.succeeds(&["deploy", "prod", "plan-change"], &[]);
    assert_eq!(account.calls().matches("s3 cp").count(), uploads + 1, "the template only");
}

#[test]
fn template_and_packages_are_deployed_by_one_change_set() {
    let account = Account::with_stack("one-path");
    account.succeeds(&["deploy", "prod"], &[]);
    account.succeeds(&["deploy", "prod", "summary"], &[]);
    let calls = account.calls();
    assert_eq!(calls.matches("cloudformation create-change-set").count(), 2, "{calls}");
    assert!(!calls.contains("cloudformation deploy"), "{calls}");
}

#[test]
fn parameters_of_the_file_replace_those_of_the_stack_and_the_others_stay() {
    let account = Account::with_stack("parameters");
    account.succeeds(&["deploy", "prod"], &[]);
    let parameters = account.parameters();
    let value = |name: &str| {
        let own = parameters.iter().find(|parameter| parameter["ParameterKey"] == name);
        &own.expect(name)["ParameterValue"]
    };
    assert_eq!(value("AllowedOrigins"), "https://a.example");
    assert_eq!(value("RestoredTable"), "kept");
    assert_eq!(value("PermissionsBoundaryArn"), "arn:aws:iam::123456789012:policy/boundary");

    let misspelled = Account::with_stack("typo");
    let file = misspelled.folder.join("samconfig.toml");
    fs::write(file, samconfig("AllowedOrigin=1")).expect("a file");
    let message = misspelled.fails(&["deploy", "prod"], &[]);
    assert!(message.contains("AllowedOrigin"), "{message}");
    assert!(!misspelled.calls().contains("create-change-set"));
}

#[test]
fn failed_deployment_leaves_no_version_that_blocks_the_next() {
    let account = Account::with_stack("retain");
    account.succeeds(&["deploy", "prod", "summary"], &[]);
    let calls = account.calls();
    let execute = calls.lines().find(|line| line.contains("execute-change-set")).expect("executed");
    assert!(execute.contains("--retain-except-on-create"), "{execute}");
}

#[test]
fn commit_is_a_parameter_and_tags_stay() {
    let account = Account::with_stack("commit");
    account.succeeds(&["deploy", "prod"], &[("COMMIT", "abc123")]);
    let calls = account.calls();
    let put = "ssm put-parameter --name /the-stack/commit --type String --overwrite --value abc123";
    assert!(calls.contains(put) && !calls.contains("--tags"), "{calls}");
    let other = Account::with_stack("no-commit");
    other.succeeds(&["deploy", "prod"], &[]);
    assert!(!other.calls().contains("ssm") && !other.calls().contains("--tags"));
}

#[test]
fn deployment_without_changes_succeeds() {
    let mut account = Account::with_stack("unchanged");
    account.answer(
        "cloudformation wait",
        json!({ "Error": "Waiter encountered a terminal failure state" }),
    );
    let reason = "The submitted information didn't contain changes. Submit different information to create a change set.";
    account.answer("cloudformation describe-change-set", json!({ "StatusReason": reason }));
    account.succeeds(&["deploy", "prod"], &[]);
    let calls = account.calls();
    assert!(calls.contains("delete-change-set") && !calls.contains("execute"), "{calls}");
    account
        .answer("cloudformation describe-change-set", json!({ "StatusReason": "no such bucket" }));
    assert!(account.fails(&["deploy", "prod"], &[]).contains("no such bucket"));
}

#[test]
fn failed_first_deployment_is_deleted_before_the_next() {
    let mut account = Account::with_stack("again");
    account.status("ROLLBACK_COMPLETE");
    account.succeeds(&["deploy", "prod", "summary", "plan-change"], &[]);
    let calls = account.calls();
    assert!(calls.contains("cloudformation delete-stack --stack-name the-stack"), "{calls}");
    assert!(calls.contains("--change-set-type CREATE"), "{calls}");
}

#[test]
fn deployment_waits_for_no_other_and_names_the_way_out() {
    for (status, advice) in [
        ("UPDATE_IN_PROGRESS", "cancel-update-stack"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback"),
    ] {
        let mut account = Account::with_stack(status);
        account.status(status);
        let message = account.fails(&["deploy", "prod"], &[]);
        assert!(message.contains(advice), "{message}");
        assert!(!account.calls().contains("create-change-set"));
    }
}

#[test]
fn failed_deployment_prints_why() {
    let mut account = Account::with_stack("why");
    account
        .answer("cloudformation wait stack-update-complete", json!({ "Error": "Waiter failed" }));
    let event = json!({ "Timestamp": "now", "ResourceStatus": "UPDATE_FAILED", "LogicalResourceId": "SummaryFunctionAliaslive", "ResourceStatusReason": "an alarm went off" });
    account.answer("cloudformation describe-stack-events", json!({ "StackEvents": [event] }));
    let message = account.fails(&["deploy", "prod"], &[("COMMIT", "abc123")]);
    assert!(message.contains("SummaryFunctionAliaslive\tan alarm went off"), "{message}");
    assert!(!account.calls().contains("ssm"), "the commit is not deployed");
}

#[test]
fn rollback_deploys_the_good_version_at_once() {
    let account = Account::with_stack("rollback");
    account.succeeds(&["rollback", "plan-change"], &[]);
    assert_eq!(account.content("PlanChangeFunction"), "the package of the good version");
    assert_eq!(account.package("SummaryFunction"), "s3://bucket/old");
    assert!(!account.is_gradual("PlanChangeFunction"));
}

#[test]
fn second_rollback_does_not_return_to_the_bad_version() {
    let mut account = Account::with_stack("twice");
    // The first rollback has published the good code as version 6.
    account.answer("lambda get-alias --name live", json!({ "FunctionVersion": "6" }));
    account
        .answer("lambda get-function-configuration --qualifier 6", json!({ "CodeSha256": "good" }));
    let message = account.fails(&["rollback", "plan-change"], &[]);
    assert!(message.contains("VERSION="), "{message}");
    assert!(!account.calls().contains("create-change-set"));
}

#[test]
fn rollback_after_codedeploys_own_does_not_go_one_too_far() {
    let mut account = Account::with_stack("own");
    // CodeDeploy has moved the alias back to the good version 3; the bad version is the newest.
    account.answer("lambda get-alias --name live", json!({ "FunctionVersion": "3" }));
    let message = account.fails(&["rollback", "plan-change"], &[]);
    assert!(message.contains("version 3") && message.contains("VERSION="), "{message}");
    assert!(!account.calls().contains("create-change-set"));
}

#[test]
fn rollback_without_a_good_version_requires_one() {
    let mut account = Account::with_stack("required");
    account.answer("lambda get-alias --name good", json!({ "Error": "ResourceNotFoundException" }));
    let message = account.fails(&["rollback", "plan-change"], &[]);
    assert!(message.contains("smoke test") && message.contains("today"), "{message}");
    assert!(!account.calls().contains("create-change-set"));
    account.succeeds(&["rollback", "plan-change"], &[("VERSION", "3")]);
    assert!(
        account
            .calls()
            .contains("get-function --function-name the-stack-plan-change --qualifier 3")
    );
}

#[test]
fn rollback_cancels_a_deployment_in_progress() {
    let mut account = Account::with_stack("cancel");
    account.status("UPDATE_IN_PROGRESS");
    account.succeeds(&["rollback", "plan-change"], &[]);
    let calls = account.calls();
    assert!(calls.contains("cancel-update-stack --stack-name the-stack"), "{calls}");
    assert!(!calls.contains("lambda") && !calls.contains("create-change-set"), "{calls}");
}

#[test]
fn use_table_changes_the_deployed_stack_at_once() {
    let mut account = Account::with_stack("table");
    let live = json!({ "Environment": { "Variables": { "BILLING_TABLE": "restored" } } });
    account.answer("lambda get-function-configuration --qualifier live", live);
    // Neither the template nor the settings of this checkout matter.
    fs::remove_file(account.folder.join("template.yaml")).expect("removed");
    fs::remove_file(account.folder.join("samconfig.toml")).expect("removed");
    account.succeeds(&["use-table", "restored"], &[]);
    assert_eq!(account.package("PlanChangeFunction"), "s3://bucket/old2");
    assert!(
        !account.is_gradual("PlanChangeFunction"),
        "the alarms of the incident must not block it"
    );
    let calls = account.calls();
    for option in
        ["update-time-to-live", "update-continuous-backups", "--deletion-protection-enabled"]
    {
        assert!(calls.contains(option), "{calls}");
    }
}

#[test]
fn use_table_fails_if_live_still_uses_the_old_table() {
    let mut account = Account::with_stack("still");
    let live = json!({ "Environment": { "Variables": { "BILLING_TABLE": "old" } } });
    account.answer("lambda get-function-configuration --qualifier live", live);
    let message = account.fails(&["use-table", "restored"], &[]);
    assert!(message.contains("the-stack-summary still uses old"), "{message}");
}

#[test]
fn good_marks_the_version_in_service() {
    let mut account = Account::with_stack("good");
    account.succeeds(&["good"], &[]);
    let moved = "lambda update-alias --function-name the-stack-plan-change --name good --function-version 5";
    assert!(account.calls().contains(moved), "{}", account.calls());
    account.answer("lambda get-alias --name good", json!({ "Error": "ResourceNotFoundException" }));
    account.succeeds(&["good"], &[]);
    assert!(account.calls().contains("lambda create-alias --function-name the-stack-summary"));
}
