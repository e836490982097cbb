//! What the Kubernetes documentation shows of three Pods behind a Service, in a shell.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::json;

use crate::narrator::{shell, step};
use crate::network;
use crate::stage::{Allocator, Contestant, Stage, pool};
use crate::story::{avoids, families, reaches_evenly, service};

const NAME: &str = "hostnames.default.svc.cluster.local";

/// Plays all of it, with Roster.
pub async fn observations(roster: &str, allocator: Allocator) {
    network::lay_out();
    let stage = Stage::set(Contestant::Roster(roster), allocator).await;
    let pods = the_endpoints_list_exactly_the_three_pods(&stage).await;
    the_service_has_a_cluster_ip(&stage).await;
    if allocator == Allocator::Webhook {
        the_cluster_ip_is_of_the_pool(&stage).await;
    }
    the_cluster_ip_reaches_all_pods(&stage, &pods).await;
    a_pod_whose_probe_fails_is_left_out(&stage, &pods).await;
    a_pod_whose_process_was_killed_is_left_out(&stage, &pods).await;
    the_name_is_the_cluster_ip(&stage).await;
    the_name_of_a_headless_service_is_its_pods(&stage).await;
    families::both(&stage, &pods).await;
}

async fn the_endpoints_list_exactly_the_three_pods(stage: &Stage) -> BTreeSet<String> {
    step("The Endpoints list exactly the three Pods");
    stage.kubectl("apply -f examples/hostnames.yaml");
    stage.cluster.until(3, async || stage.cluster.ready("hostnames").await.len()).await;
    let pods = stage.pods().await;
    stage.until_served_by("hostnames", &pods).await;
    stage.kubectl("get pods -o wide");
    let printed = stage.kubectl("get endpoints hostnames");
    let listed = printed.lines().nth(1).unwrap().split_whitespace().nth(1).unwrap();
    let listed: BTreeSet<String> = listed.split(',').map(str::to_owned).collect();
    let addresses = stage.pod_ips(&pods).await.into_iter().filter(IpAddr::is_ipv4);
    assert_eq!(listed, addresses.map(|address| format!("{address}:9376")).collect());
    pods
}

async fn the_service_has_a_cluster_ip(stage: &Stage) {
    step("The Service has a ClusterIP, and an IPAddress claims it for the Service");
    let printed = stage.kubectl("get service hostnames");
    let address = stage.address("hostnames", 0).await.ip();
    assert!(printed.contains(&format!(" {address} ")), "{address}");
    let printed = stage.kubectl(&format!("get ipaddress {address}"));
    assert!(printed.contains("services/default/hostnames"), "nobody has claimed {address}");
}

async fn the_cluster_ip_is_of_the_pool(stage: &Stage) {
    step("It comes out of the pool that the namespace is bound to");
    stage.kubectl("get clusterippool hostnames");
    let address = stage.address("hostnames", 0).await.ip();
    assert!(pool::is_of_the_pool(&address.to_string()), "{address}");
}

async fn the_cluster_ip_reaches_all_pods(stage: &Stage, pods: &BTreeSet<String>) {
    step("Connections to the ClusterIP reach all Pods, evenly");
    let address = stage.address("hostnames", 0).await;
    for _ in 0..3 {
        let answer = shell(&stage.client, "curl", &format!("-s {address}"));
        assert!(pods.contains(answer.trim()), "{answer} is none of {pods:?}");
    }
    reaches_evenly(stage, address, pods).await;
}

async fn a_pod_whose_probe_fails_is_left_out(stage: &Stage, pods: &BTreeSet<String>) {
    step("A Pod whose readiness probe fails leaves the list, and no further connection reaches it");
    let mut others = pods.clone();
    let pod = others.pop_first().unwrap();
    stage.kubelet.disturb(&pod);
    stage.until_served_by("hostnames", &others).await;
    stage.kubectl("get pods");
    stage.kubectl("get endpoints hostnames");
    avoids(stage, stage.address("hostnames", 0).await, &pod).await;
    stage.kubelet.mend(&pod);
    stage.until_served_by("hostnames", pods).await;
}

async fn a_pod_whose_process_was_killed_is_left_out(stage: &Stage, pods: &BTreeSet<String>) {
    step("So does a Pod whose process was killed");
    let mut others = pods.clone();
    let pod = others.pop_last().unwrap();
    stage.kubelet.kill(&pod);
    stage.until_served_by("hostnames", &others).await;
    stage.kubectl("get endpoints hostnames");
    avoids(stage, stage.address("hostnames", 0).await, &pod).await;
    stage.kubelet.start_again(&pod);
    stage.until_served_by("hostnames", pods).await;
}

async fn the_name_is_the_cluster_ip(stage: &Stage) {
    step("The name of the Service is its ClusterIP");
    let address = stage.address("hostnames", 0).await.ip();
    stage.until_named(NAME, "A", &BTreeSet::from([address])).await;
    let answer = shell(&stage.client, "curl", "-s http://hostnames");
    assert!(answer.starts_with("hostnames-"), "{answer}");
}

async fn the_name_of_a_headless_service_is_its_pods(stage: &Stage) {
    step("The name of a headless Service is its Pods");
    service(stage, "headless", json!({"clusterIP": "None"})).await;
    stage.kubectl("get service headless");
    let addresses = stage.pod_ips(&stage.pods().await).await.into_iter().filter(IpAddr::is_ipv4);
    let name = "headless.default.svc.cluster.local";
    stage.until_named(name, "A", &addresses.collect()).await;
}
