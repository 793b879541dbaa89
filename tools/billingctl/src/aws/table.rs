//! Reads and transactions on the table.
//!
//! `shared::store` defines the items. This module repeats only the attribute names that conditions
//! use; the tests check that both agree.

use std::fmt::Display;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem, Update,
};
use shared::aws::table::{Account, Item, KeyRecord, keys};

use super::failure::{self, AwsFailure};
use crate::error::{CliError, Result};
use crate::options::GlobalOptions;

/// Attribute of an account's key entry: the key's hash.
const HASH: &str = "hash";

/// Attribute of the entry of a handle or a customer: the account's ID.
const ACCOUNT: &str = "account";

/// Attribute of a rolled key: the lifetime in seconds that it was created with, 0 if unlimited. The roll has
/// overwritten its expiry. Functions do not read it.
pub(crate) const LIFETIME: &str = "lifetime";

/// The table with accounts and API keys.
pub(crate) struct Table {
    client: Client,
    name: String,
}

/// Outcome of a transaction with conditions.
pub(crate) enum Outcome {
    Written,
    /// For each item of the transaction, in order, whether its condition failed.
    ConditionFailed(Vec<bool>),
}

impl Table {
    pub(crate) fn new(sdk: &SdkConfig, options: &GlobalOptions) -> Self {
        Self::named(sdk, &options.table)
    }

    pub(crate) fn named(sdk: &SdkConfig, name: &str) -> Self {
        Self { client: Client::new(sdk), name: name.to_owned() }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the account with this handle or ID.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) async fn account(&self, handle_or_id: &str) -> Result<Account> {
        self.find_account(handle_or_id).await?.ok_or_else(|| {
            CliError::new(format!(
                "there is no account \"{handle_or_id}\"; `billingctl accounts list` shows all accounts"
            ))
        })
    }

    /// Returns the account with this handle or ID, if there is one.
    pub(crate) async fn find_account(&self, handle_or_id: &str) -> Result<Option<Account>> {
        let id = if Account::is_id(handle_or_id) {
            handle_or_id.to_owned()
        } else {
            match self.get(keys::handle(handle_or_id)).await? {
                Some(entry) => text(&entry, ACCOUNT)?,
                None => return Ok(None),
            }
        };
        let item = self.get(keys::account(&id)).await?;
        item.map(|item| Ok(Account::from_item(item)?)).transpose()
    }

    /// Returns all accounts, sorted by handle.
    pub(crate) async fn accounts(&self) -> Result<Vec<Account>> {
        let scan = self
            .client
            .scan()
            .table_name(&self.name)
            .consistent_read(true)
            .filter_expression("sk = :sk");
        let mut pages = scan
            .expression_attribute_values(":sk", string("ACCOUNT"))
            .into_paginator()
            .items()
            .send();
        let mut accounts = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| self.failed("list the accounts", &error))?;
            accounts.push(Account::from_item(item)?);
        }
        accounts.sort_by(|a, b| a.handle.cmp(&b.handle));
        Ok(accounts)
    }

    /// Returns the handle of the account that is linked to this Stripe customer, other than `except`.
    pub(crate) async fn handle_of_customer(
        &self,
        customer: &str,
        except: &str,
    ) -> Result<Option<String>> {
        let scan = self.client.scan().table_name(&self.name).consistent_read(true);
        let scan = scan.filter_expression("sk = :sk AND customer = :customer AND id <> :except");
        let scan = scan
            .expression_attribute_values(":sk", string("ACCOUNT"))
            .expression_attribute_values(":customer", string(customer))
            .expression_attribute_values(":except", string(except));
        let mut items = scan.into_paginator().items().send();
        match items.next().await {
            Some(Ok(item)) => Ok(Some(text(&item, "handle")?)),
            Some(Err(error)) => Err(self.failed("find the account of the customer", &error)),
            None => Ok(None),
        }
    }

    /// Returns all keys of an account with their hashes, oldest first.
    pub(crate) async fn keys_of_account(&self, account: &str) -> Result<Vec<(String, KeyRecord)>> {
        let Some(pk) = keys::account(account).remove("pk") else { return Ok(Vec::new()) };
        let query = self.client.query().table_name(&self.name).consistent_read(true);
        let query = query.key_condition_expression("pk = :pk AND begins_with(sk, :key)");
        let query = query
            .expression_attribute_values(":pk", pk)
            .expression_attribute_values(":key", string("KEY#"));
        let mut entries = query.into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(entry) = entries.next().await {
            let entry = entry.map_err(|error| self.failed("list the account's keys", &error))?;
            let hash = text(&entry, HASH)?;
            // Entry and key are written in one transaction; an entry alone is not a key.
            if let Some(record) = self.key(&hash).await? {
                found.push((hash, record));
            }
        }
        found.sort_by(|(_, a), (_, b)| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(found)
    }

    /// Returns the hash and the record of one key of an account.
    pub(crate) async fn key_of_account(
        &self,
        account: &str,
        id: &str,
    ) -> Result<Option<(String, KeyRecord)>> {
        let Some(entry) = self.get(keys::account_key(account, id)).await? else { return Ok(None) };
        let hash = text(&entry, HASH)?;
        Ok(self.key(&hash).await?.map(|record| (hash, record)))
    }

    /// Returns the record of the key with this hash.
    pub(crate) async fn key(&self, hash: &str) -> Result<Option<KeyRecord>> {
        let item = self.get(keys::key(hash)).await?;
        item.map(|item| Ok(KeyRecord::from_item(item)?)).transpose()
    }

    /// Returns the lifetime in seconds that a rolled key was created with, 0 if unlimited; `None` if the key was never
    /// rolled.
    pub(crate) async fn lifetime_before_roll(&self, hash: &str) -> Result<Option<i64>> {
        let Some(item) = self.get(keys::key(hash)).await? else { return Ok(None) };
        let Some(value) = item.get(LIFETIME) else { return Ok(None) };
        let seconds = value.as_n().ok().and_then(|seconds| seconds.parse().ok());
        let malformed =
            || CliError::new(format!("an item of the table has no valid \"{LIFETIME}\""));
        seconds.map(Some).ok_or_else(malformed)
    }

    async fn get(&self, key: Item) -> Result<Option<Item>> {
        let request =
            self.client.get_item().table_name(&self.name).set_key(Some(key)).consistent_read(true);
        let response =
            request.send().await.map_err(|error| self.failed("read the table", &error))?;
        Ok(response.item)
    }

    /// Returns a transaction item that puts an item which must not exist.
    pub(crate) fn put_new(&self, key: Item, attributes: Item) -> Result<TransactWriteItem> {
        let item = key.into_iter().chain(attributes).collect();
        let put = Put::builder()
            .table_name(&self.name)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)");
        Ok(TransactWriteItem::builder()
            .put(put.build().map_err(|error| CliError::new(error.to_string()))?)
            .build())
    }

    /// Returns a transaction item that writes nothing and checks a condition.
    pub(crate) fn check(&self, key: Item, condition: &str) -> Result<TransactWriteItem> {
        let check = ConditionCheck::builder()
            .table_name(&self.name)
            .set_key(Some(key))
            .condition_expression(condition)
            .build();
        Ok(TransactWriteItem::builder()
            .condition_check(check.map_err(|error| CliError::new(error.to_string()))?)
            .build())
    }

    /// Writes all items or none.
    pub(crate) async fn transact(&self, items: Vec<TransactWriteItem>) -> Result<Outcome> {
        let outcome =
            self.client.transact_write_items().set_transact_items(Some(items)).send().await;
        let Err(error) = outcome else { return Ok(Outcome::Written) };
        let reasons = error.as_service_error().and_then(|error| match error {
            aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(canceled) => {
                Some(canceled.cancellation_reasons())
            }
            _ => None,
        });
        let failed: Vec<bool> = reasons
            .unwrap_or_default()
            .iter()
            .map(|reason| reason.code() == Some("ConditionalCheckFailed"))
            .collect();
        // Throttling and transaction conflicts also cancel a transaction; they fail no condition.
        if failed.contains(&true) {
            Ok(Outcome::ConditionFailed(failed))
        } else {
            Err(self.write_failed(&error))
        }
    }

    /// Sets one attribute of an item to its value in `after` if it still has its value in `before`.
    ///
    /// Returns false if another write changed the attribute.
    pub(crate) async fn update_attribute(
        &self,
        key: Item,
        attribute: &str,
        before: &Item,
        after: &Item,
    ) -> Result<bool> {
        let item = self.update(key, &[attribute], before, after)?;
        Ok(matches!(self.transact(vec![item]).await?, Outcome::Written))
    }

    /// Returns a transaction item that sets attributes to their values in `after` if they still have
    /// their values in `before`. An attribute that `after` lacks is removed; other attributes stay.
    pub(crate) fn update(
        &self,
        key: Item,
        attributes: &[&str],
        before: &Item,
        after: &Item,
    ) -> Result<TransactWriteItem> {
        let (mut set, mut remove) = (Vec::new(), Vec::new());
        let mut conditions = vec!["attribute_exists(pk)".to_owned()];
        let mut update = Update::builder().table_name(&self.name).set_key(Some(key));
        for (index, attribute) in attributes.iter().enumerate() {
            update = update.expression_attribute_names(format!("#a{index}"), *attribute);
            match before.get(*attribute) {
                Some(value) => {
                    conditions.push(format!("#a{index} = :before{index}"));
                    let name = format!(":before{index}");
                    update = update.expression_attribute_values(name, value.clone());
                }
                None => conditions.push(format!("attribute_not_exists(#a{index})")),
            }
            match after.get(*attribute) {
                Some(value) => {
                    set.push(format!("#a{index} = :after{index}"));
                    let name = format!(":after{index}");
                    update = update.expression_attribute_values(name, value.clone());
                }
                None => remove.push(format!("#a{index}")),
            }
        }
        let clause = |word: &str, parts: Vec<String>| {
            if parts.is_empty() { String::new() } else { format!("{word} {} ", parts.join(", ")) }
        };
        let expression = clause("SET", set) + &clause("REMOVE", remove);
        let update = update
            .update_expression(expression.trim_end())
            .condition_expression(conditions.join(" AND "))
            .build();
        Ok(TransactWriteItem::builder()
            .update(update.map_err(|error| CliError::new(error.to_string()))?)
            .build())
    }

    /// Returns a transaction item that deletes an item if the condition holds.
    pub(crate) fn delete(
        &self,
        key: Item,
        condition: &str,
        values: Item,
    ) -> Result<TransactWriteItem> {
        let delete = Delete::builder()
            .table_name(&self.name)
            .set_key(Some(key))
            .condition_expression(condition)
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .build();
        Ok(TransactWriteItem::builder()
            .delete(delete.map_err(|error| CliError::new(error.to_string()))?)
            .build())
    }

    fn failed<E>(&self, action: impl Display, error: &SdkError<E>) -> CliError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        self.missing(error).unwrap_or_else(|| AwsFailure::new(action, error).into())
    }

    fn write_failed<E>(&self, error: &SdkError<E>) -> CliError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let failure = || AwsFailure::of_write("write to the table", error).into();
        self.missing(error).unwrap_or_else(failure)
    }

    /// Returns the error for a table that does not exist.
    fn missing<E: ProvideErrorMetadata>(&self, error: &SdkError<E>) -> Option<CliError> {
        (failure::code(error) == Some("ResourceNotFoundException")).then(|| {
            CliError::new(format!(
                "there is no table \"{}\" in this AWS account and region; name a deployed stack with --profile or its table with --table, or create one with `billingctl setup`",
                self.name
            ))
        })
    }
}

fn text(item: &Item, attribute: &str) -> Result<String> {
    let value = item.get(attribute).and_then(|value| value.as_s().ok());
    value
        .cloned()
        .ok_or_else(|| CliError::new(format!("an item of the table has no valid \"{attribute}\"")))
}

/// Returns the attribute that leads from the entry of a handle or a customer to its account.
pub(crate) fn account_reference(account: &str) -> Item {
    Item::from([(ACCOUNT.to_owned(), string(account))])
}

/// Returns the values for the condition `account = :account`.
pub(crate) fn account_condition(account: &str) -> Item {
    Item::from([(format!(":{ACCOUNT}"), string(account))])
}

/// Returns the attribute that leads from an account's key entry to the key.
pub(crate) fn key_reference(hash: &str) -> Item {
    Item::from([(HASH.to_owned(), string(hash))])
}

/// Returns the attribute of a rolled key.
pub(crate) fn lifetime(seconds: i64) -> (String, AttributeValue) {
    (LIFETIME.to_owned(), AttributeValue::N(seconds.to_string()))
}

fn string(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}
