//! ClusterIPs on a kube-apiserver without its allocator, with and without the loops by which it
//! compares Services with their IPAddresses. With them, it is a judge: it complains of what is wrong.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

use std::collections::BTreeSet;
use std::time::Duration;

use controller_core::key::Controller;
use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use kube::{Api, Client};
use serde_json::{Value, json};
use support::roster::of_controllers;
use support::{Cluster, Roster, service};
use testbed::{ApiServer, ApiServerOptions, Etcd, Program};

/// How long the loops of kube-apiserver wait before they judge a claim that its Service does not list,
/// and a moment.
const VERDICT: Duration = Duration::from_secs(6);

/// Who the loops of kube-apiserver speak as.
const JUDGE: &str = "ipallocator-repair-controller";

struct Judged {
    cluster: Cluster,
    client: Client,
    roster: Roster,
    _server: ApiServer,
    _etcd: Etcd,
}

impl Judged {
    async fn start(loops: &str) -> Self {
        let etcd = Etcd::start().await.unwrap();
        let options = ApiServerOptions {
            program: Program::WithoutAllocator,
            flags: vec![format!("--repair-loops={loops}")],
            ..ApiServerOptions::default()
        };
        let server = ApiServer::start(&etcd, options).await.unwrap();
        let client = server.client().await.unwrap();
        let cluster = Cluster::new(client.clone()).await;
        let settings = of_controllers(&[Controller::ClusterIp]);
        let clock = std::sync::Arc::new(jiff::Timestamp::now);
        let roster = Roster::start_with(server.client().await.unwrap(), settings, clock);
        Self { cluster, client, roster, _server: server, _etcd: etcd }
    }

    async fn listed(&self) -> Vec<String> {
        let services = self.cluster.list("Service", "").await.into_iter();
        let lines = services.flat_map(|service| {
            let name = service["metadata"]["name"].as_str().unwrap().to_owned();
            let listed = service["spec"]["clusterIPs"].as_array().cloned().unwrap_or_default();
            let texts = listed.into_iter().map(|text| text.as_str().unwrap().to_owned());
            let addresses = texts.filter(|text| text != "None");
            addresses.map(move |address| format!("{address} {name}")).collect::<Vec<_>>()
        });
        let mut lines: Vec<String> = lines.collect();
        lines.sort();
        lines
    }

    async fn claimed(&self) -> Vec<String> {
        let claims = self.cluster.list("IPAddress", "").await.into_iter();
        let line = |claim: Value| {
            let name = claim["metadata"]["name"].as_str().unwrap().to_owned();
            format!("{name} {}", claim["spec"]["parentRef"]["name"].as_str().unwrap())
        };
        let mut lines: Vec<String> = claims.map(line).collect();
        lines.sort();
        lines
    }

    /// Waits until every Service of these names has so many addresses, each claimed for it.
    async fn until_given(&self, wanted: &[(&str, usize)]) {
        for (name, count) in wanted {
            let given = async || {
                let service = self.cluster.get("Service", name).await.unwrap();
                service["spec"]["clusterIPs"].as_array().map_or(0, Vec::len)
            };
            self.cluster.until(*count, given).await;
        }
        let listed = self.listed().await;
        self.cluster.until(listed.clone(), async || self.claimed().await).await;
        let distinct: BTreeSet<&str> =
            listed.iter().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(distinct.len(), listed.len(), "an address is given twice: {listed:?}");
    }

    /// What the server complained of. That an address is not allocated does not count: where the event
    /// of a Service overtakes that of its claim on the way into its caches, it says so, and then finds
    /// the claim there. What really lacks a claim shows in the claims.
    async fn judgements(&self) -> Vec<String> {
        let events: Api<Event> = Api::all(self.client.clone());
        let events = events.list(&ListParams::default()).await.unwrap().items.into_iter();
        let of_judge = events.filter(|event| event.reporting_controller.as_deref() == Some(JUDGE));
        let notes = of_judge.map(|event| event.note.unwrap_or_default());
        notes.filter(|note| !note.ends_with("is not allocated; repairing")).collect()
    }
}

/// A Service of every shape that gets addresses, and how many.
fn shapes() -> Vec<(String, Value, usize)> {
    let shapes = [
        ("plain", json!({}), 1),
        ("prefer", json!({"ipFamilyPolicy": "PreferDualStack"}), 2),
        ("require", json!({"ipFamilyPolicy": "RequireDualStack"}), 2),
        ("six", json!({"ipFamilies": ["IPv6"]}), 1),
        ("both", json!({"ipFamilies": ["IPv6", "IPv4"], "ipFamilyPolicy": "RequireDualStack"}), 2),
        ("six-prefer", json!({"ipFamilies": ["IPv6"], "ipFamilyPolicy": "PreferDualStack"}), 2),
        ("node-port", json!({"type": "NodePort"}), 1),
        ("balanced", json!({"type": "LoadBalancer", "ipFamilyPolicy": "PreferDualStack"}), 2),
    ];
    let copies = (0..10).flat_map(|copy| {
        let named = shapes.clone().into_iter();
        named.map(move |(name, spec, count)| (format!("{name}-{copy}"), spec, count))
    });
    copies.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn services_of_every_shape_get_addresses_and_the_server_has_nothing_to_repair() {
    let judged = Judged::start("true").await;
    for (name, spec, _) in shapes() {
        judged.cluster.create(service(&name, spec)).await;
    }
    let shapes = shapes();
    let wanted: Vec<(&str, usize)> =
        shapes.iter().map(|(name, _, count)| (name.as_str(), *count)).collect();
    judged.until_given(&wanted).await;
    tokio::time::sleep(VERDICT).await;
    judged.until_given(&wanted).await;
    assert_eq!(judged.judgements().await, [""; 0]);
    judged.roster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_loops_claims_are_made_and_freed_by_roster_alone() {
    let judged = Judged::start("false").await;
    let cluster = &judged.cluster;
    let dual = json!({"ipFamilyPolicy": "RequireDualStack"});
    for name in ["stays", "goes", "halved", "external"] {
        cluster.create(service(name, dual.clone())).await;
    }
    let given = json!({"clusterIP": "10.96.77.7", "clusterIPs": ["10.96.77.7"]});
    cluster.create(service("given", given)).await;
    judged.until_given(&[("stays", 2), ("goes", 2), ("halved", 2), ("external", 2)]).await;

    cluster.delete("Service", "goes").await;
    cluster.patch("Service", "halved", json!({"spec": {"ipFamilyPolicy": "SingleStack"}})).await;
    let external = json!({"type": "ExternalName", "externalName": "example.com"});
    cluster.patch("Service", "external", json!({"spec": external})).await;
    judged.until_given(&[("stays", 2), ("halved", 1)]).await;

    let back = json!({"type": "ClusterIP", "externalName": null});
    cluster.patch("Service", "external", json!({"spec": back})).await;
    judged.until_given(&[("external", 1), ("given", 1)]).await;
    let kubernetes = judged.claimed().await.iter().any(|claim| claim == "10.96.0.1 kubernetes");
    assert!(kubernetes, "the server's own Service is claimed, too");
    judged.roster.stop().await;
}
