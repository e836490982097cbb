//! Whether the API server can be reached: said once when it is lost, and once when it is back,
//! however many feeds notice.

use std::collections::BTreeMap;

use controller_core::key::{Controller, Kind};
use parking_lot::Mutex;

use crate::wire::WireError;

/// What the feeds know together.
pub struct Reachability {
    state: Mutex<State>,
    /// The kinds without which only such controllers rest as need not run.
    optional: BTreeMap<Kind, Controller>,
}

#[derive(Default)]
struct State {
    away: bool,
    /// What the server says of kinds that it refuses. To a missing right it names the rule that would
    /// grant it: the verb, the resource and its API group.
    refused: BTreeMap<Kind, String>,
}

impl Reachability {
    /// Nothing is known yet. Of some kinds only controllers depend that need not run.
    pub fn new(optional: BTreeMap<Kind, Controller>) -> Self {
        Self { state: Mutex::default(), optional }
    }

    /// A feed could not list or watch its kind.
    pub fn lost(&self, kind: Kind, error: &WireError) {
        let mut state = self.state.lock();
        match error {
            // The server is there, and refuses one kind: that is another story for each kind.
            WireError::Status(status) => {
                if state.refused.insert(kind, status.message.clone()).is_none() {
                    self.tell_of_refusal(kind, status.code.as_u16(), error);
                }
            }
            _ => {
                if !std::mem::replace(&mut state.away, true) {
                    tracing::error!(kind = kind.name(), err = %error, "API server cannot be reached; trying again until it answers");
                }
            }
        }
    }

    fn tell_of_refusal(&self, kind: Kind, code: u16, error: &WireError) {
        let kind_name = kind.name();
        match self.optional.get(&kind) {
            None => {
                tracing::error!(kind = kind_name, code, err = %error, "Cannot list or watch; trying again until it works");
            }
            Some(controller) => {
                let controller = controller.name();
                tracing::warn!(kind = kind_name, code, err = %error, controller, "Cannot list or watch; the controller, which only * in --controllers asks for, rests until it works");
            }
        }
    }

    /// Whether the API server refuses any of some kinds.
    pub fn refuses(&self, kinds: &[Kind]) -> bool {
        let state = self.state.lock();
        !state.away && kinds.iter().any(|kind| state.refused.contains_key(kind))
    }

    /// Whether some kinds are being watched, as far as anybody has noticed.
    ///
    /// # Errors
    /// What is in the way.
    pub fn of(&self, kinds: &[Kind]) -> Result<(), String> {
        let state = self.state.lock();
        if state.away {
            return Err("the API server cannot be reached".to_owned());
        }
        let refused = kinds.iter().filter_map(|kind| Some((kind, state.refused.get(kind)?)));
        let refused: Vec<String> =
            refused.map(|(kind, message)| format!("{kind} ({message})")).collect();
        if refused.is_empty() {
            return Ok(());
        }
        Err(format!("the API server refuses to list or watch: {}", refused.join(", ")))
    }

    /// A feed was answered.
    pub fn found(&self, kind: Kind) {
        let mut state = self.state.lock();
        let refused = state.refused.remove(&kind).is_some();
        let away = std::mem::replace(&mut state.away, false);
        if away {
            tracing::info!("API server answers again");
        } else if refused {
            tracing::info!(kind = kind.name(), "Listing and watching works again");
        }
    }
}
