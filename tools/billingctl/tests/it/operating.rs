//! Runs the commands of docs/operating.md one after the other, as an operator does: `billingctl` against the emulator of AWS
//! and the Stripe sandbox, the AWS CLI as a fake that refuses what AWS would refuse, and `make` as a dry run.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use billingctl::permissions::slugs;
use serde_json::{Value, json};
use stripe_sandbox::{Config, DEFAULT_SECRET_KEY, Sandbox};

use crate::accounts::{customer, stripe};
use crate::authentication::secrets_manager;
use crate::aws::Aws;

const READ: &str = "rk_test_operatingread";
const WRITE: &str = "rk_test_operatingwrite";
const NEXT_READ: &str = "rk_test_operatingnext";

/// Key of the example in which doctor finds a key of Stripe.
const MISTAKEN: &str = "sk_test_operatingmistaken0000000";
const STACK_ID: &str =
    "arn:aws:cloudformation:eu-central-1:123456789012:stack/cantila-billing-dev/1";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns the blocks of commands in the page.
fn commands(page: &str) -> String {
    let mut found = String::new();
    let mut is_inside = false;
    for line in page.lines() {
        match line.trim() {
            "```sh" => is_inside = true,
            "```" => is_inside = false,
            _ if is_inside => found.extend([line, "\n"]),
            _ => {}
        }
    }
    found
}

/// Folder with the repository's files, fakes of the commands, and the fake AWS CLI's answers.
struct Desk(PathBuf);

impl Desk {
    fn new() -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("operating");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("bin")).expect("a folder");
        fs::create_dir_all(folder.join("packages")).expect("a folder");
        for name in [
            "bootstrap.yaml",
            "catalog.toml",
            "examples",
            "samconfig.toml",
            "template.yaml",
            "tools",
        ] {
            symlink(root().join(name), folder.join(name)).expect(name);
        }
        for entry in fs::read_dir(root().join("functions")).expect("functions") {
            let name = entry.expect("a folder").file_name().into_string().expect("UTF-8");
            fs::write(folder.join(format!("packages/{name}.zip")), name).expect("a package");
        }
        let desk = Self(folder);
        let root = root().canonicalize().expect("a path");
        let root = root.display();
        let python = format!("{root}/.venv/bin/python");
        desk.script("aws", &format!("exec {python} {root}/tools/deployer/tests/aws.py \"$@\""));
        // `billingctl` exists once the page has installed it.
        let own = env!("CARGO_BIN_EXE_billingctl");
        desk.script(
            "cargo",
            &format!("[ \"$*\" = 'install --locked --path tools/billingctl' ] && ln -s {own} \"$FOLDER/bin/billingctl\""),
        );
        desk.script("gh", "echo 123456");
        // Builds nothing, and calls nothing over the network.
        desk.script(
            "make",
            &format!(
                "for word in \"$@\"; do case $word in *=*) export \"$word\" ;; esac; done\n\
                 commands=$(/usr/bin/env -i PATH=/usr/bin:/bin HOME=\"$HOME\" make --dry-run --no-print-directory -C {root} \"$@\") || exit\n\
                 eval \"$(printf '%s' \"$commands\" | grep -o 'tools/deployer/stack.sh .*')\""
            ),
        );
        desk
    }

    fn script(&self, name: &str, text: &str) {
        let path = self.0.join("bin").join(name);
        fs::write(&path, format!("#!/usr/bin/env bash\n{text}\n")).expect(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect(name);
    }
}

/// Outputs of a stack, as `describe-stacks` returns them.
fn stack(outputs: &[(&str, &str)]) -> Value {
    let output = |(key, value): &(&str, &str)| json!({ "OutputKey": key, "OutputValue": value });
    let outputs: Vec<Value> = outputs.iter().map(output).collect();
    json!({ "Stacks": [{ "StackName": "cantila-billing-dev", "StackId": STACK_ID, "StackStatus": "UPDATE_COMPLETE", "Outputs": outputs }] })
}

/// Answers of the AWS CLI for deployed stacks, whose secrets have these ARNs.
fn answers(secrets: &[String; 4]) -> Value {
    let role = "arn:aws:iam::123456789012:role/r";
    let bootstrap = stack(&[
        ("ArtifactBucket", "artifacts"),
        ("ArtifactBucketDomain", "artifacts.s3.eu-central-1.amazonaws.com"),
        ("AuditBucket", "audit"),
        ("DeployRoleArn", role),
        ("ExecutionRoleArn", role),
        ("PermissionsBoundaryArn", "arn:aws:iam::123456789012:policy/b"),
    ]);
    let outputs = stack(&[
        ("ApiUrl", "http://127.0.0.1:1"),
        ("TableName", "cantila-billing-dev-Table-1"),
        ("QuoteKeysSecretArn", &secrets[0]),
        ("StripeReadSecretArn", &secrets[1]),
        ("StripeWriteSecretArn", &secrets[2]),
        ("CanaryKeySecretArn", &secrets[3]),
    ]);
    let alias =
        "arn:aws:lambda:eu-central-1:123456789012:function:cantila-billing-dev-summary:live";
    let resource = json!({ "ResourceType": "AWS::Lambda::Alias", "PhysicalResourceId": alias });
    let template = fs::read_to_string(root().join("template.yaml")).expect("the template");
    let live = |table: &str| json!({ "CodeSha256": "5", "Environment": { "Variables": { "BILLING_TABLE": table } } });
    json!({
        "cloudformation describe-stacks": outputs,
        "cloudformation describe-stacks --stack-name cantila-billing-dev-bootstrap": bootstrap,
        "cloudformation describe-stacks --stack-name cantila-billing-drill-bootstrap": bootstrap,
        "cloudformation get-template": { "TemplateBody": template },
        "cloudformation list-stack-resources": { "StackResourceSummaries": [resource] },
        "dynamodb describe-time-to-live": { "TimeToLiveDescription": { "TimeToLiveStatus": "DISABLED" } },
        "lambda get-alias --name live": { "FunctionVersion": "5" },
        "lambda get-alias --name good": { "FunctionVersion": "4" },
        "lambda get-function-configuration --qualifier 3": { "CodeSha256": "3" },
        "lambda get-function-configuration --qualifier 4": { "CodeSha256": "4" },
        "lambda get-function-configuration --qualifier 5": { "CodeSha256": "5" },
        "lambda get-function": { "Code": { "Location": format!("file://{}", root().join("README.md").display()) } },
        "lambda get-function-configuration --qualifier live": live("cantila-billing-dev-restored"),
        "cloudformation list-stack-resources --stack-name cantila-billing-drill": { "StackResourceSummaries": [] },
        "logs describe-export-tasks": { "exportTasks": [] },
        "events list-rules": { "Rules": [{ "Name": "cantila-billing-dev-FollowFunctionEachMinute-1" }] },
    })
}

#[tokio::test]
async fn documented_commands_work() {
    let aws = Aws::with_secrets();
    aws.dynamodb.create_table("cantila-billing-dev-Table-1").expect("a new table");
    let client = secrets_manager(&aws);
    let create = async |name: &str, value: Option<&str>| {
        let request = client.create_secret().name(name).set_secret_string(value.map(str::to_owned));
        request.send().await.expect("created").arn.expect("an ARN")
    };
    let quote_keys = format!(r#"{{"current":"k1","k1":"{}"}}"#, "x".repeat(64));
    let secrets = [
        create("QuoteKeysSecret-1", Some(&quote_keys)).await,
        create("StripeReadSecret-1", None).await,
        create("StripeWriteSecret-1", None).await,
        create("CanaryKeySecret-1", None).await,
    ];
    let restricted_keys = vec![
        (READ.to_owned(), slugs(|row| row.read_key)),
        (WRITE.to_owned(), slugs(|row| row.write_key)),
        (NEXT_READ.to_owned(), slugs(|row| row.read_key)),
    ];
    let sandbox = Sandbox::start(Config { restricted_keys, ..Config::default() }).expect("a port");

    let customer = customer(&stripe(&sandbox), &json!({ "name": "Globex" })).await;

    let desk = Desk::new();
    fs::write(desk.0.join("answers.json"), answers(&secrets).to_string()).expect("answers");
    let page = fs::read_to_string(root().join("docs/operating.md")).expect("the page");
    let script = desk.0.join("commands.sh");
    fs::write(&script, format!("set -euxo pipefail\n{}", commands(&page))).expect("a script");
    let target = Path::new(env!("CARGO_BIN_EXE_billingctl")).parent().expect("a folder");
    // The fake `make` finds it there; billingctl itself must not be found there.
    symlink(target.join("deployer"), desk.0.join("bin/deployer")).expect("a link");
    assert!(target.join("deployer").exists(), "run `cargo build --workspace` first");

    let mut command = Command::new("bash");
    command.arg(&script).current_dir(&desk.0).env_clear();
    command.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", desk.0.join("bin").display()));
    command.env("HOME", std::env::var("HOME").unwrap_or_default());
    command.env("BILLINGCTL_CONFIG", desk.0.join("profiles.toml"));
    command.env("FOLDER", &desk.0).env("PACKAGES", desk.0.join("packages"));
    command.env("AWS_ENDPOINT_URL", &aws.url).env("STRIPE_API_BASE", &sandbox.url);
    command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("CUSTOMER", customer);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().expect("bash");
    let mut stdin = process.stdin.take().expect("piped");
    // The answers to the prompts for keys.
    write!(
        stdin,
        "{READ}\n{WRITE}\npk_test_operating\n{DEFAULT_SECRET_KEY}\n{MISTAKEN}\n{NEXT_READ}\n"
    )
    .expect("open");
    drop(stdin);
    let output = process.wait_with_output().expect("its own process");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");

    let mut check = Command::new(root().join(".venv/bin/python"));
    check.arg(root().join("tools/deployer/tests/aws.py")).arg("check").env("FOLDER", &desk.0);
    let check = check.output().expect("Python");
    assert!(check.status.success(), "AWS would refuse: {}", String::from_utf8_lossy(&check.stderr));
    let calls = fs::read_to_string(desk.0.join("calls")).expect("calls");
    for call in [
        "execute-change-set --stack-name cantila-billing-dev ",
        "update-continuous-backups",
        "create-export-task",
    ] {
        assert!(calls.contains(call), "{call} is missing:\n{calls}");
    }
    let stored = client.get_secret_value().secret_id(&secrets[1]).send().await.expect("a value");
    assert!(stored.secret_string.expect("text").contains(NEXT_READ), "it was rotated");
}
