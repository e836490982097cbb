//! CoreDNS, and the Service by which Pods find it.

use std::net::SocketAddr;

use serde_json::json;
use support::Cluster;
use testbed::{ApiServer, Coredns};

use crate::network;

/// Where it is found, as in most clusters; `resolv.conf` says so, too.
const CLUSTER_IP: &str = "10.96.0.10";

/// Starts it. It does not run in a Pod here, so its Service has Endpoints that are written by hand, and
/// that the manager mirrors.
pub async fn start(server: &ApiServer, cluster: &Cluster) -> Coredns {
    let address = SocketAddr::new(network::NODE[0].parse().unwrap(), 53);
    let coredns = Coredns::start(server, address).await.unwrap();
    let ports = json!([
        {"name": "dns", "protocol": "UDP", "port": 53},
        {"name": "dns-tcp", "protocol": "TCP", "port": 53},
    ]);
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "dns"},
        "spec": {"clusterIP": CLUSTER_IP, "ports": ports},
    });
    cluster.create(service).await;
    let endpoints = json!({
        "apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "dns"},
        "subsets": [{"addresses": [{"ip": network::NODE[0]}], "ports": ports}],
    });
    cluster.create(endpoints).await;
    coredns
}
