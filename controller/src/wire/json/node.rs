//! A Node out of JSON.

use controller_core::facts;
use controller_core::key::ResourceVersion;
use serde::Deserialize;

use super::metadata::{Metadata, non_empty};
use super::pod::Condition;

/// The label whose value becomes an endpoint's zone.
const ZONE_LABEL: &str = "topology.kubernetes.io/zone";

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Node {
    metadata: Metadata,
    status: NodeStatus,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeStatus {
    conditions: Option<Vec<Condition>>,
}

impl Node {
    pub fn into_fact(mut self) -> Result<(facts::Node, ResourceVersion), String> {
        let version = self.metadata.required_version()?;
        let conditions = self.status.conditions.unwrap_or_default();
        let ready = conditions.iter().find(|condition| condition.is("Ready"));
        let zone = self.metadata.labels.as_mut().and_then(|labels| labels.remove(ZONE_LABEL));
        let node = facts::Node {
            name: self.metadata.name.unwrap_or_default(),
            zone: non_empty(zone),
            ready: ready.is_some_and(Condition::is_true),
        };
        Ok((node, version))
    }
}
