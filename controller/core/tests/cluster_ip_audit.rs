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
    ClusterIp, ClusterIpPool, IpAddress, IpFamily, IpFamilyPolicy, Service, ServiceCidr,
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
        ledger.service_cidr(
            &name.clone(),
            Some(ServiceCidr {
                name,
                ranges,
                unusable: Vec::new(),
                deleting: !open,
                ready: Some(open),
            }),
        );
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
        labelled_family: Some(IpFamily::of(address)),
        service: service.map(|name| NamespacedName::new("ns", name)),
        service_uid: None,
    };
    ledger.claim(address, Some(Arc::new(claim)));
}

/// A pool for the Services of these tests.
fn pool(name: &str, enforcement: Enforcement, range: &str) -> ClusterIpPool {
    ClusterIpPool {
        name: name.into(),
        created: None,
        spans: vec![range.parse().unwrap()],
        namespaces: vec!["ns".into()],
        namespace_selector: None,
        service_selector: None,
        enforcement,
        priority: 0,
        uid: "uid".into(),
        generation: 1,
        disabled: false,
    }
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
            "ClaimMislabelled 10.96.0.2 web-2 relabel",
            "ClaimWrongReference 10.96.0.3 web-3 claim again",
            "ClaimForeign 10.96.0.4 web-4 claim again",
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
    ledger.pool(&"pool".into(), Some(pool("pool", Enforcement::Require, "10.96.0.128/25")));
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
    let mut headless = service("headless", &["10.96.0.9"], OLD);
    headless.cluster_ip = ClusterIp::Headless;
    see(&mut ledger, headless);
    claim(&mut ledger, "10.96.0.9", Some("headless"), Manager::Server, OLD);
    let mut other_family = service("other-family", &["10.96.0.10"], OLD);
    other_family.ip_families = vec![IpFamily::V6];
    see(&mut ledger, other_family);
    claim(&mut ledger, "10.96.0.10", Some("other-family"), Manager::Server, OLD);
    let mut two = service("two", &["10.96.0.11", "10.96.0.12"], OLD);
    two.ip_family_policy = Some(IpFamilyPolicy::SingleStack);
    see(&mut ledger, two);
    for address in ["10.96.0.11", "10.96.0.12"] {
        claim(&mut ledger, address, Some("two"), Manager::Server, OLD);
    }
    see(&mut ledger, service("waits", &[], OLD));
    assert_eq!(
        found(&ledger),
        [
            "ClusterIPInvalid - alias by hand",
            "ClusterIPInvalid - garbled by hand",
            "ClusterIPInvalid - headless by hand",
            "ClusterIPInvalid - odd by hand",
            "ClusterIPInvalid - other-family by hand",
            "SecondFamilyMissing - single by hand",
            "ClusterIPInvalid - two by hand",
            "WaitingForAllocator - waits by hand",
        ]
    );
}

#[test]
fn a_label_that_tells_another_family_is_found() {
    let mut ledger = ledger();
    for (name, address, family) in [
        ("right", "10.96.0.2", Some(IpFamily::V4)),
        ("wrong", "10.96.0.3", Some(IpFamily::V6)),
        ("none", "10.96.0.4", None),
    ] {
        see(&mut ledger, service(name, &[address], OLD));
        claim(&mut ledger, address, Some(name), Manager::Server, OLD);
        let made = ledger.claim_on(address.parse().unwrap()).unwrap();
        let labelled = IpAddress { labelled_family: family, ..IpAddress::clone(&made) };
        ledger.claim(made.address, Some(Arc::new(labelled)));
    }
    assert_eq!(
        found(&ledger),
        ["ClaimMislabelled 10.96.0.3 wrong relabel", "ClaimMislabelled 10.96.0.4 none relabel"]
    );
}

#[test]
fn a_claim_that_a_finalizer_holds_is_found() {
    let mut ledger = ledger();
    claim(&mut ledger, "10.96.0.2", Some("gone"), Manager::Server, OLD);
    let held = ledger.claim_on("10.96.0.2".parse().unwrap()).unwrap();
    let held = IpAddress { deleting: true, ..IpAddress::clone(&held) };
    ledger.claim(held.address, Some(Arc::new(held)));
    assert_eq!(found(&ledger), ["ClaimDeleting 10.96.0.2 - by hand"]);
}

fn details(ledger: &Ledger) -> Vec<String> {
    let findings = audit(ledger, &BTreeMap::new(), at(NOW)).into_iter();
    findings.map(|finding| format!("{}: {}", finding.reason, finding.detail)).collect()
}

#[test]
fn ranges_that_give_nothing_and_that_nobody_looks_after_are_found() {
    let mut ledger = ledger();
    let wide = ServiceCidr {
        name: "wide".into(),
        ranges: Vec::new(),
        unusable: vec!["2001:db8:1::/48".into()],
        deleting: false,
        ready: None,
    };
    ledger.service_cidr(&"wide".into(), Some(wide));
    let details = details(&ledger);
    assert_eq!(
        details[0],
        "RangeUnusable: ServiceCIDR wide: nothing is given from 2001:db8:1::/48, whose prefix is \
         shorter than 64"
    );
    assert!(details[1].starts_with("RangeUnattended: ServiceCIDR wide has no condition Ready"));
    assert_eq!(details.len(), 2);
}

#[test]
fn a_default_range_that_is_not_that_of_the_flags_is_found() {
    let mut ledger = ledger();
    let kubernetes = |address: &str| Service {
        key: NamespacedName::new("default", "kubernetes"),
        ..service("kubernetes", &[address], NEW)
    };
    see(&mut ledger, kubernetes("10.96.0.1"));
    assert_eq!(found(&ledger), [""; 0]);
    see(&mut ledger, kubernetes("10.96.0.9"));
    assert_eq!(found(&ledger), ["RangeUnusable 10.96.0.9 - by hand"]);
}

#[test]
fn a_full_range_a_full_pool_and_pools_in_conflict_are_found() {
    let mut ledger = ledger();
    for last in 1..255 {
        let name = format!("web-{last}");
        see(&mut ledger, service(&name, &[&format!("10.96.0.{last}")], NEW));
    }
    for (name, enforcement, range) in [
        ("a", Enforcement::Exclusive, "10.96.0.0/26"),
        ("b", Enforcement::Exclusive, "10.96.0.32/27"),
        ("c", Enforcement::Prefer, "10.96.0.64/26"),
        ("outside", Enforcement::Prefer, "10.98.0.0/26"),
    ] {
        ledger.pool(&name.into(), Some(pool(name, enforcement, range)));
    }
    let found = found(&ledger);
    for wanted in ["RangeExhausted", "PoolConflict", "PoolExhausted", "RangeUnusable"] {
        assert!(found.contains(&format!("{wanted} - - by hand")), "{wanted}: {found:?}");
    }
    let mut details = details(&ledger);
    details.retain(|detail| detail.starts_with("PoolExhausted"));
    assert_eq!(
        details,
        ["PoolExhausted: ClusterIPPool a: no IPv4 address is free"],
        "b has nothing beside a, and who prefers c does without it"
    );
}

#[test]
fn the_services_that_keep_a_service_cidr_from_going_are_named() {
    let mut ledger = ledger();
    see(&mut ledger, service("stays", &["10.97.0.9"], OLD));
    claim(&mut ledger, "10.97.0.9", Some("stays"), Manager::Server, OLD);
    let details = details(&ledger);
    assert!(details[0].starts_with("RangeClosing: of ServiceCIDRs only old has it"), "{details:?}");
}

#[test]
fn an_address_in_another_spelling_is_one_address_with_one_claim() {
    let mut ledger = ledger();
    let ranges = vec![Range::new("fd00::/112".parse().unwrap()).unwrap()];
    let six = ServiceCidr {
        name: "six".into(),
        ranges,
        unusable: Vec::new(),
        deleting: false,
        ready: Some(true),
    };
    ledger.service_cidr(&"six".into(), Some(six));
    see(&mut ledger, service("shouts", &["FD00::00AB"], OLD));
    claim(&mut ledger, "fd00::ab", Some("shouts"), Manager::Server, OLD);
    for _ in 0..2 {
        assert_eq!(found(&ledger), ["ClusterIPInvalid - shouts by hand"]);
    }
}
