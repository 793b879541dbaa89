//! Counts and ages of each second of the load run.

use std::collections::BTreeMap;

use crate::stats::quantile;

/// One second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Second {
    /// Responses from stored reads that hold, or from Stripe.
    pub current: u32,
    /// Responses from the last known state.
    pub stale: u32,
    /// Responses 429.
    pub refused: u32,
    /// Responses 5xx, and requests without a response.
    pub failed: u32,
    /// Ages in seconds, by the header `Age`.
    pub ages: Vec<f64>,
    /// Requests that reached Stripe.
    pub stripe_calls: u32,
    /// Requests that Stripe refused with 429.
    pub stripe_refused: u32,
}

/// The seconds of the run, by their number from its start.
#[derive(Clone, Debug, Default)]
pub struct Series(pub BTreeMap<u64, Second>);

impl Series {
    /// Adds the responses that the driver wrote: lines of Unix second, status, age and source. Later lines than `end` are
    /// of requests that were still running.
    pub fn add_responses(&mut self, text: &str, began_at: u64) {
        for line in text.lines() {
            let mut words = line.splitn(4, ' ');
            let mut number = || words.next().and_then(|word| word.parse::<u64>().ok());
            let (Some(at), Some(status)) = (number(), number()) else { continue };
            let age = words.next().and_then(|word| word.parse::<f64>().ok());
            let is_stale = words.next().is_some_and(|source| source.contains("stale"));
            let second = self.second(at.saturating_sub(began_at));
            match status {
                429 => second.refused += 1,
                500.. => second.failed += 1,
                _ if is_stale => second.stale += 1,
                _ => second.current += 1,
            }
            second.ages.extend(age);
        }
    }

    /// Returns the second with this number.
    pub fn second(&mut self, number: u64) -> &mut Second {
        self.0.entry(number).or_default()
    }

    /// Returns the sum of a count over the seconds `from` to `to`.
    pub fn sum(&self, from: u64, to: u64, count: fn(&Second) -> u32) -> u64 {
        self.0.range(from..to).map(|(_, second)| u64::from(count(second))).sum()
    }

    /// Returns the mean of a count for each second.
    #[expect(clippy::cast_precision_loss)]
    pub fn mean(&self, from: u64, to: u64, count: fn(&Second) -> u32) -> f64 {
        self.sum(from, to, count) as f64 / (to - from).max(1) as f64
    }

    /// Returns a quantile of the ages in seconds.
    pub fn age(&self, from: u64, to: u64, part: f64) -> f64 {
        let seconds = self.0.range(from..to);
        let ages: Vec<f64> = seconds.flat_map(|(_, second)| second.ages.clone()).collect();
        quantile(&ages, part)
    }
}

impl Second {
    /// Returns the number of responses.
    pub fn reads(&self) -> u32 {
        self.current + self.stale + self.refused + self.failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_are_counted_by_second_and_source() {
        let mut series = Series::default();
        let text = "100 200 7 billing; hit\n100 200 90 billing; hit; detail=stale\n101 429 - -\n101 503 - -\nbroken\n";
        series.add_responses(text, 100);
        let first = Second { current: 1, stale: 1, ages: vec![7.0, 90.0], ..Second::default() };
        let second = Second { refused: 1, failed: 1, ..Second::default() };
        assert_eq!(series.0, BTreeMap::from([(0, first), (1, second)]));
        assert_eq!(series.sum(0, 2, Second::reads), 4);
        assert!((series.age(0, 2, 1.0) - 90.0).abs() < 1e-9);
        assert!((series.mean(0, 2, Second::reads) - 2.0).abs() < 1e-9);
    }
}
