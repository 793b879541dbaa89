//! Tests of `doctor`: all checks pass on a correct stack, and each check reports its own fault.

use std::path::PathBuf;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, KeySchemaElement, KeyType,
    PointInTimeRecoverySpecification, ProvisionedThroughput, ScalarAttributeType,
};
use billingctl::permissions::slugs;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use shared::aws::table::keys;
use shared::stripe::views::Id;
use shared::values::{Mode, Timestamp};
use stripe_client_core::{RequestBuilder, StripeMethod};
use stripe_sandbox::{Config, DEFAULT_SECRET_KEY, Running, Sandbox};

use crate::accounts::{customer, delete_customer, stripe};
use crate::authentication::{TABLE, dynamo, secrets_manager};
use crate::aws::Aws;
use crate::harness::Shell;
use crate::proxy::{Proxy, Rule, Then};

const READ: &str = "rk_test_doctorread";
const WRITE: &str = "rk_test_doctorwrite";

const UNAUTHENTICATED: &str =
    r#"{"error":"unauthenticated","message":"m","requestId":"r","details":null}"#;

/// A correct stack behind proxies that can change responses.
struct Stack {
    emulator: Aws,
    sandbox: Running,
    aws: Proxy,
    stripe: Proxy,
    api: Proxy,
    shell: Shell,
    file: PathBuf,
}

impl Stack {
    fn new() -> Self {
        let emulator = Aws::with_secrets();
        let restricted_keys = vec![
            (READ.to_owned(), slugs(|row| row.read_key)),
            (WRITE.to_owned(), slugs(|row| row.write_key)),
        ];
        let sandbox =
            Sandbox::start(Config { restricted_keys, ..Config::default() }).expect("a free port");
        let (aws, stripe) = (Proxy::start(&emulator.url), Proxy::start(&sandbox.url));
        let api = Proxy::start("127.0.0.1:1");
        let file = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../catalog.toml"));
        let shell = Shell::with_aws(&aws.url)
            .with("STRIPE_READ_KEY", READ)
            .with("STRIPE_WRITE_KEY", WRITE)
            .with("STRIPE_PUBLISHABLE_KEY", "pk_test_doctor")
            .with("STRIPE_SECRET_KEY", DEFAULT_SECRET_KEY)
            .with("STRIPE_API_BASE", &stripe.url)
            .with("ALLOWED_ORIGINS", "https://console.example.com")
            .with("AUTOMATIC_TAX", "true")
            .with("API_URL", &api.url);
        let stack = Self { emulator, sandbox, aws, stripe, api, shell, file };
        stack.admin("/portal_configuration", "");
        let file = stack.file.to_str().expect("UTF-8");
        for arguments in [&["setup"][..], &["catalog", "apply", "--yes", "--file", file]] {
            assert_eq!(stack.shell.run(arguments).code, Some(0), "{arguments:?}");
        }
        stack.reset();
        stack
    }

    /// Calls the sandbox's admin API.
    fn admin(&self, path: &str, body: &str) {
        use std::io::{Read as _, Write as _};
        let address = self.sandbox.url.trim_start_matches("http://");
        let mut stream = std::net::TcpStream::connect(address).expect("the sandbox listens");
        let length = body.len();
        write!(stream, "POST /_sandbox{path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
            .expect("a request");
        let mut response = String::new();
        stream.read_to_string(&mut response).expect("a response");
        assert!(response.starts_with("HTTP/1.1 200"), "{response}");
    }

    fn allow(&self, key: &str, permissions: &[String]) {
        self.admin("/keys", &json!({ "key": key, "permissions": permissions }).to_string());
    }

    /// Restores the correct state.
    fn reset(&self) {
        self.allow(READ, &slugs(|row| row.read_key));
        self.allow(WRITE, &slugs(|row| row.write_key));
        self.aws.set(&[]);
        self.stripe.set(&tax("active", r#""exclusive""#, r#"[{"id":"taxreg_1"}]"#));
        let routes = [
            "summary",
            "info",
            "invoices",
            "dunning",
            "usage",
            "checkout-session",
            "portal-session",
            "plan-change",
        ];
        let route = |name: &&'static str| Rule {
            when: vec![name],
            then: Then::Respond(401, UNAUTHENTICATED),
        };
        let rest = Rule { when: vec![], then: Then::Respond(404, r#"{"message":"Not Found"}"#) };
        let routes = routes.iter().map(route).collect();
        self.api
            .set(&[preflight("https://console.example.com").into(), routes, vec![rest]].concat());
    }

    /// Sets the age of the watermark in seconds.
    async fn follow(&self, age: i64) {
        let time = AttributeValue::N((Timestamp::now().seconds() - age).to_string());
        let put = dynamo(&self.emulator).put_item().table_name(TABLE).item("followedTo", time);
        let put =
            keys::watermark().into_iter().fold(put, |put, (name, value)| put.item(name, value));
        put.send().await.expect("the table accepts it");
    }

    fn doctor(&self, shell: &Shell, more: &[&str]) -> (Option<i32>, Vec<Value>) {
        let file = self.file.to_str().expect("UTF-8");
        let own = if more.contains(&"--file") { &[][..] } else { &["--file", file] };
        let run = shell.run(&[&["doctor", "--json"], own, more].concat());
        let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
        assert!(
            !format!("{run:?}").contains(READ) && !run.stdout.contains(WRITE),
            "a key: {run:?}"
        );
        (run.code, report["checks"].as_array().expect("an array").clone())
    }

    /// Checks that the check has this verdict, with `words` in its finding or advice; then resets.
    #[track_caller]
    fn expect(&self, shell: &Shell, more: &[&str], check: &str, verdict: &str, words: &str) {
        let (code, lines) = self.doctor(shell, more);
        let line = lines.iter().find(|line| line["check"] == check);
        let line = line.unwrap_or_else(|| panic!("{check} in {lines:#?}"));
        let text = format!("{} {}", line["found"], line["advice"]);
        assert!(
            line["verdict"] == verdict && text.contains(words),
            "{check} {verdict} {words}: {line}"
        );
        assert_eq!(
            code,
            Some(i32::from(lines.iter().any(|line| line["verdict"] == "fail"))),
            "{check}"
        );
        if verdict != "pass" {
            assert!(line["advice"].as_str().is_some_and(|advice| !advice.is_empty()), "{line}");
        }
        self.reset();
    }
}

/// Lets the API respond to preflight requests, and allow one origin in them.
fn preflight(origin: &'static str) -> [Rule; 4] {
    let headers = [
        ("access-control-allow-origin", origin),
        ("access-control-allow-methods", "GET,POST,DELETE"),
        (
            "access-control-allow-headers",
            "authorization,content-type,idempotency-key,x-cantila-act-as,if-none-match,cache-control",
        ),
    ];
    let [a, b, c] = headers.map(|(name, value)| Then::Header(name, value));
    let of_origin = |then| Rule { when: vec!["options", "origin: https://console."], then };
    let own = Rule { when: vec!["options"], then: Then::Respond(204, "") };
    [own, of_origin(a), of_origin(b), of_origin(c)]
}

fn tax(status: &'static str, behavior: &'static str, registrations: &'static str) -> [Rule; 2] {
    let leak = |text: String| -> &'static str { text.leak() };
    let settings = leak(format!(
        r#"{{"object":"tax.settings","status":"{status}","status_details":{{"pending":{{"missing_fields":["head_office"]}}}},"defaults":{{"tax_behavior":{behavior}}}}}"#
    ));
    let list = leak(format!(r#"{{"object":"list","has_more":false,"data":{registrations}}}"#));
    [
        Rule { when: vec!["get /v1/tax/settings"], then: Then::Respond(200, settings) },
        Rule { when: vec!["get /v1/tax/registrations"], then: Then::Respond(200, list) },
    ]
}

fn plus(permissions: Vec<String>, more: &str) -> Vec<String> {
    permissions.into_iter().chain([more.to_owned()]).collect()
}

#[tokio::test]
async fn function_whose_callers_reach_an_older_configuration_fails() {
    const CHECK: &str = "functions.live";
    const NEW: &str = r#"{"CodeSha256":"a","MemorySize":256,"Environment":{"Variables":{"BILLING_TABLE":"restored"}}}"#;
    const OLD: &str = r#"{"CodeSha256":"a","MemorySize":256,"Environment":{"Variables":{"BILLING_TABLE":"lost"}}}"#;
    let stack = Stack::new();
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("doctor-functions.json");
    std::fs::write(&path, r#"{"Stacks":[{"StackName":"billing"}]}"#).expect("a file");
    let arguments = ["--stack", path.to_str().expect("UTF-8")];
    let all =
        Rule { when: vec!["get /2015-03-31/functions/billing-"], then: Then::Respond(200, NEW) };
    let live = "get /2015-03-31/functions/billing-plan-change/configuration?qualifier=live";
    let old = Rule { when: vec![live], then: Then::Respond(200, OLD) };
    stack.aws.set(std::slice::from_ref(&all));
    stack.expect(&stack.shell, &arguments, CHECK, "pass", "newest");
    stack.aws.set(&[old, all]);
    stack.expect(&stack.shell, &arguments, CHECK, "fail", "plan-change");
    let denied = r#"{"__type":"AccessDeniedException","message":"no"}"#;
    let denied = Rule { when: vec!["get /2015-03-31/functions"], then: Then::Respond(403, denied) };
    stack.aws.set(&[denied]);
    stack.expect(&stack.shell, &arguments, CHECK, "fail", "GetFunctionConfiguration");
}

#[tokio::test]
async fn correct_stack_passes_and_each_fault_is_reported_with_advice() {
    let stack = Stack::new();
    stack.follow(0).await;
    let (code, lines) = stack.doctor(&stack.shell, &["--strict"]);
    let others: Vec<&Value> = lines.iter().filter(|line| line["verdict"] != "pass").collect();
    assert!(code == Some(0) && others.is_empty() && lines.len() >= 26, "{others:#?}");
    let text = stack.shell.run(&["doctor", "--file", stack.file.to_str().expect("UTF-8")]);
    assert!(
        text.stdout.contains("pass     table.ttl")
            && text.stdout.ends_with("0 failed, 0 skipped\n"),
        "{text:?}"
    );

    keys(&stack);
    mistaken_keys(&stack);
    canary(&stack).await;
    customers(&stack).await;
    aws(&stack).await;
    watermark(&stack).await;
    clocks(&stack);
    catalog(&stack);
    taxes(&stack);
    outside(&stack);
}

fn keys(stack: &Stack) {
    let (shell, read, write) =
        (&stack.shell, slugs(|row| row.read_key), slugs(|row| row.write_key));
    for (key, check, permissions) in [
        (READ, "stripe.read-key.permissions", &read),
        (WRITE, "stripe.write-key.permissions", &write),
    ] {
        stack.allow(key, &permissions[1..]);
        stack.expect(shell, &[], check, "fail", &permissions[0]);
        stack.allow(key, &permissions[..1]);
        let (_, lines) = stack.doctor(shell, &[]);
        let line = lines.iter().find(|line| line["check"] == check).expect(check);
        let missing = line["found"].as_str().expect("text").matches("rak_").count();
        assert_eq!(missing, permissions.len() - 1, "{line}");
        stack.reset();
    }
    stack.allow(READ, &plus(read.clone(), "rak_tax_rate_read"));
    stack.expect(shell, &[], "stripe.read-key.permissions", "warn", "tax rate: Read");
    stack.allow(WRITE, &plus(write, "rak_product_write"));
    stack.expect(shell, &[], "stripe.write-key.permissions", "warn", "Products: Write");
    stack.allow(READ, &plus(read, "rak_subscription_write"));
    stack.expect(shell, &[], "stripe.read-key.cannot-write", "fail", "it can write: Subscriptions");

    let secret = |name: &'static str, key: &str| {
        let set = shell.with(name, key).run(&["setup", "--replace-secrets", "--skip-check"]);
        assert_eq!(set.code, Some(0), "{set:?}");
    };
    secret("STRIPE_READ_KEY", DEFAULT_SECRET_KEY);
    stack.expect(shell, &[], "stripe.read-key.cannot-write", "fail", "unrestricted");
    secret("STRIPE_READ_KEY", "rk_test_gone");
    stack.expect(shell, &[], "stripe.read-key.permissions", "fail", "does not know");
    let live = shell
        .with("STRIPE_WRITE_KEY", "rk_live_x")
        .with("STRIPE_READ_KEY", "")
        .with("STRIPE_PUBLISHABLE_KEY", "pk_live_x");
    assert_eq!(live.run(&["setup", "--replace-secrets", "--skip-check"]).code, Some(0));
    stack.expect(shell, &[], "stripe.modes", "fail", "the write key is live");
    secret("STRIPE_READ_KEY", READ);
    stack.expect(shell, &["--mode", "live"], "stripe.modes", "fail", "the stack is live");

    let other = Rule {
        when: vec!["get /v1/products?limit=10 ", WRITE],
        then: Then::Replace("prod_", "prod_other"),
    };
    stack.stripe.set(&[other]);
    stack.expect(shell, &[], "stripe.account", "fail", "different Stripe accounts");
    for (name, check) in [
        ("--stripe-read-secret", "secrets.stripe-read"),
        ("--stripe-write-secret", "secrets.stripe-write"),
        ("--quote-keys-secret", "secrets.quote-keys"),
    ] {
        stack.expect(shell, &[name, "nothing"], check, "fail", "billingctl setup");
    }
}

fn mistaken_keys(stack: &Stack) {
    const CHECK: &str = "keys.given";
    let shell = &stack.shell;
    shell.json(&["accounts", "create", "--handle", "keyed", "--id", "acc_keyed"]);
    let create = ["keys", "create", "--account", "keyed", "--scope", "read"];
    let created = shell.json(&create);
    let [key, id] = ["key", "id"].map(|field| created[field].as_str().expect("text"));
    let given = |key: &str| shell.with("API_KEY", key);
    stack.expect(&given(key), &[], CHECK, "pass", &format!("{id} of acc_keyed"));
    shell.json(&["keys", "revoke", id, "--account", "keyed", "--yes"]);
    stack.expect(&given(key), &[], CHECK, "fail", "is revoked");
    let foreign = shared::access::generate(Mode::Test).expect("random numbers");
    let live = shared::access::generate(Mode::Live).expect("random numbers");
    for (key, words) in [
        (foreign.expose_secret(), "that this stack does not know"),
        (live.expose_secret(), "of live mode"),
        (&format!("sk_test_{}", "5".repeat(99)), "a secret key of Stripe"),
        (&foreign.expose_secret()[..45], "is mistyped or cut"),
        (READ, "a secret key of Stripe"),
        ("pk_test_hunter2", "a publishable key of Stripe"),
        ("hunter2", "is no API key"),
    ] {
        let run = given(key).run(&["doctor", "--json"]);
        assert!(!format!("{run:?}").contains(key), "{words}");
        stack.expect(&given(key), &[], CHECK, "fail", words);
    }

    // An API key in place of Stripe's.
    let stripe = shell.with("STRIPE_SECRET_KEY", key);
    stack.expect(&stripe, &[], "catalog.file", "fail", "is an API key of this API");
}

async fn canary(stack: &Stack) {
    const CHECK: &str = "keys.canary";
    let (shell, client) = (&stack.shell, secrets_manager(&stack.emulator));
    let secret = client.create_secret().name("CanaryKeySecret-1").send().await.expect("created");
    let arn = secret.arn.expect("an ARN");
    let output = |key: &str, value: &str| json!({ "OutputKey": key, "OutputValue": value });
    let description = json!({ "Stacks": [{ "Outputs": [output("CanaryKeySecretArn", &arn)] }] });
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("canary-stack.json");
    std::fs::write(&file, description.to_string()).expect("writable");
    let arguments = ["--stack", file.to_str().expect("UTF-8")];
    stack.expect(shell, &arguments, CHECK, "warn", "step 7");
    let create = ["keys", "create", "--account", "keyed", "--scope", "read", "--name", "canary"];
    let key = shell.run(&create).stdout;
    for (value, verdict, words) in
        [(key.as_str(), "pass", "works"), (READ, "fail", "a secret key of Stripe")]
    {
        let put = client.put_secret_value().secret_id(&arn).secret_string(value);
        put.send().await.expect("a value");
        stack.expect(shell, &arguments, CHECK, verdict, words);
    }
}

async fn customers(stack: &Stack) {
    const CHECK: &str = "accounts.customers";
    let (shell, stripe) = (&stack.shell, stripe(&stack.sandbox));
    // More than a page of Stripe's list.
    let listed = customer(&stripe, &json!({ "name": "first" })).await;
    for index in 0..100 {
        customer(&stripe, &json!({ "name": index.to_string() })).await;
    }
    let clock = RequestBuilder::new(StripeMethod::Post, "/test_helpers/test_clocks");
    let clock = clock.form(&json!({ "frozen_time": 1_800_000_000 }));
    let clock = stripe.send_built::<Id>(clock, None).await.expect("a clock").id;
    let hidden = customer(&stripe, &json!({ "test_clock": clock })).await;
    let gone = customer(&stripe, &json!({ "name": "gone" })).await;
    delete_customer(&stripe, &gone).await;
    for (handle, customer, verdict, words) in [
        ("listed", listed.as_str(), "pass", "all 1 exist"),
        ("hidden", &hidden, "pass", "all 2 exist"),
        ("gone", &gone, "warn", &format!("deleted in Stripe: gone ({gone})")),
        ("foreign", "cus_foreign", "fail", "account and mode: foreign (cus_foreign); deleted"),
    ] {
        shell.json(&[
            "accounts",
            "create",
            "--handle",
            handle,
            "--skip-check",
            "--customer",
            customer,
        ]);
        stack.expect(shell, &[], CHECK, verdict, words);
    }
    stack.stripe.set(&[Rule { when: vec!["get /v1/customers?"], then: Then::Respond(403, "{}") }]);
    stack.expect(shell, &[], CHECK, "skipped", "cannot be read");
    for handle in ["gone", "foreign"] {
        shell.json(&["accounts", "unlink", handle, "--yes"]);
    }
}

async fn aws(stack: &Stack) {
    let shell = &stack.shell;
    let nobody = shell.with("AWS_ACCESS_KEY_ID", "").with("AWS_SECRET_ACCESS_KEY", "");
    stack.expect(&nobody, &[], "aws.identity", "fail", "AWS_PROFILE");
    stack.expect(&nobody, &[], "secrets.stripe-read", "skipped", "fix aws.identity first");
    let denied = r#"{"__type":"com.amazon.coral.service#AccessDeniedException","message":"no"}"#;
    let actions = ["GetItem", "Query", "Scan", "PutItem", "UpdateItem", "DeleteItem"];
    let deny = |action: &&str| {
        let target: &'static str = format!("DynamoDB_20120810.{action}\r").leak();
        Rule { when: vec![target], then: Then::Respond(400, denied) }
    };
    stack.aws.set(&[deny(&"Scan")]);
    stack.expect(shell, &[], "aws.permissions", "fail", "not allowed: dynamodb:Scan\"");
    let all: Vec<String> = actions.iter().map(|action| format!("dynamodb:{action}")).collect();
    stack.aws.set(&actions.iter().map(deny).collect::<Vec<_>>());
    stack.expect(
        shell,
        &[],
        "aws.permissions",
        "fail",
        &format!("not allowed: {}", all.join(", ")),
    );
    let throttled =
        r#"{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"no"}"#;
    let throttle =
        Rule { when: vec!["DynamoDB_20120810.Query\r"], then: Then::Respond(400, throttled) };
    stack.aws.set(&[throttle]);
    stack.expect(shell, &[], "aws.permissions", "fail", "wait a minute");
    for (action, check) in [
        ("DescribeTable", "table.exists"),
        ("DescribeTimeToLive", "table.ttl"),
        ("DescribeContinuousBackups", "table.recovery"),
    ] {
        let target: &'static str = format!("DynamoDB_20120810.{action}\r").leak();
        stack.aws.set(&[Rule { when: vec![target], then: Then::Respond(400, denied) }]);
        stack.expect(shell, &[], check, "fail", &format!("dynamodb:{action}"));
    }
    stack.expect(shell, &["--table", "none"], "table.exists", "fail", "billingctl setup");
    tables(stack).await;
}

/// Checks a table without any option.
async fn tables(stack: &Stack) {
    let client = dynamo(&stack.emulator);
    let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash);
    let attribute =
        AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
    let throughput =
        ProvisionedThroughput::builder().read_capacity_units(1).write_capacity_units(1);
    let create = client
        .create_table()
        .table_name("bare")
        .provisioned_throughput(throughput.build().expect("whole"));
    let create = create
        .key_schema(key.build().expect("whole"))
        .attribute_definitions(attribute.build().expect("whole"));
    create.send().await.expect("a table");
    for (check, verdict, words) in [
        ("table.keys", "fail", "--table"),
        ("table.ttl", "fail", "billingctl setup"),
        ("table.recovery", "fail", "billingctl setup"),
        ("table.protection", "fail", "billingctl setup"),
        ("table.billing", "warn", "PAY_PER_REQUEST"),
        ("table.encryption", "warn", "--sse-specification"),
    ] {
        stack.expect(&stack.shell, &["--table", "bare"], check, verdict, words);
    }
    let off = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(false);
    let update = client.update_continuous_backups().table_name("cantila-billing");
    update
        .point_in_time_recovery_specification(off.build().expect("whole"))
        .send()
        .await
        .expect("an update");
    stack.expect(&stack.shell, &[], "table.recovery", "fail", "billingctl setup");
    assert_eq!(stack.shell.run(&["setup"]).code, Some(0));
    stack.expect(&stack.shell, &[], "table.recovery", "pass", "on");
}

async fn watermark(stack: &Stack) {
    const CHECK: &str = "follow.watermark";
    stack.follow(90).await;
    stack.expect(&stack.shell, &[], CHECK, "pass", " s old");
    stack.follow(3_600).await;
    stack.expect(&stack.shell, &[], CHECK, "fail", "#watermark-old");
    let delete = dynamo(&stack.emulator).delete_item().table_name(TABLE);
    let delete = delete.set_key(Some(keys::watermark()));
    delete.send().await.expect("the table accepts it");
    stack.expect(&stack.shell, &[], CHECK, "fail", "follow has never run");
    stack.follow(0).await;
}

fn clocks(stack: &Stack) {
    let date = Then::Header("date", "Sun, 01 Nov 2026 00:00:00 GMT");
    stack.stripe.set(&[Rule { when: vec![], then: date.clone() }]);
    stack.expect(&stack.shell, &[], "clock.stripe", "fail", "NTP");
    stack.aws.set(&[Rule { when: vec!["get / "], then: date }]);
    stack.expect(&stack.shell, &[], "clock.aws", "fail", "NTP");
    let version = Then::Header("stripe-version", "2020-08-27");
    stack.stripe.set(&[Rule { when: vec![], then: version }]);
    stack.expect(&stack.shell, &[], "stripe.version", "fail", "2020-08-27");
    let away = stack.shell.with("STRIPE_API_BASE", "http://127.0.0.1:1");
    stack.expect(&away, &[], "clock.stripe", "fail", "does not respond");
}

fn catalog(stack: &Stack) {
    let shell = &stack.shell;
    let description = |parameter: &str, value: &str| {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("doctor-stack.json");
        let stacks = json!({ "Stacks": [{ "Parameters": [{ "ParameterKey": parameter, "ParameterValue": value }] }] });
        std::fs::write(&path, stacks.to_string()).expect("writable");
        path.to_str().expect("UTF-8").to_owned()
    };
    stack.expect(
        shell,
        &["--stack", &description("DefaultCurrency", "eur")],
        "catalog.offers",
        "fail",
        "catalog apply",
    );
    let unknown = Then::Replace(r#""cantila_plan":"hobby""#, r#""cantila_plan":"other""#);
    stack.stripe.set(&[Rule { when: vec!["get /v1/prices"], then: unknown }]);
    stack.expect(shell, &[], "catalog.offers", "warn", "hobby");

    let named = description("PortalConfiguration", "bpc_gone");
    stack.expect(shell, &["--stack", &named], "portal.configuration", "fail", "bpc_gone");
    let configurations = |from, to| Rule {
        when: vec!["get /v1/billing_portal/configurations"],
        then: Then::Replace(from, to),
    };
    stack.stripe.set(&[configurations(r#""is_default":true"#, r#""is_default":false"#)]);
    stack.expect(shell, &[], "portal.configuration", "fail", "PortalConfiguration");
    stack.stripe.set(&[configurations(r#""active":true"#, r#""active":false"#)]);
    stack.expect(shell, &[], "portal.configuration", "fail", "not active");
    let open = r#""default_allowed_updates":[],"enabled":true"#;
    stack.stripe.set(&[configurations(r#""default_allowed_updates":[],"enabled":false"#, open)]);
    stack.expect(
        shell,
        &[],
        "portal.configuration",
        "fail",
        "without the quotes and checks of the API",
    );

    let text = std::fs::read_to_string(&stack.file).expect("readable");
    for (name, from, to, verdict, words) in [
        ("doctor-price.toml", "\"35.00\"", "\"36.00\"", "warn", "2 plans, prices or meters"),
        (
            "doctor-portal.toml",
            "invoice_history = true",
            "invoice_history = false",
            "warn",
            "portal's configuration",
        ),
        ("doctor-fault.toml", "\"35.00\"", "35", "fail", "expected an amount"),
    ] {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, text.replacen(from, to, 1)).expect("writable");
        let file = path.to_str().expect("UTF-8");
        stack.expect(shell, &["--file", file], "catalog.file", verdict, words);
    }
    stack.expect(
        shell,
        &["--file", "/nonexistent/catalog.toml"],
        "catalog.file",
        "skipped",
        "--file",
    );
    stack.expect(
        &shell.with("STRIPE_SECRET_KEY", ""),
        &[],
        "catalog.file",
        "skipped",
        "STRIPE_SECRET_KEY",
    );
}

fn taxes(stack: &Stack) {
    let shell = &stack.shell;
    stack.stripe.set(&tax("pending", r#""exclusive""#, "[]"));
    stack.expect(shell, &[], "tax.settings", "fail", "head_office");
    stack.stripe.set(&tax("active", "null", "[]"));
    stack.expect(shell, &[], "tax.settings", "fail", "inclusive or exclusive");
    stack.stripe.set(&tax("active", r#""exclusive""#, "[]"));
    stack.expect(shell, &[], "tax.registrations", "warn", "AutomaticTax=false");
    stack.stripe.set(&[]);
    stack.expect(shell, &[], "tax.settings", "skipped", "could not be checked");
    stack.expect(&shell.with("AUTOMATIC_TAX", "false"), &[], "tax", "skipped", "off");
    stack.expect(&shell.with("STRIPE_SECRET_KEY", ""), &[], "tax", "skipped", "STRIPE_SECRET_KEY");
}

fn outside(stack: &Stack) {
    let shell = &stack.shell;
    let origins = shell.with("ALLOWED_ORIGINS", "https://console.example.com/billing");
    stack.expect(&origins, &[], "origins", "fail", "AllowedOrigins=");
    stack.expect(
        &shell.with("API_URL", "http://127.0.0.1:1"),
        &[],
        "api.routes",
        "fail",
        "does not respond",
    );
    let open = Rule { when: vec!["get /v1/billing/info"], then: Then::Respond(200, "{}") };
    stack.api.set(&[open]);
    stack.expect(shell, &[], "api.routes", "fail", "GET /v1/billing/info responds 200");
    stack.api.set(&[Rule { when: vec![], then: Then::Respond(200, "hello") }]);
    stack.expect(shell, &[], "api.unknown-route", "warn", "200");
    let anyone = Rule { when: vec![], then: Then::Header("access-control-allow-origin", "*") };
    stack.api.set(&[Rule { when: vec![], then: Then::Respond(404, "{}") }, anyone]);
    stack.expect(shell, &[], "api.cors", "fail", "CORS settings");
    stack.api.set(&preflight("https://other.example.com"));
    stack.expect(shell, &[], "api.cors.origins", "fail", "https://console.example.com: not an");
    stack.api.set(&[Rule { when: vec!["options"], then: Then::Respond(404, "") }]);
    stack.expect(shell, &[], "api.cors.origins", "fail", "gets 404");
    stack.expect(
        &shell.with("API_URL", "http://api.example.invalid"),
        &[],
        "api.tls",
        "fail",
        "https",
    );
    stack.expect(&Shell::bare(), &[], "api", "skipped", "--api-url");
}
