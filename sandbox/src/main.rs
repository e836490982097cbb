//! `roster-sandbox`: an API server in memory, on a port of its own.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use ipnet::IpNet;
use jiff::Timestamp;
use sandbox::persist::Persisted;
use sandbox::{
    Addresses, Bootstrap, ClusterIpAllocation, Listener, Sandbox, Settings, kubeconfig, simulate,
};
use tokio::signal::unix::{SignalKind, signal};

/// How many changes of each kind watches can go back.
const HISTORY: usize = 10_000;

/// A Kubernetes API server in memory, to try things on. It needs nothing else: no etcd, no
/// kubelet, no network but loopback. It says yes to everybody who has its kubeconfig, and forgets
/// everything when it ends. It is no production API server.
///
/// It prints where its kubeconfig is. Then, in another terminal:
///
///   export KUBECONFIG=…
///   kubectl get nodes
///   kubectl create -f examples/hostnames.yaml
///   kubectl get pods,services,endpointslices -o wide
#[derive(Parser)]
#[command(name = "roster-sandbox", version, verbatim_doc_comment)]
struct Arguments {
    /// The port on 127.0.0.1; 0 is any free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The folder for `kubeconfig` and `ca.crt`, which only you can read; without it, a new folder
    /// that goes when the server ends
    #[arg(long, value_name = "PATH")]
    directory: Option<PathBuf>,
    /// Who gives Services their ClusterIP: nobody here, so that a controller such as Roster can, or the
    /// server, as kube-apiserver does
    #[arg(long, value_enum, default_value_t = Allocation::None)]
    cluster_ip_allocation: Allocation,
    /// The range of ClusterIPs; two, with a comma between them, for a cluster of two families
    #[arg(long, value_name = "CIDR", default_value = "10.96.0.0/16", value_parser = service_cidr)]
    service_cidr: (IpNet, Option<IpNet>),
    /// The folder in which objects survive a restart; without it, they are forgotten
    #[arg(long, value_name = "PATH")]
    state_dir: Option<PathBuf>,
    /// How many Nodes are simulated, in three zones
    #[arg(long, default_value_t = 3)]
    nodes: u8,
}

#[derive(Clone, Copy, ValueEnum)]
enum Allocation {
    None,
    Server,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let listener = Listener::open(arguments.port).await?;
    let sandbox = Sandbox::new(Settings {
        clock: Arc::new(Timestamp::now),
        seed: rand::random(),
        history: HISTORY,
    });
    let persisted = arguments.state_dir.as_deref().map(Persisted::within).transpose()?;
    let restored = match &persisted {
        Some(persisted) => persisted.restore(&sandbox)?,
        None => false,
    };
    sandbox.bootstrap(&bootstrap(&arguments, &listener));
    let temporary = tempfile::tempdir()?;
    let folder = arguments.directory.as_deref().unwrap_or(temporary.path());
    let kubeconfig = kubeconfig::write(&listener, folder)?;
    let ending = if persisted.is_some() { "" } else { " It forgets everything when it ends." };
    println!("Serving https://{}.{ending}", listener.address());
    println!("  export KUBECONFIG={}", kubeconfig.display());
    let (mut interrupted, mut terminated) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let asked_to_end = async {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    };
    if !restored {
        simulate::make_nodes(&sandbox, arguments.nodes);
    }
    tokio::spawn(simulate::run(sandbox.clone()));
    let serving = listener.serve(sandbox.clone(), asked_to_end);
    match persisted {
        None => serving.await,
        Some(persisted) => {
            tokio::select! {
                () = serving => {}
                () = persisted.keep(&sandbox) => {}
            }
            persisted.write(&sandbox)?;
        }
    }
    Ok(())
}

/// One range, or one of each family.
fn service_cidr(text: &str) -> Result<(IpNet, Option<IpNet>), String> {
    let ranges = text.split(',').map(|range| range.trim().parse::<IpNet>());
    let ranges: Vec<IpNet> = ranges.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    match ranges.as_slice() {
        [range] => Ok((*range, None)),
        [one, other] if one.addr().is_ipv4() != other.addr().is_ipv4() => Ok((*one, Some(*other))),
        _ => Err("one range, or one of each family".to_owned()),
    }
}

fn bootstrap(arguments: &Arguments, listener: &Listener) -> Bootstrap {
    let allocation = match arguments.cluster_ip_allocation {
        Allocation::None => ClusterIpAllocation::None,
        Allocation::Server => ClusterIpAllocation::Server,
    };
    let (range, second) = arguments.service_cidr;
    let addresses = Addresses { allocation, range, second };
    Bootstrap { addresses, api_server: listener.address() }
}
