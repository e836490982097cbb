//! Two replicas of the program in the place of the three controllers of a stock control plane, through a
//! bad day and under load: a kill, a planned end, a restart of the API server and a stolen Lease. No
//! two of them ever write in turns, and no change is lost.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod program;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use controller_core::key::Controller;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Endpoints;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use program::Process;
use program::stage::{LEASE, PATIENCE, Stage};
use serde_json::json;
use support::{Cluster, Published, pod, service};
use testbed::{ControllerManager, ControllerManagerOptions};
use tokio::task::JoinSet;

const SERVICES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
/// Endpoints of this one are made by hand.
const BY_HAND: &str = "by-hand";
const PODS: usize = 5;
/// Between two changes of a Service.
const PAUSE: Duration = Duration::from_millis(50);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute; `make full` runs it"]
async fn a_pair_takes_the_place_of_the_stock_controllers_through_a_bad_day() {
    let mut stage = Stage::set().await;
    let _others = all_but_ours(&stage).await;
    fill(&stage.cluster).await;
    let mut pair = Pair::start(&stage).await;
    let mut load = load(&stage.cluster);
    pair.until_one_leads(&stage).await;

    pair.leader().signal("KILL");
    pair.until_replaced(&stage, None).await;
    pair.leader().signal("TERM");
    pair.until_replaced(&stage, Some(0)).await;
    stage.server.stop();
    stage.server.start_again().await.unwrap();
    pair.until_one_leads(&stage).await;
    steal(&stage.cluster).await;
    pair.until_replaced(&stage, Some(1)).await;

    load.shutdown().await;
    until_settled(&stage.cluster).await;
    pair.end().await;
    assert_in_blocks(&stage);

    let ours = published(&stage.cluster).await;
    assert!(ours.objects() > 2 * SERVICES.len(), "{ours:?}");
    wipe(&stage.cluster).await;
    let fresh = ControllerManagerOptions::unhurried(
        &Controller::OF_KUBE_CONTROLLER_MANAGER.map(Controller::name),
    );
    let _fresh = ControllerManager::start(&stage.server, fresh).await.unwrap();
    let theirs = async || published(&stage.cluster).await;
    stage.cluster.until(ours, theirs).await;
}

/// A stock manager that has left these controllers to us. There are no kubelets here, so nothing
/// must look after Nodes and lost Pods.
async fn all_but_ours(stage: &Stage) -> ControllerManager {
    let kubelets = [
        "node-lifecycle-controller",
        "taint-eviction-controller",
        "pod-garbage-collector-controller",
    ];
    let off =
        Controller::OF_KUBE_CONTROLLER_MANAGER.map(Controller::name).into_iter().chain(kubelets);
    let mut options = ControllerManagerOptions::unhurried(&["*"]);
    options.controllers.extend(off.map(|name| format!("-{name}")));
    options.flags.push("--leader-elect=true".to_owned());
    ControllerManager::start(&stage.server, options).await.unwrap()
}

async fn fill(cluster: &Cluster) {
    for (place, name) in SERVICES.iter().enumerate() {
        cluster.create(service(name, json!({}))).await;
        for number in 0..PODS {
            cluster.pod(pod(&pod_name(name, number), name, &ip(place, number))).await;
        }
    }
    cluster.create(service(BY_HAND, json!({"selector": null}))).await;
    let endpoints = json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": BY_HAND}});
    cluster.create(endpoints).await;
}

fn pod_name(service: &str, number: usize) -> String {
    format!("{service}-{number}")
}

fn ip(place: usize, number: usize) -> String {
    format!("10.7.{place}.{}", number + 1)
}

/// Pods that become ready and unready, vanish and come again; Endpoints that are changed by hand. The
/// API server may be away meanwhile.
fn load(cluster: &Cluster) -> JoinSet<()> {
    (0..SERVICES.len()).map(|place| change(cluster.clone(), place)).collect()
}

/// Changes one Service for ever.
async fn change(cluster: Cluster, place: usize) {
    for round in 0_usize.. {
        let number = round % PODS;
        let name = pod_name(SERVICES[place], number);
        let ready = if round % 3 == 0 { "False" } else { "True" };
        let _ = cluster.try_readiness(&name, ready).await;
        if round % 7 == 0 {
            let _ = cluster.try_delete("Pod", &name).await;
            let again = pod(&name, SERVICES[place], &ip(place, number));
            let _ = cluster.try_pod(again).await;
        }
        if place == 0 && round % 5 == 0 {
            let address = format!("10.8.0.{}", round % 200 + 1);
            let subsets = json!([{"addresses": [{"ip": address}], "ports": [{"port": 80}]}]);
            let _ = cluster.try_patch("Endpoints", BY_HAND, json!({"subsets": subsets})).await;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Gives the Lease to somebody who does not renew it.
async fn steal(cluster: &Cluster) {
    let leases: Api<Lease> = Api::namespaced(cluster.client.clone(), "kube-system");
    let theft = Patch::Merge(json!({"spec": {"holderIdentity": "thief"}}));
    leases.patch(LEASE, &PatchParams::default(), &theft).await.unwrap();
}

/// Waits until nothing has been written for a while.
async fn until_settled(cluster: &Cluster) {
    let deadline = Instant::now() + PATIENCE;
    let mut versions = cluster.versions().await;
    loop {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let now = cluster.versions().await;
        if now == versions {
            return;
        }
        assert!(Instant::now() < deadline, "it goes on writing");
        versions = now;
    }
}

async fn published(cluster: &Cluster) -> Published {
    let services = [&SERVICES[..], &[BY_HAND]].concat();
    Published::of(cluster, &services).await.without_packing()
}

/// Takes away all that is published, but for what is made by hand.
async fn wipe(cluster: &Cluster) {
    let slices: Api<EndpointSlice> = Api::namespaced(cluster.client.clone(), &cluster.namespace);
    let endpoints: Api<Endpoints> = Api::namespaced(cluster.client.clone(), &cluster.namespace);
    let (now, all) = (DeleteParams::default(), ListParams::default());
    let not_kubernetes = all.clone().labels("kubernetes.io/service-name!=kubernetes");
    slices.delete_collection(&now, &not_kubernetes).await.unwrap();
    for name in SERVICES {
        endpoints.delete(name, &now).await.unwrap();
    }
}

/// Each replica writes for a time, and never again once another one has begun.
fn assert_in_blocks(stage: &Stage) {
    let writes = stage.audit.writes();
    let ours: Vec<_> = writes.iter().filter(|write| write.writer.starts_with(Pair::USER)).collect();
    let mut blocks: Vec<&str> = ours.iter().map(|write| write.writer.as_str()).collect();
    blocks.dedup();
    let writers: BTreeSet<&str> = blocks.iter().copied().collect();
    assert_eq!(blocks.len(), writers.len(), "two wrote in turns: {blocks:?}");
    assert!(blocks.len() >= 4, "there were three hand-overs: {blocks:?}");
    for pair in ours.windows(2).filter(|pair| pair[0].writer != pair[1].writer) {
        let gap = pair[1].at.duration_since(pair[0].at).as_secs_f64();
        println!("from {} to {}: nobody wrote for {gap:.2} s", pair[0].writer, pair[1].writer);
    }
    println!("{} writes by {} replicas", ours.len(), writers.len());
}

/// Two replicas. One that ends is started again, as a kubelet would, in another name.
struct Pair {
    replicas: Vec<(String, Process)>,
    started: usize,
}

impl Pair {
    const USER: &'static str = "replica-";

    async fn start(stage: &Stage) -> Self {
        let mut pair = Self { replicas: Vec::new(), started: 0 };
        pair.add(stage).await;
        pair.add(stage).await;
        pair
    }

    async fn add(&mut self, stage: &Stage) {
        self.started += 1;
        let user = format!("{}{}", Self::USER, self.started);
        let replica = stage.replica(&user).await;
        self.replicas.push((user, replica));
    }

    fn leads(replica: &Process) -> bool {
        replica.lines_with("Successfully acquired lease") > 0
    }

    fn leader(&self) -> &Process {
        let leading = self.replicas.iter().find(|(_, replica)| Self::leads(replica));
        &leading.unwrap().1
    }

    /// Waits until there is a leader that writes, and a standby; those that have ended are replaced.
    async fn until_one_leads(&mut self, stage: &Stage) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            for place in (0..self.replicas.len()).rev() {
                if self.replicas[place].1.has_ended() {
                    self.replicas.remove(place);
                    self.add(stage).await;
                }
            }
            let leading = |(_, replica): &&(String, Process)| Self::leads(replica);
            if let Some((user, _)) = self.replicas.iter().find(leading) {
                let before = stage.audit.writes_by(user);
                tokio::time::sleep(Duration::from_millis(200)).await;
                if stage.audit.writes_by(user) > before {
                    break;
                }
            }
            assert!(Instant::now() < deadline, "nobody writes");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for (_, replica) in self.replicas.iter().filter(|(_, replica)| !Self::leads(replica)) {
            replica.says("Standing by").await;
            replica.says("Listed\" kind=\"EndpointSlice\"").await;
        }
    }

    /// Waits until the leader has ended with a code and the other one leads.
    async fn until_replaced(&mut self, stage: &Stage, code: Option<i32>) {
        let place = self.replicas.iter().position(|(_, replica)| Self::leads(replica)).unwrap();
        let (user, mut replica) = self.replicas.remove(place);
        assert_eq!(replica.ends().await.code(), code, "{user}:\n{}", replica.log());
        self.add(stage).await;
        self.until_one_leads(stage).await;
    }

    async fn end(self) {
        for (user, mut replica) in self.replicas {
            replica.signal("TERM");
            assert_eq!(replica.ends().await.code(), Some(0), "{user}:\n{}", replica.log());
        }
    }
}
