//! Simulated Nodes and workloads: Deployments make ReplicaSets, these make Pods, and Pods get a
//! Node and an address, run, become ready and end. What to do is decided from what is known of the
//! cluster and the time alone; the loop in [`run`] looks again at what has changed or is due.
//!
//! The annotation `sandbox.roster.dev/simulate` lets a Pod go wrong: `unready`, `crash` or `pending`.

mod cluster;

mod deployment;
mod pod;
mod replica_set;

use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use self::cluster::Cluster;
use crate::kinds::{DEPLOYMENT, EVENT, Kind, NODE, POD, Part, REPLICA_SET};
use crate::negotiate::Form;
use crate::object::{elements, text};
use crate::request::{Ask, Verb};
use crate::sandbox::Sandbox;
use crate::tokens::Requester;

/// What lets a Pod go wrong.
pub const ANNOTATION: &str = "sandbox.roster.dev/simulate";
/// How long changes are gathered before they are looked at together.
const GATHER: Duration = Duration::from_millis(20);
/// How long nothing is looked at if nothing changes and nothing is known to be due.
const IDLE: Duration = Duration::from_secs(60);

/// How long after a refusal everything is looked at again.
const AGAIN: SignedDuration = SignedDuration::from_secs(1);

/// What to do now.
#[derive(Default)]
struct Plan {
    writes: Vec<Write>,
}

/// One write.
struct Write {
    verb: Verb,
    part: Part,
    kind: &'static Kind,
    namespace: String,
    name: String,
    body: Value,
}

impl Plan {
    fn write(&mut self, verb: Verb, part: Part, kind: &'static Kind, of: &Value, body: Value) {
        let namespace = text(of, "/metadata/namespace").to_owned();
        let creates = verb == Verb::Create && part == Part::Main;
        let name = if creates { "" } else { text(of, "/metadata/name") };
        self.writes.push(Write { verb, part, kind, namespace, name: name.to_owned(), body });
    }

    fn event(&mut self, about: (&Kind, &Value), reason: &str, message: &str, now: Timestamp) {
        let (kind, object) = about;
        let (name, namespace) =
            (text(object, "/metadata/name"), text(object, "/metadata/namespace"));
        let warning = matches!(reason, "Unhealthy" | "BackOff");
        let now = at(now);
        let event = json!({
            "metadata": {"generateName": format!("{name}."), "namespace": namespace},
            "involvedObject": {
                "kind": kind.kind, "apiVersion": kind.api_version(), "namespace": namespace,
                "name": name, "uid": text(object, "/metadata/uid"),
            },
            "type": if warning { "Warning" } else { "Normal" },
            "reason": reason, "message": message, "source": {"component": "simulation"},
            "firstTimestamp": now, "lastTimestamp": now, "count": 1,
        });
        self.write(Verb::Create, Part::Main, &EVENT, object, event);
    }
}

/// Makes Nodes, one after the other in the zones `zone-a`, `zone-b` and `zone-c`.
pub fn make_nodes(sandbox: &Sandbox, count: u8) {
    for number in 1..=count {
        let zone = ["zone-c", "zone-a", "zone-b"].get(usize::from(number) % 3).unwrap_or(&"zone-a");
        let ready = json!({"type": "Ready", "status": "True", "reason": "KubeletReady"});
        let address = json!({"type": "InternalIP", "address": format!("172.18.0.{number}")});
        let name = format!("node-{number}");
        let labels = json!({"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone});
        let node = json!({
            "metadata": {"name": name, "labels": labels},
            "status": {
                "conditions": [ready], "addresses": [address],
                "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
                "nodeInfo": {"kubeletVersion": "v1.36.3"},
            },
        });
        let mut plan = Plan::default();
        plan.write(Verb::Create, Part::Main, &NODE, &node, node.clone());
        carry_out(sandbox, plan.writes);
    }
}

/// Simulates for as long as it is polled.
pub async fn run(sandbox: Sandbox) {
    let mut cluster = Cluster::default();
    loop {
        let news = sandbox.news(&[&NODE, &POD, &REPLICA_SET, &DEPLOYMENT]);
        let now = look(&sandbox, &mut cluster);
        cluster.open.due(now);
        let plan = plan(&mut cluster, now);
        let acted = !plan.writes.is_empty();
        if carry_out(&sandbox, plan.writes) == Outcome::SomeRefused {
            tokio::time::sleep(AGAIN.unsigned_abs()).await;
            // Whoever was refused is not told by a change.
            cluster = Cluster::default();
            continue;
        }
        if acted {
            tokio::time::sleep(GATHER).await;
            continue;
        }
        let wait = cluster.open.next_due().map_or(IDLE, |due| {
            Duration::try_from(due.duration_since(now)).unwrap_or_default().max(GATHER)
        });
        let _ = tokio::time::timeout(wait, news).await;
    }
}

fn look(sandbox: &Sandbox, cluster: &mut Cluster) -> Timestamp {
    let state = sandbox.state();
    cluster.follow(&state.store);
    state.time()
}

/// Decides about all that has to be looked at.
fn plan(cluster: &mut Cluster, now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    for key in std::mem::take(&mut cluster.open.deployments) {
        if let Some(deployment) = cluster.deployment(&key).filter(stays) {
            deployment::plan(&deployment, cluster, now, &mut plan);
        }
    }
    for key in std::mem::take(&mut cluster.open.sets) {
        if let Some(set) = cluster.set(&key).filter(stays) {
            replica_set::plan(&set, cluster, now, &mut plan);
        }
    }
    let mut nodes = cluster.open_nodes();
    for key in std::mem::take(&mut cluster.open.pods) {
        if let Some(pod) = cluster.pod(&key) {
            pod::plan(&pod, cluster, &mut nodes, now, &mut plan);
        }
    }
    plan
}

/// What came of many writes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    AllDone,
    SomeRefused,
}

fn carry_out(sandbox: &Sandbox, writes: Vec<Write>) -> Outcome {
    let mut outcome = Outcome::AllDone;
    for write in writes {
        let media_type = match write.verb {
            Verb::Patch => "application/merge-patch+json",
            _ => "application/json",
        };
        let answer = sandbox.serve(&Ask {
            verb: write.verb,
            kind: write.kind,
            namespace: write.namespace,
            name: write.name,
            part: write.part,
            form: Form::Object,
            query: Vec::new(),
            media_type: Some(media_type.to_owned()),
            body: Bytes::from(write.body.to_string()),
            requester: Requester::default(),
            program: "simulation".to_owned(),
        });
        // An event that cannot be told is let go.
        if !answer.status().is_success() && *write.kind != EVENT {
            outcome = Outcome::SomeRefused;
        }
    }
    outcome
}

/// Whether an object is not being deleted.
fn stays(object: &Value) -> bool {
    text(object, "/metadata/deletionTimestamp").is_empty()
}

/// Whether a Pod is ready.
fn is_ready(pod: &Value) -> bool {
    elements(pod, "/status/conditions").any(|condition| {
        text(condition, "/type") == "Ready" && text(condition, "/status") == "True"
    })
}

/// The number at a pointer; nothing there is zero.
fn number(value: &Value, pointer: &str) -> i64 {
    value.pointer(pointer).and_then(Value::as_i64).unwrap_or(0)
}

/// Whether a status says already what it should.
fn says(object: &Value, status: &Value) -> bool {
    let wanted = status.as_object().into_iter().flatten();
    wanted
        .into_iter()
        .all(|(field, value)| object.pointer(&format!("/status/{field}")) == Some(value))
}

/// What makes an owner of an object.
fn reference(kind: &Kind, owner: &Value) -> Value {
    json!([{
        "apiVersion": kind.api_version(), "kind": kind.kind, "controller": true,
        "blockOwnerDeletion": true, "name": text(owner, "/metadata/name"),
        "uid": text(owner, "/metadata/uid"),
    }])
}

fn at(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
