//! Events for users: what went wrong with an object, on the object. They are sent in the
//! background, one after another; whoever reports one never waits, and a full buffer drops it.

mod correlator;

use std::time::Duration;

use controller_core::reconcile::Notice;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::environment::{Clock, Randomness};
use crate::wire::{EventObject, Wire, WireError};

use correlator::{Correlator, Occurrence};

/// How many events may wait to be sent.
const BUFFER: usize = 1000;
/// How often an event is tried that gets no answer, and how long it waits in between. The first wait
/// is a random part of that, so that many replicas do not come back together.
const TRIES: usize = 12;
const PAUSE: Duration = Duration::from_secs(10);

/// Takes reports.
#[derive(Clone)]
pub struct Recorder(mpsc::Sender<Report>);

/// What somebody has to tell.
struct Report {
    component: &'static str,
    notice: Notice,
}

impl Recorder {
    /// Starts sending. The task ends when the last recorder is dropped and all is sent.
    pub fn start(wire: Wire, clock: Clock, randomness: Randomness) -> (Self, JoinHandle<()>) {
        let (sender, reports) = mpsc::channel(BUFFER);
        let sending = Sending { wire, clock, randomness };
        (Self(sender), tokio::spawn(sending.run(reports)))
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

/// What sends.
struct Sending {
    wire: Wire,
    clock: Clock,
    randomness: Randomness,
}

impl Sending {
    async fn run(self, mut reports: mpsc::Receiver<Report>) {
        let mut correlator = Correlator::default();
        while let Some(Report { component, notice }) = reports.recv().await {
            if let Some((event, occurrence)) =
                correlator.correlate(component, &notice, (self.clock)())
            {
                self.deliver(&event, occurrence).await;
            }
        }
    }

    /// Sends an event, again and again for as long as there is no answer. A refusal is final.
    async fn deliver(&self, event: &EventObject, occurrence: Occurrence) {
        let mut wait = PAUSE.mul_f64(self.randomness.fraction());
        for _ in 0..TRIES {
            match self.send(event, occurrence).await {
                Ok(()) => return,
                Err(error @ (WireError::Transport(_) | WireError::Deadline(_))) => {
                    tracing::debug!(err = %error, "Cannot write an event; trying again");
                }
                // Nothing can be said any more in a namespace that is going away, and a try that got
                // no answer may have been heard.
                Err(error) if error.is_namespace_terminating() || error.is_conflict() => return,
                Err(error) => {
                    tracing::warn!(err = %error, "Cannot write an event");
                    return;
                }
            }
            tokio::time::sleep(wait).await;
            wait = PAUSE;
        }
    }

    async fn send(&self, event: &EventObject, occurrence: Occurrence) -> Result<(), WireError> {
        match occurrence {
            Occurrence::First => self.wire.create_event(event).await,
            Occurrence::Another => match self.wire.recount_event(event).await {
                Err(error) if error.is_not_found() => self.wire.create_event(event).await,
                result => result,
            },
        }
    }
}
