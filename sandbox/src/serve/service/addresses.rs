//! The addresses of Services: the lowest that are free, or those that are asked for, held by
//! IPAddress objects.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::super::write::stamp;
use super::{is_external_name, is_headless, list};
use crate::bootstrap::ClusterIpAllocation;
use crate::causes::Causes;
use crate::kinds::{IP_ADDRESS, Kind, SERVICE};
use crate::object::{elements, set, text};
use crate::state::State;

/// Gives a Service an address of each of its families.
pub fn give(state: &mut State, before: Option<&Value>, service: &mut Value, wrong: &mut Causes) {
    if is_external_name(service) || is_headless(service) {
        return;
    }
    let known = before.filter(|before| !is_external_name(before));
    let families = list(service, "ipFamilies");
    let had = known.map(|known| list(known, "ipFamilies").len()).unwrap_or_default();
    // Who had no address when it could have had one gets none by the way.
    if known.is_some() && (had == 0 || known.is_some_and(is_headless)) {
        return;
    }
    let given = list(service, "clusterIPs");
    let mut addresses = Vec::new();
    for (index, family) in families.iter().enumerate() {
        match given.get(index) {
            Some(address) if index < had => addresses.push(address.clone()),
            Some(address) => match taken(state, family, address) {
                None => addresses.push(address.clone()),
                Some(why) => {
                    let why = format!("failed to allocate IP {address}: {why}");
                    wrong.invalid("spec.clusterIPs", &json!(given), &why);
                }
            },
            None => match lowest_free(state, family) {
                Some(address) => addresses.push(address.to_string()),
                None => {
                    let why = "failed to allocate IP: range is full";
                    wrong.invalid("spec.clusterIPs", &json!(given), why);
                }
            },
        }
    }
    set(service, "/spec", "clusterIP", json!(addresses.first()));
    set(service, "/spec", "clusterIPs", json!(addresses));
}

fn lowest_free(state: &mut State, family: &str) -> Option<IpAddr> {
    let range = state.addresses.range_of(family)?;
    state.allocations.follow(&state.store);
    state.allocations.lowest_free(range)
}

/// Why a Service cannot have an address.
fn taken(state: &State, family: &str, said: &str) -> Option<String> {
    let range = state.addresses.range_of(family)?;
    match said.parse::<IpAddr>() {
        Ok(address) if range.contains(&address) => {
            let held = state.store.get(&IP_ADDRESS, "", &address.to_string());
            held.map(|_| "provided IP is already allocated".to_owned())
        }
        _ => Some("the provided network does not match the current range".to_owned()),
    }
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
