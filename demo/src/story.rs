//! The story: three Pods behind a Service; one of them turns not ready, and comes back.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use controller::wire::Wire;
use k8s_openapi::api::core::v1::{Node, Pod, Service};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::picture::Picture;
use crate::screen::Screen;

/// How long a step may take to come true. It takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a step stays on the screen when somebody is watching.
const LOOK: Duration = Duration::from_secs(4);
const SERVICE: &str = "hostnames";

/// Applies the example, and does for its Pods what a kubelet would: there is none here.
pub async fn apply(client: &Client, example: &Path, screen: &mut Screen) -> Result<()> {
    screen
        .say(&format!("Applying {}: the Service hostnames and its three Pods", example.display()));
    let text = std::fs::read_to_string(example).with_context(|| {
        format!("cannot read {}; run from the top of the checkout", example.display())
    })?;
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text)
        .with_context(|| format!("{} is no YAML", example.display()))?;
    node(client).await?;
    let mut pods = 0;
    for object in objects {
        match object.get("kind").and_then(Value::as_str) {
            Some("Service") => create::<Service>(client, object).await?,
            Some("Pod") => {
                let name = object
                    .pointer("/metadata/name")
                    .and_then(Value::as_str)
                    .unwrap_or("")
                    .to_owned();
                create::<Pod>(client, object).await?;
                pods += 1;
                run(client, &name, pods).await?;
            }
            other => bail!(
                "{} holds a {other:?}; only Services and Pods are expected",
                example.display()
            ),
        }
    }
    Ok(())
}

/// Plays the story, and waits at each step until it has come true.
pub async fn play(client: &Client, wire: &Wire, screen: &mut Screen) -> Result<()> {
    screen.say("Three Pods are Running and Ready: the slice lists them all");
    becomes(wire, screen, 3).await?;
    screen.say(
        "hostnames-2 fails its readiness probe: its endpoint stays, and is not ready any more",
    );
    readiness(client, "hostnames-2", false).await?;
    becomes(wire, screen, 2).await?;
    screen.say("hostnames-2 is ready again");
    readiness(client, "hostnames-2", true).await?;
    becomes(wire, screen, 3).await
}

async fn becomes(wire: &Wire, screen: &mut Screen, ready: usize) -> Result<()> {
    let started = Instant::now();
    loop {
        let picture = Picture::take(wire).await?;
        screen.show(&picture);
        if picture.settled_at(SERVICE) == Some(ready) {
            break;
        }
        if started.elapsed() > PATIENCE {
            bail!(
                "{SERVICE} has not come to {ready} ready endpoints within {} s",
                PATIENCE.as_secs()
            );
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    if screen.is_terminal() {
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

async fn node(client: &Client) -> Result<()> {
    let name = "node-1";
    create::<Node>(
        client,
        json!({"metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": "zone-1"}}}),
    )
    .await?;
    let status = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
    patch_status::<Node>(&Api::all(client.clone()), name, status).await
}

async fn run(client: &Client, pod: &str, number: usize) -> Result<()> {
    let ip = format!("10.244.0.{number}");
    let status = json!({"status": {
        "phase": "Running",
        "podIP": ip,
        "podIPs": [{"ip": ip}],
        "conditions": [condition(true)],
        "containerStatuses": [container(true)],
    }});
    patch_status::<Pod>(&Api::default_namespaced(client.clone()), pod, status).await
}

async fn readiness(client: &Client, pod: &str, ready: bool) -> Result<()> {
    let status = json!({"status": {"conditions": [condition(ready)], "containerStatuses": [container(ready)]}});
    patch_status::<Pod>(&Api::default_namespaced(client.clone()), pod, status).await
}

fn condition(ready: bool) -> Value {
    let status = if ready { "True" } else { "False" };
    json!({"type": "Ready", "status": status, "lastTransitionTime": jiff::Timestamp::now().to_string()})
}

fn container(ready: bool) -> Value {
    json!({
        "name": "hostnames", "image": "serve_hostname", "imageID": "", "restartCount": 0,
        "ready": ready, "started": true, "state": {"running": {}},
    })
}

async fn create<K>(client: &Client, object: Value) -> Result<()>
where
    K: InDefault + Clone + std::fmt::Debug + serde::Serialize + DeserializeOwned,
{
    let object: K = serde_json::from_value(object)?;
    K::api(client).create(&PostParams::default(), &object).await?;
    Ok(())
}

async fn patch_status<K>(api: &Api<K>, name: &str, status: Value) -> Result<()>
where
    K: Clone + std::fmt::Debug + DeserializeOwned,
{
    api.patch_status(name, &PatchParams::default(), &Patch::Merge(status)).await?;
    Ok(())
}

/// Where the objects of a kind live in this story.
trait InDefault: Sized {
    fn api(client: &Client) -> Api<Self>;
}

impl InDefault for Service {
    fn api(client: &Client) -> Api<Self> {
        Api::default_namespaced(client.clone())
    }
}

impl InDefault for Pod {
    fn api(client: &Client) -> Api<Self> {
        Api::default_namespaced(client.clone())
    }
}

impl InDefault for Node {
    fn api(client: &Client) -> Api<Self> {
        Api::all(client.clone())
    }
}
