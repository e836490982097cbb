//! What ClusterIPs depend on in the index, and whom a change of it wakes. Services are there for
//! other controllers, too; the ledger is kept only where the ClusterIP controller runs.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::held::Versioned;
use super::{Field, Index, Origin, Source, Trigger, Visit, When};
use crate::cluster_ip::ledger::Ledger;
use crate::facts::cluster_ip_hold::held_address;
use crate::facts::{
    ClusterIpHold, ClusterIpPool, IpAddress, Labels, Namespace, Service, ServiceCidr,
};
use crate::key::{Controller, Kind, NamespacedName, ResourceVersion, Text};

/// What the ClusterIP controller depends on.
#[derive(Default)]
pub(super) struct ClusterIps {
    pub(super) ledger: Ledger,
    /// By the name of the Namespace.
    pub(super) namespace_labels: BTreeMap<Text, Labels>,
}

impl ClusterIps {
    /// The objects of a kind.
    pub(super) fn keys(&self, kind: Kind) -> Vec<NamespacedName> {
        let cluster = |name: &Text| NamespacedName::cluster(name.clone());
        match kind {
            Kind::Namespace => self.namespace_labels.keys().map(cluster).collect(),
            Kind::ServiceCidr => self.ledger.service_cidrs().map(cluster).collect(),
            Kind::ClusterIpPool => self.ledger.pool_names().map(cluster).collect(),
            Kind::IpAddress => self.ledger.claims().map(|claim| claim.key()).collect(),
            Kind::ClusterIpHold => self.ledger.holds().map(|hold| hold.key()).collect(),
            _ => Vec::new(),
        }
    }
}

impl Versioned for IpAddress {
    fn key(&self) -> NamespacedName {
        IpAddress::key(self)
    }

    fn uid(&self) -> &Text {
        &self.uid
    }

    fn resource_version(&self) -> ResourceVersion {
        self.resource_version
    }
}

impl Versioned for ClusterIpHold {
    fn key(&self) -> NamespacedName {
        ClusterIpHold::key(self)
    }

    fn uid(&self) -> &Text {
        &self.uid
    }

    fn resource_version(&self) -> ResourceVersion {
        self.resource_version
    }
}

impl Versioned for (Arc<Service>, ResourceVersion) {
    fn key(&self) -> NamespacedName {
        self.0.key.clone()
    }

    fn uid(&self) -> &Text {
        &self.0.uid
    }

    fn resource_version(&self) -> ResourceVersion {
        self.1
    }
}

impl Index {
    /// Takes a Service into the ledger. Answers whom else its addresses concern, or nothing if it
    /// is older than what is known.
    pub(super) fn enter_service(
        &mut self,
        service: &Arc<Service>,
        origin: Origin,
    ) -> Option<Vec<Visit>> {
        if !self.kinds.contains(&Kind::IpAddress) {
            return Some(Vec::new());
        }
        let seen = (service.clone(), origin.resource_version);
        let held = self.cluster_ips.ledger.get(&service.key);
        if !self.is_news(Kind::Service, held.as_ref(), &seen, origin) {
            return None;
        }
        let concerned = self.cluster_ips.ledger.service(&service.key, Some(seen));
        let others = concerned.into_iter().filter(|key| *key != service.key);
        Some(self.address_visits(others, &service.key, Field::ClusterIPs, origin))
    }

    /// Takes a Service out of the ledger. Answers whom else its addresses concern, or nothing if
    /// another Service of the name is known.
    pub(super) fn strike_service(
        &mut self,
        key: &NamespacedName,
        uid: Option<&str>,
        origin: Origin,
    ) -> Option<Vec<Visit>> {
        if !self.kinds.contains(&Kind::IpAddress) {
            return Some(Vec::new());
        }
        let held = self.cluster_ips.ledger.get(key);
        if !self.is_gone(Kind::Service, key, held.as_ref(), uid, origin) {
            return None;
        }
        let concerned = self.cluster_ips.ledger.service(key, None);
        Some(self.address_visits(concerned, key, Field::ClusterIPs, origin))
    }

    pub(super) fn apply_claim(&mut self, claim: IpAddress, origin: Origin) -> Vec<Visit> {
        let held = self.cluster_ips.ledger.claim_on(claim.address);
        if !self.is_news(Kind::IpAddress, held.as_deref(), &claim, origin) {
            return Vec::new();
        }
        let (address, field) = (claim.address, held.map_or(Field::Created, |_| Field::Other));
        let concerned = self.cluster_ips.ledger.claim(address, Some(Arc::new(claim)));
        self.claim_visits(address, concerned, field, origin)
    }

    pub(super) fn delete_claim(
        &mut self,
        key: &NamespacedName,
        uid: Option<&str>,
        origin: Origin,
    ) -> Vec<Visit> {
        let Ok(address) = key.name.parse::<IpAddr>() else {
            return Vec::new();
        };
        let held = self.cluster_ips.ledger.claim_on(address);
        if !self.is_gone(Kind::IpAddress, key, held.as_deref(), uid, origin) {
            return Vec::new();
        }
        let concerned = self.cluster_ips.ledger.claim(address, None);
        let mut visits = self.claim_visits(address, concerned, Field::Deleted, origin);
        visits.extend(self.visits_for_freed(address, key, origin));
        visits
    }

    /// An address that was promised is not free. Nobody's plan depends on who it was promised to.
    pub(super) fn apply_hold(&mut self, hold: ClusterIpHold, origin: Origin) -> Vec<Visit> {
        let held = self.cluster_ips.ledger.hold_on(hold.address);
        if self.is_news(Kind::ClusterIpHold, held.as_deref(), &hold, origin) {
            self.cluster_ips.ledger.hold(hold.address, Some(Arc::new(hold)));
        }
        Vec::new()
    }

    pub(super) fn delete_hold(
        &mut self,
        key: &NamespacedName,
        uid: Option<&str>,
        origin: Origin,
    ) -> Vec<Visit> {
        let Some(address) = held_address(&key.name) else {
            return Vec::new();
        };
        let held = self.cluster_ips.ledger.hold_on(address);
        if !self.is_gone(Kind::ClusterIpHold, key, held.as_deref(), uid, origin) {
            return Vec::new();
        }
        self.cluster_ips.ledger.hold(address, None);
        self.visits_for_freed(address, key, origin)
    }

    /// Whoever found the range full may have an address that is free now.
    fn visits_for_freed(
        &self,
        address: IpAddr,
        cause: &NamespacedName,
        origin: Origin,
    ) -> Vec<Visit> {
        let ledger = &self.cluster_ips.ledger;
        let free = !ledger.is_held(address);
        let waiting = if free { ledger.without_address() } else { Vec::new() };
        self.address_visits(waiting, cause, Field::Deleted, origin)
    }

    pub(super) fn apply_service_cidr(&mut self, cidr: ServiceCidr, origin: Origin) -> Vec<Visit> {
        let name = cidr.name.clone();
        match self.cluster_ips.ledger.service_cidr(&name, Some(cidr)) {
            true => self.all_address_visits(Kind::ServiceCidr, &name, Field::Other, origin),
            false => Vec::new(),
        }
    }

    pub(super) fn delete_service_cidr(&mut self, name: &Text, origin: Origin) -> Vec<Visit> {
        self.cluster_ips.ledger.service_cidr(name, None);
        self.all_address_visits(Kind::ServiceCidr, name, Field::Deleted, origin)
    }

    pub(super) fn apply_pool(&mut self, pool: ClusterIpPool, origin: Origin) -> Vec<Visit> {
        let name = pool.name.clone();
        match self.cluster_ips.ledger.pool(&name, Some(pool)) {
            true => self.all_address_visits(Kind::ClusterIpPool, &name, Field::Other, origin),
            false => Vec::new(),
        }
    }

    pub(super) fn delete_pool(&mut self, name: &Text, origin: Origin) -> Vec<Visit> {
        self.cluster_ips.ledger.pool(name, None);
        self.all_address_visits(Kind::ClusterIpPool, name, Field::Deleted, origin)
    }

    pub(super) fn apply_namespace(&mut self, namespace: Namespace, origin: Origin) -> Vec<Visit> {
        let Namespace { name, labels } = namespace;
        let before = self.cluster_ips.namespace_labels.insert(name.clone(), labels.clone());
        if before.is_none_or(|before| before == labels) {
            return Vec::new();
        }
        let trigger =
            origin.trigger(Kind::Namespace, NamespacedName::cluster(name.clone()), Field::Labels);
        let services = self.services().into_iter().filter(|key| key.namespace == name);
        services.map(|key| address_visit(key, &trigger)).collect()
    }

    pub(super) fn delete_namespace(&mut self, name: &Text, _: Origin) -> Vec<Visit> {
        // Its Services are gone, or are told of by their own deletions.
        self.cluster_ips.namespace_labels.remove(name);
        Vec::new()
    }

    /// Visits of those whose claims have been without their Services since before a time, from now
    /// on taken for left over.
    pub fn departures(&mut self, before: Timestamp, now: Timestamp) -> Vec<Visit> {
        let departed = self.cluster_ips.ledger.presume_departed(before, now);
        visits_by_time(departed, Field::Deleted, now)
    }

    /// Visits of those whose claims were made before a time and are still not as they should be.
    pub fn settlements(&mut self, before: Timestamp, now: Timestamp) -> Vec<Visit> {
        visits_by_time(self.cluster_ips.ledger.settle(before), Field::Other, now)
    }

    fn claim_visits(
        &self,
        address: IpAddr,
        concerned: Vec<NamespacedName>,
        field: Field,
        origin: Origin,
    ) -> Vec<Visit> {
        // Whoever makes or removes a claim goes on by itself.
        if origin.source == Source::Answer {
            return Vec::new();
        }
        let key = NamespacedName::cluster(address.to_string());
        let trigger = origin.trigger(Kind::IpAddress, key, field);
        concerned.into_iter().map(|key| address_visit(key, &trigger)).collect()
    }

    fn address_visits(
        &self,
        keys: impl IntoIterator<Item = NamespacedName>,
        cause: &NamespacedName,
        field: Field,
        origin: Origin,
    ) -> Vec<Visit> {
        let trigger = origin.trigger(Kind::Service, cause.clone(), field);
        keys.into_iter().map(|key| address_visit(key, &trigger)).collect()
    }

    /// Ranges and pools concern every Service: where its address lies is judged again.
    fn all_address_visits(
        &self,
        kind: Kind,
        name: &Text,
        field: Field,
        origin: Origin,
    ) -> Vec<Visit> {
        if !self.is_ready(Controller::ClusterIp) {
            return Vec::new();
        }
        let trigger: Trigger = origin.trigger(kind, NamespacedName::cluster(name.clone()), field);
        self.services().into_iter().map(|key| address_visit(key, &trigger)).collect()
    }
}

/// Nothing has happened but time.
fn visits_by_time(keys: Vec<NamespacedName>, field: Field, now: Timestamp) -> Vec<Visit> {
    let resource_version = ResourceVersion::default();
    let origin = Origin { resource_version, source: Source::LiveRead, seen: now };
    let visit = |key: NamespacedName| {
        let trigger = origin.trigger(Kind::Service, key.clone(), field);
        address_visit(key, &trigger)
    };
    keys.into_iter().map(visit).collect()
}

fn address_visit(key: NamespacedName, trigger: &Trigger) -> Visit {
    Visit { controller: Controller::ClusterIp, key, when: When::Now, trigger: trigger.clone() }
}
