//! `kubernetes_healthcheck…`: how health checks went, on a page of their own that may be read more
//! often than the others (KEP-3466).

use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry, Result};

use super::family::{Families, Family, Stability};
use super::{process, text};
use crate::health::{Finding, Probe, Verdict};

/// What is counted of health checks.
pub struct HealthMetrics {
    registry: Registry,
    last: IntGaugeVec,
    all: IntCounterVec,
}

impl HealthMetrics {
    pub fn new() -> Result<Self> {
        let registry = Registry::new();
        let families = Families { registry: &registry, prefix: "kubernetes" };
        let last = families.gauge(Family {
            stability: Stability::Stable,
            name: "healthcheck",
            help: "This metric records the result of a single healthcheck.",
            labels: &["name", "type"],
        })?;
        let all = families.counter(Family {
            stability: Stability::Stable,
            name: "healthchecks_total",
            help: "This metric records the results of all healthcheck.",
            labels: &["name", "status", "type"],
        })?;
        let help = format!("[ALPHA] {}", process::START_TIME);
        let started = prometheus::Gauge::with_opts(Opts::new("process_start_time_seconds", help))?;
        started.set(process::start_time().unwrap_or_default());
        registry.register(Box::new(started))?;
        Ok(Self { registry, last, all })
    }

    pub fn examined(&self, probe: Probe, findings: &[Finding]) {
        for Finding { name, verdict } in findings {
            let (value, status) = match verdict {
                Verdict::Passed => (1, "success"),
                Verdict::Failed(_) => (0, "error"),
                Verdict::Excluded => continue,
            };
            self.last.with_label_values(&[name, probe.name()]).set(value);
            self.all.with_label_values(&[name, status, probe.name()]).inc();
        }
    }

    pub fn render(&self) -> String {
        text::render(&self.registry.gather())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_that_was_made_counts() {
        let metrics = HealthMetrics::new().unwrap();
        let finding = |verdict| [Finding { name: "ping", verdict }];
        metrics.examined(Probe::Healthz, &finding(Verdict::Passed));
        metrics.examined(Probe::Healthz, &finding(Verdict::Excluded));
        metrics.examined(Probe::Healthz, &finding(Verdict::Failed("it".to_owned())));
        let text = metrics.render();
        let wanted = r#"# HELP kubernetes_healthcheck [STABLE] This metric records the result of a single healthcheck.
# TYPE kubernetes_healthcheck gauge
kubernetes_healthcheck{name="ping",type="healthz"} 0
# HELP kubernetes_healthchecks_total [STABLE] This metric records the results of all healthcheck.
# TYPE kubernetes_healthchecks_total counter
kubernetes_healthchecks_total{name="ping",status="error",type="healthz"} 1
kubernetes_healthchecks_total{name="ping",status="success",type="healthz"} 1
# HELP process_start_time_seconds [ALPHA] Start time of the process since unix epoch in seconds.
"#;
        assert!(text.starts_with(wanted), "{text}");
    }
}
