//! The table, as an operator reads and writes it. The items' form is `shared::store`'s; only the
//! attributes that conditions name are named again here, and the tests pin that they agree.

use std::fmt::Display;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, TransactWriteItem, Update,
};
use shared::Account;
use shared::store::{Item, KeyRecord, keys};

use crate::error::{self, Failure, Result};

/// Where an account's key entry has the key's hash, and a handle's entry its account's id.
pub(crate) const HASH: &str = "hash";
const HANDLE_ACCOUNT: &str = "account";

pub(crate) struct Table {
    client: Client,
    name: String,
}

/// What became of a write that was made only if its conditions held.
pub(crate) enum Written {
    Done,
    /// Which of the transaction's parts were refused, in their order.
    Refused(Vec<bool>),
}

impl Table {
    pub(crate) fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The account that a handle or an id names.
    pub(crate) async fn account(&self, handle_or_id: &str) -> Result<Account> {
        self.find_account(handle_or_id).await?.ok_or_else(|| {
            Failure::new(format!(
                "there is no account \"{handle_or_id}\"; `billingctl accounts list` shows those there are"
            ))
        })
    }

    /// The same, if there is one.
    pub(crate) async fn find_account(&self, handle_or_id: &str) -> Result<Option<Account>> {
        let id = if Account::is_id(handle_or_id) {
            handle_or_id.to_owned()
        } else {
            match self.get(keys::handle(handle_or_id)).await? {
                Some(entry) => text(&entry, HANDLE_ACCOUNT)?,
                None => return Ok(None),
            }
        };
        let item = self.get(keys::account(&id)).await?;
        item.map(|item| Ok(Account::from_item(&item)?)).transpose()
    }

    /// Every account, by handle.
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
            accounts.push(Account::from_item(&item)?);
        }
        accounts.sort_by(|a, b| a.handle.cmp(&b.handle));
        Ok(accounts)
    }

    /// The handle of the account that has this Stripe customer, other than the account `but`.
    pub(crate) async fn has_customer(&self, customer: &str, but: &str) -> Result<Option<String>> {
        let scan = self.client.scan().table_name(&self.name).consistent_read(true);
        let scan = scan.filter_expression("sk = :sk AND customer = :customer AND id <> :but");
        let scan = scan
            .expression_attribute_values(":sk", string("ACCOUNT"))
            .expression_attribute_values(":customer", string(customer))
            .expression_attribute_values(":but", string(but));
        let mut items = scan.into_paginator().items().send();
        match items.next().await {
            Some(Ok(item)) => Ok(Some(text(&item, "handle")?)),
            Some(Err(error)) => Err(self.failed("look for the customer's account", &error)),
            None => Ok(None),
        }
    }

    /// Every key with its hash.
    pub(crate) async fn all_keys(&self) -> Result<Vec<(String, KeyRecord)>> {
        let scan = self.client.scan().table_name(&self.name).consistent_read(true);
        let scan = scan.filter_expression("sk = :sk AND begins_with(pk, :key)");
        let scan = scan
            .expression_attribute_values(":sk", string("KEY"))
            .expression_attribute_values(":key", string("KEY#"));
        let mut items = scan.into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| self.failed("list the keys", &error))?;
            let hash = text(&item, "pk")?.split_off("KEY#".len());
            found.push((hash, KeyRecord::from_item(&item)?));
        }
        Ok(found)
    }

    /// Every key of an account with its hash, oldest first.
    pub(crate) async fn keys_of(&self, account: &str) -> Result<Vec<(String, KeyRecord)>> {
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
            // Entry and key are written and never deleted together; one without the other is no key.
            if let Some(record) = self.key(&hash).await? {
                found.push((hash, record));
            }
        }
        found.sort_by(|(_, a), (_, b)| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(found)
    }

    /// The hash of one key of an account, and its record.
    pub(crate) async fn key_of(
        &self,
        account: &str,
        id: &str,
    ) -> Result<Option<(String, KeyRecord)>> {
        let Some(entry) = self.get(keys::account_key(account, id)).await? else { return Ok(None) };
        let hash = text(&entry, HASH)?;
        Ok(self.key(&hash).await?.map(|record| (hash, record)))
    }

    /// The record of the key with this hash.
    pub(crate) async fn key(&self, hash: &str) -> Result<Option<KeyRecord>> {
        let item = self.get(keys::key(hash)).await?;
        item.map(|item| Ok(KeyRecord::from_item(&item)?)).transpose()
    }

    async fn get(&self, key: Item) -> Result<Option<Item>> {
        let request =
            self.client.get_item().table_name(&self.name).set_key(Some(key)).consistent_read(true);
        let answer = request.send().await.map_err(|error| self.failed("read the table", &error))?;
        Ok(answer.item)
    }

    /// A part of a transaction: an item that must be new.
    pub(crate) fn new_item(&self, key: Item, attributes: Item) -> Result<TransactWriteItem> {
        let item = key.into_iter().chain(attributes).collect();
        let put = Put::builder()
            .table_name(&self.name)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)");
        Ok(TransactWriteItem::builder()
            .put(put.build().map_err(|error| Failure::new(error.to_string()))?)
            .build())
    }

    /// A part of a transaction: nothing is written, but the condition must hold.
    pub(crate) fn check(&self, key: Item, condition: &str) -> Result<TransactWriteItem> {
        let check = ConditionCheck::builder()
            .table_name(&self.name)
            .set_key(Some(key))
            .condition_expression(condition)
            .build();
        Ok(TransactWriteItem::builder()
            .condition_check(check.map_err(|error| Failure::new(error.to_string()))?)
            .build())
    }

    /// All parts or none.
    pub(crate) async fn write(&self, parts: Vec<TransactWriteItem>) -> Result<Written> {
        let outcome =
            self.client.transact_write_items().set_transact_items(Some(parts)).send().await;
        let Err(error) = outcome else { return Ok(Written::Done) };
        let reasons = error.as_service_error().and_then(|error| match error {
            aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(canceled) => {
                Some(canceled.cancellation_reasons())
            }
            _ => None,
        });
        let refused: Vec<bool> = reasons
            .unwrap_or_default()
            .iter()
            .map(|reason| reason.code() == Some("ConditionalCheckFailed"))
            .collect();
        // Throttling and conflicts cancel a transaction too, and refuse no part of it.
        if refused.contains(&true) {
            Ok(Written::Refused(refused))
        } else {
            Err(self.failed("write to the table", &error))
        }
    }

    /// Gives one attribute of an item the value that it has in `after`, if it still has the one it
    /// has in `before`. Whatever else the item holds stays. False if somebody else was first.
    pub(crate) async fn change(
        &self,
        key: Item,
        attribute: &str,
        before: &Item,
        after: &Item,
    ) -> Result<bool> {
        let part = self.changed(key, &[attribute], before, after)?;
        Ok(matches!(self.write(vec![part]).await?, Written::Done))
    }

    /// The same as a part of a transaction, for some attributes at once. An attribute that `after`
    /// lacks is taken away; one that is the same in both has only to be so still.
    pub(crate) fn changed(
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
            .update(update.map_err(|error| Failure::new(error.to_string()))?)
            .build())
    }

    /// A part of a transaction: an item goes, if the condition holds.
    pub(crate) fn deleted(
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
            .delete(delete.map_err(|error| Failure::new(error.to_string()))?)
            .build())
    }

    pub(crate) fn failed<E, R>(&self, doing: impl Display, error: &SdkError<E, R>) -> Failure
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        if error::code(error) == Some("ResourceNotFoundException") {
            return Failure::new(format!(
                "there is no table \"{}\" in this account and region; create it with `billingctl setup`, or name another with --table",
                self.name
            ));
        }
        error::aws(doing, error)
    }
}

fn text(item: &Item, attribute: &str) -> Result<String> {
    let value = item.get(attribute).and_then(|value| value.as_s().ok());
    value
        .cloned()
        .ok_or_else(|| Failure::new(format!("an item of the table has no proper \"{attribute}\"")))
}

/// The attribute that leads from a handle, or from a Stripe customer, to its account.
pub(crate) fn handle_attributes(account: &str) -> Item {
    Item::from([(HANDLE_ACCOUNT.to_owned(), string(account))])
}

/// The attribute that leads from an account's entry of a key to the key.
pub(crate) fn key_entry_attributes(hash: &str) -> Item {
    Item::from([(HASH.to_owned(), string(hash))])
}

fn string(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}
