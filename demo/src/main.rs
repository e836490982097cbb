//! `make run`: the hostnames story, live. Without KUBECONFIG it starts a control plane of its own
//! and plays the story on it; with KUBECONFIG it shows that cluster and creates nothing.

mod picture;
mod screen;
mod story;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use controller::config::{self, Request};
use controller::wire::Wire;
use testbed::{Child, ControlPlane};

use crate::picture::Picture;
use crate::screen::Screen;

/// How often the cluster is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// Shows Services, their Pods with the reason why each is in or out, and their EndpointSlices.
///
/// With KUBECONFIG set, Roster runs against that cluster and nothing is created there. Without it,
/// a control plane is started on loopback, the example is applied, and a story is played.
#[derive(Parser)]
struct Arguments {
    /// The roster program to run
    #[arg(long)]
    roster: PathBuf,
    /// The example to apply
    #[arg(long, default_value = "examples/hostnames.yaml")]
    example: PathBuf,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut screen = Screen::new();
    match std::env::var("KUBECONFIG") {
        Ok(kubeconfig) if !kubeconfig.is_empty() => {
            on_a_given_cluster(&arguments, Path::new(&kubeconfig), &mut screen).await
        }
        _ => on_a_cluster_of_our_own(&arguments, &mut screen).await,
    }
}

async fn on_a_given_cluster(
    arguments: &Arguments,
    kubeconfig: &Path,
    screen: &mut Screen,
) -> Result<()> {
    screen.say(&format!(
        "Roster writes the EndpointSlices of the cluster in {}. Nothing else is created. If its \
         kube-controller-manager still runs endpointslice-controller, both write the same slices: \
         switch it off there first. Ctrl-C ends Roster.",
        kubeconfig.display()
    ));
    let folder = tempfile::tempdir()?;
    let mut roster = start_roster(arguments, kubeconfig, folder.path())?;
    let wire = wire(kubeconfig).await?;
    show_until_interrupted(&wire, &mut roster, screen).await
}

async fn on_a_cluster_of_our_own(arguments: &Arguments, screen: &mut Screen) -> Result<()> {
    screen.say("Starting etcd and kube-apiserver on loopback …");
    let plane = ControlPlane::start().await?;
    let kubeconfig = plane.api_server.kubeconfig_path();
    let client = plane.api_server.client().await?;
    let mut roster =
        start_roster(arguments, &kubeconfig, kubeconfig.parent().unwrap_or(Path::new("/")))?;
    let wire = wire(&kubeconfig).await?;
    let story = async {
        story::apply(&client, &arguments.example, screen).await?;
        story::play(&client, &wire, screen).await
    };
    tokio::select! {
        told = story => told?,
        _ = tokio::signal::ctrl_c() => return Ok(()),
    }
    roster.check()?;
    if !screen.is_terminal() {
        return Ok(());
    }
    screen.say(&format!(
        "That was the story. The cluster stays until Ctrl-C; look around with\n  \
         export KUBECONFIG={}\n  kubectl get endpointslices",
        kubeconfig.display()
    ));
    show_until_interrupted(&wire, &mut roster, screen).await
}

async fn show_until_interrupted(
    wire: &Wire,
    roster: &mut Child,
    screen: &mut Screen,
) -> Result<()> {
    let show = async {
        loop {
            roster.check()?;
            match Picture::take(wire).await {
                Ok(picture) => screen.show(&picture),
                Err(error) => screen.say(&format!("Cannot look at the cluster: {error:#}")),
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        ended = show => ended,
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

fn start_roster(arguments: &Arguments, kubeconfig: &Path, folder: &Path) -> Result<Child> {
    let flags = flags(kubeconfig);
    let mut command = vec!["controller-manager".to_owned()];
    command.extend(flags);
    Child::start("roster", &arguments.roster, &command, folder)
        .with_context(|| format!("is {} built? `make build` builds it", arguments.roster.display()))
}

fn flags(kubeconfig: &Path) -> Vec<String> {
    vec![format!("--kubeconfig={}", kubeconfig.display()), "--leader-elect=false".to_owned()]
}

/// The same way to the cluster that Roster itself takes.
async fn wire(kubeconfig: &Path) -> Result<Wire> {
    match config::parse(&flags(kubeconfig))? {
        Request::Run(config) => config.connect().await,
        _ => anyhow::bail!("the flags ask for something other than to run"),
    }
}
