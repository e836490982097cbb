//! Who one is and what one may do; tokens; evictions; and what is the same under two names.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod support;

use serde_json::{Value, json};
use support::{ask, create, get, refusal, server};

const ACCESS: &str = "/apis/authorization.k8s.io/v1";
const IDENTITY: &str = "/apis/authentication.k8s.io/v1";
const ACCOUNTS: &str = "/api/v1/namespaces/default/serviceaccounts";
const PODS: &str = "/api/v1/namespaces/default/pods";

#[tokio::test]
async fn everybody_may_do_everything_and_hears_so() {
    let sandbox = server();
    let attributes = json!({"verb": "create", "resource": "pods", "namespace": "default"});
    for (plural, spec) in [
        ("selfsubjectaccessreviews", json!({"resourceAttributes": attributes})),
        ("subjectaccessreviews", json!({"resourceAttributes": attributes, "user": "bob"})),
    ] {
        let path = format!("{ACCESS}/{plural}");
        let review = create(&sandbox, &path, json!({"spec": spec})).await;
        assert_eq!((&review["status"]["allowed"], &review["spec"]), (&json!(true), &spec));
    }
    let path = format!("{ACCESS}/selfsubjectrulesreviews");
    let rules = create(&sandbox, &path, json!({"spec": {"namespace": "default"}})).await;
    assert_eq!(rules["status"]["resourceRules"][0]["verbs"], json!(["*"]));
    let path = format!("{IDENTITY}/selfsubjectreviews");
    let review = create(&sandbox, &path, json!({})).await;
    assert_eq!(review["status"]["userInfo"]["username"], "kubernetes-admin");
}

#[tokio::test]
async fn questions_that_cannot_be_answered_are_refused() {
    let sandbox = server();
    let mut refusals = Vec::new();
    for (path, spec) in [
        (format!("{ACCESS}/selfsubjectaccessreviews"), json!({})),
        (format!("{ACCESS}/subjectaccessreviews"), json!({"nonResourceAttributes": {}})),
        (format!("{ACCESS}/selfsubjectrulesreviews"), json!({})),
        (format!("{IDENTITY}/tokenreviews"), json!({})),
    ] {
        refusals.push(refusal(&sandbox, "POST", &path, json!({"spec": spec})).await);
    }
    refusals.push(refusal(&sandbox, "GET", &format!("{IDENTITY}/tokenreviews"), Value::Null).await);
    assert_eq!(
        refusals,
        [
            "422 .authorization.k8s.io \"\" is invalid: spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified",
            "422 .authorization.k8s.io \"\" is invalid: spec.user: Invalid value: \"\": at least one of user or group must be specified",
            "400 no namespace on request",
            "400 token is required for TokenReview in authentication",
            "405 the server does not allow this method on the requested resource",
        ]
    );
}

#[tokio::test]
async fn a_token_says_which_service_account_has_it_until_that_is_gone() {
    let sandbox = server();
    create(&sandbox, ACCOUNTS, json!({"metadata": {"name": "x"}})).await;
    let tokens = format!("{ACCOUNTS}/x/token");
    let short = json!({"spec": {"expirationSeconds": 1}});
    assert_eq!(
        refusal(&sandbox, "POST", &tokens, short).await,
        "422 TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid value: 1: may not specify a duration less than 10 minutes"
    );
    let made = create(&sandbox, &tokens, json!({"spec": {"expirationSeconds": 600}})).await;
    assert_eq!(made["status"]["expirationTimestamp"], "2026-01-02T03:14:05Z");
    let reviews = format!("{IDENTITY}/tokenreviews");
    let question = json!({"spec": {"token": made["status"]["token"]}});
    let review = create(&sandbox, &reviews, question.clone()).await;
    assert_eq!(review["status"]["user"]["username"], "system:serviceaccount:default:x");
    ask(&sandbox, "DELETE", &format!("{ACCOUNTS}/x"), Value::Null).await;
    let unknown = json!({"user": {}, "error": "invalid bearer token"});
    assert_eq!(create(&sandbox, &reviews, question).await["status"], unknown);
    let question = json!({"spec": {"token": "bad"}});
    assert_eq!(create(&sandbox, &reviews, question).await["status"], unknown);
}

#[tokio::test]
async fn an_evicted_pod_has_its_grace_period() {
    let sandbox = server();
    let spec = json!({"nodeName": "n", "containers": [{"name": "c", "image": "i"}]});
    create(&sandbox, PODS, json!({"metadata": {"name": "p"}, "spec": spec})).await;
    let eviction = json!({"metadata": {"name": "p"}, "deleteOptions": {"gracePeriodSeconds": 5}});
    let (code, status) = ask(&sandbox, "POST", &format!("{PODS}/p/eviction"), eviction).await;
    assert_eq!((code, &status["status"]), (201, &json!("Success")));
    let (_, pod) = get(&sandbox, &format!("{PODS}/p")).await;
    assert_eq!(pod["metadata"]["deletionTimestamp"], "2026-01-02T03:04:10Z");
    let missing = refusal(&sandbox, "POST", &format!("{PODS}/q/eviction"), json!({})).await;
    assert_eq!(missing, "404 pods \"q\" not found");
}

#[tokio::test]
async fn an_event_is_the_same_under_both_of_its_names() {
    let sandbox = server();
    let (old, new) =
        ("/api/v1/namespaces/default/events", "/apis/events.k8s.io/v1/namespaces/default/events");
    let about = json!({"kind": "Pod", "name": "p", "namespace": "default"});
    let event = json!({
        "metadata": {"name": "e"}, "regarding": about, "note": "hello", "reason": "Said",
        "type": "Normal", "action": "Say", "eventTime": "2026-01-02T03:04:05.000000Z",
        "reportingController": "x/y", "reportingInstance": "z",
    });
    let made = create(&sandbox, new, event).await;
    assert_eq!((&made["note"], &made["apiVersion"]), (&json!("hello"), &json!("events.k8s.io/v1")));
    let (_, same) = get(&sandbox, &format!("{old}/e")).await;
    assert_eq!((&same["message"], &same["involvedObject"]), (&json!("hello"), &about));
    assert_eq!(same["metadata"], made["metadata"]);
    let (_, list) = get(&sandbox, &format!("{new}?fieldSelector=regarding.name%3Dp")).await;
    assert_eq!(list["items"][0]["regarding"], about);
    let series = json!({"series": {"count": 2, "lastObservedTime": "2026-01-02T03:04:06.000000Z"}});
    let (code, patched) = ask(&sandbox, "PATCH", &format!("{new}/e"), series.clone()).await;
    assert_eq!((code, &patched["note"]), (200, &json!("hello")));
    let (_, same) = get(&sandbox, &format!("{old}/e")).await;
    assert_eq!(same["series"], series["series"]);
}

#[tokio::test]
async fn nothing_can_be_read_from_containers_that_do_not_run() {
    let sandbox = server();
    create(
        &sandbox,
        PODS,
        json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}),
    )
    .await;
    for part in ["log", "exec", "attach", "portforward"] {
        let refused = refusal(&sandbox, "GET", &format!("{PODS}/p/{part}"), Value::Null).await;
        assert!(refused.starts_with("400 the sandbox runs no containers"), "{refused}");
    }
}
