//! Events: records of changes, listed for 30 days.

use serde::{Deserialize, Serialize};

use super::Entity;
use crate::values::period::{DAY, Timestamp};

/// Time for which events can be read. Seconds.
pub const RETENTION: i64 = 30 * DAY;

/// API request that caused a change; both are None for automatic changes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Cause {
    pub request: Option<String>,
    pub idempotency_key: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    pub id: String,
    /// `invoice.paid`
    pub name: String,
    pub created: Timestamp,
    /// Later than `created` for an event that an event fault delays.
    pub listed_at: Timestamp,
    pub cause: Cause,
    /// JSON text of `data`. It takes less memory than a tree.
    pub data: String,
}

/// Returns whether a name fits a pattern, in which `*` stands for any text.
pub fn fits(name: &str, pattern: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return name == pattern };
    name.strip_prefix(head).is_some_and(|tail| {
        tail.char_indices().any(|(at, _)| fits(&tail[at..], rest)) || fits("", rest)
    })
}

impl Entity for Event {
    const KIND: &'static str = "event";

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<String> {
        vec!["all".into()]
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn asterisk_stands_for_any_text() {
        for (name, pattern, expected) in [
            ("invoice.paid", "invoice.paid", true),
            ("invoice.paid", "invoice.pai", false),
            ("invoice.paid", "invoice.*", true),
            ("invoiceitem.created", "invoice.*", false),
            ("customer.subscription.deleted", "customer.*.deleted", true),
            ("customer.deleted", "customer.*.deleted", false),
            ("invoice.paid", "*", true),
            ("invoice.paid", "*.paid", true),
            ("invoice.payment_failed", "*.paid", false),
            ("invoice.paid", "invoice.paid*", true),
        ] {
            assert_eq!(fits(name, pattern), expected, "{name} {pattern}");
        }
    }
}
