//! What both encodings must read alike: words of the API turned into facts.

use std::net::IpAddr;

use allocator::Range;
use controller_core::facts::{ClusterIp, IpFamily, TopologyMode};
use controller_core::key::{NamespacedName, Text};

/// The annotation for topology aware hints by its older name, which goes first.
pub const TOPOLOGY_AWARE_HINTS: &str = "service.kubernetes.io/topology-aware-hints";
/// The same by its newer name.
pub const TOPOLOGY_MODE: &str = "service.kubernetes.io/topology-mode";
/// The label whose value becomes an endpoint's zone.
pub const ZONE_LABEL: &str = "topology.kubernetes.io/zone";
/// The labels that mark Nodes of the control plane, whatever their value.
pub const CONTROL_PLANE_LABELS: [&str; 2] =
    ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];

/// Reads the annotation for topology aware hints by both its names.
pub fn topology_mode(older: Option<&str>, newer: Option<&str>) -> TopologyMode {
    match older.or(newer) {
        Some("Auto" | "auto") => TopologyMode::Auto,
        None | Some("" | "Disabled" | "disabled") => TopologyMode::Off,
        Some(other) => TopologyMode::Unknown(other.into()),
    }
}

/// Reads `spec.clusterIP`; empty is not set.
pub fn cluster_ip(text: &str) -> Result<ClusterIp, String> {
    match text {
        "" => Ok(ClusterIp::Unset),
        "None" => Ok(ClusterIp::Headless),
        address => address
            .parse()
            .map(ClusterIp::Address)
            .map_err(|_| format!("spec.clusterIP is {address:?}, neither None nor an IP address")),
    }
}

/// Reads `spec.ipFamilies`.
pub fn families<'a>(names: impl Iterator<Item = &'a str>) -> Result<Vec<IpFamily>, String> {
    let family = |name| match name {
        "IPv4" => Ok(IpFamily::V4),
        "IPv6" => Ok(IpFamily::V6),
        other => Err(format!("spec.ipFamilies has {other:?}, not IPv4 or IPv6")),
    };
    names.map(family).collect()
}

/// Reads `spec.cidrs`: the ranges, and the texts that nothing can be given from.
pub fn ranges<'a>(cidrs: impl Iterator<Item = &'a str>) -> (Vec<Range>, Vec<Text>) {
    let (mut ranges, mut unusable) = (Vec::new(), Vec::new());
    for text in cidrs {
        match text.parse().ok().and_then(|cidr| Range::new(cidr).ok()) {
            Some(range) => ranges.push(range),
            None => unusable.push(text.into()),
        }
    }
    (ranges, unusable)
}

/// Reads the label of an IPAddress that says of which family it is.
pub fn labelled_family(label: Option<&str>) -> Option<IpFamily> {
    match label? {
        "IPv4" => Some(IpFamily::V4),
        "IPv6" => Some(IpFamily::V6),
        _ => None,
    }
}

/// Reads the name of an IPAddress.
pub fn address_of(name: &str) -> Result<IpAddr, String> {
    name.parse().map_err(|_| format!("metadata.name is {name:?}, not an IP address"))
}

/// The Service that the `spec.parentRef` of an IPAddress names, if it names one.
pub fn parent_service(
    group: Option<&str>,
    resource: Option<&str>,
    key: NamespacedName,
) -> Option<NamespacedName> {
    (group.unwrap_or_default().is_empty() && resource == Some("services")).then_some(key)
}
