//! What a change of a Service keeps, and what it takes away.

use serde_json::{Value, json};

use super::{is_external, is_external_name, list};
use crate::object::{set, take, text};

const ADDRESSES: [&str; 4] = ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"];

/// An update that does not name addresses keeps them; one that names only the first keeps the others
/// of the same, or has one of its own.
pub fn keep_addresses(before: &Value, service: &mut Value) {
    if is_external_name(before) || is_external_name(service) {
        return;
    }
    let (old, new) = (list(before, "clusterIPs"), list(service, "clusterIPs"));
    let known = text(before, "/spec/clusterIP");
    let said = text(service, "/spec/clusterIP").to_owned();
    if said.is_empty() && !known.is_empty() {
        set(service, "/spec", "clusterIP", json!(known));
    }
    let said = text(service, "/spec/clusterIP").to_owned();
    if !old.is_empty() && (new.is_empty() && said == known) {
        set(service, "/spec", "clusterIPs", json!(old));
    } else if !said.is_empty() && said != known && (new.is_empty() || new == old) {
        set(service, "/spec", "clusterIPs", json!([said]));
    }
}

/// Whether an update leaves a Service with the families that it has, though the cluster may have
/// more or fewer by now: it prefers two, and changes neither families nor addresses.
pub fn leaves_families(before: Option<&Value>, service: &Value) -> bool {
    let Some(before) = before else {
        return false;
    };
    let same = |field: &str| {
        let pointer = format!("/spec/{field}");
        before.pointer(&pointer) == service.pointer(&pointer)
    };
    text(service, "/spec/ipFamilyPolicy") == "PreferDualStack"
        && ["type", "ipFamilyPolicy", "clusterIPs", "ipFamilies"].into_iter().all(same)
}

/// What belongs to a type goes with it, unless the update says something else of it.
pub fn wipe(before: &Value, service: &mut Value) {
    let mut gone: Vec<&str> = Vec::new();
    if is_external_name(service) && !is_external_name(before) {
        gone.extend(ADDRESSES);
        gone.push("internalTrafficPolicy");
    }
    if is_external(before) && !is_external(service) {
        gone.push("externalTrafficPolicy");
    }
    let balanced = |service: &Value| text(service, "/spec/type") == "LoadBalancer";
    if balanced(before) && !balanced(service) {
        gone.extend(["allocateLoadBalancerNodePorts", "loadBalancerClass"]);
        take(service, "/status", "loadBalancer");
        set(service, "/status", "loadBalancer", json!({}));
    }
    let local = |service: &Value| {
        balanced(service) && text(service, "/spec/externalTrafficPolicy") == "Local"
    };
    if local(before) && !local(service) {
        gone.push("healthCheckNodePort");
    }
    for field in gone {
        let pointer = format!("/spec/{field}");
        if before.pointer(&pointer) == service.pointer(&pointer) {
            take(service, "/spec", field);
        }
    }
}
