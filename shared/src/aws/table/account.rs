//! Accounts and their handles.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use serde::{Deserialize, Deserializer, Serialize};

use super::client::{Item, Table, TableError, from_item, keys, text, to_item};
use crate::values::{Attribution, Timestamp, is_path_segment};

/// An account of the platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// `acc_…`
    pub id: String,
    /// Unique name in headers and URLs.
    pub handle: String,
    /// ID of the account that may act for this one, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// ID of the Stripe customer, `cus_…`, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "customer_id")]
    pub customer: Option<String>,
    /// Time of creation.
    pub created_at: Timestamp,
}

impl Account {
    /// Prefix of every account ID. No handle can begin with it.
    pub const ID_PREFIX: &str = "acc_";

    /// Returns whether the text has the form of an account ID.
    pub fn is_id(text: &str) -> bool {
        text.strip_prefix(Self::ID_PREFIX).is_some_and(|rest| {
            (1..=40).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
    }

    /// Returns whether the text has the form of a handle: 2 to 40 of a–z, 0–9 and `-`, beginning
    /// with a letter and not ending with `-`.
    pub fn is_handle(text: &str) -> bool {
        (2..=40).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && !text.ends_with('-')
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    }

    /// Returns the attributes without `pk` and `sk`.
    pub fn to_item(&self) -> Item {
        to_item(self)
    }

    /// Reads the attributes.
    ///
    /// # Errors
    /// [`TableError::Malformed`].
    pub fn from_item(item: Item) -> Result<Self, TableError> {
        from_item("account", item)
    }
}

/// Refuses an ID that would lead to another path at Stripe.
fn customer_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let id = Option::<String>::deserialize(deserializer)?;
    match id {
        Some(id) if !is_path_segment(&id) => {
            Err(serde::de::Error::custom("\"customer\" is no Stripe ID"))
        }
        id => Ok(id),
    }
}

/// The entry of a handle.
#[derive(Deserialize)]
struct Handle {
    account: String,
}

/// The attributes of an account that functions write.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CustomerAttributes {
    customer: Option<String>,
    customer_request_id: Option<String>,
    customer_key_id: Option<String>,
}

impl Table {
    /// Returns the account with this ID.
    ///
    /// # Errors
    /// [`TableError`].
    pub async fn account(&self, id: &str) -> Result<Option<Account>, TableError> {
        self.get(keys::account(id)).await?.map(Account::from_item).transpose()
    }

    /// Returns the ID of the account with this handle.
    ///
    /// # Errors
    /// [`TableError`].
    pub async fn handle(&self, handle: &str) -> Result<Option<String>, TableError> {
        let item = self.get(keys::handle(handle)).await?;
        item.map(|item| Ok(from_item::<Handle>("handle", item)?.account)).transpose()
    }

    /// Stores the account's Stripe customer unless it has another one than `previous`, and returns the one that it has
    /// then. `previous` is a deleted customer.
    ///
    /// # Errors
    /// [`TableError`].
    pub async fn link_customer(
        &self,
        account: &str,
        customer: &str,
        previous: Option<&str>,
    ) -> Result<String, TableError> {
        let update = self
            .update(keys::account(account))
            .update_expression("SET customer = :customer")
            .condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(customer) OR customer = :previous)",
            )
            .expression_attribute_values(":customer", text(customer))
            .expression_attribute_values(":previous", text(previous.unwrap_or_default()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match update.send().await.map_err(SdkError::into_service_error) {
            Ok(_) => Ok(customer.to_owned()),
            Err(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                let existing: CustomerAttributes =
                    from_item("account", failed.item.unwrap_or_default())?;
                existing.customer.ok_or_else(|| missing("customer"))
            }
            Err(error) => Err(TableError::unreachable(error)),
        }
    }

    /// Stores the attribution of the request that creates the account's Stripe customer unless there
    /// is one, and returns the one that there is then.
    ///
    /// # Errors
    /// [`TableError`].
    pub async fn first_customer_attribution(
        &self,
        attribution: &Attribution,
    ) -> Result<Attribution, TableError> {
        let Attribution { account, request_id, key_id } = attribution;
        let set = "SET customerRequestId = if_not_exists(customerRequestId, :request), customerKeyId = if_not_exists(customerKeyId, :key)";
        let attributes =
            self.set_once(account, set, [(":request", request_id), (":key", key_id)]).await?;
        Ok(Attribution {
            account: account.clone(),
            request_id: attributes
                .customer_request_id
                .ok_or_else(|| missing("customerRequestId"))?,
            key_id: attributes.customer_key_id.ok_or_else(|| missing("customerKeyId"))?,
        })
    }

    /// Sets attributes of an existing account, and returns them as they are then.
    async fn set_once<const N: usize>(
        &self,
        account: &str,
        expression: &str,
        values: [(&str, &str); N],
    ) -> Result<CustomerAttributes, TableError> {
        let values = values.map(|(name, value)| (name.to_owned(), text(value)));
        let update = self
            .update(keys::account(account))
            .update_expression(expression)
            // An update would otherwise create an account that is missing.
            .condition_expression("attribute_exists(pk)")
            .set_expression_attribute_values(Some(values.into()))
            .return_values(ReturnValue::UpdatedNew);
        let response = update.send().await.map_err(TableError::unreachable)?;
        from_item("account", response.attributes.unwrap_or_default())
    }
}

fn missing(attribute: &str) -> TableError {
    TableError::Malformed { kind: "account", reason: format!("no \"{attribute}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        Account {
            id: "acc_1".to_owned(),
            handle: "acme".to_owned(),
            parent: Some("acc_0".to_owned()),
            customer: None,
            created_at: Timestamp::try_from(5).expect("in range"),
        }
    }

    #[test]
    fn item_is_read_as_written() {
        for customer in [None, Some("cus_1".to_owned())] {
            let account = Account { customer, ..account() };
            assert_eq!(Account::from_item(account.to_item()).expect("own form"), account);
        }
    }

    #[test]
    fn customer_id_with_a_path_is_refused() {
        let account = Account { customer: Some("cus_1/sources".to_owned()), ..account() };
        let error = Account::from_item(account.to_item()).expect_err("no ID").to_string();
        assert_eq!(error, "a malformed account item: \"customer\" is no Stripe ID");
    }

    #[test]
    fn no_text_is_both_a_handle_and_an_id() {
        for good in ["acme", "a1", "acme-eu-2"] {
            assert!(Account::is_handle(good) && !Account::is_id(good), "{good}");
        }
        for bad in
            ["", "a", "Acme", "-acme", "acme-", "1acme", "ac me", "acc_1", "é", &"a".repeat(41)]
        {
            assert!(!Account::is_handle(bad), "{bad}");
        }
        assert!(Account::is_id("acc_1aB"));
        for bad in ["acc_", "acc_1/2", "acc_é", "ACC_1"] {
            assert!(!Account::is_id(bad), "{bad}");
        }
    }
}
