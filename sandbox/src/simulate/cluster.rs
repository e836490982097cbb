//! What the simulation knows of the cluster. It follows the changes, so that each costs what it
//! concerns and not a look at everything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::{is_ready, stays};
use crate::kinds::{DEPLOYMENT, Kind, NODE, POD, REPLICA_SET};
use crate::object::{Object, text};
use crate::store::{Change, Forgotten, Key, Store};
use crate::taken_addresses::TakenAddresses;

/// The objects that decisions are taken about.
#[derive(Default)]
pub struct Cluster {
    /// Up to which revision it is known.
    revision: u64,
    nodes: BTreeMap<Key, Arc<Object>>,
    deployments: BTreeMap<Key, Arc<Object>>,
    sets: BTreeMap<Key, Arc<Object>>,
    pods: BTreeMap<Key, Pod>,
    /// Deployments and ReplicaSets by their uids.
    owners: BTreeMap<String, Key>,
    /// The ReplicaSets and Pods of an owner, by its uid.
    owned: BTreeMap<String, BTreeSet<Key>>,
    /// How many Pods each Node has.
    on_node: BTreeMap<String, usize>,
    unscheduled: BTreeSet<Key>,
    /// The addresses of the Pods.
    pub addresses: TakenAddresses,
    /// What has to be looked at.
    pub open: Open,
}

/// Objects that have to be looked at, because something has changed or is due.
#[derive(Default)]
pub struct Open {
    /// Deployments.
    pub deployments: BTreeSet<Key>,
    /// ReplicaSets.
    pub sets: BTreeSet<Key>,
    /// Pods.
    pub pods: BTreeSet<Key>,
    later: BTreeSet<(Timestamp, Key)>,
}

/// What is kept of a Pod, beside the Pod as it is stored.
#[derive(Clone)]
pub struct Pod {
    object: Arc<Object>,
    /// Whether it is not being deleted.
    pub stays: bool,
    /// Whether it is ready.
    pub ready: bool,
    /// When it was created.
    pub created: String,
    node: String,
    address: String,
}

impl Cluster {
    /// Takes in what has changed, or everything if that is not known any more.
    pub fn follow(&mut self, store: &Store) {
        if self.take_in_changes(store).is_err() {
            self.relist(store);
        }
        self.revision = store.revision();
    }

    fn take_in_changes(&mut self, store: &Store) -> Result<(), Forgotten> {
        for kind in [&NODE, &DEPLOYMENT, &REPLICA_SET, &POD] {
            for Change { before, after, .. } in store.changes(kind, self.revision)? {
                self.change(kind, before.as_ref(), after.as_ref());
            }
        }
        Ok(())
    }

    /// The Deployment with a key.
    pub fn deployment(&self, key: &Key) -> Option<Value> {
        self.deployments.get(key).map(|object| object.value())
    }

    /// The ReplicaSet with a key.
    pub fn set(&self, key: &Key) -> Option<Value> {
        self.sets.get(key).map(|object| object.value())
    }

    /// The Pod with a key.
    pub fn pod(&self, key: &Key) -> Option<Value> {
        self.pods.get(key).map(|pod| pod.object.value())
    }

    /// The ReplicaSets of a Deployment.
    pub fn sets_of(&self, deployment: &Value) -> Vec<Value> {
        self.owned_by(deployment).filter_map(|key| self.set(key)).collect()
    }

    /// The Pods of a ReplicaSet, by name.
    pub fn pods_of(&self, set: &Value) -> Vec<(&str, &Pod)> {
        let found =
            self.owned_by(set).filter_map(|key| Some((key.1.as_str(), self.pods.get(key)?)));
        found.collect()
    }

    /// The Nodes that take new Pods, and how many they have.
    pub fn open_nodes(&self) -> Vec<(String, usize)> {
        let nodes = self.nodes.values().map(|object| object.value());
        let open = nodes.filter(|node| {
            stays(node) && node.pointer("/spec/unschedulable") != Some(&Value::Bool(true))
        });
        let counted = open.map(|node| {
            let name = text(&node, "/metadata/name").to_owned();
            let count = self.on_node.get(&name).copied().unwrap_or(0);
            (name, count)
        });
        counted.collect()
    }

    fn owned_by(&self, owner: &Value) -> impl Iterator<Item = &Key> {
        self.owned.get(text(owner, "/metadata/uid")).into_iter().flatten()
    }

    fn relist(&mut self, store: &Store) {
        let later = std::mem::take(&mut self.open.later);
        *self = Self::default();
        self.open.later = later;
        for kind in [&NODE, &DEPLOYMENT, &REPLICA_SET, &POD] {
            for object in store.objects(kind) {
                self.change(kind, None, Some(object));
            }
        }
    }

    fn change(&mut self, kind: &Kind, before: Option<&Arc<Object>>, after: Option<&Arc<Object>>) {
        let Some(object) = after.or(before) else {
            return;
        };
        let key = object.key();
        for owner in before.iter().chain(&after).flat_map(|object| &object.owners) {
            self.open_owner(kind, owner);
        }
        if *kind == POD || *kind == REPLICA_SET {
            self.note_owners(&key, before, after);
        }
        if *kind == DEPLOYMENT || *kind == REPLICA_SET {
            match after {
                Some(after) => self.owners.insert(after.uid.clone(), key.clone()),
                None => self.owners.remove(&object.uid),
            };
        }
        let objects = match kind {
            kind if *kind == POD => return self.change_pod(key, after),
            kind if *kind == REPLICA_SET => {
                self.open.sets.insert(key.clone());
                &mut self.sets
            }
            kind if *kind == DEPLOYMENT => {
                self.open.deployments.insert(key.clone());
                &mut self.deployments
            }
            _ => {
                self.open.pods.extend(self.unscheduled.iter().cloned());
                &mut self.nodes
            }
        };
        match after {
            Some(after) => objects.insert(key, after.clone()),
            None => objects.remove(&key),
        };
    }

    /// Whoever owns a changed object has to be looked at, too.
    fn open_owner(&mut self, kind: &Kind, uid: &str) {
        let owner = self.owners.get(uid).cloned();
        if *kind == POD {
            self.open.sets.extend(owner);
        } else if *kind == REPLICA_SET {
            self.open.deployments.extend(owner);
        }
    }

    fn note_owners(
        &mut self,
        key: &Key,
        before: Option<&Arc<Object>>,
        after: Option<&Arc<Object>>,
    ) {
        for owner in before.into_iter().flat_map(|object| &object.owners) {
            if let Some(keys) = self.owned.get_mut(owner) {
                keys.remove(key);
                if keys.is_empty() {
                    self.owned.remove(owner);
                }
            }
        }
        for owner in after.into_iter().flat_map(|object| &object.owners) {
            self.owned.entry(owner.clone()).or_default().insert(key.clone());
        }
    }

    fn change_pod(&mut self, key: Key, after: Option<&Arc<Object>>) {
        self.unscheduled.remove(&key);
        if let Some(before) = self.pods.remove(&key) {
            self.addresses.release(&before.address);
            if let Some(count) = self.on_node.get_mut(&before.node) {
                *count = count.saturating_sub(1);
            }
        }
        let Some(after) = after else {
            return;
        };
        let pod = Pod::of(after.clone());
        self.addresses.take(&pod.address);
        match pod.node.as_str() {
            "" => drop(self.unscheduled.insert(key.clone())),
            node => *self.on_node.entry(node.to_owned()).or_default() += 1,
        }
        self.open.pods.insert(key.clone());
        self.pods.insert(key, pod);
    }
}

impl Open {
    /// A Pod has to be looked at again at a moment.
    pub fn later(&mut self, moment: Timestamp, pod: Key) {
        self.later.insert((moment, pod));
    }

    /// Opens the Pods that are due.
    pub fn due(&mut self, now: Timestamp) {
        while self.later.first().is_some_and(|(moment, _)| *moment <= now) {
            let due = self.later.pop_first();
            self.pods.extend(due.map(|(_, pod)| pod));
        }
    }

    /// When the next will be due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.later.first().map(|(moment, _)| *moment)
    }
}

impl Pod {
    fn of(object: Arc<Object>) -> Self {
        let value = object.value();
        let part = |pointer: &str| text(&value, pointer).to_owned();
        Self {
            stays: stays(&value),
            ready: is_ready(&value),
            created: part("/metadata/creationTimestamp"),
            node: part("/spec/nodeName"),
            address: part("/status/podIP"),
            object,
        }
    }
}
