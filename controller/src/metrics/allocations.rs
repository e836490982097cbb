//! `kube_apiserver_clusterip_allocator_…`: what kube-apiserver counts of the ClusterIPs that it gives,
//! counted of those that we give, where it gives none.

use std::net::IpAddr;

use allocator::{IpFamily, Range, Usage};
use controller_core::cluster_ip::ledger::Ledger;
use controller_core::key::Kind;
use controller_core::reconcile::{FailureNature, Stage, Verb};
use jiff::SignedDuration;
use prometheus::{HistogramVec, IntCounterVec, IntGaugeVec, Registry, Result};

use super::Executed;
use super::family::{Families, Family, Stability};
use crate::executor::Write;

pub struct AllocationMetrics {
    allocated: IntGaugeVec,
    available: IntGaugeVec,
    total: IntCounterVec,
    errors: IntCounterVec,
    duration: HistogramVec,
}

impl AllocationMetrics {
    pub fn new(registry: &Registry) -> Result<Self> {
        let families = Families { registry, prefix: "kube_apiserver_clusterip_allocator" };
        let stability = Stability::Alpha;
        let gauge =
            |name, help| families.gauge(Family { stability, name, help, labels: &["cidr"] });
        let counter = |name, help| {
            families.counter(Family { stability, name, help, labels: &["cidr", "scope"] })
        };
        let duration = Family {
            stability,
            name: "allocation_duration_seconds",
            help: "Duration in seconds to allocate a Cluster IP by ServiceCIDR",
            labels: &["cidr"],
        };
        Ok(Self {
            allocated: gauge(
                "allocated_ips",
                "Gauge measuring the number of allocated IPs for Services",
            )?,
            available: gauge(
                "available_ips",
                "Gauge measuring the number of available IPs for Services",
            )?,
            total: counter("allocation_total", "Number of Cluster IPs allocations")?,
            errors: counter(
                "allocation_errors_total",
                "Number of errors trying to allocate Cluster IPs",
            )?,
            duration: families.histogram(duration, prometheus::DEFAULT_BUCKETS.to_vec())?,
        })
    }

    pub fn clear(&self) {
        self.allocated.reset();
        self.available.reset();
    }

    /// How full the ranges are.
    pub fn show(&self, usages: impl Iterator<Item = Usage>) {
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        for Usage { range, used, free } in usages {
            let labels = [&*range.to_string()];
            self.allocated.with_label_values(&labels).set(number(used));
            self.available.with_label_values(&labels).set(number(free));
        }
    }

    /// Counts claims made, and claims and picks that failed.
    pub fn executed(&self, executed: &Executed<'_>, ledger: &Ledger) {
        let claims = executed.execution.writes.iter();
        let claims = claims.filter(|it| it.kind == Kind::IpAddress && it.verb == Verb::Create);
        for (write, address) in claims.filter_map(|it| Some((it, it.key.name.parse().ok()?))) {
            self.claimed(write, scope(executed, address), ledger.open_range_of(address));
        }
        for failure in &executed.execution.failures {
            if let FailureNature::Shortage(family) = failure.nature {
                self.full(family.into(), ledger);
            }
        }
    }

    fn claimed(&self, write: &Write, scope: &str, range: Option<Range>) {
        let cidr = range.map(|range| range.to_string()).unwrap_or_default();
        let labels = [&*cidr, scope];
        if write.error.is_some() {
            self.errors.with_label_values(&labels).inc();
            return;
        }
        self.total.with_label_values(&labels).inc();
        // The clock of a machine may be set back.
        let took = write.answered.duration_since(write.sent).max(SignedDuration::ZERO);
        self.duration.with_label_values(&[&*cidr]).observe(took.as_secs_f64());
    }

    /// Nothing was found in any range of a family.
    fn full(&self, family: IpFamily, ledger: &Ledger) {
        for usage in ledger.families().of(family).usage() {
            self.errors.with_label_values(&[&*usage.range.to_string(), "dynamic"]).inc();
        }
    }
}

/// Whether the Service brought the address, in the words of kube-apiserver.
fn scope(executed: &Executed<'_>, address: IpAddr) -> &'static str {
    let brought = |stage: &Stage<'_>| matches!(stage, Stage::Claim(it) if it.address == address);
    match executed.outline.stages.iter().any(brought) {
        true => "static",
        false => "dynamic",
    }
}
