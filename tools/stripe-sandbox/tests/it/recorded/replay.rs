//! Replays a recorded case: requests, and the values that Stripe's responses had.
//!
//! A case is text, one statement a line:
//!
//! ```text
//! customer NAME [CARD]            creates a customer, with a default card if one is named
//! price NAME AMOUNT INTERVAL      creates a recurring price in USD of one common product
//! wait SECONDS                    advances the clock
//! [NAME =] METHOD PATH [KEY=VALUE …] [-> STATUS]
//!   FIELD = VALUE                 the response has this JSON value
//!   FIELD != VALUE
//!   FIELD starts TEXT             the response has a text with this beginning
//!   FIELD set | null | absent     null: absent or null
//! ```
//!
//! `{name.field}` stands for a value of an earlier response, `{name.field+60}` for a number after
//! it. A field path has `*` for every element of a list. A value with spaces is in single quotes.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::support::Api;

/// Replays the case on a new sandbox and panics with every difference.
#[track_caller]
pub fn replay(case: &str) {
    let mut replay = Replay { api: Api::new(), named: HashMap::new(), last: Value::Null };
    let mut differences = Vec::new();
    for line in case.lines().filter(|line| !line.trim().is_empty()) {
        if let Some(expectation) = line.trim_start_matches("    ").strip_prefix("  ") {
            if let Err(difference) = replay.check(expectation) {
                differences.push(format!("{}: {difference}", replay.named["last"]));
            }
        } else if let Err(difference) = replay.run(line.trim()) {
            differences.push(difference);
        }
    }
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
}

struct Replay {
    api: Api,
    /// Responses by name. `last` is the text of the last request.
    named: HashMap<String, Value>,
    last: Value,
}

impl Replay {
    fn run(&mut self, statement: &str) -> Result<(), String> {
        let words = split(statement);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words[..] {
            ["wait", seconds] => self.api.pass(seconds.parse().unwrap()),
            ["customer", name, ref card @ ..] => self.customer(name, card.first().copied()),
            ["price", name, amount, interval] => self.price(name, amount, interval),
            [name, "=", ref request @ ..] => {
                self.request(request)?;
                self.named.insert(name.to_owned(), self.last.clone());
            }
            ref request => self.request(request)?,
        }
        Ok(())
    }

    fn customer(&mut self, name: &str, card: Option<&str>) {
        let customer = self.api.post("/v1/customers", &[("email", "case@example.com")]);
        if let Some(card) = card {
            let path = format!("/v1/payment_methods/{card}/attach");
            let id = customer["id"].as_str().unwrap();
            let method = self.api.post(&path, &[("customer", id)]);
            let default =
                ("invoice_settings[default_payment_method]", method["id"].as_str().unwrap());
            self.api.post(&format!("/v1/customers/{id}"), &[default]);
        }
        self.named.insert(name.to_owned(), customer);
    }

    fn price(&mut self, name: &str, amount: &str, interval: &str) {
        if !self.named.contains_key("product") {
            let product = self.api.post("/v1/products", &[("name", "Case plan")]);
            self.named.insert("product".to_owned(), product);
        }
        let product = self.named["product"]["id"].as_str().unwrap();
        let form = [
            ("product", product),
            ("unit_amount", amount),
            ("currency", "usd"),
            ("recurring[interval]", interval),
        ];
        let price = self.api.post("/v1/prices", &form);
        self.named.insert(name.to_owned(), price);
    }

    fn request(&mut self, words: &[&str]) -> Result<(), String> {
        let (words, status) = match words {
            [words @ .., "->", status] => (words, status.parse().unwrap()),
            words => (words, 200),
        };
        let [method, path, form @ ..] = words else { panic!("not a request: {words:?}") };
        let path = self.fill(path);
        let form: Vec<(String, String)> = form
            .iter()
            .map(|pair| pair.split_once('=').expect("key=value"))
            .map(|(key, value)| (key.to_owned(), self.fill(value)))
            .collect();
        let form: Vec<(&str, &str)> = form.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let reply = self.api.send(method, &path, &form, &[]);
        self.last = reply.json;
        self.named.insert("last".to_owned(), json!(format!("{method} {path}")));
        if reply.status == status {
            return Ok(());
        }
        Err(format!("{method} {path}: {} instead of {status}: {}", reply.status, reply.text))
    }

    fn check(&self, expectation: &str) -> Result<(), String> {
        let (field, rest) = expectation.trim().split_once(' ').expect("a field and a condition");
        let found = look(&self.last, field);
        let (condition, value) = rest.split_once(' ').unwrap_or((rest, ""));
        let holds = match condition {
            "set" => found.as_ref().is_some_and(|found| !found.is_null()),
            "null" => found.as_ref().is_none_or(Value::is_null),
            "absent" => found.is_none(),
            "starts" => {
                found.as_ref().and_then(Value::as_str).is_some_and(|text| text.starts_with(value))
            }
            "=" => found.as_ref() == Some(&self.value(value)),
            "!=" => found.as_ref() != Some(&self.value(value)),
            other => panic!("unknown condition {other}"),
        };
        if holds { Ok(()) } else { Err(format!("{expectation}, found {found:?}")) }
    }

    /// Returns the value of a reference, or else of JSON.
    fn value(&self, text: &str) -> Value {
        match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            Some(reference) => self.reference(reference),
            None => serde_json::from_str(text).unwrap_or_else(|_| panic!("not JSON: {text}")),
        }
    }

    fn reference(&self, reference: &str) -> Value {
        let sign = reference.find(['+', '-']).unwrap_or(reference.len());
        let (path, offset) = reference.split_at(sign);
        let (name, field) = path.split_once('.').expect("a field of an earlier response");
        let value = look(&self.named[name], field).unwrap_or_else(|| panic!("no {reference}"));
        match offset {
            "" => value,
            offset => json!(value.as_i64().unwrap() + offset.parse::<i64>().unwrap()),
        }
    }

    /// Replaces the references in a text.
    fn fill(&self, text: &str) -> String {
        let Some((before, rest)) = text.split_once('{') else { return text.to_owned() };
        let (reference, after) = rest.split_once('}').expect("a closing brace");
        let value = match self.reference(reference) {
            Value::String(text) => text,
            other => other.to_string(),
        };
        format!("{before}{value}{}", self.fill(after))
    }
}

/// Splits at spaces outside of single quotes.
fn split(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for (index, part) in line.split('\'').enumerate() {
        if index % 2 == 1 {
            words.last_mut().unwrap().push_str(part);
            continue;
        }
        for (nth, word) in part.split(' ').enumerate() {
            if nth > 0 {
                words.push(String::new());
            }
            words.last_mut().unwrap().push_str(word);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn look(value: &Value, path: &str) -> Option<Value> {
    let (first, rest) = match path.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    let next = |value: &Value| match rest {
        Some(rest) => look(value, rest),
        None => Some(value.clone()),
    };
    match (first, value) {
        ("*", Value::Array(all)) => Some(all.iter().map(|one| json!(next(one))).collect()),
        (index, Value::Array(all)) => next(all.get(index.parse::<usize>().ok()?)?),
        (key, value) => next(value.get(key)?),
    }
}
