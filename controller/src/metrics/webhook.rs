//! What became of the Services that the admission webhook was asked about.

use std::time::Duration;

use prometheus::{HistogramVec, IntCounterVec, Registry, Result};

use super::family::{Families, Family, Stability, only};

/// What the webhook answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The API server may do as it does by itself: nothing was to be chosen.
    Passed,
    /// Addresses were chosen.
    Given,
    /// The Service may not be created like this.
    Refused,
    /// Addresses were to be chosen and could not be held, or none was free: the API server chooses.
    Left,
    /// There was no answer that the API server could use.
    Error,
}

pub struct WebhookMetrics {
    reviews: IntCounterVec,
    duration: HistogramVec,
}

impl WebhookMetrics {
    pub fn new(registry: &Registry) -> Result<Self> {
        let families = Families { registry, prefix: "roster_webhook" };
        let alpha = Stability::Alpha;
        let buckets = vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];
        Ok(Self {
            reviews: families.counter(Family {
                stability: alpha,
                name: "reviews_total",
                help: "Number of Services that were reviewed, by what was answered: given, passed, refused, left (to the API server, because no address could be held) or error",
                labels: &["verdict"],
            })?,
            duration: families.histogram(
                Family {
                    stability: alpha,
                    name: "review_duration_seconds",
                    help: "Time from a request to its answer",
                    labels: &[],
                },
                buckets,
            )?,
        })
    }

    pub fn reviewed(&self, verdict: Verdict, took: Duration) {
        self.reviews.with_label_values(&[verdict.name()]).inc();
        only(&self.duration).observe(took.as_secs_f64());
    }
}

impl Verdict {
    fn name(self) -> &'static str {
        match self {
            Verdict::Passed => "passed",
            Verdict::Given => "given",
            Verdict::Refused => "refused",
            Verdict::Left => "left",
            Verdict::Error => "error",
        }
    }
}
