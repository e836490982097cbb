//! The objects, and what the world gives: time and randomness.

use std::sync::Arc;

use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::allocations::Allocations;
use crate::bootstrap::Addresses;
use crate::kinds::Kinds;
use crate::sandbox::{Clock, Settings};
use crate::serve::expiry::Expiry;
use crate::store::Store;
use crate::tokens::Tokens;

/// The objects, and what the world gives.
pub struct State {
    /// The objects.
    pub store: Store,
    /// The kinds that are served.
    pub kinds: Kinds,
    /// Who gives Services their addresses, and out of which range.
    pub addresses: Addresses,
    /// Which addresses and ports Services have.
    pub allocations: Allocations,
    /// The tokens of ServiceAccounts.
    pub tokens: Tokens,
    /// The token of whoever has the kubeconfig, if there is a port.
    pub administrator: Option<Arc<str>>,
    /// When Events go.
    pub expiry: Expiry,
    /// What the answer to the current request warns of.
    pub warnings: Vec<String>,
    clock: Clock,
    randomness: StdRng,
}

impl State {
    /// Nothing at all.
    pub fn new(settings: &Settings) -> Self {
        Self {
            store: Store::new(settings.history),
            kinds: Kinds::default(),
            addresses: Addresses::default(),
            allocations: Allocations::default(),
            tokens: Tokens::default(),
            administrator: None,
            expiry: Expiry::default(),
            warnings: Vec::new(),
            clock: settings.clock.clone(),
            randomness: StdRng::seed_from_u64(settings.seed),
        }
    }

    /// The time.
    pub fn time(&self) -> Timestamp {
        (self.clock)()
    }

    /// The time, in whole seconds as the API writes it.
    pub fn now(&self) -> String {
        (self.clock)().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// The time, so many seconds on.
    pub fn in_seconds(&self, seconds: i64) -> String {
        let later = (self.clock)() + jiff::SignedDuration::from_secs(seconds);
        later.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// A new uid: a random UUID.
    pub fn uid(&mut self) -> String {
        let random: u128 = self.randomness.random();
        // Version 4, variant 1.
        let uuid = random & !(0xf000_u128 << 64) & !(0xc000_u128 << 48)
            | 0x4000_u128 << 64
            | 0x8000_u128 << 48;
        let hex = format!("{uuid:032x}");
        let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
        parts.map(|part| hex.get(part).unwrap_or("").to_owned()).join("-")
    }

    /// 256 bits that nobody can guess if nobody knows the seed.
    pub fn random(&mut self) -> [u128; 2] {
        [self.randomness.random(), self.randomness.random()]
    }

    /// The end of a generated name.
    pub fn suffix(&mut self) -> String {
        const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        let mut letter = || {
            let place = self.randomness.random_range(0..LETTERS.len());
            char::from(LETTERS.get(place).copied().unwrap_or(b'x'))
        };
        (0..5).map(|_| letter()).collect()
    }
}
