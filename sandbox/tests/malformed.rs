//! Whatever is sent is answered, and never with a panic: bodies, queries and paths that no client
//! would send.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod support;

use proptest::prelude::*;
use proptest::sample::select;
use sandbox::Sandbox;
use serde_json::{Map, Value, json};
use support::{APPLY, JSON, MERGE, PROTOBUF, STRATEGIC, YAML, ask, create, send, server};

const NAMESPACE: &str = "/api/v1/namespaces/default";
const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const JSON_PATCH: &str = "application/json-patch+json";
const MEDIA_TYPES: [&str; 8] =
    [JSON, MERGE, STRATEGIC, JSON_PATCH, APPLY, YAML, PROTOBUF, "text/plain"];
const KINDS: [&str; 12] = [
    "/api/v1/namespaces/default/pods",
    "/api/v1/namespaces/default/services",
    "/api/v1/namespaces/default/endpoints",
    "/api/v1/namespaces/default/events",
    "/api/v1/namespaces/default/configmaps",
    "/api/v1/namespaces/default/secrets",
    "/apis/events.k8s.io/v1/namespaces/default/events",
    "/apis/apps/v1/namespaces/default/deployments",
    "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
    "/apis/networking.k8s.io/v1/servicecidrs",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    "/apis/coordination.k8s.io/v1/namespaces/default/leases",
];
const PARTS: [&str; 10] = [
    "",
    "/a",
    "/a/status",
    "/a/scale",
    "/a/binding",
    "/a/eviction",
    "/a/token",
    "/a/log",
    "/b",
    "/a/b/c",
];
/// Names of fields that something is done with.
const FIELDS: [&str; 36] = [
    "metadata",
    "spec",
    "status",
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "labels",
    "annotations",
    "finalizers",
    "ownerReferences",
    "managedFields",
    "generateName",
    "ports",
    "port",
    "protocol",
    "selector",
    "clusterIP",
    "clusterIPs",
    "ipFamilies",
    "type",
    "endpoints",
    "addresses",
    "addressType",
    "subsets",
    "template",
    "containers",
    "replicas",
    "podIPs",
    "conditions",
    "data",
    "versions",
    "schema",
    "names",
    "op",
    "path",
];

/// Values under names that mean something, mostly of types that they do not have.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        select(vec![
            "",
            "a",
            "None",
            "10.96.0.1",
            "fd00::1",
            "v1",
            "Pod",
            "ClusterIP",
            "/spec/ports/0",
            "-1"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 5, |inner| {
        let field =
            prop_oneof![4 => select(FIELDS.to_vec()).prop_map(str::to_owned), 1 => ".{0,6}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((field, inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A body: anything, or an object whose name is known.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let named = (values(), values()).prop_map(|(spec, rest)| {
        let mut object = json!({"metadata": {"name": "a"}, "spec": spec});
        for (field, value) in rest.as_object().into_iter().flatten() {
            object[field.as_str()] = value.clone();
        }
        object.to_string().into_bytes()
    });
    let framed = prop::collection::vec(any::<u8>(), 0..64)
        .prop_map(|bytes| [b"k8s\0".to_vec(), bytes].concat());
    prop_oneof![
        4 => named,
        3 => values().prop_map(|value| value.to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..64),
        1 => framed,
        1 => Just("[".repeat(100_000).into_bytes()),
    ]
}

fn queries() -> impl Strategy<Value = String> {
    let names = [
        "watch",
        "limit",
        "continue",
        "resourceVersion",
        "resourceVersionMatch",
        "labelSelector",
        "fieldSelector",
        "sendInitialEvents",
        "allowWatchBookmarks",
        "timeoutSeconds",
        "dryRun",
        "fieldValidation",
        "fieldManager",
        "force",
        "gracePeriodSeconds",
        "propagationPolicy",
    ];
    let words = [
        "",
        "0",
        "1",
        "-1",
        "true",
        "abc",
        "All",
        "Exact",
        "NotOlderThan",
        "a%3Db",
        "%FF",
        "a+in+(",
        "!",
    ];
    let pair = (select(names.to_vec()), select(words.to_vec()));
    let pairs = prop::collection::vec(pair, 0..4);
    pairs.prop_map(|pairs| {
        let pairs = pairs.into_iter().map(|(name, value)| format!("{name}={value}"));
        format!("?{}", pairs.collect::<Vec<_>>().join("&"))
    })
}

/// A server with an object named `a` of the kinds that have parts.
async fn with_objects() -> Sandbox {
    let sandbox = server();
    let containers = json!([{"name": "c", "image": "i"}]);
    let labels = json!({"app": "a"});
    let template = json!({"metadata": {"labels": labels}, "spec": {"containers": containers}});
    for (path, spec) in [
        (format!("{NAMESPACE}/pods"), json!({"containers": containers})),
        (format!("{NAMESPACE}/services"), json!({"ports": [{"port": 80}]})),
        (KINDS[7].to_owned(), json!({"selector": {"matchLabels": labels}, "template": template})),
        (format!("{NAMESPACE}/serviceaccounts"), Value::Null),
    ] {
        create(&sandbox, &path, json!({"metadata": {"name": "a"}, "spec": spec})).await;
    }
    sandbox
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1500) })]

    #[test]
    fn whatever_is_sent_is_answered(
        method in select(METHODS.to_vec()),
        kind in select(KINDS.to_vec()),
        part in select(PARTS.to_vec()),
        query in queries(),
        media_type in select(MEDIA_TYPES.to_vec()),
        accept in select(vec!["", JSON, YAML, "text/html", "application/json;as=Table;v=v1;g=meta.k8s.io"]),
        body in bodies(),
    ) {
        // In time that leaps: watches last as long as they say.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let sandbox = with_objects().await;
            let path = format!("{kind}{part}{query}");
            let headers = [("content-type", media_type), ("accept", accept)];
            let answer = send(&sandbox, method, &path, &headers, body).await;
            assert!(answer.code <= 500 || answer.code == 504, "{}", answer.code);
            if answer.code >= 400 && accept != YAML {
                let status = answer.json();
                assert_eq!((&status["kind"], &status["code"]), (&json!("Status"), &json!(answer.code)));
            }
            // It lives, and what it holds can be read.
            let (code, list) = ask(&sandbox, "GET", kind, Value::Null).await;
            assert_eq!(code, 200, "{list:#}");
            for object in list["items"].as_array().unwrap() {
                assert!(object["metadata"]["name"].is_string(), "{object:#}");
            }
        });
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let sandbox = server();
    let data = json!({"metadata": {"name": "a"}, "data": {"key": "x".repeat(3 << 20)}});
    let (code, status) = ask(&sandbox, "POST", &format!("{NAMESPACE}/configmaps"), data).await;
    assert_eq!((code, &status["reason"]), (413, &json!("RequestEntityTooLarge")));
    assert_eq!(status["message"], "Request entity too large: limit is 3145728");
}
