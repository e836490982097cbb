//! The dashboard and the alerts name nothing but what Roster serves.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::{Patch, PatchParams};
use regex::Regex;
use serde_json::{Value, json};
use support::metrics::five_services;
use support::{Cluster, Visitor};
use testbed::{ApiServer, ControlPlane, TOKEN};

use crate::rendered::{kustomize, only, path};
use crate::{accepted, alerts, conventions, started};

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn every_expression_of_the_dashboard_is_one() {
    let expressions = expressions();
    assert!(expressions.len() > 20);
    alerts::check_expressions(&expressions);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_that_is_looked_at_is_served_where_the_service_monitor_scrapes() {
    let plane = ControlPlane::start().await.unwrap();
    let server = &plane.api_server;
    accepted::install(server, "base");
    let objects = kustomize("overlays/monitoring");
    let container = &conventions::pod(&objects)["containers"][0];
    let (manager, url) = started::start(server, "roster", container).await;
    five_services(&Cluster::new(server.client().await.unwrap()).await).await;
    manager.says("Successfully acquired lease").await;

    let endpoints = only(&objects, "ServiceMonitor")["spec"]["endpoints"].as_array().unwrap();
    let paths = endpoints.iter().map(|endpoint| endpoint["path"].as_str().unwrap());
    let paths: Vec<&str> = paths.collect();
    let prometheus = Visitor::anonymous(&url).saying("authorization", &format!("Bearer {TOKEN}"));
    let looked_at = metrics_in(&[expressions(), alerts::expressions()].concat());
    let deadline = Instant::now() + PATIENCE;
    loop {
        // Renewals and probes are counted from the first one on.
        disturb_the_lease(server).await;
        prometheus.get("/readyz").await;
        let served = served(&prometheus, &paths).await;
        let missing: Vec<&String> = looked_at.difference(&served).collect();
        if missing.is_empty() {
            break;
        }
        assert!(Instant::now() < deadline, "never served: {missing:?}\n{}", manager.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// All expressions of all panels, with what Grafana puts in for variables.
fn expressions() -> Vec<String> {
    let text = std::fs::read_to_string(path("monitoring/dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    let expressions = targets.map(|target| target["expr"].as_str().unwrap());
    expressions
        .map(|expr| expr.replace("$__rate_interval", "5m").replace("$job", "roster"))
        .collect()
}

/// The metrics that expressions select. Each selects some of its series, by a label, so that those of
/// kube-controller-manager are not taken for Roster's.
fn metrics_in(expressions: &[String]) -> BTreeSet<String> {
    let selector = Regex::new(r#"([a-z_]+)\{([^}]*)\}"#).unwrap();
    let mut metrics = BTreeSet::new();
    for expression in expressions {
        let selectors: Vec<_> = selector.captures_iter(expression).collect();
        assert!(!selectors.is_empty(), "{expression} selects nothing");
        for found in selectors {
            assert!(found[2].contains("=\"roster"), "{expression} takes those of others, too");
            metrics.insert(found[1].to_owned());
        }
    }
    metrics
}

/// Every name that a sample has.
async fn served(prometheus: &Visitor, paths: &[&str]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for path in paths {
        let seen = prometheus.get(path).await;
        assert_eq!(seen.code, 200, "{path}: {}", seen.body);
        let samples = seen.body.lines().filter(|line| !line.starts_with('#'));
        names.extend(samples.map(|line| line.split(['{', ' ']).next().unwrap().to_owned()));
    }
    names
}

async fn disturb_the_lease(server: &ApiServer) {
    let leases: Api<Lease> = Api::namespaced(server.client().await.unwrap(), "kube-system");
    let now = format!("{:?}", Instant::now());
    let patch = Patch::Merge(json!({"metadata": {"annotations": {"disturbed": now}}}));
    leases.patch("roster-controller-manager", &PatchParams::default(), &patch).await.unwrap();
}
