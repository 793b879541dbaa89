//! Failures on request: what a client must survive, made to happen.

use std::time::Duration;

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
    /// For `status`: the error's code, where it is to be another than the usual one.
    #[serde(default)]
    pub code: Option<String>,
    /// For `drop_field`: what is taken out of the answer, `data.customer` of each in a list.
    #[serde(default)]
    pub field: Option<String>,
    /// How late it happens; for `trickle`, the time before each piece; for `refuse`, how long.
    #[serde(default)]
    pub delay_ms: u64,
    /// The request is carried out before it goes wrong, so the caller does not know that it was.
    #[serde(default)]
    pub after_work: bool,
    /// With `status` and `after_work`: the failure is what the idempotency key remembers, as it is at
    /// Stripe when the work itself has failed.
    #[serde(default)]
    pub stored: bool,
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
    /// The connection ends without a byte of an answer.
    HangUp,
    /// The connection breaks in the middle of the answer.
    Cut,
    /// Nobody listens for a while. At once, whatever the request.
    Refuse,
    /// 200, and a body that is not JSON.
    Garbage,
    /// 200, and JSON that is nothing like the answer.
    WrongShape,
    /// The right answer, but for one field.
    DropField,
    /// The right answer, in slow pieces.
    Trickle,
    /// The right answer, after which the connection ends without notice: it looks kept alive.
    CloseIdle,
}

fn once() -> u32 {
    1
}

fn server_error() -> u16 {
    500
}

impl Fault {
    /// What is wrong with asking for it.
    pub fn check(&self) -> Result<(), String> {
        if self.kind == Kind::DropField && self.field.is_none() {
            return Err("drop_field needs a field".to_owned());
        }
        if self.stored && !(self.kind == Kind::Status && self.after_work) {
            return Err("stored goes with the kind status and after_work".to_owned());
        }
        if !(400..600).contains(&self.status) {
            return Err("status is to be 400 to 599".to_owned());
        }
        Ok(())
    }

    pub fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }

    /// The caller gets the right answer in the end, or most of it.
    pub fn is_gentle(&self) -> bool {
        matches!(self.kind, Kind::Latency | Kind::DropField | Kind::Trickle | Kind::CloseIdle)
    }

    /// It happens instead of the work.
    pub fn replaces_work(&self) -> bool {
        !self.is_gentle() && !self.after_work
    }

    /// How long it waits before the work, and how long after.
    pub fn delays(&self) -> (Duration, Duration) {
        match (self.kind, self.after_work) {
            (Kind::Trickle, _) => (Duration::ZERO, Duration::ZERO),
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
