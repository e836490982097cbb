//! `endpoint_slice_controller_…`.

use std::collections::HashMap;

use controller_core::endpoint_slices::Counts;
use controller_core::facts::{HintMode, TrafficDistribution};
use controller_core::key::NamespacedName;
use controller_core::reconcile::Sizes;
use parking_lot::Mutex;
use prometheus::{HistogramVec, IntCounterVec, IntGaugeVec, Registry, Result};

use super::extents::{Extent, Extents};
use super::family::{Families, Family, Stability, only, sizes};
use super::{Executed, VisitResult};

/// What kube-controller-manager's EndpointSlice controller counts. Its result `stale` never
/// occurs: own writes are known from their answers, so there is no cache to wait for.
pub struct EndpointSliceMetrics {
    added: HistogramVec,
    removed: HistogramVec,
    extents: Extents,
    changes: IntCounterVec,
    changed: HistogramVec,
    syncs: IntCounterVec,
    services: IntGaugeVec,
    distributions: Mutex<HashMap<NamespacedName, TrafficDistribution>>,
}

impl EndpointSliceMetrics {
    pub fn new(registry: &Registry) -> Result<Self> {
        let families = Families { registry, prefix: "endpoint_slice_controller" };
        let per_sync = |name, help| {
            let family = Family { stability: Stability::Beta, name, help, labels: &[] };
            families.histogram(family, sizes()?)
        };
        let changed = Family {
            stability: Stability::Alpha,
            name: "endpointslices_changed_per_sync",
            help: "Number of EndpointSlices changed on each Service sync",
            labels: &["topology", "traffic_distribution"],
        };
        Ok(Self {
            added: per_sync(
                "endpoints_added_per_sync",
                "Number of endpoints added on each Service sync",
            )?,
            removed: per_sync(
                "endpoints_removed_per_sync",
                "Number of endpoints removed on each Service sync",
            )?,
            extents: Extents::new(&families, Stability::Beta)?,
            changes: families.counter(Family {
                stability: Stability::Alpha,
                name: "changes",
                help: "Number of EndpointSlice changes",
                labels: &["operation"],
            })?,
            changed: families.histogram(changed, prometheus::DEFAULT_BUCKETS.to_vec())?,
            syncs: families.counter(Family {
                stability: Stability::Alpha,
                name: "syncs",
                help: "Number of EndpointSlice syncs",
                labels: &["result"],
            })?,
            services: families.gauge(Family {
                stability: Stability::Beta,
                name: "services_count_by_traffic_distribution",
                help: "Number of Services using some specific trafficDistribution",
                labels: &["traffic_distribution"],
            })?,
            distributions: Mutex::default(),
        })
    }

    pub fn planned(&self, key: &NamespacedName, sizes: &Sizes) {
        match sizes {
            Sizes::Slices { families, hint_mode } => {
                for counts in families {
                    only(&self.added).observe(counts.added as f64);
                    only(&self.removed).observe(counts.removed as f64);
                }
                // kube-controller-manager keeps the last family only (kubernetes/kubernetes#126004).
                self.extents.set(key, families.iter().map(extent).sum());
                self.count_service(key, distribution(*hint_mode));
            }
            Sizes::Gone => {
                self.extents.forget(key);
                self.count_service(key, None);
            }
            Sizes::Unchanged | Sizes::Mirror { .. } => {}
        }
    }

    pub fn executed(&self, executed: &Executed<'_>) {
        for write in executed.writes() {
            self.changes.with_label_values(&[write.verb.name()]).inc();
        }
        let Sizes::Slices { hint_mode, .. } = executed.outline.sizes else {
            return;
        };
        let topology = match hint_mode {
            HintMode::Topology => "Auto",
            HintMode::Off | HintMode::Traffic(_) => "Disabled",
        };
        let distribution = distribution(hint_mode).map_or("", TrafficDistribution::name);
        for plan in executed.finished() {
            let changed = (plan.len() + plan.withheld) as f64;
            self.changed.with_label_values(&[topology, distribution]).observe(changed);
        }
    }

    pub fn visited(&self, result: VisitResult) {
        self.syncs.with_label_values(&[result.name()]).inc();
    }

    /// A value that no Service uses any more stays, at zero.
    fn count_service(&self, key: &NamespacedName, now: Option<TrafficDistribution>) {
        let mut distributions = self.distributions.lock();
        let before = match now {
            Some(now) => distributions.insert(key.clone(), now),
            None => distributions.remove(key),
        };
        let services = |of: TrafficDistribution| self.services.with_label_values(&[of.name()]);
        if let Some(before) = before {
            services(before).dec();
        }
        if let Some(now) = now {
            services(now).inc();
        }
    }
}

/// The trafficDistribution that takes effect.
fn distribution(hint_mode: HintMode) -> Option<TrafficDistribution> {
    match hint_mode {
        HintMode::Traffic(distribution) => Some(distribution),
        HintMode::Off | HintMode::Topology => None,
    }
}

fn extent(counts: &Counts) -> Extent {
    Extent {
        desired_endpoints: counts.desired_endpoints,
        slices: counts.slices,
        desired_slices: counts.desired_slices,
    }
}
