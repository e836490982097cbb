//! Whether the API server can be reached: said once when it is lost, and once when it is back,
//! however many feeds notice.

use std::collections::BTreeMap;

use controller_core::key::Kind;
use parking_lot::Mutex;

use crate::wire::WireError;

/// What the feeds know together.
#[derive(Default)]
pub struct Reachability(Mutex<State>);

#[derive(Default)]
struct State {
    away: bool,
    /// What the server says of kinds that it refuses. To a missing right it names the rule that would
    /// grant it: the verb, the resource and its API group.
    refused: BTreeMap<Kind, String>,
}

impl Reachability {
    /// A feed could not list or watch its kind.
    pub fn lost(&self, kind: Kind, error: &WireError) {
        let mut state = self.0.lock();
        match error {
            // The server is there, and refuses one kind: that is another story for each kind.
            WireError::Status(status) => {
                if state.refused.insert(kind, status.message.clone()).is_none() {
                    tracing::error!(kind = kind.name(), code = status.code.as_u16(), err = %error, "Cannot list or watch; trying again until it works");
                }
            }
            _ => {
                if !std::mem::replace(&mut state.away, true) {
                    tracing::error!(kind = kind.name(), err = %error, "API server cannot be reached; trying again until it answers");
                }
            }
        }
    }

    /// Whether some kinds are being watched, as far as anybody has noticed.
    ///
    /// # Errors
    /// What is in the way.
    pub fn of(&self, kinds: &[Kind]) -> Result<(), String> {
        let state = self.0.lock();
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
        let mut state = self.0.lock();
        let refused = state.refused.remove(&kind).is_some();
        let away = std::mem::replace(&mut state.away, false);
        if away {
            tracing::info!("API server answers again");
        } else if refused {
            tracing::info!(kind = kind.name(), "Listing and watching works again");
        }
    }
}
