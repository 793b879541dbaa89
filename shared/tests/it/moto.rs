//! moto's server with a table: one for each test.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ScalarAttributeType,
};

use moto_server::MotoServer;

// The path also serves the crate that includes this file.
#[path = "moto_server.rs"]
mod moto_server;

/// Name of the table.
pub const TABLE: &str = "billing";

/// A server and a table that exist until they are dropped.
pub struct Moto {
    _server: MotoServer,
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
        Self { _server: server, client }
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
