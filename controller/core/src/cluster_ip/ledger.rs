//! The ledger: who uses, claims or was promised each address, and so which are free.
//!
//! It is rebuilt from Services and IPAddress objects at every start and is never the truth. What
//! decides who has an address is the creation of the IPAddress object.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use allocator::{Families, IpFamily, Range};
use jiff::Timestamp;
use rand_core::Rng;

use super::Snapshot;
use super::needs::Served;
use super::pools::{Offer, Pools};
use crate::facts::ip_address::Manager;
use crate::facts::{ClusterIpHold, ClusterIpPool, IpAddress, Labels, Service, ServiceCidr};
use crate::key::{NamespacedName, ResourceVersion, Text};

/// The ServiceCIDR that kube-apiserver keeps.
pub(super) const DEFAULT_SERVICE_CIDR: &str = "kubernetes";

/// Who uses, claims or was promised each address.
#[derive(Default)]
pub struct Ledger {
    /// All addresses that anybody holds.
    addresses: BTreeMap<IpAddr, Holders>,
    services: BTreeMap<NamespacedName, Entry>,
    /// Addresses that are held, by the admission request that they were promised in.
    promised: BTreeMap<Text, BTreeSet<IpAddr>>,
    cidrs: BTreeMap<Text, ServiceCidr>,
    pool_facts: BTreeMap<Text, Arc<ClusterIpPool>>,
    pools: Arc<Pools>,
    /// An address is used here if and only if it has holders.
    families: Families,
    /// Claims made up to this time are settled.
    settled_before: Option<Timestamp>,
}

/// Who holds an address.
#[derive(Clone, Debug, Default)]
struct Holders {
    services: BTreeSet<NamespacedName>,
    claim: Option<Arc<IpAddress>>,
    promise: Option<Promise>,
    /// It was picked, and its claim or hold is not made yet.
    picked: bool,
}

/// A hold, and what has come of it.
#[derive(Clone, Debug)]
struct Promise {
    hold: Arc<ClusterIpHold>,
    /// The address was claimed since, be it that the claim has gone again.
    kept: bool,
}

/// What belongs to the name of a Service, whether or not the Service exists.
#[derive(Default)]
struct Entry {
    service: Option<(Arc<Service>, ResourceVersion)>,
    /// Addresses whose claims name it.
    claimed: BTreeSet<IpAddr>,
    /// The uids of Services of the name that were seen to go.
    departed: BTreeSet<Text>,
    /// The uids for which claims were made and that no Service has, and since when.
    missing: BTreeMap<Text, Timestamp>,
}

/// A claim on an address that a Service lists or that names the Service.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// The address.
    pub address: IpAddr,
    /// The claim, if there is one.
    pub claim: Option<Arc<IpAddress>>,
    /// Other Services that list the address.
    pub others: Vec<NamespacedName>,
    /// Whether a range that gives addresses has it.
    pub in_open_range: bool,
    /// Whether any range has it.
    pub in_range: bool,
    /// Whether whoever takes part in the making of the claim has had time to finish.
    pub settled: bool,
}

impl Ledger {
    /// Takes in a Service, or that there is none. Answers whether its addresses changed.
    pub fn service(
        &mut self,
        key: &NamespacedName,
        now: Option<(Arc<Service>, ResourceVersion)>,
    ) -> Vec<NamespacedName> {
        let entry = self.services.entry(key.clone()).or_default();
        let before = entry.service.take();
        if let Some((before, _)) = &before
            && now.as_ref().is_none_or(|(now, _)| now.uid != before.uid)
        {
            entry.departed.insert(before.uid.clone());
        }
        entry.service = now;
        let listed = |side: &Option<(Arc<Service>, ResourceVersion)>| {
            side.as_ref().map(|(service, _)| addresses(service)).unwrap_or_default()
        };
        let (old, new) = (listed(&before), listed(&entry.service));
        for address in old.iter().filter(|address| !new.contains(address)) {
            self.change(*address, |holders| {
                holders.services.remove(key);
            });
        }
        for address in &new {
            self.change(*address, |holders| {
                holders.services.insert(key.clone());
            });
        }
        self.tidy(key);
        self.concerned(old.into_iter().chain(new))
    }

    /// Takes in the claim on an address, or that there is none. Answers whom it concerns.
    pub fn claim(&mut self, address: IpAddr, now: Option<Arc<IpAddress>>) -> Vec<NamespacedName> {
        let named = |claim: &Option<Arc<IpAddress>>| claim.as_ref()?.service.clone();
        let before = self.addresses.get(&address).and_then(|holders| holders.claim.clone());
        if let Some(key) = named(&before) {
            self.services.entry(key.clone()).or_default().claimed.remove(&address);
            self.tidy(&key);
        }
        if let Some(key) = named(&now) {
            self.services.entry(key).or_default().claimed.insert(address);
        }
        let mut concerned: BTreeSet<_> = named(&before).into_iter().chain(named(&now)).collect();
        self.change(address, |holders| {
            if let Some(promise) = &mut holders.promise {
                promise.kept |= now.is_some();
            }
            holders.claim = now;
            holders.picked = false;
        });
        concerned.extend(self.concerned([address]));
        concerned.into_iter().collect()
    }

    /// Takes in the hold on an address, or that there is none.
    pub fn hold(&mut self, address: IpAddr, now: Option<Arc<ClusterIpHold>>) {
        if let Some(before) = self.hold_on(address)
            && let Some(promised) = self.promised.get_mut(&before.request_uid)
        {
            promised.remove(&address);
            if promised.is_empty() {
                self.promised.remove(&before.request_uid);
            }
        }
        if let Some(hold) = &now {
            self.promised.entry(hold.request_uid.clone()).or_default().insert(address);
        }
        self.change(address, |holders| {
            let kept = holders.claim.is_some();
            holders.promise = now.map(|hold| Promise { hold, kept });
            holders.picked = false;
        });
    }

    /// Takes in a ServiceCIDR, or that there is none. Answers whether that is news.
    pub fn service_cidr(&mut self, name: &Text, now: Option<ServiceCidr>) -> bool {
        if self.cidrs.get(name) == now.as_ref() {
            return false;
        }
        match now {
            Some(cidr) => self.cidrs.insert(name.clone(), cidr),
            None => self.cidrs.remove(name),
        };
        let open: Vec<Range> = self.ranges(ServiceCidr::is_open).collect();
        // Each range goes to its own family, so no family is wrong.
        let _ = self.families.set_ranges(open);
        self.order_pools();
        true
    }

    /// Takes in a ClusterIPPool, or that there is none. Answers whether that is news.
    pub fn pool(&mut self, name: &Text, now: Option<ClusterIpPool>) -> bool {
        if self.pool_facts.get(name).map(|pool| &**pool) == now.as_ref() {
            return false;
        }
        match now {
            Some(pool) => self.pool_facts.insert(name.clone(), Arc::new(pool)),
            None => self.pool_facts.remove(name),
        };
        self.order_pools();
        true
    }

    /// Takes Services that have not been there since before a time for gone, although nobody saw
    /// them go. Answers which names that concerns.
    pub fn presume_departed(&mut self, before: Timestamp, now: Timestamp) -> Vec<NamespacedName> {
        let (mut concerned, addresses) = (Vec::new(), &self.addresses);
        for (key, entry) in &mut self.services {
            let strange = entry.strange_uids(addresses);
            entry.missing.retain(|uid, _| strange.contains(uid));
            for uid in strange {
                let since = *entry.missing.entry(uid.clone()).or_insert(now);
                if since <= before {
                    entry.departed.insert(uid);
                    concerned.push(key.clone());
                }
            }
        }
        concerned.dedup();
        concerned
    }

    /// Takes claims that were made before a time for settled. Answers for whom that makes a
    /// difference: Services that list an address whose claim is not as kube-apiserver makes it.
    pub fn settle(&mut self, before: Timestamp) -> Vec<NamespacedName> {
        let news = |claim: &IpAddress| {
            claim.created.is_some_and(|it| it <= before)
                && (claim.created > self.settled_before || self.settled_before.is_none())
        };
        let odd = self.addresses.values().filter(|holders| {
            let claim = holders.claim.as_deref().filter(|claim| news(claim));
            claim.is_some_and(|claim| {
                let own = claim.service.as_ref().is_some_and(|it| holders.services.contains(it));
                !own || claim.manager != Manager::Server || !claim.is_of_labelled_family()
            })
        });
        let concerned: BTreeSet<_> = odd.flat_map(|holders| holders.services.clone()).collect();
        self.settled_before = Some(before);
        concerned.into_iter().collect()
    }

    /// Picks a free address out of what is offered, and keeps it until its claim or hold is known
    /// or [`Ledger::put_back`] is called.
    pub fn pick(&mut self, family: IpFamily, offer: &Offer, rng: &mut impl Rng) -> Option<IpAddr> {
        let stage = offer.choose(self.families.of(family))?;
        let picked = self.families.of_mut(family).claim_within(&stage.spans, rng).ok()?;
        self.addresses.entry(picked).or_default().picked = true;
        Some(picked)
    }

    /// Whether any address that is offered is free.
    pub fn has_free(&self, family: IpFamily, offer: &Offer) -> bool {
        offer.choose(self.families.of(family)).is_some()
    }

    /// Makes an address free again that was picked and got neither claim nor hold.
    pub fn put_back(&mut self, address: IpAddr) {
        self.change(address, |holders| holders.picked = false);
    }

    /// The claim on an address.
    pub fn claim_on(&self, address: IpAddr) -> Option<Arc<IpAddress>> {
        self.addresses.get(&address)?.claim.clone()
    }

    /// The hold on an address.
    pub fn hold_on(&self, address: IpAddr) -> Option<Arc<ClusterIpHold>> {
        self.addresses.get(&address)?.promise.as_ref().map(|promise| promise.hold.clone())
    }

    /// All holds.
    pub fn holds(&self) -> impl Iterator<Item = &Arc<ClusterIpHold>> {
        self.promises().map(|promise| &promise.hold)
    }

    /// The holds whose addresses have been claimed since, be it that the claims have gone again.
    pub fn kept_holds(&self) -> impl Iterator<Item = &Arc<ClusterIpHold>> {
        self.promises().filter(|promise| promise.kept).map(|promise| &promise.hold)
    }

    /// The addresses that were promised in an admission request.
    pub fn promised_in(&self, request_uid: &str) -> impl Iterator<Item = IpAddr> {
        self.promised.get(request_uid).into_iter().flatten().copied()
    }

    /// Whether an address was promised and neither claimed nor listed since.
    pub fn is_only_promised(&self, address: IpAddr) -> bool {
        self.addresses.get(&address).is_some_and(|holders| {
            holders.promise.is_some() && holders.claim.is_none() && holders.services.is_empty()
        })
    }

    /// Whether anybody uses, claims or was promised an address.
    pub fn is_held(&self, address: IpAddr) -> bool {
        self.addresses.contains_key(&address)
    }

    /// All claims, in the order of their addresses.
    pub fn claims(&self) -> impl Iterator<Item = &Arc<IpAddress>> {
        self.addresses.values().filter_map(|holders| holders.claim.as_ref())
    }

    /// Every address that anybody holds: the claim on it and the Services that list it.
    pub fn holders(
        &self,
    ) -> impl Iterator<Item = (IpAddr, Option<&Arc<IpAddress>>, &BTreeSet<NamespacedName>)> {
        let all = self.addresses.iter();
        all.map(|(address, holders)| (*address, holders.claim.as_ref(), &holders.services))
    }

    /// A Service, if it exists.
    pub fn service_of(&self, key: &NamespacedName) -> Option<&Arc<Service>> {
        self.services.get(key)?.service.as_ref().map(|(service, _)| service)
    }

    /// All Services that exist.
    pub fn all_services(&self) -> impl Iterator<Item = &Arc<Service>> {
        let seen = self.services.values().filter_map(|entry| entry.service.as_ref());
        seen.map(|(service, _)| service)
    }

    /// Whether any ServiceCIDR has an address.
    pub fn is_in_range(&self, address: IpAddr) -> bool {
        self.ranges(|_| true).any(|range| range.contains(address))
    }

    /// Whether a ServiceCIDR that gives addresses has one.
    pub fn is_in_open_range(&self, address: IpAddr) -> bool {
        self.ranges(ServiceCidr::is_open).any(|range| range.contains(address))
    }

    /// The range of a ServiceCIDR that gives addresses and has this one; the first of several.
    pub fn open_range_of(&self, address: IpAddr) -> Option<Range> {
        self.ranges(ServiceCidr::is_open).find(|range| range.contains(address))
    }

    /// The names of all Services that exist or are claimed for.
    pub fn names(&self) -> impl Iterator<Item = &NamespacedName> {
        self.services.keys()
    }

    /// The names of all ServiceCIDRs.
    pub fn service_cidrs(&self) -> impl Iterator<Item = &Text> {
        self.cidrs.keys()
    }

    /// All ServiceCIDRs, in the order of their names.
    pub fn service_cidr_facts(&self) -> impl Iterator<Item = &ServiceCidr> {
        self.cidrs.values()
    }

    /// The ServiceCIDR that kube-apiserver keeps.
    pub fn default_service_cidr(&self) -> Option<&ServiceCidr> {
        self.cidrs.get(DEFAULT_SERVICE_CIDR)
    }

    /// The names of the ServiceCIDRs that have an address.
    pub fn service_cidrs_with(&self, address: IpAddr) -> impl Iterator<Item = &str> {
        let has = move |cidr: &&ServiceCidr| cidr.ranges.iter().any(|it| it.contains(address));
        self.cidrs.values().filter(has).map(|cidr| &*cidr.name)
    }

    /// The names of all pools.
    pub fn pool_names(&self) -> impl Iterator<Item = &Text> {
        self.pool_facts.keys()
    }

    /// A Service and the version it was seen in.
    pub fn get(&self, key: &NamespacedName) -> Option<(Arc<Service>, ResourceVersion)> {
        self.services.get(key)?.service.clone()
    }

    /// Every address that a Service lists or is claimed for, in the order of the addresses.
    pub fn held(&self, key: &NamespacedName) -> Vec<Held> {
        let Some(entry) = self.services.get(key) else { return Vec::new() };
        let listed = entry.service.iter().flat_map(|(service, _)| addresses(service));
        let all: BTreeSet<IpAddr> = listed.chain(entry.claimed.iter().copied()).collect();
        all.into_iter().map(|address| self.held_address(key, address)).collect()
    }

    /// What a plan for a Service is made from.
    pub fn snapshot(&self, key: &NamespacedName, namespace_labels: Labels) -> Snapshot {
        let entry = self.services.get(key);
        Snapshot {
            key: key.clone(),
            service: self.get(key),
            held: self.held(key),
            departed: entry.map(|entry| entry.departed.clone()).unwrap_or_default(),
            served: self.served(),
            pools: self.pools.clone(),
            namespace_labels,
        }
    }

    /// The families that the cluster serves: those of the ServiceCIDR that kube-apiserver makes of
    /// its flags, the first being the default.
    pub fn served(&self) -> Option<Served> {
        let ranges = &self.default_service_cidr()?.ranges;
        let mut families = ranges.iter().map(|range| range.family().into());
        let first = families.next()?;
        Some(match families.any(|family| family != first) {
            true => Served::Both(first),
            false => Served::One(first),
        })
    }

    /// The pools, in their order.
    pub fn pools(&self) -> &Arc<Pools> {
        &self.pools
    }

    /// The Services that have no address and may want one.
    pub fn without_address(&self) -> Vec<NamespacedName> {
        let waits = |entry: &Entry| {
            entry.service.as_ref().is_some_and(|(service, _)| {
                service.cluster_ips.is_empty() && !service.external_name
            })
        };
        let waiting = self.services.iter().filter(|(_, entry)| waits(entry));
        waiting.map(|(key, _)| key.clone()).collect()
    }

    /// The addresses by family: which are used, and how full the ranges are.
    pub fn families(&self) -> &Families {
        &self.families
    }

    fn held_address(&self, key: &NamespacedName, address: IpAddr) -> Held {
        let holders = self.addresses.get(&address).cloned().unwrap_or_default();
        let made = holders.claim.as_ref().and_then(|claim| claim.created);
        Held {
            address,
            settled: made.is_some() && made <= self.settled_before,
            claim: holders.claim,
            others: holders.services.into_iter().filter(|other| other != key).collect(),
            in_open_range: self.is_in_open_range(address),
            in_range: self.is_in_range(address),
        }
    }

    fn ranges(&self, which: impl Fn(&ServiceCidr) -> bool) -> impl Iterator<Item = Range> {
        let chosen = self.cidrs.values().filter(move |cidr| which(cidr));
        chosen.flat_map(|cidr| cidr.ranges.iter().copied())
    }

    fn order_pools(&mut self) {
        let open: Vec<Range> = self.ranges(ServiceCidr::is_open).collect();
        let pools: Vec<Arc<ClusterIpPool>> = self.pool_facts.values().cloned().collect();
        self.pools = Arc::new(Pools::new(&pools, &open));
    }

    /// Changes who holds an address, and with it whether it is free.
    fn change(&mut self, address: IpAddr, change: impl FnOnce(&mut Holders)) {
        let holders = self.addresses.entry(address).or_default();
        change(holders);
        match holders.are_none() {
            true => {
                self.addresses.remove(&address);
                self.families.release(address);
            }
            false => {
                self.families.mark_used(address);
            }
        }
    }

    fn promises(&self) -> impl Iterator<Item = &Promise> {
        let held = self.promised.values().flatten();
        held.filter_map(|address| self.addresses.get(address)?.promise.as_ref())
    }

    /// The Services that list any of the addresses.
    fn concerned(&self, addresses: impl IntoIterator<Item = IpAddr>) -> Vec<NamespacedName> {
        let holders = addresses.into_iter().filter_map(|address| self.addresses.get(&address));
        let keys: BTreeSet<_> = holders.flat_map(|holders| holders.services.clone()).collect();
        keys.into_iter().collect()
    }

    fn tidy(&mut self, key: &NamespacedName) {
        let idle = |entry: &Entry| entry.service.is_none() && entry.claimed.is_empty();
        if self.services.get(key).is_some_and(idle) {
            self.services.remove(key);
        }
    }

    /// Says what is wrong with the ledger, if anything. For tests.
    pub fn check(&self) {
        for (address, holders) in &self.addresses {
            assert!(self.families.contains(*address), "{address} has holders and is used");
            for key in &holders.services {
                let (service, _) = self.get(key).unwrap_or_else(|| unreachable!("{key} is gone"));
                assert!(addresses(&service).contains(address), "{key} lists {address}");
            }
        }
        for (request, addresses) in &self.promised {
            for address in addresses {
                let hold = self.hold_on(*address);
                assert!(hold.is_some_and(|hold| hold.request_uid == *request), "{address} is held");
            }
        }
        for family in [IpFamily::V4, IpFamily::V6] {
            self.families.of(family).check();
            for usage in self.families.of(family).usage() {
                let held = self.addresses.keys().filter(|it| usage.range.contains(**it)).count();
                assert_eq!(usage.used, held as u64, "{} of {}", usage.used, usage.range);
            }
        }
    }
}

impl Holders {
    fn are_none(&self) -> bool {
        self.services.is_empty() && self.claim.is_none() && self.promise.is_none() && !self.picked
    }
}

impl Entry {
    /// The uids for which claims were made and that the Service does not have, unless they are known
    /// to be of the past. Empty stands for claims that tell none, on addresses it does not list.
    fn strange_uids(&self, held: &BTreeMap<IpAddr, Holders>) -> BTreeSet<Text> {
        let live = self.service.as_ref().map(|(service, _)| service);
        let listed = live.map(|service| addresses(service)).unwrap_or_default();
        let claims = self.claimed.iter().filter_map(|address| held.get(address)?.claim.as_ref());
        let ours = claims.filter(|claim| claim.manager != Manager::Other && !claim.deleting);
        let strange = ours.filter(|claim| match &claim.service_uid {
            Some(uid) => live.is_none_or(|service| service.uid != *uid),
            None => !listed.contains(&claim.address),
        });
        let uids = strange.map(|claim| claim.service_uid.clone().unwrap_or_default());
        uids.filter(|uid| !self.departed.contains(uid)).collect()
    }
}

/// The addresses of a Service that are addresses, whatever their spelling.
pub fn addresses(service: &Service) -> Vec<IpAddr> {
    service.cluster_ips.iter().filter_map(|text| text.parse().ok()).collect()
}
