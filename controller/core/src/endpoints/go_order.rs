//! The order of ports and subsets in Endpoints: ascending by a hash of each as Go prints it, so that
//! they stand as kube-controller-manager writes them.

use std::fmt::{self, Write as _};

use crate::facts::{Addresses, EndpointAddress, EndpointPort, EndpointSubset};
use crate::go_hash::{OrNil, go_hash};

/// Puts the ports of a subset in order.
pub fn sorted(mut ports: Vec<EndpointPort>) -> Vec<EndpointPort> {
    ports.sort_by_cached_key(|port| go_hash(format_args!("(v1.EndpointPort){}", GoPort(port))));
    ports
}

/// The number that subsets are ordered by.
pub fn subset_hash(subset: &EndpointSubset) -> u128 {
    let addresses = GoAddresses(&subset.addresses);
    let not_ready = GoAddresses(&subset.not_ready_addresses);
    let ports = GoList("v1.EndpointPort", subset.ports.iter().map(GoPort).collect());
    go_hash(format_args!(
        "(v1.EndpointSubset){{Addresses:{addresses} NotReadyAddresses:{not_ready} Ports:{ports}}}"
    ))
}

/// A port as Go prints it inside a list.
struct GoPort<'a>(&'a EndpointPort);

impl fmt::Display for GoPort<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.name.as_deref().unwrap_or("");
        let protocol = self.0.protocol.as_deref().unwrap_or("");
        let number = self.0.port.unwrap_or(0);
        let app_protocol = OrNil(self.0.app_protocol.as_deref());
        write!(
            formatter,
            "{{Name:(string){name} Port:(int32){number} Protocol:(v1.Protocol){protocol} AppProtocol:(*string){app_protocol}}}"
        )
    }
}

struct GoAddresses<'a>(&'a Addresses);

impl fmt::Display for GoAddresses<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        GoList("v1.EndpointAddress", self.0.iter().map(GoAddress).collect()).fmt(formatter)
    }
}

struct GoAddress<'a>(&'a EndpointAddress);

impl fmt::Display for GoAddress<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EndpointAddress { ip, hostname, node_name, target_ref } = self.0;
        let hostname = hostname.as_deref().unwrap_or("");
        let node_name = OrNil(node_name.as_deref());
        write!(
            formatter,
            "{{IP:(string){ip} Hostname:(string){hostname} NodeName:(*string){node_name} TargetRef:(*v1.ObjectReference)"
        )?;
        let Some(target) = target_ref else {
            return formatter.write_str("<nil>}");
        };
        fn or_empty(text: &Option<crate::key::Text>) -> &str {
            text.as_deref().unwrap_or("")
        }
        let (kind, namespace) = (or_empty(&target.kind), or_empty(&target.namespace));
        let (name, uid) = (or_empty(&target.name), or_empty(&target.uid));
        let rest = target.rest.as_deref();
        let api_version = rest.map_or("", |rest| or_empty(&rest.api_version));
        let version = rest.map_or("", |rest| or_empty(&rest.resource_version));
        let field_path = rest.map_or("", |rest| or_empty(&rest.field_path));
        write!(
            formatter,
            "{{Kind:(string){kind} Namespace:(string){namespace} Name:(string){name} UID:(types.UID){uid} APIVersion:(string){api_version} ResourceVersion:(string){version} FieldPath:(string){field_path}}}}}"
        )
    }
}

/// A list as Go prints it: the type, then the elements, or `<nil>` if there are none.
struct GoList<T>(&'static str, Vec<T>);

impl<T: fmt::Display> fmt::Display for GoList<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(element, list) = self;
        write!(formatter, "([]{element})")?;
        if list.is_empty() {
            return formatter.write_str("<nil>");
        }
        formatter.write_char('[')?;
        for (place, element) in list.iter().enumerate() {
            if place > 0 {
                formatter.write_char(' ')?;
            }
            element.fmt(formatter)?;
        }
        formatter.write_char(']')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, number: i32, protocol: &str) -> EndpointPort {
        EndpointPort {
            name: Some(name.into()),
            protocol: Some(protocol.into()),
            port: Some(number),
            app_protocol: None,
        }
    }

    #[test]
    fn ports_are_in_the_order_of_kube_controller_manager() {
        let vectors = [
            (port("http", 80, "TCP"), 0x754b_003f),
            (port("https", 443, "TCP"), 0xa1d3_cd18),
            (port("metrics", 9153, "TCP"), 0xbb22_4be3),
            (port("dns-tcp", 53, "TCP"), 0xbb9c_c7b3),
            (port("dns", 53, "UDP"), 0xcf68_4d8c),
            (port("port-1337", 1337, "TCP"), 0x5d50_8f35),
        ];
        for (port, leading) in vectors {
            let hash = go_hash(format_args!("(v1.EndpointPort){}", GoPort(&port)));
            assert_eq!(hash >> 96, leading, "{port:?}");
        }
    }
}
