//! Packing: which endpoints stand in which slice. What is published well stays where it is; what
//! is new goes where the fewest writes are needed; nothing is ever rebalanced.

use std::cell::OnceCell;
use std::sync::Arc;

use foldhash::HashMap;

use crate::endpoint::Wanted;
use crate::facts::{Endpoint, EndpointSlice, Labels};
use crate::key::Text;

/// Where the endpoints of one family and port set go.
#[derive(Default)]
pub struct Packing {
    /// Endpoints of new slices.
    pub create: Vec<Vec<Endpoint>>,
    /// Slices that change, with all their endpoints.
    pub update: Vec<(Arc<EndpointSlice>, Vec<Endpoint>)>,
    /// Slices in which nothing is left.
    pub delete: Vec<Arc<EndpointSlice>>,
    /// Slices that stay as they are.
    pub unchanged: Vec<Arc<EndpointSlice>>,
    /// How many endpoints were not published before.
    pub added: usize,
    /// How many published ones are dropped.
    pub removed: usize,
}

/// Packs endpoints, ordered by the names of their Pods, into the existing slices of their port
/// set and as many new ones as it takes. `max` only limits what is added to a slice: one that
/// holds more already is left whole.
pub fn pack(
    wanted: &[Wanted<'_>],
    existing: impl IntoIterator<Item = Arc<EndpointSlice>>,
    labels: &Labels,
    max: usize,
) -> Packing {
    let mut packing = Packing::default();
    let mut places = Places::new(wanted);
    for slice in existing {
        packing.keep(&mut places, slice, labels);
    }
    let mut remaining = places.unplaced();
    packing.added = remaining.len();
    packing.top_up(&mut remaining, max);
    packing.place_rest(&mut remaining, max);
    packing
}

impl Packing {
    /// Keeps of a slice what is still wanted, in its order. A second copy of an endpoint, here or
    /// in an earlier slice, is dropped like one that is not wanted.
    fn keep(&mut self, places: &mut Places<'_, '_>, slice: Arc<EndpointSlice>, labels: &Labels) {
        let mut kept = Vec::with_capacity(slice.endpoints.len());
        let mut as_published = true;
        for endpoint in &slice.endpoints {
            if let Some(wanted) = places.take(endpoint) {
                as_published &= wanted.is_published_by(endpoint);
                kept.push(wanted);
            }
        }
        let dropped = slice.endpoints.len() - kept.len();
        self.removed += dropped;
        if dropped == 0 && as_published {
            if slice.metadata.labels == *labels {
                self.unchanged.push(slice);
            } else {
                let endpoints = slice.endpoints.clone();
                self.update.push((slice, endpoints));
            }
        } else if kept.is_empty() {
            self.delete.push(slice);
        } else {
            let endpoints = kept.into_iter().map(Wanted::to_endpoint).collect();
            self.update.push((slice, endpoints));
        }
    }

    /// Fills the slices that are written anyway, the fullest first.
    fn top_up(&mut self, remaining: &mut Remaining<'_, '_>, max: usize) {
        let mut fullest_first: Vec<&mut Vec<Endpoint>> =
            self.update.iter_mut().map(|(_, endpoints)| endpoints).collect();
        fullest_first.sort_by_key(|endpoints| std::cmp::Reverse(endpoints.len()));
        for endpoints in fullest_first {
            remaining.fill(endpoints, max);
        }
    }

    /// Puts the rest into the one untouched slice that it fills best, or into new slices. It is
    /// never spread over several untouched ones: one creation is cheaper than several updates.
    fn place_rest(&mut self, remaining: &mut Remaining<'_, '_>, max: usize) {
        while remaining.len() > 0 {
            let mut endpoints = match self.best_fit(remaining.len(), max) {
                Some(place) => {
                    let slice = self.unchanged.remove(place);
                    let mut endpoints = slice.endpoints.clone();
                    remaining.fill(&mut endpoints, max);
                    self.update.push((slice, endpoints));
                    continue;
                }
                None => Vec::with_capacity(remaining.len().min(max)),
            };
            remaining.fill(&mut endpoints, max);
            self.create.push(endpoints);
        }
    }

    /// The untouched slice that would be fullest with all of the rest in it.
    fn best_fit(&self, rest: usize, max: usize) -> Option<usize> {
        if rest >= max {
            return None;
        }
        let room = |slice: &EndpointSlice| max.checked_sub(rest + slice.endpoints.len());
        let candidates = self.unchanged.iter().enumerate();
        candidates
            .filter_map(|(place, slice)| Some((room(slice)?, place)))
            .min()
            .map(|(_, place)| place)
    }
}

/// The wanted endpoints, ordered by the name of their Pod, each to be placed once.
struct Places<'w, 'a> {
    wanted: &'w [Wanted<'a>],
    placed: Vec<bool>,
    /// Slices mostly hold their endpoints in the same order, so the next one is often the next here.
    next: usize,
    /// How many times it was not.
    misses: usize,
    /// Where each name stands, worked out once there are more than a few.
    by_name: OnceCell<HashMap<&'a Text, usize>>,
}

/// More misses than this are not just the first endpoints of slices.
const FEW_MISSES: usize = 32;

impl<'w, 'a> Places<'w, 'a> {
    fn new(wanted: &'w [Wanted<'a>]) -> Self {
        let placed = vec![false; wanted.len()];
        Self { wanted, placed, next: 0, misses: 0, by_name: OnceCell::new() }
    }

    /// The wanted endpoint that a published one stands for, unless it was placed already.
    fn take(&mut self, endpoint: &Endpoint) -> Option<&'w Wanted<'a>> {
        let place = self.find(endpoint.target_ref.as_ref()?.name.as_ref()?)?;
        self.next = place + 1;
        let wanted = self.wanted.get(place).filter(|wanted| wanted.is_same_as(endpoint))?;
        let placed = self.placed.get_mut(place)?;
        (!std::mem::replace(placed, true)).then_some(wanted)
    }

    fn find(&mut self, pod: &Text) -> Option<usize> {
        let name = |wanted: &Wanted<'a>| -> &'a Text { &wanted.pod.key.name };
        if self.wanted.get(self.next).is_some_and(|wanted| name(wanted) == pod) {
            return Some(self.next);
        }
        self.misses += 1;
        if self.misses <= FEW_MISSES {
            return self.wanted.binary_search_by(|wanted| name(wanted).cmp(pod)).ok();
        }
        let by_name = self.by_name.get_or_init(|| {
            let wanted = self.wanted.iter().enumerate();
            wanted.map(|(place, wanted)| (name(wanted), place)).collect()
        });
        by_name.get(pod).copied()
    }

    fn unplaced(self) -> Remaining<'w, 'a> {
        let all = self.wanted.iter().zip(self.placed);
        let unplaced: Vec<&'w Wanted<'a>> =
            all.filter(|(_, placed)| !placed).map(|(wanted, _)| wanted).collect();
        Remaining(unplaced.into_iter())
    }
}

/// Endpoints that still need a place.
struct Remaining<'w, 'a>(std::vec::IntoIter<&'w Wanted<'a>>);

impl Remaining<'_, '_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn fill(&mut self, endpoints: &mut Vec<Endpoint>, max: usize) {
        let room = max.saturating_sub(endpoints.len());
        endpoints.extend(self.0.by_ref().take(room).map(Wanted::to_endpoint));
    }
}
