//! The real kubectl on the sandbox and on the real kube-apiserver: the same commands in the same
//! order must end alike and print the same, but for ages, uids, versions and addresses.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod command;
mod normal;
mod story;

use crate::command::Compared::{All, Ending, Subset};
use crate::story::{play, refused};

const WEB: &str = r#"
{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {
  "replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "web", "image": "web:1", "ports": [{"containerPort": 80}]}]}}}}
---
{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "labels": {"app": "web"}},
  "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}]}}
"#;

#[test]
fn what_is_served_is_found() {
    play(
        "discovery",
        &[],
        &[
            (All, "version"),
            (All, "cluster-info"),
            (Subset, "api-resources --no-headers"),
            (Subset, "api-versions"),
            (Subset, "api-resources --no-headers --api-group=apps -o name"),
            (Ending, "explain service.spec.ports"),
            (Ending, "explain pod.spec.containers.readinessProbe"),
            (Ending, "explain deployment"),
            (All, "explain pod.spec.nope"),
        ],
    );
}

#[test]
fn objects_are_made_and_read() {
    let pod = r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"a": "b"}},
        "spec": {"nodeName": "n0", "containers": [{"name": "c", "image": "image:1"}]}}"#;
    play(
        "reading",
        &[("web.yaml", WEB), ("pod.yaml", pod)],
        &[
            (All, "get all"),
            (All, "create -f web.yaml"),
            (All, "create -f web.yaml"),
            (All, "create -f pod.yaml"),
            (All, "get deployments"),
            (All, "get deployments,services,pods -o wide"),
            (All, "get all"),
            (All, "get deployment web"),
            (All, "get deployment web -o yaml"),
            (All, "get service web -o json"),
            (All, "get pods -o name"),
            (All, "get pod p -o jsonpath={.spec.nodeName}"),
            (All, "get pod p -o go-template={{.metadata.name}}"),
            (All, "get pods -o custom-columns=NAME:.metadata.name,NODE:.spec.nodeName"),
            (All, "get pods --show-labels"),
            (All, "get pods -L a"),
            (All, "get pods --sort-by=.metadata.name"),
            (All, "get pods -l a=b"),
            (All, "get pods --field-selector spec.nodeName=n0"),
            (All, "get pods --chunk-size=1"),
            (All, "get pod p --subresource=status"),
            (All, "get deployment web --subresource=scale"),
            (All, "get pods nope"),
            (All, "get nopes"),
            (All, "describe pod p"),
            (All, "describe service web"),
            (All, "describe deployment web"),
            (All, "events"),
            (All, "logs nope"),
        ],
    );
}

#[test]
fn manifests_are_applied_changed_and_deleted() {
    let changed = WEB.replace("\"replicas\": 2", "\"replicas\": 3").replace("web:1", "web:2");
    let unknown = WEB.replace("\"replicas\": 2", "\"replicsa\": 2");
    let files = [("web.yaml", WEB), ("changed.yaml", changed.as_str()), ("bad.yaml", &unknown)];
    play(
        "applying",
        &files,
        &[
            (All, "apply -f bad.yaml"),
            (All, "apply -f web.yaml --dry-run=server"),
            (All, "apply -f web.yaml"),
            (All, "apply -f web.yaml"),
            (Ending, "diff -f changed.yaml"),
            (All, "apply -f changed.yaml"),
            (All, "get deployment web -o yaml"),
            (All, "replace -f web.yaml"),
            (All, "edit service web"),
            (All, "get service web -o yaml"),
            (All, "apply view-last-applied service web"),
            (All, "delete -f web.yaml --wait=false"),
            (All, "delete -f web.yaml"),
            (All, "delete -f web.yaml --ignore-not-found"),
            (All, "create -f web.yaml"),
            (All, "replace --force -f web.yaml"),
            (All, "delete service web --now"),
            (All, "delete deployment --all"),
        ],
    );
}

#[test]
fn who_applies_on_the_server_owns_fields() {
    let changed = WEB.replace("\"replicas\": 2", "\"replicas\": 3");
    play(
        "owning",
        &[("web.yaml", WEB), ("changed.yaml", &changed)],
        &[
            (All, "apply --server-side -f web.yaml"),
            (All, "apply --server-side -f web.yaml"),
            (All, "apply --server-side --field-manager=other -f changed.yaml"),
            (All, "apply --server-side --field-manager=other --force-conflicts -f changed.yaml"),
            (All, "get deployment web -o yaml"),
            (All, "delete -f web.yaml"),
            (All, "apply -f web.yaml"),
            (All, "apply --server-side -f web.yaml"),
            (All, "get service web -o yaml"),
        ],
    );
}

#[test]
fn objects_are_made_without_manifests() {
    play(
        "creating",
        &[],
        &[
            (All, "create deployment web --image=web:1 --replicas=2 --port=80"),
            (All, "create configmap c --from-literal=a=b"),
            (All, "create configmap c --from-literal=a=b"),
            (All, "create secret generic s --from-literal=a=b"),
            (All, "create serviceaccount a"),
            (All, "create service clusterip s --tcp=80:8080"),
            (All, "create namespace creating-more"),
            (All, "expose deployment web --port=80 --name=exposed"),
            (All, "run pod --image=image:1 --port=80"),
            (All, "get configmap c -o yaml"),
            (All, "get deployment web -o yaml"),
            (All, "get services exposed s -o wide"),
            (All, "get pod pod -o yaml"),
            (All, "delete namespace creating-more --wait=false"),
            (Ending, "create token a"),
            (Ending, "create token nope"),
            (All, "auth can-i create pods"),
            (Ending, "auth whoami"),
            (Ending, "auth can-i --list"),
        ],
    );
}

#[test]
fn objects_are_changed_in_place() {
    play(
        "changing",
        &[("web.yaml", WEB)],
        &[
            (All, "create -f web.yaml"),
            (All, "patch service web -p {\"spec\":{\"ports\":[{\"port\":80,\"targetPort\":81}]}}"),
            (All, "patch service web -p {\"spec\":{\"ports\":[{\"port\":80,\"targetPort\":81}]}}"),
            (All, "patch service web --type=merge -p {\"metadata\":{\"labels\":{\"x\":\"y\"}}}"),
            (
                All,
                "patch service web --type=json -p [{\"op\":\"remove\",\"path\":\"/metadata/labels/x\"}]",
            ),
            (
                All,
                "patch deployment web --subresource=status --type=merge -p {\"status\":{\"replicas\":2}}",
            ),
            (All, "scale deployment web --replicas=4"),
            (All, "scale deployment web --current-replicas=4 --replicas=5"),
            (All, "scale deployment web --current-replicas=4 --replicas=6"),
            (All, "label service web a=b"),
            (All, "label service web a=c"),
            (All, "label service web a=c --overwrite"),
            (All, "label service web a-"),
            (All, "annotate service web note=x"),
            (All, "annotate service web note-"),
            (All, "set selector service web app=other"),
            (All, "set image deployment/web web=web:2"),
            (All, "set env deployment/web A=B"),
            (All, "rollout pause deployment web"),
            (All, "rollout resume deployment web"),
            (All, "rollout status deployment web --timeout=1s"),
            (Ending, "rollout restart deployment web"),
            (All, "get service web -o yaml"),
            (All, "get deployment web -o jsonpath={.spec.replicas}/{.metadata.generation}"),
            (All, "wait --for=jsonpath={.spec.replicas}=5 deployment/web --timeout=5s"),
            (All, "wait --for=condition=Available deployment/web --timeout=1s"),
            (All, "wait --for=delete service/nope --timeout=1s"),
            (All, "wait --for=create service/web --timeout=1s"),
        ],
    );
}

#[test]
fn nodes_are_cordoned_and_pods_deleted() {
    let node = r#"{"apiVersion": "v1", "kind": "Node", "metadata": {"name": "deleting-node"}}"#;
    let pod = r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
        "spec": {"nodeName": "deleting-node", "containers": [{"name": "c", "image": "image:1"}]}}"#;
    let free = r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "free"},
        "spec": {"containers": [{"name": "c", "image": "image:1"}]}}"#;
    play(
        "deleting",
        &[("node.yaml", node), ("pod.yaml", pod), ("free.yaml", free)],
        &[
            (All, "create -f node.yaml"),
            (All, "cordon deleting-node"),
            (All, "get node deleting-node"),
            (All, "uncordon deleting-node"),
            (All, "taint node deleting-node a=b:NoSchedule"),
            (All, "taint node deleting-node a-"),
            (All, "describe node deleting-node"),
            (All, "create -f pod.yaml -f free.yaml"),
            (All, "delete pod p --dry-run=server"),
            (All, "delete pod p --timeout=2s"),
            (All, "get pod p"),
            (All, "delete pod p --grace-period=0 --force"),
            (All, "delete pod free"),
            (All, "create -f pod.yaml"),
            (All, "delete pods -l nope=x"),
            (All, "delete pod p --grace-period=1 --wait=false --cascade=orphan"),
            (All, "delete node deleting-node"),
        ],
    );
}

#[test]
fn what_is_out_of_scope_ends_with_the_error_that_the_documentation_names() {
    let web = r#"{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {
      "selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "web:1"}]}}}}"#;
    let pod = r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"app": "web"}},
        "spec": {"nodeName": "n0", "containers": [{"name": "c", "image": "image:1"}]}}"#;
    refused(
        "refusing",
        &[("web.yaml", web), ("pod.yaml", pod)],
        &[
            "create -f web.yaml",
            "create -f pod.yaml",
            "patch pod p --subresource=status -p {\"status\":{\"phase\":\"Running\"}}",
        ],
        &out_of_scope(),
    );
}

/// The commands that the documentation says are refused, and with which words.
fn out_of_scope() -> Vec<(String, String)> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/sandbox.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, section) = page.split_once("\n## What is not\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let commands = section.lines().filter_map(|line| line.trim().strip_prefix("kubectl "));
    let commands = commands.map(|line| {
        let (command, words) = line.split_once(" # ").unwrap();
        (command.trim().to_owned(), words.trim().to_owned())
    });
    let commands: Vec<(String, String)> = commands.collect();
    assert!(commands.len() > 20, "{commands:?}");
    commands
}
