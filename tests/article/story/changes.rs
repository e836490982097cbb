//! The same while everything changes, with Roster and then with kube-controller-manager on the same
//! objects.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use crate::narrator::{seen, step};
use crate::network;
use crate::requester::requests;
use crate::stage::{Allocator, Contestant, Stage};
use crate::story::judge::{Judgement, Watched};
use crate::story::latency::{self, Latencies};
use crate::story::{answers, named_port};

/// How long the network is watched at rest. This kernel loses a SYN now and then.
const REST: Duration = Duration::from_secs(20);
/// How many stalls of a hundred requests a change may add.
const MORE_STALLS: f64 = 1.0;

/// What was seen of one manager.
struct Figures {
    who: &'static str,
    rest: Judgement,
    changes: Vec<(&'static str, Judgement)>,
}

/// Plays all of it, twice. Latencies are measured in the order A B B A.
pub async fn changes(roster: &str) {
    network::lay_out();
    let mut stage = Stage::set(Contestant::Roster(roster), Allocator::KubeApiserver).await;
    stage.kubectl("apply -f examples/hostnames.yaml");
    named_port::deploy(&stage).await;
    stage.until_replicas(3).await;
    let [mut our_latencies, mut their_latencies] = [Latencies::default(), Latencies::default()];

    let ours = figures(&stage, "Roster").await;
    latency::measure(&stage, &mut our_latencies).await;
    stage.hand_over_to(Contestant::Stock).await;
    let theirs = figures(&stage, "kube-controller-manager").await;
    latency::measure(&stage, &mut their_latencies).await;
    latency::measure(&stage, &mut their_latencies).await;
    stage.hand_over_to(Contestant::Roster(roster)).await;
    latency::measure(&stage, &mut our_latencies).await;

    show(&ours);
    show(&theirs);
    latency::show(&[(ours.who, &our_latencies), (theirs.who, &their_latencies)]);
    judge(&ours);
}

async fn figures(stage: &Stage, who: &'static str) -> Figures {
    step(&format!("{who}: at rest, scaled, replaced, with a port that moves, with affinity"));
    let rest = watched(stage, "hostnames", tokio::time::sleep(REST)).await;
    let scaled = watched(stage, "hostnames", scale(stage)).await;
    let replaced = watched(stage, "hostnames", replace(stage)).await;
    let moved = watched(stage, named_port::NAME, named_port::moves(stage)).await;
    affinity(stage).await;
    let changes = vec![
        ("scaled 3 to 10 to 2 to 3", scaled),
        ("all Pods replaced, none unavailable", replaced),
        ("a named targetPort that moves", moved),
    ];
    Figures { who, rest, changes }
}

async fn watched(stage: &Stage, service: &str, change: impl Future<Output = ()>) -> Judgement {
    let watched = Watched::begin(stage, service).await;
    change.await;
    stage.until_none_ends().await;
    watched.stop(stage).await
}

async fn scale(stage: &Stage) {
    for replicas in [10, 2, 3] {
        stage.scale(replicas).await;
    }
}

async fn replace(stage: &Stage) {
    let none_unavailable =
        json!({"spec": {"strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}}});
    stage.cluster.patch("Deployment", "hostnames", none_unavailable).await;
    stage.kubectl("rollout restart deployment hostnames");
    stage.kubectl("rollout status deployment hostnames");
    stage.until_replicas(3).await;
}

/// Each client stays with one Pod, and goes to another one if that leaves.
async fn affinity(stage: &Stage) {
    let name = "sticky";
    crate::story::service(stage, name, json!({"sessionAffinity": "ClientIP"})).await;
    let pods = stage.pods().await;
    stage.until_served_by(name, &pods).await;
    let address = stage.address(name, 0).await;
    for client in [&stage.client, &stage.other_client] {
        let pod = only(&answers(&requests(client, address, 50, 40).await).into_keys().collect());
        let others = pods.iter().filter(|other| **other != pod).cloned().collect();
        stage.kubelet.disturb(&pod);
        stage.until_served_by(name, &others).await;
        let next = only(&answers(&requests(client, address, 50, 40).await).into_keys().collect());
        assert!(others.contains(&next), "{next} had left");
        stage.kubelet.mend(&pod);
        stage.until_served_by(name, &pods).await;
        seen(&format!("{} stayed with {pod}, and when that left with {next}", client.name));
    }
    stage.cluster.delete("Service", name).await;
}

fn only(pods: &BTreeSet<String>) -> String {
    assert_eq!(pods.len(), 1, "one client was sent to several Pods");
    pods.first().unwrap().clone()
}

fn show(figures: &Figures) {
    step(&format!("Fifty requests a second, with {}", figures.who));
    let rest = [("at rest", figures.rest.clone())];
    for (what, of) in rest.iter().chain(&figures.changes) {
        let (failed, late) = (of.failed.len(), of.late);
        seen(&format!(
            "{what:<36} {:>5} requests, {failed} failed, {late} answered by a Pod that had left, {:.1} % had to repeat a SYN",
            of.sent,
            of.stalls()
        ));
    }
}

fn judge(figures: &Figures) {
    figures.rest.check();
    for (what, change) in &figures.changes {
        change.check();
        let (during, rest) = (change.stalls(), figures.rest.stalls());
        assert!(during <= rest + MORE_STALLS, "{what}: {during} % stalled, {rest} % at rest");
    }
}
