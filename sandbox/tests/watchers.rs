//! Many watchers at a time, and one that does not keep up.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod support;

use futures::future::join_all;
use http::Request;
use http_body_util::{BodyExt, Full};
use sandbox::{Answer, Sandbox};
use serde_json::{Value, json};
use support::{ask, create, get, server};
use tower::ServiceExt;

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
/// As many changes as the server remembers.
const HISTORY: usize = 100;

/// A watch of all that comes from now on.
async fn watch(sandbox: &Sandbox) -> Answer {
    let (_, list) = get(sandbox, CONFIG_MAPS).await;
    let version = list["metadata"]["resourceVersion"].as_str().unwrap();
    let path = format!("{CONFIG_MAPS}?watch=true&resourceVersion={version}");
    let request = Request::get(path).body(Full::<bytes::Bytes>::default()).unwrap();
    sandbox.clone().oneshot(request).await.unwrap().into_body()
}

async fn event(watch: &mut Answer) -> Option<Value> {
    let frame = watch.frame().await?.unwrap();
    Some(serde_json::from_slice(frame.data_ref().unwrap()).unwrap())
}

/// `MODIFIED 7`: what happened, and the value that the object has since.
fn brief(event: &Value) -> String {
    let what = event["type"].as_str().unwrap();
    format!("{what} {}", event["object"]["data"]["key"].as_str().unwrap_or(""))
}

async fn change(sandbox: &Sandbox, number: usize) {
    let data = json!({"data": {"key": number.to_string()}});
    ask(sandbox, "PATCH", &format!("{CONFIG_MAPS}/a"), data).await;
}

async fn with_a_config_map() -> Sandbox {
    let sandbox = server();
    create(&sandbox, CONFIG_MAPS, json!({"metadata": {"name": "a"}})).await;
    sandbox
}

#[tokio::test]
async fn a_thousand_watchers_have_an_event_each_while_one_reads_nothing() {
    let sandbox = with_a_config_map().await;
    let _slow = watch(&sandbox).await;
    let mut quick: Vec<Answer> = join_all((0..1000).map(|_| watch(&sandbox))).await;
    let waiting = join_all(quick.iter_mut().map(event));
    let (events, ()) = tokio::join!(waiting, change(&sandbox, 1));
    assert!(events.into_iter().all(|event| brief(&event.unwrap()) == "MODIFIED 1"));
}

#[tokio::test]
async fn who_falls_behind_the_history_is_told_to_list_again_and_nobody_else_is() {
    let sandbox = with_a_config_map().await;
    let (mut slow, mut quick) = (watch(&sandbox).await, watch(&sandbox).await);
    change(&sandbox, 0).await;
    assert_eq!(brief(&event(&mut slow).await.unwrap()), "MODIFIED 0");
    for number in 0..=HISTORY {
        if number > 0 {
            change(&sandbox, number).await;
        }
        assert_eq!(brief(&event(&mut quick).await.unwrap()), format!("MODIFIED {number}"));
    }
    change(&sandbox, HISTORY + 1).await;
    let told = event(&mut slow).await.unwrap();
    assert_eq!((&told["type"], &told["object"]["code"]), (&json!("ERROR"), &json!(410)));
    assert!(event(&mut slow).await.is_none(), "the watch has ended");
}

#[tokio::test]
async fn what_comes_after_many_changes_of_others_is_shown() {
    let sandbox = with_a_config_map().await;
    let (_, list) = get(&sandbox, CONFIG_MAPS).await;
    let version = list["metadata"]["resourceVersion"].as_str().unwrap();
    let path = format!(
        "{CONFIG_MAPS}?watch=true&resourceVersion={version}&fieldSelector=metadata.name%3Db"
    );
    for number in 0..HISTORY - 1 {
        change(&sandbox, number).await;
    }
    create(&sandbox, CONFIG_MAPS, json!({"metadata": {"name": "b"}, "data": {"key": "b"}})).await;
    let request = Request::get(path).body(Full::<bytes::Bytes>::default()).unwrap();
    let mut watch = sandbox.clone().oneshot(request).await.unwrap().into_body();
    assert_eq!(brief(&event(&mut watch).await.unwrap()), "ADDED b");
}
