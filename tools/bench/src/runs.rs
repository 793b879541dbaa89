//! Measures start, first request and warm requests of each program. Programs alternate in every round, so that other
//! load on the machine affects all of them alike.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::aws_proxy::busy_time;
use crate::error::Result;
use crate::process::Running;
use crate::stage::Stage;
use crate::stats::{median, quantile};
use crate::subject::Subject;

/// Requests before the measured ones: Node.js compiles code while it runs.
const WARM_UP: usize = 20;

/// Checkouts of one customer, measured and before those: a checkout lists the customer's sessions.
const CHECKOUTS: (usize, usize) = (15, 3);

/// Number of processes and requests to measure.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Extent {
    /// Processes of each program.
    pub rounds: usize,
    /// Measured warm requests of each process.
    pub warm: usize,
}

/// Measurements of one process.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Milliseconds from the start of the process to its first poll.
    pub start: f64,
    /// Milliseconds of the start during which calls of AWS were in progress.
    pub aws: f64,
    /// Milliseconds of the first request.
    pub first: f64,
    /// Milliseconds of each warm request.
    pub warm: Vec<f64>,
    /// CPU time of a warm request in microseconds.
    pub cpu: f64,
    pub peak_kib: u64,
}

/// Measurements of a program: medians over its processes.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    pub start_ms: f64,
    pub aws_at_start_ms: f64,
    pub first_ms: f64,
    /// Start and first request together.
    pub cold_ms: f64,
    pub warm_ms: f64,
    /// 99th percentile of the warm requests of all processes.
    pub warm_p99_ms: f64,
    pub cpu_us: f64,
    pub peak_mib: f64,
}

impl Sample {
    /// Returns start and first request together.
    pub fn cold(&self) -> f64 {
        self.start + self.first
    }

    /// Returns the median of the warm requests.
    pub fn warm_median(&self) -> f64 {
        median(&self.warm)
    }
}

impl Measured {
    /// Summarizes the measurements of a program's processes.
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

/// Memory sizes are far below 2^52 KiB.
#[expect(clippy::cast_precision_loss)]
pub fn kib_to_mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Measures every program and returns its processes' samples by label, in the order of the rounds.
pub fn measure(
    stage: &Stage,
    subjects: &[Subject],
    extent: Extent,
    progress: fn(&str),
) -> Result<BTreeMap<String, Vec<Sample>>> {
    // A first process of each fills the kernel's file cache and the proxy's cache.
    for subject in subjects {
        sample(stage, subject, Extent { warm: 1, ..extent })?;
    }
    let mut samples: BTreeMap<String, Vec<Sample>> = BTreeMap::new();
    for round in 0..extent.rounds {
        progress(&format!("round {} of {}", round + 1, extent.rounds));
        // Each round begins with another program, so that the order affects all alike.
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
    let (warm_requests, warm_up) = match subject.function.name {
        "checkout-session" => (CHECKOUTS.0.min(extent.warm), CHECKOUTS.1),
        _ => (extent.warm, WARM_UP),
    };
    stage.aws.take_calls();
    let mut running = Running::start(stage, subject)?;
    let aws = busy_time(&stage.aws.take_calls());
    let (first, _) = running.invoke(&stage.event(subject.function)?)?;
    for _ in 0..warm_up {
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
    fn measured_values_are_medians_of_the_processes() {
        let sample = |start: f64, first: f64, warm: &[f64], peak_kib: u64| Sample {
            start,
            aws: 1.0,
            first,
            warm: warm.to_vec(),
            cpu: start,
            peak_kib,
        };
        let measured = Measured::of(&[
            sample(1.0, 9.0, &[1.0, 2.0, 3.0], 1024),
            sample(5.0, 1.0, &[4.0, 5.0, 90.0], 2048),
            sample(3.0, 4.0, &[7.0, 8.0, 9.0], 4096),
        ]);
        let Measured { start_ms, first_ms, cold_ms, warm_ms, peak_mib, .. } = measured;
        let found = [start_ms, first_ms, cold_ms, warm_ms, peak_mib];
        // The cold start is the median of the sums.
        let expected = [3.0, 4.0, 7.0, 5.0, 2.0];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?}");
        assert!((measured.warm_p99_ms - 90.0).abs() < 1e-9);
    }
}
