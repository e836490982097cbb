//! How a family of metrics is made: a name, a help text that begins with the stability as
//! kube-controller-manager's do, labels, and for histograms buckets.

use prometheus::core::{Collector, MetricVec, MetricVecBuilder};
use prometheus::{
    GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, Result,
    exponential_buckets,
};

/// How firmly a metric is promised (KEP-1209).
#[derive(Clone, Copy)]
pub enum Stability {
    Alpha,
    Beta,
    Stable,
}

/// One family.
pub struct Family {
    pub stability: Stability,
    /// The name behind the prefix.
    pub name: &'static str,
    pub help: &'static str,
    pub labels: &'static [&'static str],
}

/// Families with a common prefix. Even those without labels have no value before they are first
/// used, as in kube-controller-manager.
pub struct Families<'a> {
    pub registry: &'a Registry,
    pub prefix: &'static str,
}

impl Families<'_> {
    pub fn counter(&self, family: Family) -> Result<IntCounterVec> {
        self.register(IntCounterVec::new(self.options(&family), family.labels)?)
    }

    pub fn gauge(&self, family: Family) -> Result<IntGaugeVec> {
        self.register(IntGaugeVec::new(self.options(&family), family.labels)?)
    }

    pub fn fractional_gauge(&self, family: Family) -> Result<GaugeVec> {
        self.register(GaugeVec::new(self.options(&family), family.labels)?)
    }

    pub fn histogram(&self, family: Family, buckets: Vec<f64>) -> Result<HistogramVec> {
        let options = HistogramOpts::from(self.options(&family)).buckets(buckets);
        self.register(HistogramVec::new(options, family.labels)?)
    }

    fn options(&self, family: &Family) -> Opts {
        let stability = match family.stability {
            Stability::Alpha => "[ALPHA]",
            Stability::Beta => "[BETA]",
            Stability::Stable => "[STABLE]",
        };
        let name = format!("{}_{}", self.prefix, family.name);
        Opts::new(name, format!("{stability} {}", family.help))
    }

    fn register<C: Collector + Clone + 'static>(&self, collector: C) -> Result<C> {
        self.registry.register(Box::new(collector.clone()))?;
        Ok(collector)
    }
}

/// The one metric of a family without labels.
pub fn only<T: MetricVecBuilder>(family: &MetricVec<T>) -> T::M {
    family.with_label_values::<&str>(&[])
}

/// For numbers of endpoints and addresses: 2, 4, 8, … 32768.
pub fn sizes() -> Result<Vec<f64>> {
    exponential_buckets(2.0, 2.0, 15)
}
