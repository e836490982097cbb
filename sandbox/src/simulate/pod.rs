//! A Pod's life: scheduled, running, ready, out of order, gone.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{ANNOTATION, Plan, Snapshot, at, is_ready, number, stays};
use crate::kinds::{POD, Part};
use crate::object::{elements, text};
use crate::request::Verb;

/// Where Pods get their addresses.
const POD_RANGE: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 244, 0, 0), 16);

/// How a running Pod should look.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Ready,
    NotReady,
    Crashing,
}

/// Decides about one Pod.
pub fn plan(
    pod: &Value,
    snapshot: &Snapshot,
    used: &mut BTreeSet<String>,
    now: Timestamp,
    plan: &mut Plan,
) {
    let told = pod.pointer("/metadata/annotations").and_then(|all| all.get(ANNOTATION));
    let told = told.and_then(Value::as_str).unwrap_or("");
    let phase = text(pod, "/status/phase");
    if !stays(pod) {
        return end(pod, now, plan);
    }
    if told == "pending" && phase == "Pending" {
        return;
    }
    if text(pod, "/spec/nodeName").is_empty() {
        return schedule(pod, snapshot, now, plan);
    }
    if phase != "Pending" && phase != "Running" {
        return;
    }
    let since = elements(pod, "/status/containerStatuses").next();
    let since = since.and_then(|found| text(found, "/state/running/startedAt").parse().ok());
    let ready_at = since.unwrap_or(now) + SignedDuration::from_secs(delay(pod));
    let wanted = match told {
        "crash" => Wanted::Crashing,
        "unready" => Wanted::NotReady,
        _ if now < ready_at => {
            plan.wait_until(ready_at);
            Wanted::NotReady
        }
        _ => Wanted::Ready,
    };
    if phase == "Running" && looks(pod) == Some(wanted) {
        return;
    }
    let status = status(pod, wanted, used, now);
    match (phase, wanted) {
        ("Pending", _) => plan.event((&POD, pod), "Started", "Started container", now),
        (_, Wanted::Crashing) => {
            plan.event((&POD, pod), "BackOff", "Back-off restarting failed container", now);
        }
        (_, Wanted::NotReady) if is_ready(pod) => {
            plan.event((&POD, pod), "Unhealthy", "Readiness probe failed", now);
        }
        _ => {}
    }
    plan.write(Verb::Patch, Part::Status, &POD, pod, json!({"status": status}));
}

/// A Pod that is being deleted uses all the time it is given.
fn end(pod: &Value, now: Timestamp, plan: &mut Plan) {
    match text(pod, "/metadata/deletionTimestamp").parse::<Timestamp>() {
        Ok(last) if now < last => plan.wait_until(last),
        _ => {
            let options = json!({
                "gracePeriodSeconds": 0,
                "preconditions": {"uid": text(pod, "/metadata/uid")},
            });
            plan.write(Verb::Delete, Part::Main, &POD, pod, options);
        }
    }
}

/// The Node with the fewest Pods, the first of them.
fn schedule(pod: &Value, snapshot: &Snapshot, now: Timestamp, plan: &mut Plan) {
    let given = |name: &str| {
        let pods = snapshot.pods.iter().filter(|pod| text(pod, "/spec/nodeName") == name).count();
        let planned = plan.writes.iter().filter(|write| {
            write.part == Part::Binding && text(&write.body, "/target/name") == name
        });
        pods + planned.count()
    };
    let open = snapshot
        .nodes
        .iter()
        .filter(|node| stays(node) && node.pointer("/spec/unschedulable") != Some(&json!(true)));
    let names = open.map(|node| text(node, "/metadata/name"));
    let Some(node) = names.min_by_key(|name| given(name)) else {
        return;
    };
    let binding = json!({"target": {"kind": "Node", "name": node}});
    plan.write(Verb::Create, Part::Binding, &POD, pod, binding);
    if let Some(write) = plan.writes.last_mut() {
        text(pod, "/metadata/name").clone_into(&mut write.name);
    }
    plan.event((&POD, pod), "Scheduled", &format!("Assigned to {node}"), now);
}

fn delay(pod: &Value) -> i64 {
    let containers = elements(pod, "/spec/containers");
    containers
        .map(|container| number(container, "/readinessProbe/initialDelaySeconds"))
        .max()
        .unwrap_or(0)
}

fn looks(pod: &Value) -> Option<Wanted> {
    let container = elements(pod, "/status/containerStatuses").next()?;
    let crashing = container.pointer("/state/waiting").is_some();
    Some(match (crashing, is_ready(pod)) {
        (true, _) => Wanted::Crashing,
        (false, true) => Wanted::Ready,
        (false, false) => Wanted::NotReady,
    })
}

fn status(pod: &Value, wanted: Wanted, used: &mut BTreeSet<String>, now: Timestamp) -> Value {
    let address = match text(pod, "/status/podIP") {
        "" => free(used),
        known => known.to_owned(),
    };
    let ready = wanted == Wanted::Ready;
    let word = if ready { "True" } else { "False" };
    let condition = |of: &str, status: &str| {
        json!({
            "type": of, "status": status, "lastTransitionTime": at(now),
        })
    };
    let mut conditions = vec![condition("PodScheduled", "True"), condition("Initialized", "True")];
    for of in ["ContainersReady", "Ready"] {
        let mut found = condition(of, word);
        if let (false, Some(fields)) = (ready, found.as_object_mut()) {
            fields.insert("reason".to_owned(), json!("ContainersNotReady"));
        }
        conditions.push(found);
    }
    let containers = elements(pod, "/spec/containers");
    let containers: Vec<Value> =
        containers.map(|found| container(pod, found, wanted, now)).collect();
    let start = match text(pod, "/status/startTime") {
        "" => at(now),
        known => known.to_owned(),
    };
    json!({
        "phase": "Running", "podIP": address, "podIPs": [{"ip": address}], "startTime": start,
        "conditions": conditions, "containerStatuses": containers,
    })
}

fn container(pod: &Value, spec: &Value, wanted: Wanted, now: Timestamp) -> Value {
    let name = text(spec, "/name");
    let known =
        elements(pod, "/status/containerStatuses").find(|found| text(found, "/name") == name);
    let restarts = known.map_or(0, |known| number(known, "/restartCount"));
    let since = known.map_or("", |known| text(known, "/state/running/startedAt"));
    let since = if since.is_empty() { at(now) } else { since.to_owned() };
    let crashing = wanted == Wanted::Crashing;
    let state = match crashing {
        true => json!({"waiting": {"reason": "CrashLoopBackOff"}}),
        false => json!({"running": {"startedAt": since}}),
    };
    json!({
        "name": name, "image": text(spec, "/image"), "imageID": "", "started": !crashing,
        "ready": wanted == Wanted::Ready, "state": state,
        "restartCount": restarts + i64::from(crashing),
    })
}

/// The lowest free address of the range.
fn free(used: &mut BTreeSet<String>) -> String {
    let mut hosts = POD_RANGE.hosts().map(|host| host.to_string());
    let found = hosts.find(|host| !used.contains(host)).unwrap_or_default();
    used.insert(found.clone());
    found
}
