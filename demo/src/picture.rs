//! A picture of the cluster: Services, their Pods, their slices, and why each is as it is. It is
//! worked out from fresh lists by the same decisions that Roster takes.

use std::collections::HashSet;
use std::fmt;
use std::num::NonZeroUsize;

use anyhow::Result;
use controller::wire::Wire;
use controller_core::endpoint_slices::{self, Limits, Plan, Snapshot};
use controller_core::facts::{ClusterIp, Service, TargetPort};
use controller_core::index::{Index, Observation, Source};
use controller_core::key::{Kind, NamespacedName};
use jiff::Timestamp;

/// What is judged as full has no influence on what is shown.
const LIMITS: Limits = Limits { max_endpoints_per_slice: NonZeroUsize::MAX };

/// The Services with a selector.
pub struct Picture(Vec<(Snapshot, Plan)>);

impl Picture {
    /// Looks at the cluster.
    pub async fn take(wire: &Wire) -> Result<Self> {
        let mut index = Index::default();
        for kind in Kind::ALL {
            fill(&mut index, wire, kind).await?;
        }
        let snapshots = index.services().into_iter().map(|key| index.endpoint_slices(&key));
        let planned = snapshots.map(|snapshot| {
            let plan = endpoint_slices::plan(&snapshot, &LIMITS);
            (snapshot, plan)
        });
        let selects = |(snapshot, _): &(Snapshot, Plan)| {
            snapshot.service.as_ref().is_some_and(|service| service.selector.is_some())
        };
        Ok(Self(planned.filter(selects).collect()))
    }

    /// How many endpoints of a Service its slices publish as ready, if everything is as planned.
    pub fn settled_at(&self, name: &str) -> Option<usize> {
        let of_name = |(snapshot, _): &&(Snapshot, Plan)| &*snapshot.key.name == name;
        let (snapshot, plan) = self.0.iter().find(of_name)?;
        let ready = snapshot.slices.iter().map(|slice| slice.ready_endpoints()).sum();
        plan.is_settled().then_some(ready)
    }
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
        for (snapshot, plan) in &self.0 {
            if let Some(service) = &snapshot.service {
                head(formatter, service, plan)?;
                pods(formatter, plan)?;
                slices(formatter, snapshot, plan)?;
            }
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

fn pods(formatter: &mut fmt::Formatter<'_>, plan: &Plan) -> fmt::Result {
    writeln!(formatter, "  {:<24} {:<16} {:<14} REASON", "POD", "ADDRESS", "NODE")?;
    for entry in &plan.pods {
        let pod = &entry.pod.planning;
        let address = pod.addresses.iter().find(|address| address.family() == Some(entry.family));
        let cause = entry.cause.map(|cause| format!(": {}", cause.name())).unwrap_or_default();
        writeln!(
            formatter,
            "  {:<24} {:<16} {:<14} {}{cause}",
            entry.pod.key.name,
            address.map_or("-", |address| address.text()),
            pod.node_name.as_deref().unwrap_or("-"),
            entry.reason
        )?;
    }
    Ok(())
}

fn slices(formatter: &mut fmt::Formatter<'_>, snapshot: &Snapshot, plan: &Plan) -> fmt::Result {
    writeln!(formatter, "  {:<24} {:<16} {:<14} STATE", "SLICE", "TYPE", "READY")?;
    for slice in &snapshot.slices {
        let name = &slice.metadata.key.name;
        let entry = plan.slices.iter().find(|entry| entry.name == *name);
        let ready = format!("{} of {}", slice.ready_endpoints(), slice.endpoints.len());
        let state = entry.map_or("", |entry| entry.reason.name());
        writeln!(formatter, "  {name:<24} {:<16} {ready:<14} {state}", slice.address_type.name())?;
    }
    Ok(())
}
