//! A cluster as a test handles it: create, change, delete, and wait for what should come of it.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Endpoints, Event};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams,
};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::history::{by_hand, create};
use crate::objects::PodObject;
use crate::view::{EndpointsView, SliceView};

/// How long anything may take. It takes milliseconds; a busy machine gets more.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How long nothing must happen for a cluster to count as settled. Longer than the second that a
/// repair waits.
const QUIET: Duration = Duration::from_millis(2500);
/// Who kube-apiserver's repair of claims speaks as.
const REPAIR_LOOP: &str = "ipallocator-repair-controller";

/// One namespace of an API server.
#[derive(Clone)]
pub struct Cluster {
    /// The client.
    pub client: Client,
    /// The namespace.
    pub namespace: String,
}

impl Cluster {
    /// Uses the namespace `default`, with the Node `node-a` in zone `zone-a`.
    pub async fn new(client: Client) -> Self {
        Self::in_namespace(client, "default").await
    }

    /// Uses a namespace, which is made if it is missing.
    pub async fn in_namespace(client: Client, namespace: &str) -> Self {
        let cluster = Self { client, namespace: namespace.to_owned() };
        if namespace != "default" {
            let object =
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
            cluster.try_create(object).await.ok();
        }
        cluster.node(crate::node("node-a", "zone-a")).await;
        cluster
    }

    /// Waits until all three controllers of a manager are at work: what is created before may look
    /// to a starting manager like a leftover of the past.
    pub async fn until_managed(client: Client) {
        let cluster = Self::in_namespace(client, "canary").await;
        let subsets = json!([{"addresses": [{"ip": "10.5.0.1"}], "ports": [{"port": 80}]}]);
        for op in [
            create("selecting", json!({})),
            create("bare", json!({"selector": null})),
            by_hand("bare", subsets),
        ] {
            op.apply(&cluster).await;
        }
        let written = async || {
            let selecting = cluster.slices("selecting").await.len();
            let mirrored = cluster.slices("bare").await.len();
            (selecting, mirrored, cluster.endpoints("selecting").await.is_some())
        };
        cluster.until((1, 1, true), written).await;
    }

    /// Creates a Node with its status, unless it is there.
    pub async fn node(&self, node: Value) {
        if self.try_create(node.clone()).await.is_ok() {
            self.status("Node", node["metadata"]["name"].as_str().unwrap(), node["status"].clone())
                .await;
        }
    }

    /// Creates an object.
    pub async fn create(&self, object: Value) -> DynamicObject {
        self.try_create(object).await.unwrap()
    }

    /// Creates an object, if the server lets us.
    pub async fn try_create(&self, object: Value) -> kube::Result<DynamicObject> {
        let api = self.api(object["kind"].as_str().unwrap());
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        api.create(&PostParams::default(), &object).await
    }

    /// Creates a Pod and writes its status.
    pub async fn pod(&self, pod: PodObject) {
        self.try_pod(pod).await.unwrap();
    }

    /// Creates a Pod and writes its status, if the server lets us.
    pub async fn try_pod(&self, pod: PodObject) -> kube::Result<()> {
        let name = pod.metadata["name"].as_str().unwrap().to_owned();
        self.try_create(
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": pod.metadata, "spec": pod.spec}),
        )
        .await?;
        self.try_status("Pod", &name, pod.status).await
    }

    /// Patches an object.
    pub async fn patch(&self, kind: &str, name: &str, patch: Value) {
        self.try_patch(kind, name, patch).await.unwrap();
    }

    /// Patches an object, if the server lets us.
    pub async fn try_patch(&self, kind: &str, name: &str, patch: Value) -> kube::Result<()> {
        let api = self.api(kind);
        api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await.map(drop)
    }

    /// Patches the status of an object.
    pub async fn status(&self, kind: &str, name: &str, status: Value) {
        self.try_status(kind, name, status).await.unwrap();
    }

    /// Patches the status of an object, if the server lets us.
    pub async fn try_status(&self, kind: &str, name: &str, status: Value) -> kube::Result<()> {
        let api = self.api(kind);
        let patch = Patch::Merge(json!({"status": status}));
        api.patch_status(name, &PatchParams::default(), &patch).await.map(drop)
    }

    /// Turns a Pod ready or not ready.
    pub async fn readiness(&self, pod: &str, ready: &str) {
        self.try_readiness(pod, ready).await.unwrap();
    }

    /// Turns a Pod ready or not ready, if the server lets us.
    pub async fn try_readiness(&self, pod: &str, ready: &str) -> kube::Result<()> {
        let condition =
            json!({"type": "Ready", "status": ready, "lastTransitionTime": "2026-02-03T04:05:06Z"});
        self.try_status("Pod", pod, json!({"conditions": [condition]})).await
    }

    /// An object as JSON, if it exists.
    pub async fn get(&self, kind: &str, name: &str) -> Option<Value> {
        let object = self.api(kind).get_opt(name).await.unwrap()?;
        Some(serde_json::to_value(object).unwrap())
    }

    /// All objects of a kind with some labels, as JSON.
    pub async fn list(&self, kind: &str, labels: &str) -> Vec<Value> {
        let some = ListParams::default().labels(labels);
        let objects = self.api(kind).list(&some).await.unwrap().items.into_iter();
        objects.map(|object| serde_json::to_value(object).unwrap()).collect()
    }

    /// Deletes an object at once.
    pub async fn delete(&self, kind: &str, name: &str) {
        self.try_delete(kind, name).await.unwrap();
    }

    /// Deletes an object at once, if the server lets us.
    pub async fn try_delete(&self, kind: &str, name: &str) -> kube::Result<()> {
        let parameters = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
        self.api(kind).delete(name, &parameters).await.map(drop)
    }

    /// Deletes a Pod that takes its time, so that it stays for a while and terminates.
    pub async fn try_terminate(&self, pod: &str) -> kube::Result<()> {
        let parameters =
            DeleteParams { grace_period_seconds: Some(600), ..DeleteParams::default() };
        self.api("Pod").delete(pod, &parameters).await.map(drop)
    }

    /// All slices of a Service, ordered by name.
    pub async fn slices(&self, service: &str) -> Vec<EndpointSlice> {
        let api: Api<EndpointSlice> = Api::namespaced(self.client.clone(), &self.namespace);
        let of_service =
            ListParams::default().labels(&format!("kubernetes.io/service-name={service}"));
        api.list(&of_service).await.unwrap().items
    }

    /// The names of all slices of a Service.
    pub async fn slice_names(&self, service: &str) -> Vec<String> {
        let slices = self.slices(service).await.into_iter();
        slices.filter_map(|slice| slice.metadata.name).collect()
    }

    /// The slices of a Service as they matter.
    pub async fn views(&self, service: &str) -> Vec<SliceView> {
        let mut living = Vec::new();
        for kind in ["Service", "Endpoints"] {
            let owner = self.api(kind).get_opt(service).await.unwrap();
            living.extend(owner.and_then(|owner| owner.metadata.uid));
        }
        crate::view::slices(&self.slices(service).await, &living)
    }

    /// The Endpoints of a Service as they matter.
    pub async fn endpoints(&self, service: &str) -> Option<EndpointsView> {
        let api: Api<Endpoints> = Api::namespaced(self.client.clone(), &self.namespace);
        api.get_opt(service).await.unwrap().map(crate::view::endpoints)
    }

    /// The names of the Pods that a Service publishes as ready, sorted, each once.
    pub async fn ready(&self, service: &str) -> Vec<String> {
        let slices = self.slices(service).await;
        let endpoints = slices.iter().flat_map(|slice| slice.endpoints.iter().flatten());
        let ready = endpoints.filter(|endpoint| {
            endpoint.conditions.as_ref().and_then(|conditions| conditions.ready) == Some(true)
        });
        let names = ready.filter_map(|endpoint| endpoint.target_ref.as_ref()?.name.clone());
        names.collect::<BTreeSet<String>>().into_iter().collect()
    }

    /// Waits until a Service publishes these Pods as ready.
    pub async fn until_ready(&self, service: &str, pods: &[&str]) {
        let wanted: Vec<String> = pods.iter().map(|pod| (*pod).to_owned()).collect();
        self.until(wanted, async || self.ready(service).await).await;
    }

    /// The messages of the events about an object, by reason.
    pub async fn events(&self, object: &str) -> Vec<(String, String)> {
        let events = self.events_about(object).await.into_iter();
        events
            .map(|event| (event.reason.unwrap_or_default(), event.message.unwrap_or_default()))
            .collect()
    }

    /// How often each event about an object was repeated.
    pub async fn event_counts(&self, object: &str) -> Vec<i32> {
        let events = self.events_about(object).await.into_iter();
        events.map(|event| event.count.unwrap_or_default()).collect()
    }

    /// What controllers told. The API server speaks, too: its repair loop complains of a claim that it
    /// has just made, where its own watch lags.
    async fn events_about(&self, object: &str) -> Vec<Event> {
        let api: Api<Event> = Api::namespaced(self.client.clone(), &self.namespace);
        let about = ListParams::default().fields(&format!("involvedObject.name={object}"));
        let mut events = api.list(&about).await.unwrap().items;
        events.retain(|event| event.reporting_component.as_deref() != Some(REPAIR_LOOP));
        events
    }

    /// Waits until what is seen is what is wanted, and shows both if it never is.
    pub async fn until<T: PartialEq + Debug>(&self, wanted: T, see: impl AsyncFn() -> T) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = see().await;
            if seen == wanted {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "never came to\n{wanted:#?}\nbut stayed at\n{seen:#?}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the slices of a Service look as wanted and its Endpoints have followed, then
    /// checks that nothing more is written.
    pub async fn settles(&self, service: &str, wanted: &[SliceView]) {
        self.until(wanted.to_vec(), async || self.views(service).await).await;
        self.until_endpoints_follow(service).await;
        self.stays_silent().await;
    }

    /// Waits until the Endpoints of a Service list the Pods that its slices publish as ready: they
    /// are written after them.
    pub async fn until_endpoints_follow(&self, service: &str) {
        let wanted = Some(self.ready(service).await);
        let api: Api<Endpoints> = Api::namespaced(self.client.clone(), &self.namespace);
        let listed = async || {
            let subsets = api.get_opt(service).await.unwrap()?.subsets.unwrap_or_default();
            let addresses = subsets.into_iter().flat_map(|subset| subset.addresses).flatten();
            let names = addresses.filter_map(|address| address.target_ref?.name);
            Some(names.collect::<BTreeSet<String>>().into_iter().collect::<Vec<String>>())
        };
        self.until(wanted, listed).await;
    }

    /// A Lease, if it exists.
    pub async fn lease(&self, name: &str) -> Option<Lease> {
        let leases: Api<Lease> = Api::namespaced(self.client.clone(), &self.namespace);
        leases.get_opt(name).await.unwrap()
    }

    /// The versions of all slices and Endpoints of all namespaces. They tell of any write.
    pub async fn versions(&self) -> Vec<Option<String>> {
        let slices: Api<EndpointSlice> = Api::all(self.client.clone());
        let endpoints: Api<Endpoints> = Api::all(self.client.clone());
        let everything = ListParams::default();
        let slices = slices.list(&everything).await.unwrap().items.into_iter();
        let endpoints = endpoints.list(&everything).await.unwrap().items.into_iter();
        let slices = slices.map(|slice| slice.metadata.resource_version);
        slices.chain(endpoints.map(|found| found.metadata.resource_version)).collect()
    }

    /// Checks that neither slices nor Endpoints are written for a while.
    pub async fn stays_silent(&self) {
        self.stays_at(&self.versions().await).await;
    }

    /// Waits until neither slices nor Endpoints have been written for a while.
    pub async fn until_silent(&self) {
        let deadline = Instant::now() + PATIENCE;
        let (mut versions, mut since) = (self.versions().await, Instant::now());
        while since.elapsed() < QUIET {
            assert!(Instant::now() < deadline, "written to without an end");
            tokio::time::sleep(Duration::from_millis(100)).await;
            let seen = self.versions().await;
            if seen != versions {
                (versions, since) = (seen, Instant::now());
            }
        }
    }

    /// Checks that neither slices nor Endpoints are written, or have been since they had these
    /// versions.
    pub async fn stays_at(&self, versions: &[Option<String>]) {
        let until = Instant::now() + QUIET;
        while Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert_eq!(self.versions().await, versions, "a settled cluster is written to");
        }
    }

    fn api(&self, kind: &str) -> Api<DynamicObject> {
        let (group, plural, scope) = match kind {
            "EndpointSlice" => ("discovery.k8s.io", "endpointslices", Scope::Namespace),
            "Endpoints" => ("", "endpoints", Scope::Namespace),
            "Service" => ("", "services", Scope::Namespace),
            "Pod" => ("", "pods", Scope::Namespace),
            "Deployment" => ("apps", "deployments", Scope::Namespace),
            "Node" => ("", "nodes", Scope::Cluster),
            "Namespace" => ("", "namespaces", Scope::Cluster),
            "Lease" => ("coordination.k8s.io", "leases", Scope::Namespace),
            "ServiceCIDR" => (NETWORKING, "servicecidrs", Scope::Cluster),
            "IPAddress" => (NETWORKING, "ipaddresses", Scope::Cluster),
            "ClusterIPPool" => ("roster.dev", "clusterippools", Scope::Cluster),
            "ClusterIPHold" => ("roster.dev", "clusteripholds", Scope::Cluster),
            "CustomResourceDefinition" => {
                ("apiextensions.k8s.io", "customresourcedefinitions", Scope::Cluster)
            }
            "ResourceQuota" => ("", "resourcequotas", Scope::Namespace),
            "ClusterRole" => (RBAC, "clusterroles", Scope::Cluster),
            "ClusterRoleBinding" => (RBAC, "clusterrolebindings", Scope::Cluster),
            "RoleBinding" => (RBAC, "rolebindings", Scope::Namespace),
            "MutatingWebhookConfiguration" => {
                (ADMISSION, "mutatingwebhookconfigurations", Scope::Cluster)
            }
            "ValidatingAdmissionPolicy" => {
                (ADMISSION, "validatingadmissionpolicies", Scope::Cluster)
            }
            "ValidatingAdmissionPolicyBinding" => {
                (ADMISSION, "validatingadmissionpolicybindings", Scope::Cluster)
            }
            other => panic!("no such kind in the tests: {other}"),
        };
        let version = if group == "roster.dev" { "v1alpha1" } else { "v1" };
        let api_version =
            if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        let resource = ApiResource {
            group: group.to_owned(),
            version: version.to_owned(),
            api_version,
            kind: kind.to_owned(),
            plural: plural.to_owned(),
        };
        match scope {
            Scope::Cluster => Api::all_with(self.client.clone(), &resource),
            Scope::Namespace => {
                Api::namespaced_with(self.client.clone(), &self.namespace, &resource)
            }
        }
    }
}

const RBAC: &str = "rbac.authorization.k8s.io";
const NETWORKING: &str = "networking.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";

/// Where objects of a kind lie.
enum Scope {
    Cluster,
    Namespace,
}
