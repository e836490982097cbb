//! The order of things as kube-controller-manager writes them: it sorts by a hash of each thing as
//! Go's printer shows it with types. The hash is FNV-1a over 128 bits since 1.35
//! (kubernetes/kubernetes#133511); digests compare as big-endian bytes, which is the numeric order.

use std::fmt::{self, Write};

/// The hash of a text, without putting the text together.
pub fn go_hash(text: fmt::Arguments<'_>) -> u128 {
    let mut hash = Fnv(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
    // Hashing cannot fail.
    let _ = hash.write_fmt(text);
    hash.0
}

struct Fnv(u128);

impl Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
        self.0 =
            text.bytes().fold(self.0, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME));
        Ok(())
    }
}

/// What a pointer points to, or `<nil>`.
pub struct OrNil<'a>(pub Option<&'a str>);

impl fmt::Display for OrNil<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.unwrap_or("<nil>"))
    }
}
