//! One slot for each key, and the order in which the keys of a key space expire.
//!
//! All keys of a space have the same time to live, so the order in which they were set is the order in which they expire: a
//! chain through the slots, to whose end a key goes when it is set. Nothing is sorted, and nothing grows.

use knockon_kernel::Time;
use serde::{Deserialize, Serialize};

/// No position.
pub(super) const NONE: u32 = u32::MAX;

/// What is known of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Slot {
    /// The last instant at which it can be read; `Time::MAX` never expires.
    pub(super) expires: Time,
    /// When it was read or set last, in ticks.
    pub(super) clock: u32,
    /// Its place in the list of present keys; [`NONE`] while it is absent.
    pub(super) place: u32,
    /// Neighbours in the chain.
    earlier: u32,
    later: u32,
}

impl Slot {
    pub(super) const ABSENT: Self = Self { expires: Time::ZERO, clock: 0, place: NONE, earlier: NONE, later: NONE };

    #[inline]
    pub(super) fn is_present(&self) -> bool {
        self.place != NONE
    }

    /// Present, and not expired.
    #[inline]
    pub(super) fn is_alive(&self, now: Time) -> bool {
        self.is_present() && now <= self.expires
    }
}

/// Keys in the order in which they expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Chain {
    earliest: u32,
    latest: u32,
}

impl Default for Chain {
    fn default() -> Self {
        Self { earliest: NONE, latest: NONE }
    }
}

impl Chain {
    /// The key that expires first.
    #[inline]
    pub(super) fn earliest(&self) -> Option<u32> {
        (self.earliest != NONE).then_some(self.earliest)
    }

    /// The keys, the one that expires first at the start.
    pub(super) fn keys<'a>(&self, slots: &'a [Slot]) -> impl Iterator<Item = &'a Slot> {
        let slot = |at: u32| slots.get(at as usize);
        std::iter::successors(slot(self.earliest), move |key| slot(key.later))
    }

    /// Adds a key that expires last.
    pub(super) fn append(&mut self, slots: &mut [Slot], at: u32) {
        debug_assert!(
            self.latest == NONE || slots[self.latest as usize].expires <= slots[at as usize].expires,
            "keys are set in the order in which they expire"
        );
        slots[at as usize].earlier = self.latest;
        slots[at as usize].later = NONE;
        match self.latest {
            NONE => self.earliest = at,
            latest => slots[latest as usize].later = at,
        }
        self.latest = at;
    }

    /// Takes a key out.
    pub(super) fn unlink(&mut self, slots: &mut [Slot], at: u32) {
        let Slot { earlier, later, .. } = slots[at as usize];
        match earlier {
            NONE => self.earliest = later,
            earlier => slots[earlier as usize].later = later,
        }
        match later {
            NONE => self.latest = earlier,
            later => slots[later as usize].earlier = earlier,
        }
    }
}
