//! The manager at work: Roster, or the stock one.

use std::path::Path;

use testbed::{ApiServer, Child, ControllerManager, ControllerManagerOptions};

use super::{Allocator, pool};
use crate::inside::FILES;

const CONTROLLERS: [&str; 3] =
    ["endpoints-controller", "endpointslice-controller", "endpointslice-mirroring-controller"];

/// The controller of ClusterIPs has to be asked for by name.
const EVERYTHING: &str = "--controllers=*,clusterip-controller";

/// Who writes slices and Endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contestant<'a> {
    /// The program at this path.
    Roster(&'a str),
    /// kube-controller-manager.
    Stock,
}

/// A running one.
pub enum Manager {
    Roster(Child),
    Stock(ControllerManager),
}

impl Manager {
    /// Starts one.
    pub async fn start(
        contestant: Contestant<'_>,
        server: &ApiServer,
        allocator: Allocator,
    ) -> Self {
        match contestant {
            Contestant::Roster(program) => {
                Self::Roster(roster(Path::new(program), server, allocator))
            }
            Contestant::Stock => {
                let options = ControllerManagerOptions::unhurried(&CONTROLLERS);
                Self::Stock(ControllerManager::start(server, options).await.unwrap())
            }
        }
    }

    /// The end of what it printed.
    pub fn log_tail(&self) -> String {
        match self {
            Self::Roster(child) => child.log_tail(),
            Self::Stock(manager) => manager.log_tail(),
        }
    }
}

fn roster(program: &Path, server: &ApiServer, allocator: Allocator) -> Child {
    let kubeconfig = server.kubeconfig_path().display().to_string();
    let fixed = ["controller-manager", "--leader-elect=false", EVERYTHING];
    let mut arguments: Vec<String> = fixed.map(str::to_owned).into();
    for of in ["", "authentication-", "authorization-"] {
        arguments.push(format!("--{of}kubeconfig={kubeconfig}"));
    }
    if allocator == Allocator::Webhook {
        arguments.extend(pool::flags());
    }
    Child::start("roster", program, &arguments, Path::new(FILES)).unwrap()
}
