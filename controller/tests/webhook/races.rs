//! Two replicas at once: nothing is given twice, and nobody goes without while there is something.

use std::fmt::Write as _;

use serde_json::Value;

use crate::burst::{are_distinct, burst, create, given, refusals, times};
use crate::stage::{Stage, pool};

/// The addresses of a /26, all of which a pool inside of a larger range can give.
const SMALL: usize = 64;

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_give_every_service_an_address_of_its_own_up_to_the_last() {
    race(2).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: make webhook-races"]
async fn two_replicas_do_so_again_and_again() {
    race(20).await;
}

/// Fills a /24 by 200 creations, and then a /26 to the end, so many times.
async fn race(repetitions: usize) {
    let large = |round: usize| (format!("large-{round}"), format!("10.96.{}.", 100 + round));
    let small = |round: usize| (format!("small-{round}"), format!("10.96.{}.", 200 + round));
    let mut pools: Vec<Value> = Vec::new();
    for round in 0..repetitions {
        let ((large, one), (small, other)) = (large(round), small(round));
        pools.push(pool(&large, &format!("{one}0/24"), "Require"));
        pools.push(pool(&small, &format!("{other}0/26"), "Require"));
    }
    let stage = Stage::set("10.96.0.0/16", &pools).await;
    let mut told = String::new();
    for round in 0..repetitions {
        let (name, begin) = large(round);
        let creations = burst(&stage.namespace(&name).await, "web", 200).await;
        let addresses = given(&creations);
        assert_eq!(refusals(&creations), [""; 0]);
        assert_eq!(stage.failed_open().await, [""; 0]);
        assert!(are_distinct(&addresses), "{addresses:?}");
        assert!(addresses.iter().all(|address| address.starts_with(&begin)), "{addresses:?}");
        writeln!(told, "200 creations: {}", times(&creations)).unwrap();
        fill(&stage, &small(round)).await;
    }
    assert_eq!(stage.holders().await.len(), 2, "both replicas have answered");
    print!("{told}");
}

/// Creates more Services than the pool has addresses.
async fn fill(stage: &Stage, (name, begin): &(String, String)) {
    let cluster = stage.namespace(name).await;
    let creations = burst(&cluster, "web", SMALL + 16).await;
    let nine_of_ten = SMALL * 9 / 10;
    let before = creations.iter().position(|it| it.outcome.is_err()).unwrap();
    assert!(before >= nine_of_ten, "refused after {before}: {:?}", creations[before]);
    let mut addresses = given(&creations);
    // Who came while the last ones were being decided may come again.
    for number in addresses.len()..SMALL {
        addresses.push(create(&cluster, format!("again-{number}")).await.outcome.unwrap());
    }
    assert_eq!(addresses.len(), SMALL);
    assert!(are_distinct(&addresses), "{addresses:?}");
    assert!(addresses.iter().all(|address| address.starts_with(begin)), "{addresses:?}");
    let refusal = create(&cluster, "too-many".to_owned()).await.outcome.unwrap_err();
    let full = format!(
        "Service {name}/too-many: ClusterIPPool {name} must give the address and is exhausted \
         (0 of 64 free); free an address or add a range"
    );
    assert!(refusal.contains(&full), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_pool_the_range_is_filled_to_the_last_address_and_then_said_to_be_full() {
    let stage = Stage::set("10.96.0.0/26", &[]).await;
    stage.until_nothing_is_held().await;
    // One of 62 is the API server's own.
    let creations = burst(&stage.cluster, "web", 61).await;
    assert_eq!(refusals(&creations), [""; 0]);
    assert!(are_distinct(&given(&creations)));
    let refusal = create(&stage.cluster, "too-many".to_owned()).await.outcome.unwrap_err();
    assert!(refusal.contains("range is full"), "{refusal}");
}
