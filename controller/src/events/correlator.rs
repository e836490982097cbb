//! Which reports become Events, and which only raise the count of one: client-go's rules, so that an
//! object that fails all the time does not flood the API server.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use controller_core::key::Text;
use controller_core::reconcile::{Notice, NoticeSeverity, Reference};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::ObjectReference;
use lru::LruCache;

use crate::wire::EventObject;

/// How much of each sort is remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(4095);
/// From this many messages that differ in nothing else on, one Event stands for all.
const SIMILAR: usize = 10;
/// Similar messages are forgotten when there was none for so long.
const WINDOW: SignedDuration = SignedDuration::from_mins(10);
const COMBINED: &str = "(combined from similar events): ";
/// So many Events of one component about one object at once, and one more each so many seconds.
const BURST: f64 = 25.0;
const REFILL_SECONDS: f64 = 300.0;

/// Whether an Event is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occurrence {
    /// It is to be created.
    First,
    /// Its count is to be raised.
    Another,
}

/// Remembers what was reported.
pub struct Correlator {
    similar: LruCache<Kinship, Similar>,
    told: LruCache<(Kinship, Text), EventObject>,
    buckets: LruCache<Subject, Bucket>,
}

/// One component and one object.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Subject {
    component: &'static str,
    kind: &'static str,
    key: Text,
    uid: Text,
}

/// All that makes Events similar: everything but the message.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Kinship {
    subject: Subject,
    severity: &'static str,
    reason: &'static str,
}

struct Similar {
    messages: BTreeSet<Text>,
    last: Timestamp,
}

struct Bucket {
    tokens: f64,
    at: Timestamp,
    /// What was told already. A reason that is new passes even if others have used everything up.
    reasons: BTreeSet<&'static str>,
}

impl Default for Correlator {
    fn default() -> Self {
        Self {
            similar: LruCache::new(REMEMBERED),
            told: LruCache::new(REMEMBERED),
            buckets: LruCache::new(REMEMBERED),
        }
    }
}

impl Correlator {
    /// The Event to write about a report, if any.
    pub fn correlate(
        &mut self,
        component: &'static str,
        notice: &Notice,
        now: Timestamp,
    ) -> Option<(EventObject, Occurrence)> {
        let Notice { about, severity, reason, message } = notice;
        let subject = Subject {
            component,
            kind: about.kind,
            key: about.key.to_string().as_str().into(),
            uid: about.uid.clone(),
        };
        let kinship = Kinship { subject: subject.clone(), severity: severity.name(), reason };
        let (sameness, message) = self.condense(&kinship, message, now);
        let place = (kinship, sameness);
        let correlated = match self.told.get_mut(&place) {
            Some(event) => {
                event.again(&message, now);
                (event.clone(), Occurrence::Another)
            }
            None => {
                let event = event(component, about, *severity, reason, &message, now);
                self.told.put(place, event.clone());
                (event, Occurrence::First)
            }
        };
        self.admits(subject, reason, now).then_some(correlated)
    }

    /// What makes an Event the same as another one, and the message that it carries: its own, or one
    /// for all of many that are similar.
    fn condense(&mut self, kinship: &Kinship, message: &str, now: Timestamp) -> (Text, String) {
        let fresh = || Similar { messages: BTreeSet::new(), last: now };
        let similar = self.similar.get_or_insert_mut(kinship.clone(), fresh);
        if now.duration_since(similar.last) > WINDOW {
            *similar = fresh();
        }
        similar.last = now;
        similar.messages.insert(message.into());
        if similar.messages.len() < SIMILAR {
            return (message.into(), message.to_owned());
        }
        // How many there were matters up to here only.
        similar.messages.pop_first();
        ("".into(), format!("{COMBINED}{message}"))
    }

    /// Whether an object has not been told of too often.
    fn admits(&mut self, subject: Subject, reason: &'static str, now: Timestamp) -> bool {
        let full = || Bucket { tokens: BURST, at: now, reasons: BTreeSet::new() };
        let bucket = self.buckets.get_or_insert_mut(subject, full);
        let passed = now.duration_since(bucket.at).max(SignedDuration::ZERO).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed / REFILL_SECONDS).min(BURST);
        bucket.at = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            bucket.reasons.insert(reason);
            return true;
        }
        bucket.reasons.insert(reason)
    }
}

fn event(
    component: &str,
    about: &Reference,
    severity: NoticeSeverity,
    reason: &str,
    message: &str,
    now: Timestamp,
) -> EventObject {
    let object = ObjectReference {
        api_version: Some(about.api_version.to_owned()),
        kind: Some(about.kind.to_owned()),
        namespace: Some(about.key.namespace.to_string()).filter(|it| !it.is_empty()),
        name: Some(about.key.name.to_string()),
        uid: Some(about.uid.to_string()).filter(|uid| !uid.is_empty()),
        resource_version: about.resource_version.map(|version| version.to_string()),
        ..ObjectReference::default()
    };
    EventObject::new(object, severity.name(), reason, message, component, now)
}

#[cfg(test)]
mod tests {
    use controller_core::key::NamespacedName;

    use super::*;

    const COMPONENT: &str = "endpoint-slice-controller";

    fn at(second: i64) -> Timestamp {
        let start: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        start + SignedDuration::from_secs(second)
    }

    fn notice(reason: &'static str, message: &str) -> Notice {
        Notice {
            about: Reference {
                api_version: "v1",
                kind: "Service",
                key: NamespacedName::new("default", "web"),
                uid: "1".into(),
                resource_version: None,
            },
            severity: NoticeSeverity::Warning,
            reason,
            message: message.to_owned(),
        }
    }

    /// Reports something and tells what is written, as `count message`.
    fn told(correlator: &mut Correlator, notice: &Notice, second: i64) -> Option<String> {
        let (event, occurrence) = correlator.correlate(COMPONENT, notice, at(second))?;
        let (count, message) = event.content();
        assert_eq!(occurrence == Occurrence::First, count == 1);
        Some(format!("{count} {message}"))
    }

    #[test]
    fn what_is_said_again_is_counted() {
        let mut correlator = Correlator::default();
        let same = notice("Failed", "boom");
        assert_eq!(told(&mut correlator, &same, 0).unwrap(), "1 boom");
        assert_eq!(told(&mut correlator, &same, 900).unwrap(), "2 boom");
        let other = notice("Other", "boom");
        assert_eq!(told(&mut correlator, &other, 900).unwrap(), "1 boom");
    }

    #[test]
    fn from_the_tenth_similar_message_on_one_event_stands_for_all() {
        let mut correlator = Correlator::default();
        let mut all = Vec::new();
        for number in 1..=12 {
            let message = format!("boom {number}");
            all.push(told(&mut correlator, &notice("Failed", &message), number).unwrap());
        }
        let single: Vec<String> = (1..=9).map(|number| format!("1 boom {number}")).collect();
        assert_eq!(all[..9], single);
        let combined = [10, 11, 12]
            .map(|number| format!("{} (combined from similar events): boom {number}", number - 9));
        assert_eq!(all[9..], combined);
        let later = told(&mut correlator, &notice("Failed", "boom 13"), 700);
        assert_eq!(later.unwrap(), "1 boom 13", "after ten quiet minutes it begins anew");
    }

    #[test]
    fn an_object_that_is_told_of_too_often_is_heard_only_of_new_reasons() {
        let mut correlator = Correlator::default();
        let same = notice("Failed", "boom");
        let heard = (0..30).filter(|second| told(&mut correlator, &same, *second).is_some());
        assert_eq!(heard.count(), 25);
        assert!(told(&mut correlator, &notice("Grave", "news"), 30).is_some());
        assert!(told(&mut correlator, &notice("Grave", "news"), 31).is_none());
        assert!(told(&mut correlator, &same, 40).is_none());
        assert_eq!(
            told(&mut correlator, &same, 340).unwrap(),
            "32 boom",
            "one more each five minutes"
        );
    }
}
