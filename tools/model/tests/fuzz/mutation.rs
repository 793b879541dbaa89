//! Random mutations of JSON.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Change of one value in a document.
#[derive(Clone, Debug)]
pub struct Mutation {
    /// Index of the value in the document.
    pub at: prop::sample::Index,
    pub kind: Kind,
}

#[derive(Clone, Debug)]
pub enum Kind {
    Remove,
    Set(Value),
    /// Wraps the value into this many lists.
    Nest(u16),
    /// Repeats a list's elements or a string.
    Repeat(u8),
    /// Negates a number.
    Negate,
    /// Negates a boolean.
    Flip,
}

pub fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    let one = (any::<prop::sample::Index>(), kind()).prop_map(|(at, kind)| Mutation { at, kind });
    prop::collection::vec(one, 1..4)
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        4 => Just(Kind::Remove),
        6 => prop::sample::select(values()).prop_map(Kind::Set),
        1 => "\\PC{0,12}".prop_map(|text| Kind::Set(json!(text))),
        1 => any::<i64>().prop_map(|number| Kind::Set(json!(number))),
        1 => (1..300_u16).prop_map(Kind::Nest),
        1 => any::<u8>().prop_map(Kind::Repeat),
        1 => Just(Kind::Negate),
        2 => Just(Kind::Flip),
    ]
}

fn values() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e300),
        json!(0.5),
        json!(""),
        json!("x".repeat(100_000)),
        json!("99999999999999999999999999999999.5"),
        json!("-0.000000000001"),
        json!("../../etc"),
        json!("https://elsewhere.example/\u{0}"),
        json!("javascript:alert(1)"),
        json!("\u{202e}\u{0}\n"),
        json!([]),
        json!({}),
        json!([[], {}, null]),
        json!({ "id": "x", "object": "list", "data": null }),
    ]
}

/// Applies the mutations to the document.
pub fn mutated(mut document: Value, mutations: &[Mutation]) -> Value {
    for mutation in mutations {
        let count = places(&document);
        let mut place = mutation.at.index(count);
        change(&mut document, &mut place, &mutation.kind);
    }
    document
}

fn places(value: &Value) -> usize {
    let children = match value {
        Value::Array(list) => list.iter().map(places).sum(),
        Value::Object(fields) => fields.values().map(places).sum(),
        _ => 0,
    };
    1 + children
}

/// Applies a mutation if the place is in this value, and returns whether it was. The parent applies `Remove`.
fn change(value: &mut Value, place: &mut usize, kind: &Kind) -> bool {
    if *place == 0 {
        replace(value, kind);
        return true;
    }
    *place -= 1;
    match value {
        Value::Array(list) => {
            for index in 0..list.len() {
                if *place == 0 && matches!(kind, Kind::Remove) {
                    list.remove(index);
                    return true;
                }
                if change(&mut list[index], place, kind) {
                    return true;
                }
            }
        }
        Value::Object(fields) => return change_field(fields, place, kind),
        _ => {}
    }
    false
}

fn change_field(fields: &mut Map<String, Value>, place: &mut usize, kind: &Kind) -> bool {
    let names: Vec<String> = fields.keys().cloned().collect();
    for name in names {
        if *place == 0 && matches!(kind, Kind::Remove) {
            fields.remove(&name);
            return true;
        }
        if fields.get_mut(&name).is_some_and(|value| change(value, place, kind)) {
            return true;
        }
    }
    false
}

fn replace(value: &mut Value, kind: &Kind) {
    match (kind, &mut *value) {
        (Kind::Remove, _) => *value = json!(null),
        (Kind::Set(other), _) => *value = other.clone(),
        (Kind::Nest(depth), _) => {
            for _ in 0..*depth {
                *value = json!([value.take()]);
            }
        }
        (Kind::Repeat(times), Value::Array(list)) => {
            *list = list.iter().cycle().take(list.len() * usize::from(*times)).cloned().collect();
        }
        (Kind::Repeat(times), Value::String(text)) => *text = text.repeat(usize::from(*times)),
        (Kind::Negate, Value::Number(number)) => {
            *value = number.as_i64().map_or(json!(-1), |number| json!(number.wrapping_neg()));
        }
        (Kind::Flip, Value::Bool(flag)) => *flag = !*flag,
        (Kind::Repeat(_) | Kind::Negate | Kind::Flip, _) => *value = json!([value.take()]),
    }
}
