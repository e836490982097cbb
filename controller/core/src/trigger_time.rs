//! The trigger time of what is published for a Service: the oldest change that a write publishes, so that
//! consumers can measure how long it took to reach them
//! (annotation `endpoints.kubernetes.io/last-change-trigger-time`).

use std::sync::Arc;

use jiff::Timestamp;

use crate::facts::object_meta::TRIGGER_TIME_ANNOTATION;
use crate::facts::{Labels, Pod, Service};
use crate::memory::Memory;
use crate::pod_list::PodList;

/// What earlier plans of a Service have already accounted for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TriggerTimes {
    service: Option<Timestamp>,
    /// The selected Pods as they were: they tell when each last changed its readiness.
    pods: PodList,
}

/// What one plan publishes, and what the next one starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advance {
    /// The time to write, if anything with a time has changed.
    pub trigger_time: Option<Timestamp>,
    /// What to remember.
    pub remembered: TriggerTimes,
}

/// Compares the times of a Service and its selected Pods with those remembered.
///
/// Without memory (the first plan of a Service) the trigger is the Service's creation. After that
/// it is the oldest time that moved forward: a Pod's Ready transition, or the creation of the
/// Service. A deletion or a change of labels carries no time.
pub fn advance(memory: Option<&Memory>, service: &Service, pods: &PodList) -> Advance {
    let trigger_time = match memory.map(|memory| &memory.trigger_times) {
        None => service.created,
        Some(times) => {
            let changed = pods.changed_since(&times.pods);
            let moved = changed.filter_map(|pod| times.moved(pod));
            let created =
                service.created.filter(|created| times.service.is_none_or(|at| *created > at));
            moved.chain(created).min()
        }
    };
    Advance {
        trigger_time,
        remembered: TriggerTimes { service: service.created, pods: pods.clone() },
    }
}

impl TriggerTimes {
    /// When a Pod last changed its readiness, if that is news.
    fn moved(&self, pod: &Pod) -> Option<Timestamp> {
        let time = pod.explaining.ready_since?;
        let before = self.pods.get(&pod.key.name).and_then(|before| before.explaining.ready_since);
        before.is_none_or(|before| time > before).then_some(time)
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
