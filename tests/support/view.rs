//! Slices and Endpoints as they matter to a reader: without names, uids, times, and in a fixed order.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{EndpointAddress, EndpointSubset, Endpoints};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};

/// One slice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SliceView {
    /// `addressType`.
    pub address_type: String,
    /// `NAME/PROTOCOL/NUMBER`, and the application protocol if there is one, in the slice's order.
    pub ports: Vec<String>,
    /// The endpoints in a line each, sorted.
    pub endpoints: Vec<String>,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The annotations, but for the trigger time.
    pub annotations: BTreeMap<String, String>,
    /// `KIND/NAME` of the owners.
    pub owners: Vec<String>,
    /// Whether somebody has deleted it, and a finalizer holds it.
    pub held: bool,
}

impl SliceView {
    /// The slice of a Service, by the EndpointSlice controller: its one port, as
    /// [`crate::service`] has it, and its endpoints, a line each, sorted.
    pub fn of(service: &str, endpoints: &[&str]) -> Self {
        let ports = if endpoints.is_empty() { &[][..] } else { &["http/TCP/9376"] };
        Self::written_by("endpointslice-controller.k8s.io", "Service", service)
            .on(ports)
            .with(endpoints)
    }

    /// The slice of Endpoints that somebody wrote, by the mirroring controller.
    pub fn mirrored(service: &str, ports: &[&str], endpoints: &[&str]) -> Self {
        Self::written_by("endpointslicemirroring-controller.k8s.io", "Endpoints", service)
            .on(ports)
            .with(endpoints)
    }

    fn written_by(writer: &str, owner: &str, service: &str) -> Self {
        let view = Self {
            address_type: "IPv4".to_owned(),
            ports: Vec::new(),
            endpoints: Vec::new(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            owners: vec![format!("{owner}/{service}")],
            held: false,
        };
        view.labelled("kubernetes.io/service-name", service)
            .labelled("endpointslice.kubernetes.io/managed-by", writer)
    }

    /// On these ports: `NAME/PROTOCOL/NUMBER`.
    #[must_use]
    pub fn on(mut self, ports: &[&str]) -> Self {
        self.ports = ports.iter().map(|port| (*port).to_owned()).collect();
        self
    }

    /// With these endpoints, a line each, sorted.
    #[must_use]
    pub fn with(mut self, endpoints: &[&str]) -> Self {
        self.endpoints = endpoints.iter().map(|line| (*line).to_owned()).collect();
        self
    }

    /// With a label.
    #[must_use]
    pub fn labelled(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// With an annotation.
    #[must_use]
    pub fn annotated(mut self, key: &str, value: &str) -> Self {
        self.annotations.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Made for an owner of the same name that is gone.
    #[must_use]
    pub fn of_old(mut self) -> Self {
        self.owners.iter_mut().for_each(|owner| owner.push_str(" of old"));
        self
    }

    /// Deleted, and held by a finalizer.
    #[must_use]
    pub fn held(mut self) -> Self {
        self.held = true;
        self
    }
}

/// An Endpoints object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointsView {
    /// The subsets as texts, sorted: their order hangs on uids.
    pub subsets: Vec<String>,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The annotations, but for the trigger time.
    pub annotations: BTreeMap<String, String>,
}

impl EndpointsView {
    /// Endpoints by the Endpoints controller.
    pub fn of(subsets: &[&str]) -> Self {
        let label = ("endpoints.kubernetes.io/managed-by", "endpoint-controller");
        Self::by_hand(subsets).labelled(label.0, label.1)
    }

    /// Endpoints that somebody wrote.
    pub fn by_hand(subsets: &[&str]) -> Self {
        let subsets = subsets.iter().map(|line| (*line).to_owned()).collect();
        Self { subsets, labels: BTreeMap::new(), annotations: BTreeMap::new() }
    }

    /// With a label.
    #[must_use]
    pub fn labelled(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// With an annotation.
    #[must_use]
    pub fn annotated(mut self, key: &str, value: &str) -> Self {
        self.annotations.insert(key.to_owned(), value.to_owned());
        self
    }
}

/// The view of an Endpoints object.
pub fn endpoints(endpoints: Endpoints) -> EndpointsView {
    let mut subsets: Vec<String> = endpoints.subsets.iter().flatten().map(subset).collect();
    subsets.sort();
    EndpointsView {
        subsets,
        labels: endpoints.metadata.labels.unwrap_or_default(),
        annotations: annotations(endpoints.metadata.annotations),
    }
}

fn annotations(annotations: Option<BTreeMap<String, String>>) -> BTreeMap<String, String> {
    let mut annotations = annotations.unwrap_or_default();
    annotations.remove("endpoints.kubernetes.io/last-change-trigger-time");
    annotations
}

/// `READY …; not NOT-READY …; ports NAME/PROTOCOL/NUMBER …`.
fn subset(subset: &EndpointSubset) -> String {
    let addresses = |list: &Option<Vec<EndpointAddress>>| {
        list.iter().flatten().map(address).collect::<Vec<_>>().join(", ")
    };
    let ports = subset.ports.iter().flatten().map(|port| {
        let name = port.name.as_deref().unwrap_or("");
        let protocol = port.protocol.as_deref().unwrap_or("-");
        let app_protocol = port.app_protocol.as_ref().map(|text| format!(" {text}"));
        format!("{name}/{protocol}/{}{}", port.port, app_protocol.unwrap_or_default())
    });
    let ports: Vec<String> = ports.collect();
    format!(
        "{}; not {}; ports {}",
        addresses(&subset.addresses),
        addresses(&subset.not_ready_addresses),
        ports.join(", ")
    )
}

fn address(address: &EndpointAddress) -> String {
    let mut words = vec![address.ip.clone()];
    if let Some(target) = &address.target_ref {
        words.push(format!(
            "{}/{}",
            target.kind.as_deref().unwrap_or(""),
            target.name.as_deref().unwrap_or("")
        ));
    }
    for (word, value) in [("on", &address.node_name), ("called", &address.hostname)] {
        if let Some(value) = value {
            words.push(format!("{word} {value}"));
        }
    }
    words.join(" ")
}

/// Views of the slices of a Service, sorted. Owners that have none of these uids say so.
pub fn slices(slices: &[EndpointSlice], living: &[String]) -> Vec<SliceView> {
    let mut views: Vec<SliceView> = slices.iter().map(|slice| view(slice, living)).collect();
    views.sort();
    views
}

fn view(slice: &EndpointSlice, living: &[String]) -> SliceView {
    let mut endpoints: Vec<String> = slice.endpoints.iter().flatten().map(endpoint).collect();
    endpoints.sort();
    let ports = slice.ports.iter().flatten().map(|port| {
        let name = port.name.as_deref().unwrap_or("-");
        let protocol = port.protocol.as_deref().unwrap_or("-");
        let number = port.port.unwrap_or(0);
        let app_protocol = port.app_protocol.as_ref().map(|text| format!(" {text}"));
        format!("{name}/{protocol}/{number}{}", app_protocol.unwrap_or_default())
    });
    let owners = slice.metadata.owner_references.iter().flatten();
    SliceView {
        address_type: slice.address_type.clone(),
        ports: ports.collect(),
        endpoints,
        labels: slice.metadata.labels.clone().unwrap_or_default(),
        annotations: annotations(slice.metadata.annotations.clone()),
        owners: owners
            .map(|owner| {
                let current = living.contains(&owner.uid);
                let age = if current { "" } else { " of old" };
                format!("{}/{}{age}", owner.kind, owner.name)
            })
            .collect(),
        held: slice.metadata.deletion_timestamp.is_some(),
    }
}

/// `ADDRESSES POD ready serving terminating on NODE in ZONE …`, leaving out what is not set.
fn endpoint(endpoint: &Endpoint) -> String {
    let mut words = vec![endpoint.addresses.join(",")];
    if let Some(target) = &endpoint.target_ref {
        words.push(format!(
            "{}/{}",
            target.kind.as_deref().unwrap_or(""),
            target.name.as_deref().unwrap_or("")
        ));
    }
    let conditions = endpoint.conditions.clone().unwrap_or_default();
    for (word, value) in [
        ("ready", conditions.ready),
        ("serving", conditions.serving),
        ("terminating", conditions.terminating),
    ] {
        match value {
            Some(true) => words.push(word.to_owned()),
            Some(false) => {}
            None => words.push(format!("{word}?")),
        }
    }
    let named =
        [("on", &endpoint.node_name), ("in", &endpoint.zone), ("called", &endpoint.hostname)];
    for (word, value) in named {
        if let Some(value) = value {
            words.push(format!("{word} {value}"));
        }
    }
    if let Some(hints) = &endpoint.hints {
        let zones = hints.for_zones.iter().flatten().map(|zone| zone.name.clone());
        let nodes = hints.for_nodes.iter().flatten().map(|node| node.name.clone());
        words.push(format!("for {}", zones.chain(nodes).collect::<Vec<_>>().join(",")));
    }
    words.join(" ")
}
