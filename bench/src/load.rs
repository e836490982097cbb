//! What the cluster holds: 4,000 Pods behind one Service of 1,000 and 300 of 10. The Pods are as
//! large as real ones, since whoever watches them has to read all of it.

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Namespace, Node, Pod, Service};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::{Value, json};

/// The namespace of everything.
pub const NAMESPACE: &str = "bench";
/// How many nodes the Pods are spread over.
const NODES: usize = 40;
/// How many requests are under way at once.
const AT_ONCE: usize = 32;

/// A Service and how many Pods it has.
pub struct Backend {
    /// Its name, and the `app` of its Pods.
    pub name: String,
    /// Its Pods.
    pub pods: usize,
}

/// One Service of 1,000 Pods and 300 of 10.
pub fn small() -> Vec<Backend> {
    let few = (0..300).map(|number| Backend { name: format!("few-{number:03}"), pods: 10 });
    [Backend { name: "many".to_owned(), pods: 1000 }].into_iter().chain(few).collect()
}

/// Creates Nodes, Services and ready Pods.
pub async fn fill(client: &Client, backends: &[Backend]) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    create(&namespaces, json!({"metadata": {"name": NAMESPACE}})).await?;
    let nodes: Api<Node> = Api::all(client.clone());
    for number in 0..NODES {
        create(&nodes, node(number)).await?;
    }
    let services: Api<Service> = Api::namespaced(client.clone(), NAMESPACE);
    for backend in backends {
        create(&services, service(&backend.name)).await?;
    }
    let of_backend = |backend: &Backend| {
        let name = backend.name.clone();
        (0..backend.pods).map(move |number| (name.clone(), number))
    };
    let all: Vec<(String, usize)> = backends.iter().flat_map(of_backend).collect();
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let made = all.into_iter().enumerate().map(|(place, (app, number))| {
        let pods = pods.clone();
        async move { pod(&pods, place, &app, number).await }
    });
    stream::iter(made).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
    Ok(())
}

/// Makes a Pod ready, or not ready, as a kubelet would.
pub async fn flip(pods: &Api<Pod>, name: &str, ready: bool) -> Result<()> {
    let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let condition = |kind: &str| {
        let status = if ready { "True" } else { "False" };
        json!({"type": kind, "status": status, "lastTransitionTime": now})
    };
    let conditions = ["ContainersReady", "Ready"].map(condition);
    let patch = Patch::Strategic(json!({"status": {"conditions": conditions}}));
    pods.patch_status(name, &PatchParams::default(), &patch).await.context("cannot flip a Pod")?;
    Ok(())
}

/// Changes of a Pod what says nothing about its endpoints. The value is a new one each time: a patch
/// that changes nothing is no event.
pub async fn annotate(pods: &Api<Pod>, name: &str) -> Result<()> {
    let annotations = json!({"example.com/checked": Timestamp::now().to_string()});
    let patch = Patch::Merge(json!({"metadata": {"annotations": annotations}}));
    pods.patch(name, &PatchParams::default(), &patch).await.context("cannot annotate a Pod")?;
    Ok(())
}

/// The name of a Pod of a backend.
pub fn pod_name(backend: &str, number: usize) -> String {
    format!("{backend}-{number:04}")
}

async fn create<K>(api: &Api<K>, object: Value) -> Result<K>
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned + serde::Serialize,
{
    let object: K = serde_json::from_value(object)?;
    api.create(&PostParams::default(), &object).await.context("cannot create the load")
}

async fn pod(pods: &Api<Pod>, place: usize, app: &str, number: usize) -> Result<()> {
    let name = pod_name(app, number);
    create(pods, spec(&name, app, place)).await?;
    let status = Patch::Merge(status(place));
    pods.patch_status(&name, &PatchParams::default(), &status).await?;
    Ok(())
}

fn node(number: usize) -> Value {
    let zone = format!("zone-{}", number % 3);
    json!({
        "metadata": {"name": format!("node-{number}"), "labels": {"topology.kubernetes.io/zone": zone}},
        "status": {"conditions": [{"type": "Ready", "status": "True"}], "allocatable": {"cpu": "16"}},
    })
}

fn service(name: &str) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
    })
}

fn spec(name: &str, app: &str, place: usize) -> Value {
    let environment: Vec<Value> = (0..20)
        .map(|number| json!({"name": format!("SETTING_{number}"), "value": format!("the value of setting {number} of {app}")}))
        .collect();
    let probe = json!({"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 5});
    json!({
        "metadata": {
            "name": name,
            "labels": {"app": app, "tier": "backend", "pod-template-hash": "5d9f7c8b6d"},
            "annotations": {
                "example.com/config-hash": "c4ca4238a0b923820dcc509a6f75849bc4ca4238a0b923820dcc509a6f75849b",
                "example.com/description": "x".repeat(1500),
            },
        },
        "spec": {
            "nodeName": format!("node-{}", place % NODES),
            "containers": [{
                "name": "main",
                "image": "registry.example.com/team/application:1.2.3",
                "ports": [{"name": "http", "containerPort": 8080}],
                "env": environment,
                "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
                "readinessProbe": probe,
                "livenessProbe": probe,
            }],
        },
    })
}

fn status(place: usize) -> Value {
    let ip = format!("10.{}.{}.{}", 16 + place / 60_000, place / 250 % 240, place % 250 + 1);
    let since = "2026-01-02T03:04:05Z";
    let condition =
        |kind: &str| json!({"type": kind, "status": "True", "lastTransitionTime": since});
    let conditions: Vec<Value> =
        ["PodScheduled", "Initialized", "ContainersReady", "Ready"].map(condition).into();
    json!({"status": {
        "phase": "Running",
        "podIP": ip,
        "podIPs": [{"ip": ip}],
        "hostIP": "192.168.0.1",
        "startTime": since,
        "conditions": conditions,
        "containerStatuses": [{
            "name": "main", "ready": true, "started": true, "restartCount": 0,
            "image": "registry.example.com/team/application:1.2.3",
            "imageID": "registry.example.com/team/application@sha256:0000000000000000000000000000000000000000000000000000000000000000",
            "containerID": "containerd://0000000000000000000000000000000000000000000000000000000000000000",
            "state": {"running": {"startedAt": since}},
        }],
    }})
}
