//! Whether a spread is even, and where the middle and the end of many times lie.

use std::time::Duration;

/// Pearson's statistic for counts that should be equal, as a deviate of the normal distribution
/// (Wilson and Hilferty): an even spread gives more than 5 once in three million times.
pub fn unevenness(counts: &[usize]) -> f64 {
    let total: usize = counts.iter().sum();
    let expected = total as f64 / counts.len() as f64;
    let chi_square: f64 =
        counts.iter().map(|count| (*count as f64 - expected).powi(2) / expected).sum();
    let degrees = (counts.len() - 1) as f64;
    let spread = 2.0 / (9.0 * degrees);
    ((chi_square / degrees).cbrt() - (1.0 - spread)) / spread.sqrt()
}

/// The time that so many of a hundred do not exceed.
pub fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    let place = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted[place]
}
