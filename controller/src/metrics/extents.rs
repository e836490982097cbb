//! Three gauges that two controllers have in common: how much there is and should be, summed up over
//! all keys.

use std::collections::HashMap;
use std::iter::Sum;
use std::ops::Add;

use controller_core::key::NamespacedName;
use parking_lot::Mutex;
use prometheus::{IntGaugeVec, Result};

use super::family::{Families, Family, Stability, only};

/// How much there is under a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    pub desired_endpoints: usize,
    pub slices: usize,
    pub desired_slices: usize,
}

/// The gauges, and what each key has contributed to them.
pub struct Extents {
    desired_endpoints: IntGaugeVec,
    slices: IntGaugeVec,
    desired_slices: IntGaugeVec,
    by_key: Mutex<HashMap<NamespacedName, Extent>>,
}

impl Extents {
    pub fn new(families: &Families<'_>, stability: Stability) -> Result<Self> {
        let gauge = |name, help| families.gauge(Family { stability, name, help, labels: &[] });
        Ok(Self {
            desired_endpoints: gauge("endpoints_desired", "Number of endpoints desired")?,
            slices: gauge("num_endpoint_slices", "Number of EndpointSlices")?,
            desired_slices: gauge(
                "desired_endpoint_slices",
                "Number of EndpointSlices that would exist with perfect endpoint allocation",
            )?,
            by_key: Mutex::default(),
        })
    }

    /// There is so much under a key now.
    pub fn set(&self, key: &NamespacedName, extent: Extent) {
        let before = self.by_key.lock().insert(key.clone(), extent);
        self.change(before.unwrap_or_default(), extent);
    }

    /// There is nothing under a key any more.
    pub fn forget(&self, key: &NamespacedName) {
        let before = self.by_key.lock().remove(key);
        if let Some(before) = before {
            self.change(before, Extent::default());
        }
    }

    fn change(&self, before: Extent, after: Extent) {
        let add = |gauge: &IntGaugeVec, before: usize, after: usize| {
            only(gauge).add(after as i64 - before as i64);
        };
        add(&self.desired_endpoints, before.desired_endpoints, after.desired_endpoints);
        add(&self.slices, before.slices, after.slices);
        add(&self.desired_slices, before.desired_slices, after.desired_slices);
    }
}

impl Add for Extent {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            desired_endpoints: self.desired_endpoints + other.desired_endpoints,
            slices: self.slices + other.slices,
            desired_slices: self.desired_slices + other.desired_slices,
        }
    }
}

impl Sum for Extent {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Self::add)
    }
}
