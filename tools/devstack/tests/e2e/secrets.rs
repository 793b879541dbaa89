//! Collects the secrets of a run, which no log may contain: created keys, stored secrets, URLs in responses, card
//! numbers.

use std::collections::{BTreeMap, BTreeSet};

use devstack::http::Response;
use serde_json::Value;

use crate::harness::Harness;

/// Fields of responses whose values are secret.
const PRIVATE: [&str; 3] = ["clientSecret", "nextCursor", "quote"];

/// Finds every string in a value, with the name of its field.
fn texts<'a>(value: &'a Value, name: &'a str, found: &mut Vec<(&'a str, &'a str)>) {
    match value {
        Value::String(text) => found.push((name, text)),
        Value::Array(values) => values.iter().for_each(|value| texts(value, name, found)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| texts(value, name, found)),
        _ => {}
    }
}

fn all_texts(value: &Value) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    texts(value, "", &mut found);
    found
}

/// Returns whether a text has the form of a secret key, ours or Stripe's.
fn is_key(text: &str) -> bool {
    let prefixes = ["sk_test_", "sk_live_", "rk_test_", "rk_live_"];
    prefixes.iter().any(|prefix| text.starts_with(prefix)) && !text.contains(' ')
}

impl Harness {
    /// Records the URLs and tokens in a response.
    pub(crate) fn learn_from_answer(&self, response: &Response) {
        let body = response.json();
        for (name, text) in all_texts(&body) {
            let is_page = text.starts_with("http://") || text.starts_with("https://");
            if is_page || PRIVATE.contains(&name) {
                self.keep_from_logs(text);
            }
        }
    }

    /// Records the keys in a program's output.
    pub(crate) fn learn_keys(&self, output: &Value) {
        for (_, text) in all_texts(output).into_iter().filter(|(_, text)| is_key(text)) {
            self.keep_secret(text);
        }
    }

    /// Records the keys in a secret. The publishable key is public.
    pub(crate) fn learn_from_secret(&self, value: &Value) {
        for (name, text) in all_texts(value) {
            if !["publishableKey", "rotatedAt"].contains(&name) && text.len() > 10 {
                self.keep_secret(text);
            }
        }
    }

    /// Records the card number in a form.
    pub(crate) fn learn_card(&self, form: &str) {
        let number = form.split('&').find_map(|pair| pair.strip_prefix("number="));
        if let Some(number) = number.filter(|number| number.len() > 12) {
            self.keep_from_logs(number);
        }
    }
}

/// Finds many texts in a long one, by their last bytes, which differ the most.
pub(crate) struct Finder {
    /// Whether a text ends with these three bytes.
    ends: Vec<bool>,
    /// Texts by their last eight bytes.
    texts: BTreeMap<[u8; 8], Vec<String>>,
}

/// Returns the index of three bytes in `ends`.
fn place(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |place, byte| place << 8 | usize::from(*byte))
}

impl Finder {
    /// Takes texts of at least eight bytes.
    pub(crate) fn new(texts: &BTreeSet<String>) -> Self {
        let mut finder = Self { ends: vec![false; 1 << 24], texts: BTreeMap::new() };
        for text in texts {
            let last = text.as_bytes().last_chunk::<8>().expect("at least eight bytes");
            finder.ends[place(&last[5..])] = true;
            finder.texts.entry(*last).or_default().push(text.clone());
        }
        finder
    }

    /// Returns the first text that the log contains.
    pub(crate) fn find(&self, log: &[u8]) -> Option<&str> {
        (8..=log.len()).find_map(|end| {
            if !self.ends[place(&log[end - 3..end])] {
                return None;
            }
            let last = log[..end].last_chunk::<8>()?;
            let texts = self.texts.get(last)?;
            texts.iter().map(String::as_str).find(|text| log[..end].ends_with(text.as_bytes()))
        })
    }
}
