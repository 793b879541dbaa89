//! Failures on request: what a client must survive, made to happen.

use serde::{Deserialize, Serialize};

/// Something that goes wrong for the next `count` requests that it matches.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Matches paths that begin with this.
    #[serde(default)]
    pub path: String,
    #[serde(default)]
    pub method: Option<String>,
    #[serde(default = "once")]
    pub count: u32,
    pub kind: Kind,
    /// For `status`.
    #[serde(default = "server_error")]
    pub status: u16,
    /// For `latency`; the other kinds wait that long as well if it is set.
    #[serde(default)]
    pub delay_ms: u64,
    /// The request is carried out before it goes wrong, so the caller does not know that it was.
    #[serde(default)]
    pub after_work: bool,
    /// Sent as `Stripe-Should-Retry`.
    #[serde(default)]
    pub should_retry: Option<bool>,
    /// Sent as `Retry-After`, in seconds.
    #[serde(default)]
    pub retry_after: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The right answer, late.
    Latency,
    /// An error status with Stripe's error body.
    Status,
    /// The connection breaks in the middle of the answer.
    Cut,
    /// 200, and a body that is not JSON.
    Garbage,
}

fn once() -> u32 {
    1
}

fn server_error() -> u16 {
    500
}

#[derive(Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    pub fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The first fault for this request, used once.
    pub fn take(&mut self, method: &str, path: &str) -> Option<Fault> {
        let hits = |fault: &Fault| {
            path.starts_with(&fault.path)
                && fault.method.as_ref().is_none_or(|m| m.eq_ignore_ascii_case(method))
        };
        let index = self.0.iter().position(hits)?;
        let fault = self.0[index].clone();
        self.0[index].count = fault.count.saturating_sub(1);
        if self.0[index].count == 0 {
            self.0.remove(index);
        }
        Some(fault)
    }
}
