//! What Endpoints may not be.

use serde_json::{Value, json};

use super::{PROTOCOLS, addresses, each, formatted, formatted_unless_empty, one_of, port};
use crate::causes::Causes;
use crate::names;
use crate::object::{elements, text};

/// Checks Endpoints.
pub fn check(endpoints: &Value, wrong: &mut Causes) {
    for (field, subset) in each(endpoints, "subsets", "") {
        let lists = ["addresses", "notReadyAddresses"];
        if lists.iter().all(|list| elements(subset, &format!("/{list}")).next().is_none()) {
            wrong.required(field.as_str(), "must specify `addresses` or `notReadyAddresses`");
        }
        for list in lists {
            each(subset, list, &field).for_each(|(field, found)| address(found, &field, wrong));
        }
        let ports = elements(subset, "/ports").count();
        each(subset, "ports", &field)
            .for_each(|(field, port)| self::ports(port, ports, &field, wrong));
    }
}

fn address(address: &Value, field: &str, wrong: &mut Causes) {
    let (said, of_ip) = (text(address, "/ip"), format!("{field}.ip"));
    for why in addresses::broken(said) {
        wrong.invalid(of_ip.as_str(), &json!(said), &why);
    }
    formatted_unless_empty(address, "hostname", field, names::of_label, wrong);
    formatted(address, "nodeName", field, names::of_subdomain, wrong);
    for why in addresses::unreachable(said) {
        wrong.invalid(of_ip.as_str(), &json!(said), &why);
    }
    // It is said twice, in other words.
    if said.parse::<std::net::IpAddr>().is_err() && !addresses::has_leading_zeros(said) {
        wrong.invalid(of_ip, &json!(said), "must be a valid IP address");
    }
}

fn ports(found: &Value, count: usize, field: &str, wrong: &mut Causes) {
    if text(found, "/name").is_empty() {
        if count > 1 {
            wrong.required(format!("{field}.name"), "");
        }
    } else {
        formatted(found, "name", field, names::of_label, wrong);
    }
    port(found, "port", field, wrong);
    one_of(found, "protocol", field, PROTOCOLS, wrong);
    formatted(found, "appProtocol", field, names::of_key, wrong);
}
