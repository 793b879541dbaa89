//! Which operations have changed a subscription, as its metadata tells.
//!
//! Each leaves a mark under a key of its own: another change, even one at the same moment, takes
//! nothing away from it. The last ten stay, and what is older than those is not asked for again.

use std::collections::HashMap;

use shared::api::idempotency::Operation;
use stripe_client_core::RequestBuilder;

/// Every mark's key begins so. Stripe takes keys of up to 40 characters, and 50 of them.
const PREFIX: &str = "cantila_operation_";

/// Of the operation's 32 hexadecimal digits.
const DIGITS: usize = 22;

/// How many marks stay.
const KEPT: usize = 10;

type Metadata = HashMap<String, String>;

/// The key of the operation's mark.
pub fn key(operation: &Operation) -> String {
    format!("{PREFIX}{}", operation.mark().get(..DIGITS).unwrap_or_default())
}

/// Whether the operation's mark is there.
pub fn has(metadata: &Metadata, operation: &Operation) -> bool {
    metadata.contains_key(&key(operation))
}

/// Whether the operation's mark is the newest one: no change of ours has come after it.
pub fn is_newest(metadata: &Metadata, operation: &Operation) -> bool {
    let number = |key: &str| metadata.get(key).map(|number| number.parse().unwrap_or(0));
    let marks = metadata.keys().filter(|key| key.starts_with(PREFIX));
    let newest: Option<u32> = marks.filter_map(|key| number(key)).max();
    newest.is_some() && number(&key(operation)) == newest
}

/// Adds the operation's mark to an update of the subscription that has this metadata, always the
/// same bytes. Marks are numbered, and those that have got too old go.
pub fn write(request: &mut RequestBuilder, operation: &Operation, metadata: &Metadata) {
    let old = metadata.iter().filter(|(key, _)| key.starts_with(PREFIX));
    let mut old: Vec<(u32, &str)> =
        old.map(|(key, number)| (number.parse().unwrap_or(0), key.as_str())).collect();
    old.sort_unstable_by(|one, other| other.cmp(one));
    let number = old.first().map_or(1, |(newest, _)| newest.saturating_add(1));
    let mut body = form_urlencoded::Serializer::new(request.body.take().unwrap_or_default());
    let mut pair = |key: &str, value: &str| {
        body.append_pair(&format!("metadata[{key}]"), value);
    };
    pair(&key(operation), &number.to_string());
    for (_, key) in old.iter().skip(KEPT - 1) {
        // An empty value removes the key.
        pair(key, "");
    }
    request.body = Some(body.finish());
}

#[cfg(test)]
mod tests {
    use shared::values::Attribution;
    use stripe_client_core::StripeMethod;

    use super::*;

    /// Returns the metadata after the operation's update.
    fn marked(metadata: &Metadata, operation: &Operation) -> Metadata {
        let body = || {
            let mut request = RequestBuilder::new(StripeMethod::Post, "/subscriptions/sub_1");
            write(&mut request, operation, metadata);
            request.body.expect("a body")
        };
        assert_eq!(body(), body());
        let mut metadata = metadata.clone();
        for (name, value) in form_urlencoded::parse(body().as_bytes()) {
            let key = name.strip_prefix("metadata[").and_then(|name| name.strip_suffix(']'));
            let key = key.expect("metadata").to_owned();
            assert!(key.len() <= 40, "{key}");
            if value.is_empty() {
                metadata.remove(&key).expect("it was there");
            } else {
                metadata.insert(key, value.into_owned());
            }
        }
        metadata
    }

    #[test]
    fn a_mark_outlasts_nine_other_changes_and_then_makes_room() {
        let other = ("theirs".to_owned(), "stays".to_owned());
        let operations: Vec<_> = (0..14)
            .map(|_| Operation::new(Attribution::default()).expect("random numbers"))
            .collect();
        let mut metadata = Metadata::from([other.clone()]);
        for (at, operation) in operations.iter().enumerate() {
            assert!(!has(&metadata, operation));
            metadata = marked(&metadata, operation);
            let first = (at + 1).saturating_sub(KEPT);
            for (number, operation) in operations.iter().enumerate() {
                assert_eq!(has(&metadata, operation), (first..=at).contains(&number), "{number}");
                assert_eq!(is_newest(&metadata, operation), number == at, "{number}");
            }
        }
        assert_eq!((metadata.len(), metadata.get(&other.0)), (KEPT + 1, Some(&other.1)));
    }
}
