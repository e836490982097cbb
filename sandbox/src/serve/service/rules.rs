//! What a Service may not be.

use serde_json::{Value, json};

use super::{family, is_external, is_external_name, is_headless, is_reachable, list};
use crate::causes::Causes;
use crate::object::{elements, text};

const TYPES: &[&str] = &["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const FAMILIES: &[&str] = &["IPv4", "IPv6"];
const POLICIES: &[&str] = &["PreferDualStack", "RequireDualStack", "SingleStack"];

/// Checks a Service that is about to be stored.
pub fn check(before: Option<&Value>, service: &Value, wrong: &mut Causes) {
    ports(service, wrong);
    words(service, wrong);
    if is_external_name(service) {
        external_name(service, wrong);
    } else {
        coupling(service, wrong);
    }
    let kind = text(service, "/spec/type");
    if is_external(service) && is_headless(service) {
        let why = format!("may not be set to 'None' for {kind} services");
        wrong.invalid("spec.clusterIPs[0]", &json!("None"), &why);
    }
    let ingress = elements(service, "/status/loadBalancer/ingress").next().is_some();
    if ingress && kind != "LoadBalancer" {
        let why = "may only be used when `spec.type` is 'LoadBalancer'";
        wrong.forbidden("status.loadBalancer.ingress", why);
    }
    if let Some(before) = before {
        immutable(before, service, wrong);
    }
}

fn ports(service: &Value, wrong: &mut Causes) {
    let ports: Vec<&Value> = elements(service, "/spec/ports").collect();
    if ports.is_empty() && !is_headless(service) && !is_external_name(service) {
        wrong.required("spec.ports", "");
    }
    let mut seen: Vec<(&Value, &str)> = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for (index, port) in ports.iter().enumerate() {
        let field = |name: &str| format!("spec.ports[{index}].{name}");
        let name = text(port, "/name");
        if name.is_empty() && ports.len() > 1 {
            wrong.required(field("name"), "");
        } else if names.contains(&name) {
            wrong.duplicate(field("name"), &json!(name));
        }
        names.push(name);
        for number in ["port", "targetPort"] {
            number_of(port, number, &field(number), wrong);
        }
        let protocol = text(port, "/protocol");
        if !["SCTP", "TCP", "UDP"].contains(&protocol) {
            wrong.unsupported(field("protocol"), &json!(protocol), &["SCTP", "TCP", "UDP"]);
        }
        let node_port = port.get("nodePort").and_then(Value::as_i64).unwrap_or(0);
        if node_port != 0 && !is_external(service) {
            let why = "may not be used when `type` is 'ClusterIP'";
            wrong.forbidden(field("nodePort"), why);
        }
        if let Some(number) = port.get("port") {
            if seen.contains(&(number, protocol)) {
                // As Go writes the parts that were compared.
                let twice = json!({
                    "Name": "", "Protocol": protocol, "AppProtocol": null, "Port": number,
                    "TargetPort": 0, "NodePort": 0,
                });
                wrong.duplicate(format!("spec.ports[{index}]"), &twice);
            }
            seen.push((number, protocol));
        }
    }
}

fn number_of(port: &Value, name: &str, field: &str, wrong: &mut Causes) {
    let value = port.get(name).cloned().unwrap_or(json!(0));
    let Some(number) = value.as_i64() else {
        return;
    };
    if !(1..=65535).contains(&number) {
        wrong.invalid(field, &value, "must be between 1 and 65535, inclusive");
    }
}

fn words(service: &Value, wrong: &mut Causes) {
    let external_name = is_external_name(service);
    for (field, words) in [
        ("type", TYPES),
        ("sessionAffinity", &["ClientIP", "None"][..]),
        ("internalTrafficPolicy", &["Cluster", "Local"][..]),
    ] {
        let said = text(service, &format!("/spec/{field}"));
        let optional = external_name && field == "internalTrafficPolicy";
        if !(words.contains(&said) || optional && said.is_empty()) {
            wrong.unsupported(format!("spec.{field}"), &json!(said), words);
        }
    }
    let policy = text(service, "/spec/externalTrafficPolicy");
    if !policy.is_empty() && !is_reachable(service) {
        let why = "may only be set for externally-accessible services";
        wrong.invalid("spec.externalTrafficPolicy", &json!(policy), why);
    }
}

fn external_name(service: &Value, wrong: &mut Causes) {
    let why = "may not be set for ExternalName services";
    for field in ["clusterIPs", "ipFamilies"] {
        if !list(service, field).is_empty() {
            wrong.forbidden(format!("spec.{field}"), why);
        }
    }
    if !text(service, "/spec/ipFamilyPolicy").is_empty() {
        wrong.forbidden("spec.ipFamilyPolicy", why);
    }
    if text(service, "/spec/externalName").is_empty() {
        wrong.required("spec.externalName", "");
    }
}

/// How addresses, families and policy have to fit each other.
pub fn coupling(service: &Value, wrong: &mut Causes) {
    let addresses = list(service, "clusterIPs");
    let all = json!(addresses);
    let first = text(service, "/spec/clusterIP");
    match addresses.first() {
        None if !first.is_empty() => wrong.required("spec.clusterIPs", ""),
        Some(_) if first.is_empty() => {
            wrong.invalid(
                "spec.clusterIPs",
                &all,
                "must be empty when `clusterIP` is not specified",
            );
        }
        Some(said) if said != first => {
            wrong.invalid("spec.clusterIPs", &all, "first value must match `clusterIP`");
        }
        _ => {}
    }
    let families = list(service, "ipFamilies");
    for (index, family) in families.iter().enumerate() {
        let field = format!("spec.ipFamilies[{index}]");
        if !FAMILIES.contains(&family.as_str()) {
            wrong.unsupported(field, &json!(family), FAMILIES);
        } else if families.iter().take(index).any(|other| other == family) {
            wrong.duplicate(field, &json!(family));
        }
    }
    let policy = text(service, "/spec/ipFamilyPolicy");
    if !policy.is_empty() && !POLICIES.contains(&policy) {
        wrong.unsupported("spec.ipFamilyPolicy", &json!(policy), POLICIES);
    }
    list_of_addresses(&addresses, &families, wrong);
}

fn list_of_addresses(addresses: &[String], families: &[String], wrong: &mut Causes) {
    let all = json!(addresses);
    if addresses.len() > 1 && addresses.iter().any(|address| address == "None") {
        wrong.invalid("spec.clusterIPs", &all, "'None' must be the first and only value");
        return;
    }
    let mut none_is_wrong = true;
    for (index, address) in addresses.iter().enumerate() {
        if address != "None" && family(address).is_empty() {
            let why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
            wrong.invalid(format!("spec.clusterIPs[{index}]"), &json!(address), why);
            none_is_wrong = false;
        }
    }
    if addresses.len() > 2 {
        wrong.invalid("spec.clusterIPs", &all, "may only hold up to 2 values");
    }
    if let ([one, other], true) = (addresses, none_is_wrong)
        && family(one) == family(other)
    {
        wrong.invalid(
            "spec.clusterIPs",
            &all,
            "may specify no more than one IP for each IP family",
        );
    }
    for (index, (address, wanted)) in addresses.iter().zip(families).enumerate() {
        let found = family(address);
        if !found.is_empty() && found != wanted && FAMILIES.contains(&wanted.as_str()) {
            let why = format!("expected an {wanted} value as indicated by `ipFamilies[{index}]`");
            wrong.invalid(format!("spec.clusterIPs[{index}]"), &json!(address), &why);
        }
    }
}

/// Addresses and families stay once they are there, but for the second.
fn immutable(before: &Value, service: &Value, wrong: &mut Causes) {
    let none = is_headless(before) && is_headless(service);
    if is_external_name(before) || is_external_name(service) || none {
        return;
    }
    let headless = is_headless(before) != is_headless(service);
    for (field, what) in [("clusterIPs", "clusterIP"), ("ipFamilies", "ipFamily")] {
        if field == "ipFamilies" && headless {
            continue;
        }
        let (old, new) = (list(before, field), list(service, field));
        if !old.is_empty() && new.is_empty() {
            let why = format!("primary {what} can not be unset");
            wrong.invalid(format!("spec.{field}[0]"), &json!(new), &why);
        }
        for (index, (old, said)) in old.iter().zip(&new).enumerate() {
            if old != said {
                let why = "may not change once set";
                wrong.invalid(format!("spec.{field}[{index}]"), &json!(new), why);
            }
        }
    }
}
