//! A token bucket that callers queue up at: for writes (`--kube-api-qps`, `--kube-api-burst`), and
//! for retries.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// So many a second, after a burst of so many.
pub struct Limiter {
    /// Tokens a second; none means no limit.
    rate: Option<f64>,
    burst: f64,
    state: Mutex<Bucket>,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Limiter {
    /// A full bucket. Without a rate there is no limit.
    pub fn new(rate: Option<f64>, burst: u32) -> Self {
        let burst = f64::from(burst.max(1));
        Self { rate, burst, state: Mutex::new(Bucket { tokens: burst, at: Instant::now() }) }
    }

    /// Waits for a token.
    pub async fn acquire(&self) {
        let wait = self.reserve(Instant::now());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes a token, going into debt if there is none, and says how long the debt lasts.
    pub fn reserve(&self, now: Instant) -> Duration {
        let Some(rate) = self.rate else {
            return Duration::ZERO;
        };
        let mut bucket = self.state.lock();
        let gained = now.duration_since(bucket.at).as_secs_f64() * rate;
        bucket.tokens = (bucket.tokens + gained).min(self.burst) - 1.0;
        bucket.at = now;
        Duration::from_secs_f64((-bucket.tokens / rate).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn time_for(limiter: &Limiter, writes: usize) -> f64 {
        let start = Instant::now();
        for _ in 0..writes {
            limiter.acquire().await;
        }
        start.elapsed().as_secs_f64()
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_at_once_and_the_rest_at_the_rate() {
        let limiter = Limiter::new(Some(20.0), 30);
        assert_eq!(time_for(&limiter, 30).await, 0.0);
        let rest = time_for(&limiter, 20).await;
        assert!((0.99..1.05).contains(&rest), "{rest}");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_nothing_waits() {
        let limiter = Limiter::new(None, 1);
        assert_eq!(time_for(&limiter, 1000).await, 0.0);
    }
}
