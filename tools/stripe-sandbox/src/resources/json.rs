//! Small helpers for building wire objects.

use serde_json::Value;

/// A decimal as a JSON number, for the few fields where Stripe has one.
pub fn number(value: rust_decimal::Decimal) -> Value {
    serde_json::from_str(&value.normalize().to_string()).expect("a decimal's text is a JSON number")
}

/// Adds a field that an object without a value has not at all, not even as null.
pub fn set(object: &mut Value, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object[key] = value.into();
    }
}

/// Adds the second object's fields to the first: `json!` has its limits with very large objects.
pub fn merge(object: &mut Value, more: Value) {
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
}
