//! Maps by address: traces, spans and log lines are named by hashes of their draw addresses, so a map need not hash them again.
//!
//! Nothing of a result depends on the order of such a map: what is taken out of one is only counted, or sorted.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map whose keys are hashes.
pub(super) type ByAddress<K, V> = HashMap<K, V, BuildHasherDefault<Folded>>;

/// Folds what is hashed already.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Folded(u64);

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = self.0.rotate_left(29) ^ word;
    }

    fn write_u128(&mut self, word: u128) {
        self.write_u64(word as u64);
        self.write_u64((word >> 64) as u64);
    }
}
