//! `roster_watch_…`: how long ago something was last heard of each kind that is watched. A healthy API
//! server says something at least about once a minute.

use std::collections::BTreeMap;

use controller_core::key::Kind;
use parking_lot::Mutex;
use prometheus::{GaugeVec, Registry, Result};
use tokio::time::Instant;

use super::family::{Families, Family, Stability};

/// What is known of watches.
pub struct WatchMetrics {
    silence: GaugeVec,
    heard: Mutex<BTreeMap<Kind, Instant>>,
}

impl WatchMetrics {
    pub fn new(registry: &Registry) -> Result<Self> {
        let families = Families { registry, prefix: "roster" };
        let silence = families.fractional_gauge(Family {
            stability: Stability::Alpha,
            name: "watch_silence_seconds",
            help: "Time since a list or watch of a kind last brought anything, bookmarks included",
            labels: &["kind"],
        })?;
        Ok(Self { silence, heard: Mutex::default() })
    }

    pub fn heard(&self, kind: Kind) {
        self.heard.lock().insert(kind, Instant::now());
    }

    /// Brings the numbers up to date.
    pub fn refresh(&self) {
        for (kind, heard) in self.heard.lock().iter() {
            let silence = heard.elapsed().as_secs_f64();
            self.silence.with_label_values(&[kind.name()]).set(silence);
        }
    }
}
