//! The rights that come with the manifests: those of the stock controllers and what Roster needs
//! besides. They are enough, and none of them is idle that the stock controllers do not have, too.

mod grants;
mod requests;
mod stage;
mod workload;

use std::collections::{BTreeMap, BTreeSet};

use testbed::{ApiServerOptions, Program};

use grants::Right;
use stage::{ACCOUNTS, Stage};

/// What the stock controllers may do and Roster never asks for, or hardly ever: taking it away changes
/// nothing.
const IDLE: [(&str, &str, &[&str]); 17] = [
    ("", "pods", &["get"]),
    ("", "nodes", &["get", "list"]),
    // Lists are asked for as watches (KEP-3157), and in pages only where that does not work. (Pods are
    // listed to find other managers.)
    ("", "services", &["list"]),
    ("", "endpoints", &["list"]),
    ("", "namespaces", &["list"]),
    ("discovery.k8s.io", "endpointslices", &["list"]),
    ("networking.k8s.io", "servicecidrs", &["list"]),
    ("networking.k8s.io", "ipaddresses", &["list"]),
    ("roster.dev", "clusterippools", &["list"]),
    ("roster.dev", "clusteripholds", &["list"]),
    // Asked for by OpenShift's API server alone.
    ("", "endpoints/restricted", &["create"]),
    ("", "events", &["update"]),
    ("events.k8s.io", "events", &["create", "patch", "update"]),
    // Authorities are read once a minute and not watched.
    ("", "configmaps", &["list", "watch"]),
    // Only if a watch does not show a claim for half a minute.
    ("networking.k8s.io", "ipaddresses", &["get"]),
    ("roster.dev", "clusteripholds", &["get"]),
    // A minute after a claim was made, and then only where nobody has remade it.
    ("networking.k8s.io", "ipaddresses", &["patch"]),
];

/// Seen in no request: the API server asks for them by itself where slices are created.
const INSIDE: [(&str, &str, &[&str]); 2] =
    [("", "services/finalizers", &["update"]), ("", "endpoints/finalizers", &["update"])];

#[tokio::test(flavor = "multi_thread")]
async fn the_controllers_may_do_what_the_stock_controllers_may() {
    let stage = Stage::set("base").await;
    let mut stock = BTreeSet::new();
    for name in ["endpoint", "endpointslice", "endpointslicemirroring"] {
        let role = format!("system:controller:{name}-controller");
        stock.extend(stage.cluster_role(&role).await.rights());
    }
    assert_eq!(stage.cluster_role("roster").await.rights(), stock);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rights_of_one_account_are_enough_without_what_is_idle() {
    let stage = Stage::set("base").await;
    let mut seen = stage.rights_of("roster").await;
    let idle = seen.extract_if(.., |right| is_in(&IDLE, right)).collect();
    // It deletes what it has claimed, and here the API server claims.
    seen.retain(|right| !is_in(&INSIDE, right) && *right != deletes_claims());
    stage.take("roster", &idle).await;
    stage.play_until_used(&BTreeMap::from([("roster", seen)])).await;
    assert_eq!(stage.requests().refused(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rights_are_enough_where_each_controller_has_an_account_of_its_own() {
    let stage = Stage::set("overlays/service-account-credentials").await;
    let mut seen = BTreeMap::new();
    for account in ACCOUNTS {
        let mut rights = stage.rights_of(account).await;
        // Whatever the API server grants to accounts of controllers, they only write by themselves.
        let writes = |right: &Right| matches!(&*right.verb, "create" | "update" | "delete");
        rights.retain(|right| account == "roster" || writes(right));
        rights.retain(|right| !is_in(&IDLE, right) && !is_in(&INSIDE, right));
        seen.insert(account, rights);
    }
    stage.play_until_used(&seen).await;
    assert_eq!(stage.requests().refused(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_right_of_one_account_is_missed() {
    let stage = Stage::set("base").await;
    let mut rights = stage.rights_of("roster").await;
    // Those about ClusterIPs are taken away below.
    let about_cluster_ips = stage.cluster_role("roster-clusterip-controller").await.rights();
    rights.retain(|right| !about_cluster_ips.contains(right));
    each_is_missed(&stage, rights).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_right_is_missed_where_each_controller_has_an_account_of_its_own() {
    let stage = Stage::set("overlays/service-account-credentials").await;
    each_is_missed(&stage, stage.rights_of("roster").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_right_is_missed_where_roster_gives_cluster_ips() {
    let options = ApiServerOptions {
        program: Program::WithoutAllocator,
        flags: vec!["--repair-loops=false".to_owned()],
        ..ApiServerOptions::default()
    };
    let stage = Stage::set_on(options, "overlays/clusterip-reconcile").await;
    let mut rights = stage.cluster_role("roster-clusterip-controller").await.rights();
    rights.extend(stage.cluster_role("roster-clusterip-reconcile").await.rights());
    each_is_missed(&stage, rights).await;
}

fn deletes_claims() -> Right {
    Right::new("networking.k8s.io", "ipaddresses", "delete")
}

/// Takes away one right after the other, and looks at what is refused first.
async fn each_is_missed(stage: &Stage, rights: BTreeSet<Right>) {
    let mut workload = stage.workload().await;
    for right in rights {
        if is_in(&IDLE, &right) {
            continue;
        }
        let taken = BTreeSet::from([right.clone()]);
        let before = stage.take("roster", &taken).await;
        let refused = stage.refused_first(&mut workload).await;
        assert!(refused.misses(&right), "without {right}: {refused:?}");
        stage.give_back("roster", &before, &taken).await;
    }
}

/// Whether a short list has a right, under whatever name.
fn is_in(list: &[(&str, &str, &[&str])], right: &Right) -> bool {
    list.iter().any(|(group, resource, verbs)| {
        right.group == *group && right.resource == *resource && verbs.contains(&&*right.verb)
    })
}
