//! Secrets Manager: the Stripe keys and the pepper.
//!
//! A function starts even if they cannot be read, and tries again at each request: a process that
//! dies at start would make a short outage of Secrets Manager a longer one of ours.

mod pepper;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::DisplayErrorContext;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::auth::Mode;
use crate::respond::{ApiError, Cause};
use watch::Watch;

pub use pepper::{Pepper, Peppers, Previous};

/// What the Stripe secret holds: `{"secretKey": "rk_live_…", "publishableKey": "pk_live_…"}`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StripeSecretText {
    secret_key: SecretString,
    publishable_key: Option<String>,
}

/// Stripe's keys, and the mode that they stand for.
#[derive(Debug)]
pub struct StripeKeys {
    /// `sk_…` or `rk_…`.
    pub secret_key: SecretString,
    /// `pk_…`, which is meant to be public.
    pub publishable_key: Option<String>,
    /// Live or test, by the key's own prefix.
    pub mode: Mode,
}

impl StripeKeys {
    /// `None` if `secret_key` is no secret or restricted key of Stripe's.
    #[must_use]
    pub fn new(secret_key: SecretString, publishable_key: Option<String>) -> Option<Self> {
        let key = secret_key.expose_secret();
        let is_key = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let mode = match key.get(..8) {
            Some("sk_live_" | "rk_live_") if is_key => Mode::Live,
            Some("sk_test_" | "rk_test_") if is_key => Mode::Test,
            _ => return None,
        };
        Some(Self { secret_key, publishable_key, mode })
    }

    /// Whether it is a restricted key, which may do no more than it was made for.
    #[must_use]
    pub fn is_restricted(&self) -> bool {
        self.secret_key.expose_secret().starts_with("rk_")
    }
}

/// A secret could not be had. Never says what was in it.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Secrets Manager did not answer, or refused.
    #[error("secret {id} could not be read: {reason}")]
    Unreadable { id: String, reason: String },
    /// The secret is not what it should be. `expected` describes what it should be.
    #[error("secret {id} does not hold {expected}")]
    Malformed { id: String, expected: &'static str },
}

impl From<SecretError> for ApiError {
    fn from(error: SecretError) -> Self {
        Self::Unavailable(Cause::from(error))
    }
}

/// Reads each secret once a process; Stripe's again when Stripe refuses the key, and the pepper's
/// when a key or a token is unknown, and now and then.
pub struct Secrets {
    /// None where Stripe's keys were given and there is nothing to read.
    client: Option<Client>,
    stripe_id: String,
    pepper_id: String,
    stripe: Mutex<Option<Arc<StripeKeys>>>,
    pepper: Watch,
}

impl Secrets {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(client: Client, stripe_id: String, pepper_id: String) -> Self {
        Self {
            client: Some(client),
            stripe_id,
            pepper_id,
            stripe: Mutex::new(None),
            pepper: Watch::new(),
        }
    }

    /// For a tool that has Stripe's keys from elsewhere: they are all there is, and `origin` says
    /// in errors where they are from.
    #[must_use]
    pub fn given(keys: StripeKeys, origin: &str) -> Self {
        let stripe = Mutex::new(Some(Arc::new(keys)));
        Self {
            client: None,
            stripe_id: origin.to_owned(),
            pepper_id: origin.to_owned(),
            stripe,
            pepper: Watch::new(),
        }
    }

    /// Stripe's keys, read at the first call.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn stripe(&self) -> Result<Arc<StripeKeys>, SecretError> {
        let mut known = self.stripe.lock().await;
        match &*known {
            Some(keys) => Ok(Arc::clone(keys)),
            None => self.read_stripe(&mut known).await,
        }
    }

    /// The keys after `refused` was refused by Stripe: those that another request has read
    /// meanwhile, or else those that Secrets Manager has now.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn stripe_after(
        &self,
        refused: &Arc<StripeKeys>,
    ) -> Result<Arc<StripeKeys>, SecretError> {
        let mut known = self.stripe.lock().await;
        match &*known {
            Some(keys) if !Arc::ptr_eq(keys, refused) => Ok(Arc::clone(keys)),
            _ => self.read_stripe(&mut known).await,
        }
    }

    /// The same, but the pepper is looked for again after `pause` and not only after 5 s.
    #[must_use]
    pub fn look_again_after(self, pause: Duration) -> Self {
        Self { pepper: self.pepper.look_again_after(pause), ..self }
    }

    /// The pepper, and the one before it during a rotation; read at the first call.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn peppers(&self) -> Result<Arc<Peppers>, SecretError> {
        self.pepper.get(|| self.read_peppers()).await
    }

    /// Other peppers than `known`, under which something was unknown: it may have been rotated since.
    /// None if there are none, or if Secrets Manager was asked a moment ago.
    pub async fn peppers_after(&self, known: &Arc<Peppers>) -> Option<Arc<Peppers>> {
        self.pepper.after(known, || self.read_peppers()).await
    }

    /// Whether it is time to look whether the pepper was rotated, though nothing was unknown.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.client.is_some() && self.pepper.is_due()
    }

    /// Looks. What cannot be read now stays as it is known.
    pub async fn refresh(&self) {
        self.pepper.refresh(|| self.read_peppers()).await;
    }

    async fn read_peppers(&self) -> Result<Peppers, SecretError> {
        let text = self.read(&self.pepper_id).await?;
        Peppers::parse(&text).ok_or_else(|| SecretError::Malformed {
            id: self.pepper_id.clone(),
            expected: r#"{"pepper": "at least 32 characters"}"#,
        })
    }

    async fn read_stripe(
        &self,
        known: &mut Option<Arc<StripeKeys>>,
    ) -> Result<Arc<StripeKeys>, SecretError> {
        let keys = Arc::new(parse_stripe(&self.stripe_id, &self.read(&self.stripe_id).await?)?);
        *known = Some(Arc::clone(&keys));
        Ok(keys)
    }

    async fn read(&self, id: &str) -> Result<SecretString, SecretError> {
        let unreadable = |reason| SecretError::Unreadable { id: id.to_owned(), reason };
        let client = self
            .client
            .as_ref()
            .ok_or_else(|| unreadable("there is no other than the one given".to_owned()))?;
        let answer = client.get_secret_value().secret_id(id).send().await;
        let answer = answer.map_err(|error| unreadable(DisplayErrorContext(error).to_string()))?;
        let text = answer.secret_string.ok_or_else(|| unreadable("it has no text".to_owned()))?;
        Ok(SecretString::from(text))
    }
}

fn parse_stripe(id: &str, text: &SecretString) -> Result<StripeKeys, SecretError> {
    let malformed = || SecretError::Malformed {
        id: id.to_owned(),
        expected: r#"{"secretKey": "sk_… or rk_…", "publishableKey": "pk_…"}"#,
    };
    // The parser's own error is dropped: it can quote what it read.
    let secret: StripeSecretText =
        serde_json::from_str(text.expose_secret()).map_err(|_| malformed())?;
    StripeKeys::new(secret.secret_key, secret.publishable_key).ok_or_else(malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_mode_is_that_of_the_key() {
        for (key, mode) in [
            ("rk_live_a1", Mode::Live),
            ("sk_live_a1", Mode::Live),
            ("rk_test_a1", Mode::Test),
            ("sk_test_a1", Mode::Test),
        ] {
            let text = SecretString::from(format!(
                r#"{{"secretKey":"{key}","publishableKey":"pk_test_1"}}"#
            ));
            let keys = parse_stripe("stripe", &text).expect(key);
            assert_eq!((keys.mode, keys.publishable_key.as_deref()), (mode, Some("pk_test_1")));
        }
    }

    #[test]
    fn what_is_no_secret_of_ours_is_refused_and_never_quoted() {
        let cases = [
            "",
            "hunter2hunter2",
            r#"{"secretKey":"hunter2"}"#,
            r#"{"secretKey":"sk_test_\nx: hunter2"}"#,
            "[]",
        ];
        for text in cases {
            let secret = SecretString::from(text);
            let error = parse_stripe("the-id", &secret).expect_err(text).to_string();
            assert!(error.contains("the-id") && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let text = SecretString::from(r#"{"secretKey":"sk_test_hunter2"}"#);
        let keys = parse_stripe("stripe", &text).expect("a key");
        let pepper = Pepper::from("hunter2");
        assert!(!format!("{keys:?} {pepper:?}").contains("hunter2"));
    }

    proptest! {
        #[test]
        fn whatever_a_secret_holds_is_taken_or_refused_and_never_repeated(
            text in secret_text(),
        ) {
            let text = SecretString::from(text);
            let _ = Peppers::parse(&text);
            if let Err(error) = parse_stripe("stripe", &text) {
                prop_assert_eq!(
                    error.to_string(),
                    r#"secret stripe does not hold {"secretKey": "sk_… or rk_…", "publishableKey": "pk_…"}"#
                );
            }
        }
    }

    /// Any text, and JSON that is nearly right.
    fn secret_text() -> impl Strategy<Value = String> {
        let value = prop_oneof![
            any::<String>().prop_map(|text| serde_json::json!(text)),
            any::<i64>().prop_map(|number| serde_json::json!(number)),
            "[sr]k_(live|test)_[a-z0-9é]{0,40}".prop_map(|text| serde_json::json!(text)),
            Just(serde_json::json!(null)),
            Just(serde_json::json!({ "pepper": "x".repeat(40), "since": "2026-13-01T00:00:00Z" })),
            Just(
                serde_json::json!({ "pepper": "x".repeat(40), "since": "2026-06-28T00:00:00Z", "until": 1 })
            ),
        ];
        let name = prop::sample::select(vec![
            "secretKey",
            "publishableKey",
            "pepper",
            "previous",
            "other",
        ]);
        let fields = prop::collection::vec((name, value), 0..4);
        let nearly = fields.prop_map(|fields| {
            let fields = fields.iter().map(|(name, value)| format!("\"{name}\":{value}"));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        });
        prop_oneof![any::<String>(), nearly, (0..3_000_usize).prop_map(|depth| "[".repeat(depth))]
    }
}
