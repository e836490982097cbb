//! Everything that makes Roster ask for something.

use kube::Client;
use serde_json::{Value, json};
use support::{Cluster, pod, service};

/// A cluster that is never at rest.
pub struct Workload {
    cluster: Cluster,
    full: Cluster,
    round: usize,
}

impl Workload {
    /// A Service with a Pod, and a namespace in which there is no room for Endpoints.
    pub async fn begin(client: Client) -> Self {
        let cluster = Cluster::in_namespace(client.clone(), "busy").await;
        cluster.create(service("web", json!({}))).await;
        cluster.pod(pod("one", "web", "10.1.0.1")).await;
        let full = Cluster::in_namespace(client, "full").await;
        let none = json!({"count/endpoints": "0"});
        full.create(json!({
            "apiVersion": "v1", "kind": "ResourceQuota",
            "metadata": {"name": "no-endpoints"}, "spec": {"hard": none},
        }))
        .await;
        full.status("ResourceQuota", "no-endpoints", json!({"hard": none, "used": none})).await;
        Self { cluster, full, round: 0 }
    }

    /// Each round creates, changes and deletes something of everything.
    pub async fn round(&mut self) {
        let (this, last) = (self.round, self.round.checked_sub(1));
        self.round += 1;
        self.conflict(if this.is_multiple_of(2) { "False" } else { "True" }).await;
        self.cluster.create(service(&format!("follows-{this}"), selecting("web"))).await;
        self.cluster.create(service(&format!("bare-{this}"), json!({"selector": null}))).await;
        self.cluster.create(by_hand(&format!("bare-{this}"))).await;
        self.full.create(service(&format!("refused-{this}"), json!({}))).await;
        if let Some(last) = last {
            self.leave_behind(&format!("follows-{last}")).await;
            self.cluster.delete("Endpoints", &format!("bare-{last}")).await;
            self.cluster.delete("Service", &format!("bare-{last}")).await;
            self.full.delete("Service", &format!("refused-{last}")).await;
        }
    }

    /// Deletes a Service whose Endpoints stay. The API server tries to delete them with it, so that
    /// otherwise there would be nothing left to do.
    async fn leave_behind(&self, service: &str) {
        let held = json!({"metadata": {"finalizers": ["example.com/held"]}});
        // They may not have been written yet.
        let _ = self.cluster.try_patch("Endpoints", service, held).await;
        self.cluster.delete("Service", service).await;
    }

    /// A Pod changes, and somebody touches the slice that it is in at the same time.
    async fn conflict(&self, ready: &str) {
        let touch = async || {
            for name in self.cluster.slice_names("web").await {
                let touched = json!({"metadata": {"annotations": {"touched": ready}}});
                // It may have been deleted meanwhile.
                let _ = self.cluster.try_patch("EndpointSlice", &name, touched).await;
            }
        };
        tokio::join!(self.cluster.readiness("one", ready), touch());
    }
}

fn selecting(app: &str) -> Value {
    json!({"selector": {"app": app}})
}

fn by_hand(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": name},
        "subsets": [{"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 80}]}],
    })
}
