//! A Service out of JSON.

use std::collections::BTreeMap;
use std::sync::Arc;

use controller_core::facts::{self, IpFamilyPolicy, TargetPort, TrafficDistribution};
use controller_core::key::{ResourceVersion, Text};
use serde::Deserialize;

use super::metadata::{Metadata, non_empty};
use crate::wire::narrow;

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
    #[serde(rename = "clusterIPs")]
    cluster_ips: Option<Vec<String>>,
    ip_family_policy: Option<String>,
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
        let annotations = self.metadata.annotations.take().unwrap_or_default();
        let topology_mode = narrow::topology_mode(
            annotations.topology_aware_hints.as_deref(),
            annotations.topology_mode.as_deref(),
        );
        let cluster_ips = self.spec.cluster_ips.unwrap_or_default();
        let policy = self.spec.ip_family_policy.as_deref();
        let families = self.spec.ip_families.unwrap_or_default();
        let distribution = self.spec.traffic_distribution.as_deref();
        let service = facts::Service {
            key: self.metadata.key(),
            created: self.metadata.created(),
            deleting: self.metadata.deletion_timestamp.is_some(),
            labels: self.metadata.take_labels(),
            uid: self.metadata.uid.unwrap_or_default(),
            external_name: self.spec.r#type.as_deref() == Some("ExternalName"),
            selector: selector.map(Arc::new),
            cluster_ip: narrow::cluster_ip(self.spec.cluster_ip.as_deref().unwrap_or_default())?,
            cluster_ips: cluster_ips.into_iter().map(Text::from).collect(),
            ip_family_policy: policy.and_then(IpFamilyPolicy::parse),
            ip_families: narrow::families(families.iter().map(String::as_str))?,
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

#[cfg(test)]
mod tests {
    use controller_core::facts::TopologyMode;

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
