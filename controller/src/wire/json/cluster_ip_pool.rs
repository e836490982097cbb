//! A ClusterIPPool out of JSON. The API server checks most of it; a range that it could not check,
//! and that is none, gives nothing.

use std::collections::{BTreeMap, BTreeSet};

use controller_core::facts::cluster_ip_pool::Enforcement;
use controller_core::facts::label_selector::Requirement;
use controller_core::facts::{self, LabelSelector};
use controller_core::key::{ResourceVersion, Text};
use serde::Deserialize;

use super::metadata::Metadata;

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ClusterIpPool {
    metadata: Metadata,
    spec: Spec,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    ranges: Option<Vec<String>>,
    namespaces: Option<Vec<Text>>,
    namespace_selector: Option<Selector>,
    service_selector: Option<Selector>,
    enforcement: Option<String>,
    priority: Option<i32>,
    disabled: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Selector {
    match_labels: Option<BTreeMap<Text, Text>>,
    match_expressions: Option<Vec<Expression>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Expression {
    key: Text,
    operator: String,
    values: Option<BTreeSet<Text>>,
}

impl ClusterIpPool {
    pub fn into_fact(self) -> Result<(facts::ClusterIpPool, ResourceVersion), String> {
        let (version, spec) = (self.metadata.required_version()?, self.spec);
        let ranges = spec.ranges.unwrap_or_default();
        let pool = facts::ClusterIpPool {
            created: self.metadata.created(),
            uid: self.metadata.uid.unwrap_or_default(),
            generation: self.metadata.generation.unwrap_or(0),
            name: self.metadata.name.unwrap_or_default(),
            spans: ranges.iter().filter_map(|range| range.parse().ok()).collect(),
            namespaces: spec.namespaces.unwrap_or_default(),
            namespace_selector: spec.namespace_selector.map(Selector::into_fact).transpose()?,
            service_selector: spec.service_selector.map(Selector::into_fact).transpose()?,
            enforcement: match spec.enforcement.as_deref() {
                None | Some("" | "Prefer") => Enforcement::Prefer,
                Some("Require") => Enforcement::Require,
                Some("Exclusive") => Enforcement::Exclusive,
                Some(other) => return Err(format!("spec.enforcement is {other:?}")),
            },
            priority: spec.priority.unwrap_or(0),
            disabled: spec.disabled.unwrap_or(false),
        };
        Ok((pool, version))
    }
}

impl Selector {
    fn into_fact(self) -> Result<LabelSelector, String> {
        let labels = self.match_labels.unwrap_or_default().into_iter();
        let labels = labels.map(|(key, value)| Ok(Requirement::In(key, BTreeSet::from([value]))));
        let expressions = self.match_expressions.unwrap_or_default().into_iter();
        let requirements = labels.chain(expressions.map(Expression::into_fact));
        Ok(LabelSelector { requirements: requirements.collect::<Result<_, String>>()? })
    }
}

impl Expression {
    fn into_fact(self) -> Result<Requirement, String> {
        let values = self.values.unwrap_or_default();
        match self.operator.as_str() {
            "In" => Ok(Requirement::In(self.key, values)),
            "NotIn" => Ok(Requirement::NotIn(self.key, values)),
            "Exists" => Ok(Requirement::Exists(self.key)),
            "DoesNotExist" => Ok(Requirement::DoesNotExist(self.key)),
            other => Err(format!("{other:?} is no operator of a label selector")),
        }
    }
}
