//! Requests of a round with their responses, and what else happened.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use devstack::http::Response;
use serde_json::{Value, json};

/// Plan that a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    pub tier: &'static str,
    /// `None`: the subscription's own.
    pub interval: Option<&'static str>,
}

impl Target {
    pub fn body(self) -> Value {
        let mut body = json!({ "plan": self.tier });
        if let Some(interval) = self.interval {
            body["interval"] = interval.into();
        }
        body
    }
}

/// Route of a request, and what the laws compare its response with.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A change, with the preview of its quote.
    Change {
        to: Target,
        shown: Option<Value>,
    },
    Preview(Target),
    Checkout(Target),
}

impl Kind {
    pub fn path(&self) -> &'static str {
        match self {
            Self::Change { .. } => "/v1/billing/plan-change",
            Self::Preview(_) => "/v1/billing/plan-change/preview",
            Self::Checkout(_) => "/v1/billing/checkout-session",
        }
    }

    pub fn body(&self) -> Value {
        match self {
            Self::Change { to, shown } => {
                let mut body = to.body();
                if let Some(shown) = shown {
                    body["quote"] = shown["quote"].clone();
                }
                body
            }
            Self::Preview(to) | Self::Checkout(to) => to.body(),
        }
    }
}

/// Request of a client.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub client: usize,
    pub kind: Kind,
    /// Idempotency key; requests with the same one are attempts of one operation.
    pub key: Option<String>,
    pub sent: Duration,
    pub ended: Duration,
    /// Response; `None` if there was none in time.
    pub response: Option<Response>,
}

impl Exchange {
    pub fn status(&self) -> u16 {
        self.response.as_ref().map_or(0, |response| response.status)
    }

    pub fn json(&self) -> Value {
        self.response.as_ref().map_or(Value::Null, Response::json)
    }

    /// Returns the error's code, or an empty string.
    pub fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }

    /// Returns whether the response is the operation's result, which an idempotency key replays.
    pub fn is_final(&self) -> bool {
        let in_progress = ["idempotency_in_progress", "change_in_progress"];
        !matches!(self.status(), 0 | 429 | 500..) && !in_progress.contains(&&*self.error())
    }
}

/// Record of a round.
pub struct Record {
    started: Instant,
    exchanges: Mutex<Vec<Exchange>>,
    notes: Mutex<Vec<(Duration, String)>>,
    usage: Mutex<Vec<(&'static str, i64)>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Record {
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            exchanges: Mutex::default(),
            notes: Mutex::default(),
            usage: Mutex::default(),
        }
    }

    /// Returns the time since the round's start.
    pub fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub fn add(&self, exchange: Exchange) {
        locked(&self.exchanges).push(exchange);
    }

    /// Records what is no request to the API.
    pub fn note(&self, text: impl Into<String>) {
        locked(&self.notes).push((self.now(), text.into()));
    }

    /// Records usage that Stripe has accepted.
    pub fn use_meter(&self, meter: &'static str, value: i64) {
        locked(&self.usage).push((meter, value));
    }

    /// Returns the usage of each meter event.
    pub fn usage(&self) -> Vec<(&'static str, i64)> {
        locked(&self.usage).clone()
    }

    pub fn exchanges(&self) -> Vec<Exchange> {
        locked(&self.exchanges).clone()
    }

    pub fn notes(&self) -> Vec<(Duration, String)> {
        locked(&self.notes).clone()
    }
}
