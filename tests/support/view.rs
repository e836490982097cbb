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
