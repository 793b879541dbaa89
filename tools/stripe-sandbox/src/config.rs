//! Settings of a sandbox.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::values::period::DAY;

/// Settings for `Sandbox::start`. `Config::default()` listens on a free port and has one secret
/// key.
#[derive(Clone, Debug)]
pub struct Config {
    pub listen: SocketAddr,
    pub secret_keys: Vec<String>,
    /// Restricted keys and their permissions (`rak_subscription_read`).
    pub restricted_keys: Vec<(String, Vec<String>)>,
    pub rules: Rules,
    /// File that the state is read from at the start, if it exists, and written to at the end.
    pub snapshot: Option<PathBuf>,
    /// How long a request waits for objects that another request has locked.
    pub lock_timeout: Duration,
}

/// The only supported API version.
pub(crate) const API_VERSION: &str = "2026-09-30.endive";

/// Secret key of a sandbox that is started without one.
pub const DEFAULT_SECRET_KEY: &str = "sk_test_sandbox";

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            secret_keys: vec![DEFAULT_SECRET_KEY.to_owned()],
            restricted_keys: Vec::new(),
            rules: Rules::default(),
            snapshot: None,
            lock_timeout: Duration::from_secs(2),
        }
    }
}

/// Rules for failed payments. At Stripe these are dashboard settings of the account, outside the
/// API; here `/_sandbox/settings` reads and changes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Days from each failed automatic attempt to the next one.
    pub retry_days: Vec<u16>,
    pub retries_exhausted: Exhausted,
    /// Pause a subscription when a renewal's payment fails for the first time.
    pub pause_on_first_failure: bool,
    /// Resume a subscription that a failed payment paused, once its invoice is paid or
    /// uncollectible.
    pub resume_when_paid: bool,
    /// Seconds until a bank debit succeeds.
    pub debit_success_seconds: u32,
    /// Seconds until a bank debit fails.
    pub debit_failure_seconds: u32,
    /// Seconds until a card that is processed for a while succeeds.
    pub card_processing_seconds: u32,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            retry_days: vec![3, 5, 7],
            retries_exhausted: Exhausted::Unpaid,
            pause_on_first_failure: false,
            resume_when_paid: false,
            debit_success_seconds: 4 * 24 * 3600,
            debit_failure_seconds: 2 * 24 * 3600,
            card_processing_seconds: 3600,
        }
    }
}

impl Rules {
    /// Returns the delay in seconds after failed attempt number `attempts` (the first is 1), or
    /// None when no retry follows.
    pub(crate) fn retry_after(&self, attempts: u32) -> Option<i64> {
        let index = usize::try_from(attempts).ok()?.checked_sub(1)?;
        self.retry_days.get(index).map(|days| i64::from(*days) * DAY)
    }
}

/// Result of the last failed automatic attempt; a dashboard setting at Stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[value(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Exhausted {
    Cancel,
    Unpaid,
    PastDue,
    Pause,
}

/// Settings that are part of the world's state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    pub rules: Rules,
    /// `http://127.0.0.1:PORT`, for links in objects. Not in snapshots: a restart can change it.
    #[serde(skip)]
    pub origin: String,
}
