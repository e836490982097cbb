//! What we keep of a ServiceCIDR.

use allocator::Range;

use crate::key::Text;

/// A networking.k8s.io/v1 ServiceCIDR, narrowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceCidr {
    /// `metadata.name`.
    pub name: Text,
    /// The ranges of `spec.cidrs`, without those that nothing is given from.
    pub ranges: Vec<Range>,
    /// What of `spec.cidrs` nothing is given from: it is too wide to keep account of.
    pub unusable: Vec<Text>,
    /// Whether `metadata.deletionTimestamp` is set.
    pub deleting: bool,
    /// Its condition Ready, if it has one.
    pub ready: Option<bool>,
}

impl ServiceCidr {
    /// Whether addresses are given from it: it is not being deleted, and it is ready or nobody has
    /// said, so that it works without a controller for ServiceCIDRs.
    pub fn is_open(&self) -> bool {
        !self.deleting && self.ready.unwrap_or(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_given_from_what_stays_and_is_not_said_to_be_unready() {
        let is_open = |deleting, ready| {
            let (name, ranges, unusable) = (Text::new(), Vec::new(), Vec::new());
            ServiceCidr { name, ranges, unusable, deleting, ready }.is_open()
        };
        assert!(is_open(false, None) && is_open(false, Some(true)));
        assert!(!is_open(false, Some(false)));
        assert!(!is_open(true, None) && !is_open(true, Some(true)));
    }
}
