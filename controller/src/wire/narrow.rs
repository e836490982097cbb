//! What both encodings must read alike: words of the API turned into facts.

use controller_core::facts::{ClusterIp, IpFamily, TopologyMode};

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
