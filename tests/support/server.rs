//! The two API servers that tests run on: the real one, and the sandbox on a port of its own.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use sandbox::{Bootstrap, Listener, Sandbox, Settings, kubeconfig};
use tempfile::TempDir;
use testbed::{
    ApiServer, ApiServerOptions, ControlPlane, ControllerManager, ControllerManagerOptions, Etcd,
};
use tokio::task::JoinHandle;

/// The range of ClusterIPs of both.
pub const SERVICE_CIDR: &str = "10.96.0.0/16";

/// An API server.
pub enum Server {
    /// kube-apiserver, with the controllers of kube-controller-manager without which nothing
    /// that is deleted takes along what belongs to it.
    Real {
        /// Dropped first.
        controllers: Option<Box<ControllerManager>>,
        /// The server and its store.
        plane: Box<ControlPlane>,
    },
    /// The sandbox, with TLS, in this process.
    Sandbox {
        /// It serves as long as this runs.
        serving: JoinHandle<()>,
        /// Where its kubeconfig is.
        folder: TempDir,
    },
}

/// Which API server a story is played on.
#[derive(Clone, Copy, Debug)]
pub enum On {
    /// kube-apiserver.
    KubeApiserver,
    /// The sandbox.
    Sandbox,
}

/// Makes tests of stories: each is played on kube-apiserver and on the sandbox. A story is an
/// `async fn` that is handed the [`Server`], which has ClusterIPs of both families.
#[macro_export]
macro_rules! on_both_servers {
    ($($story:ident),+ $(,)?) => {
        mod on_kube_apiserver {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                super::$story($crate::Server::dual_stack($crate::server::On::KubeApiserver).await).await;
            })+
        }
        mod on_the_sandbox {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                super::$story($crate::Server::dual_stack($crate::server::On::Sandbox).await).await;
            })+
        }
    };
}

impl Server {
    /// Starts one that gives Services addresses of both families, without any controller.
    pub async fn dual_stack(on: On) -> Self {
        match on {
            On::KubeApiserver => {
                let plane = ControlPlane::start().await.unwrap();
                Self::Real { controllers: None, plane: Box::new(plane) }
            }
            On::Sandbox => {
                let second = Some("fd00:96::/112".parse().unwrap());
                let addresses = sandbox::Addresses { second, ..sandbox::Addresses::default() };
                Self::sandbox_with(addresses).await
            }
        }
    }

    /// Starts kube-apiserver alone.
    pub async fn real() -> Self {
        let etcd = Etcd::start().await.unwrap();
        let options = ApiServerOptions {
            service_cluster_ip_range: SERVICE_CIDR.to_owned(),
            ..ApiServerOptions::default()
        };
        let api_server = ApiServer::start(&etcd, options).await.unwrap();
        Self::Real { controllers: None, plane: Box::new(ControlPlane { api_server, etcd }) }
    }

    /// Starts it anew on the store that it has, so that it does not know what happened before.
    #[must_use]
    pub async fn restarted(mut self) -> Self {
        if let Self::Real { plane, .. } = &mut self {
            plane.api_server.stop();
            plane.api_server.start_again().await.unwrap();
        }
        self
    }

    /// Has namespaces end, and what is owned go with its owner. The sandbox does that by itself.
    #[must_use]
    pub async fn with_controllers(self) -> Self {
        let Self::Real { plane, .. } = self else {
            return self;
        };
        let names =
            ["namespace-controller", "garbage-collector-controller", "service-cidr-controller"];
        let options = ControllerManagerOptions::unhurried(&names);
        let manager = ControllerManager::start(&plane.api_server, options).await.unwrap();
        Self::Real { controllers: Some(Box::new(manager)), plane }
    }

    /// Starts a sandbox, without simulated Nodes.
    pub async fn sandbox() -> Self {
        Self::sandbox_with(sandbox::Addresses::default()).await
    }

    async fn sandbox_with(addresses: sandbox::Addresses) -> Self {
        let listener = Listener::open(0).await.unwrap();
        let clock = Arc::new(Timestamp::now);
        let sandbox = Sandbox::new(Settings { clock, seed: 1, history: 10_000 });
        sandbox.bootstrap(&Bootstrap { addresses, api_server: listener.address() });
        let folder = tempfile::tempdir().unwrap();
        kubeconfig::write(&listener, folder.path()).unwrap();
        let serving = tokio::spawn(listener.serve(sandbox, std::future::pending()));
        Self::Sandbox { serving, folder }
    }

    /// Where the kubeconfig of its administrator is.
    pub fn kubeconfig(&self) -> PathBuf {
        match self {
            Self::Real { plane, .. } => plane.api_server.kubeconfig_path(),
            Self::Sandbox { folder, .. } => folder.path().join("kubeconfig"),
        }
    }

    /// How clients reach it.
    pub async fn config(&self) -> Config {
        // A second call finds a provider installed already, which is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let kubeconfig = Kubeconfig::read_from(self.kubeconfig()).unwrap();
        let options = KubeConfigOptions::default();
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
        config.default_retry = false;
        config
    }

    /// A client that may do everything.
    pub async fn client(&self) -> Client {
        Client::try_from(self.config().await).unwrap()
    }
}
