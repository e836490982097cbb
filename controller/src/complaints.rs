//! Pods that cannot be published because of what they are, such as one with a loopback address.
//! They are told once in the log when they are first seen, and once in an event when they have
//! stayed for a minute: most such states pass by themselves.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use controller_core::facts::{IpFamily, Pod, PodAddress};
use controller_core::key::{NamespacedName, Text};
use jiff::Timestamp;
use parking_lot::Mutex;

/// How long a state must last to be worth an event.
const LASTING: Duration = Duration::from_secs(60);

/// What was complained of already, by Service.
#[derive(Default)]
pub struct Complaints(Mutex<HashMap<NamespacedName, BTreeMap<Subject, Told>>>);

/// The uid of a Pod and the family that it spoils.
type Subject = (Text, IpFamily);

struct Told {
    since: Timestamp,
    by_event: bool,
}

/// What a visit found to tell.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Telling {
    /// For the log, now.
    pub new: Vec<String>,
    /// For an event, now.
    pub lasting: Vec<String>,
    /// When to look again for what has not lasted long enough yet.
    pub again_in: Option<Duration>,
}

impl Complaints {
    /// Compares the Pods that cannot be published now with what was told before.
    pub fn about(
        &self,
        service: &NamespacedName,
        invalid: &[(&Pod, IpFamily)],
        now: Timestamp,
    ) -> Telling {
        let mut all = self.0.lock();
        let mut before = all.remove(service).unwrap_or_default();
        let mut after = BTreeMap::new();
        let mut telling = Telling::default();
        for (pod, family) in invalid {
            let subject = (pod.planning.uid.clone(), *family);
            let mut told = before.remove(&subject).unwrap_or_else(|| {
                telling.new.push(message(pod));
                Told { since: now, by_event: false }
            });
            let lasted = now.duration_since(told.since).unsigned_abs();
            if !told.by_event && lasted >= LASTING {
                told.by_event = true;
                telling.lasting.push(message(pod));
            }
            if !told.by_event {
                let rest = LASTING.saturating_sub(lasted);
                telling.again_in = Some(telling.again_in.map_or(rest, |other| other.min(rest)));
            }
            after.insert(subject, told);
        }
        if !after.is_empty() {
            all.insert(service.clone(), after);
        }
        telling
    }
}

fn message(pod: &Pod) -> String {
    let addresses = pod.planning.addresses.iter();
    let unusable = addresses.filter_map(|address| match address {
        PodAddress::Unusable { text, range, .. } => Some(format!("`{text}` ({range})")),
        PodAddress::Usable { .. } => None,
    });
    let unusable: Vec<String> = unusable.collect();
    format!(
        "Pod `{}` is left out: status.podIPs has {}, not allowed as an endpoint; other Pods are still published",
        pod.key.name,
        unusable.join(", ")
    )
}
