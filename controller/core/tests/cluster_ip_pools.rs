//! Which addresses a Service may have, by the pools of the cluster.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use allocator::{Allocator, IpFamily, Range, Span};
use controller_core::cluster_ip::ledger::Ledger;
use controller_core::cluster_ip::pool_status::pool_statuses;
use controller_core::cluster_ip::pools::{Pools, Refusal};
use controller_core::facts::cluster_ip_pool::Enforcement::{self, Exclusive, Prefer, Require};
use controller_core::facts::label_selector::Requirement;
use controller_core::facts::{
    ClusterIp, ClusterIpPool, LabelSelector, Labels, Service, ServiceCidr,
};
use controller_core::key::{NamespacedName, ResourceVersion, Text};
use jiff::Timestamp;
use support::{foo, map};

const V4: IpFamily = IpFamily::V4;
const V6: IpFamily = IpFamily::V6;

/// A pool for the namespace of its name.
fn pool(name: &str, enforcement: Enforcement, ranges: &[&str]) -> ClusterIpPool {
    ClusterIpPool {
        name: name.into(),
        created: Some(Timestamp::UNIX_EPOCH),
        spans: spans(ranges),
        namespaces: vec![name.into()],
        namespace_selector: None,
        service_selector: None,
        enforcement,
        priority: 0,
        uid: "uid".into(),
        generation: 1,
        disabled: false,
    }
}

fn younger(pool: ClusterIpPool) -> ClusterIpPool {
    ClusterIpPool { created: Some(Timestamp::from_second(60).unwrap()), ..pool }
}

/// The pools of a cluster with 10.96.0.0/24 and fd00::/112.
fn pools(pools: &[ClusterIpPool]) -> Pools {
    let pools: Vec<_> = pools.iter().cloned().map(Arc::new).collect();
    Pools::new(&pools, &ranges())
}

fn ranges() -> Vec<Range> {
    let cidrs = ["10.96.0.0/24", "fd00::/112"];
    cidrs.iter().map(|cidr| Range::new(cidr.parse().unwrap()).unwrap()).collect()
}

fn spans(texts: &[&str]) -> Vec<Span> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn service(namespace: &str) -> Service {
    Service { key: NamespacedName::new(namespace, "web"), ..foo() }
}

fn unlabelled() -> Labels {
    Labels::default()
}

/// From where a Service of a namespace is offered an address, stage by stage; the pool first.
fn offer(pools: &Pools, namespace: &str, family: IpFamily) -> Result<Vec<String>, Refusal> {
    let offer = pools.offer(&service(namespace), &unlabelled(), family)?;
    let told = |stage: &controller_core::cluster_ip::pools::Stage| {
        let pool = stage.pool.iter().map(Text::to_string);
        let spans = stage.spans.iter().map(Span::to_string);
        pool.chain(spans).collect::<Vec<_>>().join(" ")
    };
    Ok(offer.stages.iter().map(told).collect())
}

fn admit(pools: &Pools, namespace: &str, address: &str) -> Result<(), Refusal> {
    pools.admit(&service(namespace), &unlabelled(), address.parse().unwrap())
}

const DYNAMIC: &str = "10.96.0.17-10.96.0.254";
const STATIC: &str = "10.96.0.1-10.96.0.16";

#[test]
fn without_pools_the_dynamic_band_comes_first_and_then_the_static_one() {
    assert_eq!(offer(&pools(&[]), "shop", V4).unwrap(), [DYNAMIC, STATIC, ""]);
}

#[test]
fn a_preferred_pool_comes_first_for_its_own_and_last_for_strangers() {
    let pools = pools(&[pool("shop", Prefer, &["10.96.0.200-10.96.0.254"])]);
    let rest = "10.96.0.17-10.96.0.199";
    let own = ["shop 10.96.0.200-10.96.0.254", rest, STATIC, ""];
    assert_eq!(offer(&pools, "shop", V4).unwrap(), own);
    assert_eq!(offer(&pools, "bank", V4).unwrap(), [rest, STATIC, "10.96.0.200-10.96.0.254"]);
    assert_eq!(admit(&pools, "shop", "10.96.0.9"), Ok(()));
    assert_eq!(admit(&pools, "bank", "10.96.0.201"), Ok(()));
}

#[test]
fn a_required_pool_is_all_that_its_own_are_offered() {
    let pools = pools(&[pool("shop", Require, &["10.96.0.200-10.96.0.254"])]);
    assert_eq!(offer(&pools, "shop", V4).unwrap(), ["shop 10.96.0.200-10.96.0.254"]);
    assert_eq!(admit(&pools, "shop", "10.96.0.201"), Ok(()));
    assert_eq!(admit(&pools, "bank", "10.96.0.201"), Ok(()));
    let refused = admit(&pools, "shop", "10.96.0.9").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "10.96.0.9 is not in ClusterIPPool shop, which must give it; \
         ask for none, or for one of 10.96.0.200-10.96.0.254"
    );
}

#[test]
fn an_exclusive_pool_is_closed_to_strangers() {
    let pools = pools(&[pool("shop", Exclusive, &["10.96.0.200-10.96.0.254"])]);
    assert_eq!(offer(&pools, "bank", V4).unwrap(), ["10.96.0.17-10.96.0.199", STATIC, ""]);
    let refused = admit(&pools, "bank", "10.96.0.201").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "10.96.0.201 is in ClusterIPPool shop, which is for others; \
         ask for none, or for one outside of it"
    );
}

#[test]
fn an_exhausted_pool_leads_on_if_it_is_preferred_and_ends_there_if_it_is_required() {
    let mut allocator = Allocator::new(V4);
    allocator.set_ranges([ranges()[0]]).unwrap();
    for address in ["10.96.0.200", "10.96.0.201"] {
        allocator.claim(address.parse().unwrap()).unwrap();
    }
    let chosen = |enforcement| {
        let pools = pools(&[pool("shop", enforcement, &["10.96.0.200/31"])]);
        let offer = pools.offer(&service("shop"), &unlabelled(), V4).unwrap();
        (offer.choose(&allocator).cloned(), offer.exhausted())
    };
    let (stage, exhausted) = chosen(Prefer);
    assert_eq!(stage.unwrap().pool, None);
    assert_eq!(exhausted, None);
    let (stage, exhausted) = chosen(Require);
    assert_eq!(stage, None);
    assert_eq!(exhausted, Some(Refusal::Exhausted { pool: "shop".into(), size: 2 }));
}

#[test]
fn the_higher_priority_comes_first_then_the_elder_then_the_name() {
    let everywhere = |name, range: &str| ClusterIpPool {
        namespaces: Vec::new(),
        ..pool(name, Prefer, &[range])
    };
    let urgent = ClusterIpPool { priority: 5, ..younger(everywhere("z", "10.96.0.64/28")) };
    let pools = pools(&[
        younger(everywhere("a", "10.96.0.32/28")),
        everywhere("c", "10.96.0.80/28"),
        everywhere("b", "10.96.0.96/28"),
        urgent,
    ]);
    let order: Vec<_> = pools.iter().map(|it| it.pool.name.to_string()).collect();
    assert_eq!(order, ["z", "b", "c", "a"]);
    assert!(offer(&pools, "shop", V4).unwrap()[0].starts_with("z "));
}

#[test]
fn each_family_is_looked_at_by_itself() {
    let range = &["10.96.0.64/28"];
    let preferred = pools(&[pool("shop", Prefer, range)]);
    assert_eq!(offer(&preferred, "shop", V6).unwrap()[0], "fd00::101-fd00::ffff");
    let required = pools(&[pool("shop", Require, range)]);
    let refused = Refusal::NoneOfFamily { pool: "shop".into(), family: V6 };
    assert_eq!(offer(&required, "shop", V6), Err(refused));
    let other = ClusterIpPool { name: "six".into(), ..pool("shop", Prefer, &["fd00::200/120"]) };
    let both = pools(&[pool("shop", Require, range), other]);
    assert_eq!(offer(&both, "shop", V6).unwrap()[0], "six fd00::200-fd00::2ff");
}

#[test]
fn of_a_pool_only_what_service_cidrs_give_is_used() {
    let pools = pools(&[pool("shop", Require, &["10.96.0.240-10.96.1.10", "10.99.0.0/24"])]);
    assert_eq!(offer(&pools, "shop", V4).unwrap(), ["shop 10.96.0.240-10.96.0.254"]);
    assert!(pools.iter().all(|it| it.reaches_outside));
}

#[test]
fn of_two_pools_that_overlap_the_elder_has_what_they_share_if_one_is_exclusive() {
    let elder = pool("shop", Exclusive, &["10.96.0.64/27"]);
    let both = pools(&[younger(pool("bank", Require, &["10.96.0.80/28", "10.96.0.96/28"])), elder]);
    assert_eq!(offer(&both, "bank", V4).unwrap(), ["bank 10.96.0.96-10.96.0.111"]);
    assert!(both.iter().all(|it| it.conflicts.len() == 1));
    let open = pools(&[
        pool("shop", Require, &["10.96.0.64/27"]),
        younger(pool("bank", Prefer, &["10.96.0.80/28"])),
    ]);
    assert!(open.iter().all(|it| it.conflicts.is_empty()));
}

#[test]
fn a_disabled_pool_gives_nothing() {
    let disabled = |enforcement| {
        let pool = pool("shop", enforcement, &["10.96.0.200/29"]);
        pools(&[ClusterIpPool { disabled: true, ..pool }])
    };
    assert_eq!(offer(&disabled(Prefer), "shop", V4).unwrap().len(), 3);
    let refused = Refusal::Disabled { pool: "shop".into() };
    assert_eq!(offer(&disabled(Require), "shop", V4), Err(refused.clone()));
    assert_eq!(admit(&disabled(Exclusive), "shop", "10.96.0.200"), Err(refused));
}

#[test]
fn a_service_matches_by_its_namespace_and_its_labels() {
    let exists = |key: &str| LabelSelector { requirements: vec![Requirement::Exists(key.into())] };
    let pool = ClusterIpPool {
        namespaces: vec!["shop".into()],
        namespace_selector: Some(exists("team")),
        service_selector: Some(exists("public")),
        ..pool("public", Prefer, &["10.96.0.64/28"])
    };
    let labelled = |namespace| Service { labels: map(&[("public", "")]), ..service(namespace) };
    let team = map(&[("team", "bank")]);
    assert!(pool.matches(&labelled("shop"), &unlabelled()), "by name");
    assert!(pool.matches(&labelled("bank"), &team), "by label");
    assert!(!pool.matches(&labelled("bank"), &unlabelled()), "another namespace");
    assert!(!pool.matches(&service("shop"), &team), "without the label of the Service");
}

/// The condition Conflict of each pool: its reason, and what it says.
fn conflicts(pools: &[ClusterIpPool], services: &[Service]) -> Vec<(&'static str, String)> {
    let mut ledger = Ledger::default();
    let name: Text = "kubernetes".into();
    let (unusable, deleting, ready) = (Vec::new(), false, Some(true));
    let cidr = ServiceCidr { name: name.clone(), ranges: ranges(), unusable, deleting, ready };
    ledger.service_cidr(&name, Some(cidr));
    for pool in pools {
        ledger.pool(&pool.name, Some(pool.clone()));
    }
    for service in services {
        let seen = (Arc::new(service.clone()), ResourceVersion(1));
        ledger.service(&service.key, Some(seen));
    }
    let statuses = pool_statuses(&ledger, &BTreeMap::new()).into_iter();
    let conflicts = statuses.map(|status| {
        let [_, conflict, _] = status.conditions;
        (conflict.reason, conflict.message)
    });
    conflicts.collect()
}

#[test]
fn of_two_pools_that_must_give_the_same_address_the_second_is_in_conflict() {
    let mut both = [
        pool("shop", Require, &["10.96.0.64/26"]),
        ClusterIpPool { namespaces: Vec::new(), ..pool("z", Exclusive, &["10.96.0.128/26"]) },
    ];
    let none = ("NoOverlap", String::new());
    assert_eq!(conflicts(&both, &[service("bank")]), [none.clone(), none.clone()]);
    let headless = Service { cluster_ip: ClusterIp::Headless, ..service("shop") };
    assert_eq!(conflicts(&both, &[headless]), [none.clone(), none.clone()]);
    let told = "shop comes before it for Services that must use both, such as shop/web".to_owned();
    let services = [service("shop"), service("bank")];
    assert_eq!(conflicts(&both, &services), [none.clone(), ("Outranked", told)]);
    both[1].priority = 5;
    assert_eq!(conflicts(&both, &services)[1].0, "Outranked", "the order has changed: shop");
    both[1].spans = spans(&["fd00::/120"]);
    assert_eq!(conflicts(&both, &services), [none.clone(), none], "each has a family for itself");
}
