//! What is left when the API server or Roster itself breaks off.

use sandbox::{Action, Fault, Refused, Verb};
use serde_json::json;
use support::{World, service};

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
