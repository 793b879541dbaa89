//! The DynamoDB table: API keys by keyed hash, accounts, handles.
//!
//! One table, `pk` and `sk`. This module is the one place that knows the items' form; functions read
//! them, `billingctl` writes them.
//!
//! | item | `pk` | `sk` |
//! |---|---|---|
//! | key | `KEY#<hash>` | `KEY` |
//! | a key of an account | `ACCOUNT#<id>` | `KEY#<key id>` |
//! | account | `ACCOUNT#<id>` | `ACCOUNT` |
//! | handle | `HANDLE#<handle>` | `HANDLE` |
//! | Stripe customer that an operator has linked | `CUSTOMER#<cus id>` | `CUSTOMER` |
//! | idempotency key | `IDEMPOTENCY#<account id>` | `<hash>` |

mod items;

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::DisplayErrorContext;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use crate::auth::KeyHash;
use crate::respond::{ApiError, Cause};
use crate::stamp::Stamp;
use items::{Fields, LAST_USED_ON, REHASHED, text};

pub use items::{Account, KeyRecord};

/// An item as DynamoDB gives and takes it.
pub type Item = HashMap<String, AttributeValue>;

/// `pk` and `sk` of each kind of item.
pub mod keys {
    use super::{AttributeValue, Item};

    /// The key record that a presented key leads to.
    #[must_use]
    pub fn key(hash: &str) -> Item {
        item(format!("KEY#{hash}"), "KEY".to_owned())
    }

    /// The entry by which an account's keys are listed.
    #[must_use]
    pub fn account_key(account: &str, key_id: &str) -> Item {
        item(format!("ACCOUNT#{account}"), format!("KEY#{key_id}"))
    }

    /// The account itself.
    #[must_use]
    pub fn account(id: &str) -> Item {
        item(format!("ACCOUNT#{id}"), "ACCOUNT".to_owned())
    }

    /// The entry that makes a handle unique and leads to its account.
    #[must_use]
    pub fn handle(handle: &str) -> Item {
        item(format!("HANDLE#{handle}"), "HANDLE".to_owned())
    }

    /// The entry that keeps a Stripe customer from being linked to two accounts. Functions neither
    /// read nor write it: the customers that they make are nobody else's.
    #[must_use]
    pub fn customer(id: &str) -> Item {
        item(format!("CUSTOMER#{id}"), "CUSTOMER".to_owned())
    }

    /// The record of an idempotency key, by the key's hash.
    #[must_use]
    pub fn idempotency(account: &str, hash: &str) -> Item {
        item(format!("IDEMPOTENCY#{account}"), hash.to_owned())
    }

    fn item(pk: String, sk: String) -> Item {
        Item::from([
            ("pk".to_owned(), AttributeValue::S(pk)),
            ("sk".to_owned(), AttributeValue::S(sk)),
        ])
    }
}

/// A look-up that did not work.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB did not answer, or refused.
    #[error("the table could not be read")]
    Unreachable(#[source] Cause),
    /// An item is not as this file writes it.
    #[error("a {kind} item has no proper \"{attribute}\"")]
    Malformed { kind: &'static str, attribute: &'static str },
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unreachable(cause) => Self::Unavailable(cause),
            StoreError::Malformed { .. } => Self::Internal(Cause::from(error)),
        }
    }
}

/// Reads the table.
#[derive(Clone)]
pub struct Store {
    client: Client,
    table: String,
}

impl Store {
    /// `table` is the table's name.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Opens a connection, by asking for an account that there is not. Whatever comes of it.
    pub async fn connect(&self) {
        let _ = self.account("warm-up").await;
    }

    /// The record of the key with this hash.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn key(&self, hash: &KeyHash) -> Result<Option<KeyRecord>, StoreError> {
        self.get(keys::key(&hash.to_string())).await?.as_ref().map(KeyRecord::from_item).transpose()
    }

    /// The account with this id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn account(&self, id: &str) -> Result<Option<Account>, StoreError> {
        self.get(keys::account(id)).await?.as_ref().map(Account::from_item).transpose()
    }

    /// The id of the account with this handle.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn handle(&self, handle: &str) -> Result<Option<String>, StoreError> {
        let found = self.get(keys::handle(handle)).await?;
        found.map(|item| Fields { kind: "handle", item: &item }.text("account")).transpose()
    }

    /// Remembers the account's Stripe customer, unless it has one; answers with the one it then has.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remember_customer(
        &self,
        account: &str,
        customer: &str,
    ) -> Result<String, StoreError> {
        let item = self
            .set_once(
                account,
                "SET customer = if_not_exists(customer, :customer)",
                [(":customer", customer)],
            )
            .await?;
        Fields { kind: "account", item: &item }.text("customer")
    }

    /// The stamp of the first request that set out to make a customer for this account.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn first_to_make_customer(&self, stamp: &Stamp) -> Result<Stamp, StoreError> {
        let item = self
            .set_once(
                &stamp.account,
                "SET customerRequestId = if_not_exists(customerRequestId, :request), customerKeyId = if_not_exists(customerKeyId, :key)",
                [(":request", &*stamp.request_id), (":key", &*stamp.key_id)],
            )
            .await?;
        let fields = Fields { kind: "account", item: &item };
        Ok(Stamp {
            account: stamp.account.clone(),
            request_id: fields.text("customerRequestId")?,
            key_id: fields.text("customerKeyId")?,
        })
    }

    /// Sets attributes of an account that are not set yet, and answers with the item as it then is.
    async fn set_once<const N: usize>(
        &self,
        account: &str,
        expression: &str,
        values: [(&str, &str); N],
    ) -> Result<Item, StoreError> {
        let values = values.map(|(name, value)| (name.to_owned(), text(value)));
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::account(account)))
            .update_expression(expression)
            // No account is made by the way.
            .condition_expression("attribute_exists(pk)")
            .set_expression_attribute_values(Some(values.into()))
            .return_values(ReturnValue::AllNew);
        let answer = update.send().await;
        let answer = answer.map_err(|error| {
            StoreError::Unreachable(DisplayErrorContext(error).to_string().into())
        })?;
        Ok(answer.attributes.unwrap_or_default())
    }

    /// Notes on the key's record that it was used today, and its hash under the present pepper if it
    /// is stored under the one before. Does nothing if that day is noted already, or if the record
    /// has gone.
    ///
    /// It names no attribute but these two and the table's key, and asks for none back: that is all
    /// that the functions' policies let them write to a key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn note_use(
        &self,
        stored: &KeyHash,
        today: &str,
        rehashed: Option<&KeyHash>,
    ) -> Result<(), StoreError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(keys::key(&stored.to_string())))
            .expression_attribute_names("#day", LAST_USED_ON)
            .expression_attribute_values(":today", text(today));
        // An update makes the item that it does not find, so it has to be there.
        let update = match rehashed {
            None => update.update_expression("SET #day = :today").condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(#day) OR #day < :today)",
            ),
            Some(rehashed) => update
                .update_expression("SET #day = :today, #rehashed = :rehashed")
                .condition_expression("attribute_exists(pk)")
                .expression_attribute_names("#rehashed", REHASHED)
                .expression_attribute_values(":rehashed", text(&rehashed.to_string())),
        };
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) => {
                let error = error.into_service_error();
                if error.is_conditional_check_failed_exception() {
                    return Ok(());
                }
                Err(StoreError::Unreachable(DisplayErrorContext(error).to_string().into()))
            }
        }
    }

    async fn get(&self, key: Item) -> Result<Option<Item>, StoreError> {
        let request = self.client.get_item().table_name(&self.table).set_key(Some(key));
        // Consistent, so that what the operator or a checkout has just written is there.
        let answer = request.consistent_read(true).send().await;
        let answer = answer.map_err(|error| {
            StoreError::Unreachable(DisplayErrorContext(error).to_string().into())
        })?;
        Ok(answer.item)
    }
}
