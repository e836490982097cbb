//! What the program says while it starts, works and ends, in text and in JSON, beside
//! kube-controller-manager.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod program;

use program::Process;
use serde_json::{Value, json};
use support::{Cluster, pod, service};
use testbed::{ControlPlane, ControllerManager, ControllerManagerOptions};

/// What both say, up to what differs.
const IN_COMMON: [&str; 8] = [
    "] \"Starting\" version=\"v",
    "] Serving securely on 127.0.0.1:",
    "] \"Attempting to acquire leader lease...\" lock=\"kube-system/",
    "] \"Successfully acquired lease\" lock=\"kube-system/",
    "] \"Event occurred\" object=\"kube-system/",
    "\"Starting endpoint slice controller\"",
    "\"Starting EndpointSliceMirroring controller\"",
    "] \"Warning: controller is disabled\" controller=\"endpoints-controller\"",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_start_reads_as_that_of_kube_controller_manager() {
    let plane = ControlPlane::start().await.unwrap();
    let ours = ["endpointslice-controller", "endpointslice-mirroring-controller"];
    let mut options = ControllerManagerOptions::unhurried(&ours);
    options.flags.push("--leader-elect=true".to_owned());
    let stock = ControllerManager::start(&plane.api_server, options).await.unwrap();
    let kubeconfig = plane.api_server.kubeconfig_path().display().to_string();
    let port = format!("--secure-port={}", testbed::free_port().unwrap());
    let controllers = format!("--controllers={}", ours.join(","));
    let flags = ["--takeover-check=false", "--bind-address=127.0.0.1", &port, &controllers, "-v=0"];
    let roster = Process::start(&kubeconfig, &flags);
    let cluster = Cluster::new(plane.api_server.client().await.unwrap()).await;
    for line in IN_COMMON {
        cluster.until(true, async || stock.log().contains(line)).await;
        roster.says(line).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_json_each_line_is_an_object_with_klogs_keys_and_each_decision_a_line() {
    let plane = ControlPlane::start().await.unwrap();
    let cluster = Cluster::new(plane.api_server.client().await.unwrap()).await;
    cluster.create(service("hostnames", json!({}))).await;
    let kubeconfig = plane.api_server.kubeconfig_path().display().to_string();
    let flags = ["--logging-format=json", "-v=4", "--cluster-cidr=10.0.0.0/8"];
    let mut roster = Process::start(&kubeconfig, &flags);
    cluster.pod(pod("one", "hostnames", "10.1.0.1")).await;
    cluster.until_ready("hostnames", &["one"]).await;
    roster.signal("TERM");
    assert_eq!(roster.ends().await.code(), Some(0));
    let lines: Vec<Value> =
        roster.log().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &lines {
        let keys: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys[..3], ["ts", "caller", "msg"], "{line}");
        // Milliseconds: this is between 2020 and 2100.
        assert!((1.58e12..4.1e12).contains(&line["ts"].as_f64().unwrap()), "{line}");
        assert!(line["v"].is_number() || line["err"].is_string(), "{line}");
    }
    assert_eq!(said(&lines, "Starting")[0]["maxEndpointsPerSlice"], 100);
    assert_eq!(said(&lines, "flag has no effect here")[0]["flag"], "cluster-cidr");
    let decisions = said(&lines, "Planned");
    assert!(decisions.iter().all(|line| line["v"] == 4), "{decisions:?}");
    let about = |line: &&&Value| {
        line["key"] == "default/hostnames" && line["controller"] == "endpointslice-controller"
    };
    let writes: Vec<&Value> =
        decisions.iter().filter(about).filter(|line| line["writes"] == 1).copied().collect();
    assert!((1..=2).contains(&writes.len()), "a placeholder, or at once with the Pod: {writes:?}");
}

fn said<'a>(lines: &'a [Value], message: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["msg"] == message).collect()
}
