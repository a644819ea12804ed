//! Addresses of random draws: a [`Key`] is mixed from names and numbers, and yields a uniform or a [`Stream`].
//!
//! A draw depends on its address alone, never on how many draws came before it, so taking one away or adding one leaves all
//! others as they were. The path of a request or the name of a component is mixed in part by part, each in about a nanosecond;
//! [`Purpose`] tells apart the draws that one owner makes.

use crate::stream::Stream;
use serde::{Deserialize, Serialize};

/// What a draw is for. Numbers are given explicitly and only ever added, since they are part of every draw's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Purpose(pub u16);

/// The address of a draw, as a 64-bit hash of the path that leads to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(u64);

/// 2^64 divided by the golden ratio, odd: neighbouring numbers are spread far apart.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
/// Keeps purposes apart from numbers mixed in with [`Key::with`].
const PURPOSE: u64 = 0x5851_f42d_4c95_7f2d;
/// Keeps names apart from numbers.
const NAME: u64 = 0x2545_f491_4f6c_dd1d;

impl Key {
    /// The root of all addresses of a run.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(scramble(seed ^ GOLDEN))
    }

    /// The address below this one that is called `name`. Costs a step per byte: for loading, not for running.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        let bytes = name.as_bytes();
        let mut key = Self(self.0 ^ NAME).with(bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            key = key.with(u64::from_le_bytes(word));
        }
        Self(scramble(key.0))
    }

    /// The address below this one that is numbered `n`. Different numbers under one key never give the same key.
    #[inline]
    #[must_use]
    pub const fn with(self, n: u64) -> Self {
        // One round of a multiply-xorshift hash; the product of `n` is off the chain that goes through the key.
        let mixed = self.0.wrapping_add(n.wrapping_mul(GOLDEN));
        let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        Self(mixed ^ (mixed >> 32))
    }

    /// The address of the draws that the owner of this one makes for `purpose`.
    #[inline]
    #[must_use]
    pub const fn purpose(self, purpose: Purpose) -> Self {
        Self(self.0 ^ PURPOSE).with(purpose.0 as u64)
    }

    /// The raw address, for digests and identifiers. Not a random number: use [`Key::unit`] or [`Key::stream`].
    #[inline]
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// A generator of its own for this address, for variates that need any number of uniforms.
    #[inline]
    #[must_use]
    pub fn stream(self) -> Stream {
        Stream::new(self.0, scramble(self.0))
    }

    /// One uniform in [0, 1) with 53 random bits.
    #[inline]
    #[must_use]
    pub const fn unit(self) -> f64 {
        (scramble(self.0 ^ NAME) >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }
}

/// A bijection in which each bit of the input flips each bit of the output with probability one half
/// (Stafford's variant 13, "Better bit mixing", 2011, as in SplitMix64).
#[inline]
pub(crate) const fn scramble(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests;
