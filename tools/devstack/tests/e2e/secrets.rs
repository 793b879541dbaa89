//! What was in play in a run and belongs in no log. The harness collects it by itself: every key that
//! was made, every secret that was stored, every page that was answered with, every card.

use std::collections::{BTreeMap, BTreeSet};

use devstack::http::Answer;
use serde_json::Value;

use crate::harness::Harness;

/// Fields of answers that only their owner may know, whatever is in them.
const PRIVATE: [&str; 3] = ["clientSecret", "nextCursor", "quote"];

/// Every text in a value, with the name of the field that it is in.
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

/// Whether a text has the form of a key of ours or of Stripe's that is a secret.
fn is_key(text: &str) -> bool {
    let prefixes = ["sk_test_", "sk_live_", "rk_test_", "rk_live_"];
    prefixes.iter().any(|prefix| text.starts_with(prefix)) && !text.contains(' ')
}

impl Harness {
    /// The pages and tokens in an answer, which are its reader's own business.
    pub(crate) fn learn_from_answer(&self, answer: &Answer) {
        let body = answer.json();
        for (name, text) in all_texts(&body) {
            let is_page = text.starts_with("http://") || text.starts_with("https://");
            if is_page || PRIVATE.contains(&name) {
                self.keep_from_logs(text);
            }
        }
    }

    /// The keys in what a program of ours has printed.
    pub(crate) fn learn_keys(&self, output: &Value) {
        for (_, text) in all_texts(output).into_iter().filter(|(_, text)| is_key(text)) {
            self.keep_secret(text);
        }
    }

    /// Learns the keys in a secret. The publishable key is public.
    pub(crate) fn learn_from_secret(&self, value: &Value) {
        for (name, text) in all_texts(value) {
            if !["publishableKey", "rotatedAt"].contains(&name) && text.len() > 10 {
                self.keep_secret(text);
            }
        }
    }

    /// The card in a form that a page is sent.
    pub(crate) fn learn_card(&self, form: &str) {
        let number = form.split('&').find_map(|pair| pair.strip_prefix("number="));
        if let Some(number) = number.filter(|number| number.len() > 12) {
            self.keep_from_logs(number);
        }
    }
}

/// Finds many texts in a long one at once: by their last bytes, which differ the most.
pub(crate) struct Finder {
    /// Whether any text ends with these three bytes.
    ends: Vec<bool>,
    /// The texts by their last eight bytes.
    texts: BTreeMap<[u8; 8], Vec<String>>,
}

/// Where three bytes stand in `ends`.
fn place(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |place, byte| place << 8 | usize::from(*byte))
}

impl Finder {
    /// None of the texts may be shorter than eight bytes.
    pub(crate) fn new(texts: &BTreeSet<String>) -> Self {
        let mut finder = Self { ends: vec![false; 1 << 24], texts: BTreeMap::new() };
        for text in texts {
            let last = text.as_bytes().last_chunk::<8>().expect("short ones are found anywhere");
            finder.ends[place(&last[5..])] = true;
            finder.texts.entry(*last).or_default().push(text.clone());
        }
        finder
    }

    /// The first of the texts that is in this one.
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
