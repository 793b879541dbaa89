//! Medians, quantiles and confidence intervals. Values are times and ratios, never money.

/// Returns the quantile by the nearest-rank method.
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else { return f64::NAN };
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let rank = (part * values.len() as f64).ceil().max(1.0) as usize - 1;
    values[rank.min(last)]
}

/// Returns the middle value, or the mean of the middle two.
pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

/// Returns a 99.9 % confidence interval of the median by the sign test, which holds for every distribution.
///
/// With few values the interval is the smallest and the largest value, and the confidence is lower.
pub fn interval(values: &[f64]) -> (f64, f64) {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let Some(last) = values.len().checked_sub(1) else { return (f64::NAN, f64::NAN) };
    let skip = skipped(values.len()).min(last / 2);
    (values[skip], values[last - skip])
}

/// Returns how many values on each side lie outside of the interval.
fn skipped(count: usize) -> usize {
    let n = i32::try_from(count).unwrap_or(i32::MAX);
    let mut chance = 0.5_f64.powi(n);
    let mut below = chance;
    let mut skip = 0;
    for k in 1..n / 2 {
        chance *= f64::from(n - k + 1) / f64::from(k);
        below += chance;
        if 2.0 * below > 0.001 {
            break;
        }
        skip += 1;
    }
    skip
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(value: f64, expected: f64) -> bool {
        (value - expected).abs() < 1e-9
    }

    #[test]
    fn medians_and_quantiles_sort_the_values() {
        assert!(about(median(&[3.0, 1.0, 2.0]), 2.0));
        assert!(about(median(&[4.0, 1.0, 2.0, 3.0]), 2.5));
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert!(about(quantile(&hundred, 0.99), 99.0));
        assert!(about(quantile(&hundred, 0.0), 1.0));
        assert!(about(quantile(&hundred, 1.0), 100.0));
        assert!(median(&[]).is_nan() && quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn interval_is_that_of_the_sign_test() {
        // Tables of the binomial distribution: P(X <= 2 | n = 20) = 0.0002, P(X <= 3) = 0.0013.
        assert_eq!(skipped(20), 2);
        assert_eq!((skipped(1), skipped(5), skipped(10)), (0, 0, 0));
        let values: Vec<f64> = (1..=20).map(f64::from).collect();
        let (low, high) = interval(&values);
        assert!(about(low, 3.0) && about(high, 18.0));
    }
}
