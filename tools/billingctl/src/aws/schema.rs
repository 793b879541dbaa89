//! Key schema and TTL attribute of the table.

use aws_sdk_dynamodb::types::{KeyType, ScalarAttributeType, TableDescription};

/// Key attributes, all of type string.
pub(crate) const KEYS: [(&str, KeyType); 2] = [("pk", KeyType::Hash), ("sk", KeyType::Range)];

/// Attribute with the time at which DynamoDB deletes an item.
pub(crate) const TTL: &str = "ttl";

/// Returns whether the table has the key attributes of [`KEYS`] and no others.
pub(crate) fn has_our_keys(description: &TableDescription) -> bool {
    let has = |(name, kind): &(&str, KeyType)| {
        description
            .key_schema()
            .iter()
            .any(|element| element.attribute_name() == *name && element.key_type() == kind)
            && description.attribute_definitions().iter().any(|attribute| {
                attribute.attribute_name() == *name
                    && attribute.attribute_type() == &ScalarAttributeType::S
            })
    };
    description.key_schema().len() == KEYS.len() && KEYS.iter().all(has)
}
