//! Bodies of POSTs: JSON objects of text fields.
//!
//! Unknown fields, repeated fields and values of another type are refused by name. The fields are kept in
//! alphabetical order, because idempotency compares bodies by meaning.

use std::collections::BTreeMap;
use std::fmt;
use std::str::Utf8Error;

use lambda_http::http::HeaderMap;
use lambda_http::http::header::CONTENT_TYPE;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::error::ApiError;
use crate::billing::plan_change::{EFFECTIVE, Effective, INTERVALS, Target};
use crate::values::{fingerprint, quoted};

/// Longest accepted body in bytes.
const MAX_LENGTH: usize = 16 * 1024;

/// The fields of a body without those that are `null`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(BTreeMap<String, String>);

impl Fields {
    /// Reads a request's body. A missing body counts as `{}`, a `null` field as absent.
    ///
    /// # Errors
    /// `body_too_large`, `unsupported_media_type`, `malformed_body`, `validation`: in this order.
    pub fn read(headers: &HeaderMap, body: &[u8], known: &[&str]) -> Result<Self, ApiError> {
        if body.len() > MAX_LENGTH {
            return Err(ApiError::BodyTooLarge { longest: MAX_LENGTH });
        }
        if body.is_empty() {
            return Ok(Self::default());
        }
        if !is_json(headers) {
            return Err(ApiError::UnsupportedMediaType);
        }
        let text = std::str::from_utf8(body).map_err(|error| not_text(body, error))?;
        let raw: &RawValue = serde_json::from_str(text).map_err(|error| not_json(&error))?;
        if !raw.get().starts_with('{') {
            return Err(ApiError::validation("body", "The body must be a JSON object."));
        }
        let Pairs(pairs) = serde_json::from_str(raw.get()).map_err(|error| not_json(&error))?;
        Self::of(pairs, known)
    }

    fn of(pairs: Vec<(String, &RawValue)>, known: &[&str]) -> Result<Self, ApiError> {
        let mut seen = BTreeMap::new();
        for (name, value) in pairs {
            if !known.contains(&name.as_str()) {
                let name = quoted(&name);
                let advice = match known {
                    [] => "This endpoint takes none.".to_owned(),
                    _ => format!("Use one of: {}.", known.join(", ")),
                };
                return Err(ApiError::validation(
                    &name,
                    format!("There is no field \"{name}\" here. {advice}"),
                ));
            }
            let text = match serde_json::from_str::<Option<String>>(value.get()) {
                Ok(text) if text.as_deref() != Some("") => text,
                _ => {
                    return Err(ApiError::validation(
                        &name,
                        format!("\"{name}\" must be a non-empty string."),
                    ));
                }
            };
            if seen.insert(name.clone(), text).is_some() {
                return Err(ApiError::validation(
                    &name,
                    format!("The field \"{name}\" is given twice. Give it once."),
                ));
            }
        }
        Ok(Self(seen.into_iter().filter_map(|(name, text)| Some((name, text?))).collect()))
    }

    /// Returns the field's text, if it is given.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Returns the text of a required field.
    ///
    /// # Errors
    /// `validation` if it is not given.
    pub fn required(&self, name: &str) -> Result<&str, ApiError> {
        self.get(name).ok_or_else(|| {
            ApiError::validation(name, format!("\"{name}\" is missing. Add it to the body."))
        })
    }

    /// Returns the value of `allowed` that the field names, if it is given.
    ///
    /// # Errors
    /// `validation` if it names none of them.
    pub fn one_of<T: Copy>(
        &self,
        name: &str,
        allowed: &[(&str, T)],
    ) -> Result<Option<T>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let found = allowed.iter().find(|(known, _)| *known == text).map(|(_, value)| *value);
        found.map(Some).ok_or_else(|| {
            let all: Vec<_> = allowed.iter().map(|(known, _)| *known).collect();
            ApiError::validation(name, format!("\"{name}\" must be one of {}.", all.join(", ")))
        })
    }

    /// Returns the target of a plan change or checkout from the fields `plan` and `interval`.
    ///
    /// # Errors
    /// `validation`.
    pub fn target(&self) -> Result<Target, ApiError> {
        Ok(Target {
            plan: self.required("plan")?.to_owned(),
            interval: self.one_of("interval", &INTERVALS)?,
        })
    }

    /// Returns when a plan change takes effect, from the field `effective`.
    ///
    /// # Errors
    /// `validation`.
    pub fn effective(&self) -> Result<Effective, ApiError> {
        Ok(self.one_of("effective", &EFFECTIVE)?.unwrap_or_default())
    }

    /// Returns a fingerprint that is equal for bodies with equal fields.
    pub fn fingerprint(&self) -> String {
        fingerprint(self.0.iter().flat_map(|(name, value)| [name.as_str(), value]))
    }
}

/// Returns the error at the place where parsing failed. The parser's own words would repeat the input.
fn not_json(error: &serde_json::Error) -> ApiError {
    ApiError::MalformedBody { line: error.line(), column: error.column() }
}

/// Returns the error at the first byte that is not UTF-8.
fn not_text(body: &[u8], error: Utf8Error) -> ApiError {
    let before = &body[..error.valid_up_to()];
    let lines = before.split(|byte| *byte == b'\n');
    let (line, column) = lines.fold((0, 0), |(line, _), text| (line + 1, text.len() + 1));
    ApiError::MalformedBody { line, column }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}

/// All pairs of a JSON object. `serde_json` itself would keep the last of two equal names.
///
/// The values stay text: numbers that no `f64` holds and deeply nested lists are JSON too, and get the error
/// of their field.
struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Pairs(pairs))
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
    fn order_does_not_matter_and_null_is_absent() {
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
    fn missing_body_is_an_empty_object() {
        assert_eq!(Fields::read(&HeaderMap::new(), b"", &[]).unwrap(), Fields::default());
        assert_eq!(read("{}").unwrap(), Fields::default());
    }

    #[test]
    fn malformed_body_is_refused_with_its_place() {
        let cases: [(&[u8], usize, usize); 5] = [
            (b"{\"plan\":\"pro\"", 1, 13),
            (b"{\n  \"plan\": pro\n}", 2, 11),
            (b"{} {}", 1, 4),
            (b"{\"plan\":\"\xff\"}", 1, 10),
            (b"{\n\n \xff", 3, 2),
        ];
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, "application/json".parse().unwrap());
        for (body, line, column) in cases {
            let error = Fields::read(&headers, body, &["plan"]).unwrap_err().to_string();
            let place = format!("(line {line}, column {column})");
            assert!(error.contains(&place), "{error}: {place}");
        }
    }

    #[test]
    fn ambiguous_field_is_refused_by_name() {
        let long = format!(r#"{{"plan":"{}"}}"#, "x".repeat(MAX_LENGTH));
        let deep = "[".repeat(10_000);
        let nested = format!(r#"{{"plan":{}{}}}"#, "[".repeat(5_000), "]".repeat(5_000));
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
            (r#"{"plan":1e999999}"#, "validation", Some("plan")),
            (r#"{"plan":{"a":[-1E+999999]}}"#, "validation", Some("plan")),
            (r#"{"plam":1e999999}"#, "validation", Some("plam")),
            ("1e999999", "validation", Some("body")),
            (&nested, "validation", Some("plan")),
            (r#"{"plan":"\ud800"}"#, "validation", Some("plan")),
            (r#"{"plan":1e}"#, "malformed_body", None),
            (r#"{"plan":"pro",}"#, "malformed_body", None),
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
    fn only_json_is_accepted() {
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
    fn choice_lists_the_allowed_values() {
        let fields = read(r#"{"interval":"year"}"#).unwrap();
        assert_eq!(fields.one_of("interval", &[("month", 1), ("year", 12)]).unwrap(), Some(12));
        assert_eq!(fields.one_of("plan", &[("pro", 1)]).unwrap(), None);
        let error = fields.one_of("interval", &[("month", 1), ("week", 2)]).unwrap_err();
        assert_eq!(error.to_string(), "\"interval\" must be one of month, week.");
        assert!(fields.required("plan").is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = read_as("application/json", &bytes);
        }

        #[test]
        fn fingerprints_differ_exactly_where_fields_differ(a: Option<String>, b: Option<String>, c: Option<String>, d: Option<String>) {
            let fields = |plan: &Option<String>, interval: &Option<String>| {
                let pairs = [("plan", plan), ("interval", interval)];
                Fields(pairs.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text.clone()?))).collect())
            };
            let (one, other) = (fields(&a, &b), fields(&c, &d));
            prop_assert_eq!(one == other, one.fingerprint() == other.fingerprint());
        }
    }
}
