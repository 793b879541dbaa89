//! The lines as CSV (RFC 4180). No I/O.

use std::borrow::Cow;

use crate::lines::LineEntry;

/// The names of the columns, which are those of the fields in JSON.
const COLUMNS: [&str; 10] = [
    "description",
    "quantity",
    "unitAmount",
    "amount",
    "tax",
    "proration",
    "periodStart",
    "periodEnd",
    "plan",
    "meter",
];

/// Returns a header and a record for each line. A field without a value is empty.
pub fn of(lines: &[LineEntry]) -> String {
    let mut text = String::new();
    add(&mut text, COLUMNS.map(Cow::Borrowed));
    for line in lines {
        let optional = |value: &Option<String>| Cow::Owned(value.clone().unwrap_or_default());
        add(
            &mut text,
            [
                optional(&line.description),
                optional(&line.quantity),
                optional(&line.unit_amount),
                line.amount.to_string().into(),
                line.tax.to_string().into(),
                line.proration.to_string().into(),
                line.period_start.to_string().into(),
                line.period_end.to_string().into(),
                optional(&line.plan),
                optional(&line.meter),
            ],
        );
    }
    text
}

fn add(text: &mut String, fields: [Cow<'_, str>; COLUMNS.len()]) {
    let fields = fields.map(quoted);
    text.push_str(&fields.join(","));
    text.push_str("\r\n");
}

/// Quotes a field that contains a separator, a quote or the end of a line.
fn quoted(field: Cow<'_, str>) -> Cow<'_, str> {
    if field.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\"")).into()
    } else {
        field
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lines::tests::{entries, invoice};

    #[test]
    fn each_line_is_a_record_and_separators_are_quoted() {
        let expected = [
            "description,quantity,unitAmount,amount,tax,proration,periodStart,periodEnd,plan,meter",
            "Pro,1,35,35.00,0.00,false,2026-05-29,2026-06-28,pro,",
            "\"CPU, \"\"all\"\"\",100.5,0.012,1.21,0.24,false,2026-05-29,2026-06-28,pro,cpu",
            "Remaining time,1,,-1.00,0.00,true,2026-05-29,2026-06-28,pro,",
            ",,,0.50,0.00,false,2026-05-29,2026-06-28,,",
            "",
        ];
        assert_eq!(of(&entries(&invoice(&json!({})))), expected.join("\r\n"));
    }

    #[test]
    fn end_of_a_line_is_quoted() {
        for (field, expected) in
            [("a b", "a b"), ("a\nb", "\"a\nb\""), ("a\r", "\"a\r\""), ("\"", "\"\"\"\"")]
        {
            assert_eq!(quoted(field.into()), expected);
        }
    }
}
