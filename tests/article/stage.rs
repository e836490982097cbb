//! What the story is played on: a control plane, one of the two managers, and everything that reads
//! what it writes.

mod dns;
mod manager;
pub mod pool;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde_json::{Value, json};
use support::Cluster;
use testbed::{
    ApiServer, ApiServerOptions, ControlPlane, ControllerManager, ControllerManagerOptions,
    Coredns, Etcd, KubeProxy, KubeProxyOptions, Program,
};

use crate::kubelet::{self, Kubelet};
use crate::narrator;
use crate::network::{self, CLUSTER_CIDR, Place};
use crate::programmed;
use crate::stage::manager::Manager;

pub use manager::Contestant;

/// What turns Deployments into Pods. It is the stock one whoever writes slices.
const WORKLOADS: [&str; 3] =
    ["deployment-controller", "replicaset-controller", "garbage-collector-controller"];

/// Who gives Services their ClusterIPs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allocator {
    /// kube-apiserver, as anywhere.
    KubeApiserver,
    /// Roster, on a kube-apiserver that gives none.
    Roster,
    /// kube-apiserver, which asks Roster for addresses of a pool.
    Webhook,
}

/// Everything, at work. What is dropped first stands first.
pub struct Stage {
    /// The Pods.
    pub kubelet: Kubelet,
    /// The namespace `default`.
    pub cluster: Cluster,
    /// Whence requests come.
    pub client: Place,
    /// Whence others come.
    pub other_client: Place,
    /// What kube-proxy says of itself.
    pub proxy: KubeProxy,
    dns: Coredns,
    manager: Option<Manager>,
    allocator: Allocator,
    _workloads: ControllerManager,
    plane: ControlPlane,
}

impl Stage {
    /// Sets it up.
    pub async fn set(contestant: Contestant<'_>, allocator: Allocator) -> Self {
        let plane = control_plane(allocator).await;
        let client = plane.api_server.client().await.unwrap();
        let cluster = Cluster { client: client.clone(), namespace: "default".to_owned() };
        cluster.node(node()).await;
        if allocator == Allocator::Webhook {
            pool::define(&cluster).await;
        }
        let proxy_options = proxy_options();
        let (workloads, manager, proxy) = tokio::join!(
            ControllerManager::start(
                &plane.api_server,
                ControllerManagerOptions::unhurried(&WORKLOADS)
            ),
            Manager::start(contestant, &plane.api_server, allocator),
            KubeProxy::start(&plane.api_server, &proxy_options),
        );
        let dns = dns::start(&plane.api_server, &cluster).await;
        if let (Allocator::Webhook, Contestant::Roster(program)) = (allocator, contestant) {
            pool::bind(program, &cluster).await;
        }
        Self {
            kubelet: Kubelet::start(client),
            cluster,
            client: Place::new("client", 256),
            other_client: Place::new("other-client", 257),
            proxy: proxy.unwrap(),
            dns,
            manager: Some(manager),
            allocator,
            _workloads: workloads.unwrap(),
            plane,
        }
    }

    /// Ends the manager that is at work, and starts another one on the same objects.
    pub async fn hand_over_to(&mut self, contestant: Contestant<'_>) {
        // Two at once would fight.
        self.manager = None;
        let manager = Manager::start(contestant, &self.plane.api_server, self.allocator).await;
        self.manager = Some(manager);
    }

    /// Calls kubectl, and shows what it prints.
    pub fn kubectl(&self, line: &str) -> String {
        narrator::kubectl(self.plane.api_server.kubeconfig_path().to_str().unwrap(), line)
    }

    /// Where a Service is served: at its ClusterIP of this place in the list.
    pub async fn address(&self, service: &str, place: usize) -> SocketAddr {
        self.addresses(service).await[place]
    }

    /// Waits for them: on a server that gives none they come a moment after the Service.
    async fn addresses(&self, service: &str) -> Vec<SocketAddr> {
        let spec = async || self.cluster.get("Service", service).await.unwrap()["spec"].take();
        self.cluster.until(true, async || spec().await["clusterIPs"].is_array()).await;
        let spec = spec().await;
        let port = spec["ports"][0]["port"].as_u64().unwrap().try_into().unwrap();
        let addresses = spec["clusterIPs"].as_array().unwrap().iter();
        let addresses = addresses.map(|address| address.as_str().unwrap().parse().unwrap());
        addresses.map(|address| SocketAddr::new(address, port)).collect()
    }

    /// The names of the Pods of the example that are not being deleted.
    pub async fn pods(&self) -> BTreeSet<String> {
        let pods = self.cluster.list("Pod", "app=hostnames").await.into_iter();
        let staying = pods.filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
        staying.map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until the example has so many Pods and is served by all of them.
    pub async fn until_replicas(&self, replicas: usize) {
        self.cluster.until(replicas, async || self.pods().await.len()).await;
        self.until_served_by("hostnames", &self.pods().await).await;
    }

    /// Scales the example, and waits until those that are too many have ended.
    pub async fn scale(&self, replicas: usize) {
        self.kubectl(&format!("scale deployment hostnames --replicas={replicas}"));
        self.until_replicas(replicas).await;
        self.until_none_ends().await;
    }

    /// Waits until no Pod is being deleted: while they end, somebody may still want to reach them.
    pub async fn until_none_ends(&self) {
        let ending = async || {
            let pods = self.cluster.list("Pod", "").await.into_iter();
            pods.filter(|pod| !pod["metadata"]["deletionTimestamp"].is_null()).count()
        };
        self.cluster.until(0, ending).await;
    }

    /// The addresses of Pods, of both families.
    pub async fn pod_ips(&self, pods: &BTreeSet<String>) -> BTreeSet<IpAddr> {
        let mut addresses = BTreeSet::new();
        for pod in pods {
            let pod = self.cluster.get("Pod", pod).await.unwrap();
            let ips = pod["status"]["podIPs"].as_array().unwrap().iter();
            addresses
                .extend(ips.map(|ip| -> IpAddr { ip["ip"].as_str().unwrap().parse().unwrap() }));
        }
        addresses
    }

    /// Waits until slices and Endpoints list these Pods as ready and no others, and until kube-proxy
    /// sends connections to all ClusterIPs of the Service to them alone.
    pub async fn until_served_by(&self, service: &str, pods: &BTreeSet<String>) {
        let names: Vec<&str> = pods.iter().map(String::as_str).collect();
        self.cluster.until_ready(service, &names).await;
        self.cluster.until_endpoints_follow(service).await;
        let ips = self.pod_ips(pods).await;
        for address in self.addresses(service).await {
            let wanted: BTreeSet<IpAddr> =
                ips.iter().copied().filter(|ip| ip.is_ipv4() == address.is_ipv4()).collect();
            let programmed =
                async || programmed::endpoints(address).iter().map(SocketAddr::ip).collect();
            self.cluster.until(wanted, programmed).await;
        }
    }

    /// Waits until CoreDNS answers a question with these addresses alone, and shows how it does.
    pub async fn until_named(&self, name: &str, record: &str, wanted: &BTreeSet<IpAddr>) {
        let question = format!("+short {name} {record}");
        let answer = async || {
            let output = self.client.command("dig").args(question.split(' ')).output().unwrap();
            addresses_in(std::str::from_utf8(&output.stdout).unwrap())
        };
        self.cluster.until(wanted.clone(), answer).await;
        narrator::shell(&self.client, "dig", &question);
    }
}

async fn control_plane(allocator: Allocator) -> ControlPlane {
    let program = match allocator {
        Allocator::KubeApiserver | Allocator::Webhook => Program::KubeApiserver,
        Allocator::Roster => Program::WithoutAllocator,
    };
    let etcd = Etcd::start().await.unwrap();
    let options = ApiServerOptions { program, ..ApiServerOptions::default() };
    let api_server = ApiServer::start(&etcd, options).await.unwrap();
    ControlPlane { api_server, etcd }
}

/// Lines that are no addresses are left out, such as the one that says that nobody answers.
fn addresses_in(text: &str) -> BTreeSet<IpAddr> {
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

impl Drop for Stage {
    /// Whoever looks for the reason of a failure wants to know what everybody said.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let manager = self.manager.as_ref().map(Manager::log_tail).unwrap_or_default();
            let (proxy, dns) = (self.proxy.log_tail(), self.dns.log_tail());
            eprintln!("== manager\n{manager}\n== kube-proxy\n{proxy}\n== CoreDNS\n{dns}");
        }
    }
}

fn node() -> Value {
    let mut node = support::node(kubelet::NODE, "");
    node["status"]["addresses"] =
        network::NODE.map(|address| json!({"type": "InternalIP", "address": address})).into();
    node
}

/// kube-proxy's own pause of a second after each change would hide what the managers do.
fn proxy_options() -> KubeProxyOptions {
    KubeProxyOptions {
        node: kubelet::NODE.to_owned(),
        cluster_cidr: CLUSTER_CIDR.to_owned(),
        min_sync_period: Duration::from_millis(10),
    }
}
