//! Addresses, and the kinds that are about them.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value, json};

use super::part;
use crate::causes::Causes;
use crate::object::text;

/// What is wrong with the text of an address. It may be written in many ways.
pub fn broken(said: &str) -> Vec<String> {
    match read(said) {
        None => {
            vec!["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)".to_owned()]
        }
        Some(Spelling::LeadingZeros) => vec!["must not have leading 0s".to_owned()],
        Some(Spelling::Plain(IpAddr::V6(address))) if address.to_ipv4_mapped().is_some() => {
            vec!["must not be an IPv4-mapped IPv6 address".to_owned()]
        }
        Some(Spelling::Plain(_)) => Vec::new(),
    }
}

/// What is wrong with the text of an address that may be written in one way alone.
pub fn not_canonical(said: &str) -> Vec<String> {
    let broken = broken(said);
    match said.parse::<IpAddr>() {
        Ok(address) if broken.is_empty() && address.to_string() != said => {
            vec![format!("must be in canonical form (\"{address}\")")]
        }
        _ => broken,
    }
}

/// Why nobody can be reached at an address.
pub fn unreachable(said: &str) -> Vec<String> {
    let Ok(address) = said.parse::<IpAddr>() else {
        return Vec::new();
    };
    let mut wrong = Vec::new();
    if address.is_unspecified() {
        wrong.push(format!("may not be unspecified ({address})"));
    }
    if address.is_loopback() {
        wrong.push("may not be in the loopback range (127.0.0.0/8, ::1/128)".to_owned());
    }
    let (link_local, multicast) = match address {
        IpAddr::V4(address) => {
            (address.is_link_local(), address.octets().starts_with(&[224, 0, 0]))
        }
        IpAddr::V6(address) => {
            (address.is_unicast_link_local(), address.segments().first() == Some(&0xff02))
        }
    };
    if link_local {
        wrong.push("may not be in the link-local range (169.254.0.0/16, fe80::/10)".to_owned());
    }
    if multicast {
        let why = "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)";
        wrong.push(why.to_owned());
    }
    wrong
}

/// Whether a text is an address but for zeros in front of its numbers.
pub fn has_leading_zeros(said: &str) -> bool {
    matches!(read(said), Some(Spelling::LeadingZeros))
}

/// How an address is written.
enum Spelling {
    Plain(IpAddr),
    /// As some programs read as octal, and others do not.
    LeadingZeros,
}

fn read(said: &str) -> Option<Spelling> {
    if let Ok(address) = said.parse() {
        return Some(Spelling::Plain(address));
    }
    let numbers: Vec<&str> = said.split('.').collect();
    let is_byte = |number: &&str| {
        let digits = number.bytes().all(|byte| byte.is_ascii_digit());
        digits && number.parse::<u8>().is_ok()
    };
    (numbers.len() == 4 && numbers.iter().all(is_byte)).then_some(Spelling::LeadingZeros)
}

/// An IPAddress is named by its address, and held by somebody.
pub fn ip_address(object: &Value, wrong: &mut Causes) {
    let name = text(object, "/metadata/name");
    for why in not_canonical(name) {
        wrong.invalid("metadata.name", &json!(name), &why);
    }
    let Some(parent) = object.pointer("/spec/parentRef").filter(|parent| !parent.is_null()) else {
        return wrong.required("spec.parentRef", "");
    };
    for field in ["resource", "name"] {
        if text(parent, &format!("/{field}")).is_empty() {
            wrong.required(format!("spec.parentRef.{field}"), "");
        }
    }
}

/// A ServiceCIDR has one range of each family at most.
pub fn service_cidr(object: &Value, wrong: &mut Causes) {
    let cidrs = object.pointer("/spec/cidrs").and_then(Value::as_array);
    let cidrs = cidrs.map(Vec::as_slice).unwrap_or_default();
    if cidrs.is_empty() {
        return wrong.required("spec.cidrs", "at least one CIDR required");
    }
    if cidrs.len() > 2 {
        let whole = json!({"CIDRs": part(part(object, "spec"), "cidrs")});
        return wrong.invalid("spec.cidrs", &whole, "may only hold up to 2 values");
    }
    let ranges: Vec<Option<IpNet>> = cidrs.iter().map(|cidr| cidr.as_str()?.parse().ok()).collect();
    if let [Some(one), Some(other)] = ranges.as_slice()
        && one.addr().is_ipv4() == other.addr().is_ipv4()
    {
        let why = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64";
        wrong.invalid("spec.cidrs", &json!(cidrs), why);
    }
    for (index, (cidr, range)) in cidrs.iter().zip(&ranges).enumerate() {
        let why = match range {
            None => "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",
            Some(range) if range.addr() != range.network() => {
                "must not have bits set beyond the prefix length"
            }
            Some(_) => continue,
        };
        wrong.invalid(format!("spec.cidrs[{index}]"), cidr, why);
    }
}
