//! Who asks.

use std::collections::BTreeMap;

/// Somebody whose identity is known, or known to be unknown.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct User {
    /// The name, unique at any moment.
    pub name: String,
    /// What tells apart users that had the same name at different times; may be empty.
    pub uid: String,
    /// The groups.
    pub groups: Vec<String>,
    /// What else whoever knows the user says of them.
    pub extra: BTreeMap<String, Vec<String>>,
}

/// The group that may do everything.
const MASTERS: &str = "system:masters";
/// The group of all whose identity is known.
const AUTHENTICATED: &str = "system:authenticated";

impl User {
    /// A user of whom nothing more is known.
    pub fn new(name: impl Into<String>, groups: Vec<String>) -> Self {
        Self { name: name.into(), uid: String::new(), groups, extra: BTreeMap::new() }
    }

    /// Somebody who shows nothing.
    pub fn anonymous() -> Self {
        Self::new("system:anonymous", vec!["system:unauthenticated".to_owned()])
    }

    /// The same, as a member of the group of all who are known.
    #[must_use]
    pub fn authenticated(mut self) -> Self {
        if !self.groups.iter().any(|group| group == AUTHENTICATED) {
            self.groups.push(AUTHENTICATED.to_owned());
        }
        self
    }

    /// Whether they may do everything, whatever the cluster says.
    pub fn is_master(&self) -> bool {
        self.groups.iter().any(|group| group == MASTERS)
    }
}
