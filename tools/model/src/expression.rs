//! Interpreter of the DynamoDB expressions that the functions use: conditions with comparisons and `attribute_exists`,
//! and updates with `SET`. Panics on any other expression.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Item in DynamoDB's JSON: `{"name": {"S": "text"}}`.
pub(crate) type Item = Map<String, Value>;

/// Placeholders of a request's expressions.
pub(crate) struct Terms<'a> {
    pub(crate) names: &'a Value,
    pub(crate) values: &'a Value,
}

impl Terms<'_> {
    fn name<'a>(&'a self, token: &'a str) -> &'a str {
        if token.starts_with('#') {
            return self.names[token].as_str().unwrap_or_else(|| panic!("{token} has no name"));
        }
        token
    }

    fn value(&self, token: &str) -> &Value {
        let value = &self.values[token];
        assert!(value.is_object(), "{token} has no value");
        value
    }

    /// Evaluates a condition. A missing item is empty.
    pub(crate) fn evaluate(&self, condition: &str, item: &Item) -> bool {
        let tokens = tokens(condition);
        let mut rest = tokens.as_slice();
        let held = self.any(&mut rest, item);
        assert!(rest.is_empty(), "not supported: {rest:?} in {condition}");
        held
    }

    fn any(&self, rest: &mut &[String], item: &Item) -> bool {
        let mut held = self.all(rest, item);
        while taken(rest, "OR") {
            held |= self.all(rest, item);
        }
        held
    }

    fn all(&self, rest: &mut &[String], item: &Item) -> bool {
        let mut held = self.one(rest, item);
        while taken(rest, "AND") {
            held &= self.one(rest, item);
        }
        held
    }

    fn one(&self, rest: &mut &[String], item: &Item) -> bool {
        let first = next(rest);
        match first.as_str() {
            "(" => {
                let held = self.any(rest, item);
                expect(rest, ")");
                held
            }
            "attribute_exists" | "attribute_not_exists" => {
                expect(rest, "(");
                let there = item.contains_key(self.name(&next(rest)));
                expect(rest, ")");
                there == (first == "attribute_exists")
            }
            name => {
                let (operator, other) = (next(rest), next(rest));
                let Some(own) = item.get(self.name(name)) else { return false };
                compare(own, &operator, self.value(&other))
            }
        }
    }

    /// Applies `SET …`. Evaluates every right side with the item's old values.
    pub(crate) fn set(&self, update: &str, item: &mut Item) {
        let tokens = tokens(update);
        let mut rest = tokens.as_slice();
        expect(&mut rest, "SET");
        let mut changes = BTreeMap::new();
        loop {
            let name = self.name(&next(&mut rest)).to_owned();
            expect(&mut rest, "=");
            let token = next(&mut rest);
            let value = if token == "if_not_exists" {
                expect(&mut rest, "(");
                let known = item.get(self.name(&next(&mut rest)));
                expect(&mut rest, ",");
                let other = next(&mut rest);
                expect(&mut rest, ")");
                known.unwrap_or(self.value(&other))
            } else {
                self.value(&token)
            };
            changes.insert(name, value.clone());
            if !taken(&mut rest, ",") {
                break;
            }
        }
        assert!(rest.is_empty(), "not supported: {rest:?} in {update}");
        item.extend(changes);
    }
}

/// Compares two values. Values of different types are neither equal nor ordered.
fn compare(own: &Value, operator: &str, other: &Value) -> bool {
    let number = |value: &Value| value["N"].as_str().map(|n| n.parse::<i64>().expect("whole"));
    let order = match (number(own), number(other)) {
        (Some(own), Some(other)) => Some(own.cmp(&other)),
        _ => own["S"].as_str().zip(other["S"].as_str()).map(|(own, other)| own.cmp(other)),
    };
    let Some(order) = order else { return false };
    match operator {
        "=" => order.is_eq(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        _ => panic!("not supported: {operator}"),
    }
}

fn tokens(text: &str) -> Vec<String> {
    let spaced = text.replace('(', " ( ").replace(')', " ) ").replace(',', " , ");
    spaced.split_whitespace().map(str::to_owned).collect()
}

fn next(rest: &mut &[String]) -> String {
    let (first, others) = rest.split_first().expect("more of the expression");
    *rest = others;
    first.clone()
}

fn taken(rest: &mut &[String], token: &str) -> bool {
    let is_next = rest.first().is_some_and(|first| first == token);
    if is_next {
        *rest = &rest[1..];
    }
    is_next
}

fn expect(rest: &mut &[String], token: &str) {
    assert!(taken(rest, token), "{token} is missing before {rest:?}");
}
