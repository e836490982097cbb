//! CustomResourceDefinitions, and the objects of the kinds that they define.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod support;

use sandbox::Sandbox;
use serde_json::{Value, json};
use support::{APPLY, JSON, STRATEGIC, ask, ask_as, create, get, refusal, send, server};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const WIDGETS: &str = "/apis/acme.dev/v1/namespaces/default/widgets";

fn definition() -> Value {
    let rules = json!([{"rule": "self.n != 6"}, {"rule": "self.n < 5 || self.mode != 'slow'", "message": "slow needs n < 5"}]);
    let same = json!([{"rule": "self == oldSelf", "message": "im is immutable"}]);
    let tags = json!({
        "type": "array", "maxItems": 3, "x-kubernetes-list-type": "set",
        "items": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 10},
    });
    let spec = json!({
        "type": "object", "required": ["n"], "x-kubernetes-validations": rules,
        "properties": {
            "n": {"type": "integer", "minimum": 1, "maximum": 9},
            "mode": {"type": "string", "enum": ["fast", "slow"], "default": "fast"},
            "im": {"type": "string", "maxLength": 5, "x-kubernetes-validations": same},
            "replicas": {"type": "integer"},
            "tags": tags,
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "bare": {"type": "object"},
        },
    });
    let status = json!({"type": "object", "properties": {
        "phase": {"type": "string"}, "replicas": {"type": "integer"},
    }});
    let schema = json!({"type": "object", "properties": {"spec": spec, "status": status}});
    let columns = json!([
        {"name": "Mode", "type": "string", "jsonPath": ".spec.mode"},
        {"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]);
    let scale = json!({
        "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas",
    });
    let version = json!({
        "name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}, "scale": scale}, "additionalPrinterColumns": columns,
    });
    json!({
        "metadata": {"name": "widgets.acme.dev"},
        "spec": {
            "group": "acme.dev", "scope": "Namespaced", "versions": [version],
            "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]},
        },
    })
}

fn widget(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "acme.dev/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec})
}

/// A server that knows Widgets.
async fn with_widgets() -> Sandbox {
    let sandbox = server();
    create(&sandbox, DEFINITIONS, definition()).await;
    sandbox
}

#[tokio::test]
async fn a_definition_is_established_and_its_kind_is_served_and_discovered() {
    let sandbox = server();
    assert_eq!(send(&sandbox, "GET", WIDGETS, &[], "").await.code, 404);
    let made = create(&sandbox, DEFINITIONS, definition()).await;
    assert_eq!(made["spec"]["names"]["listKind"], "WidgetList");
    assert_eq!(made["status"]["conditions"], Value::Null);
    let (_, established) = get(&sandbox, &format!("{DEFINITIONS}/widgets.acme.dev")).await;
    let conditions = established["status"]["conditions"].as_array().unwrap().iter();
    let conditions: Vec<String> =
        conditions.map(|c| format!("{} {} {}", c["type"], c["status"], c["reason"])).collect();
    assert_eq!(
        conditions,
        [
            r#""NamesAccepted" "True" "NoConflicts""#,
            r#""Established" "True" "InitialNamesAccepted""#
        ]
    );
    let (_, resources) = get(&sandbox, "/apis/acme.dev/v1").await;
    let names = resources["resources"].as_array().unwrap().iter().map(|r| r["name"].clone());
    assert_eq!(
        json!(names.collect::<Vec<_>>()),
        json!(["widgets", "widgets/scale", "widgets/status"])
    );
    let (code, document) = get(&sandbox, "/openapi/v3/apis/acme.dev/v1").await;
    let schema = &document["components"]["schemas"]["dev.acme.v1.Widget"];
    assert_eq!(
        (code, &schema["properties"]["spec"]["properties"]["n"]["maximum"]),
        (200, &json!(9))
    );
    assert_eq!(get(&sandbox, WIDGETS).await.1["kind"], "WidgetList");
}

#[tokio::test]
async fn a_definition_that_cannot_be_is_refused() {
    let sandbox = server();
    let with = |pointer: &str, value: Value| {
        let mut definition = definition();
        *definition.pointer_mut(pointer).unwrap() = value;
        definition
    };
    let mut refusals = Vec::new();
    for definition in [
        with("/metadata/name", json!("wrong.acme.dev")),
        with("/spec/scope", json!("Foo")),
        with("/spec/versions/0/schema", json!({})),
    ] {
        let path = format!("{DEFINITIONS}?dryRun=All");
        let refused = refusal(&sandbox, "POST", &path, definition).await;
        refusals.push(refused.replace("CustomResourceDefinition.apiextensions.k8s.io", "CRD"));
    }
    create(&sandbox, DEFINITIONS, definition()).await;
    let path = format!("{DEFINITIONS}/widgets.acme.dev");
    let patch = json!({"spec": {"scope": "Cluster"}});
    refusals.push(refusal(&sandbox, "PATCH", &path, patch).await);
    assert_eq!(
        refusals,
        [
            r#"422 CRD "wrong.acme.dev" is invalid: metadata.name: Invalid value: "wrong.acme.dev": must be spec.names.plural+"."+spec.group"#,
            r#"422 CRD "widgets.acme.dev" is invalid: spec.scope: Unsupported value: "Foo": supported values: "Cluster", "Namespaced""#,
            r#"422 CRD "widgets.acme.dev" is invalid: spec.versions[0].schema.openAPIV3Schema: Required value"#,
            r#"422 CustomResourceDefinition.apiextensions.k8s.io "widgets.acme.dev" is invalid: spec.scope: Invalid value: "Cluster": field is immutable"#,
        ]
    );
}

#[tokio::test]
async fn what_the_schema_does_not_know_is_dropped_and_what_it_knows_is_filled_in() {
    let sandbox = with_widgets().await;
    let spec = json!({"n": 1, "foo": 1, "bare": {"a": 1}, "free": {"a": 1}});
    let body = widget("a", spec).to_string();
    let made = send(&sandbox, "POST", WIDGETS, &[("content-type", JSON)], body.clone()).await;
    assert_eq!(
        made.warnings(),
        [r#"299 - "unknown field \"spec.bare.a\"""#, r#"299 - "unknown field \"spec.foo\"""#]
    );
    let left = json!({"n": 1, "bare": {}, "free": {"a": 1}, "mode": "fast"});
    assert_eq!((made.code, &made.json()["spec"]), (201, &left));
    let strict = format!("{WIDGETS}?fieldValidation=Strict");
    let refused = send(&sandbox, "POST", &strict, &[("content-type", JSON)], body).await;
    assert_eq!(
        refused.json()["message"],
        r#"Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "spec.bare.a", unknown field "spec.foo""#
    );
}

#[tokio::test]
async fn what_the_schema_forbids_is_refused_in_the_servers_words() {
    const UNCHECKED: &str = "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";
    let sandbox = with_widgets().await;
    for (spec, expected) in [
        (json!({}), format!("[spec.n: Required value, {UNCHECKED}]")),
        (
            json!({"n": "x"}),
            format!(
                r#"[spec.n: Invalid value: "string": spec.n in body must be of type integer: "string", {UNCHECKED}]"#
            ),
        ),
        (
            json!({"n": 100}),
            "spec.n: Invalid value: 100: spec.n in body should be less than or equal to 9"
                .to_owned(),
        ),
        (
            json!({"n": 1, "mode": "zz"}),
            format!(
                r#"[spec.mode: Unsupported value: "zz": supported values: "fast", "slow", {UNCHECKED}]"#
            ),
        ),
        (
            json!({"n": 1, "tags": ["ABC"]}),
            r#"spec.tags[0]: Invalid value: "ABC": spec.tags[0] in body should match '^[a-z]+$'"#
                .to_owned(),
        ),
        (json!({"n": 1, "tags": ["a", "a"]}), r#"spec.tags[1]: Duplicate value: "a""#.to_owned()),
        (
            json!({"n": 1, "tags": ["a", "b", "c", "d"]}),
            format!("[spec.tags: Too many: 4: must have at most 3 items, {UNCHECKED}]"),
        ),
        (json!({"n": 6}), "spec: Invalid value: failed rule: self.n != 6".to_owned()),
        (json!({"n": 5, "mode": "slow"}), "spec: Invalid value: slow needs n < 5".to_owned()),
    ] {
        let refused = refusal(&sandbox, "POST", WIDGETS, widget("a", spec)).await;
        assert_eq!(refused, format!(r#"422 Widget.acme.dev "a" is invalid: {expected}"#));
    }
    create(&sandbox, WIDGETS, widget("a", json!({"n": 1, "im": "a"}))).await;
    let other = json!({"spec": {"im": "b"}});
    assert_eq!(
        refusal(&sandbox, "PATCH", &format!("{WIDGETS}/a"), other).await,
        r#"422 Widget.acme.dev "a" is invalid: spec.im: Invalid value: "b": im is immutable"#
    );
}

#[tokio::test]
async fn an_object_of_a_defined_kind_says_what_it_is_and_of_which_version() {
    let sandbox = with_widgets().await;
    let other = |pointer: &str, value: &str| {
        let mut widget = widget("a", json!({"n": 1}));
        *widget.pointer_mut(pointer).unwrap() = json!(value);
        widget
    };
    let mut refusals = Vec::new();
    for object in [
        other("/apiVersion", "acme.dev/v2"),
        other("/kind", "Widgetx"),
        json!({"metadata": {"name": "b"}}),
    ] {
        refusals.push(refusal(&sandbox, "POST", WIDGETS, object).await);
    }
    create(&sandbox, WIDGETS, widget("a", json!({"n": 1}))).await;
    refusals.push(
        refusal(&sandbox, "PUT", &format!("{WIDGETS}/a"), widget("a", json!({"n": 2}))).await,
    );
    let (code, _) =
        ask_as(&sandbox, "PATCH", &format!("{WIDGETS}/a"), STRATEGIC, json!({"spec": {}})).await;
    assert_eq!(code, 415);
    assert_eq!(
        refusals,
        [
            "400 the API version in the data (acme.dev/v2) does not match the expected API version (acme.dev/v1)",
            r#"422 Widgetx.acme.dev "a" is invalid: kind: Invalid value: "Widgetx": must be Widget"#,
            r#"400 the object provided is unrecognized (must be of type Widget): Object 'Kind' is missing in '{"metadata":{"name":"b"}}' ({"metadata":{"name":"b"}})"#,
            r#"422 widgets.acme.dev "a" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update"#,
        ]
    );
}

#[tokio::test]
async fn status_scale_generation_and_apply_work_as_for_built_in_kinds() {
    let sandbox = with_widgets().await;
    let path = format!("{WIDGETS}/a");
    let made = create(&sandbox, WIDGETS, {
        let mut widget = widget("a", json!({"n": 1, "replicas": 1}));
        widget["status"] = json!({"phase": "x"});
        widget
    })
    .await;
    assert_eq!((&made["status"], &made["metadata"]["generation"]), (&Value::Null, &json!(1)));
    let both =
        json!({"spec": {"n": 5}, "status": {"phase": "y"}, "metadata": {"labels": {"q": "2"}}});
    let (_, status) = ask(&sandbox, "PATCH", &format!("{path}/status"), both).await;
    assert_eq!(
        (&status["spec"]["n"], &status["status"]["phase"], &status["metadata"]["labels"]),
        (&json!(1), &json!("y"), &Value::Null)
    );
    let (_, scale) =
        ask(&sandbox, "PATCH", &format!("{path}/scale"), json!({"spec": {"replicas": 4}})).await;
    assert_eq!(scale["spec"]["replicas"], 4);
    let (code, applied) = ask_as(
        &sandbox,
        "PATCH",
        &format!("{path}?fieldManager=m"),
        APPLY,
        widget("a", json!({"im": "x"})),
    )
    .await;
    assert_eq!(
        (code, &applied["spec"]["replicas"], &applied["metadata"]["generation"]),
        (200, &json!(4), &json!(3))
    );
}

#[tokio::test]
async fn printer_columns_are_read_by_their_paths() {
    let sandbox = with_widgets().await;
    create(&sandbox, WIDGETS, widget("a", json!({"n": 1}))).await;
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    let answer = send(&sandbox, "GET", WIDGETS, &[("accept", table)], "").await.json();
    let columns = answer["columnDefinitions"].as_array().unwrap().iter().map(|c| c["name"].clone());
    assert_eq!(json!(columns.collect::<Vec<_>>()), json!(["Name", "Mode", "Ready", "Age"]));
    assert_eq!(answer["rows"][0]["cells"], json!(["a", "fast", null, "0s"]));
}

#[tokio::test]
async fn when_a_definition_goes_its_objects_and_paths_go_with_it() {
    let sandbox = with_widgets().await;
    let held = {
        let mut widget = widget("a", json!({"n": 1}));
        widget["metadata"]["finalizers"] = json!(["x.y/z"]);
        widget
    };
    create(&sandbox, WIDGETS, held).await;
    create(&sandbox, WIDGETS, widget("b", json!({"n": 1}))).await;
    let path = format!("{DEFINITIONS}/widgets.acme.dev");
    let (code, going) = ask(&sandbox, "DELETE", &path, Value::Null).await;
    let finalizers = &going["metadata"]["finalizers"];
    assert_eq!((code, finalizers), (200, &json!(["customresourcecleanup.apiextensions.k8s.io"])));
    assert_eq!(get(&sandbox, WIDGETS).await.1["items"].as_array().unwrap().len(), 1);
    let free = json!({"metadata": {"finalizers": null}});
    ask(&sandbox, "PATCH", &format!("{WIDGETS}/a"), free).await;
    assert_eq!(get(&sandbox, &path).await.0, 404);
    assert_eq!(send(&sandbox, "GET", WIDGETS, &[], "").await.code, 404);
}
