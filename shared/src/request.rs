//! A POST's body: a JSON object of text fields, read strictly.
//!
//! What cannot be taken as meant is refused by name, never guessed: an unknown field, a field given
//! twice, a number where text belongs. Bodies are compared by meaning, so the reading gives the
//! fields in one order whatever the caller's was.

use std::collections::BTreeMap;
use std::fmt;

use lambda_http::http::HeaderMap;
use lambda_http::http::header::CONTENT_TYPE;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::encode::{hex, quoted};
use crate::respond::ApiError;

/// Longest body, in bytes.
const LONGEST: usize = 16 * 1024;

/// The fields of a body, each at most once, none of them `null`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(BTreeMap<String, String>);

impl Fields {
    /// Reads a request's body. A missing body counts as `{}`, a `null` field as absent.
    ///
    /// # Errors
    /// `body_too_large`, `unsupported_media_type`, `malformed_body`, `validation`: in this order.
    pub fn read(headers: &HeaderMap, body: &[u8], known: &[&str]) -> Result<Self, ApiError> {
        if body.len() > LONGEST {
            return Err(ApiError::BodyTooLarge { longest: LONGEST });
        }
        if body.is_empty() {
            return Ok(Self::default());
        }
        if !is_json(headers) {
            return Err(ApiError::UnsupportedMediaType);
        }
        match serde_json::from_slice(body) {
            Ok(Body::Object(pairs)) => Self::of(pairs, known),
            Ok(Body::Other) => {
                Err(ApiError::validation("body", "The body has to be a JSON object."))
            }
            Err(_) => Err(ApiError::MalformedBody),
        }
    }

    fn of(pairs: Vec<(String, Value)>, known: &[&str]) -> Result<Self, ApiError> {
        let mut seen = BTreeMap::new();
        for (name, value) in pairs {
            if !known.contains(&name.as_str()) {
                let name = quoted(&name);
                let known = known.join(", ");
                return Err(ApiError::validation(
                    &name,
                    format!("There is no field \"{name}\" here. Known are: {known}."),
                ));
            }
            let text = match value {
                Value::Null => None,
                Value::String(text) if !text.is_empty() => Some(text),
                _ => {
                    return Err(ApiError::validation(
                        &name,
                        format!("\"{name}\" has to be text, and not empty."),
                    ));
                }
            };
            if seen.insert(name.clone(), text).is_some() {
                return Err(ApiError::validation(
                    &name,
                    format!("The field \"{name}\" is given twice; give it once."),
                ));
            }
        }
        Ok(Self(seen.into_iter().filter_map(|(name, text)| Some((name, text?))).collect()))
    }

    /// The field's text, if it is given.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The field's text.
    ///
    /// # Errors
    /// `validation` where it is not given.
    pub fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name).ok_or_else(|| {
            ApiError::validation(name, format!("\"{name}\" is missing; it has to be given."))
        })
    }

    /// The one of `allowed` that the field names.
    ///
    /// # Errors
    /// `validation` where it names something else.
    pub fn one_of<T: Copy>(
        &self,
        name: &str,
        allowed: &[(&str, T)],
    ) -> Result<Option<T>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let found = allowed.iter().find(|(known, _)| *known == text).map(|(_, value)| *value);
        found.map(Some).ok_or_else(|| {
            let all: Vec<_> = allowed.iter().map(|(known, _)| *known).collect();
            ApiError::validation(name, format!("\"{name}\" has to be one of {}.", all.join(", ")))
        })
    }

    /// A fingerprint of what the body means: the same for two bodies that say the same.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for text in self.0.iter().flat_map(|(name, value)| [name, value]) {
            // Each with its length, so that no two lists of texts look alike.
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        hex(&hash.finalize())
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}

/// Any JSON; of an object every pair, since `serde_json` itself keeps the last of two alike.
enum Body {
    Object(Vec<(String, Value)>),
    Other,
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BodyVisitor)
    }
}

struct BodyVisitor;

impl<'de> Visitor<'de> for BodyVisitor {
    type Value = Body;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Body, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Body::Object(pairs))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Body, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Body::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Body, E> {
        Ok(Body::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Body, E> {
        Ok(Body::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Body, E> {
        Ok(Body::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Body, E> {
        Ok(Body::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Body, E> {
        Ok(Body::Other)
    }

    fn visit_unit<E>(self) -> Result<Body, E> {
        Ok(Body::Other)
    }
}

#[cfg(test)]
mod tests {
    use lambda_http::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn read_as(media_type: &'static str, body: &[u8]) -> Result<Fields, ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        Fields::read(&headers, body, &["plan", "interval"])
    }

    fn read(body: &str) -> Result<Fields, ApiError> {
        read_as("application/json", body.as_bytes())
    }

    #[test]
    fn fields_are_read_whatever_their_order_and_null_is_absent() {
        let one = read(r#"{"plan":"pro","interval":"month"}"#).unwrap();
        let other = read(r#" { "interval" : "mon\u0074h", "plan" : "pro" } "#).unwrap();
        assert_eq!(one, other);
        assert_eq!(one.fingerprint(), other.fingerprint());
        assert_eq!(one.get("plan"), Some("pro"));
        let without = read(r#"{"plan":"pro","interval":null}"#).unwrap();
        assert_eq!(without, read(r#"{"plan":"pro"}"#).unwrap());
        assert_ne!(without.fingerprint(), one.fingerprint());
    }

    #[test]
    fn a_missing_body_is_an_empty_one() {
        assert_eq!(Fields::read(&HeaderMap::new(), b"", &[]).unwrap(), Fields::default());
        assert_eq!(read("{}").unwrap(), Fields::default());
    }

    #[test]
    fn what_cannot_be_taken_as_meant_is_refused_by_name() {
        let long = format!(r#"{{"plan":"{}"}}"#, "x".repeat(LONGEST));
        let deep = "[".repeat(10_000);
        let cases = [
            (r#"{"plan":"pro""#, "malformed_body", None),
            ("{} {}", "malformed_body", None),
            ("plan=pro", "malformed_body", None),
            (&deep, "malformed_body", None),
            (&long, "body_too_large", None),
            ("[]", "validation", Some("body")),
            ("null", "validation", Some("body")),
            ("7", "validation", Some("body")),
            ("-7.5", "validation", Some("body")),
            ("true", "validation", Some("body")),
            (r#""plan""#, "validation", Some("body")),
            (r#"{"plam":"pro"}"#, "validation", Some("plam")),
            (r#"{"plan":7}"#, "validation", Some("plan")),
            (r#"{"plan":""}"#, "validation", Some("plan")),
            (r#"{"plan":["pro"]}"#, "validation", Some("plan")),
            (r#"{"plan":"pro","plan":"pro"}"#, "validation", Some("plan")),
            (r#"{"plan":null,"plan":"pro"}"#, "validation", Some("plan")),
        ];
        for (body, code, named) in cases {
            let error = read(body).unwrap_err();
            assert_eq!(error.kind().1, code, "{body:.40}");
            match error {
                ApiError::Validation { field, .. } => {
                    assert_eq!(Some(field.as_str()), named, "{body:.40}");
                }
                _ => assert_eq!(named, None),
            }
        }
    }

    #[test]
    fn only_json_is_taken() {
        for good in ["application/json", "application/json; charset=utf-8", "Application/JSON"] {
            assert!(read_as(good, b"{}").is_ok(), "{good}");
        }
        for bad in ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
            assert_eq!(
                read_as(bad, b"{}").unwrap_err().kind().1,
                "unsupported_media_type",
                "{bad}"
            );
        }
    }

    #[test]
    fn a_choice_names_what_may_be_chosen() {
        let fields = read(r#"{"interval":"year"}"#).unwrap();
        assert_eq!(fields.one_of("interval", &[("month", 1), ("year", 12)]).unwrap(), Some(12));
        assert_eq!(fields.one_of("plan", &[("pro", 1)]).unwrap(), None);
        let error = fields.one_of("interval", &[("month", 1), ("week", 2)]).unwrap_err();
        assert_eq!(error.to_string(), "\"interval\" has to be one of month, week.");
        assert!(fields.required("plan").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = read_as("application/json", &bytes);
        }

        #[test]
        fn different_meanings_have_different_fingerprints(a: Option<String>, b: Option<String>, c: Option<String>, d: Option<String>) {
            let fields = |plan: &Option<String>, interval: &Option<String>| {
                let pairs = [("plan", plan), ("interval", interval)];
                Fields(pairs.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text.clone()?))).collect())
            };
            let (one, other) = (fields(&a, &b), fields(&c, &d));
            prop_assert_eq!(one == other, one.fingerprint() == other.fingerprint());
        }
    }
}
