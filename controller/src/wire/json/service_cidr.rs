//! A ServiceCIDR out of JSON.

use controller_core::facts;
use controller_core::key::ResourceVersion;
use serde::Deserialize;

use super::metadata::Metadata;
use super::pod::Condition;
use crate::wire::narrow;

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ServiceCidr {
    metadata: Metadata,
    spec: Spec,
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Spec {
    cidrs: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    conditions: Option<Vec<Condition>>,
}

impl ServiceCidr {
    pub fn into_fact(self) -> Result<(facts::ServiceCidr, ResourceVersion), String> {
        let version = self.metadata.required_version()?;
        let conditions = self.status.conditions.unwrap_or_default();
        let ready = conditions.iter().find(|condition| condition.is("Ready"));
        let cidrs = self.spec.cidrs.unwrap_or_default();
        let (ranges, unusable) = narrow::ranges(cidrs.iter().map(String::as_str));
        let cidr = facts::ServiceCidr {
            name: self.metadata.name.unwrap_or_default(),
            ranges,
            unusable,
            deleting: self.metadata.deletion_timestamp.is_some(),
            ready: ready.map(Condition::is_true),
        };
        Ok((cidr, version))
    }
}
