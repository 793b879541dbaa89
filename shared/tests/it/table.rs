//! A DynamoDB table of the AWS emulator: one for each test.

use std::time::Duration;

use aws_emulator::Running;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;

/// Name of the table.
pub const TABLE: &str = "billing";

/// An emulator with a table that exist until they are dropped.
pub struct DynamoDb {
    _emulator: Running,
    pub client: Client,
}

impl DynamoDb {
    pub fn start() -> Self {
        let emulator = aws_emulator::start(aws_emulator::Config::default()).unwrap();
        emulator.dynamodb.create_table(TABLE).unwrap();
        let client = Client::new(&crate::server::aws(&emulator.url, Duration::from_secs(10)));
        Self { _emulator: emulator, client }
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
