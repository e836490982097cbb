//! A uniform number below a bound.

use rand_core::Rng;

/// A number below `bound`, each with exactly the same probability (Lemire 2019, "Fast random
/// integer generation in an interval"). The bound must not be zero.
pub(crate) fn below(bound: u64, rng: &mut impl Rng) -> u64 {
    loop {
        let product = u128::from(rng.next_u64()) * u128::from(bound);
        let low = product as u64;
        // Of the 2^64 draws the first 2^64 mod bound would make some results more likely.
        if low >= bound || low >= bound.wrapping_neg() % bound {
            return (product >> 64) as u64;
        }
    }
}

/// As [`below`], for bounds that several IPv6 ranges together can have.
pub(crate) fn below_wide(bound: u128, rng: &mut impl Rng) -> u128 {
    if let Ok(bound) = u64::try_from(bound) {
        return u128::from(below(bound, rng));
    }
    let mask = u128::MAX >> (bound - 1).leading_zeros();
    loop {
        let drawn = (u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64())) & mask;
        if drawn < bound {
            return drawn;
        }
    }
}
