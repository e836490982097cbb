//! What a container may not be.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::{PROTOCOLS, each, formatted, one_of, part};
use super::probe;
use crate::causes::Causes;
use crate::names;
use crate::object::text;

const PULL_POLICIES: &[&str] = &["Always", "IfNotPresent", "Never"];
const MESSAGE_POLICIES: &[&str] = &["File", "FallbackToLogsOnError"];
const SOURCES: [&str; 5] =
    ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"];

/// Checks a container of a Pod with some volumes.
pub fn check(container: &Value, field: &str, volumes: &BTreeSet<&str>, wrong: &mut Causes) {
    match text(container, "/name") {
        "" => wrong.required(format!("{field}.name"), ""),
        _ => formatted(container, "name", field, names::of_label, wrong),
    }
    match text(container, "/image") {
        "" => wrong.required(format!("{field}.image"), ""),
        image if image != image.trim() => {
            let why = "must not have leading or trailing whitespace";
            wrong.invalid(format!("{field}.image"), &json!(image), why);
        }
        _ => {}
    }
    ports(container, field, wrong);
    environment(container, field, wrong);
    mounts(container, field, volumes, wrong);
    probe::check_all(container, field, wrong);
    one_of(container, "imagePullPolicy", field, PULL_POLICIES, wrong);
    one_of(container, "terminationMessagePolicy", field, MESSAGE_POLICIES, wrong);
    amounts(container, field, wrong);
}

/// On the network of the Node, a port is what it is there.
pub fn listens_on_the_node(container: &Value, field: &str, wrong: &mut Causes) {
    for (field, port) in each(container, "ports", field) {
        let host_port = part(port, "hostPort");
        if host_port != part(port, "containerPort") {
            let why = "must match `containerPort` when `hostNetwork` is true";
            wrong.invalid(format!("{field}.hostPort"), host_port, why);
        }
    }
}

fn ports(container: &Value, field: &str, wrong: &mut Causes) {
    let mut seen = BTreeSet::new();
    for (field, port) in each(container, "ports", field) {
        let name = text(port, "/name");
        if !name.is_empty() {
            formatted(port, "name", &field, names::of_port, wrong);
            if !seen.insert(name) {
                wrong.duplicate(format!("{field}.name"), &json!(name));
            }
        }
        match port.get("containerPort").and_then(Value::as_i64).unwrap_or(0) {
            0 => wrong.required(format!("{field}.containerPort"), ""),
            _ => super::super::port(port, "containerPort", &field, wrong),
        }
        if port.get("hostPort").and_then(Value::as_i64).is_some_and(|number| number != 0) {
            super::super::port(port, "hostPort", &field, wrong);
        }
        one_of(port, "protocol", &field, PROTOCOLS, wrong);
    }
}

fn environment(container: &Value, field: &str, wrong: &mut Causes) {
    for (field, variable) in each(container, "env", field) {
        match text(variable, "/name") {
            "" => wrong.required(format!("{field}.name"), ""),
            name if name.contains('=')
                || !name.bytes().all(|byte| (b' '..=b'~').contains(&byte)) =>
            {
                let why = "a valid environment variable name must consist only of printable ASCII characters other than '='";
                wrong.invalid(format!("{field}.name"), &json!(name), why);
            }
            _ => {}
        }
        let Some(source) = variable.get("valueFrom").filter(|source| !source.is_null()) else {
            continue;
        };
        let field = format!("{field}.valueFrom");
        if !text(variable, "/value").is_empty() {
            let why = "may not be specified when `value` is not empty";
            wrong.invalid(field, &json!(""), why);
        } else if SOURCES.iter().all(|name| part(source, name).is_null()) {
            let why = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`";
            wrong.invalid(field, &json!(""), why);
        }
    }
}

fn mounts(container: &Value, field: &str, volumes: &BTreeSet<&str>, wrong: &mut Causes) {
    for (field, mount) in each(container, "volumeMounts", field) {
        let name = text(mount, "/name");
        if name.is_empty() {
            wrong.required(format!("{field}.name"), "");
        } else if !volumes.contains(name) {
            wrong.not_found(format!("{field}.name"), &json!(name));
        }
        if text(mount, "/mountPath").is_empty() {
            wrong.required(format!("{field}.mountPath"), "");
        }
    }
}

/// Nothing is used in amounts below zero.
fn amounts(container: &Value, field: &str, wrong: &mut Causes) {
    for list in ["limits", "requests"] {
        let amounts = part(part(container, "resources"), list).as_object();
        for (name, amount) in amounts.into_iter().flatten() {
            if amount.as_str().is_some_and(|amount| amount.starts_with('-')) {
                let field = format!("{field}.resources.{list}[{name}]");
                wrong.invalid(field, amount, "must be greater than or equal to 0");
            }
        }
    }
}
