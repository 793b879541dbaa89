//! What a sandbox is started with.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::values::period::DAY;

/// Everything `Sandbox::start` needs. `Config::default()` listens on a free port and knows one key.
#[derive(Clone, Debug)]
pub struct Config {
    pub listen: SocketAddr,
    pub secret_keys: Vec<String>,
    /// A restricted key and its permissions (`rak_subscription_read`).
    pub restricted_keys: Vec<(String, Vec<String>)>,
    pub rules: Rules,
    /// Where the state is read from, if it is there, and kept when the sandbox stops.
    pub snapshot: Option<PathBuf>,
    /// How long a request waits for objects that another one is changing.
    pub lock_timeout: Duration,
}

/// The secret key of a sandbox that was not given another.
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

/// What follows a failed payment. At Stripe these are settings of the account, made in the dashboard
/// and known to no endpoint; here `/_sandbox/settings` shows and changes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Days between one failed automatic attempt and the next.
    pub retry_days: Vec<u16>,
    pub retries_exhausted: Exhausted,
    /// A renewal's first failed payment pauses the subscription.
    pub pause_on_first_failure: bool,
    /// What a failed payment has paused goes on by itself once its invoice is settled.
    pub resume_when_paid: bool,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            retry_days: vec![3, 5, 7],
            retries_exhausted: Exhausted::Unpaid,
            pause_on_first_failure: false,
            resume_when_paid: false,
        }
    }
}

impl Rules {
    /// How long to wait after the failed attempt number `attempts` (the first is 1).
    pub(crate) fn retry_after(&self, attempts: u32) -> Option<i64> {
        let index = usize::try_from(attempts).ok()?.checked_sub(1)?;
        self.retry_days.get(index).map(|days| i64::from(*days) * DAY)
    }
}

/// What becomes of a subscription whose last automatic attempt has failed; a dashboard setting at Stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[value(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Exhausted {
    Cancel,
    Unpaid,
    PastDue,
    Pause,
}

/// The part of the configuration that the world needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    pub rules: Rules,
    /// `http://127.0.0.1:PORT`, for the links in objects. Not part of a snapshot: it may be another one next time.
    #[serde(skip)]
    pub origin: String,
}
