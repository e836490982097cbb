//! What the audit of ClusterIPs finds, and what it leaves alone.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod support;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use allocator::Range;
use controller_core::cluster_ip::audit::audit;
use controller_core::cluster_ip::ledger::Ledger;
use controller_core::facts::cluster_ip_pool::Enforcement;
use controller_core::facts::ip_address::Manager;
use controller_core::facts::{
    ClusterIp, ClusterIpPool, IpAddress, IpFamilyPolicy, Service, ServiceCidr,
};
use controller_core::key::{NamespacedName, ResourceVersion, Text};
use jiff::Timestamp;
use support::foo;

const OLD: &str = "2026-01-02T00:00:00Z";
const NEW: &str = "2026-01-02T00:09:30Z";
const NOW: &str = "2026-01-02T00:10:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A ServiceCIDR `kubernetes` of 10.96.0.0/24, and one of 10.97.0.0/24 that is going.
fn ledger() -> Ledger {
    let mut ledger = Ledger::default();
    for (name, cidr, open) in [("kubernetes", "10.96.0.0/24", true), ("old", "10.97.0.0/24", false)]
    {
        let ranges = vec![Range::new(cidr.parse().unwrap()).unwrap()];
        let name: Text = name.into();
        ledger.service_cidr(&name.clone(), Some(ServiceCidr { name, ranges, open }));
    }
    ledger
}

fn service(name: &str, texts: &[&str], created: &str) -> Service {
    let first = texts.first().and_then(|text| text.parse().ok());
    Service {
        key: NamespacedName::new("ns", name),
        uid: format!("uid-{name}").as_str().into(),
        created: Some(at(created)),
        cluster_ip: first.map_or(ClusterIp::Unset, ClusterIp::Address),
        cluster_ips: texts.iter().map(|text| Text::from(*text)).collect(),
        ip_families: Vec::new(),
        ip_family_policy: None,
        ..foo()
    }
}

fn see(ledger: &mut Ledger, service: Service) {
    ledger.service(&service.key.clone(), Some((Arc::new(service), ResourceVersion(1))));
}

fn claim(ledger: &mut Ledger, address: &str, service: Option<&str>, manager: Manager, made: &str) {
    let address: IpAddr = address.parse().unwrap();
    let claim = IpAddress {
        address,
        uid: "claim".into(),
        resource_version: ResourceVersion(1),
        created: Some(at(made)),
        deleting: false,
        manager,
        service: service.map(|name| NamespacedName::new("ns", name)),
        service_uid: None,
    };
    ledger.claim(address, Some(Arc::new(claim)));
}

/// `REASON ADDRESS SERVICE REPAIR`.
fn found(ledger: &Ledger) -> Vec<String> {
    let findings = audit(ledger, &BTreeMap::new(), at(NOW)).into_iter();
    let line = |finding: controller_core::cluster_ip::audit::Finding| {
        let address = finding.address.map_or("-".to_owned(), |address| address.to_string());
        let service = finding.service.map_or("-".to_owned(), |key| key.name.to_string());
        format!("{} {address} {service} {}", finding.reason, finding.repair.name())
    };
    findings.map(line).collect()
}

#[test]
fn what_fits_together_is_not_found() {
    let mut ledger = ledger();
    see(&mut ledger, service("web", &["10.96.0.5"], OLD));
    claim(&mut ledger, "10.96.0.5", Some("web"), Manager::Server, OLD);
    see(&mut ledger, service("headless", &["None"], OLD));
    assert_eq!(found(&ledger), [""; 0]);
}

#[test]
fn addresses_without_their_claims_and_claims_without_their_services_are_found() {
    let mut ledger = ledger();
    see(&mut ledger, service("bare", &["10.96.0.2"], OLD));
    claim(&mut ledger, "10.96.0.3", Some("gone"), Manager::Server, OLD);
    see(&mut ledger, service("moved", &["10.96.0.4"], OLD));
    claim(&mut ledger, "10.96.0.4", Some("moved"), Manager::Server, OLD);
    claim(&mut ledger, "10.96.0.5", Some("moved"), Manager::Roster, OLD);
    claim(&mut ledger, "10.96.0.6", None, Manager::Server, OLD);
    claim(&mut ledger, "10.96.0.7", None, Manager::Other, OLD);
    assert_eq!(
        found(&ledger),
        [
            "Unclaimed 10.96.0.2 bare claim",
            "ClaimLeaked 10.96.0.3 gone release",
            "ClaimWrongReference 10.96.0.5 moved release",
            "ClaimWrongReference 10.96.0.6 - by hand",
            "Reserved 10.96.0.7 - by hand",
        ]
    );
}

#[test]
fn what_is_younger_than_a_minute_is_given_time() {
    let mut ledger = ledger();
    see(&mut ledger, service("bare", &["10.96.0.2"], NEW));
    claim(&mut ledger, "10.96.0.3", Some("coming"), Manager::Roster, NEW);
    see(&mut ledger, service("waits", &[], NEW));
    assert_eq!(found(&ledger), [""; 0]);
}

#[test]
fn of_two_services_with_one_address_the_elder_has_it() {
    let mut ledger = ledger();
    see(&mut ledger, service("a-younger", &["10.96.0.2"], NEW));
    see(&mut ledger, service("elder", &["10.96.0.2"], OLD));
    claim(&mut ledger, "10.96.0.2", Some("a-younger"), Manager::Server, OLD);
    assert_eq!(found(&ledger), ["ClaimedByOther 10.96.0.2 a-younger by hand"]);
}

#[test]
fn claims_of_others_on_addresses_in_use_are_found() {
    let mut ledger = ledger();
    for (last, names) in [("2", Some("web-2")), ("3", Some("other")), ("4", None)] {
        let address = format!("10.96.0.{last}");
        see(&mut ledger, service(&format!("web-{last}"), &[&address], OLD));
        let manager = if last == "3" { Manager::Server } else { Manager::Other };
        claim(&mut ledger, &address, names, manager, OLD);
    }
    assert_eq!(
        found(&ledger),
        [
            "ClaimMislabelled 10.96.0.2 web-2 by hand",
            "ClaimWrongReference 10.96.0.3 web-3 claim again",
            "ClaimForeign 10.96.0.4 web-4 by hand",
        ]
    );
}

#[test]
fn addresses_outside_of_ranges_and_of_their_pool_are_found() {
    let mut ledger = ledger();
    for (name, address) in
        [("web", "10.96.0.9"), ("network", "10.96.0.0"), ("old", "10.97.0.9"), ("far", "10.9.0.9")]
    {
        see(&mut ledger, service(name, &[address], OLD));
        claim(&mut ledger, address, Some(name), Manager::Server, OLD);
    }
    let spans = vec!["10.96.0.128/25".parse().unwrap()];
    let (name, namespaces): (Text, _) = ("pool".into(), vec!["ns".into()]);
    let pool = ClusterIpPool {
        name: name.clone(),
        created: None,
        spans,
        namespaces,
        namespace_selector: None,
        service_selector: None,
        enforcement: Enforcement::Require,
        priority: 0,
        uid: "uid".into(),
        generation: 1,
        disabled: false,
    };
    ledger.pool(&name, Some(pool));
    let found = found(&ledger);
    assert_eq!(
        found[..3],
        [
            "OutOfRange 10.9.0.9 far by hand",
            "OutOfRange 10.96.0.0 network by hand",
            "RangeClosing 10.97.0.9 old by hand",
        ]
    );
    assert!(found.contains(&"PoolMismatch 10.96.0.9 web by hand".to_owned()), "{found:?}");
}

#[test]
fn fields_that_contradict_one_another_are_found() {
    let mut ledger = ledger();
    see(&mut ledger, service("garbled", &["10.96.xx.5"], OLD));
    let mut odd = service("odd", &["10.96.0.5"], OLD);
    odd.cluster_ip = ClusterIp::Address("10.96.0.6".parse().unwrap());
    see(&mut ledger, odd);
    claim(&mut ledger, "10.96.0.5", Some("odd"), Manager::Server, OLD);
    let mut alias = service("alias", &["10.96.0.7"], OLD);
    alias.external_name = true;
    see(&mut ledger, alias);
    claim(&mut ledger, "10.96.0.7", Some("alias"), Manager::Server, OLD);
    let mut single = service("single", &["10.96.0.8"], OLD);
    single.ip_family_policy = Some(IpFamilyPolicy::RequireDualStack);
    see(&mut ledger, single);
    claim(&mut ledger, "10.96.0.8", Some("single"), Manager::Server, OLD);
    see(&mut ledger, service("waits", &[], OLD));
    assert_eq!(
        found(&ledger),
        [
            "ClusterIPInvalid - alias by hand",
            "ClusterIPInvalid - garbled by hand",
            "ClusterIPInvalid - odd by hand",
            "SecondFamilyMissing - single by hand",
            "WaitingForAllocator - waits by hand",
        ]
    );
}
