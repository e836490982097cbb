//! A picture of the cluster: Services, their Pods, their slices, and why each is as it is. It is
//! worked out from fresh lists by the same decisions that Roster takes.

use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroUsize;

use anyhow::Result;
use controller::wire::Wire;
use controller_core::endpoint_slices::{self, Limits, Plan, Snapshot};
use controller_core::facts::{ClusterIp, Service, TargetPort};
use controller_core::index::{Index, Observation, Source};
use controller_core::key::{Controller, Kind, NamespacedName};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Endpoints, Event};
use kube::api::ListParams;
use kube::{Api, Client};

use crate::cluster::Cluster;

/// What is judged as full has no influence on what is shown.
const LIMITS: Limits = Limits { max_endpoints_per_slice: NonZeroUsize::MAX };

/// How many Events are shown.
const EVENTS: usize = 5;

/// The Services with a selector, their Endpoints, and what happened last.
pub struct Picture {
    services: Vec<(Snapshot, Plan)>,
    endpoints: Vec<Endpoints>,
    events: Vec<String>,
}

impl Picture {
    /// Looks at the cluster.
    pub async fn take(cluster: &Cluster) -> Result<Self> {
        let mut index = Index::default();
        for kind in Controller::EndpointSlice.kinds().iter().copied() {
            fill(&mut index, &cluster.wire, kind).await?;
        }
        let snapshots = index.services().into_iter().map(|key| index.endpoint_slices(&key));
        let planned = snapshots.map(|snapshot| {
            let plan = endpoint_slices::plan(&snapshot, &LIMITS);
            (snapshot, plan)
        });
        let selects = |(snapshot, _): &(Snapshot, Plan)| {
            snapshot.service.as_ref().is_some_and(|service| service.selector.is_some())
        };
        let services = planned.filter(selects).collect();
        let everything = ListParams::default();
        let endpoints = Api::all(cluster.client.clone()).list(&everything).await?.items;
        Ok(Self { services, endpoints, events: last_events(&cluster.client).await? })
    }

    /// The ClusterIP of a Service, once it has one.
    pub fn cluster_ip_of(&self, name: &str) -> Option<IpAddr> {
        let mut services =
            self.services.iter().filter_map(|(snapshot, _)| snapshot.service.as_ref());
        match services.find(|service| &*service.key.name == name)?.cluster_ip {
            ClusterIp::Address(address) => Some(address),
            ClusterIp::Headless | ClusterIp::Unset => None,
        }
    }

    /// How many endpoints of a Service its slices publish as ready, if everything is as planned.
    pub fn settled_at(&self, name: &str) -> Option<usize> {
        let of_name = |(snapshot, _): &&(Snapshot, Plan)| &*snapshot.key.name == name;
        let (snapshot, plan) = self.services.iter().find(of_name)?;
        let ready = snapshot.slices.iter().map(|slice| slice.ready_endpoints()).sum();
        plan.is_settled().then_some(ready)
    }

    /// How many addresses the Endpoints of a name hold as ready.
    pub fn addresses_of(&self, name: &str) -> usize {
        self.addresses(name).count()
    }

    fn addresses(&self, name: &str) -> impl Iterator<Item = &str> {
        let named =
            self.endpoints.iter().filter(move |found| found.metadata.name.as_deref() == Some(name));
        let subsets = named.flat_map(|found| found.subsets.iter().flatten());
        subsets.flat_map(|subset| subset.addresses.iter().flatten()).map(|found| found.ip.as_str())
    }
}

/// The last Events, without the times, which would make every look a new picture.
async fn last_events(client: &Client) -> Result<Vec<String>> {
    let events: Api<Event> = Api::all(client.clone());
    let mut events = events.list(&ListParams::default()).await?.items;
    events.sort_by_key(|event| {
        let version = event.metadata.resource_version.as_deref().unwrap_or("");
        version.parse::<u64>().unwrap_or(0)
    });
    let last = events.iter().rev().take(EVENTS).rev().map(|event| {
        let about = &event.involved_object;
        let name = about.name.as_deref().unwrap_or("-");
        let reason = event.reason.as_deref().unwrap_or("-");
        format!("{reason:<18} {name:<28} {}", event.message.as_deref().unwrap_or(""))
    });
    Ok(last.collect())
}

async fn fill(index: &mut Index, wire: &Wire, kind: Kind) -> Result<()> {
    let mut next = None;
    let mut listed: HashSet<NamespacedName> = HashSet::new();
    loop {
        let page = wire.list(kind, next.as_deref()).await?;
        let seen = Timestamp::UNIX_EPOCH;
        for (fact, resource_version) in page.items {
            listed.insert(fact.key());
            let source = Source::List(page.resource_version);
            index.apply(Observation { fact, resource_version, source, seen });
        }
        next = page.next;
        if next.is_none() {
            index.reset(kind, &listed, page.resource_version, seen);
            return Ok(());
        }
    }
}

impl fmt::Display for Picture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (snapshot, plan) in &self.services {
            if let Some(service) = &snapshot.service {
                head(formatter, service, plan)?;
                pods(formatter, snapshot, plan)?;
                slices(formatter, snapshot, plan)?;
                let name = &snapshot.key.name;
                let ready: Vec<&str> = self.addresses(name).collect();
                writeln!(formatter, "  ENDPOINTS  {}", ready.join(", "))?;
            }
        }
        if !self.events.is_empty() {
            writeln!(formatter, "  {:<18} {:<28} LAST EVENTS", "REASON", "OBJECT")?;
        }
        for event in &self.events {
            writeln!(formatter, "  {event}")?;
        }
        Ok(())
    }
}

fn head(formatter: &mut fmt::Formatter<'_>, service: &Service, plan: &Plan) -> fmt::Result {
    let address = match service.cluster_ip {
        ClusterIp::Address(address) => address.to_string(),
        ClusterIp::Headless => "None".to_owned(),
        ClusterIp::Unset => "-".to_owned(),
    };
    let ports = service.ports.iter().map(|port| {
        let target = match &port.target_port {
            TargetPort::Number(number) => number.to_string(),
            TargetPort::Name(name) => name.to_string(),
        };
        format!("{} to {target}", port.port)
    });
    let ports: Vec<String> = ports.collect();
    let verdict = plan.service.first().map_or("", |reason| reason.name());
    writeln!(
        formatter,
        "Service {}  ClusterIP {address}  port {}  {verdict}",
        service.key,
        ports.join(", ")
    )
}

fn pods(formatter: &mut fmt::Formatter<'_>, snapshot: &Snapshot, plan: &Plan) -> fmt::Result {
    writeln!(formatter, "  {:<28} {:<16} {:<14} REASON", "POD", "ADDRESS", "NODE")?;
    for family in &plan.families {
        for (pod, verdict) in snapshot.pods.iter().zip(&family.pods) {
            let mut addresses = pod.planning.addresses.iter();
            let address = addresses.find(|address| address.family() == Some(family.family));
            let cause = verdict.cause.map(|cause| format!(": {}", cause.name()));
            writeln!(
                formatter,
                "  {:<28} {:<16} {:<14} {}{}",
                pod.key.name,
                address.map_or("-", |address| address.text()),
                pod.planning.node_name.as_deref().unwrap_or("-"),
                verdict.reason,
                cause.unwrap_or_default()
            )?;
        }
    }
    Ok(())
}

fn slices(formatter: &mut fmt::Formatter<'_>, snapshot: &Snapshot, plan: &Plan) -> fmt::Result {
    writeln!(formatter, "  {:<28} {:<16} {:<14} STATE", "SLICE", "TYPE", "READY")?;
    for slice in &snapshot.slices {
        let name = &slice.metadata.key.name;
        let entry = plan.slices.iter().find(|entry| entry.name == *name);
        let ready = format!("{} of {}", slice.ready_endpoints(), slice.endpoints.len());
        let state = entry.map_or("", |entry| entry.reason.name());
        writeln!(formatter, "  {name:<28} {:<16} {ready:<14} {state}", slice.address_type.name())?;
    }
    Ok(())
}
