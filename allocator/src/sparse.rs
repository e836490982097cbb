//! Used offsets as a set, for lengths of which only a small part can ever be used: an IPv6 /64.

use std::collections::HashSet;
use std::ops::Range;

use foldhash::fast::RandomState;
use rand_core::Rng;

use crate::draw::below;

/// Which of the offsets below a length are used.
#[derive(Clone, Debug)]
pub struct Sparse {
    len: u64,
    /// The used offsets, all below `len`.
    used: HashSet<u64, RandomState>,
}

impl Sparse {
    /// A set of offsets below `len`, none of them used.
    pub fn new(len: u64) -> Self {
        Sparse { len, used: HashSet::default() }
    }

    /// How many offsets are free.
    pub fn free(&self) -> u64 {
        self.len - self.used.len() as u64
    }

    /// How many offsets of a window are free. Takes time in proportion to the window or to what
    /// is used, whichever is less, unless the window is all.
    pub fn free_in(&self, window: &Range<u64>) -> u64 {
        match *window == (0..self.len) {
            true => self.free(),
            false => window.end - window.start - self.used_in(window).len() as u64,
        }
    }

    /// Whether an offset is used.
    pub fn contains(&self, offset: u64) -> bool {
        self.used.contains(&offset)
    }

    /// Marks an offset as used; `false` if it was already.
    pub fn insert(&mut self, offset: u64) -> bool {
        assert!(offset < self.len);
        self.used.insert(offset)
    }

    /// Marks an offset as free; `false` if it was already.
    pub fn remove(&mut self, offset: u64) -> bool {
        self.used.remove(&offset)
    }

    /// One of the free offsets of a window, each with the same probability. As dear as
    /// [`Sparse::free_in`]; to draw until one is free comes first, in `pick`.
    pub fn pick(&self, window: &Range<u64>, rng: &mut impl Rng) -> Option<u64> {
        let used = self.used_in(window);
        let free = window.end - window.start - used.len() as u64;
        let mut picked = window.start + (free > 0).then(|| below(free, rng))?;
        for offset in used {
            if offset > picked {
                break;
            }
            picked += 1;
        }
        Some(picked)
    }

    /// The used offsets, in no order.
    pub fn iter(&self) -> impl Iterator<Item = u64> + '_ {
        self.used.iter().copied()
    }

    /// The used offsets of a window, in order.
    fn used_in(&self, window: &Range<u64>) -> Vec<u64> {
        if window.end - window.start < self.used.len() as u64 {
            return window.clone().filter(|offset| self.contains(*offset)).collect();
        }
        let mut used: Vec<u64> = self.iter().filter(|offset| window.contains(offset)).collect();
        used.sort_unstable();
        used
    }

    /// Says what is wrong with the structure, if anything. For tests.
    pub fn check(&self) {
        assert!(self.used.iter().all(|offset| *offset < self.len), "offsets are below the length");
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn a_window_is_used_up_to_the_last_offset() {
        let mut set = Sparse::new(u64::MAX);
        set.insert(3);
        set.insert(u64::MAX - 1);
        let mut rng = StdRng::seed_from_u64(1);
        let window = 100..117;
        for left in (1..=17).rev() {
            assert_eq!(set.free_in(&window), left);
            let offset = set.pick(&window, &mut rng).unwrap();
            assert!(window.contains(&offset) && set.insert(offset));
        }
        assert_eq!(set.pick(&window, &mut rng), None);
    }
}
