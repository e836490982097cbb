//! A Namespace out of JSON.

use controller_core::facts;
use controller_core::key::ResourceVersion;
use serde::Deserialize;

use super::metadata::Metadata;

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Namespace {
    metadata: Metadata,
}

impl Namespace {
    pub fn into_fact(mut self) -> Result<(facts::Namespace, ResourceVersion), String> {
        let version = self.metadata.required_version()?;
        let labels = self.metadata.take_labels();
        Ok((facts::Namespace { name: self.metadata.name.unwrap_or_default(), labels }, version))
    }
}
