//! Counts a request's calls of Stripe and AWS, and how many of them run in sequence.
//!
//! The number in sequence is measured: with every response delayed by 200 ms, a request takes 200 ms longer for each
//! call in sequence.

use std::time::Duration;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::process::Running;
use crate::stage::Stage;
use crate::subject::Subject;

/// Delay of every response.
const DELAY: Duration = Duration::from_millis(200);

/// Deviation from a whole number of delays up to which a measurement counts, as a fraction of the delay.
const TOLERANCE: f64 = 0.45;

/// Number of attempts at a measurement.
const ATTEMPTS: usize = 6;

/// Number of calls, and how many of them run in sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Calls {
    pub count: usize,
    pub in_sequence: usize,
}

/// Calls of one program.
#[derive(Clone, Debug, Serialize)]
pub struct CallCounts {
    /// Calls of Stripe in a warm request.
    pub stripe: Calls,
    /// Calls of AWS before the first request, in the first request, and in a warm request.
    pub aws_at_start: Calls,
    pub aws_at_first: Calls,
    pub aws_warm: usize,
    /// Deviation of the measured time from a whole number of delays in milliseconds.
    pub stripe_off_ms: f64,
}

/// Counts a program's calls.
pub fn count(stage: &Stage, subject: &Subject) -> Result<CallCounts> {
    stage.begin(subject.function)?;
    // The first request of a day also records the key's use.
    let mut running = Running::start(stage, subject)?;
    running.invoke(&stage.event(subject.function)?)?;
    running.invoke(&stage.event(subject.function)?)?;
    // Created first, because creating an event may take calls itself.
    let event = stage.event(subject.function)?;
    stage.aws.take_calls();
    let (_, newest) = stage.stripe_calls("")?;
    running.invoke(&event)?;
    let (calls, _) = stage.stripe_calls(&newest)?;
    let aws_warm = stage.aws.take_calls().len();
    let (in_sequence, off) =
        delays_in(&subject.label(), |delay| stripe_delayed(stage, &mut running, subject, delay))?;
    drop(running);
    let (at_start, at_first) = aws(stage, subject)?;
    Ok(CallCounts {
        stripe: Calls { count: calls.len(), in_sequence },
        aws_at_start: at_start,
        aws_at_first: at_first,
        aws_warm,
        stripe_off_ms: off,
    })
}

/// Returns how long a request takes with this delay of Stripe, in milliseconds.
fn stripe_delayed(
    stage: &Stage,
    running: &mut Running,
    subject: &Subject,
    delay: Duration,
) -> Result<f64> {
    let event = stage.event(subject.function)?;
    stage.delay_stripe(Some(delay).filter(|delay| !delay.is_zero()))?;
    let outcome = running.invoke(&event);
    stage.delay_stripe(None)?;
    Ok(outcome?.0.as_secs_f64() * 1e3)
}

/// Counts the calls of AWS before the first request and in it.
fn aws(stage: &Stage, subject: &Subject) -> Result<(Calls, Calls)> {
    let mut counts = (0, 0);
    // Start times of the processes whose first requests are measured, without and with the delay.
    let mut starts = [Vec::new(), Vec::new()];
    let mut measure = |delay: Duration| -> Result<(f64, f64)> {
        stage.aws.take_calls();
        stage.aws.set_delay(delay);
        let outcome = (|| {
            let mut running = Running::start(stage, subject)?;
            let at_start = stage.aws.take_calls().len();
            let (first, _) = running.invoke(&stage.event_undelayed(subject.function, delay)?)?;
            counts = (at_start, stage.aws.take_calls().len());
            Ok((running.ready.as_secs_f64() * 1e3, first.as_secs_f64() * 1e3))
        })();
        stage.aws.set_delay(Duration::ZERO);
        outcome
    };
    let label = subject.label();
    let (first, _) = delays_in(&label, |delay| {
        let (start, first) = measure(delay)?;
        starts[usize::from(!delay.is_zero())].push(start);
        Ok(first)
    })?;
    let mut known = starts.map(Vec::into_iter);
    let (start, _) = delays_in(&label, |delay| {
        let known = known[usize::from(!delay.is_zero())].next();
        known.map_or_else(|| Ok(measure(delay)?.0), Ok)
    })?;
    Ok((
        Calls { count: counts.0, in_sequence: start },
        Calls { count: counts.1, in_sequence: first },
    ))
}

/// Returns by how many delays `measure` takes longer with the delay than without it, and the deviation in milliseconds.
///
/// Compares the fastest measurements, since other load only slows them down. Accepts a number when two attempts in a row
/// find it.
fn delays_in(
    label: &str,
    mut measure: impl FnMut(Duration) -> Result<f64>,
) -> Result<(usize, f64)> {
    let (mut fast, mut slow) = (f64::INFINITY, f64::INFINITY);
    let mut last = None;
    for _ in 0..ATTEMPTS {
        fast = fast.min(measure(Duration::ZERO)?);
        slow = slow.min(measure(DELAY)?);
        let found = whole(slow - fast);
        if let Some((times, off)) = found
            && last == Some(times)
        {
            return Ok((times, off));
        }
        last = found.map(|(times, _)| times);
    }
    Error::wrong(format!(
        "{label} takes {:.0} ms longer, which is not a multiple of 200 ms",
        slow - fast
    ))
}

/// Returns the number of delays nearest to this time and the deviation, if it is small enough.
fn whole(millis: f64) -> Option<(usize, f64)> {
    let delay = DELAY.as_secs_f64() * 1e3;
    let times = (millis / delay).round().max(0.0);
    let off = millis - times * delay;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    (off.abs() <= TOLERANCE * delay).then_some((times as usize, off))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_numbers_of_delays_count() {
        assert_eq!(whole(605.0).map(|(times, _)| times), Some(3));
        assert_eq!(whole(-12.0).map(|(times, _)| times), Some(0));
        assert_eq!(whole(390.0).map(|(times, _)| times), Some(2));
        assert!(whole(300.0).is_none() && whole(95.0).is_none());
    }

    #[test]
    fn other_load_is_not_counted_as_a_call() {
        let run = |fast: [f64; 4], slow: [f64; 4]| {
            let (mut fast, mut slow) = (fast.into_iter(), slow.into_iter());
            delays_in("x", |delay| {
                let times = if delay.is_zero() { &mut fast } else { &mut slow };
                Ok(times.next().unwrap_or(900.0))
            })
        };
        // Slowed down once without and once with the delay.
        let found = run([210.0, 5.0, 6.0, 5.0], [408.0, 606.0, 407.0, 409.0]).expect("in time");
        assert_eq!(found.0, 2);
        let error = run([5.0; 4], [305.0; 4]).expect_err("one and a half").to_string();
        assert!(error.contains("x takes 300 ms longer"), "{error}");
    }
}
