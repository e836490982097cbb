//! Everything that is published for some Services, for comparing what several managers have made of
//! the same history: without what the managers may choose freely.

use std::collections::{BTreeMap, BTreeSet};

use controller_core::facts::endpoints::MANAGED_BY_LABEL;

use crate::Cluster;
use crate::view::{EndpointsView, SliceView};

/// What is compared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Published {
    /// Slices that belong together: how the endpoints are spread over them is left open.
    pub slices: BTreeMap<GroupKey, Group>,
    /// Endpoints by name.
    pub endpoints: BTreeMap<String, EndpointsView>,
}

/// Slices of one Service, writer, address type and port set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupKey {
    /// The Service.
    pub service: String,
    /// The managed-by label.
    pub writer: String,
    /// `addressType`.
    pub address_type: String,
    /// The ports, in their order.
    pub ports: Vec<String>,
    /// Whether they are deleted and held by finalizers.
    pub held: bool,
}

/// What slices that belong together hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// Sorted; an endpoint that stands in two slices would stand here twice.
    pub endpoints: Vec<String>,
    /// Their labels.
    pub labels: BTreeMap<String, String>,
    /// Their annotations.
    pub annotations: BTreeMap<String, String>,
    /// Their owners.
    pub owners: Vec<String>,
    /// How many there are.
    pub slices: usize,
    /// How many endpoints the largest holds.
    pub largest: usize,
}

impl Published {
    /// Looks at some Services of a cluster.
    pub async fn of(cluster: &Cluster, services: &[&str]) -> Self {
        let mut published = Self::default();
        for service in services {
            for slice in cluster.views(service).await {
                published = published.with_slice(service, slice);
            }
            let endpoints = cluster.endpoints(service).await;
            published.endpoints.extend(endpoints.map(|seen| ((*service).to_owned(), seen)));
        }
        published
    }

    /// The same without how many slices it took. That may depend on what stood together before.
    #[must_use]
    pub fn without_packing(mut self) -> Self {
        for group in self.slices.values_mut() {
            group.slices = 0;
            group.largest = 0;
        }
        self
    }

    /// The same without the slices that somebody manages.
    #[must_use]
    pub fn without_writer(mut self, writer: &str) -> Self {
        self.slices.retain(|key, _| key.writer != writer);
        self
    }

    /// How many objects there are: groups of slices, and Endpoints.
    pub fn objects(&self) -> usize {
        self.slices.len() + self.endpoints.len()
    }

    /// In how many objects this differs from another.
    pub fn differing(&self, other: &Self) -> usize {
        fn count<K: Ord, V: PartialEq>(one: &BTreeMap<K, V>, other: &BTreeMap<K, V>) -> usize {
            let keys: BTreeSet<&K> = one.keys().chain(other.keys()).collect();
            keys.into_iter().filter(|key| one.get(key) != other.get(key)).count()
        }
        count(&self.slices, &other.slices) + count(&self.endpoints, &other.endpoints)
    }

    /// The same without some Services.
    #[must_use]
    pub fn without_services(mut self, services: &BTreeSet<String>) -> Self {
        self.slices.retain(|key, _| !services.contains(&key.service));
        self.endpoints.retain(|name, _| !services.contains(name));
        self
    }

    /// Whether there is something for a Service that only follows from a selector.
    pub fn has_written_for(&self, service: &str) -> bool {
        let ours = |key: &GroupKey| {
            key.service == service && key.writer == controller_core::endpoint_slices::MANAGED_BY
        };
        let endpoints = self.endpoints.get(service);
        self.slices.keys().any(ours)
            || endpoints.is_some_and(|endpoints| endpoints.labels.contains_key(MANAGED_BY_LABEL))
    }

    /// What this holds and another does not, a line each, and the other way round.
    pub fn difference(&self, other: &Self) -> Vec<String> {
        let (ours, theirs) = (self.lines(), other.lines());
        let only = |these: &[String], those: &[String], sign: &str| -> Vec<String> {
            let only = these.iter().filter(|line| !those.contains(line));
            only.map(|line| format!("{sign} {line}")).collect()
        };
        [only(&ours, &theirs, "+"), only(&theirs, &ours, "-")].concat()
    }

    /// With a slice of a Service.
    #[must_use]
    pub fn with_slice(mut self, service: &str, slice: SliceView) -> Self {
        let writer = slice.labels.get("endpointslice.kubernetes.io/managed-by").cloned();
        let key = GroupKey {
            service: service.to_owned(),
            writer: writer.unwrap_or_default(),
            address_type: slice.address_type,
            ports: slice.ports,
            held: slice.held,
        };
        let group = self.slices.entry(key).or_default();
        group.slices += 1;
        group.largest = group.largest.max(slice.endpoints.len());
        group.endpoints.extend(slice.endpoints);
        group.endpoints.sort();
        group.labels = slice.labels;
        group.annotations = slice.annotations;
        group.owners = slice.owners;
        self
    }

    /// With the Endpoints of a Service.
    #[must_use]
    pub fn with_endpoints(mut self, service: &str, endpoints: EndpointsView) -> Self {
        self.endpoints.insert(service.to_owned(), endpoints);
        self
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (key, group) in &self.slices {
            let GroupKey { service, writer, address_type, ports, held } = key;
            let held = if *held { ", held" } else { "" };
            let place = format!("slices of {service} by {writer}, {address_type}, {ports:?}{held}");
            lines.push(format!(
                "{place}: {} of {:?}, labels {:?}, annotations {:?}",
                group.slices, group.owners, group.labels, group.annotations
            ));
            lines.extend(group.endpoints.iter().map(|endpoint| format!("{place}: {endpoint}")));
        }
        for (name, EndpointsView { subsets, labels, annotations }) in &self.endpoints {
            let place = format!("Endpoints {name}");
            lines.push(format!("{place}: labels {labels:?}, annotations {annotations:?}"));
            lines.extend(subsets.iter().map(|subset| format!("{place}: {subset}")));
        }
        lines
    }
}
