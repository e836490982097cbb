//! The same over IPv6.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::json;

use crate::narrator::{shell, step};
use crate::stage::Stage;
use crate::story::{avoids, reaches_evenly, service};

/// Plays what differs for Services of both families.
pub async fn both(stage: &Stage, pods: &BTreeSet<String>) {
    a_service_of_both_families_has_a_slice_of_each(stage, pods).await;
    its_other_address_reaches_all_pods(stage, pods).await;
    its_name_has_both_addresses(stage, pods).await;
}

async fn a_service_of_both_families_has_a_slice_of_each(stage: &Stage, pods: &BTreeSet<String>) {
    step("A Service of both families has two ClusterIPs, and slices of both");
    service(stage, "both", json!({"ipFamilyPolicy": "RequireDualStack"})).await;
    stage.until_served_by("both", pods).await;
    stage.kubectl("get service both -o jsonpath={.spec.clusterIPs}");
    println!();
    let printed = stage.kubectl("get endpointslices -l kubernetes.io/service-name=both");
    let of = |family| printed.lines().filter(|line| line.contains(family)).count();
    assert_eq!((of("IPv4"), of("IPv6")), (1, 1));
}

async fn its_other_address_reaches_all_pods(stage: &Stage, pods: &BTreeSet<String>) {
    step("Connections over IPv6 reach all Pods, evenly, and none that is not ready");
    let address = stage.address("both", 1).await;
    assert!(address.is_ipv6());
    let answer = shell(&stage.client, "curl", &format!("-sg http://{address}"));
    assert!(pods.contains(answer.trim()), "{answer} is none of {pods:?}");
    reaches_evenly(stage, address, pods).await;
    let mut others = pods.clone();
    let pod = others.pop_first().unwrap();
    stage.kubelet.disturb(&pod);
    stage.until_served_by("both", &others).await;
    avoids(stage, address, &pod).await;
    stage.kubelet.mend(&pod);
    stage.until_served_by("both", pods).await;
}

async fn its_name_has_both_addresses(stage: &Stage, pods: &BTreeSet<String>) {
    step("Its name has both addresses; a headless one's has both of each Pod");
    let name = "both.default.svc.cluster.local";
    for (place, record) in ["A", "AAAA"].into_iter().enumerate() {
        let address = stage.address("both", place).await.ip();
        stage.until_named(name, record, &BTreeSet::from([address])).await;
    }
    let spec = json!({"clusterIP": "None", "ipFamilyPolicy": "RequireDualStack"});
    service(stage, "headless-both", spec).await;
    let addresses = stage.pod_ips(pods).await;
    for (record, belongs) in
        [("A", IpAddr::is_ipv4 as fn(&IpAddr) -> bool), ("AAAA", IpAddr::is_ipv6)]
    {
        let wanted = addresses.iter().copied().filter(belongs).collect();
        stage.until_named("headless-both.default.svc.cluster.local", record, &wanted).await;
    }
}
