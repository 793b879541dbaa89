//! Writes accounts directly into the table, which is faster than a process of `billingctl` for each.

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use shared::access::{ApiKey, generate};
use shared::aws::table::{Account, Item, KeyRecord, keys};
use shared::values::{Mode, Scope, Timestamp};

use crate::harness::Harness;
use crate::operator::OwnAccount;

impl Harness {
    /// Creates an account with an admin key.
    #[track_caller]
    pub(super) fn quick_admin_of(&self, handle: &str, customer: Option<&str>) -> OwnAccount {
        let now = Timestamp::now();
        let secret = generate(Mode::Test).expect("random numbers");
        let key = ApiKey::parse(secret.expose_secret()).expect("a key");
        let hash = key.hash();
        let account = Account {
            id: format!("acc_{}", handle.replace('-', "0")),
            handle: handle.to_owned(),
            parent: None,
            customer: customer.map(str::to_owned),
            created_at: now,
        };
        let record = KeyRecord {
            id: format!("key_{}", handle.replace('-', "0")),
            account: account.id.clone(),
            scope: Scope::Admin,
            name: handle.to_owned(),
            prefix: key.display_prefix().to_owned(),
            created_at: now,
            expires_at: None,
            revoked_at: None,
            last_used_on: None,
        };
        let owner = || json!({ "account": { "S": account.id } });
        let mut items = vec![
            whole(&keys::account(&account.id), attributes(&account.to_item())),
            whole(&keys::handle(handle), owner()),
            whole(&keys::key(hash.as_str()), attributes(&record.to_item())),
            whole(
                &keys::account_key(&account.id, &record.id),
                json!({ "hash": { "S": hash.as_str() } }),
            ),
        ];
        items.extend(customer.map(|customer| whole(&keys::customer(customer), owner())));
        let puts: Vec<_> =
            items.into_iter().map(|item| json!({ "PutRequest": { "Item": item } })).collect();
        let batch = json!({ "RequestItems": { &*self.about().table: puts } });
        self.aws("DynamoDB_20120810.BatchWriteItem", &batch);
        let key = secret.expose_secret().to_owned();
        self.keep_secret(&key);
        OwnAccount { id: account.id, handle: handle.to_owned(), key }
    }
}

/// Returns an item of strings and numbers in DynamoDB's JSON.
fn attributes(item: &Item) -> Value {
    let fields = item.iter().map(|(name, value)| {
        let value = match (value.as_s(), value.as_n()) {
            (Ok(text), _) => json!({ "S": text }),
            (_, Ok(number)) => json!({ "N": number }),
            _ => unreachable!("neither a string nor a number"),
        };
        (name.clone(), value)
    });
    Value::Object(fields.collect())
}

fn whole(key: &Item, mut fields: Value) -> Value {
    let (fields_of, key) = (fields.as_object_mut(), attributes(key));
    fields_of.expect("an object").extend(key.as_object().expect("an object").clone());
    fields
}
