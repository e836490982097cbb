//! One Pod, from its process's start to its end.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::inside::FILES;
use crate::kubelet::status::{self, Readiness};
use crate::network::Place;

const PROBE_PERIOD: Duration = Duration::from_millis(100);
/// `timeoutSeconds` of a probe that does not say anything else.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// A Pod on this Node.
pub struct Life {
    /// The name of the Pod.
    pub name: String,
    /// How long it may go on, once it is deleted.
    pub grace: watch::Sender<Option<Duration>>,
    /// Its program.
    pub process: Mutex<Process>,
    /// When its readiness changed.
    pub changed: Mutex<SystemTime>,
    place: Place,
    ports: Vec<u16>,
}

/// The program of a Pod, if it runs.
#[derive(Default)]
pub struct Process(Option<std::process::Child>);

impl Process {
    /// Ends it without a word.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.0.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

impl Life {
    /// A Pod whose process runs.
    pub fn new(pod: &Pod, number: u16) -> Self {
        let containers = &pod.spec.as_ref().unwrap().containers;
        let ports = containers.iter().flat_map(|container| container.ports.iter().flatten());
        let life = Self {
            name: pod.metadata.name.clone().unwrap(),
            grace: watch::Sender::new(None),
            process: Mutex::default(),
            changed: Mutex::new(SystemTime::now()),
            place: Place::new(&format!("pod-{number}"), number),
            ports: ports.map(|port| port.container_port.try_into().unwrap()).collect(),
        };
        life.start();
        life
    }

    /// Starts its process. `ip netns exec` becomes the program, so that it is the child.
    pub fn start(&self) {
        let program = std::env::current_exe().unwrap();
        let mut command = self.place.command(program.to_str().unwrap());
        command.args(["answer", &self.name, FILES]).args(self.ports.iter().map(u16::to_string));
        self.process.lock().0 = Some(command.spawn().unwrap());
    }

    /// Probes until it is deleted, and lets it serve for as long as it may, as a `preStop` hook that
    /// sleeps would.
    pub async fn live(&self, pods: &Api<Pod>) {
        let mut readiness = Readiness::NotReady;
        self.write(pods, readiness).await;
        let mut deleted = self.grace.subscribe();
        while deleted.borrow_and_update().is_none() {
            let seen = self.probe().await;
            if seen != readiness {
                readiness = seen;
                self.write(pods, readiness).await;
            }
            let _ = timeout(PROBE_PERIOD, deleted.changed()).await;
        }
        let grace = deleted.borrow().unwrap_or_default();
        sleep(grace).await;
        self.process.lock().kill();
        let now = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
        // It may have been deleted by force.
        let _ = pods.delete(&self.name, &now).await;
        self.place.remove();
    }

    /// Its IPv4 address.
    pub fn ip(&self) -> IpAddr {
        self.place.ipv4.into()
    }

    async fn write(&self, pods: &Api<Pod>, readiness: Readiness) {
        *self.changed.lock() = SystemTime::now();
        let status = status::running(self.place.addresses(), readiness);
        // The Pod may have gone meanwhile.
        let _ = pods.patch_status(&self.name, &PatchParams::default(), &Patch::Merge(status)).await;
    }

    async fn probe(&self) -> Readiness {
        let address = SocketAddr::from((self.place.ipv4, self.ports[0]));
        match timeout(PROBE_TIMEOUT, status_line(address)).await {
            Ok(Ok(line)) if line.contains(" 200 ") => Readiness::Ready,
            _ => Readiness::NotReady,
        }
    }
}

async fn status_line(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request =
        "GET / HTTP/1.1\r\nHost: pod\r\nUser-Agent: kube-probe/1.36\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}
