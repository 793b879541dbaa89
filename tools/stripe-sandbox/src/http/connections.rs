//! What can be asked of the connections from outside.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// What can be asked of the connections from outside.
#[derive(Default)]
pub struct Connections {
    pub close_idle: Notify,
    refuse_for: Mutex<Duration>,
    pub refuse: Notify,
    pub refusing: Notify,
}

impl Connections {
    /// Ends every connection: those at work after their answer, all others at once.
    pub fn close(&self) {
        self.close_idle.notify_waiters();
    }

    /// Stops listening for a while. Returns when nobody can connect any more.
    pub async fn refuse(&self, time: Duration) {
        *self.refuse_for.lock().unwrap_or_else(PoisonError::into_inner) = time;
        let refusing = self.refusing.notified();
        self.refuse.notify_one();
        refusing.await;
    }

    /// How long nobody can connect.
    pub fn refuse_for(&self) -> Duration {
        *self.refuse_for.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
