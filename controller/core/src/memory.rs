//! What a controller keeps in mind of a Service from one visit to the next. It is lost with the
//! process and with the Service; nothing that is written to slices or addresses depends on it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::facts::IpFamily;
use crate::key::Text;
use crate::trigger_time::TriggerTimes;

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The times that earlier plans have published.
    pub trigger_times: TriggerTimes,
    /// What users were last told of topology aware hints, by family. Nothing where the Service does
    /// not ask for them.
    pub hints_told: BTreeMap<IpFamily, HintsTold>,
}

impl Memory {
    /// Nothing but times.
    pub fn of_times(trigger_times: TriggerTimes) -> Arc<Self> {
        Arc::new(Self { trigger_times, hints_told: BTreeMap::new() })
    }
}

/// What users were told of the hints of one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HintsTold {
    /// There are hints.
    Enabled,
    /// There are none, for this reason.
    Disabled(Text),
}
