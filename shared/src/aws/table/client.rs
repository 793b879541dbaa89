//! The client of the table, its errors, and the key attributes of its items.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An item as DynamoDB sends and accepts it.
pub type Item = HashMap<String, AttributeValue>;

/// Whose generation or snapshot it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject<'a> {
    /// A Stripe customer, by ID.
    Customer(&'a str),
    /// Products, prices and settings, which all customers share.
    Catalog,
}

/// Key attributes of each kind of item.
pub mod keys {
    use super::{AttributeValue, Item, Subject};

    /// Returns the key of an API key's record. `hash` is [`crate::values::KeyHash::as_str`].
    pub fn key(hash: &str) -> Item {
        item(format!("KEY#{hash}"), "KEY".to_owned())
    }

    /// Returns the key of the entry that lists an API key under its account.
    pub fn account_key(account: &str, key_id: &str) -> Item {
        item(format!("ACCOUNT#{account}"), format!("KEY#{key_id}"))
    }

    /// Returns the key of an account.
    pub fn account(id: &str) -> Item {
        item(format!("ACCOUNT#{id}"), "ACCOUNT".to_owned())
    }

    /// Returns the key of the entry that makes a handle unique and names its account.
    pub fn handle(handle: &str) -> Item {
        item(format!("HANDLE#{handle}"), "HANDLE".to_owned())
    }

    /// Returns the key of the entry that keeps a Stripe customer from being linked to two accounts.
    /// Functions never use it: the customers that they create belong to one account.
    pub fn customer(id: &str) -> Item {
        item(format!("CUSTOMER#{id}"), "CUSTOMER".to_owned())
    }

    /// Returns the key of an idempotency record. `hash` is the SHA-256 of the caller's key.
    pub fn idempotency(account: &str, hash: &str) -> Item {
        item(format!("IDEMPOTENCY#{account}"), hash.to_owned())
    }

    /// Returns the key of the journal of a Stripe customer's plan changes.
    pub fn journal(customer: &str) -> Item {
        item(format!("CHANGE#{customer}"), "CHANGE".to_owned())
    }

    /// Returns the key of a subject's generation.
    pub fn generation(subject: Subject<'_>) -> Item {
        item(partition(subject), "generation".to_owned())
    }

    /// Returns the key of the subject's stored read called `name`, which is an endpoint.
    pub fn snapshot(subject: Subject<'_>, name: &str) -> Item {
        item(partition(subject), format!("read#{name}"))
    }

    /// Returns the key of the watermark.
    pub fn watermark() -> Item {
        item("FOLLOW".to_owned(), "WATERMARK".to_owned())
    }

    /// Returns the key of the counts of calls to Stripe in a second (Unix).
    pub fn permits(second: i64) -> Item {
        item(format!("PERMITS#{second}"), "PERMITS".to_owned())
    }

    fn partition(subject: Subject<'_>) -> String {
        match subject {
            Subject::Customer(id) => format!("READ#{id}"),
            Subject::Catalog => "CATALOG".to_owned(),
        }
    }

    fn item(pk: String, sk: String) -> Item {
        Item::from([
            ("pk".to_owned(), AttributeValue::S(pk)),
            ("sk".to_owned(), AttributeValue::S(sk)),
        ])
    }
}

/// A failed read or write.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// DynamoDB refused the request or did not respond.
    #[error("the table could not be reached: {0}")]
    Unreachable(String),
    /// An item lacks an attribute, or has one of the wrong type.
    #[error("a malformed {kind} item: {reason}")]
    Malformed { kind: &'static str, reason: String },
}

impl TableError {
    pub(super) fn unreachable(error: impl std::error::Error) -> Self {
        Self::Unreachable(DisplayErrorContext(error).to_string())
    }
}

/// The table, as functions use it.
#[derive(Clone, Debug)]
pub struct Table {
    pub(super) client: Client,
    pub(super) name: String,
}

impl Table {
    /// Creates a client of the table `name`.
    pub fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    /// Opens a connection with a read of an account that does not exist, and ignores the outcome.
    pub async fn connect(&self) {
        let _ = self.get(keys::account("warm-up")).await;
    }

    pub(super) async fn get(&self, key: Item) -> Result<Option<Item>, TableError> {
        let request = self.client.get_item().table_name(&self.name).set_key(Some(key));
        // Strongly consistent: a request sees what billingctl or a checkout wrote just before.
        let response = request.consistent_read(true).send().await;
        Ok(response.map_err(TableError::unreachable)?.item)
    }

    pub(super) fn update(&self, key: Item) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.name).set_key(Some(key))
    }
}

pub(super) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub(super) fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Writes a record's attributes. Records consist of texts and integers, which always have a form.
pub(super) fn to_item(record: &impl Serialize) -> Item {
    serde_dynamo::to_item(record).unwrap_or_default()
}

pub(super) fn from_item<T: DeserializeOwned>(
    kind: &'static str,
    item: Item,
) -> Result<T, TableError> {
    serde_dynamo::from_item(item)
        .map_err(|error| TableError::Malformed { kind, reason: error.to_string() })
}
