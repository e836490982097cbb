//! The known bugs of kube-controller-manager's endpoint controllers, provoked on two real API servers:
//! on one runs the stock manager, on the other Roster. Roster must come to the right state and stay
//! there. Of the stock manager 1.36.3 each case says whether it gets it right, and that is tested, too,
//! unless it hangs on a race. `docs/known-bugs.md` is the list.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

mod endpoints;
mod list;
mod mirroring;
mod slices;

use std::collections::BTreeSet;
use std::time::Duration;

use controller_core::key::Controller;
use futures::future::join_all;
use support::{AuditLog, Cluster, EndpointsView, Op, Published, Roster, SliceView};
use testbed::{ApiServer, ApiServerOptions, ControllerManager, ControllerManagerOptions, Etcd};
use tokio::time::Instant;

/// How long either manager may take.
const PATIENCE: Duration = Duration::from_secs(40);
/// How long what is right must last. Longer than the second that a repair waits.
const LASTING: Duration = Duration::from_millis(1500);
/// How long the stock manager must fail for it to count: its first retries come within this time.
const FAILING: Duration = Duration::from_secs(6);
/// How often is looked.
const POLL: Duration = Duration::from_millis(400);
/// Beyond this size a group of endpoints is spread over slices, which is random in the stock manager.
const PACKED: usize = 100;

/// A bug, in a namespace of its own.
pub struct Case {
    /// What goes wrong; also the namespace.
    pub name: &'static str,
    /// The Services that are looked at.
    pub services: Vec<&'static str>,
    /// What happens while the managers run.
    pub steps: Vec<Step>,
    /// What happens when they are restarted.
    pub restart: Option<Restart>,
}

/// What is done, and what must come of it.
pub struct Step {
    /// Done one after another.
    pub ops: Vec<Op>,
    /// What Roster must show.
    pub wanted: Seen,
    /// What the stock manager does.
    pub stock: Stock,
}

/// A step that has to do with a restart of the managers.
pub enum Restart {
    /// It is done while none is running.
    During(Step),
    /// It is done when they are at work again.
    Before(Step),
}

/// How the stock manager 1.36.3 fares.
pub enum Stock {
    /// It comes to the same; the bug is yet to be provoked.
    Agrees,
    /// It comes to what is wanted. The bug was mended.
    Heals,
    /// It shows this and nothing better.
    StaysAt(Seen),
    /// It hangs on a race, so nothing is asserted.
    Races(&'static str),
}

/// What is seen of a case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    /// The slices and Endpoints.
    pub published: Published,
    /// Whether objects of this kind (in the plural) were written during the step, if that is asked.
    pub rewritten: Option<(&'static str, Rewritten)>,
    /// `NAMESPACE: REASON` of the events about the first Service, if that is asked.
    pub events: Option<BTreeSet<String>>,
}

/// Whether anything was written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rewritten {
    /// No PUT.
    Never,
    /// At least one.
    Again,
}

impl Case {
    /// A case about one Service, or several.
    pub fn new(name: &'static str, services: &[&'static str]) -> Self {
        Self { name, services: services.to_vec(), steps: Vec::new(), restart: None }
    }

    /// First both managers come to the same.
    #[must_use]
    pub fn given(self, ops: Vec<Op>, wanted: impl Into<Seen>) -> Self {
        self.then(ops, wanted, Stock::Agrees)
    }

    /// Then something happens.
    #[must_use]
    pub fn then(mut self, ops: Vec<Op>, wanted: impl Into<Seen>, stock: Stock) -> Self {
        self.steps.push(Step { ops, wanted: wanted.into(), stock });
        self
    }

    /// Something happens while no manager runs.
    #[must_use]
    pub fn while_down(mut self, ops: Vec<Op>, wanted: impl Into<Seen>, stock: Stock) -> Self {
        self.restart = Some(Restart::During(Step { ops, wanted: wanted.into(), stock }));
        self
    }

    /// Something happens after a restart.
    #[must_use]
    pub fn after_restart(mut self, ops: Vec<Op>, wanted: impl Into<Seen>, stock: Stock) -> Self {
        self.restart = Some(Restart::Before(Step { ops, wanted: wanted.into(), stock }));
        self
    }
}

impl From<Published> for Seen {
    fn from(published: Published) -> Self {
        Self { published, ..Self::default() }
    }
}

impl Seen {
    /// And during the step no object of this kind is written, or some are.
    #[must_use]
    pub fn and(mut self, plural: &'static str, rewritten: Rewritten) -> Self {
        self.rewritten = Some((plural, rewritten));
        self
    }

    /// And these events are about the first Service.
    #[must_use]
    pub fn and_events(mut self, events: &[&str]) -> Self {
        self.events = Some(events.iter().map(|event| (*event).to_owned()).collect());
        self
    }
}

impl Stock {
    /// It shows this and nothing better.
    pub fn stays_at(seen: impl Into<Seen>) -> Self {
        Stock::StaysAt(seen.into())
    }
}

/// What one Service `web` shows.
pub fn web(slices: Vec<SliceView>, endpoints: Option<EndpointsView>) -> Published {
    let add = |published: Published, slice| published.with_slice("web", slice);
    let published = slices.into_iter().fold(Published::default(), add);
    endpoints.into_iter().fold(published, |published, view| published.with_endpoints("web", view))
}

/// A manager's API server, and a case's namespace on it.
struct Side<'a> {
    cluster: Cluster,
    audit: &'a AuditLog,
}

struct Pair<'a> {
    case: &'a Case,
    stock: Side<'a>,
    roster: Side<'a>,
}

#[tokio::test(flavor = "multi_thread")]
async fn known_bugs() {
    let etcd = Etcd::start().await.unwrap();
    let server = async |prefix: &str| {
        let mut options = ApiServerOptions::under(prefix);
        let audit = AuditLog::kept_by(&mut options);
        (ApiServer::start(&etcd, options).await.unwrap(), audit)
    };
    let ((stock_server, stock_audit), (our_server, our_audit)) =
        tokio::join!(server("/stock"), server("/roster"));
    let stock_client = stock_server.client().await.unwrap();
    let our_client = our_server.client().await.unwrap();
    let manager = ControllerManager::start(&stock_server, all_controllers()).await.unwrap();
    let roster = Roster::start(our_client.clone());

    let cases = cases();
    let pairs = join_all(cases.iter().map(async |case| Pair {
        case,
        stock: Side {
            cluster: Cluster::in_namespace(stock_client.clone(), case.name).await,
            audit: &stock_audit,
        },
        roster: Side {
            cluster: Cluster::in_namespace(our_client.clone(), case.name).await,
            audit: &our_audit,
        },
    }))
    .await;
    let mut wrong: Vec<String> = join_all(pairs.iter().map(Pair::play)).await.concat();

    drop(manager);
    roster.stop().await;
    join_all(pairs.iter().map(Pair::play_while_down)).await;
    let manager = ControllerManager::start(&stock_server, all_controllers()).await.unwrap();
    let roster = Roster::start(our_client.clone());
    tokio::join!(Cluster::until_managed(stock_client), Cluster::until_managed(our_client.clone()));
    // The stock manager looks at every Service once more, a second after its start.
    tokio::time::sleep(Duration::from_secs(3)).await;
    wrong.extend(join_all(pairs.iter().map(Pair::play_after_restart)).await.concat());
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));

    Cluster::new(our_client).await.stays_silent().await;
    drop(manager);
    roster.stop().await;
}

fn cases() -> Vec<Case> {
    [slices::all(), endpoints::all(), mirroring::all()].into_iter().flatten().collect()
}

fn all_controllers() -> ControllerManagerOptions {
    ControllerManagerOptions::unhurried(
        &Controller::OF_KUBE_CONTROLLER_MANAGER.map(Controller::name),
    )
}

impl Pair<'_> {
    /// Says what is wrong.
    async fn play(&self) -> Vec<String> {
        for (number, step) in self.case.steps.iter().enumerate() {
            let wrong = self.step(&format!("step {}", number + 1), step, Done::Now).await;
            if !wrong.is_empty() {
                return wrong;
            }
        }
        Vec::new()
    }

    async fn play_while_down(&self) {
        if let Some(Restart::During(step)) = &self.case.restart {
            self.apply(step).await;
        }
    }

    async fn play_after_restart(&self) -> Vec<String> {
        match &self.case.restart {
            Some(Restart::During(step)) => self.step("restart", step, Done::Already).await,
            Some(Restart::Before(step)) => self.step("after a restart", step, Done::Now).await,
            None => Vec::new(),
        }
    }

    async fn apply(&self, step: &Step) {
        for op in &step.ops {
            tokio::join!(op.apply(&self.stock.cluster), op.apply(&self.roster.cluster));
        }
    }

    async fn step(&self, when: &str, step: &Step, done: Done) -> Vec<String> {
        let place = format!("{}, {when}", self.case.name);
        let (stock_puts, our_puts) = (self.stock.puts(step), self.roster.puts(step));
        if let Done::Now = done {
            self.apply(step).await;
        }
        let ours = self.roster.comes_to(self.case, &step.wanted, our_puts, LASTING);
        let stock = async {
            match &step.stock {
                Stock::Agrees | Stock::Heals => {
                    let comes = self.stock.comes_to(self.case, &step.wanted, stock_puts, LASTING);
                    comes.await.map(|_| "gets it right".to_owned())
                }
                Stock::StaysAt(seen) => {
                    assert_ne!(*seen, step.wanted, "{place}: that would be right");
                    let stays = self.stock.comes_to(self.case, seen, stock_puts, FAILING);
                    stays.await.map(|_| "FAILS".to_owned())
                }
                Stock::Races(why) => {
                    tokio::time::sleep(FAILING).await;
                    let right =
                        self.stock.see(self.case, &step.wanted, stock_puts).await == step.wanted;
                    let right = if right { "right" } else { "wrong" };
                    Ok(format!("is {right} this time, and not judged: {why}"))
                }
            }
        };
        match tokio::join!(ours, stock) {
            (Ok(time), Ok(stock)) => {
                if !matches!(step.stock, Stock::Agrees) {
                    eprintln!("{place}: stock {stock}; Roster right after {} ms", time.as_millis());
                }
                Vec::new()
            }
            (ours, stock) => {
                let ours = ours.err().map(|why| format!("{place}: Roster {why}"));
                let stock = stock.err().map(|why| format!("{place}: the stock manager {why}"));
                ours.into_iter().chain(stock).collect()
            }
        }
    }
}

/// Whether what a step does has been done.
#[derive(Clone, Copy)]
enum Done {
    Now,
    Already,
}

impl Side<'_> {
    fn puts(&self, step: &Step) -> usize {
        let kind = step.wanted.rewritten.map(|(plural, _)| plural);
        kind.map_or(0, |plural| self.audit.puts(&self.cluster.namespace, plural))
    }

    /// Waits until this is seen and stays for a while. Says how long it took to come.
    async fn comes_to(
        &self,
        case: &Case,
        wanted: &Seen,
        puts_before: usize,
        lasting: Duration,
    ) -> Result<Duration, String> {
        let wanted = Seen { published: loosely(wanted.published.clone()), ..wanted.clone() };
        let start = Instant::now();
        let mut since = None;
        loop {
            let seen = self.see(case, &wanted, puts_before).await;
            let now = Instant::now();
            since = if seen == wanted { since.or(Some(now)) } else { None };
            match since {
                Some(since) if now - since >= lasting => return Ok(since - start),
                None if now - start > PATIENCE => return Err(difference(&seen, &wanted)),
                _ => tokio::time::sleep(POLL).await,
            }
        }
    }

    async fn see(&self, case: &Case, asked: &Seen, puts_before: usize) -> Seen {
        let rewritten = asked.rewritten.map(|(plural, _)| {
            let puts = self.audit.puts(&self.cluster.namespace, plural);
            (plural, if puts > puts_before { Rewritten::Again } else { Rewritten::Never })
        });
        let events = match asked.events {
            Some(_) => Some(self.events(case.services[0]).await),
            None => None,
        };
        let published = loosely(Published::of(&self.cluster, &case.services).await);
        Seen { published, rewritten, events }
    }

    async fn events(&self, service: &str) -> BTreeSet<String> {
        let elsewhere = Cluster { namespace: "default".to_owned(), ..self.cluster.clone() };
        let mut events = BTreeSet::new();
        for (place, cluster) in [("its own", &self.cluster), ("default", &elsewhere)] {
            let reasons = cluster.events(service).await.into_iter();
            events.extend(reasons.map(|(reason, _)| format!("{place}: {reason}")));
        }
        events
    }
}

/// Without how large groups are packed.
fn loosely(mut published: Published) -> Published {
    let large = published.slices.values_mut().filter(|group| group.endpoints.len() > PACKED);
    for group in large {
        (group.slices, group.largest) = (0, 0);
    }
    published
}

fn difference(seen: &Seen, wanted: &Seen) -> String {
    let mut lines = seen.published.difference(&wanted.published);
    let rest = |seen: &Seen| format!("{:?} {:?}", seen.rewritten, seen.events);
    let (has, should_have) = (rest(seen), rest(wanted));
    if has != should_have {
        lines.extend([format!("+ {has}"), format!("- {should_have}")]);
    }
    format!("shows (+) and should show (-)\n{}", lines.join("\n"))
}
