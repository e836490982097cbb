//! The cluster that is shown: reached as Roster itself reaches it, and by an ordinary client.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use controller::config::{self, Request};
use controller::metrics::Metrics;
use controller::wire::Wire;
use kube::Client;
use kube::config::{KubeConfigOptions, Kubeconfig};
use sandbox::{
    Addresses, Bootstrap, ClusterIpAllocation, Listener, Sandbox, Settings, kubeconfig, simulate,
};
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// A cluster.
pub struct Cluster {
    /// The way that Roster takes.
    pub wire: Wire,
    /// The ordinary way.
    pub client: Client,
}

impl Cluster {
    /// Connects to the cluster of a kubeconfig.
    pub async fn connect(kubeconfig: &Path) -> Result<Self> {
        let wire = match config::parse(&flags(kubeconfig))? {
            Request::Run(config) => config.connect(&Arc::new(Metrics::new()?)).await?,
            _ => anyhow::bail!("the flags ask for something other than to run"),
        };
        let options = KubeConfigOptions::default();
        let read = Kubeconfig::read_from(kubeconfig)?;
        let config = kube::Config::from_custom_kubeconfig(read, &options).await?;
        Ok(Self { wire, client: Client::try_from(config)? })
    }
}

/// The flags that Roster is started with. It asks the API server whether it gives ClusterIPs.
pub fn flags(kubeconfig: &Path) -> Vec<String> {
    let kubeconfig = format!("--kubeconfig={}", kubeconfig.display());
    let others = ["--leader-elect=false", "--secure-port=0"];
    [kubeconfig].into_iter().chain(others.map(str::to_owned)).collect()
}

/// An API server in this process, with simulated Nodes. It ends with this value.
pub struct OwnCluster {
    /// The kubeconfig.
    pub kubeconfig: PathBuf,
    folder: TempDir,
    tasks: [JoinHandle<()>; 2],
}

impl OwnCluster {
    /// Starts it on a free port of loopback.
    pub async fn start() -> Result<Self> {
        let listener = Listener::open(0).await?;
        let clock = Arc::new(jiff::Timestamp::now);
        let sandbox = Sandbox::new(Settings {
            clock,
            seed: jiff::Timestamp::now().as_microsecond().unsigned_abs(),
            history: 10_000,
        });
        // Who gives Services their addresses is Roster.
        let allocation = ClusterIpAllocation::None;
        let addresses = Addresses { allocation, ..Addresses::default() };
        let api_server = listener.address();
        sandbox.bootstrap(&Bootstrap { addresses, api_server });
        simulate::make_nodes(&sandbox, 3);
        let folder = tempfile::tempdir()?;
        let kubeconfig = kubeconfig::write(&listener, folder.path())?;
        let tasks = [
            tokio::spawn(simulate::run(sandbox.clone())),
            tokio::spawn(listener.serve(sandbox, std::future::pending())),
        ];
        Ok(Self { kubeconfig, folder, tasks })
    }

    /// A folder for logs, which goes with the cluster.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for OwnCluster {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}
