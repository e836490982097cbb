//! Roles, taken apart into single rights.

use std::collections::BTreeSet;
use std::fmt;

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role};

/// One verb on one resource, for all names or for one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    pub group: String,
    /// With its subresource: `services/finalizers`.
    pub resource: String,
    pub verb: String,
    pub name: Option<String>,
}

/// A role of either kind.
#[derive(Clone, Debug)]
pub enum AnyRole {
    OfCluster(ClusterRole),
    OfNamespace(Role),
}

impl Right {
    /// For all names.
    pub fn new(group: &str, resource: &str, verb: &str) -> Self {
        let (group, resource, verb) = (group.to_owned(), resource.to_owned(), verb.to_owned());
        Self { group, resource, verb, name: None }
    }

    /// Whether it is the same, or would be if it had a name.
    pub fn covers(&self, other: &Right) -> bool {
        let unnamed = |right: &Right| Right { name: None, ..right.clone() };
        unnamed(self) == unnamed(other) && (self.name.is_none() || self.name == other.name)
    }

    /// Whether a user has it.
    pub fn review(&self, user: &str) -> SubjectAccessReview {
        let (resource, subresource) = match self.resource.split_once('/') {
            Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
            None => (&*self.resource, None),
        };
        let attributes = ResourceAttributes {
            group: Some(self.group.clone()),
            resource: Some(resource.to_owned()),
            subresource,
            verb: Some(self.verb.clone()),
            name: self.name.clone(),
            namespace: Some("kube-system".to_owned()),
            ..ResourceAttributes::default()
        };
        let spec = SubjectAccessReviewSpec {
            user: Some(user.to_owned()),
            resource_attributes: Some(attributes),
            ..SubjectAccessReviewSpec::default()
        };
        SubjectAccessReview { spec, ..SubjectAccessReview::default() }
    }

    fn rule(&self) -> PolicyRule {
        PolicyRule {
            api_groups: Some(vec![self.group.clone()]),
            resources: Some(vec![self.resource.clone()]),
            resource_names: self.name.clone().map(|name| vec![name]),
            verbs: vec![self.verb.clone()],
            ..PolicyRule::default()
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, resource, verb, name } = self;
        let name = name.as_deref().unwrap_or("*");
        write!(formatter, "{verb} {resource}.{group} {name}")
    }
}

impl AnyRole {
    /// What it allows.
    pub fn rights(&self) -> BTreeSet<Right> {
        let rules = match self {
            AnyRole::OfCluster(role) => &role.rules,
            AnyRole::OfNamespace(role) => &role.rules,
        };
        rules.iter().flatten().flat_map(rights).collect()
    }

    /// The same role, allowing less.
    pub fn without(&self, taken: &BTreeSet<Right>) -> Self {
        let left = self.rights().into_iter().filter(|right| !taken.contains(right));
        let left: Vec<PolicyRule> = left.map(|right| right.rule()).collect();
        let mut less = self.clone();
        match &mut less {
            AnyRole::OfCluster(role) => role.rules = Some(left),
            AnyRole::OfNamespace(role) => role.rules = Some(left),
        }
        less
    }
}

fn rights(rule: &PolicyRule) -> Vec<Right> {
    let names: Vec<Option<String>> = match rule.resource_names.as_deref() {
        None | Some([]) => vec![None],
        Some(names) => names.iter().cloned().map(Some).collect(),
    };
    let mut rights = Vec::new();
    for group in rule.api_groups.iter().flatten() {
        for resource in rule.resources.iter().flatten() {
            for verb in &rule.verbs {
                for name in &names {
                    rights.push(Right { name: name.clone(), ..Right::new(group, resource, verb) });
                }
            }
        }
    }
    rights
}
