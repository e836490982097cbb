//! A pool that the namespace is bound to, and the webhook by which the API server asks Roster for its
//! addresses.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use support::{Cluster, service};

use crate::inside::FILES;

/// What the addresses of the pool begin with.
const BEGINNINGS: [&str; 2] = ["10.96.8.", "fd00:96::8"];
const RANGES: [&str; 2] = ["10.96.8.0/24", "fd00:96::800/120"];
const PORT: u16 = 9443;
const KINDS: [&str; 2] = [
    include_str!("../../../crds/yaml/clusterippools.yaml"),
    include_str!("../../../crds/yaml/clusteripholds.yaml"),
];

/// What Roster is told so that it answers.
pub fn flags() -> Vec<String> {
    vec![
        format!("--webhook-secure-port={PORT}"),
        "--webhook-bind-address=127.0.0.1".to_owned(),
        format!("--webhook-cert-dir={}", directory()),
    ]
}

/// Lets the API server know what a pool is.
pub async fn define(cluster: &Cluster) {
    for kind in KINDS {
        cluster.create(serde_saphyr::from_str(kind).unwrap()).await;
    }
}

/// Binds the namespace to the pool, has the API server ask, and waits until Services come out of it.
pub async fn bind(roster: &str, cluster: &Cluster) {
    let pool = json!({
        "apiVersion": "roster.dev/v1alpha1", "kind": "ClusterIPPool",
        "metadata": {"name": "hostnames"},
        "spec": {"ranges": RANGES, "namespaces": [cluster.namespace], "enforcement": "Require"},
    });
    let made = async || cluster.try_create(pool.clone()).await.is_ok();
    cluster.until(true, made).await;
    let authority = format!("{}/ca.crt", directory());
    cluster.until(true, async || Path::new(&authority).exists()).await;
    cluster.create(configuration(roster, &authority)).await;
    let asked = async || {
        let Ok(probe) = cluster.try_create(service("probe", json!({}))).await else {
            return false;
        };
        cluster.delete("Service", "probe").await;
        is_of_the_pool(probe.data["spec"]["clusterIP"].as_str().unwrap())
    };
    cluster.until(true, asked).await;
}

/// Whether an address is one of the pool.
pub fn is_of_the_pool(address: &str) -> bool {
    BEGINNINGS.iter().any(|beginning| address.starts_with(beginning))
}

fn directory() -> String {
    format!("{FILES}/webhook")
}

fn configuration(roster: &str, authority: &str) -> Value {
    let url = format!("https://127.0.0.1:{PORT}");
    let printed = Command::new(roster)
        .args(["manifests", "webhook", "--url", &url, "--ca-file", authority])
        .output()
        .unwrap();
    serde_saphyr::from_str(std::str::from_utf8(&printed.stdout).unwrap()).unwrap()
}
