//! A cluster on the API server in memory, with a clock that stands still while anything runs and
//! leaps to the next thing that is due when nothing does.

use std::sync::Arc;

use controller::environment::Clock;
use controller::manager::Settings;
use controller_core::key::Controller;
use jiff::{SignedDuration, Timestamp};
use kube::Client;
use sandbox::{Fault, Sandbox, Served, Verb};
use tokio::time::Instant;

use crate::{Cluster, Roster};

/// An API server in memory and a cluster on it. For tests that run with paused time.
pub struct World {
    /// The API server.
    pub sandbox: Sandbox,
    /// The namespace `default` of it.
    pub cluster: Cluster,
    /// The time.
    pub clock: Clock,
}

impl World {
    /// A cluster with the Node `node-a` in zone `zone-a`.
    pub async fn new() -> Self {
        Self::with_history(10_000).await
    }

    /// A cluster whose watches can go back so many changes of a kind.
    pub async fn with_history(history: usize) -> Self {
        let clock = clock();
        let settings = sandbox::Settings { clock: clock.clone(), seed: 1, history };
        let sandbox = Sandbox::new(settings);
        let cluster = Cluster::new(Client::new(sandbox.clone(), "default")).await;
        Self { sandbox, cluster, clock }
    }

    /// A cluster whose API server leaves it to others to give Services their addresses, out of these
    /// ranges. It has the ServiceCIDR and the Service `kubernetes`, as any cluster.
    pub async fn without_allocator(range: &str, second: Option<&str>) -> Self {
        let world = Self::new().await;
        let addresses = sandbox::Addresses {
            allocation: sandbox::ClusterIpAllocation::None,
            range: range.parse().unwrap(),
            second: second.map(|second| second.parse().unwrap()),
        };
        let api_server = "192.0.2.1:6443".parse().unwrap();
        world.sandbox.bootstrap(&sandbox::Bootstrap { addresses, api_server });
        world
    }

    /// Lets Services have addresses of both families.
    pub fn has_both_families(&self) {
        let second = Some("fd00:96::/112".parse().unwrap());
        let addresses = sandbox::Addresses { second, ..sandbox::Addresses::default() };
        self.sandbox.give_addresses(addresses);
    }

    /// Roster's EndpointSlice controller, with upstream's defaults.
    pub fn roster(&self) -> Roster {
        self.roster_with(crate::roster::of_controllers(&[Controller::EndpointSlice]))
    }

    /// Roster, with other settings.
    pub fn roster_with(&self, settings: Settings) -> Roster {
        let client = Client::new(self.sandbox.clone(), "default");
        Roster::start_with(client, settings, self.clock.clone())
    }

    /// Makes something go wrong.
    pub fn fault(&self, fault: Fault) {
        self.sandbox.faults().add(fault);
    }

    /// Every write of a slice so far: `create 201`.
    pub fn slice_writes(&self) -> Vec<String> {
        self.writes("endpointslices")
    }

    /// Every write of a kind (in the plural) so far: `create 201`.
    pub fn writes(&self, plural: &str) -> Vec<String> {
        self.write_requests(plural).iter().map(brief).collect()
    }

    /// How long after the first write of a slice each one came, in tenths of a second.
    pub fn write_times(&self) -> Vec<i64> {
        let writes = self.write_requests("endpointslices");
        let since_first =
            |write: &Served| (write.at.duration_since(writes[0].at).as_millis() + 50) as i64 / 100;
        writes.iter().map(since_first).collect()
    }

    fn write_requests(&self, plural: &str) -> Vec<Served> {
        let mut requests = self.sandbox.requests();
        requests.retain(|served| {
            served.plural == plural
                && matches!(served.verb, Verb::Create | Verb::Update | Verb::Delete)
        });
        requests
    }
}

fn brief(served: &Served) -> String {
    let outcome = served.code.map_or("cut".to_owned(), |code| code.to_string());
    format!("{} {outcome}", served.verb)
}

/// Starts at one moment, and goes with tokio's time.
fn clock() -> Clock {
    let start = Instant::now();
    let midnight: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
    Arc::new(move || {
        midnight + SignedDuration::try_from(start.elapsed()).unwrap_or(SignedDuration::ZERO)
    })
}
