//! A history as data: what is done to a cluster, step by step, so that the same can be done to
//! several clusters.

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

use crate::Cluster;
use crate::objects::PodObject;

/// How many things are done at a time, where order does not matter.
const AT_ONCE: usize = 32;

/// One thing done to a cluster.
#[derive(Clone, Debug)]
pub enum Op {
    /// Creates an object.
    Create(Value),
    /// Creates a Node with its status.
    Node(Value),
    /// Creates a Pod with its status.
    Pod(Box<PodObject>),
    /// Merges into an object: kind, name, patch.
    Patch(&'static str, &'static str, Value),
    /// Merges into the status of an object: kind, name, status.
    Status(&'static str, &'static str, Value),
    /// Turns a Pod ready (`True`) or not (`False`).
    Readiness(&'static str, &'static str),
    /// Deletes an object at once: kind, name.
    Delete(&'static str, &'static str),
    /// Deletes a Pod that takes its time.
    Terminate(&'static str),
    /// Merges into every slice of a Service.
    EditSlices(&'static str, Value),
    /// Deletes every slice of a Service.
    DeleteSlices(&'static str),
    /// Merges into the Endpoints of a Service, if there are any.
    EditEndpoints(&'static str, Value),
    /// Deletes the Endpoints of a Service, if there are any.
    DeleteEndpoints(&'static str),
    /// Many things in no order, several at a time.
    AtOnce(Vec<Op>),
}

impl Op {
    /// Creates a Pod.
    pub fn pod(pod: PodObject) -> Self {
        Op::Pod(Box::new(pod))
    }

    /// Does it.
    pub async fn apply(&self, cluster: &Cluster) {
        if let Err(error) = self.try_apply(cluster).await {
            panic!("cannot {self:?}: {error}");
        }
    }

    /// Does it, if the server lets us.
    pub async fn try_apply(&self, cluster: &Cluster) -> kube::Result<()> {
        match self.clone() {
            Op::Create(object) => cluster.try_create(object).await.map(drop),
            Op::Node(node) => {
                cluster.node(node).await;
                Ok(())
            }
            Op::Pod(pod) => cluster.try_pod(*pod).await,
            Op::Patch(kind, name, patch) => cluster.try_patch(kind, name, patch).await,
            Op::Status(kind, name, status) => cluster.try_status(kind, name, status).await,
            Op::Readiness(pod, ready) => cluster.try_readiness(pod, ready).await,
            Op::Delete(kind, name) => cluster.try_delete(kind, name).await,
            Op::Terminate(pod) => cluster.try_terminate(pod).await,
            Op::EditSlices(service, patch) => {
                for name in cluster.slice_names(service).await {
                    // Whoever manages it may have taken it away meanwhile.
                    let _ = cluster.try_patch("EndpointSlice", &name, patch.clone()).await;
                }
                Ok(())
            }
            Op::DeleteSlices(service) => {
                for name in cluster.slice_names(service).await {
                    let _ = cluster.try_delete("EndpointSlice", &name).await;
                }
                Ok(())
            }
            Op::EditEndpoints(service, patch) => {
                let _ = cluster.try_patch("Endpoints", service, patch).await;
                Ok(())
            }
            Op::DeleteEndpoints(service) => {
                let _ = cluster.try_delete("Endpoints", service).await;
                Ok(())
            }
            Op::AtOnce(ops) => {
                let applied = stream::iter(&ops).map(|op| Box::pin(op.try_apply(cluster)));
                applied.buffer_unordered(AT_ONCE).try_collect::<()>().await
            }
        }
    }
}

/// So many ready Pods `APP-1`, `APP-2`, … of an app.
pub fn pods(app: &str, count: usize) -> Vec<Op> {
    let pod = |number: usize| {
        let ip = format!("10.2.{}.{}", number / 250, number % 250 + 1);
        Op::pod(crate::pod(&format!("{app}-{number}"), app, &ip))
    };
    (1..=count).map(pod).collect()
}

/// Creates a Service, as [`crate::service`] makes it.
pub fn create(name: &str, spec: Value) -> Op {
    Op::Create(crate::service(name, spec))
}

/// Creates Endpoints by hand, for a Service without a selector.
pub fn by_hand(name: &str, subsets: Value) -> Op {
    Op::Create(json!({
        "apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": name}, "subsets": subsets,
    }))
}

/// A patch of a spec.
pub fn spec(patch: Value) -> Value {
    json!({ "spec": patch })
}

/// A patch of annotations.
pub fn annotations(annotations: Value) -> Value {
    json!({"metadata": {"annotations": annotations}})
}

/// A patch of labels.
pub fn labels(labels: Value) -> Value {
    json!({"metadata": {"labels": labels}})
}
