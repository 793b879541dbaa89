//! Records of API keys.

use aws_sdk_dynamodb::error::SdkError;
use serde::{Deserialize, Serialize};

use super::client::{Item, Table, TableError, from_item, keys, text, to_item};
use crate::values::{KeyHash, Scope, Timestamp};

/// The record of an API key. The key itself is stored nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyRecord {
    /// `key_…`, which is public.
    #[serde(rename = "keyId")]
    pub id: String,
    /// ID of the account that the key belongs to.
    pub account: String,
    /// The key's permissions.
    pub scope: Scope,
    /// Name given by its creator.
    pub name: String,
    /// First characters of the key, which tell keys apart in a list.
    pub prefix: String,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Time of expiry, if any. The key is invalid from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Time of revocation, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// Last day of use in UTC, such as `2026-06-28`. Functions write it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_on: Option<String>,
}

impl KeyRecord {
    /// Returns whether the key is neither expired nor revoked.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
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
        from_item("key", item)
    }
}

impl Table {
    /// Returns the record of the key with this hash.
    ///
    /// # Errors
    /// [`TableError`].
    pub async fn key(&self, hash: &KeyHash) -> Result<Option<KeyRecord>, TableError> {
        self.get(keys::key(hash.as_str())).await?.map(KeyRecord::from_item).transpose()
    }

    /// Stores `today` as the key's last day of use, unless a record of that or a later day exists.
    ///
    /// Functions may write no other attribute of a key, so a compromised function cannot change a
    /// key's account, scope or expiry.
    ///
    /// # Errors
    /// [`TableError`].
    pub async fn record_key_use(&self, hash: &KeyHash, today: &str) -> Result<(), TableError> {
        let update = self
            .update(keys::key(hash.as_str()))
            .update_expression("SET lastUsedOn = :today")
            .condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(lastUsedOn) OR lastUsedOn < :today)",
            )
            .expression_attribute_values(":today", text(today));
        match update.send().await.map_err(SdkError::into_service_error) {
            Err(error) if !error.is_conditional_check_failed_exception() => {
                Err(TableError::unreachable(error))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::try_from(seconds).expect("in range")
    }

    fn record() -> KeyRecord {
        KeyRecord {
            id: "key_1".to_owned(),
            account: "acc_1".to_owned(),
            scope: Scope::Deploy,
            name: "ci".to_owned(),
            prefix: "sk_test_Ab12".to_owned(),
            created_at: at(1_000),
            expires_at: Some(at(2_000)),
            revoked_at: None,
            last_used_on: Some("2026-06-28".to_owned()),
        }
    }

    #[test]
    fn item_is_read_as_written() {
        let item = record().to_item();
        assert_eq!(item["createdAt"].as_n().map(String::as_str), Ok("1000"));
        assert_eq!(item["scope"].as_s().map(String::as_str), Ok("deploy"));
        assert!(!item.contains_key("revokedAt"));
        assert_eq!(KeyRecord::from_item(item).expect("own form"), record());
    }

    #[test]
    fn malformed_attribute_is_refused() {
        let mut item = record().to_item();
        item.insert("scope".to_owned(), text("root"));
        let error = KeyRecord::from_item(item).expect_err("no such scope").to_string();
        assert!(error.starts_with("a malformed key item: "), "{error}");
    }

    #[test]
    fn key_is_valid_until_it_expires_or_is_revoked() {
        let key = record();
        assert!(key.is_valid(at(1_999)));
        assert!(!key.is_valid(at(2_000)));
        let revoked = KeyRecord { revoked_at: Some(at(1_500)), ..key.clone() };
        assert!(!revoked.is_valid(at(1_600)));
        assert!(KeyRecord { expires_at: None, ..key }.is_valid(at(9_999_999)));
    }
}
