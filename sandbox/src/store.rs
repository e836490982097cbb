//! All objects, one counter of revisions, and per kind a bounded history of changes. Watches read
//! the history at their own pace: a slow one holds nobody back and falls off its end.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde_json::Value;

use crate::kinds::{KINDS, Kind, Storage};
use crate::object::{Object, text};

/// An object's place among those of its kind.
pub type Key = (String, String);
/// The objects of a kind in list order.
pub type Objects = BTreeMap<Key, Arc<Object>>;

/// Everything that is stored.
pub struct Store {
    revision: u64,
    collections: BTreeMap<&'static str, Collection>,
    /// Which objects name an owner, by the owner's uid.
    dependents: BTreeMap<String, BTreeSet<(&'static str, Key)>>,
    longest_history: usize,
    /// The kinds that were changed since somebody last asked.
    touched: BTreeSet<&'static str>,
}

/// The objects of one kind.
struct Collection {
    kind: &'static Kind,
    objects: Objects,
    changes: VecDeque<Change>,
    /// The revision of the newest change that is no longer in the history.
    forgotten: u64,
}

/// One change of one object.
#[derive(Clone)]
pub struct Change {
    /// The revision it made.
    pub revision: u64,
    /// The object before it, unless it is new.
    pub before: Option<Arc<Object>>,
    /// The object after it, unless it is gone.
    pub after: Option<Arc<Object>>,
}

/// A revision is no longer in the history; the oldest one that is.
#[derive(Debug, PartialEq, Eq)]
pub struct Forgotten {
    /// The first revision from which changes are known.
    pub oldest: u64,
}

impl Store {
    /// An empty store that remembers so many changes of each kind.
    pub fn new(longest_history: usize) -> Self {
        let collection = |kind: &'static Kind| Collection::new(kind, 0);
        Self {
            revision: 0,
            collections: KINDS
                .iter()
                .filter(|kind| kind.storage == Storage::Own)
                .map(|kind| (kind.collection(), collection(kind)))
                .collect(),
            dependents: BTreeMap::new(),
            longest_history,
            touched: BTreeSet::new(),
        }
    }

    /// Makes room for the objects of a kind that is defined. Those that are there stay.
    pub fn register(&mut self, kind: &'static Kind) {
        let revision = self.revision;
        let collection = self.collections.entry(kind.collection());
        collection.or_insert_with(|| Collection::new(kind, revision)).kind = kind;
    }

    /// Puts in an object as it was at its own revision.
    pub fn restore(&mut self, kind: &Kind, object: Value) {
        let revision = text(&object, "/metadata/resourceVersion").parse().unwrap_or(0);
        let object = Arc::new(Object::encode(object, revision));
        let before = match self.collections.get_mut(kind.collection()) {
            Some(collection) => collection.objects.insert(object.key(), object.clone()),
            None => None,
        };
        self.note(kind, before, Some(object));
    }

    /// Goes on from a revision. Nothing is known of what led there.
    pub fn restored(&mut self, revision: u64) {
        self.revision = self.revision.max(revision);
        self.forget_all_history();
    }

    /// All objects, by collection.
    pub fn everything(&self) -> impl Iterator<Item = (&'static str, Value)> {
        self.collections.iter().map(|(name, collection)| {
            let objects = collection.objects.values().map(|object| object.value());
            (*name, objects.collect())
        })
    }

    /// The revision of the last write.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// An object.
    pub fn get(&self, kind: &Kind, namespace: &str, name: &str) -> Option<Arc<Object>> {
        let key = (namespace.to_owned(), name.to_owned());
        self.collections.get(kind.collection())?.objects.get(&key).cloned()
    }

    /// The objects of a kind as they are now.
    pub fn objects(&self, kind: &Kind) -> impl Iterator<Item = &Arc<Object>> {
        self.collections.get(kind.collection()).into_iter().flat_map(|found| found.objects.values())
    }

    /// The objects of a kind as they were at a revision: today's with the changes since undone.
    pub fn objects_at(&self, kind: &Kind, revision: u64) -> Result<Cow<'_, Objects>, Forgotten> {
        let Some(collection) = self.collections.get(kind.collection()) else {
            return Ok(Cow::default());
        };
        if revision >= self.revision {
            return Ok(Cow::Borrowed(&collection.objects));
        }
        let mut objects = collection.objects.clone();
        for change in collection.since(revision)?.rev() {
            match (&change.before, &change.after) {
                (Some(before), _) => drop(objects.insert(before.key(), before.clone())),
                (None, Some(after)) => drop(objects.remove(&after.key())),
                (None, None) => {}
            }
        }
        Ok(Cow::Owned(objects))
    }

    /// The changes of a kind after a revision, the oldest first.
    pub fn changes(
        &self,
        kind: &Kind,
        since: u64,
    ) -> Result<impl Iterator<Item = &Change>, Forgotten> {
        let collection = self.collections.get(kind.collection());
        let changes = collection.map(|collection| collection.since(since)).transpose()?;
        Ok(changes.into_iter().flatten())
    }

    /// Stores an object at the next revision.
    pub fn put(&mut self, kind: &Kind, value: Value) -> Arc<Object> {
        self.revision += 1;
        let after = Arc::new(Object::encode(value, self.revision));
        let before = match self.collections.get_mut(kind.collection()) {
            Some(collection) => collection.objects.insert(after.key(), after.clone()),
            None => None,
        };
        self.note(kind, before, Some(after.clone()));
        after
    }

    /// Removes an object. What is left of it carries the revision of the removal.
    pub fn remove(&mut self, kind: &Kind, key: &Key) -> Option<Arc<Object>> {
        let before = self.collections.get_mut(kind.collection())?.objects.remove(key)?;
        self.revision += 1;
        let last = Arc::new(before.at(self.revision));
        self.note(kind, Some(before), None);
        Some(last)
    }

    /// The objects that name an owner.
    pub fn dependents(&self, owner: &str) -> Vec<(&'static Kind, Arc<Object>)> {
        let places = self.dependents.get(owner).into_iter().flatten();
        let found = places.filter_map(|(plural, key)| {
            let collection = self.collections.get(plural)?;
            Some((collection.kind, collection.objects.get(key)?.clone()))
        });
        found.collect()
    }

    /// Everything that lives in a namespace.
    pub fn content(&self, namespace: &str) -> Vec<(&'static Kind, Arc<Object>)> {
        let collections = self.collections.values();
        let content = collections.flat_map(|collection| {
            let objects = collection.objects.values();
            objects
                .filter(|object| object.namespace == namespace)
                .map(|object| (collection.kind, object.clone()))
        });
        content.collect()
    }

    /// The kinds that were changed since this was last asked.
    pub fn take_touched(&mut self) -> BTreeSet<&'static str> {
        std::mem::take(&mut self.touched)
    }

    /// Forgets the history of a kind, as a server does that was restarted or compacted.
    pub fn forget_history(&mut self, plural: &str) {
        if let Some(collection) = self.collections.get_mut(plural) {
            collection.changes.clear();
            collection.forgotten = self.revision;
        }
    }

    /// Forgets the history of all kinds.
    pub fn forget_all_history(&mut self) {
        for collection in self.collections.values_mut() {
            collection.changes.clear();
            collection.forgotten = self.revision;
        }
    }

    fn note(&mut self, kind: &Kind, before: Option<Arc<Object>>, after: Option<Arc<Object>>) {
        let Some(collection) = self.collections.get_mut(kind.collection()) else {
            return;
        };
        let plural = collection.kind.collection();
        self.touched.insert(plural);
        if let Some(object) = &before {
            for owner in &object.owners {
                if let Some(places) = self.dependents.get_mut(owner) {
                    places.remove(&(plural, object.key()));
                    if places.is_empty() {
                        self.dependents.remove(owner);
                    }
                }
            }
        }
        if let Some(object) = &after {
            for owner in &object.owners {
                let places = self.dependents.entry(owner.clone()).or_default();
                places.insert((plural, object.key()));
            }
        }
        collection.changes.push_back(Change { revision: self.revision, before, after });
        if collection.changes.len() > self.longest_history
            && let Some(oldest) = collection.changes.pop_front()
        {
            collection.forgotten = oldest.revision;
        }
    }
}

impl Collection {
    fn new(kind: &'static Kind, revision: u64) -> Self {
        Self { kind, objects: Objects::new(), changes: VecDeque::new(), forgotten: revision }
    }

    fn since(&self, revision: u64) -> Result<impl DoubleEndedIterator<Item = &Change>, Forgotten> {
        if revision < self.forgotten {
            return Err(Forgotten { oldest: self.forgotten });
        }
        let first = self.changes.partition_point(|change| change.revision <= revision);
        Ok(self.changes.range(first..))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)] // a test fails by panicking
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kinds::Kinds;

    fn config_map(name: &str, data: &str) -> Value {
        json!({"metadata": {"name": name, "namespace": "n"}, "data": {"key": data}})
    }

    fn names(objects: &Objects) -> Vec<String> {
        objects
            .values()
            .map(|object| format!("{}@{}", object.name, object.resource_version))
            .collect()
    }

    #[test]
    fn the_past_is_the_present_with_the_changes_since_undone() {
        let kind = Kinds::default().find("", "v1", "configmaps").unwrap();
        let mut store = Store::new(10);
        store.put(kind, config_map("a", "1"));
        store.put(kind, config_map("b", "1"));
        store.put(kind, config_map("a", "2"));
        store.remove(kind, &("n".to_owned(), "b".to_owned()));
        assert_eq!(names(&store.objects_at(kind, 4).unwrap()), ["a@3"]);
        assert_eq!(names(&store.objects_at(kind, 2).unwrap()), ["a@1", "b@2"]);
        assert_eq!(names(&store.objects_at(kind, 0).unwrap()), Vec::<String>::new());
    }

    #[test]
    fn the_history_is_bounded_and_says_what_it_forgot() {
        let kind = Kinds::default().find("", "v1", "configmaps").unwrap();
        let mut store = Store::new(2);
        for data in ["1", "2", "3"] {
            store.put(kind, config_map("a", data));
        }
        assert_eq!(store.changes(kind, 1).unwrap().count(), 2);
        assert_eq!(store.changes(kind, 0).err(), Some(Forgotten { oldest: 1 }));
    }
}
