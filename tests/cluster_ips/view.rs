//! What of addresses and claims there is to see.

use std::time::Duration;

use controller_core::key::Controller;
use serde_json::{Value, json};
use support::roster::of_controllers;
use support::{Roster, World};

pub const CLAIMS: &str = "ipaddresses";
pub const SERVICES: &str = "services";

/// Claims that have no Service go after this long, if nobody saw the Service go.
pub const GRACE: Duration = Duration::from_secs(140);

pub fn roster(world: &World) -> Roster {
    world.roster_with(of_controllers(&[Controller::ClusterIp]))
}

/// The four fields of a Service that tell its addresses.
pub async fn fields(world: &World, name: &str) -> Value {
    let service = world.cluster.get("Service", name).await.unwrap();
    let spec = &service["spec"];
    json!([spec["clusterIP"], spec["clusterIPs"], spec["ipFamilies"], spec["ipFamilyPolicy"]])
}

pub async fn addresses(world: &World, name: &str) -> Vec<String> {
    let service = world.cluster.get("Service", name).await.unwrap();
    let listed = service["spec"]["clusterIPs"].as_array().cloned().unwrap_or_default();
    listed.iter().map(|address| address.as_str().unwrap().to_owned()).collect()
}

pub async fn until_addressed(world: &World, name: &str, count: usize) -> Vec<String> {
    world.cluster.until(count, async || addresses(world, name).await.len()).await;
    addresses(world, name).await
}

/// The Services that addresses are claimed for: `ADDRESS NAME`.
pub async fn claims(world: &World) -> Vec<String> {
    let claims = world.cluster.list("IPAddress", "").await.into_iter();
    let mut claims: Vec<String> = claims
        .map(|claim| {
            let name = claim["metadata"]["name"].as_str().unwrap().to_owned();
            format!("{name} {}", claim["spec"]["parentRef"]["name"].as_str().unwrap())
        })
        .collect();
    claims.sort();
    claims
}

/// Everything that is listed is claimed for whoever lists it, and nothing else is claimed.
pub async fn is_consistent(world: &World) {
    let mut wanted = Vec::new();
    for service in world.cluster.list("Service", "").await {
        let name = service["metadata"]["name"].as_str().unwrap();
        let listed = service["spec"]["clusterIPs"].as_array().cloned().unwrap_or_default();
        let real = listed.iter().filter_map(Value::as_str).filter(|address| *address != "None");
        wanted.extend(real.map(|address| format!("{address} {name}")));
    }
    wanted.sort();
    world.cluster.until(wanted, async || claims(world).await).await;
}

/// Nothing is written for a while.
pub async fn is_settled(world: &World) {
    let writes = || (world.writes(CLAIMS).len(), world.writes(SERVICES).len());
    let before = writes();
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(writes(), before, "something is written to a settled cluster");
}

pub async fn events(world: &World, name: &str) -> Vec<String> {
    world.cluster.events(name).await.into_iter().map(|(reason, _)| reason).collect()
}
