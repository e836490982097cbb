//! What is to be written to a set of slices, and in which order. A slice to be deleted and one to
//! be created become one update where they can: the name stays, consumers see one event.

use std::collections::BTreeSet;
use std::sync::Arc;

use foldhash::HashMap;
use jiff::Timestamp;

use crate::facts::EndpointSlice;
use crate::key::Text;
use crate::trigger_time;

/// Slices of one address type to create, update and delete. Writes go out in this order, each
/// list front to back, so that an endpoint is published in its new place before it leaves the old
/// one (kubernetes/kubernetes#121231).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlicePlan {
    /// Slices to create; they have a generateName and no name.
    pub create: Vec<EndpointSlice>,
    /// Slices to update, under the resourceVersion they carry.
    pub update: Vec<EndpointSlice>,
    /// Slices to delete, under the uid and resourceVersion they carry.
    pub delete: Vec<Arc<EndpointSlice>>,
    /// How many slices would be created if their owner were not going.
    pub withheld: usize,
}

impl SlicePlan {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.create.is_empty() && self.update.is_empty() && self.delete.is_empty()
    }

    /// How many writes there are.
    pub fn len(&self) -> usize {
        self.create.len() + self.update.len() + self.delete.len()
    }

    /// Keeps back what would be created: the owner reference of a new slice would already point to
    /// nothing.
    pub fn withhold_creations(&mut self) {
        self.withheld += self.create.len();
        self.create.clear();
    }
}

/// A slice whose content is decided, still apart from its trigger time and its place in the order.
pub struct Change {
    /// The slice as it stands.
    pub before: Arc<EndpointSlice>,
    /// The slice as it is to be.
    pub after: EndpointSlice,
}

/// Slices sorted by what should happen to them.
#[derive(Default)]
pub struct Sorted {
    /// New ones.
    pub create: Vec<EndpointSlice>,
    /// Changed ones.
    pub update: Vec<Change>,
    /// Superfluous ones that may be recycled.
    pub delete: Vec<Arc<EndpointSlice>>,
    /// Superfluous ones that belong to somebody else and must go whole.
    pub discard: Vec<Arc<EndpointSlice>>,
}

impl Sorted {
    /// Stamps the trigger time on everything written, and puts the writes in order.
    pub fn into_plan(mut self, trigger_time: Option<Timestamp>) -> SlicePlan {
        self.update.sort_by_key(Change::place);
        let mut update: Vec<EndpointSlice> =
            self.update.into_iter().map(|change| change.after).collect();
        for slice in self.create.iter_mut().chain(&mut update) {
            trigger_time::stamp(&mut slice.metadata.annotations, trigger_time);
        }
        self.delete.append(&mut self.discard);
        SlicePlan { create: self.create, update, delete: self.delete, withheld: 0 }
    }

    /// Takes out the changes that change nothing. The API server would store none of them, but would
    /// have to look at each.
    pub fn settled(&mut self) -> Vec<Arc<EndpointSlice>> {
        let nothing = |change: &mut Change| change.after == *change.before;
        self.update.extract_if(.., nothing).map(|change| change.before).collect()
    }

    /// Turns pairs of a deletion and a creation into updates. Each superfluous slice becomes the new
    /// one that shares the most endpoints with it, so that as few as possible move from slice to
    /// slice: between two writes, what moves may be in neither (kubernetes/kubernetes#121231).
    pub fn recycle(&mut self) {
        let mut contents = Contents::new(std::mem::take(&mut self.create));
        for before in std::mem::take(&mut self.delete) {
            match contents.take_nearest(&before) {
                Some(content) => {
                    let after = recycled(&before, content);
                    self.update.push(Change { before, after });
                }
                None => self.delete.push(before),
            }
        }
        self.create = contents.rest();
    }
}

/// New slices that are looking for an old name.
pub struct Contents {
    slices: Vec<Option<EndpointSlice>>,
    /// In which of them an address stands.
    places: HashMap<Text, usize>,
}

impl Contents {
    /// These, in their order.
    pub fn new(slices: Vec<EndpointSlice>) -> Self {
        let mut places = HashMap::default();
        for (place, slice) in slices.iter().enumerate() {
            places.extend(addresses(slice).into_iter().map(|address| (address.clone(), place)));
        }
        Self { slices: slices.into_iter().map(Some).collect(), places }
    }

    /// Of those left of its address type the one that shares the most addresses with a slice, the
    /// first of equals.
    pub fn take_nearest(&mut self, slice: &EndpointSlice) -> Option<EndpointSlice> {
        let mut shared = vec![0_usize; self.slices.len()];
        for address in addresses(slice) {
            if let Some(count) = self.places.get(address).and_then(|place| shared.get_mut(*place)) {
                *count += 1;
            }
        }
        let fits = |content: &Option<EndpointSlice>| {
            content.as_ref().is_some_and(|content| content.address_type == slice.address_type)
        };
        let left = self.slices.iter_mut().zip(shared).filter(|(content, _)| fits(content));
        left.rev().max_by_key(|(_, shared)| *shared)?.0.take()
    }

    /// Those that found no name.
    pub fn rest(self) -> Vec<EndpointSlice> {
        self.slices.into_iter().flatten().collect()
    }
}

/// New content under an old name. Finalizers and annotations of others stay: whoever put them
/// there still counts on them (kubernetes/kubernetes#108267).
fn recycled(before: &EndpointSlice, content: EndpointSlice) -> EndpointSlice {
    let mut after = content;
    let fresh = after.metadata;
    after.metadata = before.metadata.clone();
    after.metadata.labels = fresh.labels;
    after.metadata.owner_references = fresh.owner_references;
    after
}

impl Change {
    /// Slices that only gain endpoints go first, those that only lose them last.
    fn place(&self) -> u8 {
        let same_ports = self.before.ports == self.after.ports;
        if same_ports && self.holds_the_same_addresses() {
            return 2;
        }
        let before = addresses(&self.before);
        let after = addresses(&self.after);
        let gains = after.iter().any(|address| !same_ports || !before.contains(address));
        let loses = before.iter().any(|address| !same_ports || !after.contains(address));
        match (gains, loses) {
            (true, false) => 0,
            (true, true) => 1,
            (false, false) => 2,
            (false, true) => 3,
        }
    }

    /// Told at a glance for what changes most: the state of endpoints that stay where they are.
    fn holds_the_same_addresses(&self) -> bool {
        let (before, after) = (&self.before.endpoints, &self.after.endpoints);
        before.iter().map(|one| &one.addresses).eq(after.iter().map(|one| &one.addresses))
    }
}

fn addresses(slice: &EndpointSlice) -> BTreeSet<&Text> {
    slice.endpoints.iter().flat_map(|endpoint| &endpoint.addresses).collect()
}
