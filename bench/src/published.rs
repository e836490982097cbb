//! What is published of the cluster, in slices and in Endpoints: the gate that every lap has to pass.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use controller::wire::Wire;
use controller_core::facts::{EndpointAddress, EndpointSlice, Endpoints, Fact, TargetRef};
use controller_core::key::Kind;

/// How long it may take until everything is published.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long to wait between two looks.
const POLL: Duration = Duration::from_millis(500);

/// A Pod in a Service: namespace, Service, Pod.
pub type Member = (String, String, String);

/// Which Pods are ready, by Service.
pub type Members = BTreeMap<Member, bool>;

/// All that is published.
#[derive(Default)]
pub struct Published {
    /// In slices.
    pub slices: Members,
    /// In Endpoints.
    pub endpoints: Members,
    /// Everything else that consumers see, in words: labels, ports, addresses, Nodes, zones.
    pub rest: BTreeSet<String>,
    /// How many slices there are.
    pub slice_count: usize,
}

impl Published {
    /// Reads it in pages.
    pub async fn read(wire: &Wire) -> Result<Self> {
        let mut published = Self::default();
        for kind in [Kind::EndpointSlice, Kind::Endpoints] {
            let mut next = None;
            loop {
                let page = wire.list(kind, next.as_deref()).await?;
                for (fact, _) in page.items {
                    published.add(fact)?;
                }
                next = page.next;
                if next.is_none() {
                    break;
                }
            }
        }
        Ok(published)
    }

    fn add(&mut self, fact: Fact) -> Result<()> {
        match fact {
            Fact::EndpointSlice(slice) => self.add_slice(&slice),
            Fact::Endpoints(endpoints) => self.add_endpoints(&endpoints),
            _ => Ok(()),
        }
    }

    fn add_slice(&mut self, slice: &EndpointSlice) -> Result<()> {
        let Some(service) = slice.service() else {
            return Ok(());
        };
        self.slice_count += 1;
        let (labels, ports) = (&slice.metadata.labels, &slice.ports);
        self.rest.insert(format!("slice {service} {:?} {labels:?} {ports:?}", slice.address_type));
        for endpoint in &slice.endpoints {
            let Some(pod) = pod_of(endpoint.target_ref.as_ref()) else {
                continue;
            };
            let ready =
                endpoint.conditions.ready.context("an endpoint without a ready condition")?;
            self.rest.insert(format!(
                "endpoint {service} {pod} {:?} {:?} {:?} {:?} {:?}",
                endpoint.addresses,
                endpoint.conditions.terminating,
                endpoint.node_name,
                endpoint.zone,
                endpoint.hints,
            ));
            let member = (service.namespace.to_string(), service.name.to_string(), pod);
            put(&mut self.slices, member, ready)?;
        }
        Ok(())
    }

    fn add_endpoints(&mut self, endpoints: &Endpoints) -> Result<()> {
        let service = &endpoints.metadata.key;
        let labels = &endpoints.metadata.labels;
        for subset in &endpoints.subsets {
            self.rest.insert(format!("Endpoints {service} {labels:?} {:?}", subset.ports));
            let ready = subset.addresses.iter().map(|address| (address, true));
            let not_ready = subset.not_ready_addresses.iter().map(|address| (address, false));
            for (address, ready) in ready.chain(not_ready) {
                let EndpointAddress { ip, node_name, target_ref, .. } = address;
                let Some(pod) = pod_of(target_ref.as_ref()) else {
                    continue;
                };
                self.rest.insert(format!("address {service} {pod} {ip:?} {node_name:?}"));
                let member = (service.namespace.to_string(), service.name.to_string(), pod);
                put(&mut self.endpoints, member, ready)?;
            }
        }
        Ok(())
    }

    /// Whether slices and Endpoints both say this, and what is wrong if they do not.
    fn judge(&self, wanted: &Members) -> Result<(), String> {
        if self.slices == *wanted && self.endpoints == *wanted {
            return Ok(());
        }
        Err(format!(
            "the end states are not equal: of {} endpoints, {} are wrong in slices and {} in Endpoints",
            wanted.len(),
            differing(wanted, &self.slices),
            differing(wanted, &self.endpoints),
        ))
    }
}

/// Waits until slices and Endpoints both say what is wanted.
pub async fn agree(wire: &Wire, wanted: &Members) -> Result<Published> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let published = Published::read(wire).await?;
        match published.judge(wanted) {
            Ok(()) => return Ok(published),
            Err(wrong) if Instant::now() > deadline => bail!(wrong),
            Err(_) => tokio::time::sleep(POLL).await,
        }
    }
}

fn pod_of(target: Option<&TargetRef>) -> Option<String> {
    target.and_then(|target| target.name.as_ref()).map(ToString::to_string)
}

fn differing(wanted: &Members, published: &Members) -> usize {
    let missing_or_other =
        wanted.iter().filter(|(member, ready)| published.get(*member) != Some(*ready)).count();
    missing_or_other + published.keys().filter(|member| !wanted.contains_key(*member)).count()
}

/// The second of two statements about one Pod counts only if it is the same.
fn put(members: &mut Members, member: Member, ready: bool) -> Result<()> {
    let told = format!("{}/{} says two things about one Pod", member.0, member.1);
    match members.insert(member, ready) {
        Some(before) if before != ready => bail!(told),
        _ => Ok(()),
    }
}
