//! A stock kube-apiserver that asks two replicas about every Service.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{Cluster, Visitor, service};
use tempfile::TempDir;
use testbed::{ApiServer, ApiServerOptions, Etcd, free_port};

use crate::program::{PROGRAM, Process};
use crate::relay;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const KINDS: [&str; 2] = [
    include_str!("../../../crds/yaml/clusterippools.yaml"),
    include_str!("../../../crds/yaml/clusteripholds.yaml"),
];

/// The API server, and who answers it.
pub struct Stage {
    pub cluster: Cluster,
    pub replicas: Vec<Replica>,
    folder: TempDir,
    server: ApiServer,
    _etcd: Etcd,
}

/// One who answers.
pub struct Replica {
    pub process: Process,
    port: u16,
}

impl Stage {
    /// Sets it, with some pools and a range for ClusterIPs, and waits until it works.
    pub async fn set(range: &str, pools: &[Value]) -> Self {
        let mut stage = Self::without_replicas(range, pools).await;
        for _ in 0..2 {
            let replica = stage.replica(free_port().unwrap(), &[]).await;
            stage.replicas.push(replica);
        }
        let port = relay::before(stage.replicas.iter().map(|it| it.port).collect()).await;
        stage.cluster.create(stage.configuration(port)).await;
        stage.until_asked().await;
        stage
    }

    /// Nobody answers, and nobody is asked.
    pub async fn without_replicas(range: &str, pools: &[Value]) -> Self {
        let etcd = Etcd::start().await.unwrap();
        let options = ApiServerOptions {
            service_cluster_ip_range: range.to_owned(),
            ..ApiServerOptions::default()
        };
        let server = ApiServer::start(&etcd, options).await.unwrap();
        let cluster = Cluster::new(server.client().await.unwrap()).await;
        for kind in KINDS {
            cluster.create(serde_saphyr::from_str(kind).unwrap()).await;
        }
        for pool in pools {
            // A kind is known a moment after its definition was accepted.
            let made = async || cluster.try_create(pool.clone()).await.is_ok();
            cluster.until(true, made).await;
        }
        let folder = tempfile::tempdir().unwrap();
        Self { cluster, replicas: Vec::new(), folder, server, _etcd: etcd }
    }

    /// Starts a replica, and waits until it can answer.
    pub async fn replica(&self, port: u16, flags: &[&str]) -> Replica {
        let ours = [
            "--controllers=clusterip-controller".to_owned(),
            format!("--webhook-secure-port={port}"),
            "--webhook-bind-address=127.0.0.1".to_owned(),
            format!("--webhook-cert-dir={}", self.folder.path().display()),
            // Else one connection is enough for the API server, and one replica for everything.
            "--disable-http2-serving".to_owned(),
        ];
        let all: Vec<&str> = ours.iter().map(String::as_str).chain(flags.iter().copied()).collect();
        let kubeconfig = self.server.kubeconfig_path().display().to_string();
        let replica = Replica { process: Process::start(&kubeconfig, &all), port };
        let deadline = Instant::now() + PATIENCE;
        let visitor = Visitor::anonymous(&replica.url());
        loop {
            // Nothing is a mistake, once it looks at what it is sent.
            let seen = visitor.try_post("/admit-services", "").await;
            if seen.is_some_and(|seen| [400, 401].contains(&seen.code)) {
                return replica;
            }
            assert!(Instant::now() < deadline, "never ready:\n{}", replica.process.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends a replica and starts another one in its place.
    pub async fn replace(&mut self, place: usize) {
        let old = self.replicas.remove(place);
        let port = old.port;
        drop(old);
        let new = self.replica(port, &[]).await;
        self.replicas.insert(place, new);
    }

    /// A namespace.
    pub async fn namespace(&self, name: &str) -> Cluster {
        Cluster::in_namespace(self.cluster.client.clone(), name).await
    }

    /// The names of all holds.
    pub async fn holds(&self) -> BTreeSet<String> {
        let holds = self.cluster.list("ClusterIPHold", "").await.into_iter();
        holds.map(|hold| hold["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until the leader has let go of everything.
    pub async fn until_nothing_is_held(&self) {
        self.cluster.until(BTreeSet::new(), async || self.holds().await).await;
    }

    /// Who has promised addresses.
    pub async fn holders(&self) -> BTreeSet<String> {
        let holds = self.cluster.list("ClusterIPHold", "").await.into_iter();
        holds.map(|hold| hold["spec"]["holder"].as_str().unwrap().to_owned()).collect()
    }

    /// How often the API server went on without an answer.
    pub async fn failed_open(&self) -> Vec<String> {
        let request = http::Request::get("/metrics").body(Vec::new()).unwrap();
        let metrics = self.cluster.client.request_text(request).await.unwrap();
        let counts = metrics.lines().filter(|line| {
            line.starts_with("apiserver_admission_webhook_fail_open_count{")
                || line.contains("error_type=\"calling_webhook_error\"")
        });
        counts.map(str::to_owned).collect()
    }

    /// What makes the replicas behind a port known to the API server, as Roster prints it.
    pub fn configuration(&self, port: u16) -> Value {
        let authority = self.folder.path().join("ca.crt");
        let printed = Command::new(PROGRAM)
            .args(["manifests", "webhook", "--url", &format!("https://127.0.0.1:{port}")])
            .arg("--ca-file")
            .arg(authority)
            .output()
            .unwrap();
        assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
        serde_saphyr::from_str(std::str::from_utf8(&printed.stdout).unwrap()).unwrap()
    }

    /// The API server asks a moment after it was told to.
    async fn until_asked(&self) {
        let probe = self.namespace("probe").await;
        let asked = async || {
            let _ = probe.try_create(service("probe", json!({}))).await;
            let _ = probe.try_delete("Service", "probe").await;
            !self.holds().await.is_empty()
        };
        probe.until(true, asked).await;
    }
}

impl Replica {
    /// `https://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }
}

/// A pool of a namespace of the same name.
pub fn pool(namespace: &str, range: &str, enforcement: &str) -> Value {
    json!({
        "apiVersion": "roster.dev/v1alpha1", "kind": "ClusterIPPool",
        "metadata": {"name": namespace},
        "spec": {"ranges": [range], "namespaces": [namespace], "enforcement": enforcement},
    })
}
