//! An API server on which several replicas of the program work.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use serde_json::json;
use support::{AuditLog, Cluster, pod, service};
use testbed::{ApiServer, ApiServerOptions, Etcd};

use super::Process;

/// How long anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
pub const SERVICES: [&str; 3] = ["one", "two", "three"];

/// The Lease of Roster.
pub const LEASE: &str = "roster-controller-manager";

/// An API server with an audit log, and a user for each replica.
pub struct Stage {
    pub audit: AuditLog,
    pub server: ApiServer,
    pub cluster: Cluster,
    _etcd: Etcd,
}

impl Stage {
    /// Sets it, with a few Services and a Pod for each.
    pub async fn set() -> Self {
        let etcd = Etcd::start().await.unwrap();
        let mut options = ApiServerOptions::default();
        let audit = AuditLog::kept_by(&mut options);
        let server = ApiServer::start(&etcd, options).await.unwrap();
        let cluster = Cluster::new(server.client().await.unwrap()).await;
        for name in SERVICES {
            cluster.create(service(name, json!({}))).await;
            cluster.pod(pod(&format!("{name}-pod"), name, "10.1.0.1")).await;
        }
        Self { audit, server, cluster, _etcd: etcd }
    }

    /// A replica in the name of a user who may do everything.
    pub async fn replica(&self, user: &str) -> Process {
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": format!("replica-{user}")},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        });
        // The second replica of a user finds it there.
        let _ = self.cluster.try_create(binding).await;
        let kubeconfig = self.server.kubeconfig_path_as(user).unwrap();
        Process::start(&kubeconfig.display().to_string(), &[])
    }

    /// A Lease in kube-system.
    pub async fn lease(&self, name: &str) -> Option<Lease> {
        let leases: Api<Lease> = Api::namespaced(self.cluster.client.clone(), "kube-system");
        leases.get_opt(name).await.unwrap()
    }

    /// Who has it.
    pub async fn holder(&self, name: &str) -> String {
        let lease = self.lease(name).await;
        lease.and_then(|lease| lease.spec?.holder_identity).unwrap_or_default()
    }

    /// Waits until somebody has made so many more writes than before.
    pub async fn until_writes(&self, user: &str, more: usize) {
        let (before, deadline) = (self.audit.writes_by(user), Instant::now() + PATIENCE);
        while self.audit.writes_by(user) < before + more {
            assert!(Instant::now() < deadline, "{user} does not write");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until a Lease has been renewed so often, so that whoever watches it has seen it.
    pub async fn until_renewed(&self, name: &str, times: usize) {
        let renewed = async || self.lease(name).await.and_then(|lease| lease.spec?.renew_time);
        let deadline = Instant::now() + PATIENCE;
        let (mut last, mut seen) = (renewed().await, 0);
        while seen < times {
            assert!(Instant::now() < deadline, "{name} is not renewed");
            tokio::time::sleep(Duration::from_millis(50)).await;
            let now = renewed().await;
            seen += usize::from(now != last);
            last = now;
        }
    }

    /// Waits until somebody else than before has the Lease, and tells who.
    pub async fn new_holder(&self, name: &str, before: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let holder = self.holder(name).await;
            if !holder.is_empty() && holder != before {
                return holder;
            }
            assert!(Instant::now() < deadline, "{name} stays with {holder:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Changes Pods all the time, so that whoever leads has something to write.
    pub fn churn(&self) -> tokio::task::JoinHandle<()> {
        let cluster = self.cluster.clone();
        tokio::spawn(async move {
            for ready in ["False", "True"].into_iter().cycle() {
                for name in SERVICES {
                    cluster.readiness(&format!("{name}-pod"), ready).await;
                    tokio::time::sleep(Duration::from_millis(15)).await;
                }
            }
        })
    }

    /// Makes all Pods ready, and waits until that is published.
    pub async fn all_ready(&self) {
        for name in SERVICES {
            self.cluster.readiness(&format!("{name}-pod"), "True").await;
        }
        for name in SERVICES {
            self.cluster.until_ready(name, &[&format!("{name}-pod")]).await;
        }
    }
}
