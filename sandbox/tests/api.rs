//! What clients see of the server, request by request.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use jiff::Timestamp;
use sandbox::{
    Action, Addresses, Answer, Bootstrap, ClusterIpAllocation, Fault, Sandbox, Settings, Verb,
};
use serde_json::{Value, json};
use tower::ServiceExt;

const CONFIG_MAPS: &str = "/api/v1/namespaces/default/configmaps";
const IP_ADDRESSES: &str = "/apis/networking.k8s.io/v1/ipaddresses";
const PODS: &str = "/api/v1/namespaces/default/pods";

fn server() -> Sandbox {
    let clock = Arc::new(|| "2026-01-02T03:04:05Z".parse::<Timestamp>().unwrap());
    Sandbox::new(Settings { clock, seed: 1, history: 100 })
}

async fn send(sandbox: &Sandbox, method: Method, path: &str, body: Vec<u8>) -> (u16, Answer) {
    let media_type = match method {
        Method::PATCH => "application/merge-patch+json",
        _ => "application/json",
    };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", media_type)
        .body(Full::new(Bytes::from(body)))
        .unwrap();
    let response = sandbox.clone().oneshot(request).await.unwrap();
    (response.status().as_u16(), response.into_body())
}

async fn ask(sandbox: &Sandbox, method: Method, path: &str, body: Value) -> (u16, Value) {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let (code, answer) = send(sandbox, method, path, body).await;
    let bytes = answer.collect().await.unwrap().to_bytes();
    (code, serde_json::from_slice(&bytes).unwrap())
}

async fn create(sandbox: &Sandbox, path: &str, object: Value) -> Value {
    let (code, created) = ask(sandbox, Method::POST, path, object).await;
    assert_eq!(code, 201, "{created:#}");
    created
}

async fn get(sandbox: &Sandbox, path: &str) -> (u16, Value) {
    ask(sandbox, Method::GET, path, Value::Null).await
}

fn named(name: &str) -> Value {
    json!({"metadata": {"name": name}})
}

fn version(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}

/// The events of a watch that are there by now: `ADDED a 7`.
struct Watched(Answer);

impl Watched {
    async fn open(sandbox: &Sandbox, path: &str) -> Self {
        let (code, answer) = send(sandbox, Method::GET, path, Vec::new()).await;
        assert_eq!(code, 200);
        Self(answer)
    }

    async fn next(&mut self) -> Option<Value> {
        let frame = self.0.frame().await?.unwrap();
        Some(serde_json::from_slice(&frame.into_data().unwrap()).unwrap())
    }

    async fn line(&mut self) -> String {
        let event = self.next().await.unwrap();
        let metadata = &event["object"]["metadata"];
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        format!(
            "{} {} {}",
            text(&event["type"]),
            text(&metadata["name"]),
            text(&metadata["resourceVersion"])
        )
    }
}

#[tokio::test]
async fn a_created_object_gets_what_only_the_server_can_say() {
    let sandbox = server();
    let created = create(&sandbox, CONFIG_MAPS, named("a")).await;
    assert_eq!(created["kind"], "ConfigMap");
    assert_eq!(created["metadata"]["creationTimestamp"], "2026-01-02T03:04:05Z");
    assert_eq!(created["metadata"]["namespace"], "default");
    assert_eq!(created["metadata"]["uid"].as_str().unwrap().len(), 36);
    assert_eq!(get(&sandbox, &format!("{CONFIG_MAPS}/a")).await, (200, created));
}

#[tokio::test]
async fn what_cannot_be_created_is_refused_with_the_servers_words() {
    let sandbox = server();
    create(&sandbox, CONFIG_MAPS, named("a")).await;
    let mut refusals = Vec::new();
    for (path, object) in [
        (CONFIG_MAPS, named("a")),
        (CONFIG_MAPS, json!({"metadata": {"name": "b", "resourceVersion": "1"}})),
        (CONFIG_MAPS, json!({"kind": "Secret", "metadata": {"name": "b"}})),
        (CONFIG_MAPS, json!({"metadata": {}})),
        ("/api/v1/namespaces/nope/configmaps", named("b")),
        ("/api/v1/configmaps", named("b")),
        ("/apis/apps/v1/things", named("b")),
    ] {
        let (code, status) = ask(&sandbox, Method::POST, path, object).await;
        refusals.push(format!("{code} {} {}", status["reason"], status["message"]));
    }
    assert_eq!(
        refusals,
        [
            r#"409 "AlreadyExists" "configmaps \"a\" already exists""#,
            r#"500 null "resourceVersion should not be set on objects to be created""#,
            r#"400 "BadRequest" "Secret in version \"v1\" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion""#,
            r#"422 "Invalid" "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required""#,
            r#"404 "NotFound" "namespaces \"nope\" not found""#,
            r#"405 "MethodNotAllowed" "the server does not allow this method on the requested resource""#,
            r#"404 "NotFound" "the server could not find the requested resource""#,
        ]
    );
}

#[tokio::test]
async fn generated_names_differ_and_keep_their_base() {
    let sandbox = server();
    let object = json!({"metadata": {"generateName": "g-"}});
    let one = create(&sandbox, CONFIG_MAPS, object.clone()).await;
    let two = create(&sandbox, CONFIG_MAPS, object).await;
    let name = |object: &Value| object["metadata"]["name"].as_str().unwrap().to_owned();
    assert!(name(&one).starts_with("g-") && name(&one).len() == 7, "{}", name(&one));
    assert_ne!(name(&one), name(&two));
}

#[tokio::test]
async fn an_update_needs_the_current_version_and_changes_nothing_if_nothing_changes() {
    let sandbox = server();
    let path = format!("{CONFIG_MAPS}/a");
    let first = create(&sandbox, CONFIG_MAPS, named("a")).await;
    let mut second = first.clone();
    second["data"] = json!({"x": "1"});
    let (code, second) = ask(&sandbox, Method::PUT, &path, second).await;
    assert_eq!((code, version(&second) > version(&first)), (200, true));
    let (code, refusal) = ask(&sandbox, Method::PUT, &path, first).await;
    assert_eq!((code, &refusal["reason"]), (409, &json!("Conflict")));
    let (code, same) = ask(&sandbox, Method::PUT, &path, second.clone()).await;
    assert_eq!((code, &same), (200, &second), "no change takes no number");
    let (code, patched) =
        ask(&sandbox, Method::PATCH, &path, json!({"data": {"x": null, "y": "2"}})).await;
    assert_eq!((code, &patched["data"]), (200, &json!({"y": "2"})));
}

#[tokio::test]
async fn status_and_the_rest_are_written_apart() {
    let sandbox = server();
    let mut pod = named("p");
    pod["spec"] = json!({"containers": [{"name": "c", "image": "i"}]});
    pod["status"] = json!({"phase": "Running"});
    let created = create(&sandbox, PODS, pod).await;
    assert_eq!(created["status"], json!({"phase": "Pending", "qosClass": "BestEffort"}));
    let both = json!({"spec": {"activeDeadlineSeconds": 5}, "status": {"phase": "Running"}});
    let (_, main) = ask(&sandbox, Method::PATCH, &format!("{PODS}/p"), both.clone()).await;
    assert_eq!(
        (&main["spec"]["activeDeadlineSeconds"], &main["status"]["phase"]),
        (&json!(5), &json!("Pending"))
    );
    assert_eq!(main["metadata"]["generation"], 2);
    let other = json!({"spec": {"activeDeadlineSeconds": 6}, "status": {"phase": "Running"}});
    let (_, status) = ask(&sandbox, Method::PATCH, &format!("{PODS}/p/status"), other).await;
    assert_eq!(
        (&status["spec"]["activeDeadlineSeconds"], &status["status"]["phase"]),
        (&json!(5), &json!("Running"))
    );
}

#[tokio::test]
async fn finalizers_and_grace_periods_hold_an_object() {
    let sandbox = server();
    let path = format!("{CONFIG_MAPS}/a");
    create(&sandbox, CONFIG_MAPS, json!({"metadata": {"name": "a", "finalizers": ["x.y/z"]}}))
        .await;
    let (code, held) = ask(&sandbox, Method::DELETE, &path, Value::Null).await;
    assert_eq!((code, &held["metadata"]["deletionGracePeriodSeconds"]), (200, &json!(0)));
    let (_, again) = ask(&sandbox, Method::DELETE, &path, Value::Null).await;
    assert_eq!(again, held);
    ask(&sandbox, Method::PATCH, &path, json!({"metadata": {"finalizers": null}})).await;
    assert_eq!(get(&sandbox, &path).await.0, 404);

    let path = format!("{PODS}/p");
    create(&sandbox, PODS, json!({"metadata": {"name": "p"}, "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}})).await;
    let (_, held) = ask(&sandbox, Method::DELETE, &path, Value::Null).await;
    assert_eq!(held["metadata"]["deletionTimestamp"], "2026-01-02T03:04:35Z");
    ask(&sandbox, Method::DELETE, &path, json!({"gracePeriodSeconds": 0})).await;
    assert_eq!(get(&sandbox, &path).await.0, 404);
}

#[tokio::test]
async fn a_deletion_under_an_old_version_is_refused() {
    let sandbox = server();
    create(&sandbox, CONFIG_MAPS, named("a")).await;
    let options = json!({"preconditions": {"resourceVersion": "1"}});
    let (code, refusal) = ask(&sandbox, Method::DELETE, &format!("{CONFIG_MAPS}/a"), options).await;
    assert_eq!((code, &refusal["details"]["kind"]), (409, &json!("ConfigMap")));
}

#[tokio::test]
async fn what_is_owned_goes_with_its_owner() {
    let sandbox = server();
    let owner = create(&sandbox, CONFIG_MAPS, named("owner")).await;
    let reference = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]});
    let owned = json!({"metadata": {"name": "owned", "ownerReferences": [reference]}});
    create(&sandbox, CONFIG_MAPS, owned).await;
    let (code, status) =
        ask(&sandbox, Method::DELETE, &format!("{CONFIG_MAPS}/owner"), Value::Null).await;
    assert_eq!((code, &status["status"]), (200, &json!("Success")));
    assert_eq!(get(&sandbox, &format!("{CONFIG_MAPS}/owned")).await.0, 404);
}

#[tokio::test]
async fn nothing_new_comes_into_a_namespace_that_is_going_away() {
    let sandbox = server();
    create(&sandbox, "/api/v1/namespaces", named("going")).await;
    let within = "/api/v1/namespaces/going/configmaps";
    create(&sandbox, within, json!({"metadata": {"name": "a", "finalizers": ["x.y/z"]}})).await;
    ask(&sandbox, Method::DELETE, "/api/v1/namespaces/going", Value::Null).await;
    let (code, refusal) = ask(&sandbox, Method::POST, within, named("b")).await;
    assert_eq!(
        (code, &refusal["details"]["causes"][0]["reason"]),
        (403, &json!("NamespaceTerminating"))
    );
}

#[tokio::test]
async fn pages_show_one_revision_whatever_happens_in_between() {
    let sandbox = server();
    for name in ["a", "b", "c"] {
        create(&sandbox, CONFIG_MAPS, named(name)).await;
    }
    let (_, first) = get(&sandbox, &format!("{CONFIG_MAPS}?limit=2")).await;
    assert_eq!(first["metadata"]["remainingItemCount"], 1);
    ask(&sandbox, Method::DELETE, &format!("{CONFIG_MAPS}/c"), Value::Null).await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    let token: String = form_urlencoded::byte_serialize(token.as_bytes()).collect();
    let (_, second) = get(&sandbox, &format!("{CONFIG_MAPS}?&limit=2&continue={token}")).await;
    assert_eq!(second["items"][0]["metadata"]["name"], "c");
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    assert_eq!(second["metadata"]["continue"], Value::Null);
}

#[tokio::test]
async fn a_watch_shows_what_comes_after_its_version() {
    let sandbox = server();
    let a = version(&create(&sandbox, CONFIG_MAPS, named("a")).await);
    let mut watched =
        Watched::open(&sandbox, &format!("{CONFIG_MAPS}?watch=1&resourceVersion={a}")).await;
    create(&sandbox, CONFIG_MAPS, named("b")).await;
    ask(&sandbox, Method::DELETE, &format!("{CONFIG_MAPS}/a"), Value::Null).await;
    assert_eq!(watched.line().await, format!("ADDED b {}", a + 1));
    assert_eq!(watched.line().await, format!("DELETED a {}", a + 2));
}

#[tokio::test]
async fn through_a_selector_objects_come_and_go() {
    let sandbox = server();
    let a = version(&create(&sandbox, CONFIG_MAPS, named("a")).await);
    let path = format!("{CONFIG_MAPS}?watch&labelSelector=in%3Dyes&resourceVersion={a}");
    let mut watched = Watched::open(&sandbox, &path).await;
    for labels in [json!({"in": "yes"}), json!({"more": "1"}), json!({"in": "no"})] {
        let patch = json!({"metadata": {"labels": labels}});
        ask(&sandbox, Method::PATCH, &format!("{CONFIG_MAPS}/a"), patch).await;
    }
    assert_eq!(watched.line().await, format!("ADDED a {}", a + 1));
    assert_eq!(watched.line().await, format!("MODIFIED a {}", a + 2));
    let gone = watched.next().await.unwrap();
    assert_eq!((&gone["type"], version(&gone["object"])), (&json!("DELETED"), a + 3));
    assert_eq!(gone["object"]["metadata"]["labels"]["in"], "yes", "as it was before");
}

#[tokio::test(start_paused = true)]
async fn a_streamed_list_ends_with_its_bookmark_and_a_watch_with_its_time() {
    let sandbox = server();
    let a = version(&create(&sandbox, CONFIG_MAPS, named("a")).await);
    let path = format!(
        "{CONFIG_MAPS}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=90"
    );
    let mut watched = Watched::open(&sandbox, &path).await;
    assert_eq!(watched.line().await, format!("ADDED a {a}"));
    let bookmark = watched.next().await.unwrap();
    assert_eq!(
        bookmark["object"]["metadata"],
        json!({"resourceVersion": a.to_string(), "annotations": {"k8s.io/initial-events-end": "true"}})
    );
    assert_eq!(watched.line().await, format!("BOOKMARK - {a}"), "after a minute");
    assert_eq!(watched.line().await, format!("BOOKMARK - {a}"), "two seconds before the end");
    assert_eq!(watched.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn what_is_forgotten_or_still_to_come_ends_a_watch_with_an_error() {
    let sandbox = server();
    let a = version(&create(&sandbox, CONFIG_MAPS, named("a")).await);
    create(&sandbox, CONFIG_MAPS, named("b")).await;
    sandbox.expire("configmaps");
    let watch = format!("{CONFIG_MAPS}?watch=1&resourceVersion=");
    let mut old = Watched::open(&sandbox, &format!("{watch}{a}")).await;
    assert_eq!(old.next().await.unwrap()["object"]["reason"], "Expired");
    assert_eq!(old.next().await, None);
    let streaming = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
    let mut early = Watched::open(&sandbox, &format!("{watch}99999{streaming}")).await;
    assert_eq!(early.next().await.unwrap()["object"]["code"], 504);
}

#[tokio::test]
async fn faults_fire_as_often_as_they_say() {
    let sandbox = server();
    sandbox
        .faults()
        .add(Fault::of(Verb::Create, "configmaps", Action::refuse(500, "InternalError")).times(2));
    let mut codes = Vec::new();
    for _ in 0..3 {
        codes.push(ask(&sandbox, Method::POST, CONFIG_MAPS, named("a")).await.0);
    }
    assert_eq!(codes, [500, 500, 201]);
    let requests: Vec<String> = sandbox.requests().iter().map(ToString::to_string).collect();
    assert_eq!(
        requests,
        [
            "create configmaps default/ 500",
            "create configmaps default/ 500",
            "create configmaps default/ 201"
        ]
    );
}

#[tokio::test]
async fn a_server_that_lags_behind_lists_what_was_there() {
    let sandbox = server();
    create(&sandbox, CONFIG_MAPS, named("a")).await;
    let then = sandbox.revision();
    create(&sandbox, CONFIG_MAPS, named("b")).await;
    sandbox.faults().add(Fault::of(Verb::List, "configmaps", Action::AsOf(then)).times(2));
    let listed = async |query: &str| {
        let (_, list) = get(&sandbox, &format!("{CONFIG_MAPS}{query}")).await;
        (list["items"].as_array().unwrap().len(), version(&list))
    };
    assert_eq!(listed("").await, (1, then));
    assert_eq!(listed("?resourceVersion=0").await, (1, then));
    assert_eq!(listed("").await, (2, then + 1));
}

#[tokio::test]
async fn a_held_watch_shows_everything_once_it_is_released() {
    let sandbox = server();
    let a = version(&create(&sandbox, CONFIG_MAPS, named("a")).await);
    let mut watched =
        Watched::open(&sandbox, &format!("{CONFIG_MAPS}?watch=1&resourceVersion={a}")).await;
    sandbox.faults().hold_watches("configmaps");
    create(&sandbox, CONFIG_MAPS, named("b")).await;
    let held = tokio::time::timeout(std::time::Duration::from_millis(50), watched.next()).await;
    assert!(held.is_err(), "{held:?}");
    sandbox.faults().release_watches("configmaps");
    assert_eq!(watched.line().await, format!("ADDED b {}", a + 1));
}

#[tokio::test]
async fn services_get_addresses_and_defaults() {
    let sandbox = server();
    let services = "/api/v1/namespaces/default/services";
    let spec = json!({"selector": {"app": "a"}, "ports": [{"port": 80}]});
    let created =
        create(&sandbox, services, json!({"metadata": {"name": "s"}, "spec": spec})).await;
    assert_eq!(
        created["spec"],
        json!({
            "selector": {"app": "a"},
            "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
            "type": "ClusterIP", "sessionAffinity": "None",
            "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
            "internalTrafficPolicy": "Cluster",
            "clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1"],
        })
    );
}

#[tokio::test]
async fn addresses_are_held_by_objects_and_freed_with_their_service() {
    let sandbox = server();
    let (services, held) = ("/api/v1/namespaces/default/services", IP_ADDRESSES);
    let service = |name: &str, spec: Value| json!({"metadata": {"name": name}, "spec": spec});
    let ports = json!([{"port": 80}]);
    create(&sandbox, services, service("a", json!({"ports": ports}))).await;
    let (_, address) = get(&sandbox, &format!("{held}/10.96.0.1")).await;
    assert_eq!(address["spec"]["parentRef"]["name"], "a");
    let same = json!({"ports": ports, "clusterIP": "10.96.0.1"});
    let (code, _) = ask(&sandbox, Method::POST, services, service("b", same)).await;
    assert_eq!(code, 422, "taken");
    let other = json!({"spec": {"clusterIP": "10.96.0.9"}});
    let (code, _) = ask(&sandbox, Method::PATCH, &format!("{services}/a"), other).await;
    assert_eq!(code, 422, "may not change");
    ask(&sandbox, Method::DELETE, &format!("{services}/a"), Value::Null).await;
    assert_eq!(get(&sandbox, &format!("{held}/10.96.0.1")).await.0, 404);
}

#[tokio::test]
async fn a_server_that_gives_no_addresses_leaves_services_without() {
    let sandbox = server();
    let allocation = ClusterIpAllocation::None;
    let addresses = Addresses { allocation, ..Addresses::default() };
    sandbox.bootstrap(&Bootstrap { addresses, api_server: ([127, 0, 0, 1], 6443).into() });
    let service = json!({"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}});
    let created = create(&sandbox, "/api/v1/namespaces/default/services", service).await;
    let spec = &created["spec"];
    assert_eq!((&spec["clusterIP"], &spec["ipFamilies"]), (&Value::Null, &Value::Null));
    assert_eq!(get(&sandbox, IP_ADDRESSES).await.1["items"], json!([]));
}

#[tokio::test]
async fn a_namespace_is_gone_when_its_last_pod_is() {
    let sandbox = server();
    create(&sandbox, "/api/v1/namespaces", named("going")).await;
    let pods = "/api/v1/namespaces/going/pods";
    create(&sandbox, pods, json!({"metadata": {"name": "p"}, "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i"}]}})).await;
    ask(&sandbox, Method::DELETE, "/api/v1/namespaces/going", Value::Null).await;
    assert_eq!(get(&sandbox, "/api/v1/namespaces/going").await.1["status"]["phase"], "Terminating");
    let now = json!({"gracePeriodSeconds": 0});
    ask(&sandbox, Method::DELETE, &format!("{pods}/p"), now).await;
    assert_eq!(get(&sandbox, "/api/v1/namespaces/going").await.0, 404);
}

#[tokio::test]
async fn discovery_names_every_kind_and_its_parts() {
    let sandbox = server();
    let (_, groups) = get(&sandbox, "/apis").await;
    let groups: Vec<&str> =
        groups["groups"].as_array().unwrap().iter().map(|g| g["name"].as_str().unwrap()).collect();
    assert_eq!(
        groups,
        [
            "apps",
            "discovery.k8s.io",
            "networking.k8s.io",
            "coordination.k8s.io",
            "apiextensions.k8s.io",
            "events.k8s.io",
            "authentication.k8s.io",
            "authorization.k8s.io",
        ]
    );
    let (_, apps) = get(&sandbox, "/apis/apps/v1").await;
    let names: Vec<&str> =
        apps["resources"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "deployments",
            "deployments/scale",
            "deployments/status",
            "replicasets",
            "replicasets/scale",
            "replicasets/status",
        ]
    );
}
