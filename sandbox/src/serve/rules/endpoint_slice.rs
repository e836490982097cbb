//! What an EndpointSlice may not be.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::{PROTOCOLS, addresses, each, formatted, one_of, part};
use crate::causes::Causes;
use crate::names;
use crate::object::{elements, text};

const ADDRESS_TYPES: &[&str] = &["FQDN", "IPv4", "IPv6"];
const MOST_ENDPOINTS: usize = 1000;
const MOST_PORTS: usize = 20_000;
const MOST_ADDRESSES: usize = 100;
const MOST_HINTS: usize = 8;

/// Checks an EndpointSlice.
pub fn check(slice: &Value, wrong: &mut Causes) {
    match text(slice, "/addressType") {
        "" => wrong.required("addressType", ""),
        said if !ADDRESS_TYPES.contains(&said) => {
            wrong.unsupported("addressType", &json!(said), ADDRESS_TYPES);
        }
        _ => {}
    }
    if no_more_than(MOST_PORTS, slice, "ports", "", wrong) {
        ports(slice, wrong);
    }
    if no_more_than(MOST_ENDPOINTS, slice, "endpoints", "", wrong) {
        for (field, endpoint) in each(slice, "endpoints", "") {
            self::endpoint(text(slice, "/addressType"), endpoint, &field, wrong);
        }
    }
}

/// What is said to whoever writes a slice that is well, but will not always be.
pub fn warning(slice: &Value) -> Option<String> {
    let is_fqdn = text(slice, "/addressType") == "FQDN";
    is_fqdn.then(|| "spec.addressType: FQDN endpoints are deprecated".to_owned())
}

fn ports(slice: &Value, wrong: &mut Causes) {
    let mut names = BTreeSet::new();
    for (field, port) in each(slice, "ports", "") {
        let name = text(port, "/name");
        if !name.is_empty() {
            formatted(port, "name", &field, names::of_label, wrong);
        }
        if !names.insert(name) {
            wrong.duplicate(format!("{field}.name"), &json!(name));
        }
        one_of(port, "protocol", &field, PROTOCOLS, wrong);
        formatted(port, "appProtocol", &field, names::of_key, wrong);
    }
}

fn endpoint(address_type: &str, endpoint: &Value, field: &str, wrong: &mut Causes) {
    if elements(endpoint, "/addresses").next().is_none() {
        let why = "must contain at least 1 address";
        wrong.required(format!("{field}.addresses"), why);
    }
    if no_more_than(MOST_ADDRESSES, endpoint, "addresses", field, wrong) {
        for (of_address, address) in each(endpoint, "addresses", field) {
            let said = address.as_str().unwrap_or("");
            if let Some(why) = of_other_family(address_type, said) {
                wrong.invalid(format!("{field}.addresses"), address, why);
            }
            for why in broken(address_type, said) {
                wrong.invalid(of_address.as_str(), address, &why);
            }
        }
    }
    formatted(endpoint, "nodeName", field, names::of_subdomain, wrong);
    formatted(endpoint, "hostname", field, names::of_label, wrong);
    if let Some(hints) = endpoint.get("hints") {
        let field = format!("{field}.hints");
        self::hints(hints, "forZones", &field, names::of_label_value, wrong);
        self::hints(hints, "forNodes", &field, names::of_subdomain, wrong);
    }
}

fn of_other_family(address_type: &str, said: &str) -> Option<&'static str> {
    let address: IpAddr = said.parse().ok()?;
    match address_type {
        "IPv4" if !address.is_ipv4() => Some("must be an IPv4 address"),
        "IPv6" if !address.is_ipv6() => Some("must be an IPv6 address"),
        _ => None,
    }
}

fn broken(address_type: &str, said: &str) -> Vec<String> {
    if address_type != "FQDN" {
        let mut broken = addresses::not_canonical(said);
        broken.extend(addresses::unreachable(said));
        return broken;
    }
    let name = said.strip_suffix('.').unwrap_or(said);
    let broken = names::of_subdomain(name);
    if broken.is_empty() && !name.contains('.') {
        return vec!["should be a domain with at least two segments separated by dots".to_owned()];
    }
    broken
}

fn hints(
    hints: &Value,
    name: &str,
    within: &str,
    broken: fn(&str) -> Vec<String>,
    wrong: &mut Causes,
) {
    if !no_more_than(MOST_HINTS, hints, name, within, wrong) {
        return;
    }
    let mut seen = BTreeSet::new();
    for (field, hint) in each(hints, name, within) {
        let target = text(hint, "/name");
        if !seen.insert(target) {
            wrong.duplicate(format!("{field}.name"), &json!(target));
        }
        for why in broken(target) {
            wrong.invalid(format!("{field}.name"), &json!(target), &why);
        }
    }
}

/// Whether a list is short enough to be looked at.
fn no_more_than(most: usize, of: &Value, name: &str, within: &str, wrong: &mut Causes) -> bool {
    let found = part(of, name).as_array().map_or(0, Vec::len);
    if found > most {
        let dot = if within.is_empty() { "" } else { "." };
        wrong.too_many(format!("{within}{dot}{name}"), found, most as u64);
    }
    found <= most
}
