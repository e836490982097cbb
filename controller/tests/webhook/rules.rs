//! One request: what it is answered, and what it leaves behind.

use std::sync::atomic::Ordering;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use k8s_openapi::api::core::v1::Service;
use kube::Api;
use kube::api::{DynamicObject, PostParams};
use serde_json::{Value, json};
use support::visitor::Authority;
use support::{Visitor, service};
use testbed::free_port;

use crate::stage::{Replica, Stage, pool};

/// Where reviews go.
const PATH: &str = "/admit-services";
/// Ranges of both families.
const BOTH: &str = "10.96.0.0/16,fd00:96::/112";

#[tokio::test(flavor = "multi_thread")]
async fn services_are_created_with_what_the_pools_allow() {
    let six = json!({
        "apiVersion": "roster.dev/v1alpha1", "kind": "ClusterIPPool",
        "metadata": {"name": "shop-six"},
        "spec": {"ranges": ["fd00:96::800/120"], "namespaces": ["shop"], "enforcement": "Require"},
    });
    let fenced = pool("bank", "10.96.9.0/24", "Exclusive");
    let stage = Stage::set(BOTH, &[pool("shop", "10.96.8.0/24", "Require"), six, fenced]).await;
    let shop = stage.namespace("shop").await;
    let spec_of = async |name: &str, spec: Value| -> Result<Value, String> {
        let created: kube::Result<DynamicObject> = shop.try_create(service(name, spec)).await;
        created.map(|it| it.data["spec"].clone()).map_err(|error| error.to_string())
    };

    let plain = spec_of("plain", json!({})).await.unwrap();
    assert!(plain["clusterIP"].as_str().unwrap().starts_with("10.96.8."), "{plain}");
    assert_eq!(plain["ipFamilyPolicy"], "SingleStack");

    let policy = json!({"ipFamilyPolicy": "RequireDualStack"});
    let both = spec_of("both", policy).await.unwrap();
    assert_eq!(both["ipFamilies"], json!(["IPv4", "IPv6"]));
    assert!(both["clusterIPs"][0].as_str().unwrap().starts_with("10.96.8."), "{both}");
    assert!(both["clusterIPs"][1].as_str().unwrap().starts_with("fd00:96::8"), "{both}");

    let half = json!({
        "clusterIP": "fd00:96::877", "clusterIPs": ["fd00:96::877"],
        "ipFamilyPolicy": "PreferDualStack",
    });
    let half = spec_of("half", half).await.unwrap();
    assert_eq!(half["clusterIPs"][0], "fd00:96::877");
    assert!(half["clusterIPs"][1].as_str().unwrap().starts_with("10.96.8."), "{half}");

    let asks = |address: &str| json!({"clusterIP": address, "clusterIPs": [address]});
    let inside = spec_of("inside", asks("10.96.8.77")).await.unwrap();
    assert_eq!(inside["clusterIP"], "10.96.8.77");
    let outside = spec_of("outside", asks("10.96.77.77")).await.unwrap_err();
    assert!(
        outside.contains("Service shop/outside: 10.96.77.77 is not in ClusterIPPool shop"),
        "{outside}"
    );
    let stranger = stage.namespace("stranger").await;
    let climbs = stranger.try_create(service("climbs", asks("10.96.9.9"))).await.unwrap_err();
    let reason = "Service stranger/climbs: 10.96.9.9 is in ClusterIPPool bank, which is for others";
    assert!(climbs.to_string().contains(reason), "{climbs}");

    let headless = spec_of("headless", json!({"clusterIP": "None"})).await.unwrap();
    assert_eq!(headless["clusterIP"], "None");
    let external = json!({"type": "ExternalName", "externalName": "example.com"});
    assert_eq!(spec_of("external", external).await.unwrap()["clusterIP"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_holds_nothing_and_a_request_that_comes_again_is_answered_as_before() {
    let mut stage = Stage::set(BOTH, &[pool("shop", "10.96.8.0/24", "Require")]).await;
    let before = stage.holds().await;
    let shop = stage.namespace("shop").await;
    let services: Api<Service> = Api::namespaced(shop.client.clone(), "shop");
    let trial = PostParams { dry_run: true, ..PostParams::default() };
    let tried: Service = serde_json::from_value(service("tried", json!({}))).unwrap();
    for _ in 0..50 {
        services.create(&trial, &tried).await.unwrap();
    }
    assert!(stage.holds().await.is_subset(&before), "a trial has held something");

    // Nobody creates a Service after these. Once the other one has seen the hold, it knows.
    let turns = std::sync::atomic::AtomicUsize::new(0);
    let agree = async || {
        let uid = format!("turn {}", turns.fetch_add(1, Ordering::Relaxed));
        let [first, other] = [&stage.replicas[0], &stage.replicas[1]];
        let given = address(&asked(first, &uid).await);
        assert!(stage.holds().await.contains(&format!("v4-{}", given.replace('.', "-"))));
        given == address(&asked(other, &uid).await)
    };
    shop.until(true, agree).await;

    let before = asked(&stage.replicas[0], "a request").await;
    stage.replace(0).await;
    let again = asked(&stage.replicas[0], "a request").await;
    assert_eq!(again, before, "a replica that has just been started");
    let another = asked(&stage.replicas[0], "another request").await;
    assert_ne!(address(&another), address(&before));
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_nonsense_are_refused_and_hold_nothing() {
    let stage = Stage::without_replicas(BOTH, &[]).await;
    stage.namespace("shop").await;
    let authority = Authority::new("of API servers");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.crt");
    std::fs::write(&file, authority.pem()).unwrap();
    let flag = format!("--webhook-client-ca-file={}", file.display());
    let replica = stage.replica(free_port().unwrap(), &[&flag]).await;

    let review = review("a request").to_string();
    let stranger = Visitor::anonymous(&replica.url());
    let impostor = Authority::new("of nobody").certify("kube-apiserver", "");
    let impostor = Visitor::certified(&replica.url(), &impostor);
    for visitor in [stranger, impostor] {
        assert_eq!(visitor.try_post(PATH, &review).await.unwrap().code, 401);
    }
    let caller = authority.certify("kube-apiserver", "");
    let caller = Visitor::certified(&replica.url(), &caller);
    let ready = async || caller.try_post(PATH, "").await.unwrap().code;
    stage.cluster.until(400, ready).await;
    for nonsense in ["{}", "[]", "null", "{\"request\": {\"uid\": 7}}"] {
        assert_eq!(caller.try_post(PATH, nonsense).await.unwrap().code, 400, "{nonsense}");
    }
    let large = " ".repeat((4 << 20) + 1);
    assert_eq!(caller.try_post(PATH, &large).await.unwrap().code, 413);
    assert_eq!(caller.get(PATH).await.code, 404);
    assert!(stage.holds().await.is_empty());
    assert_eq!(caller.try_post(PATH, &review).await.unwrap().code, 200);
    assert_eq!(stage.holds().await.len(), 1);
}

/// What a replica answers to a review, with the patch as it is meant.
async fn asked(replica: &Replica, uid: &str) -> Value {
    let visitor = Visitor::anonymous(&replica.url());
    let seen = visitor.try_post(PATH, &review(uid).to_string()).await.unwrap();
    assert_eq!(seen.code, 200, "{}", seen.body);
    let mut answer: Value = serde_json::from_str(&seen.body).unwrap();
    let response = &mut answer["response"];
    assert_eq!((&response["uid"], &response["allowed"]), (&json!(uid), &json!(true)));
    let patch = BASE64_STANDARD.decode(response["patch"].as_str().unwrap()).unwrap();
    serde_json::from_slice(&patch).unwrap()
}

/// The address in a patch.
fn address(patch: &Value) -> String {
    patch[0]["value"].as_str().unwrap().to_owned()
}

/// A review of a Service of the namespace `shop`, as an API server sends it.
fn review(uid: &str) -> Value {
    let mut object = service("web", json!({"type": "ClusterIP"}));
    object["metadata"]["namespace"] = json!("shop");
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": uid, "operation": "CREATE", "namespace": "shop", "name": "web",
            "kind": {"group": "", "version": "v1", "kind": "Service"},
            "object": object, "dryRun": false,
        },
    })
}
