//! Lists and watches.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::objects::{bound_pod, config_map, labelled};
use crate::row::{Row, row};
use crate::session::{Session, named};
use crate::watch::{brief, version};

pub fn rows() -> Vec<Row> {
    vec![
        row("a list or an object of a version to come is refused after a while", future),
        row("a version that is no number is refused", no_number),
        row("lists come in pages of one revision", pages),
        row("what is listed can be narrowed by labels and by fields", selectors),
        row(
            "a watch from nowhere shows all there is, in the order of names, and ends in time",
            from_nowhere,
        ),
        row("a watch from a version shows only what comes after", from_version),
        row(
            "a watch with a selector shows what comes, what changes within, and what leaves",
            selector,
        ),
        row("a streaming list ends with a bookmark that says so", streaming),
        row(
            "a streaming list from a version to come says that it cannot, and ends",
            streaming_future,
        ),
        row("a watch from a version that is forgotten says so, and ends", forgotten),
        row("a watch that wants bookmarks gets one before its time is up", bookmarks),
        row("what is asked of lists and watches has to make sense", senseless),
    ]
}

async fn future(server: Session) {
    server.create("configmaps", named("a")).await;
    for path in [server.path("configmaps"), server.of("configmaps", "a")] {
        let begun = Instant::now();
        let refused = server.get(&format!("{path}?resourceVersion=99999999")).await.is(504);
        let cause = &refused["details"]["causes"][0];
        assert_eq!(cause["reason"], "ResourceVersionTooLarge");
        assert!(begun.elapsed() >= Duration::from_millis(2900), "it might still come");
    }
}

async fn no_number(server: Session) {
    server.create("configmaps", named("a")).await;
    for version in ["abc", "-1"] {
        server
            .get(&format!("{}?resourceVersion={version}", server.path("configmaps")))
            .await
            .is(400);
        let object = server.of("configmaps", "a");
        server.get(&format!("{object}?resourceVersion={version}")).await.is(500);
    }
}

async fn pages(server: Session) {
    for name in ["a", "b", "c", "d", "e"] {
        server.create("configmaps", named(name)).await;
    }
    let path = server.path("configmaps");
    let first = server.get(&format!("{path}?limit=2")).await.is(200);
    assert_eq!(first["metadata"]["remainingItemCount"], 3);
    server.create("configmaps", named("bb")).await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    assert!(token.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_=".contains(letter)));
    let second = server.get(&format!("{path}?limit=2&continue={token}")).await.is(200);
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    let names: Vec<&Value> =
        second["items"].as_array().unwrap().iter().map(|item| &item["metadata"]["name"]).collect();
    assert_eq!(names, ["c", "d"], "bb came later");
    server.get(&format!("{path}?limit=2&resourceVersion=0")).await.is(200);
    server.get(&format!("{path}?limit=2&labelSelector=!x")).await.is(200);
    server.get(&format!("{path}?limit=-1")).await.is(200);
    server.get(&format!("{path}?limit=abc")).await.is(400);
    server.get(&format!("{path}?resourceVersion=1&continue={token}")).await.is(400);
    server.get(&format!("{path}?continue=nonsense")).await.is(400);
    server.get("/api/v1/namespaces/nowhere/configmaps").await.is(200);
}

async fn selectors(server: Session) {
    for (name, value) in [("a", "1"), ("b", "2"), ("c", "10")] {
        server.create("configmaps", labelled(name, value)).await;
    }
    server.create("configmaps", named("plain")).await;
    let path = server.path("configmaps");
    for selector in [
        "i=1",
        "i==1",
        "i!=1",
        "i%20in%20(1,2)",
        "i%20notin%20(1)",
        "i",
        "!i",
        "i=",
        "i%3E5",
        "i%3C5",
        "i=1,i!=2",
    ] {
        server.get(&format!("{path}?labelSelector={selector}")).await.is(200);
    }
    server.get(&format!("{path}?labelSelector=a%20b")).await.is(400);
    for selector in
        ["metadata.name=a", "metadata.name!=a", "metadata.name==a,metadata.namespace!=x"]
    {
        server.get(&format!("{path}?fieldSelector={selector}")).await.is(200);
    }
    server.get(&format!("{path}?fieldSelector=data.key=a")).await.is(400);
    server.get(&format!("{path}?fieldSelector=bogus")).await.is(400);
    server.create("pods", bound_pod("p")).await;
    let pods = server.path("pods");
    for selector in ["spec.nodeName=n0", "status.phase!=Pending", "spec.restartPolicy=Always"] {
        server.get(&format!("{pods}?fieldSelector={selector}")).await.is(200);
    }
    server.get(&format!("{pods}?fieldSelector=spec.nope=a")).await.is(400);
}

async fn from_nowhere(server: Session) {
    for name in ["b", "a", "c"] {
        server.create("configmaps", named(name)).await;
    }
    let begun = Instant::now();
    let watch = server.watch(&format!("{}?timeoutSeconds=1", server.path("configmaps"))).await;
    let events = watch.until_the_end(&server).await;
    assert_eq!(brief(&events), ["ADDED a", "ADDED b", "ADDED c"]);
    assert!(begun.elapsed() >= Duration::from_millis(900));
}

async fn from_version(server: Session) {
    server.create("configmaps", config_map("a", "1")).await;
    let second = server.create("configmaps", config_map("b", "1")).await;
    let path = format!("{}?resourceVersion={}", server.path("configmaps"), second.version());
    server.merge(&server.of("configmaps", "a"), json!({"data": {"key": "2"}})).await.is(200);
    let watch = server.watch(&path).await;
    server.create("configmaps", named("last")).await;
    assert_eq!(watch.until_named(&server, "last").await, ["MODIFIED a"]);
}

async fn selector(server: Session) {
    let made = server.create("configmaps", labelled("a", "0")).await;
    let path = server.path("configmaps");
    let query = format!("labelSelector=i=1&resourceVersion={}", made.version());
    let watch = server.watch(&format!("{path}?{query}")).await;
    let label = async |value: &str| {
        let patch = json!({"metadata": {"labels": {"i": value}}, "data": {"label": value}});
        server.merge(&server.of("configmaps", "a"), patch).await.is(200).version()
    };
    label("1").await;
    let patch = json!({"data": {"more": "1"}});
    server.merge(&server.of("configmaps", "a"), patch).await.is(200);
    let left = label("2").await;
    label("3").await;
    server.create("configmaps", labelled("last", "1")).await;
    let events = watch.until(&server, |event| event["object"]["metadata"]["name"] == "last").await;
    assert_eq!(brief(&events), ["ADDED a", "MODIFIED a", "DELETED a", "ADDED last"]);
    let gone = &events[2];
    assert_eq!(gone["object"]["metadata"]["labels"]["i"], "1", "as it was");
    assert_eq!(version(gone), left, "at the version of the change");
}

const STREAMING: &str = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan";

async fn streaming(server: Session) {
    for name in ["b", "a"] {
        server.create("configmaps", named(name)).await;
    }
    let path = server.path("configmaps");
    let watch = server.watch(&format!("{path}?{STREAMING}&allowWatchBookmarks=true")).await;
    let events = watch.until(&server, |event| event["type"] == "BOOKMARK").await;
    assert_eq!(brief(&events), ["ADDED a", "ADDED b", "BOOKMARK "]);
    let annotations = &events[2]["object"]["metadata"]["annotations"];
    assert_eq!(annotations["k8s.io/initial-events-end"], "true");
}

async fn streaming_future(server: Session) {
    let path = server.path("configmaps");
    let query = format!("{STREAMING}&allowWatchBookmarks=true&resourceVersion=99999999");
    let watch = server.watch(&format!("{path}?{query}")).await;
    assert_eq!(watch.code, 200);
    let events = watch.until_the_end(&server).await;
    assert_eq!((events.len(), &events[0]["type"]), (1, &"ERROR".into()));
    assert_eq!(events[0]["object"]["code"], 504);
}

async fn forgotten(server: Session) {
    let watch =
        server.aside().watch(&format!("{}?resourceVersion=1", server.path("configmaps"))).await;
    assert_eq!(watch.code, 200);
    let events = watch.until_the_end(&server.aside()).await;
    let status = &events[0]["object"];
    assert_eq!((events.len(), &events[0]["type"]), (1, &"ERROR".into()));
    assert_eq!((&status["code"], &status["reason"]), (&410.into(), &"Expired".into()));
    assert!(status["message"].as_str().unwrap().starts_with("too old resource version: 1 ("));
}

async fn bookmarks(server: Session) {
    let made = server.create("configmaps", named("a")).await;
    let query =
        format!("allowWatchBookmarks=true&timeoutSeconds=15&resourceVersion={}", made.version());
    let watch = server.watch(&format!("{}?{query}", server.path("configmaps"))).await;
    // The real server sends one or two, as its timers fall.
    let events = watch.until_the_end(&server.aside()).await;
    assert!(brief(&events).iter().all(|event| event == "BOOKMARK "));
    assert_eq!(events[0]["object"]["kind"], "ConfigMap");
    assert!(version(&events[0]) >= made.version());
}

async fn senseless(server: Session) {
    let path = server.path("configmaps");
    for query in [
        "resourceVersionMatch=NotOlderThan",
        "resourceVersionMatch=Exact&resourceVersion=0",
        "resourceVersionMatch=Bogus&resourceVersion=1",
        STREAMING,
        "watch=true&sendInitialEvents=true",
        "watch=true&resourceVersionMatch=NotOlderThan&resourceVersion=1",
    ] {
        server.get(&format!("{path}?{query}")).await.is(422);
    }
}
