//! Log lines of a request, as the functions write them.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Map, Value};

/// A log line.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    function: String,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

impl Line {
    /// Parses a line of the function's log; `None` if it is not of this request.
    pub(super) fn parse(function: &str, text: &str, request: &str) -> Option<Self> {
        let fields: Map<String, Value> = serde_json::from_str(text).ok()?;
        let is_of_request = fields.get("request_id").and_then(Value::as_str) == Some(request);
        is_of_request.then(|| Self { function: function.to_owned(), fields })
    }

    pub(super) fn time(&self) -> &str {
        self.text("timestamp").unwrap_or_default()
    }

    fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field)?.as_str().filter(|text| !text.is_empty() && *text != "-")
    }

    /// Returns the field as text; `None` for the values that mean that there is none.
    fn value(&self, field: &str) -> Option<String> {
        match self.fields.get(field)? {
            Value::String(_) => self.text(field).map(str::to_owned),
            Value::Null => None,
            other => Some(other.to_string()),
        }
    }

    fn is_audit(&self) -> bool {
        self.text("event") == Some("audit")
    }

    /// Returns the rows of the line: names and values.
    fn rows(&self) -> Vec<(&'static str, String)> {
        let fields: &[(&str, &str)] = if self.is_audit() {
            &[
                ("audit", "outcome"),
                ("acting account", "acting_account"),
                ("idempotency", "idempotency_key"),
                ("changed", "stripe_objects"),
            ]
        } else {
            &[
                ("message", "message"),
                ("account", "account"),
                ("key", "key_id"),
                ("cache", "cache"),
                ("error", "code"),
                ("cause", "cause"),
                ("stripe error", "stripe_type"),
                ("stripe code", "stripe_code"),
                ("stripe param", "stripe_param"),
                ("failed call", "stripe_request_id"),
                ("calls", "stripe_calls"),
            ]
        };
        let mut rows = Vec::new();
        if let (Some(method), Some(path)) = (self.text("method"), self.text("path")) {
            let status = self.value("status").unwrap_or_default();
            let duration = self.value("duration_ms").unwrap_or_default();
            rows.push(("time", format!("{} in {}", self.time(), self.function)));
            rows.push(("request", format!("{method} {path}")));
            rows.push(("response", format!("{status} after {duration} ms")));
        }
        let own_account = self.text("account");
        let row = |(name, field): &(&'static str, &str)| {
            let value = self.value(field)?;
            let is_repeated = *field == "acting_account" && own_account == Some(&value);
            (!is_repeated).then_some((*name, value))
        };
        rows.extend(fields.iter().filter_map(row));
        let calls = self.text("stripe_request_ids").unwrap_or_default();
        rows.extend(calls.split(',').filter(|id| !id.is_empty()).map(|id| ("", id.to_owned())));
        rows
    }
}

/// Formats the lines of a request, each as a block of named values.
pub(super) fn text(request: &str, lines: &[Line]) -> String {
    const WIDTH: usize = 14;
    let mut text = format!("{:WIDTH$}  {request}\n", "request ID");
    for line in lines {
        for (name, value) in line.rows() {
            let _ = writeln!(text, "{name:WIDTH$}  {value}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_is_shown_with_its_calls_and_what_it_changed() {
        let request = r#"{"timestamp":"2026-11-22T20:38:41Z","level":"INFO","message":"answered","request_id":"r1",
            "method":"POST","path":"/v1/billing/plan-change","status":200,"account":"acc_1","key_id":"key_1",
            "duration_ms":812,"stripe_calls":2,"stripe_request_ids":"req_1,req_2","replayed":false,"cache":"-"}"#;
        let audit = r#"{"timestamp":"2026-11-22T20:38:41Z","event":"audit","request_id":"r1","method":"POST",
            "route":"plan-change","account":"acc_1","acting_account":"acc_1","outcome":"done","idempotency_key":"-","stripe_objects":"sub_1 in_1"}"#;
        let lines: Vec<Line> = [request, audit]
            .map(|line| Line::parse("plan-change", line, "r1").expect("its line"))
            .into();
        assert_eq!(
            text("r1", &lines),
            "request ID      r1\n\
             time            2026-11-22T20:38:41Z in plan-change\n\
             request         POST /v1/billing/plan-change\n\
             response        200 after 812 ms\n\
             message         answered\n\
             account         acc_1\n\
             key             key_1\n\
             calls           2\n\
             \x20               req_1\n\
             \x20               req_2\n\
             audit           done\n\
             changed         sub_1 in_1\n"
        );
    }

    #[test]
    fn line_of_another_request_is_left_out() {
        for line in ["", "not JSON", "[]", r#"{"request_id":"r2"}"#, r#"{"message":"r1"}"#] {
            assert!(Line::parse("summary", line, "r1").is_none(), "{line}");
        }
    }
}
