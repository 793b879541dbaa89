//! Tests of `setup`, against the AWS emulator.

use aws_sdk_dynamodb::types::BillingMode;
use serde_json::{Value, json};

use crate::authentication::{
    QUOTE_KEYS, READ, TABLE, WRITE, dynamo, secrets_manager, with_stripe_keys,
};
use crate::aws::Aws;
use crate::harness::Shell;

fn statuses(table: &str, secrets: [&str; 3]) -> Value {
    let secret = |(name, status): (&str, &str)| json!({ "name": name, "status": status });
    let secrets: Vec<Value> =
        [QUOTE_KEYS, READ, WRITE].into_iter().zip(secrets).map(secret).collect();
    json!({ "table": { "name": TABLE, "status": table }, "secrets": secrets })
}

#[tokio::test]
async fn second_setup_replaces_stripe_keys_only_with_replace_secrets() {
    let aws = Aws::with_secrets();
    let bare = Shell::with_aws(&aws.url);
    let first = bare.run(&["setup", "--json"]);
    assert_eq!(first.json(), statuses("created", ["created", "missing", "missing"]));
    assert!(
        first.stderr.contains("STRIPE_READ_KEY") && first.stderr.contains("STRIPE_WRITE_KEY"),
        "{first:?}"
    );
    let secret = async |id: &str| {
        let response =
            secrets_manager(&aws).get_secret_value().secret_id(id).send().await.expect("there");
        response.secret_string.expect("text")
    };
    let quote_keys = secret(QUOTE_KEYS).await;

    let nothing = bare.run(&["setup", "--replace-secrets"]);
    assert!(
        nothing.error().contains("neither STRIPE_READ_KEY nor STRIPE_WRITE_KEY"),
        "{nothing:?}"
    );

    let keys = with_stripe_keys(&bare);
    assert_eq!(keys.json(&["setup"]), statuses("exists", ["exists", "created", "created"]));
    assert_eq!(keys.json(&["setup"]), statuses("exists", ["exists", "exists", "exists"]));
    assert_eq!(bare.json(&["setup"]), statuses("exists", ["exists", "exists", "exists"]));
    assert_eq!(
        secret(READ).await,
        r#"{"secretKey":"rk_test_hunter1","publishableKey":"pk_test_hunter3"}"#
    );

    let rotated = keys.with("STRIPE_READ_KEY", "rk_test_hunter4");
    assert_eq!(rotated.json(&["setup"]), statuses("exists", ["exists", "exists", "exists"]));
    assert_eq!(
        secret(READ).await,
        r#"{"secretKey":"rk_test_hunter1","publishableKey":"pk_test_hunter3"}"#
    );
    let replaced = rotated.run(&["setup", "--replace-secrets", "--skip-check"]);
    assert!(
        replaced.code == Some(0) && !format!("{replaced:?}").contains("hunter"),
        "{replaced:?}"
    );
    assert_eq!(
        secret(READ).await,
        r#"{"secretKey":"rk_test_hunter4","publishableKey":"pk_test_hunter3"}"#
    );
    assert_eq!(secret(QUOTE_KEYS).await, quote_keys, "quotes stay valid");
}

#[tokio::test]
async fn table_has_the_options_that_the_functions_need() {
    let aws = Aws::with_secrets();
    let shell = with_stripe_keys(&Shell::with_aws(&aws.url)).with("BILLING_TABLE", "mine");
    assert_eq!(shell.json(&["setup"])["table"], json!({ "name": "mine", "status": "created" }));
    let client = dynamo(&aws);
    let table = client
        .describe_table()
        .table_name("mine")
        .send()
        .await
        .expect("there")
        .table
        .expect("described");
    let keys: Vec<String> = table
        .key_schema()
        .iter()
        .map(|key| format!("{} {}", key.attribute_name(), key.key_type()))
        .collect();
    assert_eq!(keys, ["pk HASH", "sk RANGE"]);
    assert_eq!(table.deletion_protection_enabled(), Some(true));
    assert_eq!(
        table.billing_mode_summary().and_then(|mode| mode.billing_mode()).map(BillingMode::as_str),
        Some("PAY_PER_REQUEST")
    );
    let ttl = client
        .describe_time_to_live()
        .table_name("mine")
        .send()
        .await
        .expect("there")
        .time_to_live_description;
    assert_eq!(ttl.and_then(|ttl| ttl.attribute_name).as_deref(), Some("ttl"));
    let backups =
        client.describe_continuous_backups().table_name("mine").send().await.expect("there");
    let recovery = backups
        .continuous_backups_description
        .and_then(|backups| backups.point_in_time_recovery_description);
    let status = recovery.and_then(|recovery| recovery.point_in_time_recovery_status);
    assert_eq!(status.map(|status| status.as_str().to_owned()).as_deref(), Some("ENABLED"));
}

/// The secrets of a stack: the quote keys have a value, Stripe's have none yet.
async fn stack_secrets(aws: &Aws) -> [String; 3] {
    let create = async |name: &str, value: Option<&str>| {
        let request = secrets_manager(aws).create_secret().name(name);
        let request = request.set_secret_string(value.map(str::to_owned));
        request.send().await.expect("created").arn.expect("an ARN")
    };
    let quote_keys = format!(r#"{{"current":"k1","k1":"{}"}}"#, "x".repeat(64));
    [
        create("QuoteKeysSecret-1", Some(&quote_keys)).await,
        create("StripeReadSecret-1", None).await,
        create("StripeWriteSecret-1", None).await,
    ]
}

#[tokio::test]
async fn first_setup_of_a_stack_stores_the_keys_under_the_secrets_arns() {
    let aws = Aws::with_secrets();
    let [quote_keys, read, write] = &stack_secrets(&aws).await;
    let names = [
        &["--quote-keys-secret", quote_keys][..],
        &["--stripe-read-secret", read],
        &["--stripe-write-secret", write],
    ];
    let shell = with_stripe_keys(&Shell::with_aws(&aws.url));
    let arguments = [&["setup", "--replace-secrets", "--skip-check"][..], &names.concat()].concat();
    let status = |name: &str, status: &str| json!({ "name": name, "status": status });
    let expected =
        [status(quote_keys, "exists"), status(read, "replaced"), status(write, "replaced")];
    assert_eq!(shell.json(&arguments)["secrets"], json!(expected));
    let client = secrets_manager(&aws);
    let value = async |id: &str| {
        let response = client.get_secret_value().secret_id(id).send().await.expect("a value");
        response.secret_string.expect("text")
    };
    assert!(value(read).await.contains("rk_test_hunter1"));
    assert!(value(write).await.contains("rk_test_hunter2"));
    assert!(value(quote_keys).await.contains(&"x".repeat(64)), "the quote keys are not replaced");
    let all = client.list_secrets().send().await.expect("a list").secret_list.expect("secrets");
    assert_eq!(all.len(), 3, "no secret is named after an ARN");
}

#[tokio::test]
async fn arn_of_a_missing_secret_is_an_error_and_creates_none() {
    let aws = Aws::with_secrets();
    let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:QuoteKeysSecret-1-AbCdEf";
    let run = Shell::with_aws(&aws.url).run(&["setup", "--quote-keys-secret", arn]);
    assert!(run.error().contains(arn) && run.error().contains("outputs"), "{run:?}");
    let all = secrets_manager(&aws).list_secrets().send().await.expect("a list").secret_list;
    assert!(all.unwrap_or_default().is_empty());
}
