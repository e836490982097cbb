//! Picks one of the free addresses of several windows, each with the same probability.

use std::ops::Range;

use rand_core::Rng;

use crate::band::Band;
use crate::draw::{below, below_wide};

/// How often to draw before counting. Draws all fail once in 2^64 times in windows half full.
const DRAWS: usize = 64;

/// A part of a band.
#[derive(Clone)]
pub(crate) struct Window<'a> {
    pub band: &'a Band,
    pub offsets: Range<u64>,
}

impl Window<'_> {
    fn size(&self) -> u128 {
        u128::from(self.offsets.end - self.offsets.start)
    }

    fn covers(&self, number: u128) -> bool {
        self.band.offset_of(number).is_some_and(|offset| self.offsets.contains(&offset))
    }

    fn free(&self) -> u128 {
        u128::from(self.band.free_in(&self.offsets))
    }
}

/// One of the free addresses of the windows, each with the same probability, or nothing if all
/// are used. Windows may overlap.
pub(crate) fn pick<'a>(
    windows: impl Iterator<Item = Window<'a>> + Clone,
    rng: &mut impl Rng,
) -> Option<u128> {
    let mut picked = pick_one(windows.clone(), rng)?;
    if windows.clone().nth(1).is_none() {
        return Some(picked);
    }
    for _ in 0..DRAWS {
        // What lies in two windows is picked twice as often, and so is taken every second time.
        match windows.clone().filter(|window| window.covers(picked)).count() as u64 {
            shared @ 2.. if below(shared, rng) > 0 => picked = pick_one(windows.clone(), rng)?,
            _ => break,
        }
    }
    Some(picked)
}

fn pick_one<'a>(
    windows: impl Iterator<Item = Window<'a>> + Clone,
    rng: &mut impl Rng,
) -> Option<u128> {
    let drawn = match windows.clone().any(|window| window.band.is_sparse()) {
        true => draw(windows.clone(), rng),
        false => None,
    };
    drawn.or_else(|| count(windows, rng))
}

/// Draws until an address is free, a bounded number of times.
fn draw<'a>(windows: impl Iterator<Item = Window<'a>> + Clone, rng: &mut impl Rng) -> Option<u128> {
    let sizes: u128 = windows.clone().map(|window| window.size()).sum();
    (0..DRAWS).find_map(|_| {
        let (window, nth) = locate(windows.clone(), Window::size, below_wide(sizes, rng))?;
        let offset = window.offsets.start + nth as u64;
        (!window.band.contains(offset)).then(|| window.band.number_at(offset))
    })
}

/// Counts what is free, and draws among that.
fn count<'a>(
    windows: impl Iterator<Item = Window<'a>> + Clone,
    rng: &mut impl Rng,
) -> Option<u128> {
    let window = match (windows.clone().next()?, windows.clone().nth(1)) {
        (only, None) => only,
        _ => {
            let free: u128 = windows.clone().map(|window| window.free()).sum();
            let nth = (free > 0).then(|| below_wide(free, rng))?;
            locate(windows, Window::free, nth)?.0
        }
    };
    let offset = window.band.pick(&window.offsets, rng)?;
    Some(window.band.number_at(offset))
}

/// The window in which the n-th of all that is measured lies, and which one it is there.
fn locate<'a>(
    mut windows: impl Iterator<Item = Window<'a>>,
    measure: impl Fn(&Window<'a>) -> u128,
    mut nth: u128,
) -> Option<(Window<'a>, u128)> {
    windows.find_map(|window| match nth.checked_sub(measure(&window)) {
        None => Some((window, nth)),
        Some(rest) => {
            nth = rest;
            None
        }
    })
}
