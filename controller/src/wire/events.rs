//! Event objects as they go over the wire: core/v1, as kube-controller-manager writes them.

use jiff::{Timestamp, Unit};
use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};

use super::WireError;

/// An Event about one object, counted.
#[derive(Clone, Debug, PartialEq)]
pub struct EventObject(Event);

impl EventObject {
    /// A first Event. Its name is the object's name and the time in nanoseconds.
    pub fn new(
        object: ObjectReference,
        kind: &str,
        reason: &str,
        message: &str,
        component: &str,
        now: Timestamp,
    ) -> Self {
        let name = object.name.as_deref().unwrap_or("");
        let seconds = now.round(Unit::Second).unwrap_or(now);
        Self(Event {
            metadata: ObjectMeta {
                name: Some(format!("{name}.{:x}", now.as_nanosecond())),
                namespace: object.namespace.clone(),
                ..ObjectMeta::default()
            },
            involved_object: object,
            type_: Some(kind.to_owned()),
            reason: Some(reason.to_owned()),
            message: Some(message.to_owned()),
            source: Some(EventSource { component: Some(component.to_owned()), host: None }),
            reporting_component: Some(component.to_owned()),
            count: Some(1),
            first_timestamp: Some(Time(seconds)),
            last_timestamp: Some(Time(seconds)),
            ..Event::default()
        })
    }

    /// Counts one more occurrence, which may say something else.
    pub fn again(&mut self, message: &str, now: Timestamp) {
        self.0.message = Some(message.to_owned());
        self.0.count = Some(self.0.count.unwrap_or(0).saturating_add(1));
        self.0.last_timestamp = Some(Time(now.round(Unit::Second).unwrap_or(now)));
    }

    /// How often it occurred, and what it says.
    pub fn content(&self) -> (i32, &str) {
        (self.0.count.unwrap_or(0), self.0.message.as_deref().unwrap_or_default())
    }

    pub(super) fn namespace(&self) -> &str {
        self.0.metadata.namespace.as_deref().unwrap_or("default")
    }

    pub(super) fn name(&self) -> &str {
        self.0.metadata.name.as_deref().unwrap_or("")
    }

    pub(super) fn to_json(&self) -> Result<Vec<u8>, WireError> {
        serde_json::to_vec(&self.0).map_err(unwritable)
    }

    pub(super) fn recount(&self) -> Result<Vec<u8>, WireError> {
        let patch = serde_json::json!({
            "count": self.0.count,
            "lastTimestamp": self.0.last_timestamp,
            "message": self.0.message,
        });
        serde_json::to_vec(&patch).map_err(unwritable)
    }
}

fn unwritable(error: serde_json::Error) -> WireError {
    WireError::Decode(format!("cannot write an Event: {error}"))
}
