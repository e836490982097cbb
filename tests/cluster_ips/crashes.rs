//! What is left when the API server or Roster itself breaks off.

use std::time::Duration;

use sandbox::{Action, Fault, Refused, Verb};
use serde_json::{Value, json};
use support::{World, service};

use crate::history::History;
use crate::view::{
    CLAIMS, GRACE, SERVICES, claims, is_consistent, is_settled, roster, until_addressed,
};

/// Breaks off at one write, each way that it can, and starts another Roster.
#[tokio::test(start_paused = true)]
async fn a_crash_at_any_write_leaves_nothing_behind_and_gives_nothing_twice() {
    for (verb, plural) in [(Verb::Create, CLAIMS), (Verb::Update, SERVICES), (Verb::Delete, CLAIMS)]
    {
        for action in [
            Action::CutBefore,
            Action::Cut,
            Action::Garble,
            Action::RefuseAfterwards(Refused::with(504, "Timeout")),
        ] {
            let world = World::without_allocator("10.96.0.0/28", None).await;
            let first = roster(&world);
            is_consistent(&world).await;
            world.fault(Fault::of(verb, plural, action.clone()));
            world.cluster.create(service("web", json!({}))).await;
            if verb == Verb::Delete {
                until_addressed(&world, "web", 1).await;
                world.cluster.delete("Service", "web").await;
            }
            let tried = async || world.writes(plural).iter().any(|write| !write.ends_with("201"));
            if verb != Verb::Create {
                world.cluster.until(true, tried).await;
            }
            drop(first);
            let made = claims(&world).await;
            let second = roster(&world);
            if verb == Verb::Delete {
                tokio::time::sleep(GRACE).await;
            } else {
                let given = until_addressed(&world, "web", 1).await;
                if let Some(claim) = made.iter().find(|claim| claim.ends_with(" web")) {
                    assert_eq!(*claim, format!("{} web", given[0]), "the claim is taken up");
                }
            }
            is_consistent(&world).await;
            is_settled(&world).await;
            second.stop().await;
        }
    }
}

/// Everything that makes Roster claim, write and release. Each step is a change, told by its number.
const STEPS: usize = 8;

async fn step(world: &World, step: usize) {
    let cluster = &world.cluster;
    match step {
        0 => {
            drop(cluster.create(service("a", json!({"ipFamilyPolicy": "RequireDualStack"}))).await)
        }
        1 | 4 => drop(cluster.create(service("b", json!({}))).await),
        2 => {
            cluster.patch("Service", "a", json!({"spec": {"ipFamilyPolicy": "SingleStack"}})).await
        }
        3 | 7 => cluster.delete("Service", "b").await,
        5 => {
            let external = json!({"type": "ExternalName", "externalName": "example.com",
                                  "clusterIP": "", "clusterIPs": null, "ipFamilies": null,
                                  "ipFamilyPolicy": null});
            cluster.patch("Service", "a", json!({"spec": external})).await;
        }
        _ => {
            let back = json!({"type": "ClusterIP", "externalName": null});
            cluster.patch("Service", "a", json!({"spec": back})).await;
        }
    }
}

fn is_cut(world: &World) -> bool {
    let writes = [CLAIMS, SERVICES].map(|plural| world.writes(plural));
    writes.iter().flatten().any(|write| write.ends_with(" cut"))
}

/// Waits until a step has had all its consequences, or a write was cut off.
async fn followed(world: &World) {
    let settled = async || {
        let services = world.cluster.list("Service", "").await;
        let external = |it: &&Value| it["spec"]["type"] != "ExternalName";
        let wanted = services.iter().filter(external);
        let given = wanted.clone().filter(|it| it["spec"]["clusterIPs"].is_array()).count();
        let listed = services.iter().filter_map(|it| it["spec"]["clusterIPs"].as_array());
        let listed = listed.map(Vec::len).sum::<usize>();
        given == wanted.count() && claims(world).await.len() == listed
    };
    world.cluster.until(true, async || is_cut(world) || settled().await).await;
}

/// The n-th write of a kind is cut off, with the manager.
async fn crash_at(verb: Verb, plural: &'static str, nth: usize, action: Action) -> bool {
    let world = World::without_allocator("10.96.0.0/28", Some("fd00:96::/124")).await;
    let first = roster(&world);
    is_consistent(&world).await;
    let history = History::begin(&world).await;
    for _ in 0..nth {
        world.fault(Fault::of(verb, plural, Action::Delay(Duration::ZERO)));
    }
    world.fault(Fault::of(verb, plural, action));
    let mut steps = 0..STEPS;
    for number in steps.by_ref() {
        step(&world, number).await;
        followed(&world).await;
        if is_cut(&world) {
            break;
        }
    }
    drop(first);
    let crashed = is_cut(&world);
    world.sandbox.faults().clear();
    let second = roster(&world);
    for number in steps {
        step(&world, number).await;
    }
    tokio::time::sleep(GRACE).await;
    is_consistent(&world).await;
    is_settled(&world).await;
    second.stop().await;
    history.judge();
    crashed
}

#[tokio::test(start_paused = true)]
async fn the_manager_may_be_killed_at_every_write_of_creations_and_deletions() {
    for (verb, plural) in [(Verb::Create, CLAIMS), (Verb::Update, SERVICES), (Verb::Delete, CLAIMS)]
    {
        for action in [Action::CutBefore, Action::Cut] {
            let mut writes = 0;
            while crash_at(verb, plural, writes, action.clone()).await {
                writes += 1;
            }
            assert!(writes >= 4, "{verb} {plural}: the story has {writes} such writes");
        }
    }
}
