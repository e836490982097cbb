//! `make run`: the hostnames story, live. Without KUBECONFIG it starts an API server in memory
//! and plays the story on it; with KUBECONFIG it shows that cluster and creates nothing.

mod cluster;
mod ending;
mod picture;
mod screen;
mod story;

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use testbed::Child;

use crate::cluster::{Cluster, OwnCluster, flags};
use crate::picture::Picture;
use crate::screen::Screen;

/// How often the cluster is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// Shows Services, their Pods with the reason why each is in or out, and their EndpointSlices.
///
/// With KUBECONFIG set, Roster runs against that cluster and nothing is created there. Without it,
/// an API server in memory is started on loopback, the example is applied, and a story is played.
///
/// On a terminal the picture is drawn in place and stays until Ctrl-C. Elsewhere, and where TERM is
/// `dumb`, every change is printed once, and the exit code is 0 when the story came true. There are no
/// colours.
#[derive(Parser)]
struct Arguments {
    /// The roster program to run
    #[arg(long)]
    roster: PathBuf,
    /// The example to apply
    #[arg(long, default_value = "examples/hostnames.yaml")]
    example: PathBuf,
}

/// Is done when this program is asked to end.
type Ending = Pin<Box<dyn Future<Output = ()>>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut screen = Screen::new();
    let ending = Box::pin(ending::asked_for()?);
    match std::env::var("KUBECONFIG") {
        Ok(kubeconfig) if !kubeconfig.is_empty() => {
            on_a_given_cluster(&arguments, Path::new(&kubeconfig), &mut screen, ending).await
        }
        _ => on_a_cluster_of_our_own(&arguments, &mut screen, ending).await,
    }
}

async fn on_a_given_cluster(
    arguments: &Arguments,
    kubeconfig: &Path,
    screen: &mut Screen,
    ending: Ending,
) -> Result<()> {
    screen.say(&format!(
        "Roster writes the EndpointSlices and Endpoints of the cluster in {}. Nothing else is created. If its \
         kube-controller-manager still runs endpointslice-controller, both write the same slices: \
         switch it off there first. Ctrl-C ends Roster.",
        kubeconfig.display()
    ));
    let folder = tempfile::tempdir()?;
    let mut roster = start_roster(arguments, kubeconfig, folder.path())?;
    let cluster = Cluster::connect(kubeconfig).await?;
    show_until(ending, &cluster, &mut roster, screen).await
}

async fn on_a_cluster_of_our_own(
    arguments: &Arguments,
    screen: &mut Screen,
    mut ending: Ending,
) -> Result<()> {
    screen
        .say("Starting an API server in memory, with three simulated Nodes, and Roster beside it");
    let own = OwnCluster::start().await?;
    let mut roster = start_roster(arguments, &own.kubeconfig, own.folder())?;
    let cluster = Cluster::connect(&own.kubeconfig).await?;
    let story = async {
        story::apply(&cluster.client, &arguments.example, screen).await?;
        story::play(&cluster, screen).await
    };
    tokio::select! {
        told = story => told.map_err(|error| error.context(roster.log_tail()))?,
        () = &mut ending => return Ok(()),
    }
    roster.check()?;
    if !screen.is_terminal() {
        screen.say("The story came true");
        return Ok(());
    }
    screen.say(&format!(
        "That was the story. The cluster stays until Ctrl-C; look around with\n  \
         export KUBECONFIG={}\n  kubectl get pods,services,endpointslices -o wide\n  \
         kubectl scale deployment hostnames --replicas=2\n  \
         kubectl annotate pod POD {}=unready",
        own.kubeconfig.display(),
        sandbox::simulate::ANNOTATION,
    ));
    show_until(ending, &cluster, &mut roster, screen).await
}

async fn show_until(
    ending: Ending,
    cluster: &Cluster,
    roster: &mut Child,
    screen: &mut Screen,
) -> Result<()> {
    let show = async {
        loop {
            roster.check()?;
            match Picture::take(cluster).await {
                Ok(picture) => screen.show(&picture),
                Err(error) => screen.say(&format!("Cannot look at the cluster: {error:#}")),
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        ended = show => ended,
        () = ending => Ok(()),
    }
}

fn start_roster(arguments: &Arguments, kubeconfig: &Path, folder: &Path) -> Result<Child> {
    let flags = flags(kubeconfig);
    let mut command = vec!["controller-manager".to_owned()];
    command.extend(flags);
    Child::start("roster", &arguments.roster, &command, folder)
        .with_context(|| format!("is {} built? `make build` builds it", arguments.roster.display()))
}
