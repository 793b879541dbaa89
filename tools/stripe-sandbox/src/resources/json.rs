//! Helpers for JSON objects.

use serde_json::Value;

/// Converts a decimal to a JSON number.
pub fn number(value: rust_decimal::Decimal) -> Value {
    serde_json::from_str(&value.normalize().to_string()).expect("a decimal's text is a JSON number")
}

/// Sets a field, or omits it if there is no value.
pub fn set(object: &mut Value, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object[key] = value.into();
    }
}

/// Adds the fields of the second object. `json!` cannot build very large objects at once.
pub fn merge(object: &mut Value, more: Value) {
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
}
