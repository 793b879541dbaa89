//! How many retries there may be at all: few beside the calls that Stripe answers, so that an outage is
//! not made worse, and a rate limit not answered with a storm.
//!
//! A process starts with [`FULL`] retries. Each call that Stripe answers adds a tenth of one, and gives
//! back those that it took: what a retry could mend is no outage. Each second adds a tenth of one too, so
//! that a process that did nothing but fail works as before some minutes later.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A retry, in tenths.
const RETRY: u64 = 10;

/// The most that there are at once: enough for what breaks for a moment, of every call in flight.
const FULL: u64 = 40 * RETRY;

/// What only a call that changes something may still take: its answer was on the way and is lost, and
/// the retry finds out what became of it. Reads go without.
const FOR_CHANGES: u64 = 10 * RETRY;

/// The retries that are left to a process.
pub(super) struct Budget(Mutex<State>);

struct State {
    tenths: u64,
    /// Up to when the seconds were counted.
    counted: Instant,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self::new_at(Instant::now())
    }

    fn new_at(now: Instant) -> Self {
        Self(Mutex::new(State { tenths: FULL, counted: now }))
    }

    /// Takes a retry, if there is one.
    pub(super) fn take(&self, for_a_change: bool) -> bool {
        self.take_at(Instant::now(), for_a_change)
    }

    fn take_at(&self, now: Instant, for_a_change: bool) -> bool {
        let kept = if for_a_change { 0 } else { FOR_CHANGES };
        self.with(now, |state| {
            let is_enough = state.tenths >= kept + RETRY;
            if is_enough {
                state.tenths -= RETRY;
            }
            is_enough
        })
    }

    /// Stripe has answered a call, which took so many retries.
    pub(super) fn answered(&self, retries: u32) {
        self.answered_at(Instant::now(), retries);
    }

    fn answered_at(&self, now: Instant, retries: u32) {
        self.with(now, |state| state.add(u64::from(retries) * RETRY + 1));
    }

    fn with<T>(&self, now: Instant, work: impl FnOnce(&mut State) -> T) -> T {
        // Whoever panicked here has left a number, which is as good as any.
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = now.saturating_duration_since(state.counted).as_secs();
        state.counted += Duration::from_secs(seconds);
        state.add(seconds);
        work(&mut state)
    }
}

impl State {
    fn add(&mut self, tenths: u64) {
        self.tenths = self.tenths.saturating_add(tenths).min(FULL);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A budget, and the time as a test lets it pass.
    struct World {
        budget: Budget,
        now: Instant,
    }

    impl World {
        fn new() -> Self {
            let now = Instant::now();
            Self { budget: Budget::new_at(now), now }
        }

        fn take(&self, for_a_change: bool) -> bool {
            self.budget.take_at(self.now, for_a_change)
        }

        /// How many retries there are until there are no more.
        fn drained(&self, for_a_change: bool) -> usize {
            std::iter::repeat_with(|| self.take(for_a_change)).take_while(|taken| *taken).count()
        }
    }

    #[test]
    fn reads_leave_some_to_what_changes_something() {
        let world = World::new();
        assert_eq!((world.drained(false), world.drained(true)), (30, 10));
        assert!(!world.take(true));
    }

    #[test]
    fn answers_and_time_bring_retries_back() {
        let mut world = World::new();
        world.drained(true);
        (0..9).for_each(|_| world.budget.answered_at(world.now, 0));
        assert!(!world.take(true), "nine tenths are no retry");
        world.budget.answered_at(world.now, 0);
        assert_eq!(world.drained(true), 1);
        world.now += Duration::from_millis(9_900);
        assert!(!world.take(true));
        world.now += Duration::from_millis(100);
        assert_eq!(world.drained(true), 1);
        world.now += Duration::from_hours(24);
        assert_eq!(world.drained(true), 40, "never more than at the start");
    }

    #[test]
    fn what_a_retry_could_mend_costs_nothing() {
        let world = World::new();
        for _ in 0..1_000 {
            assert!(world.take(false) && world.take(false));
            world.budget.answered_at(world.now, 2);
        }
        assert_eq!(world.drained(true), 40);
    }

    /// What happens to a call: whether it changes something, after how many retries Stripe answers it
    /// (never, if there are more than it is given), and the time until the next one, in ms.
    type Fate = (bool, u32, u64);

    proptest! {
        /// Retries that came to nothing are at most those of the start, a tenth of the answered calls,
        /// and one in ten seconds.
        #[test]
        fn useless_retries_are_bounded_whatever_happens(
            fates in prop::collection::vec((any::<bool>(), 0..6_u32, 0..3_000_u64), 1..400),
        ) {
            let mut world = World::new();
            let started = world.now;
            let (mut useless, mut answered) = (0, 0);
            for (changes, needed, pause) in fates as Vec<Fate> {
                let taken = (0..needed.min(4)).take_while(|_| world.take(changes)).count();
                let taken = u32::try_from(taken).expect("few");
                if taken == needed {
                    world.budget.answered_at(world.now, taken);
                    answered += 1;
                } else {
                    useless += u64::from(taken);
                }
                let earned = (answered + (world.now - started).as_secs()) / 10;
                prop_assert!(useless <= 40 + earned, "{} of {} answered", useless, answered);
                world.now += Duration::from_millis(pause);
            }
        }
    }
}
