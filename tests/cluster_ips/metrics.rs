//! What is counted.

use serde_json::json;
use support::{World, service};

use crate::view::{roster, until_addressed};

#[tokio::test(start_paused = true)]
async fn metrics_tell_how_full_ranges_are_from_the_first_answer_on() {
    let world = World::without_allocator("10.96.0.0/24", Some("fd00:96::/120")).await;
    let roster = roster(&world);
    assert!(!roster.metrics().contains("roster_cluster_ip_range_used"), "nothing is known yet");
    roster.synced().await;
    let value = |name: &str, labels: &str| {
        let series = format!("roster_cluster_ip_range_{name}{{{labels}}} ");
        let metrics = roster.metrics();
        let line = metrics.lines().find_map(|line| line.strip_prefix(&series).map(str::to_owned));
        line.unwrap_or_else(|| panic!("no {series}in {metrics}"))
    };
    let v4 = r#"family="IPv4",range="10.96.0.0/24""#;
    let v6 = r#"family="IPv6",range="fd00:96::/120""#;
    assert_eq!((value("capacity", v4), value("used", v4)), ("254".into(), "1".into()));
    assert_eq!((value("used", v6), value("available", v6)), ("0".into(), "255".into()));
    let dual = json!({"ipFamilyPolicy": "RequireDualStack"});
    world.cluster.create(service("web", dual)).await;
    until_addressed(&world, "web", 2).await;
    assert_eq!((value("used", v4), value("available", v4)), ("2".into(), "252".into()));
    assert_eq!(value("used", v6), "1");
    roster.stop().await;
}
