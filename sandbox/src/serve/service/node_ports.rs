//! Ports of Nodes: the lowest free ones, or those that are asked for.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::is_external;
use crate::allocations::node_ports;
use crate::causes::Causes;
use crate::object::{elements, set, take, text};
use crate::state::State;

const LOWEST: u64 = 30000;
const HIGHEST: u64 = 32767;

/// A port that is still there keeps its port of the Nodes; a Service that is no longer reached
/// through Nodes gives them back.
pub fn keep(before: &Value, service: &mut Value) {
    let known: Vec<Value> = elements(before, "/spec/ports").cloned().collect();
    let wants = is_external(service);
    for port in
        service.pointer_mut("/spec/ports").and_then(Value::as_array_mut).into_iter().flatten()
    {
        let same = |other: &&Value| {
            other.get("port") == port.get("port") && other.get("protocol") == port.get("protocol")
        };
        let Some(number) = known.iter().find(same).and_then(|known| known.get("nodePort")) else {
            continue;
        };
        if wants && port.get("nodePort").is_none() {
            set(port, "", "nodePort", number.clone());
        } else if !wants && port.get("nodePort") == Some(number) {
            take(port, "", "nodePort");
        }
    }
    let health = before.pointer("/spec/healthCheckNodePort");
    if let (true, Some(health), None) =
        (needs_health_check(service), health, service.pointer("/spec/healthCheckNodePort"))
    {
        set(service, "/spec", "healthCheckNodePort", health.clone());
    }
}

/// Gives the ports that are missing, and checks those that are asked for.
pub fn give(state: &mut State, before: Option<&Value>, service: &mut Value, wrong: &mut Causes) {
    if !is_external(service) {
        return;
    }
    state.allocations.follow(&state.store);
    let used = |number: u64| state.allocations.has_node_port(number);
    let own: BTreeSet<u64> = before.into_iter().flat_map(node_ports).collect();
    // What this Service has asked for or been given.
    let mut its: BTreeSet<u64> = node_ports(service).into_iter().collect();
    let on_request =
        service.pointer("/spec/allocateLoadBalancerNodePorts") == Some(&Value::Bool(false));
    let ports = service.pointer_mut("/spec/ports").and_then(Value::as_array_mut);
    for (index, port) in ports.into_iter().flatten().enumerate() {
        match port.get("nodePort").and_then(Value::as_u64).filter(|number| *number > 0) {
            Some(number) if own.contains(&number) => {}
            Some(number) => {
                if let Some(why) = refused(number, used) {
                    wrong.invalid(format!("spec.ports[{index}].nodePort"), &json!(number), &why);
                }
            }
            None if on_request => {}
            None => {
                let number =
                    (LOWEST..=HIGHEST).find(|number| !used(*number) && !its.contains(number));
                its.extend(number);
                set(port, "", "nodePort", json!(number));
            }
        }
    }
    if needs_health_check(service) && service.pointer("/spec/healthCheckNodePort").is_none() {
        let number = (LOWEST..=HIGHEST).find(|number| !used(*number) && !its.contains(number));
        set(service, "/spec", "healthCheckNodePort", json!(number));
    }
}

fn refused(number: u64, used: impl Fn(u64) -> bool) -> Option<String> {
    if !(LOWEST..=HIGHEST).contains(&number) {
        return Some(format!(
            "provided port is not in the valid range. The range of valid ports is {LOWEST}-{HIGHEST}"
        ));
    }
    used(number).then(|| "provided port is already allocated".to_owned())
}

fn needs_health_check(service: &Value) -> bool {
    text(service, "/spec/type") == "LoadBalancer"
        && text(service, "/spec/externalTrafficPolicy") == "Local"
}
