//! How the API server is reached: out of a kubeconfig, or as a Pod of the cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use controller_core::key::Controller;
use http::HeaderValue;
use kube::Client;
use kube::config::{AuthInfo, KubeConfigOptions, Kubeconfig};

use super::{Config, ContentType, Identity};
use crate::metrics::Metrics;
use crate::wire::counted::client;
use crate::wire::{Account, Wire};

/// How long a connection may take to come up.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a call that is not a watch may go without a byte.
const CALL_SILENCE: Duration = Duration::from_secs(30);

/// What requests name as their sender.
const AGENT: &str = concat!("roster/v", env!("CARGO_PKG_VERSION"));
/// What requests for the Lease name as their sender.
const LEADER_ELECTION: &str = concat!("roster/v", env!("CARGO_PKG_VERSION"), "/leader-election");

impl Config {
    /// The controllers that run and that kube-controller-manager has, too.
    pub fn contended(&self) -> BTreeSet<Controller> {
        let both = Controller::OF_KUBE_CONTROLLER_MANAGER.into_iter();
        both.filter(|controller| self.settings.controllers.contains_key(controller)).collect()
    }

    /// The way to the API server. Nothing is sent yet: a server that is away is waited for later.
    ///
    /// # Errors
    /// If the kubeconfig cannot be read or does not say how to reach a cluster.
    pub async fn connect(&self, metrics: &Arc<Metrics>) -> Result<Wire> {
        let mut config = self.prepared().await?;
        let mut watches = config.clone();
        watches.read_timeout = None;
        config.read_timeout = Some(CALL_SILENCE);
        config.reset_reader_on_write = true;
        let wire = Wire::new(client(watches, metrics)?, client(config, metrics)?);
        Ok(match self.content_type {
            ContentType::Protobuf => wire,
            ContentType::Json => wire.in_json(),
        })
    }

    /// A way to the API server of its own for the Lease, so that it waits behind nothing else.
    ///
    /// # Errors
    /// As [`Config::connect`].
    pub async fn connect_for_election(&self, metrics: &Arc<Metrics>) -> Result<Client> {
        let mut config = self.prepared().await?;
        let agent = HeaderValue::from_static(LEADER_ELECTION);
        config.headers.push((http::header::USER_AGENT, agent));
        client(config, metrics)
    }

    /// An ordinary client, for what is asked for once or now and then.
    ///
    /// # Errors
    /// As [`Config::connect`].
    pub async fn client(&self, metrics: &Arc<Metrics>) -> Result<Client> {
        let mut config = self.prepared().await?;
        config.read_timeout = Some(CALL_SILENCE);
        let agent = HeaderValue::from_static(AGENT);
        config.headers.push((http::header::USER_AGENT, agent));
        client(config, metrics)
    }

    /// The ways on which controllers write in a name of their own, where that is asked for
    /// (`--use-service-account-credentials`).
    ///
    /// # Errors
    /// As [`Config::connect`].
    pub async fn identities(
        &self,
        wire: &Wire,
        metrics: &Arc<Metrics>,
    ) -> Result<BTreeMap<Controller, Wire>> {
        let mut identities = BTreeMap::new();
        if self.identity == Identity::Common {
            return Ok(identities);
        }
        let main = self.client(metrics).await?;
        let mut nameless = self.prepared().await?;
        nameless.auth_info = AuthInfo::default();
        nameless.read_timeout = Some(CALL_SILENCE);
        nameless.reset_reader_on_write = true;
        for controller in self.settings.controllers.keys() {
            let account = Account::new(main.clone(), account(*controller));
            let calls = client(nameless.clone(), metrics)?;
            identities.insert(*controller, wire.in_the_name_of(account, calls));
        }
        Ok(identities)
    }

    async fn prepared(&self) -> Result<kube::Config> {
        // A second call finds a provider installed already, which is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut config = self.cluster().await?;
        if let Some(master) = &self.master {
            config.cluster_url = master.parse().with_context(|| {
                format!("--master is {master:?}, not a URL such as https://10.0.0.1:6443")
            })?;
        }
        config.connect_timeout = Some(CONNECT);
        config.default_retry = false;
        Ok(config)
    }

    async fn cluster(&self) -> Result<kube::Config> {
        let Some(path) = &self.kubeconfig else {
            return match &self.master {
                Some(master) => without_credentials(master),
                None => in_cluster(),
            };
        };
        from_kubeconfig(path).await
    }
}

/// The ServiceAccount of a controller, named as kube-controller-manager names it.
fn account(controller: Controller) -> &'static str {
    match controller {
        Controller::Endpoints => "endpoint-controller",
        Controller::EndpointSlice => "endpointslice-controller",
        Controller::EndpointSliceMirroring => "endpointslicemirroring-controller",
        Controller::ClusterIp => "clusterip-controller",
    }
}

/// How to reach a cluster, and as whom, by a file.
///
/// # Errors
/// If the file cannot be read or does not say.
pub async fn from_kubeconfig(path: &str) -> Result<kube::Config> {
    if !Path::new(path).exists() {
        return Err(anyhow!("stat {path}: no such file or directory"));
    }
    let file = Kubeconfig::read_from(path)
        .map_err(|error| anyhow!("kubeconfig {path}: {}", innermost(&error)))?;
    kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
        .await
        .map_err(|error| anyhow!("kubeconfig {path}: {}", innermost(&error)))
}

fn without_credentials(master: &str) -> Result<kube::Config> {
    let url = master.parse().with_context(|| {
        format!("--master is {master:?}, not a URL such as https://10.0.0.1:6443")
    })?;
    Ok(kube::Config::new(url))
}

fn in_cluster() -> Result<kube::Config> {
    tracing::warn!(
        "Neither --kubeconfig nor --master was specified. Using the inClusterConfig. This might not work."
    );
    kube::Config::incluster().map_err(|error| {
        tracing::debug!(err = %error, "Not in a Pod");
        anyhow!(
            "invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER \
             environment variable; pass --kubeconfig to run outside a cluster"
        )
    })
}

/// The innermost error says what is wrong; the outer ones only that something is.
fn innermost(error: &dyn std::error::Error) -> String {
    let outer = error.to_string();
    match error.source() {
        Some(source) => format!("{outer}: {}", innermost(source)),
        None => outer,
    }
}
