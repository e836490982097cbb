//! Everything that makes Roster ask for something.

use kube::Client;
use serde_json::{Value, json};
use support::{Cluster, pod, service};

/// A cluster that is never at rest.
pub struct Workload {
    cluster: Cluster,
    without_endpoints: Cluster,
    without_slices: Cluster,
    round: usize,
}

impl Workload {
    /// A Service with a Pod, and namespaces in which there is no room for Endpoints or for slices.
    pub async fn begin(client: Client) -> Self {
        let cluster = Cluster::in_namespace(client.clone(), "busy").await;
        cluster.create(service("web", json!({}))).await;
        cluster.pod(pod("one", "web", "10.1.0.1")).await;
        Self {
            cluster,
            without_endpoints: without(&client, "endpoints", "count/endpoints").await,
            without_slices: without(&client, "slices", "count/endpointslices.discovery.k8s.io")
                .await,
            round: 0,
        }
    }

    /// Each round creates, changes and deletes something of everything.
    pub async fn round(&mut self) {
        let (this, last) = (self.round, self.round.checked_sub(1));
        self.round += 1;
        // There may be one from the last round.
        let _ = self.cluster.try_create(spent_hold()).await;
        self.conflict(if this.is_multiple_of(2) { "False" } else { "True" }).await;
        self.cluster.create(superfluous(this)).await;
        let follows = json!({"selector": {"app": "web"}});
        self.cluster.create(service(&format!("follows-{this}"), follows)).await;
        self.without_endpoints.create(service(&format!("refused-{this}"), json!({}))).await;
        for cluster in [&self.cluster, &self.without_slices] {
            let name = format!("bare-{this}");
            cluster.create(service(&name, json!({"selector": null}))).await;
            cluster.create(by_hand(&name, "192.0.2.1")).await;
        }
        if let Some(last) = last {
            let other = by_hand(&format!("bare-{last}"), "192.0.2.2");
            self.cluster.patch("Endpoints", &format!("bare-{last}"), other).await;
        }
        if let Some(before) = last.and_then(|last| last.checked_sub(1)) {
            self.clear_up(before).await;
        }
    }

    async fn clear_up(&self, round: usize) {
        self.leave_behind(&format!("follows-{round}")).await;
        self.without_endpoints.delete("Service", &format!("refused-{round}")).await;
        for cluster in [&self.cluster, &self.without_slices] {
            cluster.delete("Endpoints", &format!("bare-{round}")).await;
            cluster.delete("Service", &format!("bare-{round}")).await;
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

/// A namespace in which something may not exist, and not for want of rights.
async fn without(client: &Client, what: &str, counted: &str) -> Cluster {
    let cluster = Cluster::in_namespace(client.clone(), &format!("without-{what}")).await;
    let none = json!({counted: "0"});
    cluster
        .create(json!({
            "apiVersion": "v1", "kind": "ResourceQuota",
            "metadata": {"name": "none"}, "spec": {"hard": none},
        }))
        .await;
    cluster.status("ResourceQuota", "none", json!({"hard": none, "used": none})).await;
    cluster
}

/// A slice that nobody needs, as a manager might have left it behind.
fn superfluous(round: usize) -> Value {
    let labels = json!({
        "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    });
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": format!("superfluous-{round}"), "labels": labels}, "endpoints": [],
    })
}

/// The promise of an address that is claimed already: that of the API server's own Service.
fn spent_hold() -> Value {
    json!({
        "apiVersion": "roster.dev/v1alpha1", "kind": "ClusterIPHold",
        "metadata": {"name": "v4-10-96-0-1"},
        "spec": {
            "service": {"namespace": "default", "name": "kubernetes"},
            "requestUID": "request", "holder": "somebody",
        },
    })
}

fn by_hand(name: &str, ip: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": name},
        "subsets": [{"addresses": [{"ip": ip}], "ports": [{"port": 80}]}],
    })
}
