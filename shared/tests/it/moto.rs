//! moto's server, with a table like ours: one for each test.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ScalarAttributeType,
};

/// The table's name.
pub const TABLE: &str = "billing";

/// It ends with the test.
pub struct Moto {
    child: Child,
    pub config: aws_config::SdkConfig,
    pub client: Client,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Moto {
    pub async fn start() -> Self {
        // The tests of more than one crate come here, each from a folder of its own.
        let mut folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        let program = folders.find_map(|folder| {
            Some(folder.join(".venv/bin/moto_server")).filter(|program| program.exists())
        });
        let program = program.expect("moto is not installed: run `make setup`");
        let mut child = Command::new(program)
            .args(["-p", "0"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("moto starts");
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let url = loop {
            let line = lines.next().unwrap().unwrap();
            if let Some((_, url)) = line.split_once("Running on ") {
                break url.to_owned();
            }
        };
        // Whoever stops reading stops moto, once the pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        let config = crate::server::aws(&url, Duration::from_secs(10));
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
        Self { child, config, client }
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
