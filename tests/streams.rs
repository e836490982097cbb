//! Lists that arrive as streams and go on as watches, from servers that have them and from servers
//! that do not, over connections that end, break, fall silent and garble. Time stands still in these
//! tests while anything runs.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // a test fails by panicking

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use controller_core::key::Controller;
use futures::stream;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use kube::Client;
use kube::client::Body;
use parking_lot::Mutex;
use sandbox::{Action, Answer, Cut, Fault, Sandbox, Verb};
use serde_json::json;
use support::roster::of_controllers;
use support::{Roster, World, pod, service};

/// What goes wrong with the body of an answer. Each event is one frame of it, so a place is that of
/// an event: the list of three Pods has places 0 to 2, and its end is at place 3.
#[derive(Clone, Copy, Debug)]
enum Spoil {
    /// Nothing.
    Nothing,
    /// It ends in good order before this place.
    End(usize),
    /// The same, within an event.
    Truncate(usize),
    /// The connection breaks.
    Break(usize),
    /// Nothing more comes.
    Silence(usize),
    /// Something comes that is no event.
    Garble(usize),
    /// The event before comes again, as the deletion of its object.
    Undo(usize),
    /// A bookmark comes from before everything that was.
    TurnBack(usize),
    /// The end of the list is not marked.
    Unmark,
    /// Instead of a body, there is the refusal of a version that is still to come.
    TooLarge,
}

/// How the watches of Pods have been asked for, and what is to go wrong with the next ones.
#[derive(Clone, Default)]
struct Line {
    asked: Arc<Mutex<Vec<String>>>,
    next: Arc<Mutex<Vec<Spoil>>>,
}

impl Line {
    fn spoiling(spoils: &[Spoil]) -> Self {
        let line = Self::default();
        line.next.lock().extend(spoils.iter().rev());
        line
    }

    /// How many lists of Pods have been asked for as streams, and how many watches from a version.
    fn asked(&self) -> (usize, usize) {
        let asked = self.asked.lock();
        let streams = asked.iter().filter(|query| query.contains("sendInitialEvents=true")).count();
        (streams, asked.len() - streams)
    }

    fn client(&self, sandbox: &Sandbox) -> Client {
        let (line, sandbox) = (self.clone(), sandbox.clone());
        let service = tower::service_fn(move |request: Request<Body>| {
            let (line, mut sandbox) = (line.clone(), sandbox.clone());
            async move {
                let query = request.uri().query().unwrap_or_default().to_owned();
                let concerns =
                    request.uri().path() == "/api/v1/pods" && query.contains("watch=true");
                if !concerns {
                    return tower::Service::call(&mut sandbox, request).await;
                }
                line.asked.lock().push(query);
                let spoil = line.next.lock().pop().unwrap_or(Spoil::Nothing);
                if let Spoil::TooLarge = spoil {
                    return Ok(too_large());
                }
                let answer = tower::Service::call(&mut sandbox, request).await?;
                Ok(answer.map(|body| spoiled(body, spoil)))
            }
        });
        Client::new(service, "default")
    }
}

fn spoiled(body: Answer, spoil: Spoil) -> Answer {
    let frames =
        stream::unfold((body, 0, String::new()), move |(mut body, place, last)| async move {
            let mut next = async || {
                let data = body.frame().await?.unwrap().into_data().ok()?;
                Some(String::from_utf8(data.to_vec()).unwrap())
            };
            let text = match spoil {
                Spoil::End(at) if place == at => return None,
                Spoil::Truncate(at) if place == at => next().await?[..20].to_owned(),
                Spoil::Truncate(at) if place > at => return None,
                Spoil::Break(at) if place == at => {
                    return Some((Err(Cut), (body, place + 1, last)));
                }
                Spoil::Silence(at) if place == at => std::future::pending().await,
                Spoil::Garble(at) if place == at => "{\"type\":\"ADDED\",\"object\":\n".to_owned(),
                Spoil::Undo(at) if place == at => last.replace("\"ADDED\"", "\"DELETED\""),
                Spoil::TurnBack(at) if place == at => {
                    let object = json!({"kind": "Pod", "metadata": {"resourceVersion": "1"}});
                    format!("{}\n", json!({"type": "BOOKMARK", "object": object}))
                }
                Spoil::Unmark => next().await?.replace("initial-events-end", "something-else"),
                _ => next().await?,
            };
            let frame = Frame::data(Bytes::from(text.clone()));
            Some((Ok::<_, Cut>(frame), (body, place + 1, text)))
        });
    StreamBody::new(frames).boxed_unsync()
}

fn too_large() -> Response<Answer> {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Timeout", "code": 504,
        "message": "Timeout: Too large resource version: 900, current: 9",
        "details": {
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        },
    });
    let body = Full::new(Bytes::from(status.to_string())).map_err(|never| match never {});
    let response = Response::builder().status(StatusCode::GATEWAY_TIMEOUT);
    response.body(body.boxed_unsync()).unwrap()
}

/// A world with Service `web` and its three ready Pods, and Roster on a line to it.
async fn three_pods(line: &Line) -> (World, Roster) {
    let world = World::new().await;
    for (name, ip) in [("one", "10.1.0.1"), ("three", "10.1.0.3"), ("two", "10.1.0.2")] {
        world.cluster.pod(pod(name, "web", ip)).await;
    }
    world.cluster.create(service("web", json!({}))).await;
    let settings = of_controllers(&[Controller::EndpointSlice]);
    let client = line.client(&world.sandbox);
    let roster = Roster::start_with(client, settings, world.clock.clone());
    (world, roster)
}

/// How often Pods have been listed by pages.
fn pages(world: &World) -> usize {
    let requests = world.sandbox.requests();
    let is_page = |verb| verb == Verb::List;
    requests.iter().filter(|served| served.plural == "pods" && is_page(served.verb)).count()
}

/// Whatever has happened before, changes are followed.
async fn follows(world: &World, roster: Roster) {
    world.cluster.delete("Pod", "three").await;
    world.cluster.pod(pod("four", "web", "10.1.0.4")).await;
    world.cluster.until_ready("web", &["four", "one", "two"]).await;
    world.cluster.stays_silent().await;
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_list_arrives_as_a_stream_and_goes_on_as_a_watch() {
    let line = Line::default();
    let (world, roster) = three_pods(&line).await;
    world.cluster.until_ready("web", &["one", "three", "two"]).await;
    world.cluster.pod(pod("late", "web", "10.1.0.9")).await;
    world.cluster.until_ready("web", &["late", "one", "three", "two"]).await;
    assert_eq!((line.asked(), pages(&world)), ((1, 0), 0), "one request for all of it");
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_know_streaming_lists_is_asked_for_pages() {
    for code in [400, 422] {
        let line = Line::default();
        let world = World::new().await;
        world.fault(Fault::of(Verb::Watch, "pods", Action::refuse(code, "")));
        world.cluster.pod(pod("one", "web", "10.1.0.1")).await;
        world.cluster.create(service("web", json!({}))).await;
        let settings = of_controllers(&[Controller::EndpointSlice]);
        let roster = Roster::start_with(line.client(&world.sandbox), settings, world.clock.clone());
        world.cluster.until_ready("web", &["one"]).await;
        assert_eq!((line.asked(), pages(&world)), ((1, 1), 1), "{code}");
        roster.stop().await;
    }
}

/// A stream that is spoilt is followed by one list in pages, and all that there is is published.
async fn is_made_up_for_by_pages(spoil: Spoil) {
    let line = Line::spoiling(&[spoil]);
    let (world, roster) = three_pods(&line).await;
    world.cluster.until_ready("web", &["one", "three", "two"]).await;
    assert_eq!((line.asked(), pages(&world)), ((1, 1), 1), "{spoil:?}");
    follows(&world, roster).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_no_notice_of_what_it_does_not_know_is_asked_for_pages() {
    // Its first bookmark says nothing of a list; or there is none for too long.
    for spoil in [Spoil::Unmark, Spoil::Silence(3)] {
        is_made_up_for_by_pages(spoil).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_goes_wrong_within_its_list_is_made_up_for_by_pages() {
    for spoil in [
        Spoil::End(2),
        Spoil::Truncate(1),
        Spoil::Break(0),
        Spoil::Break(2),
        Spoil::Silence(0),
        Spoil::Silence(1),
        Spoil::Garble(1),
    ] {
        is_made_up_for_by_pages(spoil).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_deleted_while_it_is_being_listed_is_gone() {
    let line = Line::spoiling(&[Spoil::Undo(1)]);
    let (world, roster) = three_pods(&line).await;
    world.cluster.until_ready("web", &["three", "two"]).await;
    assert_eq!(pages(&world), 0);
    roster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_goes_wrong_behind_its_list_goes_on_where_it_was() {
    for spoil in
        [Spoil::End(4), Spoil::Truncate(4), Spoil::Break(4), Spoil::Silence(4), Spoil::Garble(4)]
    {
        let line = Line::spoiling(&[spoil]);
        let (world, roster) = three_pods(&line).await;
        world.cluster.until_ready("web", &["one", "three", "two"]).await;
        world.cluster.pod(pod("late", "web", "10.1.0.9")).await;
        // Bookmarks come once a minute: a watch that is silent for longer than two and a half is dead.
        tokio::time::sleep(Duration::from_secs(160)).await;
        world.cluster.until_ready("web", &["late", "one", "three", "two"]).await;
        assert_eq!((line.asked(), pages(&world)), ((1, 1), 0), "{spoil:?}");
        world.cluster.delete("Pod", "late").await;
        follows(&world, roster).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_that_can_never_be_read_is_gone_around_by_a_list() {
    let line = Line::spoiling(&[Spoil::Garble(4), Spoil::Garble(0)]);
    let (world, roster) = three_pods(&line).await;
    world.cluster.until_ready("web", &["one", "three", "two"]).await;
    let listed_again = async || line.asked();
    world.cluster.until((2, 1), listed_again).await;
    follows(&world, roster).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_whose_store_was_put_back_to_an_older_state_is_listed_again() {
    for spoils in [&[Spoil::TurnBack(4)][..], &[Spoil::End(4), Spoil::TooLarge]] {
        let line = Line::spoiling(spoils);
        let (world, roster) = three_pods(&line).await;
        let listed_again = async || line.asked().0;
        world.cluster.until(2, listed_again).await;
        follows(&world, roster).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_in_every_list_is_asked_about_twice_a_minute() {
    let line = Line::spoiling(&[Spoil::Silence(0); 1000]);
    let slow = Fault::of(Verb::List, "pods", Action::Delay(Duration::from_secs(3600)));
    let world = World::new().await;
    world.fault(slow.times(1000));
    let settings = of_controllers(&[Controller::EndpointSlice]);
    let client = line.client(&world.sandbox);
    let roster = Roster::start_with(client, settings, world.clock.clone());
    tokio::time::sleep(Duration::from_secs(1800)).await;
    let asked = line.asked().0 + pages(&world);
    assert!((20..=60).contains(&asked), "{asked} requests in half an hour");
    roster.stop().await;
}
