//! The functions' authentication, run on the table that `billingctl` has written.

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use shared::access::{ACT_AS, AccessError, Authenticator, Caller};
use shared::aws::secrets::{StripeKeys, StripeSecret};
use shared::aws::table::Table;
use shared::values::Scope;

use crate::aws::Aws;
use crate::harness::Shell;

pub const TABLE: &str = "cantila-billing";
pub const QUOTE_KEYS: &str = "cantila-billing/quote-keys";
pub const READ: &str = "cantila-billing/stripe-read";
pub const WRITE: &str = "cantila-billing/stripe-write";

pub fn with_stripe_keys(shell: &Shell) -> Shell {
    let shell = shell
        .with("STRIPE_READ_KEY", "rk_test_hunter1")
        .with("STRIPE_WRITE_KEY", "rk_test_hunter2");
    shell.with("STRIPE_PUBLISHABLE_KEY", "pk_test_hunter3")
}

pub fn dynamo(aws: &Aws) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(&aws.url);
    aws_sdk_dynamodb::Client::from_conf(config.build())
}

pub fn secrets_manager(aws: &Aws) -> aws_sdk_secretsmanager::Client {
    let config = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(&aws.url);
    aws_sdk_secretsmanager::Client::from_conf(config.build())
}

/// Authenticates a key as the functions do, and records its use.
pub async fn authenticate(
    aws: &Aws,
    key: &str,
    act_as: Option<&str>,
) -> Result<Caller, AccessError> {
    let keys = StripeKeys::new("rk_test_1".into(), None).expect("a key");
    let stripe = StripeSecret::given(keys, "the test");
    let mut headers = lambda_http::http::HeaderMap::new();
    headers.insert("authorization", format!("Bearer {key}").parse().expect("a header"));
    if let Some(act_as) = act_as {
        headers.insert(ACT_AS, act_as.parse().expect("a header"));
    }
    let authenticator = Authenticator::new(Table::new(dynamo(aws), TABLE.to_owned()));
    let (caller, key_use) = authenticator.authenticate(&headers, Scope::Read, &stripe).await?;
    authenticator.record_use(key_use).await;
    Ok(caller)
}
