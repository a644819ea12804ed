//! The accounts of a process rest while nobody waits for anything of it: who holds what does not matter then.
//!
//! Most of the time nobody waits, so most of what frames do need not be booked. What changed is noted, frame by frame, and looked at when
//! somebody begins to wait; as standings are functions of what the world is, nothing of the time between is needed. The processor's account
//! never rests: jobs make each other slower most of the time.

use serde::{Deserialize, Serialize};

/// Whether the accounts of a process rest, and which frames changed meanwhile.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Rest {
    rests: bool,
    /// Slots to look at afterwards, a bit each.
    changed: Vec<u64>,
}

impl Rest {
    #[inline]
    pub(crate) fn is_resting(&self) -> bool {
        self.rests
    }

    /// Begins to rest; false where it does already.
    pub(crate) fn begin(&mut self) -> bool {
        !std::mem::replace(&mut self.rests, true)
    }

    /// A frame changed, which is all that is to be known of it for now.
    #[inline]
    pub(crate) fn note(&mut self, slot: u32) {
        let word = (slot / u64::BITS) as usize;
        let bit = 1 << (slot % u64::BITS);
        match self.changed.get_mut(word) {
            Some(word) => *word |= bit,
            None => self.grow(word, bit),
        }
    }

    #[cold]
    fn grow(&mut self, word: usize, bits: u64) {
        self.changed.resize(word + 1, 0);
        self.changed[word] = bits;
    }

    /// Ends the rest, if it is one. The slots that changed meanwhile come in order.
    pub(crate) fn end(&mut self, mut changed: impl FnMut(u32)) -> bool {
        if !std::mem::replace(&mut self.rests, false) {
            return false;
        }
        for (base, word) in (0..).step_by(u64::BITS as usize).zip(&mut self.changed) {
            let mut left = std::mem::take(word);
            while left != 0 {
                changed(base + left.trailing_zeros());
                left &= left - 1;
            }
        }
        true
    }
}
