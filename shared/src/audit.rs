//! The audit line: who asked for which change, and what came of it. `docs/audit.md` describes the
//! fields, and how to find them.

use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

use crate::auth::Caller;
use crate::respond::{ApiError, Reply};

/// What a request has left behind so far.
#[derive(Debug, Default)]
pub struct Trail {
    left: Mutex<Left>,
}

#[derive(Clone, Debug, Default)]
struct Left {
    objects: Vec<String>,
    idempotency_key: Option<String>,
}

impl Trail {
    /// An object of Stripe's is about to be changed, or was made.
    pub(crate) fn touch(&self, id: &str) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if !left.objects.iter().any(|known| known == id) {
            left.objects.push(id.to_owned());
        }
    }

    /// The hash of the caller's idempotency key, by which its record is found.
    pub(crate) fn idempotency_key(&self, hash: &str) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.idempotency_key = Some(hash.to_owned());
    }

    fn left(&self) -> Left {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The id of what a request to Stripe changes, where its path names one: `/invoices/in_1/void`.
pub(crate) fn named(path: &str) -> Option<&str> {
    path.split('/').nth(2).filter(|id| id.contains('_'))
}

/// The id of the object in an answer of Stripe's.
pub(crate) fn id_in(answer: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Object {
        id: Option<String>,
    }
    serde_json::from_slice::<Object>(answer).ok()?.id
}

/// What came of a request: what a reader of the log tells lines apart by.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) status: u16,
    /// `done`, `refused` or `failed`.
    pub(crate) word: &'static str,
    /// The error's code, or `-`.
    pub(crate) code: String,
    /// The answer is one that was given before.
    pub(crate) replayed: bool,
}

impl Outcome {
    pub(crate) fn of(outcome: &Result<Reply, ApiError>) -> Self {
        let (status, code, replayed) = match outcome {
            Ok(reply) => (reply.status(), reply.error_code(), reply.is_replayed()),
            Err(error) => {
                let (status, code) = error.kind();
                (status.as_u16(), Some(code.to_owned()), false)
            }
        };
        let word = match status {
            ..400 => "done",
            400..500 => "refused",
            500.. => "failed",
        };
        Self { status, word, code: code.unwrap_or_else(|| "-".to_owned()), replayed }
    }
}

/// Writes the line. It is written at every log level.
pub(crate) fn write(
    request_id: &str,
    path: &str,
    caller: Option<&Caller>,
    outcome: &Outcome,
    trail: &Trail,
) {
    let Outcome { status, word, code, replayed } = outcome;
    let Left { objects, idempotency_key } = trail.left();
    let route = path.strip_prefix("/v1/billing/").unwrap_or(path);
    let account = caller.map_or("-", |caller| &caller.account.id);
    let acting_account = caller.map_or("-", |caller| &caller.own_account);
    let key_id = caller.map_or("-", |caller| &caller.key_id);
    let scope = caller.map_or("-", |caller| caller.scope.as_str());
    let idempotency_key = idempotency_key.as_deref().unwrap_or("-");
    let stripe_objects = objects.join(" ");
    tracing::info!(
        target: "audit",
        event = "audit",
        request_id,
        route,
        account,
        acting_account,
        key_id,
        scope,
        outcome = word,
        status,
        code,
        replayed,
        idempotency_key,
        stripe_objects,
        "{route}: {word}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_path_changes_is_the_object_that_it_names() {
        let cases = [
            ("/subscriptions/sub_1", Some("sub_1")),
            ("/invoices/in_1/void", Some("in_1")),
            ("/checkout/sessions", None),
            ("/checkout/sessions/cs_test_1/expire", None),
            ("/billing_portal/sessions", None),
            ("/customers", None),
        ];
        for (path, id) in cases {
            assert_eq!(named(path), id, "{path}");
        }
    }

    #[test]
    fn an_object_is_named_once_and_an_answer_names_its_own() {
        let trail = Trail::default();
        for id in ["sub_1", "in_1", "sub_1"] {
            trail.touch(id);
        }
        assert_eq!(trail.left().objects, ["sub_1", "in_1"]);
        assert_eq!(id_in(br#"{"id":"cus_1","object":"customer"}"#).as_deref(), Some("cus_1"));
        assert_eq!(id_in(b"[]"), None);
    }

    #[test]
    fn a_refusal_that_is_given_again_is_a_refusal_with_its_code() {
        let of = |outcome| {
            let Outcome { status, word, code, replayed } = Outcome::of(&outcome);
            (status, word, code, replayed)
        };
        let text = str::to_owned;
        let cases = [
            (Reply::ok(&()), (200, "done", text("-"), false)),
            (Ok(Reply::replayed(201, text("{}"))), (201, "done", text("-"), true)),
            (Err(ApiError::NoSubscription), (409, "refused", text("no_subscription"), false)),
            (
                Ok(Reply::replayed(402, text(r#"{"error":"payment_failed"}"#))),
                (402, "refused", text("payment_failed"), true),
            ),
            (Err(ApiError::Timeout), (504, "failed", text("timeout"), false)),
        ];
        for (outcome, expected) in cases {
            assert_eq!(of(outcome), expected);
        }
    }
}
