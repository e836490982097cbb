//! Parts of objects that have a path of their own, and questions about who may do what.

use serde_json::json;

use super::objects::{deployment, pod};
use crate::row::{Row, row};
use crate::session::{Session, named};

pub fn rows() -> Vec<Row> {
    vec![
        row("a Pod is bound to a Node once", binding),
        row("the scale of a Deployment is read and set", scale),
        row("a ServiceAccount gives tokens of ten minutes and more", token),
        row("a token is known to be somebody's, or nobody's", review),
    ]
}

async fn binding(server: Session) {
    let made = server.create("pods", pod("p")).await;
    let watch =
        server.watch(&format!("{}?resourceVersion={}", server.path("pods"), made.version())).await;
    let path = format!("{}/binding", server.of("pods", "p"));
    let to =
        |node: &str| json!({"metadata": {"name": "p"}, "target": {"kind": "Node", "name": node}});
    let bound = server.post(&path, to("n0")).await.is(201);
    assert_eq!((&bound["kind"], &bound["status"]), (&"Status".into(), &"Success".into()));
    server.post(&path, to("n1")).await.says(
        409,
        "Operation cannot be fulfilled on pods/binding \"p\": pod p is already assigned to node \"n0\"",
    );
    let found = server.get(&server.of("pods", "p")).await.is(200);
    assert_eq!(found["spec"]["nodeName"], "n0");
    assert_eq!(found["status"]["conditions"][0]["type"], "PodScheduled");
    server.create("pods", pod("last")).await;
    assert_eq!(watch.until_named(&server, "last").await, ["MODIFIED p"]);
    server.post(&path, json!({"metadata": {"name": "p"}, "target": {"name": ""}})).await.is(500);
    let absent = json!({"metadata": {"name": "q"}, "target": {"kind": "Node", "name": "n0"}});
    server.post(&format!("{}/binding", server.of("pods", "q")), absent).await.is(404);
    server.get(&path).await.is(405);
}

async fn scale(server: Session) {
    server.create("deployments", deployment("d")).await;
    let path = format!("{}/scale", server.of("deployments", "d"));
    let scale = server.get(&path).await.is(200);
    assert_eq!((&scale["kind"], &scale["apiVersion"]), (&"Scale".into(), &"autoscaling/v1".into()));
    assert_eq!(scale["spec"], json!({"replicas": 1}));
    let mut more = scale.object();
    more["spec"]["replicas"] = json!(3);
    server.put(&path, more.clone()).await.is(200);
    let parent = server.get(&server.of("deployments", "d")).await.is(200);
    assert_eq!(
        (&parent["spec"]["replicas"], &parent["metadata"]["generation"]),
        (&3.into(), &2.into())
    );
    server.put(&path, more).await.is(409);
    server.merge(&path, json!({"spec": {"replicas": 0}})).await.is(200);
    server.merge(&path, json!({"spec": {"replicas": -1}})).await.is(422);
    server.get(&format!("{}/scale", server.of("configmaps", "a"))).await.is(404);
}

async fn token(server: Session) {
    server.create("serviceaccounts", named("x")).await;
    let path = format!("{}/token", server.of("serviceaccounts", "x"));
    let lasting = |seconds: u64| json!({"spec": {"expirationSeconds": seconds}});
    let made = server.aside().post(&path, lasting(600)).await.is(201);
    assert_eq!(made["status"]["token"].as_str().unwrap().split('.').count(), 3);
    assert_eq!(made["spec"]["expirationSeconds"], 600);
    server.post(&path, lasting(1)).await.is(422);
    server
        .post(&format!("{}/token", server.of("serviceaccounts", "y")), lasting(600))
        .await
        .is(404);
}

async fn review(server: Session) {
    server.create("serviceaccounts", named("x")).await;
    let path = format!("{}/token", server.of("serviceaccounts", "x"));
    let made = server.aside().post(&path, json!({"spec": {}})).await.is(201);
    let reviews = "/apis/authentication.k8s.io/v1/tokenreviews";
    let review = |token: &str| {
        json!({
            "kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "spec": {"token": token},
        })
    };
    let token = made["status"]["token"].as_str().unwrap();
    let known = server.aside().post(reviews, review(token)).await.is(201);
    assert_eq!(known["status"]["authenticated"], true);
    let user = format!("system:serviceaccount:{}:x", server.namespace());
    assert_eq!(known["status"]["user"]["username"], user);
    let unknown = server.post(reviews, review("bad")).await.is(201);
    assert_eq!(unknown["status"].get("authenticated"), None);
    assert!(unknown["status"]["error"].as_str().unwrap().contains("invalid bearer token"));
}
