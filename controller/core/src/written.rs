//! Our own writes that the watch has not shown yet. What a write made of an object is known from its
//! answer and goes into the index at once; this remembers which answers the watch still owes us,
//! so that older news cannot undo them, and so that a debt which is never paid is noticed.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use crate::key::{Kind, NamespacedName, ResourceVersion, Text};

/// Writes by the uid of the object, at most one each: the latest.
#[derive(Default)]
pub struct Written(HashMap<Text, Debt>);

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

    /// The watch has shown the object at a version.
    pub fn shown(&mut self, uid: &str, version: ResourceVersion) {
        if self
            .0
            .get(uid)
            .is_some_and(|debt| matches!(debt.owed, Owed::Version(owed) if version >= owed))
        {
            self.0.remove(uid);
        }
    }

    /// The object is known to be gone, or a live read has told the truth about it.
    pub fn forget(&mut self, uid: &str) {
        self.0.remove(uid);
    }

    /// Whether we deleted the object, so that anything the watch still shows of it is old.
    pub fn is_deleted(&self, uid: &str) -> bool {
        self.0.get(uid).is_some_and(|debt| matches!(debt.owed, Owed::Deletion))
    }

    /// Whether we wrote the object after a list was taken.
    pub fn is_newer_than(&self, uid: &str, list: ResourceVersion) -> bool {
        self.0.get(uid).is_some_and(|debt| matches!(debt.owed, Owed::Version(owed) if owed > list))
    }

    /// The objects that the watch has owed us since before a time.
    pub fn overdue(&self, before: Timestamp) -> BTreeSet<Place> {
        let late = self.0.values().filter(|debt| debt.since < before);
        late.map(|debt| debt.place.clone()).collect()
    }

    /// Forgets what is owed for a name: a live read found nothing there.
    pub fn forget_place(&mut self, place: &Place) {
        self.0.retain(|_, debt| debt.place != *place);
    }

    fn owe(&mut self, uid: &Text, place: Place, owed: Owed, since: Timestamp) {
        self.0.insert(uid.clone(), Debt { place, owed, since });
    }
}
