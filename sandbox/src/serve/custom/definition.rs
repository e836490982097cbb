//! The life of a CustomResourceDefinition: its names are accepted, its kinds are served, and when it
//! goes, its objects go first.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::delete;
use crate::causes::Causes;
use crate::kinds::{CUSTOM_RESOURCE_DEFINITION, custom};
use crate::managed::{Managers, Operation, Writer};
use crate::object::{Object, elements, set, take, text};
use crate::state::State;

/// What keeps a definition until its objects are gone.
const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// Fills in what a definition does not say.
pub fn defaults(definition: &mut Value) {
    let kind = text(definition, "/spec/names/kind").to_owned();
    let missing = |definition: &Value, pointer| text(definition, pointer).is_empty();
    if !kind.is_empty() && missing(definition, "/spec/names/singular") {
        set(definition, "/spec/names", "singular", json!(kind.to_lowercase()));
    }
    if !kind.is_empty() && missing(definition, "/spec/names/listKind") {
        set(definition, "/spec/names", "listKind", json!(format!("{kind}List")));
    }
    if missing(definition, "/spec/conversion/strategy") {
        set(definition, "/spec/conversion", "strategy", json!("None"));
    }
    if definition.get("status").is_none() {
        let versions = elements(definition, "/spec/versions");
        let stored = versions.filter(|version| version.get("storage") == Some(&json!(true)));
        let stored: Vec<Value> = stored.map(|version| json!(text(version, "/name"))).collect();
        let status = json!({
            "conditions": null, "acceptedNames": {"plural": "", "kind": ""},
            "storedVersions": stored,
        });
        set(definition, "", "status", status);
    }
}

/// What is wrong with a definition.
pub fn broken(before: Option<&Value>, definition: &Value) -> Causes {
    let mut causes = Causes::default();
    let (name, group) = (text(definition, "/metadata/name"), text(definition, "/spec/group"));
    let plural = text(definition, "/spec/names/plural");
    if name != format!("{plural}.{group}") {
        let why = "must be spec.names.plural+\".\"+spec.group";
        causes.invalid("metadata.name", &json!(name), why);
    }
    let approval = definition
        .pointer("/metadata/annotations")
        .and_then(|annotations| annotations.get("api-approved.kubernetes.io"));
    let protected = [".k8s.io", ".kubernetes.io"].iter().any(|end| group.ends_with(end));
    if protected && approval.is_none() {
        causes.required(
            "metadata.annotations[api-approved.kubernetes.io]",
            "protected groups must have approval annotation \"api-approved.kubernetes.io\", see https://github.com/kubernetes/enhancements/pull/1111",
        );
    }
    if !group.contains('.') {
        let why = "should be a domain with at least one dot";
        causes.invalid("spec.group", &json!(group), why);
    }
    let scope = text(definition, "/spec/scope");
    if !["Cluster", "Namespaced"].contains(&scope) {
        causes.unsupported("spec.scope", &json!(scope), &["Cluster", "Namespaced"]);
    }
    for field in ["plural", "singular", "kind", "listKind"] {
        if text(definition, &format!("/spec/names/{field}")).is_empty() {
            causes.required(format!("spec.names.{field}"), "");
        }
    }
    versions(definition, &mut causes);
    for field in ["group", "scope"] {
        let said = |definition: &Value| text(definition, &format!("/spec/{field}")).to_owned();
        if before.is_some_and(|before| said(before) != said(definition)) {
            let value = json!(said(definition));
            causes.invalid(format!("spec.{field}"), &value, "field is immutable");
        }
    }
    causes
}

fn versions(definition: &Value, causes: &mut Causes) {
    let versions = || elements(definition, "/spec/versions");
    let stored = versions().filter(|version| version.get("storage") == Some(&json!(true)));
    if stored.count() != 1 {
        let value = definition.pointer("/spec/versions").cloned().unwrap_or_default();
        let why = "must have exactly one version marked as storage version";
        causes.invalid("spec.versions", &value, why);
    }
    for (index, version) in versions().enumerate() {
        let field = format!("spec.versions[{index}].schema.openAPIV3Schema");
        match version.pointer("/schema/openAPIV3Schema") {
            None => causes.required(field, ""),
            Some(schema) if text(schema, "/type") != "object" => {
                let value = json!(text(schema, "/type"));
                let why = "must be object at the root";
                causes.invalid(format!("{field}.type"), &value, why);
            }
            Some(_) => {}
        }
    }
}

/// Serves the kinds of a definition that was created or changed, and says so in its status.
pub fn establish(state: &mut State, stored: &Object) {
    let definition = stored.value();
    if is_going(&definition) {
        return;
    }
    let mut accepted = definition.pointer("/spec/names").cloned().unwrap_or_default();
    take(&mut accepted, "", "categories");
    let report = |state: &mut State, conditions: [Condition<'_>; 2]| {
        change(state, &stored.name, |definition, now| {
            set(definition, "/status", "acceptedNames", accepted.clone());
            conditions.into_iter().for_each(|condition| condition.write(definition, now));
        });
    };
    if let Some(why) = conflict(state, &definition) {
        let names = Condition("NamesAccepted", "False", "ListKindConflict", &why);
        let not = Condition("Established", "False", "NotAccepted", "not all names are accepted");
        return report(state, [names, not]);
    }
    let kinds = custom::of_definition(&definition);
    if let Some(first) = kinds.first() {
        state.store.register(first);
    }
    state.kinds.define(&stored.name, kinds);
    let names = Condition("NamesAccepted", "True", "NoConflicts", "no conflicts found");
    let why = "the initial names have been accepted";
    let already = elements(&definition, "/status/conditions").any(|condition| {
        text(condition, "/type") == "Established" && text(condition, "/status") == "True"
    });
    if !already {
        report(state, [names, Condition("Established", "False", "Installing", why)]);
    }
    report(state, [names, Condition("Established", "True", "InitialNamesAccepted", why)]);
}

/// Marks a definition that is to go, and lets its objects go; it follows them.
pub fn end(state: &mut State, definition: &Arc<Object>) -> Arc<Object> {
    if is_going(&definition.value()) {
        return definition.clone();
    }
    let (mut going, now) = (definition.value(), state.now());
    set(&mut going, "/metadata", "deletionTimestamp", json!(now));
    set(&mut going, "/metadata", "finalizers", json!([CLEANUP]));
    let why =
        "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon";
    Condition("Terminating", "True", "InstanceDeletionPending", why).write(&mut going, &now);
    let marked = state.store.put(&CUSTOM_RESOURCE_DEFINITION, going);
    let kinds = state.kinds.all().find(|kind| kind.collection() == definition.name);
    if let Some(kind) = kinds {
        let objects: Vec<Arc<Object>> = state.store.objects(kind).cloned().collect();
        for object in objects {
            delete::let_go(state, kind, &object);
        }
    }
    finish(state, &definition.name);
    marked
}

/// Removes a definition that is to go, once none of its objects is left.
pub fn finish(state: &mut State, name: &str) {
    let Some(found) = state.store.get(&CUSTOM_RESOURCE_DEFINITION, "", name) else {
        return;
    };
    let kind = state.kinds.all().find(|kind| kind.collection() == name);
    let left = kind.is_some_and(|kind| state.store.objects(kind).next().is_some());
    if is_going(&found.value()) && !left {
        state.kinds.define(name, Vec::new());
        state.store.remove(&CUSTOM_RESOURCE_DEFINITION, &found.key());
    }
}

fn is_going(definition: &Value) -> bool {
    !text(definition, "/metadata/deletionTimestamp").is_empty()
}

/// Another kind of the group that has the same name.
fn conflict(state: &State, definition: &Value) -> Option<String> {
    let (group, kind) = (text(definition, "/spec/group"), text(definition, "/spec/names/kind"));
    let name = text(definition, "/metadata/name");
    let others = state.kinds.all().filter(|other| other.collection() != name);
    let taken = others.filter(|other| other.group == group).any(|other| other.kind == kind);
    taken.then(|| format!("\"{kind}List\" is already in use"))
}

/// Type, status, reason and message.
#[derive(Clone, Copy)]
struct Condition<'a>(&'a str, &'a str, &'a str, &'a str);

impl Condition<'_> {
    fn write(self, definition: &mut Value, now: &str) {
        let Condition(kind, status, reason, message) = self;
        let condition = json!({
            "type": kind, "status": status, "lastTransitionTime": now,
            "reason": reason, "message": message,
        });
        let mut conditions: Vec<Value> =
            elements(definition, "/status/conditions").cloned().collect();
        match conditions.iter_mut().find(|known| text(known, "/type") == kind) {
            Some(known) if text(known, "/status") == status => {}
            Some(known) => *known = condition,
            None => conditions.push(condition),
        }
        set(definition, "/status", "conditions", json!(conditions));
    }
}

/// Changes the stored definition as the server itself.
fn change(state: &mut State, name: &str, change: impl FnOnce(&mut Value, &str)) {
    let Some(current) = state.store.get(&CUSTOM_RESOURCE_DEFINITION, "", name) else {
        return;
    };
    let before = current.value();
    let (mut definition, now) = (before.clone(), state.now());
    change(&mut definition, &now);
    let writer = Writer {
        name: "kube-apiserver".to_owned(),
        operation: Operation::Update,
        api_version: CUSTOM_RESOURCE_DEFINITION.api_version(),
        subresource: "status",
        time: now,
    };
    let schema = CUSTOM_RESOURCE_DEFINITION.schema();
    Managers::update(&writer, schema, Some(&before), &mut definition, &["metadata"]);
    state.store.put(&CUSTOM_RESOURCE_DEFINITION, definition);
}
