//! The addresses of Services: given out by the server if it is told to, kept on updates, and held
//! by IPAddress objects. There is one range, so a Service has one address.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::write::stamp;
use crate::bootstrap::ClusterIpAllocation;
use crate::kinds::{IP_ADDRESS, Kind, SERVICE};
use crate::object::{elements, set, take, text};
use crate::refusal::Refusal;
use crate::state::State;

const FIELDS: [&str; 4] = ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"];

/// Puts the address fields of a Service in order before it is stored.
///
/// # Errors
/// 422 for an address that is taken or out of range, for one that changes, and if all are taken.
pub fn settle(
    state: &State,
    kind: &Kind,
    before: Option<&Value>,
    service: &mut Value,
) -> Result<(), Refusal> {
    if *kind != SERVICE {
        return Ok(());
    }
    if text(service, "/spec/type") == "ExternalName" {
        if before.is_some_and(|before| text(before, "/spec/type") != "ExternalName") {
            for field in FIELDS.into_iter().chain(["internalTrafficPolicy"]) {
                take(service, "/spec", field);
            }
        }
        return Ok(());
    }
    if let Some(before) = before {
        keep(before, service)?;
    }
    families(state, service);
    let known = before.map_or("", |before| text(before, "/spec/clusterIP"));
    match text(service, "/spec/clusterIP").to_owned().as_str() {
        "" => give(state, service)?,
        "None" => {}
        given if given != known => check(state, service, given)?,
        _ => {}
    }
    let address = text(service, "/spec/clusterIP").to_owned();
    if !address.is_empty() && elements(service, "/spec/clusterIPs").next().is_none() {
        set(service, "/spec", "clusterIPs", json!([address]));
    }
    Ok(())
}

/// Makes and removes IPAddress objects, so that they hold the addresses of a Service as it is now.
pub fn claim(state: &mut State, kind: &Kind, before: Option<&Value>, after: Option<&Value>) {
    if *kind != SERVICE || state.addresses.allocation != ClusterIpAllocation::Server {
        return;
    }
    let (old, new) = (addresses(before), addresses(after));
    for address in old.difference(&new) {
        state.store.remove(&IP_ADDRESS, &(String::new(), address.to_string()));
    }
    let Some(service) = after else {
        return;
    };
    for address in new.difference(&old) {
        if state.store.get(&IP_ADDRESS, "", &address.to_string()).is_none() {
            let mut held = held(*address, service);
            stamp(state, &IP_ADDRESS, &mut held);
            state.store.put(&IP_ADDRESS, held);
        }
    }
}

/// An address once given stays: an update that does not name it keeps it.
fn keep(before: &Value, service: &mut Value) -> Result<(), Refusal> {
    let known = text(before, "/spec/clusterIP");
    if known.is_empty() {
        return Ok(());
    }
    let said = text(service, "/spec/clusterIP");
    if !said.is_empty() && said != known {
        let why = format!("Invalid value: {}: may not change once set", json!([said]));
        return Err(invalid(service, "spec.clusterIPs[0]", &why));
    }
    for field in FIELDS {
        let pointer = format!("/spec/{field}");
        let absent = service.pointer(&pointer).is_none_or(Value::is_null);
        if let (true, Some(value)) = (absent, before.pointer(&pointer)) {
            set(service, "/spec", field, value.clone());
        }
    }
    Ok(())
}

/// A server that gives no addresses leaves families as they are, but for headless Services.
fn families(state: &State, service: &mut Value) {
    let headless = text(service, "/spec/clusterIP") == "None";
    if state.addresses.allocation == ClusterIpAllocation::None && !headless {
        return;
    }
    let selecting = service.pointer("/spec/selector").and_then(Value::as_object);
    let dual = headless && selecting.is_none_or(Map::is_empty)
        || text(service, "/spec/ipFamilyPolicy") == "RequireDualStack";
    let own = if state.addresses.range.addr().is_ipv4() { "IPv4" } else { "IPv6" };
    let (families, policy) = match dual {
        true => (json!(["IPv4", "IPv6"]), "RequireDualStack"),
        false => (json!([own]), "SingleStack"),
    };
    for (field, value) in [("ipFamilies", families), ("ipFamilyPolicy", json!(policy))] {
        if service.pointer(&format!("/spec/{field}")).is_none_or(Value::is_null) {
            set(service, "/spec", field, value);
        }
    }
}

fn give(state: &State, service: &mut Value) -> Result<(), Refusal> {
    if state.addresses.allocation == ClusterIpAllocation::None {
        return Ok(());
    }
    let free = |address: &IpAddr| state.store.get(&IP_ADDRESS, "", &address.to_string()).is_none();
    let Some(address) = state.addresses.range.hosts().find(free) else {
        let why = "Invalid value: []: failed to allocate IP: range is full";
        return Err(invalid(service, "spec.clusterIPs", why));
    };
    set(service, "/spec", "clusterIP", json!(address));
    set(service, "/spec", "clusterIPs", json!([address]));
    Ok(())
}

fn check(state: &State, service: &Value, given: &str) -> Result<(), Refusal> {
    if state.addresses.allocation == ClusterIpAllocation::None {
        return Ok(());
    }
    let range = state.addresses.range;
    let refuse = |why: String| {
        let list = json!([given]);
        let why = format!("Invalid value: {list}: failed to allocate IP {given}: {why}");
        Err(invalid(service, "spec.clusterIPs", &why))
    };
    match given.parse::<IpAddr>() {
        Ok(address) if range.contains(&address) => {
            match state.store.get(&IP_ADDRESS, "", &address.to_string()) {
                Some(_) => refuse("provided IP is already allocated".to_owned()),
                None => Ok(()),
            }
        }
        _ => refuse(format!(
            "the provided IP ({given}) is not in the valid range. The range of valid IPs is {range}"
        )),
    }
}

fn addresses(service: Option<&Value>) -> BTreeSet<IpAddr> {
    let addresses = service.into_iter().flat_map(|service| elements(service, "/spec/clusterIPs"));
    addresses.filter_map(|address| address.as_str()?.parse().ok()).collect()
}

fn held(address: IpAddr, service: &Value) -> Value {
    let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
    json!({
        "metadata": {
            "name": address,
            "labels": {
                "ipaddress.kubernetes.io/ip-family": family,
                "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
            },
        },
        "spec": {"parentRef": {
            "resource": "services",
            "namespace": text(service, "/metadata/namespace"),
            "name": text(service, "/metadata/name"),
        }},
    })
}

fn invalid(service: &Value, field: &str, why: &str) -> Refusal {
    let name = text(service, "/metadata/name");
    Refusal::invalid(&SERVICE, name, field, "FieldValueInvalid", why)
}
