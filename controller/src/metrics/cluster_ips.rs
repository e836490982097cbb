//! How full the ranges and pools of ClusterIPs are. It is looked up when somebody asks, so it is right
//! from the first answer on; before everything has been listed there is nothing to tell.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use allocator::{IpFamily, Span};
use controller_core::cluster_ip::ledger::Ledger;
use controller_core::key::Controller;
use parking_lot::Mutex;
use prometheus::{IntGaugeVec, Registry, Result};

use super::Executed;
use super::allocations::AllocationMetrics;
use super::family::{Families, Family, Stability};
use crate::shared_index::SharedIndex;

pub struct ClusterIpMetrics {
    ranges: Gauges,
    pools: Gauges,
    allocations: AllocationMetrics,
    /// Whether we give addresses.
    gives: AtomicBool,
    index: Mutex<Weak<SharedIndex>>,
}

/// How many addresses there are, and how many of them are used and free.
struct Gauges {
    capacity: IntGaugeVec,
    used: IntGaugeVec,
    available: IntGaugeVec,
}

impl ClusterIpMetrics {
    pub fn new(registry: &Registry) -> Result<Self> {
        let ranges = Families { registry, prefix: "roster_cluster_ip_range" };
        let pools = Families { registry, prefix: "roster_cluster_ip_pool" };
        Ok(Self {
            ranges: Gauges::new(&ranges, &["family", "range"])?,
            pools: Gauges::new(&pools, &["family", "pool"])?,
            allocations: AllocationMetrics::new(registry)?,
            gives: AtomicBool::default(),
            index: Mutex::default(),
        })
    }

    /// Looks at what an index knows from now on.
    pub fn watch(&self, index: &Arc<SharedIndex>) {
        *self.index.lock() = Arc::downgrade(index);
    }

    /// We give addresses from now on, and so tell what kube-apiserver tells where it does.
    pub fn gives(&self) {
        self.gives.store(true, Ordering::Relaxed);
    }

    pub fn executed(&self, executed: &Executed<'_>) {
        let index = self.index.lock().upgrade();
        if let Some(index) = index.filter(|_| self.gives.load(Ordering::Relaxed)) {
            index.with(|index| self.allocations.executed(executed, index.ledger()));
        }
    }

    pub fn refresh(&self) {
        self.ranges.clear();
        self.pools.clear();
        self.allocations.clear();
        let Some(index) = self.index.lock().upgrade() else {
            return;
        };
        index.with(|index| {
            if index.is_ready(Controller::ClusterIp) {
                self.show(index.ledger());
            }
        });
    }

    fn show(&self, ledger: &Ledger) {
        for family in [IpFamily::V4, IpFamily::V6] {
            let (name, allocator) = (family.to_string(), ledger.families().of(family));
            if self.gives.load(Ordering::Relaxed) {
                self.allocations.show(allocator.usage());
            }
            for usage in allocator.usage() {
                let labels = [&*name, &usage.range.to_string()];
                self.ranges.set(&labels, usage.range.size().into(), usage.free.into());
            }
            for pool in ledger.pools().iter() {
                let of_family = pool.spans.iter().filter(|span| span.family() == family);
                let spans: Vec<Span> = of_family.copied().collect();
                if !spans.is_empty() {
                    let capacity = spans.iter().map(Span::size).sum();
                    let labels = [&*name, &*pool.pool.name];
                    self.pools.set(&labels, capacity, allocator.free_within(&spans));
                }
            }
        }
    }
}

impl Gauges {
    fn new(families: &Families<'_>, labels: &'static [&'static str]) -> Result<Self> {
        let gauge =
            |name, help| families.gauge(Family { stability: Stability::Alpha, name, help, labels });
        Ok(Self {
            capacity: gauge("capacity", "Number of addresses that can be given")?,
            used: gauge("used", "Number of addresses that a Service lists or that are claimed")?,
            available: gauge("available", "Number of addresses that are free")?,
        })
    }

    fn clear(&self) {
        for gauges in [&self.capacity, &self.used, &self.available] {
            gauges.reset();
        }
    }

    fn set(&self, labels: &[&str], capacity: u128, available: u128) {
        let number = |count: u128| i64::try_from(count).unwrap_or(i64::MAX);
        let used = capacity.saturating_sub(available);
        self.capacity.with_label_values(labels).set(number(capacity));
        self.used.with_label_values(labels).set(number(used));
        self.available.with_label_values(labels).set(number(available));
    }
}
