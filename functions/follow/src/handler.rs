//! Polls until the minute is over.

use std::sync::Arc;
use std::time::Duration;

use shared::App;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use crate::follower::Follower;

/// Pause between two polls.
const PAUSE: Duration = Duration::from_secs(5);

/// Number of polls for each sweep.
const POLLS: u32 = 4;

/// Time within which one invocation starts polls. The next one comes after a minute.
const MINUTE: Duration = Duration::from_secs(58);

/// Time before the deadline at which no poll starts any more.
const MARGIN: Duration = Duration::from_secs(10);

/// The follower of this process, which remembers the events that it has seen.
static FOLLOWER: Mutex<Option<Follower>> = Mutex::const_new(None);

/// Follows Stripe's events until the minute is over. A failed poll is logged, and the next one does its work.
pub async fn follow(app: Arc<App>, deadline: Instant) {
    let mut follower = FOLLOWER.lock().await;
    let follower = follower.get_or_insert_with(|| Follower::new(app.table().clone()));
    let end = (Instant::now() + MINUTE).min(deadline.checked_sub(MARGIN).unwrap_or(deadline));
    for number in 0.. {
        let next = Instant::now() + PAUSE;
        let stripe = app.stripe(deadline);
        let outcome = match number % POLLS {
            0 => follower.sweep(&stripe).await,
            _ => follower.poll(&stripe).await,
        };
        if let Err(error) = outcome {
            tracing::error!(%error, "Stripe's events could not be followed");
        }
        app.write_watermark_age(follower.followed_to());
        if next >= end {
            return;
        }
        sleep_until(next).await;
    }
}
