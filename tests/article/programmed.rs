//! What kube-proxy has programmed, read from the rules themselves.
//!
//! ```text
//! map service-ips { elements = { 10.96.0.7 . tcp . 80 : goto service-A, 10.96.0.8 . tcp . 80 : goto service-B } }
//! chain service-A { … dnat ip to numgen random mod 2 map { 0 : 10.244.0.1 . 9376, 1 : 10.244.0.2 . 9376 } }
//! chain service-B { … numgen random mod 2 vmap { 0 : goto endpoint-C, 1 : goto endpoint-D } }
//! chain endpoint-C { … dnat to 10.244.0.1:9376 }
//! ```

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::process::Command;

/// Where connections to an address of a Service may go, by the rules of now.
pub fn endpoints(service: SocketAddr) -> BTreeSet<SocketAddr> {
    let family = if service.is_ipv4() { "ip" } else { "ip6" };
    let listing = Command::new("nft").args(["list", "table", family, "kube-proxy"]).output();
    let listing = String::from_utf8(listing.unwrap().stdout).unwrap();
    let words: Vec<&str> =
        listing.split_whitespace().map(|word| word.trim_end_matches(',')).collect();
    let Some(chain) = chain_of(&words, service) else {
        return BTreeSet::new();
    };
    let rules = body(&words, chain);
    let chains = rules.iter().filter(|word| word.starts_with("endpoint-"));
    let through_chains = chains.flat_map(|chain| translations(body(&words, chain)));
    translations(rules).into_iter().chain(through_chains).collect()
}

fn chain_of<'a>(words: &[&'a str], service: SocketAddr) -> Option<&'a str> {
    let (address, port) = (service.ip().to_string(), service.port().to_string());
    let wanted = [&address, ".", "tcp", ".", &port, ":", "goto"];
    let place = words.windows(wanted.len()).position(|window| window == wanted)?;
    Some(words[place + wanted.len()])
}

/// The words between the braces of a chain; there are braces within. A chain that has just gone has
/// none.
fn body<'a, 'b>(words: &'b [&'a str], chain: &str) -> &'b [&'a str] {
    let head = ["chain", chain, "{"];
    let Some(start) = words.windows(head.len()).position(|window| window == head) else {
        return &[];
    };
    let words = &words[start + head.len()..];
    let mut depth = 1;
    let end = words.iter().position(|word| {
        depth += i32::from(*word == "{") - i32::from(*word == "}");
        depth == 0
    });
    &words[..end.unwrap()]
}

/// The addresses that a chain translates to: those of a map, and those of a rule.
fn translations(rules: &[&str]) -> Vec<SocketAddr> {
    let of_map = rules.windows(4).filter(|window| window[0] == ":" && window[2] == ".");
    let of_map = of_map.filter_map(|window| {
        let address: IpAddr = window[1].parse().ok()?;
        Some(SocketAddr::new(address, window[3].parse().ok()?))
    });
    let of_rule = rules.windows(3).filter(|window| window[..2] == ["dnat", "to"]);
    of_map.chain(of_rule.filter_map(|window| window[2].parse().ok())).collect()
}
