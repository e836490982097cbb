//! Services and what belongs to them in tables.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{NAME, View, age, column, joined, number, or, three, wide};
use crate::object::{elements, text};

/// Services.
pub const SERVICE: View = View {
    columns: &[
        NAME,
        column("Type"),
        column("Cluster-IP"),
        column("External-IP"),
        column("Port(s)"),
        column("Age"),
        wide("Selector"),
    ],
    cells: service,
};

/// Endpoints.
pub const ENDPOINTS: View = View {
    columns: &[NAME, column("Endpoints"), column("Age")],
    cells: |endpoints, now| {
        vec![
            or(endpoints, "/metadata/name", ""),
            json!(addresses(endpoints)),
            age::of(endpoints, now),
        ]
    },
};

/// EndpointSlices.
pub const ENDPOINT_SLICE: View = View {
    columns: &[NAME, column("AddressType"), column("Ports"), column("Endpoints"), column("Age")],
    cells: endpoint_slice,
};

/// IPAddresses. The age has no column, as on the real server.
pub const IP_ADDRESS: View = View {
    columns: &[NAME, column("ParentRef")],
    cells: |address, now| {
        let part = |name: &str| text(address, &format!("/spec/parentRef/{name}")).to_owned();
        let resource = match part("group").as_str() {
            "" => part("resource"),
            group => format!("{}.{group}", part("resource")),
        };
        let parts = [resource, part("namespace"), part("name")];
        let parts: Vec<&str> =
            parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        vec![or(address, "/metadata/name", ""), json!(parts.join("/")), age::of(address, now)]
    },
};

/// ServiceCIDRs.
pub const SERVICE_CIDR: View = View {
    columns: &[NAME, column("CIDRs"), column("Age")],
    cells: |cidr, now| {
        let cidrs = elements(cidr, "/spec/cidrs").filter_map(Value::as_str).map(str::to_owned);
        vec![or(cidr, "/metadata/name", ""), json!(joined(cidrs, "")), age::of(cidr, now)]
    },
};

fn service(service: &Value, now: Timestamp) -> Vec<Value> {
    let selector = service.pointer("/spec/selector").and_then(Value::as_object);
    let selector = selector.into_iter().flatten();
    let selector = selector.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("")));
    vec![
        or(service, "/metadata/name", ""),
        or(service, "/spec/type", ""),
        or(service, "/spec/clusterIP", "<none>"),
        json!(external(service)),
        json!(joined(elements(service, "/spec/ports").map(port), "<none>")),
        age::of(service, now),
        json!(joined(selector, "<none>")),
    ]
}

fn external(service: &Value) -> String {
    let given =
        || elements(service, "/spec/externalIPs").filter_map(Value::as_str).map(str::to_owned);
    match text(service, "/spec/type") {
        "ExternalName" => text(service, "/spec/externalName").to_owned(),
        "LoadBalancer" => {
            let ingress = elements(service, "/status/loadBalancer/ingress");
            let ingress = ingress.map(|ingress| match text(ingress, "/ip") {
                "" => text(ingress, "/hostname").to_owned(),
                ip => ip.to_owned(),
            });
            joined(ingress.chain(given()), "<pending>")
        }
        _ => joined(given(), "<none>"),
    }
}

fn port(port: &Value) -> String {
    let (own, protocol) = (number(port, "/port"), text(port, "/protocol"));
    match number(port, "/nodePort") {
        0 => format!("{own}/{protocol}"),
        node_port => format!("{own}:{node_port}/{protocol}"),
    }
}

fn addresses(endpoints: &Value) -> String {
    if elements(endpoints, "/subsets").next().is_none() {
        return "<none>".to_owned();
    }
    let mut found = Vec::new();
    for subset in elements(endpoints, "/subsets") {
        let ips = || elements(subset, "/addresses").map(|address| text(address, "/ip"));
        if elements(subset, "/ports").next().is_none() {
            found.extend(ips().map(str::to_owned));
        }
        for port in elements(subset, "/ports") {
            found.extend(ips().map(|ip| match ip.contains(':') {
                true => format!("[{ip}]:{}", number(port, "/port")),
                false => format!("{ip}:{}", number(port, "/port")),
            }));
        }
    }
    three(found, |left| format!(" + {left} more..."))
}

fn endpoint_slice(slice: &Value, now: Timestamp) -> Vec<Value> {
    let ports = elements(slice, "/ports").map(|port| match number(port, "/port") {
        0 => text(port, "/name").to_owned(),
        number => number.to_string(),
    });
    let addresses = elements(slice, "/endpoints")
        .flat_map(|endpoint| elements(endpoint, "/addresses"))
        .filter_map(Value::as_str)
        .map(str::to_owned);
    let shown = |texts: Vec<String>| match texts.is_empty() {
        true => "<unset>".to_owned(),
        false => three(texts, |left| format!(" + {left} more...")),
    };
    vec![
        or(slice, "/metadata/name", ""),
        or(slice, "/addressType", ""),
        json!(shown(ports.collect())),
        json!(shown(addresses.collect())),
        age::of(slice, now),
    ]
}
