//! Protobuf and JSON: the real API server is read in both, and both must tell the same; what is
//! written back unchanged must change nothing, in both.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

use std::time::Duration;

use controller::wire::{Resource, WatchEvent, Wire};
use controller_core::facts::{EndpointSlice, Endpoints, Fact};
use controller_core::key::{Kind, ResourceVersion};
use http::header::ACCEPT;
use http::{HeaderValue, Request};
use kube::Client;
use kube::client::Body;
use serde_json::json;
use support::random::{Families, history};
use support::{Cluster, PodObject, Roster, pod, service};
use testbed::ControlPlane;

/// A client that is never answered in anything but JSON.
fn in_json(client: Client) -> Client {
    let only_json = tower::service_fn(move |mut request: Request<Body>| {
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        let client = client.clone();
        async move { client.send(request).await }
    });
    Client::new(only_json, "default")
}

/// Two ways to the same server: in protobuf, and in JSON.
fn wires(client: Client) -> [Wire; 2] {
    [client.clone(), in_json(client)].map(|client| Wire::new(client.clone(), client))
}

/// A server on which much has happened, and some of it odd.
async fn world() -> (ControlPlane, Client) {
    let plane = ControlPlane::start().await.unwrap();
    let client = plane.api_server.client().await.unwrap();
    let cluster = Cluster::new(client.clone()).await;
    let roster = Roster::start(client.clone());
    for operation in history(7, Families::Single, 120, "node") {
        operation.apply(&cluster).await;
    }
    odd_objects(&cluster).await;
    cluster.until_silent().await;
    roster.stop().await;
    (plane, client)
}

/// What histories do not hold.
async fn odd_objects(cluster: &Cluster) {
    cluster.pod(waiting_pod()).await;
    let modes = [("Auto", "PreferSameZone"), ("sometimes", "PreferSameNode")];
    for (number, (mode, distribution)) in modes.iter().enumerate() {
        let mut object = service(
            &format!("odd-{number}"),
            json!({
                "clusterIP": if number == 0 { json!("None") } else { json!(null) },
                "publishNotReadyAddresses": number == 0,
                "trafficDistribution": distribution,
                "ports": [
                    {"name": "a", "port": 80, "targetPort": "web", "appProtocol": "example.com/x"},
                    {"name": "b", "port": 53, "protocol": "UDP"},
                ],
            }),
        );
        object["metadata"]["annotations"] = json!({"service.kubernetes.io/topology-mode": mode});
        object["metadata"]["labels"] = json!({"a": "", "b": "c"});
        cluster.create(object).await;
    }
    let everything = json!({
        "kind": "Pod", "namespace": "default", "name": "x", "uid": "u", "apiVersion": "v1",
        "resourceVersion": "7", "fieldPath": "spec",
    });
    cluster
        .create(json!({
            "apiVersion": "v1", "kind": "Endpoints",
            "metadata": {"name": "by-hand", "annotations": {"note": "mine"}, "finalizers": ["example.com/held"]},
            "subsets": [
                {"addresses": [{"ip": "10.9.0.1", "hostname": "h", "nodeName": "n", "targetRef": everything}],
                 "notReadyAddresses": [{"ip": "10.9.0.2"}], "ports": [{"port": 80}]},
                {"addresses": [{"ip": "10.9.0.3"}],
                 "ports": [{"name": "s", "port": 9, "protocol": "SCTP", "appProtocol": "http"}]},
            ],
        }))
        .await;
    cluster
        .create(json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": "by-hand", "labels": {"kubernetes.io/service-name": "odd-0"}},
            "addressType": "IPv6",
            "endpoints": [
                {"addresses": ["fd00::1", "fd00::2"], "conditions": {"ready": false, "terminating": true},
                 "hostname": "h", "nodeName": "n", "zone": "z", "targetRef": everything,
                 "hints": {"forZones": [{"name": "z"}], "forNodes": [{"name": "n"}]}},
                {"addresses": ["fd00::3"]},
            ],
            "ports": [{"name": "", "port": 80}, {"name": "all"}],
        }))
        .await;
    for (name, cidrs) in [
        ("one", json!(["10.200.0.0/24"])),
        ("both", json!(["10.201.0.0/24", "fd00:201::/112"])),
        ("wide", json!(["2001:db8:1::/48"])),
    ] {
        cluster
            .create(json!({
                "apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR",
                "metadata": {"name": name}, "spec": {"cidrs": cidrs},
            }))
            .await;
    }
    cluster
        .create(json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": "names"}, "addressType": "FQDN",
            "endpoints": [{"addresses": ["example.com"]}],
        }))
        .await;
}

/// A Pod that says all that a Pod can say about why it is not ready.
fn waiting_pod() -> PodObject {
    let mut pod = pod("waiting", "odd-0", "10.1.7.7").with_spec(json!({
        "hostname": "host", "subdomain": "odd-0",
        "readinessGates": [{"conditionType": "example.com/gate"}],
        "initContainers": [
            {"name": "first", "image": "i", "ports": [{"containerPort": 1}]},
            {"name": "beside", "image": "i", "restartPolicy": "Always",
             "ports": [{"name": "side", "containerPort": 2, "protocol": "UDP"}]},
        ],
    }));
    pod.metadata["ownerReferences"] = json!([
        {"apiVersion": "v1", "kind": "Other", "name": "o", "uid": "1"},
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "rs", "uid": "2", "controller": true},
    ]);
    pod.status["conditions"] = json!([
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": null},
        {"type": "Ready", "status": "False", "reason": "ContainersNotReady",
         "lastTransitionTime": "2026-01-02T03:04:05Z"},
    ]);
    let state = |name: &str, ready: bool, started: bool, state: serde_json::Value| {
        json!({"name": name, "image": "i", "imageID": "", "restartCount": 3, "ready": ready,
               "started": started, "state": state})
    };
    pod.status["initContainerStatuses"] = json!([
        state("first", true, false, json!({"terminated": {"exitCode": 0}})),
        state("beside", true, true, json!({"running": {}})),
    ]);
    pod.status["containerStatuses"] =
        json!([state("main", false, false, json!({"waiting": {"reason": "CrashLoopBackOff"}})),]);
    pod
}

async fn listed(wire: &Wire, kind: Kind) -> (Vec<(Fact, ResourceVersion)>, ResourceVersion) {
    let (mut items, mut next) = (Vec::new(), None);
    loop {
        let page = wire.list(kind, next.as_deref()).await.unwrap();
        assert_eq!(page.undecodable, []);
        items.extend(page.items);
        next = page.next;
        if next.is_none() {
            return (items, page.resource_version);
        }
    }
}

/// All that a watch from the beginning tells, an event each.
async fn watched(wire: &Wire, kind: Kind) -> Vec<String> {
    let mut watch = wire.watch(kind, ResourceVersion(1), Duration::from_secs(2)).await.unwrap();
    let mut told = Vec::new();
    while let Some(event) = watch.next(|_| false).await.unwrap() {
        told.push(match event {
            WatchEvent::Applied(fact, version) => format!("applied {version} {fact:?}"),
            WatchEvent::Deleted { key, uid, resource_version } => {
                format!("deleted {key} {uid} {resource_version}")
            }
            WatchEvent::Bookmark(_) => continue,
            WatchEvent::Known(_)
            | WatchEvent::Undecodable(_)
            | WatchEvent::Listed(_)
            | WatchEvent::Error(_) => {
                panic!("{kind}: neither a change nor a deletion")
            }
        });
    }
    told
}

/// A list that arrives as a stream.
async fn streamed(wire: &Wire, kind: Kind) -> (Vec<(Fact, ResourceVersion)>, ResourceVersion) {
    let mut stream = wire.stream(kind, Duration::from_secs(60)).await.unwrap();
    let mut items = Vec::new();
    loop {
        match stream.next(|_| false).await.unwrap().unwrap() {
            WatchEvent::Applied(fact, version) => items.push((*fact, version)),
            WatchEvent::Listed(version) => return (items, version),
            _ => panic!("{kind}: neither an object nor the end of the list"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_encodings_tell_the_same_and_write_the_same() {
    let (_plane, client) = world().await;
    let [protobuf, json] = wires(client);
    // Kinds of our own are in JSON on every server.
    for kind in Kind::ALL.into_iter().filter(|kind| !kind.is_custom()) {
        let (in_protobuf, _) = listed(&protobuf, kind).await;
        let (in_json, _) = listed(&json, kind).await;
        assert!(in_protobuf.len() > 3, "{kind}: only {}", in_protobuf.len());
        for (one, other) in in_protobuf.iter().zip(&in_json) {
            assert_eq!(one, other, "{kind}");
        }
        assert_eq!(in_protobuf.len(), in_json.len(), "{kind}");
        for wire in [&protobuf, &json] {
            let (mut items, version) = streamed(wire, kind).await;
            let later = |(_, item): &(Fact, ResourceVersion)| *item > version;
            assert!(!items.iter().any(later), "{kind}: the list is as new as what it holds");
            let mut listed = in_protobuf.clone();
            for list in [&mut items, &mut listed] {
                list.sort_by_key(|(fact, _)| fact.key());
            }
            assert_eq!(items, listed, "{kind}");
        }

        let (in_protobuf, in_json) = tokio::join!(watched(&protobuf, kind), watched(&json, kind));
        assert!(in_protobuf.len() > 3, "{kind}: only {}", in_protobuf.len());
        for (one, other) in in_protobuf.iter().zip(&in_json) {
            assert_eq!(one, other, "{kind}");
        }
        assert_eq!(in_protobuf.len(), in_json.len(), "{kind}");
    }
    for wire in [&protobuf, &json] {
        let slices = listed(wire, Kind::EndpointSlice).await.0.into_iter();
        for slice in slices.filter_map(|(fact, _)| match fact {
            Fact::EndpointSlice(slice) => Some(slice),
            _ => None,
        }) {
            changes_nothing(wire, &slice).await;
        }
        let endpoints = listed(wire, Kind::Endpoints).await.0.into_iter();
        for endpoints in endpoints.filter_map(|(fact, _)| match fact {
            Fact::Endpoints(endpoints) => Some(endpoints),
            _ => None,
        }) {
            changes_nothing(wire, &endpoints).await;
        }
    }
    is_created_as_it_was(&[protobuf, json]).await;
}

/// The API server stores nothing when an object is written as it is. A first write may be news to
/// it all the same: who has said that a list is empty is remembered apart from the object.
async fn changes_nothing<T: Resource + Clone + std::fmt::Debug>(wire: &Wire, object: &T) {
    let written = wire.replace(object).await.unwrap();
    assert_eq!(contents(written.clone()), contents(object.clone()));
    assert_eq!(wire.replace(&written).await.unwrap(), written);
}

fn contents<T: Resource>(object: T) -> Fact {
    let mut fact = object.into_fact();
    match &mut fact {
        Fact::EndpointSlice(slice) => slice.metadata.resource_version = ResourceVersion(0),
        Fact::Endpoints(endpoints) => endpoints.metadata.resource_version = ResourceVersion(0),
        _ => {}
    }
    fact
}

/// What one encoding creates and the other one, too, differs in nothing but its identity.
async fn is_created_as_it_was(wires: &[Wire; 2]) {
    let key = controller_core::key::NamespacedName::new("default", "by-hand");
    let slice: EndpointSlice = wires[0].get(&key).await.unwrap().unwrap();
    let endpoints: Endpoints = wires[0].get(&key).await.unwrap().unwrap();
    for (number, wire) in wires.iter().enumerate() {
        let mut copy = slice.clone();
        copy.metadata.uid = "".into();
        copy.metadata.key.name = format!("copy-{number}").into();
        let created = wire.create(&copy).await.unwrap();
        let parts = |slice: &EndpointSlice| {
            (slice.metadata.labels.clone(), slice.ports.clone(), slice.endpoints.clone())
        };
        assert_eq!(parts(&created), parts(&slice));
        let mut copy = endpoints.clone();
        copy.metadata.uid = "".into();
        copy.metadata.key.name = format!("copy-{number}").into();
        let created = wire.create(&copy).await.unwrap();
        assert_eq!(created.subsets, endpoints.subsets);
        assert_eq!(created.metadata.finalizers, endpoints.metadata.finalizers);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_reads_alike_in_both_encodings() {
    let plane = ControlPlane::start().await.unwrap();
    let client = plane.api_server.client().await.unwrap();
    let cluster = Cluster::new(client.clone()).await;
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": "one"}, "addressType": "IPv4", "endpoints": [],
    });
    cluster.create(slice).await;
    let key = controller_core::key::NamespacedName::new("default", "one");
    let mut refusals = Vec::new();
    for wire in wires(client) {
        listed(&wire, Kind::EndpointSlice).await;
        let slice: EndpointSlice = wire.get(&key).await.unwrap().unwrap();
        let mut stale = slice.clone();
        stale.metadata.resource_version = ResourceVersion(1);
        let conflict = wire.replace(&stale).await.unwrap_err();
        assert!(conflict.is_conflict());
        let mut invalid = slice.clone();
        invalid.metadata.labels =
            std::sync::Arc::new([("no good".into(), "".into())].into_iter().collect());
        let expired =
            wire.watch(Kind::Pod, ResourceVersion(u64::MAX), Duration::from_secs(1)).await;
        refusals.push([
            conflict.to_string(),
            wire.replace(&invalid).await.unwrap_err().to_string(),
            expired.err().map(|error| error.to_string()).unwrap_or_default(),
        ]);
        assert!(wire.get::<Endpoints>(&key).await.unwrap().is_none());
    }
    assert_eq!(refusals[0], refusals[1]);
    assert!(refusals[0][1].contains("metadata.labels"), "{}", refusals[0][1]);
}
