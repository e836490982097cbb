//! What the webhook decides about Services that are about to be created.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod support;

use allocator::Range;
use controller_core::cluster_ip::admission::{Admission, Choice, Gift, admit};
use controller_core::cluster_ip::ledger::Ledger;
use controller_core::facts::cluster_ip_pool::Enforcement;
use controller_core::facts::{
    ClusterIp, ClusterIpPool, IpFamily, IpFamilyPolicy, Labels, Service, ServiceCidr,
};
use controller_core::key::{NamespacedName, Text};
use support::foo;

fn ledger(cidrs: &[&str]) -> Ledger {
    let mut ledger = Ledger::default();
    let ranges = cidrs.iter().map(|cidr| Range::new(cidr.parse().unwrap()).unwrap()).collect();
    let name: Text = "kubernetes".into();
    let cidr = ServiceCidr { name, ranges, unusable: Vec::new(), deleting: false, ready: None };
    ledger.service_cidr(&cidr.name.clone(), Some(cidr));
    ledger
}

/// A pool of a namespace.
fn pool(name: &str, range: &str, namespace: &str, enforcement: Enforcement) -> ClusterIpPool {
    ClusterIpPool {
        name: name.into(),
        uid: "uid".into(),
        generation: 1,
        created: None,
        spans: vec![range.parse().unwrap()],
        namespaces: vec![namespace.into()],
        namespace_selector: None,
        service_selector: None,
        enforcement,
        priority: 0,
        disabled: false,
    }
}

fn add(ledger: &mut Ledger, pool: ClusterIpPool) {
    let name = pool.name.clone();
    assert!(ledger.pool(&name, Some(pool)));
}

/// A Service of namespace `shop`, as its author sends it.
fn service(texts: &[&str], policy: Option<IpFamilyPolicy>) -> Service {
    let first = texts.first().and_then(|text| text.parse().ok());
    Service {
        key: NamespacedName::new("shop", "web"),
        uid: Text::new(),
        cluster_ip: first.map_or(ClusterIp::Unset, ClusterIp::Address),
        cluster_ips: texts.iter().map(|text| Text::from(*text)).collect(),
        ip_families: Vec::new(),
        ip_family_policy: policy,
        ..foo()
    }
}

fn decided(ledger: &Ledger, service: &Service) -> Admission {
    admit(ledger, service, &Labels::default())
}

fn gift(ledger: &Ledger, service: &Service) -> Gift {
    match decided(ledger, service) {
        Admission::Give(gift) => gift,
        other => panic!("nothing is given: {other:?}"),
    }
}

fn refusal(ledger: &Ledger, service: &Service) -> String {
    match decided(ledger, service) {
        Admission::Refuse(refused) => refused.to_string(),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn who_asks_for_no_address_is_given_one_of_each_family() {
    let ledger = ledger(&["10.96.0.0/24", "fd00::/112"]);
    let families = |policy| -> Vec<IpFamily> {
        let gift = gift(&ledger, &service(&[], policy));
        assert!(!gift.is_bound());
        gift.families.iter().map(|(family, _)| *family).collect()
    };
    assert_eq!(families(None), [IpFamily::V4]);
    assert_eq!(families(Some(IpFamilyPolicy::RequireDualStack)), [IpFamily::V4, IpFamily::V6]);
    let only_six = Service { ip_families: vec![IpFamily::V6], ..service(&[], None) };
    assert_eq!(gift(&ledger, &only_six).families[0].0, IpFamily::V6);
}

#[test]
fn what_is_named_stays_as_it_is_spelt_and_what_is_missing_is_added() {
    let ledger = ledger(&["10.96.0.0/24", "fd00::/112"]);
    let named = service(&["fd00::0007"], Some(IpFamilyPolicy::PreferDualStack));
    let gift = gift(&ledger, &named);
    assert_eq!(gift.families[0], (IpFamily::V6, Choice::Named("fd00::0007".into())));
    assert!(matches!(gift.families[1], (IpFamily::V4, Choice::Offered(_))));
    assert_eq!(decided(&ledger, &service(&["10.96.0.7"], None)), Admission::Pass);
}

#[test]
fn what_needs_no_address_or_is_wrong_in_itself_is_left_to_the_server() {
    let ledger = ledger(&["10.96.0.0/24"]);
    let plain = || service(&[], None);
    let external = Service { external_name: true, ..plain() };
    let headless =
        Service { cluster_ip: ClusterIp::Headless, cluster_ips: vec!["None".into()], ..plain() };
    let only_a_list = Service { cluster_ips: vec!["10.96.0.7".into()], ..plain() };
    let two_firsts = Service {
        cluster_ips: vec!["10.96.0.8".into()],
        ..service(&["10.96.0.7"], Some(IpFamilyPolicy::PreferDualStack))
    };
    let of_a_family_that_is_not_served = service(&[], Some(IpFamilyPolicy::RequireDualStack));
    let not_an_address = service(&["10.96.1"], None);
    for odd in [
        external,
        headless,
        only_a_list,
        two_firsts,
        of_a_family_that_is_not_served,
        not_an_address,
    ] {
        assert_eq!(decided(&ledger, &odd), Admission::Pass, "{odd:?}");
    }
}

#[test]
fn a_pool_that_binds_must_give_the_address() {
    let mut ledger = ledger(&["10.96.0.0/24"]);
    add(&mut ledger, pool("own", "10.96.0.64/28", "shop", Enforcement::Require));
    assert!(gift(&ledger, &service(&[], None)).is_bound());
    assert_eq!(decided(&ledger, &service(&["10.96.0.70"], None)), Admission::Pass);
    assert_eq!(
        refusal(&ledger, &service(&["10.96.0.9"], None)),
        "Service shop/web: 10.96.0.9 is not in ClusterIPPool own, which must give it; \
         ask for none, or for one of 10.96.0.64-10.96.0.79"
    );
}

#[test]
fn an_address_of_a_pool_that_is_for_others_is_refused() {
    let mut ledger = ledger(&["10.96.0.0/24"]);
    add(&mut ledger, pool("fenced", "10.96.0.128/28", "bank", Enforcement::Exclusive));
    assert_eq!(
        refusal(&ledger, &service(&["10.96.0.130"], None)),
        "Service shop/web: 10.96.0.130 is in ClusterIPPool fenced, which is for others; \
         ask for none, or for one outside of it"
    );
}

#[test]
fn a_full_pool_that_binds_refuses_and_one_that_does_not_yields() {
    let mut ledger = ledger(&["10.96.0.0/24"]);
    add(&mut ledger, pool("own", "10.96.0.64/31", "shop", Enforcement::Require));
    let keys = ["a", "b"].map(|name| NamespacedName::new("shop", name));
    for (key, address) in keys.iter().zip(["10.96.0.64", "10.96.0.65"]) {
        let mut user = service(&[address], None);
        user.key = key.clone();
        ledger.service(key, Some((user.into(), Default::default())));
    }
    assert_eq!(
        refusal(&ledger, &service(&[], None)),
        "Service shop/web: ClusterIPPool own must give the address and is exhausted \
         (0 of 2 free); free an address or add a range"
    );
    add(&mut ledger, pool("own", "10.96.0.64/31", "shop", Enforcement::Prefer));
    assert!(!gift(&ledger, &service(&[], None)).is_bound());
}
