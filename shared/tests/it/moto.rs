//! moto's server, with a table like ours: one for each test.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ScalarAttributeType,
};

use moto_server::MotoServer;

// Beside this file, also for the other crate that has it by its path.
#[path = "moto_server.rs"]
mod moto_server;

/// The table's name.
pub const TABLE: &str = "billing";

/// It ends with the test.
pub struct Moto {
    _server: MotoServer,
    pub config: aws_config::SdkConfig,
    pub client: Client,
}

impl Moto {
    pub async fn start() -> Self {
        let server = MotoServer::start();
        let config = crate::server::aws(&server.url, Duration::from_secs(10));
        let client = Client::new(&config);
        let attribute = |name: &str| {
            AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(ScalarAttributeType::S)
                .build()
                .unwrap()
        };
        let key = |name: &str, kind: KeyType| {
            KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
        };
        let table =
            client.create_table().table_name(TABLE).billing_mode(BillingMode::PayPerRequest);
        let table =
            table.attribute_definitions(attribute("pk")).attribute_definitions(attribute("sk"));
        table
            .key_schema(key("pk", KeyType::Hash))
            .key_schema(key("sk", KeyType::Range))
            .send()
            .await
            .unwrap();
        Self { _server: server, config, client }
    }

    /// Puts another value into the only item.
    pub async fn set(&self, name: &str, value: AttributeValue) {
        let mut items = self.client.scan().table_name(TABLE).send().await.unwrap().items.unwrap();
        assert_eq!(items.len(), 1);
        let mut item = items.remove(0);
        item.insert(name.to_owned(), value);
        self.client.put_item().table_name(TABLE).set_item(Some(item)).send().await.unwrap();
    }
}
