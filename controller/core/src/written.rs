//! Our own writes that the watch has not shown yet. What a write made of an object is known from its
//! answer and goes into the index at once; this remembers which answers the watch still owes us,
//! so that older news cannot undo them, and so that a debt which is never paid is noticed. And it
//! remembers how far the watch has come, so that an answer which is late undoes nothing either.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::HashMap;
use jiff::Timestamp;

use crate::key::{Kind, NamespacedName, ResourceVersion, Text};

/// What the watch owes us, and what it has shown.
#[derive(Default)]
pub struct Written {
    /// Writes by the uid of the object, at most one each: the latest.
    debts: HashMap<Text, Debt>,
    /// For each kind, everything up to this version has been shown.
    shown: BTreeMap<Kind, ResourceVersion>,
}

struct Debt {
    place: Place,
    owed: Owed,
    since: Timestamp,
}

/// An object by its kind and name.
pub type Place = (Kind, NamespacedName);

enum Owed {
    Version(ResourceVersion),
    Deletion,
}

impl Written {
    /// A create or update was answered with this version.
    pub fn version(&mut self, uid: &Text, place: Place, version: ResourceVersion, now: Timestamp) {
        self.owe(uid, place, Owed::Version(version), now);
    }

    /// A delete was answered.
    pub fn deletion(&mut self, uid: &Text, place: Place, now: Timestamp) {
        self.owe(uid, place, Owed::Deletion, now);
    }

    /// The watch has shown an object at a version, and so all of its kind up to there.
    pub fn shown(&mut self, kind: Kind, uid: &str, version: ResourceVersion) {
        let shown = self.shown.entry(kind).or_default();
        *shown = version.max(*shown);
        let paid = |debt: &Debt| matches!(debt.owed, Owed::Version(owed) if version >= owed);
        if self.debts.get(uid).is_some_and(paid) {
            self.debts.remove(uid);
        }
    }

    /// A list has shown all objects of a kind as they were at a version.
    pub fn listed(&mut self, kind: Kind, version: ResourceVersion) {
        self.shown.insert(kind, version);
    }

    /// Whether the watch has shown what was at a version. An object that is not known in spite of
    /// that has been deleted since (kubernetes/kubernetes#141592).
    pub fn has_shown(&self, kind: Kind, version: ResourceVersion) -> bool {
        self.shown.get(&kind).is_some_and(|shown| *shown >= version)
    }

    /// The object is known to be gone, or a live read has told the truth about it.
    pub fn forget(&mut self, uid: &str) {
        self.debts.remove(uid);
    }

    /// Whether we deleted the object, so that anything the watch still shows of it is old.
    pub fn is_deleted(&self, uid: &str) -> bool {
        self.debts.get(uid).is_some_and(|debt| matches!(debt.owed, Owed::Deletion))
    }

    /// Whether we wrote the object after a list was taken.
    pub fn is_newer_than(&self, uid: &str, list: ResourceVersion) -> bool {
        self.debts
            .get(uid)
            .is_some_and(|debt| matches!(debt.owed, Owed::Version(owed) if owed > list))
    }

    /// The objects that the watch has owed us since before a time.
    pub fn overdue(&self, before: Timestamp) -> BTreeSet<Place> {
        let late = self.debts.values().filter(|debt| debt.since < before);
        late.map(|debt| debt.place.clone()).collect()
    }

    /// Forgets what is owed for a name: a live read found nothing there.
    pub fn forget_place(&mut self, place: &Place) {
        self.debts.retain(|_, debt| debt.place != *place);
    }

    fn owe(&mut self, uid: &Text, place: Place, owed: Owed, since: Timestamp) {
        self.debts.insert(uid.clone(), Debt { place, owed, since });
    }
}
