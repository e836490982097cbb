//! Roster in the test's own process.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use controller::cluster_ip_mode::ClusterIpMode;
use controller::config::serving::Debugging;
use controller::config::{self, Request};
use controller::environment::{Clock, Randomness};
use controller::health::{Health, Probe, Verdict};
use controller::leader::Fence;
use controller::logging::Verbosity;
use controller::manager::{Manager, Pace, Parts, Settings};
use controller::metrics::Metrics;
use controller::serving::{self, Pages};
use controller::shared_index::SharedIndex;
use controller::wire::Wire;
use controller_core::key::Controller;
use jiff::Timestamp;
use kube::Client;
use testbed::ApiServer;

/// A running manager.
pub struct Roster {
    manager: Manager,
}

impl Roster {
    /// Starts with upstream's defaults, but for the limit on writes.
    pub fn start(client: Client) -> Self {
        Self::start_with(client, settings(), Arc::new(Timestamp::now))
    }

    /// Starts with other settings and another clock.
    pub fn start_with(client: Client, settings: Settings, clock: Clock) -> Self {
        Self::launch(client, BTreeMap::new(), settings, clock)
    }

    /// Starts with all controllers, which write through a client of their own.
    pub fn start_writing_through(writer: Client, client: Client, clock: Clock) -> Self {
        let identity = |name| (name, Wire::new(writer.clone(), writer.clone()));
        Self::launch(client, Controller::ALL.map(identity).into(), settings(), clock)
    }

    fn launch(
        client: Client,
        identities: BTreeMap<Controller, Wire>,
        settings: Settings,
        clock: Clock,
    ) -> Self {
        let parts = Parts {
            wire: Wire::new(client.clone(), client),
            identities,
            clock,
            randomness: Randomness::seeded(1),
            settings,
            metrics: Arc::new(Metrics::new().unwrap()),
        };
        let mut manager = Manager::start(parts);
        manager.lead(Fence::open());
        Self { manager }
    }

    /// The index and queue, for looking at.
    pub fn index(&self) -> &SharedIndex {
        self.manager.index()
    }

    /// Waits until every kind has been listed.
    pub async fn synced(&self) {
        self.manager.synced().await;
    }

    /// Opens an HTTPS port for it that asks an API server who may read what. Says where.
    pub async fn serve(&self, server: &ApiServer) -> String {
        let port = testbed::free_port().unwrap();
        let kubeconfig = server.kubeconfig_path();
        let flags = ["", "authentication-", "authorization-"]
            .map(|of| format!("--{of}kubeconfig={}", kubeconfig.display()))
            .into_iter()
            .chain(["--bind-address=127.0.0.1".to_owned(), format!("--secure-port={port}")]);
        let Ok(Request::Run(config)) = config::parse(&flags.collect::<Vec<_>>()) else {
            panic!("the flags of a test are wrong");
        };
        let pages = Pages {
            health: Arc::default(),
            metrics: self.manager.metrics().clone(),
            config: Arc::new(*config.clone()),
            started: Timestamp::now(),
            verbosity: Verbosity::new(0, &[]),
            debugging: Debugging::Off,
        };
        serving::start(&config.serving.unwrap(), pages).await.unwrap();
        format!("https://127.0.0.1:{port}")
    }

    /// What it counts, in the Prometheus text format.
    pub fn metrics(&self) -> String {
        self.manager.metrics().render()
    }

    /// What is wrong with its controllers, `NAME: WHAT`, as a probe would find it.
    pub fn complaints(&self, probe: Probe) -> Vec<String> {
        let health = Health::default();
        self.manager.add_checks(&health);
        let findings = health.examine(probe, &BTreeSet::new()).into_iter();
        let wrong = findings.filter_map(|finding| match finding.verdict {
            Verdict::Failed(wrong) => Some(format!("{}: {wrong}", finding.name)),
            Verdict::Passed | Verdict::Excluded => None,
        });
        wrong.collect()
    }

    /// Stops as on SIGTERM.
    pub async fn stop(self) {
        self.manager.stop().await;
    }
}

/// Upstream's defaults for its controllers, with no limit on writes.
pub fn settings() -> Settings {
    of_controllers(&Controller::OF_KUBE_CONTROLLER_MANAGER)
}

/// Upstream's defaults for some controllers, with no limit on writes.
pub fn of_controllers(controllers: &[Controller]) -> Settings {
    let pace =
        Pace { concurrent_syncs: NonZeroUsize::new(5).unwrap(), batch_period: Duration::ZERO };
    Settings {
        controllers: controllers.iter().map(|controller| (*controller, pace)).collect(),
        optional: BTreeSet::new(),
        max_endpoints_per_slice: NonZeroUsize::new(100).unwrap(),
        mirroring_max_endpoints_per_subset: NonZeroUsize::new(1000).unwrap(),
        cluster_ip_mode: ClusterIpMode::Auto,
        kube_api_qps: None,
        kube_api_burst: 1,
        min_resync_period: None,
        start_interval: Duration::ZERO,
    }
}
