//! The same history for the stock kube-controller-manager and for Roster, and what both have counted:
//! the same families of the same shape, and the same in all gauges, with one difference that is meant.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

use std::collections::BTreeSet;
use std::sync::Arc;

use controller_core::key::Controller;
use serde_json::json;
use support::metrics::{Families, five_services};
use support::roster::of_controllers;
use support::{Cluster, Roster, Visitor, service};
use testbed::{
    ApiServer, ApiServerOptions, ControllerManager, ControllerManagerOptions, Etcd, Program, TOKEN,
};

/// The families of the controllers and of their queues.
const PREFIXES: [&str; 3] =
    ["endpoint_slice_controller_", "endpoint_slice_mirroring_controller_", "workqueue_"];
/// Those of the process, of its port, and of its client.
const OTHERS: [&str; 9] = [
    "authenticated_user_requests",
    "authentication_attempts",
    "authentication_duration_seconds",
    "authorization_attempts_total",
    "authorization_duration_seconds",
    "kubernetes_build_info",
    "process_",
    "rest_client_requests_total",
    "rest_client_request_duration_seconds",
];
const NEAR: &str = r#"{traffic_distribution="PreferSameZone"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn roster_counts_what_kube_controller_manager_counts() {
    let etcd = Etcd::start().await.unwrap();
    let server = |prefix| ApiServer::start(&etcd, ApiServerOptions::under(prefix));
    let (stock_server, our_server) =
        (server("/stock").await.unwrap(), server("/roster").await.unwrap());
    let controllers = Controller::OF_KUBE_CONTROLLER_MANAGER
        .map(|controller| controller.name().to_owned())
        .into();
    let stock = ControllerManagerOptions { controllers, flags: Vec::new() };
    let manager = ControllerManager::start(&stock_server, stock).await.unwrap();
    let roster = Roster::start(our_server.client().await.unwrap());
    let theirs = Cluster::new(stock_server.client().await.unwrap()).await;
    let ours = Cluster::new(our_server.client().await.unwrap()).await;
    let prefixes = [&PREFIXES[..], &OTHERS].concat();
    let scraper = Visitor::anonymous(&roster.serve(&our_server).await)
        .saying("authorization", &format!("Bearer {TOKEN}"));
    let of_stock = async || Families::read(&manager.metrics().await.unwrap(), &prefixes);
    let of_roster = async || Families::read(&scraper.get("/metrics").await.body, &prefixes);

    tokio::join!(five_services(&theirs), five_services(&ours));
    // Of a Service with two families kube-controller-manager counts the one it came to last; Roster
    // counts both (kubernetes/kubernetes#126004).
    theirs.until(gauges([4, 5, 4, 1], [2, 3, 2]), async || counted(&of_stock().await)).await;
    ours.until(gauges([5, 7, 5, 1], [2, 3, 2]), async || counted(&of_roster().await)).await;

    for cluster in [&theirs, &ours] {
        cluster.readiness("three", "True").await;
        cluster.until_ready("web", &["one", "three", "two"]).await;
        for name in ["web", "near", "hand"] {
            cluster.delete("Service", name).await;
        }
    }
    theirs.until(gauges([2, 2, 2, 0], [0, 0, 0]), async || counted(&of_stock().await)).await;
    ours.until(gauges([3, 4, 3, 0], [0, 0, 0]), async || counted(&of_roster().await)).await;

    let (stock, roster_now) = (of_stock().await, of_roster().await);
    let (theirs, ours) = (stock.shapes(), roster_now.shapes());
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    assert_eq!(theirs.len(), 9 + 9 + 7 + 8 + 9);
    assert_eq!(theirs["workqueue_queue_duration_seconds"].bounds.len(), 11, "+Inf included");
    for (name, shape) in &theirs {
        assert_eq!(&ours[name], shape, "{name}");
    }
    let queues = queues(&roster_now);
    assert!(queues.is_subset(&self::queues(&stock)), "{queues:?}");
    assert_eq!(queues.len(), 3);
    roster.stop().await;
}

/// The gauges of the controllers, without those of the queues.
fn counted(families: &Families) -> Vec<String> {
    let mut gauges = families.gauges();
    gauges.retain(|line| line.starts_with("endpoint_slice"));
    gauges
}

/// Slices that would be enough, endpoints, slices, and Services that prefer their zone; the same of
/// mirrors.
fn gauges(slices: [u8; 4], mirrors: [u8; 3]) -> Vec<String> {
    let near = format!("services_count_by_traffic_distribution{NEAR}");
    let names = ["desired_endpoint_slices", "endpoints_desired", "num_endpoint_slices", &near];
    let lines = |prefix: &str, values: &[u8]| -> Vec<String> {
        let lines = names.iter().zip(values);
        lines.map(|(name, value)| format!("{prefix}{name} {value}")).collect()
    };
    [lines(PREFIXES[0], &slices), lines(PREFIXES[1], &mirrors)].concat()
}

fn queues(families: &Families) -> BTreeSet<String> {
    families.0["workqueue_depth"]
        .values
        .keys()
        .filter(|name| name.contains("endpoint"))
        .cloned()
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_gives_cluster_ips_roster_counts_what_kube_apiserver_counts() {
    let etcd = Etcd::start().await.unwrap();
    let server = async |program, prefix: &str| {
        let service_cluster_ip_range = "10.96.0.0/29".to_owned();
        let under = ApiServerOptions::under(prefix);
        let options = ApiServerOptions { program, service_cluster_ip_range, ..under };
        ApiServer::start(&etcd, options).await.unwrap()
    };
    let stock_server = server(Program::KubeApiserver, "/stock").await;
    let our_server = server(Program::WithoutAllocator, "/roster").await;
    let client = our_server.client().await.unwrap();
    let settings = of_controllers(&[Controller::ClusterIp]);
    let roster = Roster::start_with(client.clone(), settings, Arc::new(jiff::Timestamp::now));

    // One too many for the range.
    let (theirs, ours) = (stock_server.client().await.unwrap(), Cluster::new(client).await);
    let stock_cluster = Cluster::new(theirs.clone()).await;
    for name in ["a", "b", "c", "d", "e", "f"] {
        let _ = stock_cluster.try_create(service(name, json!({}))).await;
        ours.create(service(name, json!({}))).await;
    }
    let read = |text: &str| Families::read(text, &["kube_apiserver_clusterip_allocator_"]);
    let scrape = http::Request::get("/metrics").body(Vec::new()).unwrap();
    let stock = read(&theirs.request_text(scrape).await.unwrap());
    assert_eq!(stock.0.len(), 5, "{:?}", stock.lines());
    ours.until(stock.shapes(), async || read(&roster.metrics()).shapes()).await;
    ours.until(stock.gauges(), async || read(&roster.metrics()).gauges()).await;
    roster.stop().await;
}
