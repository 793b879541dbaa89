//! What is done beside a request, while it waits for Stripe, and must not hold it up.
//!
//! Lambda freezes the process once the answer is given. So what is not done by then is waited for,
//! for a moment, and then given up.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

/// How much later an answer may come over it, at most.
const PATIENCE: Duration = Duration::from_millis(200);

/// Work that was begun and nobody waits for yet.
#[derive(Default)]
pub struct Aside {
    begun: Mutex<Vec<JoinHandle<()>>>,
}

impl Aside {
    /// Begins `work`. It must not fail, or say so itself.
    pub fn begin(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.push(tokio::spawn(work));
    }

    /// Waits until all is done, for 200 ms and not past `deadline`; what is not is given up.
    pub async fn settle(&self, deadline: Instant) {
        let begun = std::mem::take(&mut *self.begun.lock().unwrap_or_else(PoisonError::into_inner));
        let end = deadline.min(Instant::now() + PATIENCE);
        for mut work in begun {
            if timeout_at(end, &mut work).await.is_err() {
                work.abort();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::time::sleep;

    use super::*;

    #[tokio::test]
    async fn what_is_quick_is_done_and_what_hangs_is_given_up() {
        let done = Arc::new(AtomicU32::new(0));
        let aside = Aside::default();
        let begin = |takes: u64| {
            let done = Arc::clone(&done);
            aside.begin(async move {
                sleep(Duration::from_millis(takes)).await;
                done.fetch_add(1, Ordering::Relaxed);
            });
        };
        begin(0);
        begin(600_000);
        begin(20);
        let started = Instant::now();
        aside.settle(started + Duration::from_mins(1)).await;
        assert_eq!(done.load(Ordering::Relaxed), 2);
        assert!(started.elapsed() >= PATIENCE && started.elapsed() < Duration::from_secs(30));

        begin(600_000);
        let started = Instant::now();
        aside.settle(started).await;
        assert!(started.elapsed() < PATIENCE, "the deadline is now");
        aside.settle(started).await;
    }
}
