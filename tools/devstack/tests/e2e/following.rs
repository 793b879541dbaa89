//! Follows Stripe's events in this process: after each change at Stripe that a case makes, and without the delay of a
//! schedule.

use std::sync::Arc;
use std::time::Duration;

use aws_config::{AppName, BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, Region, SharedCredentialsProvider};
use devstack::About;
use follow::Follower;
use shared::Stripe;
use shared::aws::https::Https;
use shared::aws::secrets::StripeSecret;
use shared::aws::table::{Subject, Table};
use shared::stripe::{Transport, base_url};
use tokio::time::Instant;

/// Timeout of one pass.
const LIMIT: Duration = Duration::from_secs(10);

pub(crate) struct Following {
    table: Table,
    follower: Follower,
    transport: Arc<Transport>,
    secret: Arc<StripeSecret>,
}

impl Following {
    /// Begins to follow the stack's Stripe.
    pub(crate) async fn start(about: &About) -> Self {
        let https = Https::new();
        let credentials = Credentials::new("local", "local", None, None, "test");
        let sdk = SdkConfig::builder()
            .http_client(https.for_aws())
            .endpoint_url(&about.aws_url)
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .behavior_version(BehaviorVersion::latest())
            // Names the function in the user agent of its AWS calls, which are compared with its role.
            .app_name(AppName::new("follow").expect("a name"))
            .build();
        let table = Table::new(aws_sdk_dynamodb::Client::new(&sdk), about.table.clone());
        let manager = aws_sdk_secretsmanager::Client::new(&sdk);
        let secret = StripeSecret::new(manager, "cantila-billing/stripe-write".to_owned());
        let base = base_url(&about.stripe_url).expect("the sandbox's URL");
        let mut following = Self {
            follower: Follower::new(table.clone()),
            table,
            transport: Arc::new(Transport::new(https, base)),
            secret: Arc::new(secret),
        };
        following.poll().await;
        following
    }

    /// Ends the validity of all stored reads.
    pub(crate) async fn forget(&self) {
        self.table.raise_generation(Subject::Catalog).await.expect("the table");
    }

    /// Follows what has changed. A fault of Stripe that a case has set may keep it from that.
    pub(crate) async fn poll(&mut self) {
        let (transport, secret) = (Arc::clone(&self.transport), Arc::clone(&self.secret));
        let stripe = Stripe::new(transport, secret, Arc::default(), Instant::now() + LIMIT);
        if let Err(error) = self.follower.poll(&stripe).await {
            eprintln!("Stripe's events could not be followed: {error}");
        }
    }
}
