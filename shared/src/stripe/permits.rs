//! Permits: a share of Stripe's rate limit for each account and each kind of request, counted over all processes.
//!
//! Stripe allows 100 requests a second in live mode and 25 in a sandbox, and 25 for one operation
//! (<https://docs.stripe.com/rate-limits>). Only a request's first call can be refused: one that has begun is finished.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

use super::errors::StripeError;
use crate::aws::table::{Ceilings, Table};
use crate::values::{Mode, now_in_milliseconds};

/// Stripe's limit of one operation, in requests a second.
const OPERATION: u32 = 25;

/// The part of a class that one account may use.
const ACCOUNT_SHARE: u32 = 5;

/// The kind of a request, by which it gets a part of Stripe's limit. The parts overlap: a class of a higher part still
/// gets permits when the others have used theirs up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Changes, and the previews that they are decided on: all of it.
    Write,
    /// The state that decides about access: 60 %.
    Access,
    /// Other reads: 50 %.
    Read,
    /// Usage of which an older amount is known: 10 %.
    Refresh,
}

impl Priority {
    fn percent(self) -> u32 {
        match self {
            Self::Write => 100,
            Self::Access => 60,
            Self::Read => 50,
            Self::Refresh => 10,
        }
    }

    /// Returns the ceilings for a limit of `rate` requests a second.
    fn ceilings(self, rate: u32) -> Ceilings {
        let part = |of: u32| (of.saturating_mul(self.percent()) / 100).max(1);
        let all = part(rate);
        Ceilings {
            all,
            account: (all / ACCOUNT_SHARE).max(1),
            operation: part(rate.min(OPERATION.max(rate / 4))),
        }
    }
}

/// The number of calls that the last request of this process made: a function makes about as many for each request.
#[derive(Clone, Debug, Default)]
pub struct UsualCalls(Arc<AtomicU32>);

/// The permits of one request.
pub struct Permits {
    table: Table,
    account: String,
    priority: Priority,
    /// Requests a second; by default Stripe's limit of the mode.
    rate: Option<u32>,
    patience: Duration,
    usual: UsualCalls,
    begun: OnceCell<()>,
    calls: AtomicU32,
}

impl Permits {
    /// Creates the permits of a request for `account`. Without a free permit its first call waits for one, for
    /// `patience` at most.
    pub fn new(
        table: Table,
        account: String,
        priority: Priority,
        rate: Option<u32>,
        patience: Duration,
        usual: UsualCalls,
    ) -> Self {
        let (begun, calls) = (OnceCell::new(), AtomicU32::new(0));
        Self { table, account, priority, rate, patience, usual, begun, calls }
    }

    /// Takes the permits for all calls of the request before its first call, to the operation `operation`. `is_refresh`
    /// tells that an older answer is known. If the table cannot be reached, the call is permitted.
    ///
    /// # Errors
    /// [`StripeError::NoPermit`].
    pub(super) async fn enter(
        &self,
        mode: Mode,
        operation: &str,
        is_refresh: bool,
    ) -> Result<(), StripeError> {
        self.begun.get_or_try_init(|| self.take(mode, operation, is_refresh)).await?;
        self.calls.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn take(&self, mode: Mode, operation: &str, is_refresh: bool) -> Result<(), StripeError> {
        let rate = self.rate.unwrap_or(match mode {
            Mode::Live => 100,
            Mode::Test => 25,
        });
        let (priority, patience) = if is_refresh {
            (Priority::Refresh, Duration::ZERO)
        } else {
            (self.priority, self.patience)
        };
        let ceilings = priority.ceilings(rate);
        let until = Instant::now() + patience;
        let calls = self.usual.0.load(Ordering::Relaxed).max(1);
        loop {
            let now = now_in_milliseconds();
            let (second, account) = (now / 1_000, &self.account);
            let taken = self.table.take_permits(second, account, operation, calls, ceilings).await;
            match taken {
                Ok(true) => return Ok(()),
                Err(error) => {
                    tracing::warn!(%error, "a call to Stripe was not counted");
                    return Ok(());
                }
                Ok(false) => {}
            }
            // Spread over the next second, so that those who wait do not come at once.
            let rest = u64::try_from(1_000 - now % 1_000).unwrap_or(1_000);
            let pause = Duration::from_millis(rest + rest % 300);
            if Instant::now() + pause > until {
                return Err(StripeError::NoPermit);
            }
            sleep(pause).await;
        }
    }
}

impl Drop for Permits {
    fn drop(&mut self) {
        let calls = *self.calls.get_mut();
        if calls > 0 {
            self.usual.0.store(calls, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_priority_has_its_part_of_the_limit() {
        use Priority::{Access, Read, Refresh, Write};
        let cases = [
            (Write, 100, (100, 20, 25)),
            (Access, 100, (60, 12, 15)),
            (Read, 100, (50, 10, 12)),
            (Refresh, 100, (10, 2, 2)),
            (Write, 25, (25, 5, 25)),
            (Read, 25, (12, 2, 12)),
            (Refresh, 25, (2, 1, 2)),
            (Read, 10_000, (5_000, 1_000, 1_250)),
            (Read, 1, (1, 1, 1)),
        ];
        for (priority, rate, expected) in cases {
            let Ceilings { all, account, operation } = priority.ceilings(rate);
            assert_eq!((all, account, operation), expected, "{priority:?} of {rate}");
        }
    }
}
