//! What the server fills in where a new object says nothing.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde_json::{Map, Value, json};

use crate::kinds::Kind;
use crate::object::text;
use crate::refusal::Refusal;
use crate::sandbox::State;

/// The range that Services get their addresses from.
const SERVICE_RANGE: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 96, 0, 0), 16);

/// Fills in an object that is about to be created.
pub fn apply(state: &State, kind: &Kind, object: &mut Value) {
    match kind.kind {
        "Namespace" => namespace(object),
        "Pod" => fill(object, "/status", json!({"phase": "Pending"})),
        "Service" => service(state, object),
        "Endpoints" => ports(object.pointer_mut("/subsets"), "ports"),
        "EndpointSlice" => each(object.pointer_mut("/ports"), |port| {
            fill(port, "", json!({"name": "", "protocol": "TCP"}));
        }),
        _ => {}
    }
}

/// Checks what the controllers rely on being checked.
pub fn validate(kind: &Kind, name: &str, object: &Value) -> Result<(), Refusal> {
    if kind.kind == "EndpointSlice" && text(object, "/addressType").is_empty() {
        let why = "Required value";
        return Err(Refusal::invalid(kind, name, "addressType", "FieldValueRequired", why));
    }
    Ok(())
}

fn namespace(object: &mut Value) {
    let name = text(object, "/metadata/name").to_owned();
    fill(object, "/metadata/labels", json!({"kubernetes.io/metadata.name": name}));
    fill(object, "/spec", json!({"finalizers": ["kubernetes"]}));
    fill(object, "/status", json!({"phase": "Active"}));
}

fn service(state: &State, object: &mut Value) {
    fill(object, "/spec", json!({"type": "ClusterIP", "sessionAffinity": "None"}));
    each(object.pointer_mut("/spec/ports"), |port| {
        let target = port.get("port").cloned().unwrap_or_default();
        fill(port, "", json!({"protocol": "TCP", "targetPort": target}));
    });
    fill(object, "/status", json!({"loadBalancer": {}}));
    if text(object, "/spec/type") == "ExternalName" {
        return;
    }
    let headless = text(object, "/spec/clusterIP") == "None";
    let selecting = object.pointer("/spec/selector").and_then(Value::as_object);
    let families = if headless && selecting.is_none_or(Map::is_empty) {
        json!({"ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "RequireDualStack"})
    } else {
        json!({"ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"})
    };
    fill(object, "/spec", families);
    fill(object, "/spec", json!({"internalTrafficPolicy": "Cluster"}));
    if text(object, "/spec/clusterIP").is_empty()
        && let Some(free) = lowest_free_address(state)
    {
        fill(object, "/spec", json!({"clusterIP": free}));
    }
    let address = text(object, "/spec/clusterIP").to_owned();
    fill(object, "/spec", json!({"clusterIPs": [address]}));
}

fn lowest_free_address(state: &State) -> Option<String> {
    let services = crate::kinds::find("", "v1", "services")?;
    let used: std::collections::HashSet<String> = state
        .store
        .objects(services)
        .map(|service| text(&service.value(), "/spec/clusterIP").to_owned())
        .collect();
    SERVICE_RANGE.hosts().map(|host| host.to_string()).find(|host| !used.contains(host))
}

fn ports(lists: Option<&mut Value>, field: &str) {
    each(lists, |element| {
        each(element.get_mut(field), |port| fill(port, "", json!({"protocol": "TCP"})));
    });
}

fn each(list: Option<&mut Value>, change: impl FnMut(&mut Value)) {
    list.and_then(Value::as_array_mut).into_iter().flatten().for_each(change);
}

/// Sets the fields of a map that are absent, null or empty text; the map is made if it is missing.
fn fill(object: &mut Value, pointer: &str, with: Value) {
    let Value::Object(with) = with else {
        return;
    };
    for (field, value) in with {
        let missing = match object.pointer(&format!("{pointer}/{}", field.replace('/', "~1"))) {
            None | Some(Value::Null) => true,
            Some(Value::String(text)) => text.is_empty() && value != json!(""),
            Some(_) => false,
        };
        if missing {
            crate::object::set(object, pointer, &field, value);
        }
    }
}
