//! The curl line of an operation.

use serde_yaml_ng::Value;

use super::sheet::{Call, Sheet, json, text};

/// It takes `$API` and `$KEY` from the shell.
pub(super) fn line(sheet: &Sheet, call: Call<'_>, body: Option<&Value>) -> String {
    let mut parts = vec![format!("curl -s \"$API{}\"", call.path)];
    parts.push("-H \"Authorization: Bearer $KEY\"".to_owned());
    let takes_key = |parameter: &Value| text(&parameter["name"]) == "Idempotency-Key";
    if sheet.parameters(call).any(takes_key) {
        parts.push("-H \"Idempotency-Key: $(uuidgen)\"".to_owned());
    }
    if let Some(body) = body {
        parts.push("-H 'content-type: application/json'".to_owned());
        parts.push(format!("-d '{}'", json(body)));
    }
    parts.join(" \\\n  ")
}
