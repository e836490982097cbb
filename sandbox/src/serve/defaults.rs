//! What the server fills in where an object says nothing, and what it refuses to store.

use serde_json::{Value, json};

use crate::kinds::Kind;
use crate::object::{set, text};
use crate::refusal::Refusal;

/// Fills in an object that is about to be stored.
pub fn apply(kind: &Kind, object: &mut Value) {
    match kind.kind {
        "Namespace" => namespace(object),
        "Pod" => {
            pod(object.pointer_mut("/spec"));
            fill(object, "/status", json!({"phase": "Pending"}));
        }
        "Service" => service(object),
        "Endpoints" => each(object.pointer_mut("/subsets"), |subset| {
            each(subset.get_mut("ports"), |port| fill(port, "", json!({"protocol": "TCP"})));
        }),
        "EndpointSlice" => each(object.pointer_mut("/ports"), |port| {
            fill(port, "", json!({"name": "", "protocol": "TCP"}));
        }),
        "Deployment" => {
            deployment(object);
            fill(object, "", json!({"status": {}}));
        }
        "ReplicaSet" => {
            fill(object, "/spec", json!({"replicas": 1}));
            pod(object.pointer_mut("/spec/template/spec"));
            fill(object, "/status", json!({"replicas": 0}));
        }
        "Event" => {
            let nothing = Value::Null;
            fill(
                object,
                "",
                json!({"involvedObject": {}, "source": {}, "firstTimestamp": nothing,
                "lastTimestamp": nothing, "eventTime": nothing, "reportingComponent": "",
                "reportingInstance": ""}),
            );
        }
        "Secret" => {
            fill(object, "", json!({"type": "Opaque"}));
        }
        _ => {}
    }
}

/// Checks what users and controllers rely on being checked.
pub fn validate(kind: &Kind, name: &str, object: &Value) -> Result<(), Refusal> {
    let required: &[&str] = match kind.kind {
        "EndpointSlice" => &["addressType"],
        "Deployment" | "ReplicaSet" => &["spec.selector", "spec.template.spec.containers"],
        "IPAddress" => &["spec.parentRef"],
        "ServiceCIDR" => &["spec.cidrs"],
        _ => &[],
    };
    for field in required {
        let pointer = format!("/{}", field.replace('.', "/"));
        if is_empty(object.pointer(&pointer)) {
            let why = "Required value";
            return Err(Refusal::invalid(kind, name, field, "FieldValueRequired", why));
        }
    }
    if matches!(kind.kind, "Deployment" | "ReplicaSet") {
        selects_its_own(kind, name, object)?;
        let replicas = object.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(0);
        if replicas < 0 {
            let why = format!("Invalid value: {replicas}: must be greater than or equal to 0");
            let (field, cause) = ("spec.replicas", "FieldValueInvalid");
            return Err(Refusal::invalid(kind, name, field, cause, &why));
        }
    }
    Ok(())
}

/// Checks that what may not change has not.
pub fn immutable(kind: &Kind, name: &str, before: &Value, after: &Value) -> Result<(), Refusal> {
    let fields: &[&str] = match kind.kind {
        "EndpointSlice" => &["addressType"],
        "Deployment" | "ReplicaSet" => &["spec.selector"],
        "IPAddress" => &["spec.parentRef"],
        "Secret" => &["type"],
        _ => &[],
    };
    for field in fields {
        let pointer = format!("/{}", field.replace('.', "/"));
        let value = after.pointer(&pointer);
        if before.pointer(&pointer) != value {
            let value = value.unwrap_or(&Value::Null);
            let why = format!("Invalid value: {value}: field is immutable");
            return Err(Refusal::invalid(kind, name, field, "FieldValueInvalid", &why));
        }
    }
    Ok(())
}

fn selects_its_own(kind: &Kind, name: &str, object: &Value) -> Result<(), Refusal> {
    let labels = object.pointer("/spec/template/metadata/labels");
    let wanted = object.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
    let fits = |(key, value): (&String, &Value)| {
        labels.and_then(|labels| labels.get(key)).is_some_and(|found| found == value)
    };
    if wanted.into_iter().flatten().all(fits) {
        return Ok(());
    }
    let labels = labels.cloned().unwrap_or(json!({}));
    let why = format!("Invalid value: {labels}: `selector` does not match template `labels`");
    let field = "spec.template.metadata.labels";
    Err(Refusal::invalid(kind, name, field, "FieldValueInvalid", &why))
}

fn is_empty(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        Some(Value::Object(fields)) => fields.is_empty(),
        Some(_) => false,
    }
}

fn namespace(object: &mut Value) {
    let name = text(object, "/metadata/name").to_owned();
    fill(object, "/metadata/labels", json!({"kubernetes.io/metadata.name": name}));
    fill(object, "/spec", json!({"finalizers": ["kubernetes"]}));
    fill(object, "/status", json!({"phase": "Active"}));
}

fn service(object: &mut Value) {
    fill(object, "/spec", json!({"type": "ClusterIP", "sessionAffinity": "None"}));
    each(object.pointer_mut("/spec/ports"), |port| {
        let target = port.get("port").cloned().unwrap_or_default();
        fill(port, "", json!({"protocol": "TCP", "targetPort": target}));
    });
    if text(object, "/spec/sessionAffinity") == "ClientIP" {
        let affinity = json!({"clientIP": {"timeoutSeconds": 10800}});
        fill(object, "/spec", json!({"sessionAffinityConfig": affinity}));
    }
    fill(object, "/status", json!({"loadBalancer": {}}));
    if text(object, "/spec/type") != "ExternalName" {
        fill(object, "/spec", json!({"internalTrafficPolicy": "Cluster"}));
    }
}

fn deployment(object: &mut Value) {
    let strategy = json!({"type": "RollingUpdate"});
    fill(
        object,
        "/spec",
        json!({
            "replicas": 1, "strategy": strategy, "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
        }),
    );
    fill(object, "/spec/strategy", strategy);
    if text(object, "/spec/strategy/type") == "RollingUpdate" {
        let quarter = json!({"maxUnavailable": "25%", "maxSurge": "25%"});
        fill(object, "/spec/strategy", json!({"rollingUpdate": quarter}));
    }
    pod(object.pointer_mut("/spec/template/spec"));
}

/// Fills in a Pod's spec, wherever it stands.
fn pod(spec: Option<&mut Value>) {
    let Some(spec) = spec else {
        return;
    };
    fill(
        spec,
        "",
        json!({
            "restartPolicy": "Always", "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst", "securityContext": {},
            "schedulerName": "default-scheduler",
        }),
    );
    each(spec.get_mut("containers"), container);
    if let Some(account) = spec.get("serviceAccountName").cloned() {
        fill(spec, "", json!({"serviceAccount": account}));
    }
}

fn container(container: &mut Value) {
    let image = text(container, "/image").rsplit('/').next().unwrap_or("").to_owned();
    let tag = image.split_once(':').map_or("latest", |(_, tag)| tag);
    let pull = if tag == "latest" && !image.contains('@') { "Always" } else { "IfNotPresent" };
    fill(
        container,
        "",
        json!({
            "resources": {}, "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File", "imagePullPolicy": pull,
        }),
    );
    each(container.get_mut("ports"), |port| fill(port, "", json!({"protocol": "TCP"})));
    for probe in ["readinessProbe", "livenessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(probe) {
            let defaults = json!({
                "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1,
                "failureThreshold": 3,
            });
            fill(probe, "", defaults);
            if probe.get("httpGet").is_some() {
                fill(probe, "/httpGet", json!({"path": "/", "scheme": "HTTP"}));
            }
        }
    }
}

fn each(list: Option<&mut Value>, change: impl FnMut(&mut Value)) {
    list.and_then(Value::as_array_mut).into_iter().flatten().for_each(change);
}

/// Sets the fields of a map that are absent, null or empty text; the map is made if it is missing.
fn fill(object: &mut Value, pointer: &str, with: Value) {
    let Value::Object(with) = with else {
        return;
    };
    for (field, value) in with {
        let missing = match object.pointer(&format!("{pointer}/{}", field.replace('/', "~1"))) {
            None | Some(Value::Null) => true,
            Some(Value::String(text)) => text.is_empty() && value != json!(""),
            Some(_) => false,
        };
        if missing {
            set(object, pointer, &field, value);
        }
    }
}
