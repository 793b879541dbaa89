//! Fault injection.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Fault for the next `count` matching requests.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Prefix of the matching paths.
    #[serde(default)]
    pub path: String,
    #[serde(default)]
    pub method: Option<String>,
    #[serde(default = "once")]
    pub count: u32,
    pub kind: FaultKind,
    /// For `status`: the HTTP status.
    #[serde(default = "server_error")]
    pub status: u16,
    /// For `status`: the error code, if it differs from the usual one.
    #[serde(default)]
    pub code: Option<String>,
    /// For `drop_field`: the removed field. `data.customer` removes it from each entry of a list.
    #[serde(default)]
    pub field: Option<String>,
    /// Delay; for `trickle` before each chunk, for `refuse` the duration.
    #[serde(default)]
    pub delay_ms: u64,
    /// The operation completes before the fault. The caller cannot know whether it did.
    #[serde(default)]
    pub after_work: bool,
    /// With `status` and `after_work`: store the failure for the idempotency key, as Stripe does
    /// when the operation itself fails.
    #[serde(default)]
    pub stored: bool,
    /// `Stripe-Should-Retry` header.
    #[serde(default)]
    pub should_retry: Option<bool>,
    /// `Retry-After` header, in seconds.
    #[serde(default)]
    pub retry_after: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The response is delayed.
    Latency,
    /// Error status with Stripe's error body.
    Status,
    /// The connection closes before the response.
    HangUp,
    /// The connection closes in the middle of the response.
    Cut,
    /// Connections are refused for a while, immediately and for all paths.
    Refuse,
    /// Status 200 with a body that is not JSON.
    Garbage,
    /// Status 200 with JSON of the wrong structure.
    WrongShape,
    /// The response lacks one field.
    DropField,
    /// The response arrives in slow chunks.
    Trickle,
    /// The connection closes after the response, although it looks kept alive.
    CloseIdle,
}

fn once() -> u32 {
    1
}

fn server_error() -> u16 {
    500
}

impl Fault {
    /// Returns an error if the fields do not fit together.
    pub fn check(&self) -> Result<(), String> {
        if self.kind == FaultKind::DropField && self.field.is_none() {
            return Err("drop_field requires field".to_owned());
        }
        if self.stored && !(self.kind == FaultKind::Status && self.after_work) {
            return Err("stored requires kind status and after_work".to_owned());
        }
        if !(400..600).contains(&self.status) {
            return Err("status must be 400 to 599".to_owned());
        }
        Ok(())
    }

    pub fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }

    /// Returns whether the caller gets the regular response, if only in part.
    pub fn keeps_response(&self) -> bool {
        matches!(
            self.kind,
            FaultKind::Latency | FaultKind::DropField | FaultKind::Trickle | FaultKind::CloseIdle
        )
    }

    /// Returns whether the fault replaces the operation.
    pub fn skips_work(&self) -> bool {
        !self.keeps_response() && !self.after_work
    }

    /// Returns the delays before and after the operation.
    pub fn delays(&self) -> (Duration, Duration) {
        match (self.kind, self.after_work) {
            (FaultKind::Trickle, _) => (Duration::ZERO, Duration::ZERO),
            (_, false) => (self.delay(), Duration::ZERO),
            (_, true) => (Duration::ZERO, self.delay()),
        }
    }
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

    pub fn waiting(&self) -> &[Fault] {
        &self.0
    }

    /// Returns the first matching fault and decrements its count.
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
