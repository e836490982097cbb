//! Events for users: what went wrong with an object, on the object. They are sent in the
//! background, one after another; whoever reports one never waits, and a full buffer drops it.

use std::collections::HashMap;

use controller_core::reconcile::{Notice, Reference};
use k8s_openapi::api::core::v1::ObjectReference;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::environment::Clock;
use crate::wire::{EventObject, Wire};

/// How many events may wait to be sent.
const BUFFER: usize = 1000;
/// How many distinct events are remembered, to count repetitions rather than create anew.
const REMEMBERED: usize = 4096;

/// Takes reports.
#[derive(Clone)]
pub struct Recorder(mpsc::Sender<Report>);

struct Report {
    component: &'static str,
    notice: Notice,
}

impl Recorder {
    /// Starts sending. The task ends when the last recorder is dropped and all is sent.
    pub fn start(wire: Wire, clock: Clock) -> (Self, JoinHandle<()>) {
        let (sender, reports) = mpsc::channel(BUFFER);
        (Self(sender), tokio::spawn(send(reports, wire, clock)))
    }

    /// Reports something in the name of a controller.
    pub fn record(&self, component: &'static str, notice: Notice) {
        let Notice { about, severity, reason, message } = &notice;
        tracing::info!(
            object = %about.key,
            fieldPath = "",
            kind = about.kind,
            apiVersion = about.api_version,
            r#type = severity.name(),
            reason,
            message = %message,
            "Event occurred"
        );
        let (object, reason) = (about.key.clone(), *reason);
        if self.0.try_send(Report { component, notice }).is_err() {
            tracing::debug!(object = %object, reason, "Event dropped: too many are waiting to be sent");
        }
    }
}

/// What makes two events one: everything but the version of the object.
type Sameness = (&'static str, String, String, &'static str, String);

async fn send(mut reports: mpsc::Receiver<Report>, wire: Wire, clock: Clock) {
    let mut sent: HashMap<Sameness, EventObject> = HashMap::new();
    while let Some(Report { component, notice }) = reports.recv().await {
        let Notice { about, severity, reason, message } = notice;
        let key = (component, about.key.to_string(), about.uid.to_string(), reason, message);
        if let Some(event) = sent.get_mut(&key) {
            event.again(clock());
            match wire.recount_event(event).await {
                Err(error) if error.is_not_found() => drop(sent.remove(&key)),
                result => {
                    log_failure(result);
                    continue;
                }
            }
        }
        let object = object_reference(&about);
        let event = EventObject::new(object, severity.name(), reason, &key.4, component, clock());
        let result = wire.create_event(&event).await;
        if result.is_ok() {
            if sent.len() >= REMEMBERED {
                sent.clear();
            }
            sent.insert(key, event);
        }
        log_failure(result);
    }
}

fn object_reference(about: &Reference) -> ObjectReference {
    ObjectReference {
        api_version: Some(about.api_version.to_owned()),
        kind: Some(about.kind.to_owned()),
        namespace: Some(about.key.namespace.to_string()),
        name: Some(about.key.name.to_string()),
        uid: Some(about.uid.to_string()).filter(|uid| !uid.is_empty()),
        resource_version: about.resource_version.map(|version| version.to_string()),
        ..ObjectReference::default()
    }
}

fn log_failure(result: Result<(), crate::wire::WireError>) {
    match result {
        // Nothing can be said any more in a namespace that is going away.
        Err(error) if !error.is_namespace_terminating() => {
            tracing::warn!(err = %error, "Cannot write an event");
        }
        _ => {}
    }
}
