//! What is written so that a Service has its addresses, and what becomes of their claims.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod support;

use std::net::IpAddr;
use std::sync::Arc;

use allocator::Range;
use controller_core::cluster_ip::ledger::Ledger;
use controller_core::cluster_ip::{NewClaim, Plan, Source, plan};
use controller_core::facts::cluster_ip_pool::Enforcement;
use controller_core::facts::ip_address::Manager;
use controller_core::facts::{
    ClusterIp, ClusterIpPool, IpAddress, IpFamily, IpFamilyPolicy, Labels, Service, ServiceCidr,
};
use controller_core::key::{NamespacedName, ResourceVersion, Text};
use controller_core::reason::Reason;
use jiff::{SignedDuration, Timestamp};
use rand::{SeedableRng, rngs::StdRng};
use support::foo;

const V4: IpFamily = IpFamily::V4;
const V6: IpFamily = IpFamily::V6;

/// A ledger, and what the API server would have stored.
struct World {
    ledger: Ledger,
    rng: StdRng,
    version: u64,
}

impl World {
    fn new(cidrs: &[&str]) -> Self {
        let mut world =
            World { ledger: Ledger::default(), rng: StdRng::seed_from_u64(1), version: 0 };
        world.cidr("kubernetes", cidrs, true);
        world
    }

    fn cidr(&mut self, name: &str, cidrs: &[&str], open: bool) {
        let ranges = cidrs.iter().map(|cidr| Range::new(cidr.parse().unwrap()).unwrap()).collect();
        let name: Text = name.into();
        self.ledger.service_cidr(
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

    fn see(&mut self, service: &Service) {
        self.version += 1;
        let version = ResourceVersion(self.version);
        self.ledger.service(&service.key, Some((Arc::new(service.clone()), version)));
        self.ledger.check();
    }

    fn lose(&mut self, service: &Service) {
        self.ledger.service(&service.key, None);
        self.ledger.check();
    }

    fn claim(&mut self, address: &str, service: &str, uid: Option<&str>, manager: Manager) {
        let address: IpAddr = address.parse().unwrap();
        let claim = IpAddress {
            address,
            uid: format!("claim-{address}").as_str().into(),
            resource_version: ResourceVersion(1),
            created: Some(Timestamp::UNIX_EPOCH),
            deleting: false,
            manager,
            labelled_family: Some(IpFamily::of(address)),
            service: Some(NamespacedName::new("ns", service)),
            service_uid: uid.map(Text::from),
        };
        self.ledger.claim(address, Some(Arc::new(claim)));
        self.ledger.check();
    }

    fn plan(&self, service: &Service) -> Plan {
        plan(&self.ledger.snapshot(&service.key, Labels::default()))
    }

    /// Carries the plan for a Service out, as far as a crash lets it.
    fn execute(&mut self, service: &Service, until: Until) -> Service {
        let plan = self.plan(service);
        for claim in &plan.release {
            self.ledger.claim(claim.address, None);
        }
        for NewClaim { address, service_uid, .. } in &plan.claim {
            self.claim(&address.to_string(), &service.key.name, Some(service_uid), Manager::Roster);
        }
        let Some(assignment) = plan.assignment else { return service.clone() };
        let mut texts = Vec::new();
        for (family, source) in &assignment.families {
            let address = match source {
                Source::Listed(text) => {
                    texts.push(text.clone());
                    continue;
                }
                Source::Claimed(address) => *address,
                Source::Offered(offer) => {
                    self.ledger.pick((*family).into(), offer, &mut self.rng).unwrap()
                }
            };
            let uid = &assignment.service_uid;
            self.claim(&address.to_string(), &service.key.name, Some(uid), Manager::Roster);
            texts.push(address.to_string().as_str().into());
        }
        if until == Until::Claimed {
            return service.clone();
        }
        let written = Service {
            cluster_ip: ClusterIp::Address(texts[0].parse().unwrap()),
            cluster_ips: texts,
            ip_families: assignment.families.iter().map(|(family, _)| *family).collect(),
            ip_family_policy: Some(assignment.policy),
            ..service.clone()
        };
        self.see(&written);
        written
    }
}

#[derive(PartialEq)]
enum Until {
    Claimed,
    Written,
}

fn service(name: &str, families: &[IpFamily], policy: Option<IpFamilyPolicy>) -> Service {
    Service {
        key: NamespacedName::new("ns", name),
        uid: format!("uid-{name}").as_str().into(),
        cluster_ip: ClusterIp::Unset,
        cluster_ips: Vec::new(),
        ip_families: families.to_vec(),
        ip_family_policy: policy,
        ..foo()
    }
}

fn with_addresses(service: Service, texts: &[&str]) -> Service {
    Service {
        cluster_ip: ClusterIp::Address(texts[0].parse().unwrap()),
        cluster_ips: texts.iter().map(|text| Text::from(*text)).collect(),
        ..service
    }
}

/// A settled Service asks for nothing.
fn assert_settled(world: &World, service: &Service) {
    let plan = world.plan(service);
    assert_eq!(plan.assignment, None, "{plan:?}");
    assert_eq!((plan.claim, plan.relabel, plan.release), (Vec::new(), Vec::new(), Vec::new()));
    assert_eq!(plan.errors, Vec::<String>::new());
}

#[test]
fn a_service_without_address_gets_one_and_is_settled() {
    let mut world = World::new(&["10.96.0.0/24"]);
    let web = service("web", &[], None);
    world.see(&web);
    assert_eq!(world.plan(&web).reason, Reason::WaitingForAllocator);
    let web = world.execute(&web, Until::Written);
    assert_eq!((web.cluster_ips.len(), web.ip_families.clone()), (1, vec![V4]));
    assert_eq!(web.ip_family_policy, Some(IpFamilyPolicy::SingleStack));
    assert_settled(&world, &web);
}

#[test]
fn two_families_are_given_in_the_order_that_is_asked_for() {
    let mut world = World::new(&["10.96.0.0/24", "fd00::/112"]);
    let web = service("web", &[V6], Some(IpFamilyPolicy::RequireDualStack));
    world.see(&web);
    let web = world.execute(&web, Until::Written);
    assert_eq!(web.ip_families, [V6, V4]);
    assert!(web.cluster_ips[0].contains(':') && web.cluster_ips[1].contains('.'));
    assert_settled(&world, &web);
}

#[test]
fn a_second_address_is_added_and_the_first_one_stays() {
    let mut world = World::new(&["10.96.0.0/24", "fd00::/112"]);
    let web = service("web", &[V4], Some(IpFamilyPolicy::RequireDualStack));
    let web = with_addresses(web, &["10.96.0.7"]);
    world.see(&web);
    assert_eq!(world.plan(&web).reason, Reason::SecondFamilyMissing);
    let web = world.execute(&web, Until::Written);
    assert_eq!((&*web.cluster_ips[0], web.cluster_ips.len()), ("10.96.0.7", 2));
    assert_settled(&world, &web);
}

#[test]
fn under_single_stack_the_second_address_goes_and_its_claim_follows() {
    let mut world = World::new(&["10.96.0.0/24", "fd00::/112"]);
    let dual = service("web", &[V4, V6], Some(IpFamilyPolicy::RequireDualStack));
    world.see(&dual);
    let dual = world.execute(&dual, Until::Written);
    let single = Service { ip_family_policy: Some(IpFamilyPolicy::SingleStack), ..dual };
    world.see(&single);
    assert_eq!(world.plan(&single).release, [], "the Service lists it still");
    let single = world.execute(&single, Until::Written);
    assert_eq!((single.cluster_ips.len(), single.ip_families.clone()), (1, vec![V4]));
    assert_eq!(world.plan(&single).release.len(), 1);
    world.execute(&single, Until::Written);
    assert_settled(&world, &single);
}

#[test]
fn after_a_crash_between_claim_and_write_the_same_address_is_written() {
    let mut world = World::new(&["10.96.0.0/24"]);
    let web = service("web", &[], None);
    world.see(&web);
    world.execute(&web, Until::Claimed);
    let claimed = world.ledger.held(&web.key)[0].address;
    let web = world.execute(&web, Until::Written);
    assert_eq!(*web.cluster_ips[0], *claimed.to_string());
    assert_settled(&world, &web);
}

#[test]
fn the_claim_of_an_older_service_of_the_name_is_not_taken_up() {
    let mut world = World::new(&["10.96.0.0/24"]);
    let old = Service { uid: "uid-old".into(), ..service("web", &[], None) };
    world.see(&old);
    world.execute(&old, Until::Claimed);
    let new = service("web", &[], None);
    world.see(&new);
    let plan = world.plan(&new);
    assert_eq!(plan.release.len(), 1, "the old one was seen to go");
    let families = plan.assignment.unwrap().families;
    assert!(matches!(families[..], [(V4, Source::Offered(_))]));
}

#[test]
fn an_address_that_was_asked_for_is_claimed() {
    let mut world = World::new(&["10.96.0.0/24"]);
    let web = with_addresses(service("web", &[V4], None), &["10.96.0.200"]);
    world.see(&web);
    let address = "10.96.0.200".parse().unwrap();
    let claim = NewClaim { address, service_uid: "uid-web".into(), instead_of: None };
    assert_eq!(world.plan(&web).claim, [claim]);
    world.execute(&web, Until::Written);
    assert_settled(&world, &web);
}

#[test]
fn a_claim_that_the_server_remade_is_as_good() {
    let mut world = World::new(&["10.96.0.0/24"]);
    let web = with_addresses(service("web", &[V4], None), &["10.96.0.200"]);
    world.see(&web);
    world.claim("10.96.0.200", "web", None, Manager::Server);
    assert_settled(&world, &web);
}

#[test]
fn of_two_services_with_one_address_the_one_without_the_claim_is_told() {
    let mut world = World::new(&["10.96.0.0/24"]);
    let first = with_addresses(service("first", &[V4], None), &["10.96.0.200"]);
    let second = with_addresses(service("second", &[V4], None), &["10.96.0.200"]);
    world.see(&first);
    world.execute(&first, Until::Written);
    world.see(&second);
    assert_settled(&world, &first);
    let plan = world.plan(&second);
    assert_eq!((plan.reason, plan.claim), (Reason::ClaimedByOther, Vec::new()));
    assert_eq!(plan.notices[0].reason, "ClusterIPAlreadyAllocated");
    assert_eq!(
        plan.notices[0].message,
        "Cluster IP [IPv4]:10.96.0.200 was assigned to multiple services; \
         please recreate service"
    );
}

#[test]
fn an_address_outside_of_all_ranges_is_told_and_not_claimed() {
    let mut world = World::new(&["10.96.0.0/24"]);
    for address in ["10.99.0.1", "10.96.0.0", "10.96.0.255"] {
        let web = with_addresses(service("web", &[V4], None), &[address]);
        world.see(&web);
        let plan = world.plan(&web);
        assert_eq!((plan.reason, plan.claim), (Reason::OutOfRange, Vec::new()), "{address}");
        assert_eq!(plan.notices[0].reason, "ClusterIPOutOfRange");
    }
    world.cidr("closing", &["10.99.0.0/24"], false);
    let web = with_addresses(service("web", &[V4], None), &["10.99.0.1"]);
    world.see(&web);
    assert_eq!(world.plan(&web).reason, Reason::RangeClosing);
}

#[test]
fn a_service_that_is_gone_or_an_alias_lets_its_claims_go() {
    let mut world = World::new(&["10.96.0.0/24"]);
    let web = service("web", &[], None);
    world.see(&web);
    let web = world.execute(&web, Until::Written);
    let alias = Service {
        external_name: true,
        cluster_ip: ClusterIp::Unset,
        cluster_ips: Vec::new(),
        ..web.clone()
    };
    world.see(&alias);
    assert_eq!(world.plan(&alias).release.len(), 1);
    world.see(&web);
    world.lose(&web);
    assert_eq!(world.plan(&web).release.len(), 1);
    world.execute(&web, Until::Written);
    assert!(!world.ledger.families().contains(web.cluster_ips[0].parse().unwrap()));
}

#[test]
fn a_claim_whose_service_was_never_seen_is_left_alone() {
    let mut world = World::new(&["10.96.0.0/24"]);
    world.claim("10.96.0.9", "web", Some("uid-web"), Manager::Roster);
    world.claim("10.96.0.10", "web", None, Manager::Server);
    assert_eq!(world.plan(&service("web", &[], None)).release, []);
}

#[test]
fn a_service_that_is_being_deleted_keeps_its_address() {
    let mut world = World::new(&["10.96.0.0/24"]);
    let web = service("web", &[], None);
    world.see(&web);
    let web = Service { deleting: true, ..world.execute(&web, Until::Written) };
    world.see(&web);
    assert_settled(&world, &web);
}

#[test]
fn what_the_cluster_does_not_serve_is_refused_in_the_words_of_kube_apiserver() {
    let mut world = World::new(&["10.96.0.0/24"]);
    let web = service("web", &[], Some(IpFamilyPolicy::RequireDualStack));
    world.see(&web);
    let plan = world.plan(&web);
    assert_eq!((plan.reason, plan.assignment), (Reason::FamilyNotServed, None));
    assert_eq!(
        plan.errors,
        ["failed to allocate a cluster IP: spec.ipFamilyPolicy: \
          this cluster is not configured for dual-stack services"]
    );
}

#[test]
fn a_headless_service_gets_nothing_and_a_cluster_without_ranges_gives_nothing() {
    let mut world = World::new(&["10.96.0.0/24"]);
    let headless = Service {
        cluster_ip: ClusterIp::Headless,
        cluster_ips: vec!["None".into()],
        ..service("web", &[], None)
    };
    world.see(&headless);
    assert_settled(&world, &headless);
    assert_eq!(world.plan(&headless).reason, Reason::NoAddressByDesign);
    let empty = World { ledger: Ledger::default(), ..World::new(&[]) };
    assert_eq!(empty.plan(&headless).reason, Reason::ServiceNotFound);
}

#[test]
fn a_pool_gives_the_addresses_of_its_namespace() {
    let mut world = World::new(&["10.96.0.0/24"]);
    let pool = ClusterIpPool {
        name: "ns".into(),
        created: None,
        spans: vec!["10.96.0.64/30".parse().unwrap()],
        namespaces: vec!["ns".into()],
        namespace_selector: None,
        service_selector: None,
        enforcement: Enforcement::Prefer,
        priority: 0,
        uid: "uid".into(),
        generation: 1,
        disabled: false,
    };
    world.ledger.pool(&"ns".into(), Some(pool.clone()));
    let mut addresses = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        let service = service(name, &[], None);
        world.see(&service);
        let service = world.execute(&service, Until::Written);
        addresses.push(service.cluster_ips[0].parse::<IpAddr>().unwrap());
    }
    let inside = |address: &&IpAddr| pool.spans[0].contains(**address);
    assert_eq!(addresses.iter().filter(inside).count(), 4);
    assert!(!inside(&&addresses[4]), "the fifth comes from elsewhere");
    let reason = |world: &World, name| world.plan(&service(name, &[], None)).reason;
    assert_eq!(reason(&world, "a"), Reason::AssignedByPool);
    assert_eq!(reason(&world, "e"), Reason::AssignedByServer);
    let required = ClusterIpPool { enforcement: Enforcement::Require, ..pool };
    world.ledger.pool(&"ns".into(), Some(required));
    assert_eq!(reason(&world, "e"), Reason::PoolMismatch);
}

/// Lets so many seconds pass since all claims were made. Answers who is to be looked at again.
fn pass(world: &mut World, seconds: i64) -> Vec<String> {
    let settled = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds - 60);
    world.ledger.settle(settled).iter().map(|key| key.name.to_string()).collect()
}

#[test]
fn a_claim_of_ours_gets_the_labels_of_kube_apiserver_after_a_minute() {
    let mut world = World::new(&["10.96.0.0/24"]);
    let web = service("web", &[], None);
    world.see(&web);
    let web = world.execute(&web, Until::Written);
    assert_eq!(pass(&mut world, 59), [""; 0]);
    assert_eq!(world.plan(&web).relabel, []);
    assert_eq!(pass(&mut world, 60), ["web"]);
    assert_eq!(world.plan(&web).relabel.len(), 1);
    assert_eq!(pass(&mut world, 70), [""; 0], "it is told once");
    world.claim(&web.cluster_ips[0].clone(), "web", Some("uid-web"), Manager::Server);
    assert_settled(&world, &web);
}

#[test]
fn a_claim_under_the_label_of_another_manager_or_family_is_relabelled() {
    let mut world = World::new(&["10.96.0.0/24"]);
    let web = with_addresses(service("web", &[V4], None), &["10.96.0.200"]);
    world.see(&web);
    world.claim("10.96.0.200", "web", None, Manager::Other);
    pass(&mut world, 60);
    let plan = world.plan(&web);
    assert_eq!((plan.reason, plan.relabel.len()), (Reason::ClaimMislabelled, 1));
    let claim = plan.relabel[0].clone();
    let other_family = IpAddress {
        manager: Manager::Server,
        labelled_family: Some(V6),
        ..IpAddress::clone(&claim)
    };
    world.ledger.claim(claim.address, Some(Arc::new(other_family)));
    assert_eq!(world.plan(&web).relabel.len(), 1);
}

#[test]
fn an_address_in_use_goes_before_the_claim_of_somebody_who_does_not_use_it() {
    let mut world = World::new(&["10.96.0.0/24"]);
    let web = with_addresses(service("web", &[V4], None), &["10.96.0.200"]);
    world.see(&web);
    for (owner, manager, reason) in [
        ("other", Manager::Server, Reason::ClaimWrongReference),
        ("other", Manager::Roster, Reason::ClaimWrongReference),
        ("other", Manager::Other, Reason::ClaimForeign),
    ] {
        world.claim("10.96.0.200", owner, None, manager);
        world.ledger.settle(Timestamp::MIN);
        let plan = world.plan(&web);
        assert_eq!((plan.reason, plan.claim), (reason, Vec::new()), "it gets a minute");
        pass(&mut world, 60);
        let plan = world.plan(&web);
        assert!(plan.claim[0].instead_of.is_some());
        assert_eq!(
            plan.notices[0].message,
            "the ClusterIP [IPv4]: 10.96.0.200 for Service ns/web has a wrong reference; repairing"
        );
    }
}

#[test]
fn only_ranges_that_are_open_give_addresses_and_what_was_given_stays() {
    let mut world = World::new(&["10.96.0.0/24"]);
    let before = service("before", &[], None);
    world.see(&before);
    let before = world.execute(&before, Until::Written);
    world.cidr("kubernetes", &["10.96.0.0/24"], false);
    let nobody = world.ledger.snapshot(&before.key, Labels::default()).pools.clone();
    let offer = nobody.offer(&before, &Labels::default(), IpFamily::V4.into()).unwrap();
    assert_eq!(
        world.ledger.pick(IpFamily::V4.into(), &offer, &mut world.rng),
        None,
        "none is open"
    );
    world.cidr("second", &["10.97.0.0/24"], true);
    for number in 0..200 {
        let web = service(&format!("web-{number}"), &[], None);
        world.see(&web);
        let web = world.execute(&web, Until::Written);
        assert!(web.cluster_ips[0].starts_with("10.97.0."), "{:?}", web.cluster_ips);
    }
    assert_settled(&world, &before);
}

#[test]
fn a_second_claim_that_names_a_service_goes_if_it_was_made_for_it() {
    let mut world = World::new(&["10.96.0.0/24"]);
    let web = service("web", &[], None);
    world.see(&web);
    let web = world.execute(&web, Until::Written);
    world.claim("10.96.0.77", "web", Some("uid-web"), Manager::Roster);
    let release = world.plan(&web).release;
    assert_eq!(release.len(), 1);
    assert_eq!(release[0].address, "10.96.0.77".parse::<IpAddr>().unwrap());
}
