//! Start, first request, warm requests: one program after the other, over and over, so that whatever
//! else the machine does falls on all of them alike.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::error::Result;
use crate::front::time_of;
use crate::process::Running;
use crate::stage::Stage;
use crate::stats::{median, quantile};
use crate::subject::Subject;

/// Requests before those that count: a program in Node.js is compiled while it runs.
const UNCOUNTED: usize = 20;

/// Checkouts of one customer, counted and not.
const CHECKOUTS: (usize, usize) = (15, 3);

/// How much to measure.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Extent {
    /// Processes of each program.
    pub rounds: usize,
    /// Counted warm requests of each.
    pub warm: usize,
}

/// One process of one program.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Milliseconds from the start to the first question for work.
    pub start: f64,
    /// Milliseconds of these that calls of AWS were under way.
    pub aws: f64,
    /// Milliseconds of the first request.
    pub first: f64,
    /// And of each warm one.
    pub warm: Vec<f64>,
    /// Microseconds on a processor for a warm request.
    pub cpu: f64,
    pub peak_kib: u64,
}

/// What a program takes: medians over its processes.
#[derive(Clone, Debug, Serialize)]
pub struct Taken {
    pub start_ms: f64,
    pub aws_at_start_ms: f64,
    pub first_ms: f64,
    /// Start and first request together.
    pub cold_ms: f64,
    pub warm_ms: f64,
    /// Over the warm requests of all processes.
    pub warm_p99_ms: f64,
    pub cpu_us: f64,
    pub peak_mib: f64,
}

impl Sample {
    /// Start and first request together.
    pub fn cold(&self) -> f64 {
        self.start + self.first
    }

    /// The median of the warm requests.
    pub fn warm_median(&self) -> f64 {
        median(&self.warm)
    }
}

impl Taken {
    /// Of these processes.
    pub fn of(samples: &[Sample]) -> Self {
        let all =
            |value: fn(&Sample) -> f64| median(&samples.iter().map(value).collect::<Vec<_>>());
        let warm: Vec<f64> = samples.iter().flat_map(|sample| sample.warm.clone()).collect();
        Self {
            start_ms: all(|sample| sample.start),
            aws_at_start_ms: all(|sample| sample.aws),
            first_ms: all(|sample| sample.first),
            cold_ms: all(Sample::cold),
            warm_ms: all(Sample::warm_median),
            warm_p99_ms: quantile(&warm, 0.99),
            cpu_us: all(|sample| sample.cpu),
            peak_mib: all(|sample| kib_to_mib(sample.peak_kib)),
        }
    }
}

/// A peak is far below 2^52 KiB.
#[expect(clippy::cast_precision_loss)]
pub fn kib_to_mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Every program's processes, in the order of the rounds.
pub fn measure(
    stage: &Stage,
    subjects: &[Subject],
    extent: Extent,
    progress: fn(&str),
) -> Result<BTreeMap<String, Vec<Sample>>> {
    // One process of each that does not count: files are in the kernel's cache then, and moto's
    // answers in ours.
    for subject in subjects {
        sample(stage, subject, Extent { warm: 1, ..extent })?;
    }
    let mut samples: BTreeMap<String, Vec<Sample>> = BTreeMap::new();
    for round in 0..extent.rounds {
        progress(&format!("round {} of {}", round + 1, extent.rounds));
        // Each round begins with another one, so that nobody always comes after the same.
        let (before, after) = subjects.split_at(round % subjects.len());
        for subject in after.iter().chain(before) {
            let sample = sample(stage, subject, extent)?;
            samples.entry(subject.label()).or_default().push(sample);
        }
    }
    Ok(samples)
}

fn sample(stage: &Stage, subject: &Subject, extent: Extent) -> Result<Sample> {
    stage.begin(subject.function)?;
    let (warm_requests, uncounted) = match subject.function.name {
        "checkout-session" => (CHECKOUTS.0.min(extent.warm), CHECKOUTS.1),
        _ => (extent.warm, UNCOUNTED),
    };
    stage.front.take_calls();
    let mut running = Running::start(stage, subject)?;
    let aws = time_of(&stage.front.take_calls());
    let (first, _) = running.invoke(&stage.event(subject.function)?)?;
    for _ in 0..uncounted {
        running.invoke(&stage.event(subject.function)?)?;
    }
    let before = running.cpu_nanos()?;
    let mut warm = Vec::with_capacity(warm_requests);
    for _ in 0..warm_requests {
        let (took, _) = running.invoke(&stage.event(subject.function)?)?;
        warm.push(millis(took));
    }
    let nanos = Duration::from_nanos(running.cpu_nanos()? - before);
    let count = u32::try_from(warm_requests).unwrap_or(u32::MAX);
    Ok(Sample {
        start: millis(running.ready),
        aws: millis(aws),
        first: millis(first),
        warm,
        cpu: nanos.as_secs_f64() * 1e6 / f64::from(count),
        peak_kib: running.peak_kib()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_takes_is_the_median_of_its_processes() {
        let sample = |start: f64, first: f64, warm: &[f64], peak_kib: u64| Sample {
            start,
            aws: 1.0,
            first,
            warm: warm.to_vec(),
            cpu: start,
            peak_kib,
        };
        let taken = Taken::of(&[
            sample(1.0, 9.0, &[1.0, 2.0, 3.0], 1024),
            sample(5.0, 1.0, &[4.0, 5.0, 90.0], 2048),
            sample(3.0, 4.0, &[7.0, 8.0, 9.0], 4096),
        ]);
        let got = [taken.start_ms, taken.first_ms, taken.cold_ms, taken.warm_ms, taken.peak_mib];
        // The cold start is the median of the sums, not the sum of the medians.
        let expected = [3.0, 4.0, 7.0, 5.0, 2.0];
        assert!(got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{got:?}");
        assert!((taken.warm_p99_ms - 90.0).abs() < 1e-9);
    }
}
