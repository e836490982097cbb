//! `leader_election_…`: whether this replica leads, by the name of the Lease.

use prometheus::{IntCounterVec, IntGaugeVec, Registry, Result};

use super::family::{Families, Family, Stability};

/// What client-go counts of its elections.
pub struct LeaderElectionMetrics {
    master_status: IntGaugeVec,
    slowpath: IntCounterVec,
}

impl LeaderElectionMetrics {
    pub fn new(registry: &Registry) -> Result<Self> {
        let families = Families { registry, prefix: "leader_election" };
        Ok(Self {
            master_status: families.gauge(Family {
                stability: Stability::Alpha,
                name: "master_status",
                help: "Gauge of if the reporting system is master of the relevant lease, 0 indicates backup, 1 indicates master. 'name' is the string used to identify the lease. Please make sure to group by name.",
                labels: &["name"],
            })?,
            slowpath: families.counter(Family {
                stability: Stability::Alpha,
                name: "slowpath_total",
                help: "Total number of slow path exercised in renewing leader leases. 'name' is the string used to identify the lease. Please make sure to group by name.",
                labels: &["name"],
            })?,
        })
    }

    pub fn stands_by(&self, lease: &str) {
        self.master_status.with_label_values(&[lease]).set(0);
    }

    pub fn leads(&self, lease: &str) {
        self.master_status.with_label_values(&[lease]).set(1);
    }

    pub fn took_the_slow_path(&self, lease: &str) {
        self.slowpath.with_label_values(&[lease]).inc();
    }
}
