//! The labels of a Service's slices, and who owns a slice.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::facts::endpoint_slice::{HEADLESS_LABEL, MANAGED_BY_LABEL, SERVICE_NAME_LABEL};
use crate::facts::{EndpointSlice, Labels, OwnerReference, Service};
use crate::key::Text;

/// The managed-by value of the slices that this controller writes. Nothing but this text makes a
/// slice ours.
pub const MANAGED_BY: &str = "endpointslice-controller.k8s.io";

const RESERVED: [&str; 3] = [HEADLESS_LABEL, MANAGED_BY_LABEL, SERVICE_NAME_LABEL];

/// The labels that every slice of a Service carries: the Service's own, but for the reserved keys,
/// whose values are ours to say.
pub fn wanted(service: &Service) -> Labels {
    let own = service.labels.iter().filter(|(key, _)| !RESERVED.contains(&&***key));
    let mut labels: BTreeMap<Text, Text> =
        own.map(|(key, value)| (key.clone(), value.clone())).collect();
    labels.insert(SERVICE_NAME_LABEL.into(), service.key.name.clone());
    labels.insert(MANAGED_BY_LABEL.into(), MANAGED_BY.into());
    if service.is_headless() {
        labels.insert(HEADLESS_LABEL.into(), "".into());
    }
    Arc::new(labels)
}

/// Whether two sets of labels agree when an absent label counts as an empty value.
pub fn agree(one: &Labels, other: &Labels) -> bool {
    let covers = |these: &Labels, those: &Labels| {
        these.iter().all(|(key, value)| those.get(key).map_or("", |found| found) == &**value)
    };
    covers(one, other) && covers(other, one)
}

/// The owner reference of every slice of a Service.
pub fn owner_reference(service: &Service) -> OwnerReference {
    OwnerReference {
        api_version: "v1".into(),
        kind: "Service".into(),
        name: service.key.name.clone(),
        uid: service.uid.clone(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// Whether a slice belongs to this very Service, rather than to an older one of its name.
pub fn is_owned(slice: &EndpointSlice, service: &Service) -> bool {
    slice.metadata.owner_references.iter().any(|owner| {
        owner.uid == service.uid && &*owner.kind == "Service" && &*owner.api_version == "v1"
    })
}
