//! Simulated workloads, in time that stands still while anything runs.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use jiff::{SignedDuration, Timestamp};
use sandbox::{Sandbox, Settings, simulate};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tower::ServiceExt;

const PODS: &str = "/api/v1/namespaces/default/pods";
const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

async fn ask(sandbox: &Sandbox, method: &str, path: &str, body: Value) -> Value {
    let patch = method == "PATCH";
    let media = if patch { "application/merge-patch+json" } else { "application/json" };
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = Request::builder().method(method).uri(path).header("content-type", media);
    let request = request.body(Full::new(Bytes::from(body))).unwrap();
    let response = sandbox.clone().oneshot(request).await.unwrap();
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

/// A cluster with a Deployment of three Pods, which take five seconds to become ready and three to
/// end.
async fn web() -> Sandbox {
    let (start, midnight) = (Instant::now(), "2026-01-02T00:00:00Z".parse::<Timestamp>().unwrap());
    let clock = Arc::new(move || midnight + SignedDuration::try_from(start.elapsed()).unwrap());
    let sandbox = Sandbox::new(Settings { clock, seed: 1, history: 1000 });
    simulate::make_nodes(&sandbox, 3);
    tokio::spawn(simulate::run(sandbox.clone()));
    let probe = json!({"initialDelaySeconds": 5, "tcpSocket": {"port": 80}});
    let container = json!({"name": "web", "image": "web:1", "readinessProbe": probe});
    let template = json!({
        "metadata": {"labels": {"app": "web"}},
        "spec": {"terminationGracePeriodSeconds": 3, "containers": [container]},
    });
    let selector = json!({"matchLabels": {"app": "web"}});
    let spec = json!({"replicas": 3, "selector": selector, "template": template});
    ask(&sandbox, "POST", DEPLOYMENTS, json!({"metadata": {"name": "web"}, "spec": spec})).await;
    sandbox
}

async fn pods(sandbox: &Sandbox) -> Vec<Value> {
    ask(sandbox, "GET", PODS, Value::Null).await["items"].as_array().unwrap().clone()
}

async fn ready(sandbox: &Sandbox) -> usize {
    let ready = |pod: &Value| pod["status"]["containerStatuses"][0]["ready"] == true;
    pods(sandbox).await.iter().filter(|pod| ready(pod)).count()
}

#[tokio::test(start_paused = true)]
async fn pods_run_on_all_nodes_and_become_ready_after_their_delay() {
    let sandbox = web().await;
    sleep(Duration::from_secs(3)).await;
    let running = pods(&sandbox).await;
    let nodes: Vec<&str> =
        running.iter().map(|pod| pod["spec"]["nodeName"].as_str().unwrap()).collect();
    let different: std::collections::BTreeSet<&&str> = nodes.iter().collect();
    assert_eq!((running.len(), different.len(), ready(&sandbox).await), (3, 3, 0));
    sleep(Duration::from_secs(3)).await;
    assert_eq!(ready(&sandbox).await, 3);
    let deployment = ask(&sandbox, "GET", &format!("{DEPLOYMENTS}/web"), Value::Null).await;
    assert_eq!(deployment["status"]["availableReplicas"], 3);
}

#[tokio::test(start_paused = true)]
async fn annotations_let_pods_go_wrong_and_recover() {
    let sandbox = web().await;
    sleep(Duration::from_secs(7)).await;
    let name = pods(&sandbox).await[0]["metadata"]["name"].as_str().unwrap().to_owned();
    for (told, expected) in [(json!("unready"), 2), (json!("crash"), 2), (Value::Null, 3)] {
        let patch = json!({"metadata": {"annotations": {simulate::ANNOTATION: told}}});
        ask(&sandbox, "PATCH", &format!("{PODS}/{name}"), patch).await;
        sleep(Duration::from_secs(7)).await;
        assert_eq!(ready(&sandbox).await, expected, "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deleted_pod_terminates_for_its_grace_period_and_is_replaced() {
    let sandbox = web().await;
    sleep(Duration::from_secs(7)).await;
    let name = pods(&sandbox).await[0]["metadata"]["name"].as_str().unwrap().to_owned();
    ask(&sandbox, "DELETE", &format!("{PODS}/{name}"), Value::Null).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(pods(&sandbox).await.len(), 4);
    sleep(Duration::from_secs(7)).await;
    assert_eq!((pods(&sandbox).await.len(), ready(&sandbox).await), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn a_deployment_scales_and_takes_its_pods_along_when_it_goes() {
    let sandbox = web().await;
    let scale = format!("{DEPLOYMENTS}/web/scale");
    ask(&sandbox, "PATCH", &scale, json!({"spec": {"replicas": 5}})).await;
    sleep(Duration::from_secs(7)).await;
    assert_eq!(ready(&sandbox).await, 5);
    ask(&sandbox, "PATCH", &scale, json!({"spec": {"replicas": 1}})).await;
    sleep(Duration::from_secs(5)).await;
    assert_eq!(pods(&sandbox).await.len(), 1);
    ask(&sandbox, "DELETE", &format!("{DEPLOYMENTS}/web"), Value::Null).await;
    sleep(Duration::from_secs(5)).await;
    assert_eq!(pods(&sandbox).await.len(), 0);
}
