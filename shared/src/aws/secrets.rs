//! Secrets Manager: Stripe's keys, and the MAC keys of quotes.
//!
//! A function starts even if a secret cannot be read, and reads it again at each request. Exiting
//! instead would turn a short outage of Secrets Manager into a longer one of ours.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::DisplayErrorContext;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::values::Mode;
use crate::values::token::MacKeys;

/// Age from which the quote keys are read again before use.
const REFRESH_AFTER: Duration = Duration::from_mins(1);

/// Shortest pause between two reads for an unknown key ID. Forged quotes cannot cause more reads.
const REREAD_PAUSE: Duration = Duration::from_secs(5);

/// The text of the Stripe secret: `{"secretKey": "rk_live_…", "publishableKey": "pk_live_…"}`.
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
    /// `pk_…`, which is public.
    pub publishable_key: Option<String>,
    /// The mode that the secret key's prefix names.
    pub mode: Mode,
}

impl StripeKeys {
    /// Returns `None` if `secret_key` is neither a secret nor a restricted key of Stripe.
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

    /// Reads the text of the secret `id`.
    ///
    /// # Errors
    /// [`SecretError::Malformed`].
    pub fn parse(id: &str, text: &SecretString) -> Result<Self, SecretError> {
        let malformed = || SecretError::Malformed {
            id: id.to_owned(),
            expected: r#"{"secretKey": "sk_… or rk_…", "publishableKey": "pk_…"}"#,
        };
        // The parser's own error is dropped because it can quote the secret.
        let secret: StripeSecretText =
            serde_json::from_str(text.expose_secret()).map_err(|_| malformed())?;
        Self::new(secret.secret_key, secret.publishable_key).ok_or_else(malformed)
    }

    /// Returns whether it is a restricted key.
    pub fn is_restricted(&self) -> bool {
        self.secret_key.expose_secret().starts_with("rk_")
    }
}

/// A secret could not be read. The message never contains its text.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Secrets Manager refused the request or did not respond.
    #[error("secret {id} could not be read: {reason}")]
    Unreadable { id: String, reason: String },
    /// The secret has another form than `expected`.
    #[error("secret {id} does not hold {expected}")]
    Malformed { id: String, expected: &'static str },
    /// This function has no setting for the secret.
    #[error("no secret is configured for {0}")]
    NotConfigured(&'static str),
}

/// Stripe's keys: read once a process, and again when Stripe refuses them.
pub struct StripeSecret {
    /// None where the keys were given.
    client: Option<Client>,
    id: String,
    known: Mutex<Option<Arc<StripeKeys>>>,
}

impl StripeSecret {
    /// Creates the secret without reading it. `id` is its name or ARN.
    pub fn new(client: Client, id: String) -> Self {
        Self { client: Some(client), id, known: Mutex::default() }
    }

    /// Wraps keys that a tool already has. `origin` names their source in errors.
    pub fn given(keys: StripeKeys, origin: &str) -> Self {
        Self { client: None, id: origin.to_owned(), known: Mutex::new(Some(Arc::new(keys))) }
    }

    /// Returns the keys, and reads them at the first call.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn keys(&self) -> Result<Arc<StripeKeys>, SecretError> {
        let mut known = self.known.lock().await;
        match &*known {
            Some(keys) => Ok(Arc::clone(keys)),
            None => self.read_into(&mut known).await,
        }
    }

    /// Returns other keys after Stripe refused `refused`: those that another request has read
    /// meanwhile, or else those that Secrets Manager holds now.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn keys_after(
        &self,
        refused: &Arc<StripeKeys>,
    ) -> Result<Arc<StripeKeys>, SecretError> {
        let mut known = self.known.lock().await;
        match &*known {
            Some(keys) if !Arc::ptr_eq(keys, refused) => Ok(Arc::clone(keys)),
            _ => self.read_into(&mut known).await,
        }
    }

    async fn read_into(
        &self,
        known: &mut Option<Arc<StripeKeys>>,
    ) -> Result<Arc<StripeKeys>, SecretError> {
        let client = self.client.as_ref().ok_or_else(|| SecretError::Unreadable {
            id: self.id.clone(),
            reason: "the keys were given and cannot be read again".to_owned(),
        })?;
        let keys = Arc::new(StripeKeys::parse(&self.id, &read(client, &self.id).await?)?);
        *known = Some(Arc::clone(&keys));
        Ok(keys)
    }
}

/// The MAC keys of quotes: read again after a minute, and when a quote names an unknown key.
///
/// A rotation therefore reaches every process within a minute, and no quote fails because of it.
pub struct QuoteSecret {
    client: Client,
    /// None for functions that neither make nor check quotes.
    id: Option<String>,
    known: Mutex<Option<(Arc<MacKeys>, Instant)>>,
}

impl QuoteSecret {
    /// Creates the secret without reading it. `id` is its name or ARN.
    pub fn new(client: Client, id: Option<String>) -> Self {
        Self { client, id, known: Mutex::default() }
    }

    /// Reads the keys, if this function uses them, so that its first request need not.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn preload(&self) -> Result<(), SecretError> {
        if self.id.is_some() { self.keys().await.map(drop) } else { Ok(()) }
    }

    /// Returns the keys to seal new quotes with.
    ///
    /// # Errors
    /// [`SecretError`], if the keys were never read.
    pub async fn keys(&self) -> Result<Arc<MacKeys>, SecretError> {
        self.keys_younger_than(REFRESH_AFTER).await
    }

    /// Returns the keys to open `token` with.
    ///
    /// # Errors
    /// [`SecretError`], if the keys were never read.
    pub async fn keys_for(&self, token: &str) -> Result<Arc<MacKeys>, SecretError> {
        let keys = self.keys().await?;
        if keys.knows_key_of(token) { Ok(keys) } else { self.keys_younger_than(REREAD_PAUSE).await }
    }

    /// Returns the known keys if they are younger than `age`, and reads them otherwise. Keys that
    /// cannot be read again stay in use.
    async fn keys_younger_than(&self, age: Duration) -> Result<Arc<MacKeys>, SecretError> {
        let mut known = self.known.lock().await;
        if let Some((keys, read_at)) = &*known
            && read_at.elapsed() < age
        {
            return Ok(Arc::clone(keys));
        }
        let keys = match (self.read().await, &*known) {
            (Ok(fresh), _) => Arc::new(fresh),
            (Err(error), Some((keys, _))) => {
                tracing::warn!("the quote keys could not be read again: {error}");
                Arc::clone(keys)
            }
            (Err(error), None) => return Err(error),
        };
        *known = Some((Arc::clone(&keys), Instant::now()));
        Ok(keys)
    }

    async fn read(&self) -> Result<MacKeys, SecretError> {
        let id = self.id.as_ref().ok_or(SecretError::NotConfigured("quotes"))?;
        let text = read(&self.client, id).await?;
        MacKeys::parse(&text).ok_or_else(|| SecretError::Malformed {
            id: id.clone(),
            expected: r#"{"current": "<id>", "<id>": "at least 32 characters"}"#,
        })
    }
}

async fn read(client: &Client, id: &str) -> Result<SecretString, SecretError> {
    let unreadable = |reason| SecretError::Unreadable { id: id.to_owned(), reason };
    let response = client.get_secret_value().secret_id(id).send().await;
    let response = response.map_err(|error| unreadable(DisplayErrorContext(error).to_string()))?;
    let text = response.secret_string.ok_or_else(|| unreadable("it has no text".to_owned()))?;
    Ok(SecretString::from(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn mode_follows_from_the_keys_prefix() {
        for (key, mode) in [
            ("rk_live_a1", Mode::Live),
            ("sk_live_a1", Mode::Live),
            ("rk_test_a1", Mode::Test),
            ("sk_test_a1", Mode::Test),
        ] {
            let text = SecretString::from(format!(
                r#"{{"secretKey":"{key}","publishableKey":"pk_test_1"}}"#
            ));
            let keys = StripeKeys::parse("stripe", &text).expect(key);
            assert_eq!((keys.mode, keys.publishable_key.as_deref()), (mode, Some("pk_test_1")));
        }
    }

    #[test]
    fn malformed_secret_is_refused_and_never_quoted() {
        let cases = [
            "",
            "hunter2hunter2",
            r#"{"secretKey":"hunter2"}"#,
            r#"{"secretKey":"sk_test_\nx: hunter2"}"#,
            "[]",
        ];
        for text in cases {
            let secret = SecretString::from(text);
            let error = StripeKeys::parse("the-id", &secret).expect_err(text).to_string();
            assert!(error.contains("the-id") && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let text = SecretString::from(r#"{"secretKey":"sk_test_hunter2"}"#);
        let keys = StripeKeys::parse("stripe", &text).expect("a key");
        assert!(!format!("{keys:?}").contains("hunter2"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_being_quoted(text in secret_text()) {
            let text = SecretString::from(text);
            let _ = MacKeys::parse(&text);
            if let Err(error) = StripeKeys::parse("stripe", &text) {
                prop_assert_eq!(
                    error.to_string(),
                    r#"secret stripe does not hold {"secretKey": "sk_… or rk_…", "publishableKey": "pk_…"}"#
                );
            }
        }
    }

    /// Arbitrary text, and JSON close to the right form.
    fn secret_text() -> impl Strategy<Value = String> {
        let value = prop_oneof![
            any::<String>().prop_map(|text| serde_json::json!(text)),
            any::<i64>().prop_map(|number| serde_json::json!(number)),
            "[sr]k_(live|test)_[a-z0-9é]{0,40}".prop_map(|text| serde_json::json!(text)),
            Just(serde_json::json!(null)),
            Just(serde_json::json!("x".repeat(40))),
        ];
        let name = prop::sample::select(vec![
            "secretKey",
            "publishableKey",
            "current",
            "k1",
            "rotatedAt",
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
