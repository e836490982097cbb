//! Events for users: what went wrong with a Service, on the Service. They are sent in the
//! background, one after another; whoever reports one never waits, and a full buffer drops it.

use std::collections::HashMap;

use controller_core::facts::Service;
use k8s_openapi::api::core::v1::ObjectReference;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::environment::Clock;
use crate::wire::{EventObject, Wire};

/// `source.component` of our events, spelt as kube-controller-manager spells it.
const COMPONENT: &str = "endpoint-slice-controller";
/// How many events may wait to be sent.
const BUFFER: usize = 1000;
/// How many distinct events are remembered, to count repetitions rather than create anew.
const REMEMBERED: usize = 4096;

/// Takes reports.
#[derive(Clone)]
pub struct Recorder(mpsc::Sender<Report>);

struct Report {
    object: ObjectReference,
    reason: &'static str,
    message: String,
}

impl Recorder {
    /// Starts sending. The task ends when the last recorder is dropped and all is sent.
    pub fn start(wire: Wire, clock: Clock) -> (Self, JoinHandle<()>) {
        let (sender, reports) = mpsc::channel(BUFFER);
        (Self(sender), tokio::spawn(send(reports, wire, clock)))
    }

    /// Reports something bad about a Service.
    pub fn warn(&self, service: &Service, reason: &'static str, message: String) {
        tracing::info!(
            object = %service.key,
            fieldPath = "",
            kind = "Service",
            apiVersion = "v1",
            r#type = "Warning",
            reason,
            message = %message,
            "Event occurred"
        );
        let object = ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Service".to_owned()),
            namespace: Some(service.key.namespace.to_string()),
            name: Some(service.key.name.to_string()),
            uid: Some(service.uid.to_string()),
            ..ObjectReference::default()
        };
        if self.0.try_send(Report { object, reason, message }).is_err() {
            tracing::debug!(object = %service.key, reason, "Event dropped: too many are waiting to be sent");
        }
    }
}

async fn send(mut reports: mpsc::Receiver<Report>, wire: Wire, clock: Clock) {
    let mut sent: HashMap<(Option<String>, &'static str, String), EventObject> = HashMap::new();
    while let Some(Report { object, reason, message }) = reports.recv().await {
        let key = (object.uid.clone(), reason, message);
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
        let event = EventObject::new(object, "Warning", reason, &key.2, COMPONENT, clock());
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

fn log_failure(result: Result<(), crate::wire::WireError>) {
    match result {
        // Nothing can be said any more in a namespace that is going away.
        Err(error) if !error.is_namespace_terminating() => {
            tracing::warn!(err = %error, "Cannot write an event");
        }
        _ => {}
    }
}
