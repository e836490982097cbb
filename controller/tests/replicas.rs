//! Two replicas of the program on the real API server: who leads, how long a hand-over takes, and that
//! never two of them write.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod program;

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use program::Process;
use serde_json::json;
use support::{AuditLog, Cluster, pod, service};
use testbed::{
    ApiServer, ApiServerOptions, ControllerManager, ControllerManagerOptions, Etcd, Signal,
};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const SERVICES: [&str; 3] = ["one", "two", "three"];

/// An API server with an audit log, and a user for each replica.
struct Stage {
    audit: AuditLog,
    server: ApiServer,
    cluster: Cluster,
    _etcd: Etcd,
}

impl Stage {
    async fn set() -> Self {
        let etcd = Etcd::start().await.unwrap();
        let mut options = ApiServerOptions::default();
        let audit = AuditLog::kept_by(&mut options);
        let server = ApiServer::start(&etcd, options).await.unwrap();
        let cluster = Cluster::new(server.client().await.unwrap()).await;
        for user in ["a", "b"] {
            cluster
                .create(json!({
                    "apiVersion": "rbac.authorization.k8s.io/v1",
                    "kind": "ClusterRoleBinding",
                    "metadata": {"name": format!("replica-{user}")},
                    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
                    "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
                }))
                .await;
        }
        for name in SERVICES {
            cluster.create(service(name, json!({}))).await;
            cluster.pod(pod(&format!("{name}-pod"), name, "10.1.0.1")).await;
        }
        Self { audit, server, cluster, _etcd: etcd }
    }

    fn replica(&self, user: &str) -> Process {
        let kubeconfig = self.server.kubeconfig_path_as(user).unwrap();
        Process::start(&kubeconfig.display().to_string(), &[])
    }

    async fn lease(&self, name: &str) -> Option<Lease> {
        let leases: Api<Lease> = Api::namespaced(self.cluster.client.clone(), "kube-system");
        leases.get_opt(name).await.unwrap()
    }

    async fn holder(&self, name: &str) -> String {
        let lease = self.lease(name).await;
        lease.and_then(|lease| lease.spec?.holder_identity).unwrap_or_default()
    }

    /// Waits until somebody else than before has the Lease, and tells who.
    async fn new_holder(&self, name: &str, before: &str) -> String {
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
    fn churn(&self) -> tokio::task::JoinHandle<()> {
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

    async fn all_ready(&self) {
        for name in SERVICES {
            self.cluster.readiness(&format!("{name}-pod"), "True").await;
        }
        for name in SERVICES {
            self.cluster.until_ready(name, &[&format!("{name}-pod")]).await;
        }
    }
}

const LEASE: &str = "roster-controller-manager";

#[tokio::test(flavor = "multi_thread")]
async fn leadership_goes_from_one_to_the_other_and_never_do_two_write() {
    let stage = Stage::set().await;
    let mut a = stage.replica("a");
    let first = stage.new_holder(LEASE, "").await;
    let mut b = stage.replica("b");
    b.says("Standing by").await;
    b.says("Listed\" kind=\"EndpointSlice\"").await;
    let churn = stage.churn();
    tokio::time::sleep(Duration::from_secs(3)).await;

    let planned = Instant::now();
    a.signal("TERM");
    let second = stage.new_holder(LEASE, &first).await;
    let planned = planned.elapsed();
    assert_eq!(a.ends().await.code(), Some(0));
    assert_eq!(stage.lease(LEASE).await.unwrap().spec.unwrap().lease_transitions, Some(1));

    let mut a = stage.replica("a");
    a.says("Standing by").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let killed = Instant::now();
    b.signal("KILL");
    let third = stage.new_holder(LEASE, &second).await;
    let killed = killed.elapsed();
    assert_eq!(b.ends().await.code(), None);

    let b = stage.replica("b");
    b.says("Standing by").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let stopped = Instant::now();
    a.signal("STOP");
    stage.new_holder(LEASE, &third).await;
    let stopped = stopped.elapsed();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let woken = Instant::now();
    a.signal("CONT");
    assert_eq!(a.ends().await.code(), Some(1));
    let woken = woken.elapsed();
    a.says("leaderelection lost").await;

    churn.abort();
    stage.all_ready().await;
    assert_eq!(stage.audit.writers(), ["a", "b", "a", "b"], "in blocks, and never in turns");
    println!(
        "Roster: SIGTERM {planned:.1?}, kill -9 {killed:.1?}, SIGSTOP {stopped:.1?}, ended {woken:.1?} \
         after it was resumed"
    );
    assert!(planned < Duration::from_secs(2), "a planned hand-over took {planned:?}");
    for unplanned in [killed, stopped] {
        assert!(unplanned < Duration::from_secs(18), "a take-over took {unplanned:?}");
    }
    assert!(woken < Duration::from_secs(3), "it went on for {woken:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_deleted_is_made_again_and_one_that_is_stolen_ends_the_leader() {
    let stage = Stage::set().await;
    let mut a = stage.replica("a");
    let holder = stage.new_holder(LEASE, "").await;
    let acquired = stage.lease(LEASE).await.unwrap().spec.unwrap().acquire_time;
    let leases: Api<Lease> = Api::namespaced(stage.cluster.client.clone(), "kube-system");
    leases.delete(LEASE, &kube::api::DeleteParams::default()).await.unwrap();
    assert_eq!(stage.new_holder(LEASE, "").await, holder);
    assert_eq!(stage.lease(LEASE).await.unwrap().spec.unwrap().acquire_time, acquired);

    let theft = json!({"spec": {"holderIdentity": "thief"}});
    let merge = kube::api::Patch::Merge(theft);
    leases.patch(LEASE, &kube::api::PatchParams::default(), &merge).await.unwrap();
    let stolen = Instant::now();
    assert_eq!(a.ends().await.code(), Some(1));
    assert!(stolen.elapsed() < Duration::from_secs(5), "it took {:?}", stolen.elapsed());
    a.says("the Lease is held by thief").await;
    assert_eq!(stage.holder(LEASE).await, "thief");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_is_silent_at_the_end_holds_nobody_up() {
    let stage = Stage::set().await;
    let freeze = |name: &str| {
        let pid = stage.server.pid().unwrap().to_string();
        let sent = std::process::Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.unwrap().success());
    };
    let mut a = stage.replica("a");
    stage.new_holder(LEASE, "").await;
    stage.all_ready().await;
    freeze("STOP");
    let asked = Instant::now();
    a.signal("TERM");
    assert_eq!(a.ends().await.code(), Some(0), "nothing was in flight");
    assert!(asked.elapsed() < Duration::from_secs(9), "it took {:?}", asked.elapsed());
    a.says("Failed to release lease; it expires by itself").await;

    freeze("CONT");
    let mut b = stage.replica("b");
    b.says("Standing by").await;
    b.says("Successfully acquired lease").await;
    freeze("STOP");
    b.signal("TERM");
    b.says("Shutting down").await;
    let again = Instant::now();
    b.signal("TERM");
    assert_eq!(b.ends().await.code(), Some(1));
    assert!(again.elapsed() < Duration::from_secs(2), "it took {:?}", again.elapsed());
    freeze("CONT");
}

/// For the same run on the same machine: what kube-controller-manager needs.
#[tokio::test(flavor = "multi_thread")]
async fn the_stock_manager_beside_it_has_an_election_of_its_own() {
    let stage = Stage::set().await;
    let start = async || {
        let mut options = ControllerManagerOptions::unhurried(&["endpointslice-controller"]);
        options.flags.push("--leader-elect=true".to_owned());
        ControllerManager::start(&stage.server, options).await.unwrap()
    };
    let lease = "kube-controller-manager";
    let a = start().await;
    let first = stage.new_holder(lease, "").await;
    let b = start().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let planned = Instant::now();
    a.stop(Signal::TERM);
    let second = stage.new_holder(lease, &first).await;
    let planned = planned.elapsed();
    let _a = start().await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let killed = Instant::now();
    b.stop(Signal::KILL);
    stage.new_holder(lease, &second).await;
    let killed = killed.elapsed();
    println!("kube-controller-manager: SIGTERM {planned:.1?}, kill -9 {killed:.1?}");
    assert!(planned > Duration::from_secs(2) && killed > Duration::from_secs(2));
}
