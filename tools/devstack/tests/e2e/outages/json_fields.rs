//! Removal of fields from JSON.

use std::collections::BTreeSet;

use serde_json::Value;

/// Collects the paths of all fields: `data.items.data.price.id`.
pub(super) fn collect(value: &Value, place: &str, fields: &mut BTreeSet<String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| collect(value, place, fields)),
        Value::Object(inner) => {
            for (name, value) in inner {
                let place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
                collect(value, &place, fields);
                fields.insert(place);
            }
        }
        _ => {}
    }
}

/// Removes the field with this path.
pub(super) fn omit(value: &mut Value, field: &str) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| omit(value, field)),
        Value::Object(inner) => match field.split_once('.') {
            Some((name, rest)) => {
                inner.get_mut(name).into_iter().for_each(|value| omit(value, rest));
            }
            None => drop(inner.remove(field)),
        },
        _ => {}
    }
}

/// Removes all fields with this name.
pub(super) fn remove(value: &mut Value, field: &str) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| remove(value, field)),
        Value::Object(fields) => {
            fields.remove(field);
            fields.values_mut().for_each(|value| remove(value, field));
        }
        _ => {}
    }
}
