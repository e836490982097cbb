//! Each controller in a name of its own, with no more rights than kube-controller-manager has: those of
//! the roles that every API server makes at its start.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod program;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::api::DeleteParams;
use program::Process;
use serde_json::json;
use support::{AuditLog, Cluster, pod, service};
use testbed::{ApiServer, ApiServerOptions, Etcd};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const USER: &str = "system:kube-controller-manager";

#[tokio::test(flavor = "multi_thread")]
async fn controllers_write_as_their_service_accounts_which_are_made_when_they_are_missing() {
    let etcd = Etcd::start().await.unwrap();
    let mut options = ApiServerOptions::default();
    let audit = AuditLog::kept_by(&mut options);
    let server = ApiServer::start(&etcd, options).await.unwrap();
    let cluster = Cluster::new(server.client().await.unwrap()).await;
    cluster.create(service("hostnames", json!({}))).await;
    cluster.pod(pod("one", "hostnames", "10.1.0.1")).await;
    let kubeconfig = server.kubeconfig_path_as(USER).unwrap().display().to_string();
    let mut manager = Process::start(
        &kubeconfig,
        // No API server grants anything to an account of that one.
        &["--use-service-account-credentials", "--controllers=*,-clusterip-controller"],
    );
    cluster.until_ready("hostnames", &["one"]).await;
    cluster.until_endpoints_follow("hostnames").await;

    let client = server.client().await.unwrap();
    let accounts: Api<ServiceAccount> = Api::namespaced(client, "kube-system");
    for name in ["endpoint-controller", "endpointslice-controller"] {
        accounts.delete(name, &DeleteParams::default()).await.unwrap();
    }
    // The API server goes on believing a token for some seconds after its account is gone, so there
    // has to be something to write for as long.
    let deadline = Instant::now() + PATIENCE;
    for ready in ["False", "True"].into_iter().cycle() {
        cluster.readiness("one", ready).await;
        if accounts.get_opt("endpointslice-controller").await.unwrap().is_some() {
            break;
        }
        assert!(Instant::now() < deadline, "the account was never made again: {}", manager.log());
    }
    cluster.readiness("one", "True").await;
    cluster.pod(pod("two", "hostnames", "10.1.0.2")).await;
    cluster.until_ready("hostnames", &["one", "two"]).await;
    cluster.until_endpoints_follow("hostnames").await;

    manager.signal("TERM");
    assert_eq!(manager.ends().await.code(), Some(0));
    let writers: BTreeSet<String> = audit.writers().into_iter().collect();
    let mut theirs = BTreeSet::from([
        "system:serviceaccount:kube-system:endpoint-controller".to_owned(),
        "system:serviceaccount:kube-system:endpointslice-controller".to_owned(),
    ]);
    // With the token of an account that is gone nobody is known.
    theirs.insert("nobody".to_owned());
    assert!(writers.is_subset(&theirs) && writers.len() >= 2, "{writers:?}");
    assert_eq!(manager.lines_with("forbidden"), 0, "{}", manager.log());
}
