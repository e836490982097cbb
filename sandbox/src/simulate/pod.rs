//! A Pod's life: scheduled, running, ready, out of order, gone.

use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::cluster::{Cluster, Open};
use super::{ANNOTATION, Plan, at, is_ready, number, stays};
use crate::kinds::{POD, Part};
use crate::object::{elements, text};
use crate::request::Verb;
use crate::store::Key;
use crate::taken_addresses::TakenAddresses;

/// Where Pods get their addresses.
const RANGE: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 244, 0, 0), 16);

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
    cluster: &mut Cluster,
    nodes: &mut [(String, usize)],
    now: Timestamp,
    plan: &mut Plan,
) {
    let told = pod.pointer("/metadata/annotations").and_then(|all| all.get(ANNOTATION));
    let told = told.and_then(Value::as_str).unwrap_or("");
    let phase = text(pod, "/status/phase");
    if !stays(pod) {
        return end(pod, &mut cluster.open, now, plan);
    }
    if told == "pending" && phase == "Pending" {
        return;
    }
    if text(pod, "/spec/nodeName").is_empty() {
        return schedule(pod, nodes, now, plan);
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
            cluster.open.later(ready_at, key(pod));
            Wanted::NotReady
        }
        _ => Wanted::Ready,
    };
    if phase == "Running" && looks(pod) == Some(wanted) {
        return;
    }
    let status = status(pod, wanted, &mut cluster.addresses, now);
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
fn end(pod: &Value, open: &mut Open, now: Timestamp, plan: &mut Plan) {
    match text(pod, "/metadata/deletionTimestamp").parse::<Timestamp>() {
        Ok(last) if now < last => open.later(last, key(pod)),
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
fn schedule(pod: &Value, nodes: &mut [(String, usize)], now: Timestamp, plan: &mut Plan) {
    let Some((node, count)) = nodes.iter_mut().min_by_key(|(_, count)| *count) else {
        return;
    };
    *count += 1;
    let binding = json!({"target": {"kind": "Node", "name": node}});
    plan.write(Verb::Create, Part::Binding, &POD, pod, binding);
    if let Some(write) = plan.writes.last_mut() {
        text(pod, "/metadata/name").clone_into(&mut write.name);
    }
    plan.event((&POD, pod), "Scheduled", &format!("Assigned to {node}"), now);
}

fn key(pod: &Value) -> Key {
    let part = |field: &str| text(pod, &format!("/metadata/{field}")).to_owned();
    (part("namespace"), part("name"))
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

/// The address of a Pod; the lowest free one is given, until none is left.
fn address(pod: &Value, addresses: &mut TakenAddresses) -> String {
    let known = text(pod, "/status/podIP");
    if !known.is_empty() {
        return known.to_owned();
    }
    let given = addresses.lowest_free(IpNet::V4(RANGE));
    let given = given.map_or(String::new(), |address| address.to_string());
    addresses.take(&given);
    given
}

fn status(pod: &Value, wanted: Wanted, addresses: &mut TakenAddresses, now: Timestamp) -> Value {
    let address = address(pod, addresses);
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
