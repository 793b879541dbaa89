//! A DynamoDB table of the AWS emulator: one for each test.

use std::time::Duration;

use aws_emulator::Running;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::server::LossyProxy;

/// Name of the table.
pub const TABLE: &str = "billing";

/// An emulator with a table that exist until they are dropped.
pub struct DynamoDb {
    emulator: Running,
    pub client: Client,
}

impl DynamoDb {
    pub fn start() -> Self {
        let emulator = aws_emulator::start(aws_emulator::Config::default()).unwrap();
        emulator.dynamodb.create_table(TABLE).unwrap();
        let client = Client::new(&crate::server::aws(&emulator.url, Duration::from_secs(10)));
        Self { emulator, client }
    }

    /// Returns a proxy in front of the emulator, and a client that retries through it as the functions do.
    pub async fn lossy(&self, words: &[&'static str]) -> (LossyProxy, Client) {
        let proxy = LossyProxy::start(&self.emulator.url, words).await;
        let config = crate::server::aws(&proxy.url, Duration::from_secs(10));
        let config = config.into_builder().retry_config(shared::aws::sdk::retries()).build();
        let client = Client::new(&config);
        (proxy, client)
    }

    /// Sets an attribute of the only item.
    pub async fn set(&self, name: &str, value: AttributeValue) {
        let mut items = self.client.scan().table_name(TABLE).send().await.unwrap().items.unwrap();
        assert_eq!(items.len(), 1);
        let mut item = items.remove(0);
        item.insert(name.to_owned(), value);
        self.client.put_item().table_name(TABLE).set_item(Some(item)).send().await.unwrap();
    }
}
