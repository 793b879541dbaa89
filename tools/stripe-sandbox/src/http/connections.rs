//! Control of the server's connections.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// Signals to the accept loop and to all connections.
#[derive(Default)]
pub struct Connections {
    pub close_idle: Notify,
    refuse_for: Mutex<Duration>,
    pub refuse: Notify,
    pub refusing: Notify,
}

impl Connections {
    /// Closes all connections: active ones after their response, idle ones immediately.
    pub fn close(&self) {
        self.close_idle.notify_waiters();
    }

    /// Stops listening for `time`. Returns once connections are refused.
    pub async fn refuse(&self, time: Duration) {
        *self.refuse_for.lock().unwrap_or_else(PoisonError::into_inner) = time;
        let refusing = self.refusing.notified();
        self.refuse.notify_one();
        refusing.await;
    }

    /// Returns how long connections are refused.
    pub fn refuse_for(&self) -> Duration {
        *self.refuse_for.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
