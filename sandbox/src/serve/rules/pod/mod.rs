//! What a Pod may not be, wherever its spec stands.

mod container;
mod probe;
pub mod status;
mod volume;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{each, formatted, formatted_unless_empty, one_of, part};
use crate::causes::Causes;
use crate::names;
use crate::object::{elements, text};

const RESTART_POLICIES: &[&str] = &["Always", "OnFailure", "Never"];
const DNS_POLICIES: &[&str] = &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];

/// What is answered to whoever changes a Pod. The real server shows the difference behind it.
const MAY_NOT_CHANGE: &str = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n";

/// Checks a Pod, and what of it may not change.
pub fn check(before: Option<&Value>, pod: &Value, wrong: &mut Causes) {
    spec(part(pod, "spec"), "spec", wrong);
    match before {
        None if part(part(pod, "spec"), "ephemeralContainers").is_array() => {
            wrong.forbidden("spec.ephemeralContainers", "cannot be set on create");
        }
        None => {}
        Some(before) => unchanged(part(before, "spec"), part(pod, "spec"), wrong),
    }
}

/// Checks the spec of a Pod, or of a template of Pods.
pub fn spec(spec: &Value, field: &str, wrong: &mut Causes) {
    let volumes = volume::check(spec, field, wrong);
    if elements(spec, "/containers").next().is_none() {
        wrong.required(format!("{field}.containers"), "");
    }
    let mut names = BTreeSet::new();
    for list in ["containers", "initContainers"] {
        for (field, found) in each(spec, list, field) {
            container::check(found, &field, &volumes, wrong);
            let name = text(found, "/name");
            if !name.is_empty() && !names.insert(name) {
                wrong.duplicate(format!("{field}.name"), &json!(name));
            }
            if part(spec, "hostNetwork") == &json!(true) {
                container::listens_on_the_node(found, &field, wrong);
            }
        }
    }
    words(spec, field, wrong);
    let seconds = spec.get("activeDeadlineSeconds").filter(|seconds| !seconds.is_null());
    if let Some(seconds) = seconds
        && !seconds.as_i64().is_some_and(|seconds| (1..=i64::from(i32::MAX)).contains(&seconds))
    {
        let why = "must be between 1 and 2147483647, inclusive";
        wrong.invalid(format!("{field}.activeDeadlineSeconds"), seconds, why);
    }
    selectors(spec, field, wrong);
    for (name, broken) in [
        ("hostname", names::of_label as fn(&str) -> Vec<String>),
        ("subdomain", names::of_label),
        ("serviceAccountName", names::of_subdomain),
        ("nodeName", names::of_subdomain),
    ] {
        formatted_unless_empty(spec, name, field, broken, wrong);
    }
    for (field, gate) in each(spec, "readinessGates", field) {
        formatted(gate, "conditionType", &field, names::of_key, wrong);
    }
}

fn words(spec: &Value, field: &str, wrong: &mut Causes) {
    // A spec that is missing altogether lacks containers above all.
    for (name, words) in [("restartPolicy", RESTART_POLICIES), ("dnsPolicy", DNS_POLICIES)] {
        if spec.get(name).is_some() {
            one_of(spec, name, field, words, wrong);
        }
    }
    if text(spec, "/dnsPolicy") == "None" && part(spec, "dnsConfig").is_null() {
        let why = "must provide `dnsConfig` when `dnsPolicy` is None";
        wrong.required(format!("{field}.dnsConfig"), why);
    }
}

fn selectors(spec: &Value, field: &str, wrong: &mut Causes) {
    for (key, value) in part(spec, "nodeSelector").as_object().into_iter().flatten() {
        let field = format!("{field}.nodeSelector");
        for why in names::of_key(key) {
            wrong.invalid(field.as_str(), &json!(key), &why);
        }
        for why in names::of_label_value(value.as_str().unwrap_or("")) {
            wrong.invalid(field.as_str(), value, &why);
        }
    }
}

/// Of the spec of a Pod only images, the deadline and the tolerations change.
fn unchanged(before: &Value, after: &Value, wrong: &mut Causes) {
    let count = |spec: &Value, list: &str| elements(spec, &format!("/{list}")).count();
    for list in ["containers", "initContainers"] {
        if count(before, list) != count(after, list) {
            let why = "pod updates may not add or remove containers";
            return wrong.forbidden(format!("spec.{list}"), why);
        }
    }
    if what_stays(before) != what_stays(after) {
        wrong.forbidden("spec", MAY_NOT_CHANGE);
    }
}

fn what_stays(spec: &Value) -> Value {
    let mut spec = spec.clone();
    if let Some(fields) = spec.as_object_mut() {
        for changes in ["activeDeadlineSeconds", "tolerations", "schedulingGates"] {
            fields.shift_remove(changes);
        }
        for list in ["containers", "initContainers"] {
            let containers = fields.get_mut(list).and_then(Value::as_array_mut);
            for container in containers.into_iter().flatten().filter_map(Value::as_object_mut) {
                container.shift_remove("image");
            }
        }
    }
    spec
}
