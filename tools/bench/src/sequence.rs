//! How many calls a request makes, and how many of them one after the other.
//!
//! The latter is measured, not read off the code: with every answer late by 200 ms, the request is late
//! by 200 ms for each call in sequence.

use std::time::Duration;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::process::Running;
use crate::stage::Stage;
use crate::subject::Subject;

/// How late every answer is.
const DELAY: Duration = Duration::from_millis(200);

/// How far from a whole number of delays a request may be late, for a result to count.
const UNSURE: f64 = 0.45;

/// How often it is tried.
const TRIES: usize = 6;

/// How many calls, and how many of them one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Calls {
    pub count: usize,
    pub in_sequence: usize,
}

/// The calls of one program.
#[derive(Clone, Debug, Serialize)]
pub struct Asked {
    /// Of Stripe, in a warm request.
    pub stripe: Calls,
    /// Of AWS: before the first request, in the first, in a warm one.
    pub aws_at_start: Calls,
    pub aws_at_first: Calls,
    pub aws_warm: usize,
    /// By how many milliseconds of the 200 for each call in sequence the wall clock was off.
    pub stripe_off_ms: f64,
}

/// Counts a program's calls.
pub fn count(stage: &Stage, subject: &Subject) -> Result<Asked> {
    stage.begin(subject.function)?;
    // The first request of a day notes that the key was used; that is not what is counted.
    let mut running = Running::start(stage, subject)?;
    running.invoke(&stage.event(subject.function)?)?;
    running.invoke(&stage.event(subject.function)?)?;
    // Made before the looks at what was called: some events take calls of their own.
    let event = stage.event(subject.function)?;
    stage.front.take_calls();
    let (_, newest) = stage.stripe_calls("")?;
    running.invoke(&event)?;
    let (calls, _) = stage.stripe_calls(&newest)?;
    let aws_warm = stage.front.take_calls().len();
    let (in_sequence, off) =
        late_by(&subject.label(), |delay| stripe_delayed(stage, &mut running, subject, delay))?;
    drop(running);
    let (at_start, at_first) = aws(stage, subject)?;
    Ok(Asked {
        stripe: Calls { count: calls.len(), in_sequence },
        aws_at_start: at_start,
        aws_at_first: at_first,
        aws_warm,
        stripe_off_ms: off,
    })
}

/// How long a request takes with Stripe so late, in milliseconds.
fn stripe_delayed(
    stage: &Stage,
    running: &mut Running,
    subject: &Subject,
    delay: Duration,
) -> Result<f64> {
    let event = stage.event(subject.function)?;
    stage.delay_stripe(Some(delay).filter(|delay| !delay.is_zero()))?;
    let taken = running.invoke(&event);
    stage.delay_stripe(None)?;
    Ok(taken?.0.as_secs_f64() * 1e3)
}

/// Calls of AWS before the first request, and in it.
fn aws(stage: &Stage, subject: &Subject) -> Result<(Calls, Calls)> {
    let mut counts = (0, 0);
    // Both times come from the same processes.
    let mut starts = [Vec::new(), Vec::new()];
    let mut measure = |delay: Duration| -> Result<(f64, f64)> {
        stage.front.take_calls();
        stage.front.delay(delay);
        let outcome = (|| {
            let mut running = Running::start(stage, subject)?;
            let at_start = stage.front.take_calls().len();
            let (first, _) = running.invoke(&stage.event_undelayed(subject.function, delay)?)?;
            counts = (at_start, stage.front.take_calls().len());
            Ok((running.ready.as_secs_f64() * 1e3, first.as_secs_f64() * 1e3))
        })();
        stage.front.delay(Duration::ZERO);
        outcome
    };
    let label = subject.label();
    let (first, _) = late_by(&label, |delay| {
        let (start, first) = measure(delay)?;
        starts[usize::from(!delay.is_zero())].push(start);
        Ok(first)
    })?;
    let mut known = starts.map(Vec::into_iter);
    let (start, _) = late_by(&label, |delay| {
        let known = known[usize::from(!delay.is_zero())].next();
        known.map_or_else(|| Ok(measure(delay)?.0), Ok)
    })?;
    Ok((
        Calls { count: counts.0, in_sequence: start },
        Calls { count: counts.1, in_sequence: first },
    ))
}

/// How many delays fit into what `measure` takes longer with one than without, and by how many
/// milliseconds they do not. Of each kind the fastest counts: others were held up by something
/// else. It is sure when two looks say the same.
fn late_by(label: &str, mut measure: impl FnMut(Duration) -> Result<f64>) -> Result<(usize, f64)> {
    let (mut fast, mut slow) = (f64::INFINITY, f64::INFINITY);
    let mut last = None;
    for _ in 0..TRIES {
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
        "{label} is late by {:.0} ms, and not by 200 ms for each call",
        slow - fast
    ))
}

fn whole(late: f64) -> Option<(usize, f64)> {
    let delay = DELAY.as_secs_f64() * 1e3;
    let times = (late / delay).round().max(0.0);
    let off = late - times * delay;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    (off.abs() <= UNSURE * delay).then_some((times as usize, off))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_number_of_delays_counts() {
        assert_eq!(whole(605.0).map(|(times, _)| times), Some(3));
        assert_eq!(whole(-12.0).map(|(times, _)| times), Some(0));
        assert_eq!(whole(390.0).map(|(times, _)| times), Some(2));
        assert!(whole(300.0).is_none() && whole(95.0).is_none());
    }

    #[test]
    fn what_else_holds_a_request_up_is_not_taken_for_a_call() {
        let run = |fast: [f64; 4], slow: [f64; 4]| {
            let (mut fast, mut slow) = (fast.into_iter(), slow.into_iter());
            late_by("x", |delay| {
                let times = if delay.is_zero() { &mut fast } else { &mut slow };
                Ok(times.next().unwrap_or(900.0))
            })
        };
        // The first time it was held up for as long as a call, once with and once without the delay.
        let found = run([210.0, 5.0, 6.0, 5.0], [408.0, 606.0, 407.0, 409.0]).expect("in time");
        assert_eq!(found.0, 2);
        let error = run([5.0; 4], [305.0; 4]).expect_err("one and a half").to_string();
        assert!(error.contains("x is late by 300 ms"), "{error}");
    }
}
