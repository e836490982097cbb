//! Which Services of one namespace select which Pods, without asking every selector at every
//! event. Pods with equal labels form one set, so a Deployment of a thousand Pods is matched once;
//! a new set asks only the selectors that name one of its own labels.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::HashMap;

use crate::facts::{Labels, Pod};
use crate::key::Text;
use crate::pod_list::PodList;

/// The Pods and selectors of one namespace.
#[derive(Default)]
pub struct Membership {
    sets: HashMap<Labels, LabelSet>,
    selectors: HashMap<Text, Selector>,
    /// Services by one pair of their selector. A selector can only match labels that have the pair.
    anchors: HashMap<(Text, Text), BTreeSet<Text>>,
}

/// The Pods that carry the same labels, and the Services that select them.
#[derive(Default)]
struct LabelSet {
    pods: PodList,
    services: BTreeSet<Text>,
}

struct Selector {
    pairs: Labels,
    anchor: (Text, Text),
    /// The sets that match; none of them is without Pods.
    sets: Vec<Labels>,
    /// The Pods of all these sets.
    pods: PodList,
}

impl Membership {
    /// Puts a Pod in, in the place of an older version with the same labels if there is one.
    pub fn insert(&mut self, pod: &Arc<Pod>) {
        if !self.sets.contains_key(&pod.labels) {
            self.add_set(pod.labels.clone());
        }
        let Some(set) = self.sets.get_mut(&pod.labels) else {
            return;
        };
        set.pods.insert(pod.clone());
        for service in &set.services {
            if let Some(selector) = self.selectors.get_mut(service) {
                selector.pods.insert(pod.clone());
            }
        }
    }

    /// Takes a Pod out.
    pub fn remove(&mut self, pod: &Pod) {
        let Some(set) = self.sets.get_mut(&pod.labels) else {
            return;
        };
        set.pods.remove(&pod.key.name);
        for service in &set.services {
            if let Some(selector) = self.selectors.get_mut(service) {
                selector.pods.remove(&pod.key.name);
            }
        }
        if set.pods.is_empty() {
            self.remove_set(&pod.labels);
        }
    }

    /// The labels as an equal set already holds them, so that equal labels are kept once.
    pub fn shared(&self, labels: Labels) -> Labels {
        self.sets.get_key_value(&labels).map_or(labels, |(shared, _)| shared.clone())
    }

    /// The Services that select Pods with these labels. There must be such a Pod.
    pub fn services(&self, labels: &Labels) -> impl Iterator<Item = &Text> {
        self.sets.get(labels).into_iter().flat_map(|set| &set.services)
    }

    /// Sets, replaces or removes the selector of a Service.
    pub fn select(&mut self, service: &Text, pairs: Option<&Labels>) {
        if self.selectors.get(service).map(|selector| &selector.pairs) == pairs {
            return;
        }
        self.forget_selector(service);
        let Some(pairs) = pairs else { return };
        let Some(anchor) = self.rarest_pair(pairs) else {
            return;
        };
        let mut sets = Vec::new();
        let mut pods: BTreeMap<&Text, &Arc<Pod>> = BTreeMap::new();
        for (labels, set) in self.sets.iter_mut().filter(|(labels, _)| matches(pairs, labels)) {
            set.services.insert(service.clone());
            sets.push(labels.clone());
            pods.extend(set.pods.iter().map(|pod| (&pod.key.name, pod)));
        }
        let pods = pods.into_values().cloned().collect();
        let selector = Selector { pairs: pairs.clone(), anchor: anchor.clone(), sets, pods };
        self.selectors.insert(service.clone(), selector);
        self.anchors.entry(anchor).or_default().insert(service.clone());
    }

    /// Whether a Service selects any Pod.
    pub fn selects_any(&self, service: &str) -> bool {
        self.selectors.get(service).is_some_and(|selector| !selector.sets.is_empty())
    }

    /// The Pods that a Service selects.
    pub fn selected(&self, service: &str) -> PodList {
        self.selectors.get(service).map(|selector| selector.pods.clone()).unwrap_or_default()
    }

    /// The Services that select a Pod on a Node.
    pub fn services_on(&self, node: &str) -> BTreeSet<Text> {
        let on_node = |pod: &Arc<Pod>| pod.planning.node_name.as_deref() == Some(node);
        let sets = self.sets.values();
        sets.filter(|set| !set.services.is_empty() && set.pods.iter().any(on_node))
            .flat_map(|set| set.services.iter().cloned())
            .collect()
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty() && self.selectors.is_empty()
    }

    fn add_set(&mut self, labels: Labels) {
        let candidates = labels
            .iter()
            .filter_map(|(key, value)| self.anchors.get(&(key.clone(), value.clone())))
            .flatten();
        let mut set = LabelSet::default();
        for service in candidates {
            if let Some(selector) = self.selectors.get_mut(service)
                && matches(&selector.pairs, &labels)
            {
                selector.sets.push(labels.clone());
                set.services.insert(service.clone());
            }
        }
        self.sets.insert(labels, set);
    }

    fn remove_set(&mut self, labels: &Labels) {
        let Some(set) = self.sets.remove(labels) else {
            return;
        };
        for service in &set.services {
            if let Some(selector) = self.selectors.get_mut(service) {
                selector.sets.retain(|other| other != labels);
            }
        }
    }

    fn forget_selector(&mut self, service: &Text) {
        let Some(selector) = self.selectors.remove(service) else {
            return;
        };
        for labels in &selector.sets {
            if let Some(set) = self.sets.get_mut(labels) {
                set.services.remove(service);
            }
        }
        if let Some(services) = self.anchors.get_mut(&selector.anchor) {
            services.remove(service);
            if services.is_empty() {
                self.anchors.remove(&selector.anchor);
            }
        }
    }

    /// The pair of a selector that the fewest other selectors are anchored at.
    fn rarest_pair(&self, pairs: &Labels) -> Option<(Text, Text)> {
        let anchored = |pair: &(Text, Text)| self.anchors.get(pair).map_or(0, BTreeSet::len);
        let pairs = pairs.iter().map(|(key, value)| (key.clone(), value.clone()));
        pairs.min_by_key(anchored)
    }
}

fn matches(selector: &Labels, labels: &Labels) -> bool {
    selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}
