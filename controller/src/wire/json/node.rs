//! A Node out of JSON.

use std::collections::BTreeMap;

use controller_core::facts;
use controller_core::facts::quantity;
use controller_core::key::{ResourceVersion, Text};
use serde::Deserialize;

use super::metadata::{Metadata, non_empty};
use super::pod::Condition;
use crate::wire::narrow::{CONTROL_PLANE_LABELS, ZONE_LABEL};

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
    allocatable: Option<BTreeMap<Text, Text>>,
}

impl Node {
    pub fn into_fact(self) -> Result<(facts::Node, ResourceVersion), String> {
        let version = self.metadata.required_version()?;
        let conditions = self.status.conditions.unwrap_or_default();
        let ready = conditions.iter().find(|condition| condition.is("Ready"));
        let mut labels = self.metadata.labels.unwrap_or_default();
        let allocatable = self.status.allocatable.unwrap_or_default();
        let cpu = allocatable.get("cpu").and_then(|cpu| quantity::thousandths(cpu));
        let node = facts::Node {
            name: self.metadata.name.unwrap_or_default(),
            zone: non_empty(labels.remove(ZONE_LABEL)),
            ready: ready.is_some_and(Condition::is_true),
            cpu: cpu.unwrap_or(0),
            control_plane: CONTROL_PLANE_LABELS.iter().any(|label| labels.contains_key(*label)),
        };
        Ok((node, version))
    }
}
