//! What the server does with Services beyond storing them: families and addresses, node ports, and
//! what a change of the type takes away.

mod addresses;
mod change;
mod families;
mod node_ports;
mod rules;

use serde_json::{Value, json};

pub use self::addresses::claim;
use crate::bootstrap::ClusterIpAllocation;
use crate::causes::Causes;
use crate::kinds::{Kind, SERVICE};
use crate::object::{elements, set, text};
use crate::refusal::Refusal;
use crate::state::State;

/// Puts a Service in order before it is stored.
///
/// # Errors
/// 422 with all that is wrong.
pub fn settle(
    state: &mut State,
    kind: &Kind,
    before: Option<&Value>,
    service: &mut Value,
) -> Result<(), Refusal> {
    if *kind != SERVICE {
        return Ok(());
    }
    let name = text(service, "/metadata/name").to_owned();
    let refused = |wrong: &Causes| Refusal::of_object(&SERVICE, &name, wrong);
    if let Some(before) = before {
        change::keep_addresses(before, service);
        node_ports::keep(before, service);
    }
    if list(service, "clusterIPs").is_empty() && !text(service, "/spec/clusterIP").is_empty() {
        let first = json!([text(service, "/spec/clusterIP")]);
        set(service, "/spec", "clusterIPs", first);
    }
    let gives = state.addresses.allocation == ClusterIpAllocation::Server;
    if (gives || is_headless(service)) && !change::leaves_families(before, service) {
        families::settle(&state.addresses, before, service, &refused)?;
    }
    let mut wrong = Causes::default();
    if gives {
        addresses::give(state, before, service, &mut wrong);
        refused(&wrong)?;
        node_ports::give(state, before, service, &mut wrong);
        refused(&wrong)?;
    }
    if let Some(before) = before {
        change::wipe(before, service);
    }
    rules::check(before, service, &mut wrong);
    refused(&wrong)
}

/// What is said to whoever writes a Service that is well, but will not always be.
pub fn warnings(kind: &Kind, service: &Value) -> Option<String> {
    let external = *kind == SERVICE && !list(service, "externalIPs").is_empty();
    let text = "spec.externalIPs is deprecated and may no longer be implemented in some clusters";
    external.then(|| text.to_owned())
}

fn is_external_name(service: &Value) -> bool {
    text(service, "/spec/type") == "ExternalName"
}

fn is_headless(service: &Value) -> bool {
    text(service, "/spec/clusterIP") == "None"
}

/// Whether a Service can be reached from outside of the cluster.
fn is_external(service: &Value) -> bool {
    matches!(text(service, "/spec/type"), "NodePort" | "LoadBalancer")
}

/// Whether a Service can be reached from outside, be it by addresses that somebody else routes here.
pub fn is_reachable(service: &Value) -> bool {
    is_external(service) || !list(service, "externalIPs").is_empty()
}

/// The texts of a list in the spec.
fn list(service: &Value, field: &str) -> Vec<String> {
    let pointer = format!("/spec/{field}");
    elements(service, &pointer).filter_map(Value::as_str).map(str::to_owned).collect()
}

/// `IPv4`, `IPv6`, or nothing for what is no address.
fn family(address: &str) -> &'static str {
    match address.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(_)) => "IPv4",
        Ok(std::net::IpAddr::V6(_)) => "IPv6",
        Err(_) => "",
    }
}
