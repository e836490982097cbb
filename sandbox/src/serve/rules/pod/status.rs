//! What the status of a Pod may not say.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::super::{addresses, each, formatted_unless_empty, part};
use crate::causes::Causes;
use crate::names;
use crate::object::{elements, text};

/// Checks the status of a Pod.
pub fn check(before: Option<&Value>, pod: &Value, wrong: &mut Causes) {
    let status = part(pod, "status");
    for (field, found) in each(status, "podIPs", "status") {
        let said = text(found, "/ip");
        for why in addresses::broken(said) {
            wrong.invalid(field.as_str(), &json!(said), &why);
        }
    }
    one_of_each_family(status, wrong);
    for (field, condition) in each(status, "conditions", "status") {
        let said = text(condition, "/type");
        for why in names::of_key(said) {
            wrong.invalid(format!("{field}.Type"), &json!(said), &why);
        }
    }
    formatted_unless_empty(status, "nominatedNodeName", "status", names::of_subdomain, wrong);
    let nominated = |pod: &Value| text(pod, "/status/nominatedNodeName").to_owned();
    let is_bound = !text(pod, "/spec/nodeName").is_empty();
    if is_bound && !nominated(pod).is_empty() && before.map(nominated) != Some(nominated(pod)) {
        let why = "may not be set on pods that are already bound to a node";
        wrong.forbidden("status.nominatedNodeName", why);
    }
}

fn one_of_each_family(status: &Value, wrong: &mut Causes) {
    let said: Vec<&str> = elements(status, "/podIPs").map(|found| text(found, "/ip")).collect();
    let read: Vec<IpAddr> = said.iter().filter_map(|said| said.parse().ok()).collect();
    let count = |is_v4: bool| read.iter().filter(|address| address.is_ipv4() == is_v4).count();
    if read.len() == said.len() && (count(true) > 1 || count(false) > 1) {
        let whole: Vec<Value> = said.iter().map(|said| json!({"IP": said})).collect();
        let why = "may specify no more than one IP for each IP family";
        wrong.invalid("status.podIPs", &json!(whole), why);
    }
}
