//! `endpoint_slice_mirroring_controller_…`.

use std::time::Duration;

use controller_core::key::NamespacedName;
use controller_core::reconcile::Sizes;
use prometheus::{HistogramVec, IntCounterVec, Registry, Result, exponential_buckets};

use super::Executed;
use super::extents::{Extent, Extents};
use super::family::{Families, Family, Stability, only, sizes};

/// What kube-controller-manager's mirroring controller counts.
pub struct MirroringMetrics {
    added: HistogramVec,
    updated: HistogramVec,
    removed: HistogramVec,
    skipped: HistogramVec,
    duration: HistogramVec,
    extents: Extents,
    changes: IntCounterVec,
}

impl MirroringMetrics {
    pub fn new(registry: &Registry) -> Result<Self> {
        let families = Families { registry, prefix: "endpoint_slice_mirroring_controller" };
        let stability = Stability::Alpha;
        let histogram = |name, help, buckets| {
            families.histogram(Family { stability, name, help, labels: &[] }, buckets)
        };
        Ok(Self {
            added: histogram(
                "endpoints_added_per_sync",
                "Number of endpoints added on each Endpoints sync",
                sizes()?,
            )?,
            updated: histogram(
                "endpoints_updated_per_sync",
                "Number of endpoints updated on each Endpoints sync",
                sizes()?,
            )?,
            removed: histogram(
                "endpoints_removed_per_sync",
                "Number of endpoints removed on each Endpoints sync",
                sizes()?,
            )?,
            skipped: histogram(
                "addresses_skipped_per_sync",
                "Number of addresses skipped on each Endpoints sync due to being invalid or exceeding MaxEndpointsPerSubset",
                sizes()?,
            )?,
            duration: histogram(
                "endpoints_sync_duration",
                "Duration of syncEndpoints() in seconds",
                exponential_buckets(0.001, 2.0, 15)?,
            )?,
            extents: Extents::new(&families, stability)?,
            changes: families.counter(Family {
                stability,
                name: "changes",
                help: "Number of EndpointSlice changes",
                labels: &["operation"],
            })?,
        })
    }

    pub fn planned(&self, key: &NamespacedName, sizes: &Sizes) {
        match sizes {
            Sizes::Mirror { counts, skipped } => {
                only(&self.skipped).observe(skipped.total as f64);
                only(&self.added).observe(counts.added as f64);
                only(&self.updated).observe(counts.updated as f64);
                only(&self.removed).observe(counts.removed as f64);
                let extent = Extent {
                    desired_endpoints: counts.desired_endpoints,
                    slices: counts.slices,
                    desired_slices: counts.desired_slices,
                };
                self.extents.set(key, extent);
            }
            Sizes::Gone => self.extents.forget(key),
            Sizes::Unchanged | Sizes::Slices { .. } => {}
        }
    }

    /// The clean-up after Endpoints that are not mirrored is no change, here as in
    /// kube-controller-manager.
    pub fn executed(&self, executed: &Executed<'_>) {
        if let Sizes::Mirror { .. } = executed.outline.sizes {
            for write in executed.writes() {
                self.changes.with_label_values(&[write.verb.name()]).inc();
            }
        }
    }

    /// Whole milliseconds count.
    pub fn visited(&self, took: Duration) {
        only(&self.duration).observe(took.as_millis() as f64 / 1000.0);
    }
}
