//! Pods in the order of their names, shared piece by piece: copying a list costs a pointer for each
//! piece, and changing one Pod of a copied list copies the piece that it is in. So a snapshot of a
//! Service of a thousand Pods is cheap, and what has changed since the last one is quickly found.

use std::sync::Arc;

use crate::facts::Pod;

/// A piece that grows beyond this is split into halves.
const LARGEST: usize = 64;
/// Neighbours that are no more than this together become one.
const SMALL: usize = 16;

/// Pods, each name once, ordered by name. They belong to one namespace.
#[derive(Clone, Debug, Default)]
pub struct PodList {
    /// None is empty.
    pieces: Vec<Arc<Vec<Arc<Pod>>>>,
}

impl PodList {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.pieces.iter().map(|piece| piece.len()).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Pod>> {
        self.pieces.iter().flat_map(|piece| piece.iter())
    }

    /// The Pod of a name.
    pub fn get(&self, name: &str) -> Option<&Arc<Pod>> {
        let piece = self.pieces.get(self.piece_of(name))?;
        piece.get(place_in(piece, name).ok()?)
    }

    /// The Pods that another list does not hold as they are here. Pieces that both lists share are
    /// not looked at.
    pub fn changed_since<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a Arc<Pod>> {
        let shared = |piece: &Arc<Vec<Arc<Pod>>>| {
            let first = piece.first();
            let theirs = first.and_then(|pod| other.pieces.get(other.piece_of(&pod.key.name)));
            theirs.is_some_and(|theirs| Arc::ptr_eq(piece, theirs))
        };
        let pods =
            self.pieces.iter().filter(move |piece| !shared(piece)).flat_map(|one| one.iter());
        pods.filter(|pod| !other.get(&pod.key.name).is_some_and(|theirs| Arc::ptr_eq(pod, theirs)))
    }

    /// Puts a Pod in, in the place of an older one of its name.
    pub fn insert(&mut self, pod: Arc<Pod>) {
        // What comes after all others joins the last piece.
        let at = self.piece_of(&pod.key.name).min(self.pieces.len().saturating_sub(1));
        let Some(piece) = self.pieces.get_mut(at) else {
            self.pieces.push(Arc::new(vec![pod]));
            return;
        };
        let pods = Arc::make_mut(piece);
        match place_in(pods, &pod.key.name) {
            Ok(place) => {
                if let Some(held) = pods.get_mut(place) {
                    *held = pod;
                }
            }
            Err(place) => pods.insert(place, pod),
        }
        if pods.len() > LARGEST {
            let rest = pods.split_off(pods.len() / 2);
            self.pieces.insert(at + 1, Arc::new(rest));
        }
    }

    /// Takes the Pod of a name out.
    pub fn remove(&mut self, name: &str) {
        let at = self.piece_of(name);
        let Some(piece) = self.pieces.get_mut(at) else {
            return;
        };
        let Ok(place) = place_in(piece, name) else {
            return;
        };
        Arc::make_mut(piece).remove(place);
        self.join(at);
    }

    /// The first piece whose last name is not before this one.
    fn piece_of(&self, name: &str) -> usize {
        let before =
            |piece: &Arc<Vec<Arc<Pod>>>| piece.last().is_some_and(|pod| &*pod.key.name < name);
        self.pieces.partition_point(before)
    }

    /// Keeps pieces from becoming many and small.
    fn join(&mut self, at: usize) {
        let size = |at: usize| self.pieces.get(at).map_or(LARGEST, |piece| piece.len());
        if size(at) == 0 {
            self.pieces.remove(at);
        } else if size(at) + size(at + 1) <= SMALL {
            let next = self.pieces.remove(at + 1);
            if let Some(piece) = self.pieces.get_mut(at) {
                Arc::make_mut(piece).extend(next.iter().cloned());
            }
        }
    }
}

impl FromIterator<Arc<Pod>> for PodList {
    fn from_iter<I: IntoIterator<Item = Arc<Pod>>>(pods: I) -> Self {
        let mut list = Self::default();
        pods.into_iter().for_each(|pod| list.insert(pod));
        list
    }
}

/// How a list is divided is nobody's business.
impl PartialEq for PodList {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for PodList {}

fn place_in(pods: &[Arc<Pod>], name: &str) -> Result<usize, usize> {
    pods.binary_search_by(|pod| (*pod.key.name).cmp(name))
}

#[cfg(test)]
impl PodList {
    /// Every promise of the fields, and how many pieces there are.
    fn check(&self) -> usize {
        assert!(self.pieces.iter().all(|piece| !piece.is_empty() && piece.len() <= LARGEST));
        assert!(self.iter().is_sorted_by(|one, other| one.key.name < other.key.name));
        self.pieces.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::facts::Phase;
    use crate::facts::pod::{Explaining, Planning};
    use crate::key::NamespacedName;

    fn pod(number: u32, version: u32) -> Arc<Pod> {
        Arc::new(Pod {
            key: NamespacedName::new("test", format!("pod-{number}")),
            labels: Arc::default(),
            planning: Planning {
                uid: version.to_string().into(),
                phase: Phase::Live,
                ready: true,
                deleting: false,
                has_ip: false,
                addresses: Vec::new(),
                node_name: None,
                hostname: None,
                subdomain: None,
                ports: Arc::new([]),
            },
            explaining: Explaining::default(),
        })
    }

    proptest! {
        /// The list against a map, whatever goes in and out; and what changed since any moment.
        #[test]
        fn a_list_is_a_map_by_name(
            operations in prop::collection::vec((any::<bool>(), 0..400_u32), 1..900),
            moment in 0..900_usize,
        ) {
            let (mut list, mut map) = (PodList::default(), BTreeMap::new());
            let mut then = PodList::default();
            for (version, (insert, number)) in (0..).zip(operations) {
                if version as usize == moment {
                    then = list.clone();
                }
                if insert {
                    let pod = pod(number, version);
                    list.insert(pod.clone());
                    map.insert(pod.key.name.clone(), pod);
                } else {
                    let name = pod(number, 0).key.name.clone();
                    list.remove(&name);
                    map.remove(&name);
                }
                list.check();
            }
            prop_assert!(list.iter().eq(map.values()));
            prop_assert_eq!(list.len(), map.len());
            prop_assert!(map.iter().all(|(name, pod)| list.get(name) == Some(pod)));
            let changed = map.values().filter(|pod| then.get(&pod.key.name) != Some(pod));
            prop_assert!(list.changed_since(&then).eq(changed));
        }
    }

    #[test]
    fn a_change_copies_one_piece_and_leaves_the_others_shared() {
        let list: PodList = (0..1000).map(|number| pod(number, 0)).collect();
        let mut changed = list.clone();
        changed.insert(pod(500, 1));
        let shared =
            |piece: &Arc<Vec<Arc<Pod>>>| list.pieces.iter().any(|other| Arc::ptr_eq(piece, other));
        assert_eq!(changed.pieces.iter().filter(|piece| !shared(piece)).count(), 1);
        let names: Vec<&str> = changed.changed_since(&list).map(|pod| &*pod.key.name).collect();
        assert_eq!(names, ["pod-500"]);
    }

    #[test]
    fn a_list_that_shrinks_has_few_pieces_again() {
        let mut list: PodList = (0..1000).map(|number| pod(number, 0)).collect();
        assert!(list.check() > 10);
        (0..990).for_each(|number| list.remove(&format!("pod-{number}")));
        assert!(list.check() <= 2, "{} pieces for 10 Pods", list.check());
    }
}
