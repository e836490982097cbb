//! Keys that fail while nothing is written: how it looks when the API server refuses all that a
//! controller wants.

use std::collections::HashSet;

use controller_core::key::NamespacedName;
use parking_lot::Mutex;

use crate::metrics::VisitResult;

/// The keys of a controller whose last visits failed, all since its last accepted write.
#[derive(Default)]
pub struct Failures(Mutex<HashSet<NamespacedName>>);

impl Failures {
    /// The API server accepted a write.
    pub fn wrote(&self) {
        self.0.lock().clear();
    }

    /// A visit has ended. One that had nothing to write proves nothing about the other keys.
    pub fn visited(&self, key: &NamespacedName, result: VisitResult) {
        let mut keys = self.0.lock();
        match result {
            VisitResult::Success => drop(keys.remove(key)),
            VisitResult::Error => drop(keys.insert(key.clone())),
        }
    }

    /// How many keys there are.
    pub fn count(&self) -> usize {
        self.0.lock().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_clears_all_and_a_quiet_visit_only_its_own_key() {
        let failures = Failures::default();
        let [one, two] = ["one", "two"].map(|name| NamespacedName::new("default", name));
        for key in [&one, &two, &one] {
            failures.visited(key, VisitResult::Error);
        }
        assert_eq!(failures.count(), 2);
        failures.visited(&one, VisitResult::Success);
        assert_eq!(failures.count(), 1);
        failures.wrote();
        assert_eq!(failures.count(), 0);
    }
}
