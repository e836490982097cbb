//! The story: a Service is given its ClusterIP, and three Pods stand behind it. One fails its readiness probe and recovers, another is
//! deleted, and the Deployment is scaled.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::picture::Picture;
use crate::screen::Screen;

/// How long a step may take to come true. It takes seconds.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a step stays on the screen when somebody is watching.
const LOOK: Duration = Duration::from_secs(4);
const NAME: &str = "hostnames";

/// Applies the example: a Service and a Deployment.
pub async fn apply(client: &Client, example: &Path, screen: &mut Screen) -> Result<()> {
    let shown = example.display();
    screen.say(&format!("Applying {shown}: the Service hostnames and its Deployment"));
    let text = std::fs::read_to_string(example)
        .with_context(|| format!("cannot read {shown}; run from the top of the checkout"))?;
    let objects: Vec<Value> =
        serde_saphyr::from_multiple(&text).with_context(|| format!("{shown} is no YAML"))?;
    let how = PostParams::default();
    for object in objects {
        match object.get("kind").and_then(Value::as_str) {
            Some("Service") => {
                let services: Api<Service> = Api::default_namespaced(client.clone());
                services.create(&how, &serde_json::from_value(object)?).await?;
            }
            Some("Deployment") => {
                let deployments: Api<Deployment> = Api::default_namespaced(client.clone());
                deployments.create(&how, &serde_json::from_value(object)?).await?;
            }
            other => bail!("{shown} holds a {other:?}, not a Service or a Deployment"),
        }
    }
    Ok(())
}

/// Plays the story, and waits at each step until it has come true.
pub async fn play(cluster: &Cluster, screen: &mut Screen) -> Result<()> {
    let pods: Api<Pod> = Api::default_namespaced(cluster.client.clone());
    screen.say("The API server gives no addresses. Watch Roster give the Service its ClusterIP");
    let address = address(cluster, screen).await?;
    screen.say(&format!("It is {address}, held by the IPAddress of that name"));
    screen.say("Three Pods start. Watch their reasons turn to Ready, and the slice fill up");
    becomes(cluster, screen, 3).await?;
    let [first, second] = two(&pods).await?;
    screen.say(&format!(
        "{first} fails its readiness probe. Watch its endpoint stay, and be not ready any more"
    ));
    simulate(&pods, &first, Some("unready")).await?;
    becomes(cluster, screen, 2).await?;
    screen.say(&format!("{first} is ready again. Watch it come back"));
    simulate(&pods, &first, None).await?;
    becomes(cluster, screen, 3).await?;
    screen.say(&format!(
        "{second} is deleted. Watch it terminate, leave, and another Pod take its place"
    ));
    pods.delete(&second, &DeleteParams::default()).await?;
    without(cluster, screen, &pods, &second).await?;
    becomes(cluster, screen, 3).await?;
    screen.say("The Deployment is scaled to five. Watch two Pods join");
    let deployments: Api<Deployment> = Api::default_namespaced(cluster.client.clone());
    let five = Patch::Merge(json!({"spec": {"replicas": 5}}));
    deployments.patch_scale(NAME, &PatchParams::default(), &five).await?;
    becomes(cluster, screen, 5).await
}

/// Waits until the Service has an address.
async fn address(cluster: &Cluster, screen: &mut Screen) -> Result<IpAddr> {
    let started = Instant::now();
    loop {
        let picture = Picture::take(cluster).await?;
        screen.show(&picture);
        if let Some(address) = picture.cluster_ip_of(NAME) {
            return Ok(address);
        }
        if started.elapsed() > PATIENCE {
            bail!("{NAME} has no ClusterIP within {} s", PATIENCE.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until so many endpoints are ready, in the slices and in the Endpoints.
async fn becomes(cluster: &Cluster, screen: &mut Screen, ready: usize) -> Result<()> {
    let started = Instant::now();
    loop {
        let picture = Picture::take(cluster).await?;
        screen.show(&picture);
        if picture.settled_at(NAME) == Some(ready) && picture.addresses_of(NAME) == ready {
            break;
        }
        if started.elapsed() > PATIENCE {
            let seconds = PATIENCE.as_secs();
            bail!("{NAME} has not come to {ready} ready endpoints within {seconds} s");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    if screen.is_terminal() {
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// Waits until a Pod is gone.
async fn without(
    cluster: &Cluster,
    screen: &mut Screen,
    pods: &Api<Pod>,
    name: &str,
) -> Result<()> {
    let started = Instant::now();
    while pods.get_opt(name).await?.is_some() {
        screen.show(&Picture::take(cluster).await?);
        if started.elapsed() > PATIENCE {
            bail!("{name} is not gone within {} s", PATIENCE.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

async fn two(pods: &Api<Pod>) -> Result<[String; 2]> {
    let found = pods.list(&ListParams::default().labels("app=hostnames")).await?.items;
    let mut names = found.iter().map(ResourceExt::name_any);
    let (first, second) = (names.next(), names.next());
    Ok([first.context("there is no Pod")?, second.context("there is only one Pod")?])
}

async fn simulate(pods: &Api<Pod>, name: &str, what: Option<&str>) -> Result<()> {
    let patch = json!({"metadata": {"annotations": {sandbox::simulate::ANNOTATION: what}}});
    pods.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await?;
    Ok(())
}
