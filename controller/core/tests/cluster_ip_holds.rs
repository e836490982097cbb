//! Holds: what is promised is not free, and when a promise has done its work.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test fails by panicking

mod support;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use allocator::Range;
use controller_core::cluster_ip::holds::Holds;
use controller_core::cluster_ip::ledger::Ledger;
use controller_core::cluster_ip::pool_status::pool_statuses;
use controller_core::facts::cluster_ip_pool::Enforcement;
use controller_core::facts::ip_address::Manager;
use controller_core::facts::{
    ClusterIpHold, ClusterIpPool, Fact, IpAddress, IpFamily, ServiceCidr,
};
use controller_core::index::{Index, Observation, Source};
use controller_core::key::{Kind, NamespacedName, ResourceVersion, Text};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use support::at;

const ADDRESS: &str = "10.96.0.3";

fn service_cidr(cidr: &str) -> ServiceCidr {
    let ranges = vec![Range::new(cidr.parse().unwrap()).unwrap()];
    ServiceCidr {
        name: "kubernetes".into(),
        ranges,
        unusable: Vec::new(),
        deleting: false,
        ready: None,
    }
}

fn ledger(cidr: &str) -> Ledger {
    let mut ledger = Ledger::default();
    ledger.service_cidr(&"kubernetes".into(), Some(service_cidr(cidr)));
    ledger
}

fn hold(address: &str, request_uid: &str) -> ClusterIpHold {
    ClusterIpHold {
        address: address.parse().unwrap(),
        uid: format!("hold on {address}").as_str().into(),
        resource_version: ResourceVersion(7),
        request_uid: request_uid.into(),
    }
}

fn promise(ledger: &mut Ledger, address: &str, request_uid: &str) {
    ledger.hold(address.parse().unwrap(), Some(Arc::new(hold(address, request_uid))));
    ledger.check();
}

fn claim(ledger: &mut Ledger, address: &str) {
    let claim = IpAddress {
        address: address.parse().unwrap(),
        uid: Text::new(),
        resource_version: ResourceVersion(8),
        created: None,
        deleting: false,
        manager: Manager::Server,
        service: Some(NamespacedName::new("shop", "web")),
        service_uid: None,
        labelled_family: Some(IpFamily::V4),
    };
    ledger.claim(claim.address, Some(Arc::new(claim)));
    ledger.check();
}

/// Takes away the claim on an address.
fn unclaim(ledger: &mut Ledger, address: &str) {
    ledger.claim(address.parse().unwrap(), None);
    ledger.check();
}

/// The names of the holds that have done their work by a time.
fn spent(holds: &mut Holds, ledger: &Ledger, second: i64) -> Vec<String> {
    let spent = holds.look(ledger, at(second));
    spent.iter().map(|hold| hold.address.to_string()).collect()
}

fn all_that_can_be_picked(ledger: &mut Ledger) -> BTreeSet<IpAddr> {
    let offer = ledger.pools().offer(&support::foo(), &Default::default(), allocator::IpFamily::V4);
    let (offer, mut rng) = (offer.unwrap(), StdRng::seed_from_u64(1));
    std::iter::from_fn(|| ledger.pick(IpFamily::V4.into(), &offer, &mut rng)).collect()
}

#[test]
fn an_address_that_is_held_is_not_picked() {
    let mut ledger = ledger("10.96.0.0/29");
    promise(&mut ledger, ADDRESS, "request");
    let picked = all_that_can_be_picked(&mut ledger);
    assert_eq!(picked.len(), 5);
    assert!(!picked.contains(&ADDRESS.parse().unwrap()));
}

#[test]
fn an_address_is_free_when_its_hold_goes_unclaimed() {
    let mut ledger = ledger("10.96.0.0/29");
    promise(&mut ledger, ADDRESS, "request");
    ledger.hold(ADDRESS.parse().unwrap(), None);
    ledger.check();
    assert_eq!(all_that_can_be_picked(&mut ledger).len(), 6);
}

#[test]
fn an_address_stays_taken_when_its_hold_goes_and_its_claim_stays() {
    let mut ledger = ledger("10.96.0.0/29");
    promise(&mut ledger, ADDRESS, "request");
    claim(&mut ledger, ADDRESS);
    ledger.hold(ADDRESS.parse().unwrap(), None);
    ledger.check();
    assert_eq!(all_that_can_be_picked(&mut ledger).len(), 5);
}

#[test]
fn a_request_finds_what_it_was_promised() {
    let mut ledger = ledger("10.96.0.0/29");
    promise(&mut ledger, ADDRESS, "one");
    promise(&mut ledger, "10.96.0.4", "another");
    let promised: Vec<IpAddr> = ledger.promised_in("one").collect();
    assert_eq!(promised, [ADDRESS.parse::<IpAddr>().unwrap()]);
    ledger.hold(ADDRESS.parse().unwrap(), None);
    assert_eq!(ledger.promised_in("one").count(), 0);
}

#[test]
fn a_hold_stays_ten_seconds_after_the_claim_has_appeared() {
    let (mut ledger, mut holds) = (ledger("10.96.0.0/29"), Holds::default());
    promise(&mut ledger, ADDRESS, "request");
    assert!(spent(&mut holds, &ledger, 1000).is_empty());
    claim(&mut ledger, ADDRESS);
    assert!(spent(&mut holds, &ledger, 1001).is_empty(), "seen only now");
    assert!(spent(&mut holds, &ledger, 1010).is_empty());
    assert_eq!(spent(&mut holds, &ledger, 1011), [ADDRESS]);
}

#[test]
fn a_claim_that_came_and_went_was_a_claim() {
    let (mut ledger, mut holds) = (ledger("10.96.0.0/29"), Holds::default());
    promise(&mut ledger, ADDRESS, "request");
    claim(&mut ledger, ADDRESS);
    unclaim(&mut ledger, ADDRESS);
    assert!(spent(&mut holds, &ledger, 1000).is_empty());
    assert_eq!(spent(&mut holds, &ledger, 1010), [ADDRESS]);
}

#[test]
fn a_hold_without_a_claim_stays_two_minutes_after_it_was_first_seen() {
    let (mut ledger, mut holds) = (ledger("10.96.0.0/29"), Holds::default());
    promise(&mut ledger, ADDRESS, "request");
    assert!(spent(&mut holds, &ledger, 1000).is_empty());
    assert!(spent(&mut holds, &ledger, 1119).is_empty());
    assert_eq!(spent(&mut holds, &ledger, 1120), [ADDRESS]);
}

#[test]
fn the_index_takes_its_own_holds_from_their_answers_and_old_news_undo_nothing() {
    let mut index = Index::default();
    let cidr = Fact::ServiceCidr(service_cidr("10.96.0.0/29"));
    let observe = |index: &mut Index, fact, version, source| {
        let resource_version = ResourceVersion(version);
        index.apply(Observation { fact, resource_version, source, seen: at(1000) });
    };
    observe(&mut index, cidr, 1, Source::Watch);
    observe(&mut index, Fact::ClusterIpHold(hold(ADDRESS, "request")), 7, Source::Answer);
    let address: IpAddr = ADDRESS.parse().unwrap();
    assert!(index.ledger().is_held(address));

    // A list from before does not have it.
    let before = ResourceVersion(6);
    index.reset(Kind::ClusterIpHold, &Default::default(), before, at(1001));
    assert!(index.ledger().is_held(address));

    let key = hold(ADDRESS, "request").key();
    index.delete(Kind::ClusterIpHold, &key, Some("another"), Source::Watch, at(1002));
    assert!(index.ledger().is_held(address), "another hold of the name went");
    index.delete(Kind::ClusterIpHold, &key, None, Source::Watch, at(1003));
    assert!(!index.ledger().is_held(address));
}

#[test]
fn the_status_of_a_pool_tells_promises_from_addresses_in_use() {
    let mut ledger = ledger("10.96.0.0/24");
    let pool = ClusterIpPool {
        name: "shop".into(),
        uid: "uid".into(),
        generation: 1,
        created: None,
        spans: vec!["10.96.0.0/29".parse().unwrap()],
        namespaces: Vec::new(),
        namespace_selector: None,
        service_selector: None,
        enforcement: Enforcement::Prefer,
        priority: 0,
        disabled: false,
    };
    ledger.pool(&"shop".into(), Some(pool));
    promise(&mut ledger, ADDRESS, "request");
    promise(&mut ledger, "10.96.0.4", "claimed since");
    claim(&mut ledger, "10.96.0.4");
    promise(&mut ledger, "10.96.0.99", "of no pool");
    let (_, counts) = pool_statuses(&ledger, &Default::default())[0].families[0];
    assert_eq!((counts.capacity, counts.available), (7, 5));
    assert_eq!((counts.used(), counts.held), (1, 1));
}
