//! `secrets status`: which secrets exist, and what they are for. It shows no value.

use aws_sdk_secretsmanager::Client;
use billingctl::quote_keys::QuoteKeys;
use serde::Serialize;
use shared::aws::secrets::StripeKeys;
use shared::values::Mode;

use crate::aws::config;
use crate::aws::secrets::{self, SecretFailure, Version};
use crate::error::Result;
use crate::options::GlobalOptions;
use crate::output::{columns, note, or_dash};
use crate::values::timestamp;

/// A secret as the command shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SecretView {
    /// Name in the other commands, such as `stripe-read`.
    secret: &'static str,
    id: String,
    status: Status,
    changed_at: Option<String>,
    #[serde(flatten)]
    content: Option<Content>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Stored,
    /// The secret exists without a value.
    Empty,
    Missing,
    Malformed,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content {
    #[serde(rename_all = "camelCase")]
    Stripe {
        mode: &'static str,
        is_restricted: bool,
        has_publishable_key: bool,
    },
    ApiKey {
        mode: &'static str,
    },
    #[serde(rename_all = "camelCase")]
    Quotes {
        current: String,
        ids: Vec<String>,
        previous_expire_at: Option<String>,
    },
}

impl From<&StripeKeys> for Content {
    fn from(keys: &StripeKeys) -> Self {
        Self::Stripe {
            mode: keys.mode.as_str(),
            is_restricted: keys.is_restricted(),
            has_publishable_key: keys.publishable_key.is_some(),
        }
    }
}

impl From<&Mode> for Content {
    fn from(mode: &Mode) -> Self {
        Self::ApiKey { mode: mode.as_str() }
    }
}

impl From<&QuoteKeys> for Content {
    fn from(keys: &QuoteKeys) -> Self {
        Self::Quotes {
            current: keys.current().to_owned(),
            ids: keys.ids().map(str::to_owned).collect(),
            previous_expire_at: keys.previous_expire_at().map(timestamp::format),
        }
    }
}

impl Content {
    fn text(&self) -> String {
        match self {
            Self::Stripe { mode, is_restricted, has_publishable_key } => {
                let kind = if *is_restricted { "restricted" } else { "unrestricted" };
                let publishable = if *has_publishable_key { "" } else { ", no publishable key" };
                format!("{kind} key, {mode} mode{publishable}")
            }
            Self::ApiKey { mode } => format!("API key, {mode} mode"),
            Self::Quotes { current, ids, .. } => {
                let previous: Vec<&str> =
                    ids.iter().filter(|id| *id != current).map(String::as_str).collect();
                let previous =
                    if previous.is_empty() { "none".to_owned() } else { previous.join(", ") };
                format!("current {current}, previous {previous}")
            }
        }
    }
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Empty => "empty",
            Self::Missing => "missing",
            Self::Malformed => "malformed",
        }
    }
}

/// Runs `secrets status`.
pub(super) async fn run(options: &GlobalOptions) -> Result<()> {
    let client = Client::new(&config::load(options).await?);
    let GlobalOptions { read_secret, write_secret, quote_keys_secret, .. } = options;
    let mut secrets = vec![
        view("stripe-read", read_secret, secrets::stripe_keys_version(&client, read_secret).await)?,
        view(
            "stripe-write",
            write_secret,
            secrets::stripe_keys_version(&client, write_secret).await,
        )?,
        view(
            "quote-keys",
            quote_keys_secret,
            secrets::quote_keys_version(&client, quote_keys_secret).await,
        )?,
    ];
    let canary = options.profile.as_ref().and_then(|stack| stack.canary_key_secret.as_ref());
    if let Some(id) = canary {
        secrets.push(view("canary", id, secrets::api_key_mode(&client, id).await)?);
    }
    let row = |secret: &SecretView| {
        let content = secret.content.as_ref().map(Content::text);
        [
            secret.secret.to_owned(),
            secret.status.as_str().to_owned(),
            or_dash(secret.changed_at.as_deref()),
            or_dash(content.as_deref()),
        ]
    };
    let rows: Vec<[String; 4]> = secrets.iter().map(row).collect();
    let text = columns(["SECRET", "STATUS", "CHANGED", "CONTENT"], &rows, 3);
    options.output().result(&serde_json::json!({ "secrets": secrets }), text)
}

/// # Errors
/// If AWS refuses the call or does not respond.
fn view<T>(
    secret: &'static str,
    id: &str,
    found: std::result::Result<Version<T>, SecretFailure>,
) -> Result<SecretView>
where
    for<'a> Content: From<&'a T>,
{
    let id = id.to_owned();
    let failure = match found {
        Ok(Version { value, changed_at }) => {
            let changed_at = changed_at.map(timestamp::format);
            let content = Some(Content::from(&value));
            return Ok(SecretView { secret, id, status: Status::Stored, changed_at, content });
        }
        Err(failure) => failure,
    };
    let status = match &failure {
        SecretFailure::Missing(_) => Status::Missing,
        SecretFailure::Empty(_) => Status::Empty,
        SecretFailure::Malformed { .. } => Status::Malformed,
        SecretFailure::Aws(_) => return Err(failure.into()),
    };
    note(format_args!("{}; {}", failure.found(), failure.advice()));
    Ok(SecretView { secret, id, status, changed_at: None, content: None })
}
