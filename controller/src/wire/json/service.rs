//! A Service out of JSON.

use std::collections::BTreeMap;
use std::sync::Arc;

use controller_core::facts::{
    self, ClusterIp, IpFamily, TargetPort, TopologyMode, TrafficDistribution,
};
use controller_core::key::{ResourceVersion, Text};
use serde::Deserialize;

use super::metadata::{Metadata, non_empty};

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Service {
    metadata: Metadata<Annotations>,
    spec: ServiceSpec,
}

/// The annotation for topology aware hints by both its names. The older goes first.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Annotations {
    #[serde(rename = "service.kubernetes.io/topology-aware-hints")]
    topology_aware_hints: Option<Text>,
    #[serde(rename = "service.kubernetes.io/topology-mode")]
    topology_mode: Option<Text>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ServiceSpec {
    r#type: Option<String>,
    selector: Option<BTreeMap<Text, Text>>,
    #[serde(rename = "clusterIP")]
    cluster_ip: Option<String>,
    ip_families: Option<Vec<String>>,
    ports: Option<Vec<ServicePort>>,
    publish_not_ready_addresses: Option<bool>,
    traffic_distribution: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ServicePort {
    name: Option<Text>,
    protocol: Option<Text>,
    app_protocol: Option<Text>,
    port: Option<i32>,
    target_port: Option<IntOrString>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum IntOrString {
    Int(i32),
    String(Text),
}

impl Service {
    pub fn into_fact(mut self) -> Result<(facts::Service, ResourceVersion), String> {
        let version = self.metadata.required_version()?;
        let selector = self.spec.selector.filter(|selector| !selector.is_empty());
        let ports = self.spec.ports.unwrap_or_default();
        let topology_mode = topology_mode(self.metadata.annotations.take().unwrap_or_default());
        let distribution = self.spec.traffic_distribution.as_deref();
        let service = facts::Service {
            key: self.metadata.key(),
            created: self.metadata.created(),
            deleting: self.metadata.deletion_timestamp.is_some(),
            labels: self.metadata.take_labels(),
            uid: self.metadata.uid.unwrap_or_default(),
            external_name: self.spec.r#type.as_deref() == Some("ExternalName"),
            selector: selector.map(Arc::new),
            cluster_ip: cluster_ip(self.spec.cluster_ip.as_deref())?,
            ip_families: families(&self.spec.ip_families.unwrap_or_default())?,
            ports: ports.into_iter().map(ServicePort::into_fact).collect(),
            publish_not_ready_addresses: self.spec.publish_not_ready_addresses.unwrap_or(false),
            topology_mode,
            traffic_distribution: distribution.and_then(TrafficDistribution::parse),
        };
        Ok((service, version))
    }
}

impl ServicePort {
    fn into_fact(self) -> facts::ServicePort {
        let port = self.port.unwrap_or(0);
        let target_port = match self.target_port {
            Some(IntOrString::String(name)) if !name.is_empty() => TargetPort::Name(name),
            Some(IntOrString::Int(number)) if number != 0 => TargetPort::Number(number),
            // The API server fills targetPort with the port; one that does not means the same.
            _ => TargetPort::Number(port),
        };
        facts::ServicePort {
            name: self.name.unwrap_or_default(),
            protocol: non_empty(self.protocol).unwrap_or_else(|| "TCP".into()),
            app_protocol: self.app_protocol,
            port,
            target_port,
        }
    }
}

fn topology_mode(annotations: Annotations) -> TopologyMode {
    match annotations.topology_aware_hints.or(annotations.topology_mode).as_deref() {
        Some("Auto" | "auto") => TopologyMode::Auto,
        None | Some("" | "Disabled" | "disabled") => TopologyMode::Off,
        Some(other) => TopologyMode::Unknown(other.into()),
    }
}

fn cluster_ip(text: Option<&str>) -> Result<ClusterIp, String> {
    match text {
        None | Some("") => Ok(ClusterIp::Unset),
        Some("None") => Ok(ClusterIp::Headless),
        Some(address) => address
            .parse()
            .map(ClusterIp::Address)
            .map_err(|_| format!("spec.clusterIP is {address:?}, neither None nor an IP address")),
    }
}

fn families(names: &[String]) -> Result<Vec<IpFamily>, String> {
    let family = |name: &String| match name.as_str() {
        "IPv4" => Ok(IpFamily::V4),
        "IPv6" => Ok(IpFamily::V6),
        other => Err(format!("spec.ipFamilies has {other:?}, not IPv4 or IPv6")),
    };
    names.iter().map(family).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(annotations: &str) -> TopologyMode {
        let json = format!(
            r#"{{"metadata": {{"name": "web", "resourceVersion": "1", "annotations": {annotations}}}}}"#
        );
        let service: Service = serde_json::from_str(&json).unwrap();
        service.into_fact().unwrap().0.topology_mode
    }

    #[test]
    fn topology_mode_is_auto_in_two_spellings_and_the_older_annotation_goes_first() {
        let newer =
            |value: &str| mode(&format!(r#"{{"service.kubernetes.io/topology-mode": "{value}"}}"#));
        assert_eq!(newer("Auto"), TopologyMode::Auto);
        assert_eq!(newer("auto"), TopologyMode::Auto);
        assert_eq!(newer("AUTO"), TopologyMode::Unknown("AUTO".into()));
        assert_eq!(newer("Disabled"), TopologyMode::Off);
        assert_eq!(mode("{}"), TopologyMode::Off);
        let both = r#"{
            "service.kubernetes.io/topology-aware-hints": "Disabled",
            "service.kubernetes.io/topology-mode": "Auto"
        }"#;
        assert_eq!(mode(both), TopologyMode::Off);
    }
}
