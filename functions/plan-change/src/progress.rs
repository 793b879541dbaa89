//! The journal of an operation, written before each step that must not be lost.

use serde::{Deserialize, Serialize};
use shared::ApiError;
use shared::api::idempotency::Operation;
use shared::stripe::views::Subscription;

use crate::update::{Planned, is_marked};

/// The journal. The next attempt of the same request reads it after a crash; without an idempotency key
/// there is no next attempt.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Progress {
    /// The update that may have been sent.
    planned: Option<Planned>,
    /// The invoice that is being dropped: of another change before the update is planned, of the
    /// operation's own afterwards.
    dropping: Option<String>,
}

impl Progress {
    /// Returns the journal of a previous attempt.
    pub fn of(operation: &Operation) -> Self {
        operation.note().and_then(|note| serde_json::from_str(note).ok()).unwrap_or_default()
    }

    /// Records that `invoice` is about to be dropped: once it is void, nothing at Stripe shows that its
    /// accrued usage and pending items still have to be restored.
    pub async fn dropping(
        operation: &Operation,
        planned: Option<&Planned>,
        invoice: &str,
    ) -> Result<(), ApiError> {
        let dropping = Some(invoice.to_owned());
        Self { planned: planned.cloned(), dropping }.note(operation).await
    }

    /// Records that the update is about to be sent.
    pub async fn sending(operation: &Operation, planned: &Planned) -> Result<(), ApiError> {
        Self { planned: Some(planned.clone()), dropping: None }.note(operation).await
    }

    async fn note(&self, operation: &Operation) -> Result<(), ApiError> {
        let note = serde_json::to_string(self).map_err(|error| ApiError::Internal(error.into()))?;
        operation.write_note(&note).await
    }

    /// Returns the invoice of another change that a previous attempt was dropping.
    pub fn half_dropped(&self) -> Option<&str> {
        self.dropping.as_deref().filter(|_| self.planned.is_none())
    }

    /// The invoice of the operation's own change, which was declined and was being dropped.
    pub fn half_undone(&self) -> Option<&str> {
        self.dropping.as_deref().filter(|_| self.planned.is_some())
    }

    /// The update that Stripe has certainly answered: its mark is there, or its invoice was being
    /// dropped.
    pub fn made(&self, operation: &Operation, subscriptions: &[Subscription]) -> Option<&Planned> {
        let marked = || subscriptions.iter().any(|one| is_marked(operation, one));
        self.planned.as_ref().filter(|_| self.dropping.is_some() || marked())
    }

    /// Returns the plan of a previous attempt if it is the same request, else `planned`.
    pub fn first_planned(&self, planned: Planned) -> Planned {
        let first = self.planned.as_ref().filter(|first| first.is_the_same_as(&planned));
        first.cloned().unwrap_or(planned)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::values::Attribution;

    use super::*;
    use crate::fixtures::subscription;

    fn planned(body: &str, previous_invoice: &str) -> Planned {
        serde_json::from_value(json!({
            "path": "/subscriptions/sub_1", "body": body, "key": "k", "previous_plan": "pro",
            "previous_invoice": previous_invoice,
        }))
        .expect("own form")
    }

    #[test]
    fn what_is_noted_says_what_is_left_to_do() {
        let operation = Operation::new(Attribution::default()).expect("random numbers");
        let unmarked = [subscription(&json!({}))];
        let marked = [subscription(&json!({ "metadata": crate::fixtures::mark(&operation) }))];
        let (first, invoice) = (planned("a", "in_1"), "in_2".to_owned());
        // planned, dropping → made (no mark, mark), half dropped, half undone
        let cases = [
            (None, None, (false, false), None, None),
            (None, Some(&invoice), (false, false), Some("in_2"), None),
            (Some(&first), None, (false, true), None, None),
            (Some(&first), Some(&invoice), (true, true), None, Some("in_2")),
        ];
        for (planned, dropping, made, half_dropped, half_undone) in cases {
            let progress = Progress { planned: planned.cloned(), dropping: dropping.cloned() };
            let text = serde_json::to_string(&progress).expect("text");
            let progress: Progress = serde_json::from_str(&text).expect("own form");
            let is_made = |subscriptions| progress.made(&operation, subscriptions).is_some();
            assert_eq!((is_made(&unmarked), is_made(&marked)), made, "{text}");
            assert_eq!(progress.half_dropped(), half_dropped, "{text}");
            assert_eq!(progress.half_undone(), half_undone, "{text}");
        }
    }

    #[test]
    fn the_same_request_is_taken_as_it_was_planned_first() {
        let first = planned("a", "in_1");
        let progress = Progress { planned: Some(first.clone()), dropping: None };
        assert_eq!(progress.first_planned(planned("a", "in_2")), first);
        assert_eq!(progress.first_planned(planned("b", "in_2")), planned("b", "in_2"));
        assert_eq!(Progress::default().first_planned(planned("a", "in_2")), planned("a", "in_2"));
    }
}
