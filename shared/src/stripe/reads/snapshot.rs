//! The stored form of Stripe's responses. No I/O.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::aws::table::SnapshotItem;
use crate::stripe::errors::{ErrorView, StripeError};

/// Version of the stored form. Raise it when a view changes, so that no older snapshot is read.
const SCHEMA: u8 = 2;

/// Largest size of a stored body in bytes, compressed. DynamoDB's limit of an item is 400 KB.
const MAX_BODY: usize = 100_000;

/// Largest size of a body in bytes before compression.
const MAX_TEXT: usize = 4_000_000;

/// One response of Stripe: the fields of its view, or a refusal. Times are Unix seconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Slice {
    /// Stripe's time, before which the response was true at the latest.
    pub(super) at: i64,
    /// Time from which it no longer counts as current.
    pub(super) until: i64,
    /// Whether it contains usage, of which Stripe reports no change.
    pub(super) has_usage: bool,
    view: Option<Box<RawValue>>,
    refusal: Option<Refused>,
}

/// A refusal that is an answer, such as that there is no next invoice.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Refused {
    status: u16,
    request_id: String,
    error: ErrorView,
}

/// The responses of one stored read, by request.
pub(super) type Slices = BTreeMap<String, Slice>;

impl Slice {
    /// Creates the slice of an outcome; `None` for one that is no answer.
    pub(super) fn of<V: Serialize>(outcome: &Result<V, StripeError>) -> Option<Self> {
        let (view, refusal) = match outcome {
            Ok(view) => (Some(serde_json::value::to_raw_value(view).ok()?), None),
            Err(StripeError::Refused {
                status: status @ (400 | 404), request_id, error, ..
            }) => {
                let (request_id, error) = (request_id.clone(), (**error).clone());
                (None, Some(Refused { status: *status, request_id, error }))
            }
            Err(_) => return None,
        };
        Some(Self { at: 0, until: 0, has_usage: false, view, refusal })
    }

    /// Returns the stored outcome; `None` if it has another form.
    pub(super) fn outcome<V: for<'de> Deserialize<'de>>(&self) -> Option<Result<V, StripeError>> {
        if let Some(view) = &self.view {
            return serde_json::from_str(view.get()).ok().map(Ok);
        }
        let Refused { status, request_id, error } = self.refusal.clone()?;
        let error = Box::new(error);
        Some(Err(StripeError::Refused { status, request_id, retry_after: None, error }))
    }
}

/// Returns the body of a stored read; `None` if it is too large to be stored.
pub(super) fn encode(slices: &Slices) -> Option<Vec<u8>> {
    let text = serde_json::to_vec(slices).ok().filter(|text| text.len() <= MAX_TEXT)?;
    let mut body = vec![SCHEMA];
    body.extend(lz4_flex::compress_prepend_size(&text));
    (body.len() <= MAX_BODY).then_some(body)
}

/// Reads the body of a stored read. One of another form counts as empty.
pub(super) fn decode(item: &SnapshotItem) -> Slices {
    let read = || {
        let (schema, compressed) = item.body.split_first()?;
        let (size, _) = lz4_flex::block::uncompressed_size(compressed).ok()?;
        if *schema != SCHEMA || size > MAX_TEXT {
            return None;
        }
        let text = lz4_flex::decompress_size_prepended(compressed).ok()?;
        serde_json::from_slice(&text).ok()
    };
    read().unwrap_or_default()
}

/// Returns whether a response is about a customer on a test clock, whose time does not pass by itself.
pub(super) fn is_on_test_clock(body: &[u8]) -> bool {
    const NAME: &[u8] = b"\"test_clock\":";
    let values = body.windows(NAME.len()).enumerate().filter(|(_, window)| *window == NAME);
    let mut firsts = values.filter_map(|(index, _)| {
        body[index + NAME.len()..].iter().find(|byte| !byte.is_ascii_whitespace())
    });
    firsts.any(|first| *first != b'n')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::stripe::views::{
        Customer, Invoice, List, PaymentIntent, Price, Product, Subscription,
    };
    use crate::values::sha256_hex;

    fn item(body: Vec<u8>) -> SnapshotItem {
        SnapshotItem { generation: 1, catalog: 1, epoch: 1, at: 1, body }
    }

    /// Adds the names of all fields with their places.
    fn fields(value: &Value, place: &str, all: &mut BTreeSet<String>) {
        match value {
            Value::Object(object) => {
                for (name, value) in object {
                    let place = format!("{place}.{name}");
                    fields(value, &place, all);
                    all.insert(place);
                }
            }
            Value::Array(list) => list.iter().for_each(|value| fields(value, place, all)),
            _ => {}
        }
    }

    /// Reads a response as a view, and writes it as a slice does.
    fn stored<V: Serialize + for<'de> Deserialize<'de>>(response: Value) -> Value {
        let view: V = serde_json::from_value(response).expect("a view");
        let text = serde_json::to_string(&view).expect("JSON");
        let again: V = serde_json::from_str(&text).expect("a stored view is read");
        let value = serde_json::to_value(&view).expect("JSON");
        assert_eq!(serde_json::to_value(&again).expect("JSON"), value, "nothing is lost");
        value
    }

    #[test]
    fn views_are_stored_whole_and_schema_rises_when_they_change() {
        let items = fixtures::items(&[("prod_pro", "licensed"), ("prod_pro", "metered")]);
        let intent = json!({
            "id": "pi_1", "status": "requires_action", "created": 1, "payment_method_types": ["card"],
            "next_action": { "type": "use_stripe_sdk" },
            "last_payment_error": { "code": "card_declined", "decline_code": null, "message": "Declined." },
        });
        let views = [
            stored::<Subscription>(fixtures::subscription("sub_1", "active", &items)),
            stored::<Invoice>(fixtures::invoice("in_1", "open", 1)),
            stored::<Customer>(fixtures::customer("cus_1")),
            stored::<Price>(fixtures::price("price_1", "prod_1", "metered")),
            stored::<List<Product>>(
                json!({ "data": [fixtures::product("prod_1", "pro")], "has_more": false }),
            ),
            stored::<PaymentIntent>(intent),
        ];
        let mut all = BTreeSet::new();
        fields(&Value::from(views.to_vec()), "", &mut all);
        let all: Vec<String> = all.into_iter().collect();
        let hash = &sha256_hex(all.join(" "))[..12];
        assert_eq!(
            (SCHEMA, hash),
            (2, "d7718b06d7a0"),
            "the views have changed: raise SCHEMA, and put the new hash here"
        );
    }

    #[test]
    fn only_a_clock_that_is_set_is_a_test_clock() {
        let cases = [
            (r#"{"test_clock": null}"#, false),
            (r#"{"test_clock":null,"a":1}"#, false),
            (r#"{"test_clock":"clock_1"}"#, true),
            (
                r#"{"data":[{"test_clock":null},{"test_clock" :1,"test_clock":  {"id":"clock_1"}}]}"#,
                true,
            ),
            (r#"{"description":"\"test_clock\":1"}"#, false),
            (r#"{"test_clock":"#, false),
            ("", false),
        ];
        for (body, expected) in cases {
            assert_eq!(is_on_test_clock(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn oversized_read_is_not_stored() {
        // Random text cannot be compressed.
        let text: String = (0..4_000).map(|number| sha256_hex(format!("{number}"))).collect();
        let slice = Slice::of(&Ok::<_, StripeError>(text)).expect("a slice");
        assert!(encode(&Slices::from([("a".to_owned(), slice)])).is_none());
    }

    proptest! {
        #[test]
        fn stored_answer_is_read_back(texts in prop::collection::vec(any::<String>(), 0..5)) {
            let slice = |text: &String| Slice::of(&Ok::<_, StripeError>(text.clone())).expect("a slice");
            let slices: Slices = texts.iter().map(|text| (text.clone(), slice(text))).collect();
            let read = decode(&item(encode(&slices).expect("small enough")));
            prop_assert_eq!(read.len(), slices.len());
            for (text, slice) in read {
                prop_assert_eq!(slice.outcome::<String>().and_then(Result::ok), Some(text));
            }
        }

        #[test]
        fn arbitrary_bytes_are_no_read(mut body: Vec<u8>) {
            let _ = decode(&item(body.clone()));
            body.insert(0, SCHEMA);
            let _ = decode(&item(body));
        }
    }
}
