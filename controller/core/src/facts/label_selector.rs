//! Label selectors, as objects of newer APIs spell them.

use std::collections::{BTreeMap, BTreeSet};

use crate::key::Text;

/// A meta/v1 LabelSelector: all requirements must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector {
    /// The requirements. None: everything matches.
    pub requirements: Vec<Requirement>,
}

/// One requirement of a selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// The label has one of these values.
    In(Text, BTreeSet<Text>),
    /// The label is absent, or has none of these values.
    NotIn(Text, BTreeSet<Text>),
    /// The label is there.
    Exists(Text),
    /// The label is absent.
    DoesNotExist(Text),
}

impl LabelSelector {
    /// Whether labels meet all requirements.
    pub fn matches(&self, labels: &BTreeMap<Text, Text>) -> bool {
        self.requirements.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => {
                labels.get(key).is_some_and(|value| values.contains(value))
            }
            Requirement::NotIn(key, values) => {
                labels.get(key).is_none_or(|value| !values.contains(value))
            }
            Requirement::Exists(key) => labels.contains_key(key),
            Requirement::DoesNotExist(key) => !labels.contains_key(key),
        })
    }
}
