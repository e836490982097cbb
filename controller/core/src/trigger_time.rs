//! The trigger time of what is published for a Service: the oldest change that a write publishes, so that
//! consumers can measure how long it took to reach them
//! (annotation `endpoints.kubernetes.io/last-change-trigger-time`).

use std::sync::Arc;

use jiff::Timestamp;

use crate::facts::object_meta::TRIGGER_TIME_ANNOTATION;
use crate::facts::{Labels, Pod, Service};
use crate::key::Text;
use crate::memory::Memory;

/// The times that earlier plans of a Service have already accounted for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TriggerTimes {
    service: Option<Timestamp>,
    /// When each selected Pod last changed its readiness, ordered by name.
    pods: Vec<(Text, Timestamp)>,
}

/// What one plan publishes, and what the next one starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advance {
    /// The time to write, if anything with a time has changed.
    pub trigger_time: Option<Timestamp>,
    /// What to remember.
    pub remembered: Arc<TriggerTimes>,
}

/// Compares the times of a Service and its selected Pods, which come ordered by name, with those
/// remembered.
///
/// Without memory (the first plan of a Service) the trigger is the Service's creation. After that
/// it is the oldest time that moved forward: a Pod's Ready transition, or the creation of the
/// Service. A deletion or a change of labels carries no time.
pub fn advance<'a>(
    memory: Option<&Memory>,
    service: &Service,
    pods: impl Iterator<Item = &'a Pod>,
) -> Advance {
    let remembered = memory.map(|memory| &memory.trigger_times);
    let known = remembered.map_or(&[][..], |times| &times.pods);
    let mut known = known.iter().peekable();
    let mut oldest: Option<Timestamp> = None;
    let mut consider = |time: Timestamp| oldest = Some(oldest.map_or(time, |old| old.min(time)));
    let mut seen = Vec::with_capacity(known.len());
    for pod in pods {
        let Some(time) = pod.explaining.ready_since else {
            continue;
        };
        while known.next_if(|(name, _)| *name < pod.key.name).is_some() {}
        let before = known.next_if(|(name, _)| *name == pod.key.name);
        if before.is_none_or(|(_, before)| time > *before) {
            consider(time);
        }
        seen.push((pod.key.name.clone(), time));
    }
    let trigger_time = match remembered {
        None => service.created,
        Some(times) => {
            if let Some(created) = service.created
                && times.service.is_none_or(|before| created > before)
            {
                consider(created);
            }
            oldest
        }
    };
    Advance {
        trigger_time,
        remembered: Arc::new(TriggerTimes { service: service.created, pods: seen }),
    }
}

/// Sets the trigger time, or removes it where the write publishes no timed change.
pub fn stamp(annotations: &mut Labels, trigger_time: Option<Timestamp>) {
    match trigger_time {
        Some(time) => {
            Arc::make_mut(annotations)
                .insert(TRIGGER_TIME_ANNOTATION.into(), time.to_string().into());
        }
        None if annotations.contains_key(TRIGGER_TIME_ANNOTATION) => {
            Arc::make_mut(annotations).remove(TRIGGER_TIME_ANNOTATION);
        }
        None => {}
    }
}
