//! ClusterIPs on a kube-apiserver without its allocator, with and without the loops by which it
//! compares Services with their IPAddresses. With them, it is a judge: it complains of what is wrong.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use controller_core::key::Controller;
use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use kube::{Api, Client};
use serde_json::{Value, json};
use support::roster::of_controllers;
use support::{AuditLog, Cluster, Roster, service};
use testbed::{ApiServer, ApiServerOptions, Etcd, Program};

/// How long the loops of kube-apiserver wait before they judge a claim that its Service does not list,
/// and a moment.
const VERDICT: Duration = Duration::from_secs(6);

/// Who the loops of kube-apiserver speak as.
const JUDGE: &str = "ipallocator-repair-controller";
/// Who they are when they write.
const SERVER: &str = "system:apiserver";

struct Judged {
    cluster: Cluster,
    client: Client,
    audit: AuditLog,
    _server: ApiServer,
    _etcd: Etcd,
}

impl Judged {
    async fn start(loops: &str) -> Self {
        let etcd = Etcd::start().await.unwrap();
        let mut options = ApiServerOptions {
            program: Program::WithoutAllocator,
            flags: vec![format!("--repair-loops={loops}")],
            ..ApiServerOptions::default()
        };
        let audit = AuditLog::of_claims_kept_by(&mut options);
        let server = ApiServer::start(&etcd, options).await.unwrap();
        let client = server.client().await.unwrap();
        let cluster = Cluster::new(client.clone()).await;
        Self { cluster, client, audit, _server: server, _etcd: etcd }
    }

    fn roster(&self) -> Roster {
        let settings = of_controllers(&[Controller::ClusterIp]);
        Roster::start_with(self.client.clone(), settings, Arc::new(jiff::Timestamp::now))
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

    /// What the server complained of, and rightly. Its caches of Services and of claims are fed by watches
    /// of their own: where the news of a Service overtakes that of its claim, it says that the address is
    /// not allocated, tries to create the claim, and is told that there is one. Its own request proves that
    /// it was wrong.
    async fn judgements(&self) -> Vec<String> {
        let events: Api<Event> = Api::all(self.client.clone());
        let events = events.list(&ListParams::default()).await.unwrap().items.into_iter();
        let of_judge = events.filter(|event| event.reporting_controller.as_deref() == Some(JUDGE));
        // The server makes the Service `kubernetes` by itself, unclaimed, before anybody can help.
        let of_others = of_judge.filter(|event| {
            event.regarding.as_ref().is_none_or(|it| it.name.as_deref() != Some("kubernetes"))
        });
        let mut notes: Vec<String> =
            of_others.map(|event| event.note.unwrap_or_default()).collect();
        let claimed = self.audit.claims_found_taken_by(SERVER);
        notes.retain(|note| !claimed.iter().any(|address| is_missed(note, address)));
        notes
    }
}

/// Whether a note says that an address lacks its claim.
fn is_missed(note: &str, address: &str) -> bool {
    note.ends_with(&format!("]: {address} is not allocated; repairing"))
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
    let roster = judged.roster();
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
    roster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_loops_claims_are_made_and_freed_by_roster_alone() {
    let judged = Judged::start("false").await;
    let roster = judged.roster();
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
    roster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_judge_is_believed_where_a_claim_is_really_missing() {
    let judged = Judged::start("true").await;
    let bare = json!({"clusterIP": "10.96.77.9", "clusterIPs": ["10.96.77.9"]});
    judged.cluster.create(service("bare", bare)).await;
    let told = vec!["Cluster IP [IPv4]: 10.96.77.9 is not allocated; repairing".to_owned()];
    judged.cluster.until(told, async || judged.judgements().await).await;
}
