//! `rest_client_…`: what client-go counts of requests to the API server.

use std::time::Duration;

use prometheus::{HistogramVec, IntCounterVec, Registry, Result};

use super::family::{Families, Family, Stability};

/// client-go's buckets, in seconds.
const BUCKETS: [f64; 12] = [0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0];

/// What is counted of requests.
pub struct RestClientMetrics {
    requests: IntCounterVec,
    duration: HistogramVec,
}

impl RestClientMetrics {
    pub fn new(registry: &Registry) -> Result<Self> {
        let families = Families { registry, prefix: "rest_client" };
        let requests = Family {
            stability: Stability::Alpha,
            name: "requests_total",
            help: "Number of HTTP requests, partitioned by status code, method, and host.",
            labels: &["code", "method", "host"],
        };
        let duration = Family {
            stability: Stability::Alpha,
            name: "request_duration_seconds",
            help: "Request latency in seconds. Broken down by verb, and host.",
            labels: &["verb", "host"],
        };
        Ok(Self {
            requests: families.counter(requests)?,
            duration: families.histogram(duration, BUCKETS.to_vec())?,
        })
    }

    pub fn answered(&self, host: &str, method: &str, code: &str, took: Duration) {
        self.requests.with_label_values(&[code, method, host]).inc();
        self.duration.with_label_values(&[method, host]).observe(took.as_secs_f64());
    }
}
