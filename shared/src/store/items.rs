//! The items' attributes: written and read here and nowhere else.

use aws_sdk_dynamodb::types::AttributeValue;

use super::{Item, StoreError};
use crate::auth::Scope;
use crate::respond::Timestamp;
use crate::stripe::views;

/// The two attributes that functions write.
pub(super) const LAST_USED_ON: &str = "lastUsedOn";
pub(super) const REHASHED: &str = "rehashed";

/// What is kept of an API key. The key itself is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// `key_…`, which is no secret.
    pub id: String,
    /// The id of the account that it belongs to.
    pub account: String,
    /// What it may do.
    pub scope: Scope,
    /// What its maker called it.
    pub name: String,
    /// Its first characters, to tell keys apart in a list.
    pub prefix: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it no longer works, if ever.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
    /// The last day on which it was used, such as `2026-06-28`. Functions write it.
    pub last_used_on: Option<String>,
    /// The name of the pepper that its hash was made under ([`crate::secrets::Pepper::id`]).
    pub pepper: Option<String>,
    /// Its hash under the pepper that came after that one. Functions write it when it is used.
    pub rehashed: Option<String>,
}

impl KeyRecord {
    /// Neither expired nor revoked.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// The attributes, without `pk` and `sk`.
    #[must_use]
    pub fn to_item(&self) -> Item {
        let mut item = Item::from([
            ("keyId".to_owned(), text(&self.id)),
            ("account".to_owned(), text(&self.account)),
            ("scope".to_owned(), text(self.scope.as_str())),
            ("name".to_owned(), text(&self.name)),
            ("prefix".to_owned(), text(&self.prefix)),
            ("createdAt".to_owned(), seconds(self.created_at)),
        ]);
        item.extend(self.expires_at.map(|end| ("expiresAt".to_owned(), seconds(end))));
        item.extend(self.revoked_at.map(|end| ("revokedAt".to_owned(), seconds(end))));
        for (name, value) in [
            (LAST_USED_ON, &self.last_used_on),
            ("pepper", &self.pepper),
            (REHASHED, &self.rehashed),
        ] {
            item.extend(value.as_ref().map(|value| (name.to_owned(), text(value))));
        }
        item
    }

    /// Reads the attributes.
    ///
    /// # Errors
    /// [`StoreError::Malformed`], naming the attribute.
    pub fn from_item(item: &Item) -> Result<Self, StoreError> {
        let fields = Fields { kind: "key", item };
        Ok(Self {
            id: fields.text("keyId")?,
            account: fields.text("account")?,
            scope: fields.text("scope")?.parse().map_err(|_| fields.malformed("scope"))?,
            name: fields.text("name")?,
            prefix: fields.text("prefix")?,
            created_at: fields.moment("createdAt")?.ok_or_else(|| fields.malformed("createdAt"))?,
            expires_at: fields.moment("expiresAt")?,
            revoked_at: fields.moment("revokedAt")?,
            last_used_on: fields.optional_text(LAST_USED_ON)?,
            pepper: fields.optional_text("pepper")?,
            rehashed: fields.optional_text(REHASHED)?,
        })
    }
}

/// A customer of the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// `acc_…`
    pub id: String,
    /// Its name in URLs and headers, unique.
    pub handle: String,
    /// The id of the account that may act for it, if any.
    pub parent: Option<String>,
    /// The id of its Stripe customer, `cus_…`, once it has one.
    pub customer: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Account {
    /// Every account id starts so, and no handle can.
    pub const ID_PREFIX: &str = "acc_";

    /// Whether the text has the form of an account id.
    #[must_use]
    pub fn is_id(text: &str) -> bool {
        text.strip_prefix(Self::ID_PREFIX).is_some_and(|rest| {
            (1..=40).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
    }

    /// Whether the text has the form of a handle: 2 to 40 of a–z, 0–9 and `-`, a letter first and
    /// no `-` last.
    #[must_use]
    pub fn is_handle(text: &str) -> bool {
        (2..=40).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && !text.ends_with('-')
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    }

    /// The attributes, without `pk` and `sk`.
    #[must_use]
    pub fn to_item(&self) -> Item {
        let mut item = Item::from([
            ("id".to_owned(), text(&self.id)),
            ("handle".to_owned(), text(&self.handle)),
            ("createdAt".to_owned(), seconds(self.created_at)),
        ]);
        item.extend(self.parent.as_ref().map(|parent| ("parent".to_owned(), text(parent))));
        item.extend(self.customer.as_ref().map(|customer| ("customer".to_owned(), text(customer))));
        item
    }

    /// Reads the attributes.
    ///
    /// # Errors
    /// [`StoreError::Malformed`], naming the attribute.
    pub fn from_item(item: &Item) -> Result<Self, StoreError> {
        let fields = Fields { kind: "account", item };
        Ok(Self {
            id: fields.text("id")?,
            handle: fields.text("handle")?,
            parent: fields.optional_text("parent")?,
            customer: match fields.optional_text("customer")? {
                // It goes into the path of requests to Stripe.
                Some(id) if !views::is_id(&id) => return Err(fields.malformed("customer")),
                customer => customer,
            },
            created_at: fields.moment("createdAt")?.ok_or_else(|| fields.malformed("createdAt"))?,
        })
    }
}

pub(super) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn seconds(moment: Timestamp) -> AttributeValue {
    AttributeValue::N(moment.seconds().to_string())
}

pub(super) struct Fields<'a> {
    pub(super) kind: &'static str,
    pub(super) item: &'a Item,
}

impl Fields<'_> {
    fn malformed(&self, attribute: &'static str) -> StoreError {
        StoreError::Malformed { kind: self.kind, attribute }
    }

    pub(super) fn text(&self, name: &'static str) -> Result<String, StoreError> {
        self.optional_text(name)?.ok_or_else(|| self.malformed(name))
    }

    fn optional_text(&self, name: &'static str) -> Result<Option<String>, StoreError> {
        self.item
            .get(name)
            .map(|value| value.as_s().cloned().map_err(|_| self.malformed(name)))
            .transpose()
    }

    fn moment(&self, name: &'static str) -> Result<Option<Timestamp>, StoreError> {
        let read = |value: &AttributeValue| {
            let number = value.as_n().ok()?.parse::<i64>().ok()?;
            Timestamp::try_from(number).ok()
        };
        self.item.get(name).map(|value| read(value).ok_or_else(|| self.malformed(name))).transpose()
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
            pepper: None,
            rehashed: Some("ab12".to_owned()),
        }
    }

    #[test]
    fn items_read_back_as_written() {
        let key = record();
        assert_eq!(KeyRecord::from_item(&key.to_item()).expect("own form"), key);
        let account = Account {
            id: "acc_1".to_owned(),
            handle: "acme".to_owned(),
            parent: Some("acc_0".to_owned()),
            customer: None,
            created_at: at(5),
        };
        assert_eq!(Account::from_item(&account.to_item()).expect("own form"), account);
    }

    #[test]
    fn a_bad_attribute_is_named() {
        let mut item = record().to_item();
        item.insert("scope".to_owned(), text("root"));
        let error = KeyRecord::from_item(&item).expect_err("no such scope");
        assert_eq!(error.to_string(), "a key item has no proper \"scope\"");
    }

    #[test]
    fn a_key_works_until_it_expires_or_is_revoked() {
        let key = record();
        assert!(key.is_valid(at(1_999)));
        assert!(!key.is_valid(at(2_000)));
        let revoked = KeyRecord { revoked_at: Some(at(1_500)), ..key.clone() };
        assert!(!revoked.is_valid(at(1_600)));
        assert!(KeyRecord { expires_at: None, ..key }.is_valid(at(9_999_999)));
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
