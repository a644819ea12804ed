//! Collections that fall together in one allocation, all at once.
//!
//! A small threshold and a large allocation lead to collections by the million. Between them nothing happens but more of the same,
//! so what they come to follows from how many there are: so many of generation 0, one of generation 1, and again, until all of it is
//! due. That grows by a quarter from one time to the next, so the steps here are few however many collections they stand for.

use super::{CPythonHeap, LONG_LIVED_PENDING_DIVISOR};
use crate::heap::Outcome;

impl CPythonHeap {
    /// Plays collections of generations 0 and 1 while nothing else is due, as an allocation of more than there is room for leads
    /// to. Gives the bytes of it that they made room for: none where the next collection is one of its own kind.
    pub(super) fn collect_many(&mut self, bytes: u64, outcome: &mut Outcome) -> u64 {
        let filled = Self::threshold(&self.config);
        if self.room != filled || self.generations[0] != 0 || self.due_generation() == 2 {
            return 0;
        }
        let collections = (bytes - 1) / filled;
        let turn = u64::from(self.config.thresholds[1]) + 1;
        let taken = match turn.checked_sub(u64::from(self.counts[0])) {
            // A turn of generation 0, and one collection of generation 1.
            Some(young) if young == turn && self.generations[1] == 0 && collections > turn => {
                let turns = (collections / (turn + 1)).min(self.turns_to_full(filled, turn + 1));
                let objects = (turn + 1) * filled / self.config.object_bytes;
                self.tell(0, turns * turn, self.pause(filled / self.config.object_bytes), outcome);
                self.tell(1, turns, self.pause(objects), outcome);
                self.generations[2] += turns * (turn + 1) * filled;
                self.counts[1] = u32::try_from(u64::from(self.counts[1]) + turns).unwrap_or(u32::MAX);
                self.long_lived_pending += turns * objects;
                turns * (turn + 1) * filled
            }
            Some(young) if young > 0 => {
                let young = young.min(collections);
                self.tell(0, young, self.pause(filled / self.config.object_bytes), outcome);
                self.generations[1] += young * filled;
                self.counts[0] = u32::try_from(u64::from(self.counts[0]) + young).unwrap_or(u32::MAX);
                young * filled
            }
            _ => 0,
        };
        self.live += taken;
        self.peak = self.peak.max(self.live);
        taken
    }

    /// Collections of generation 1 until one of everything is due, each after so many collections.
    fn turns_to_full(&self, filled: u64, collections: u64) -> u64 {
        let objects = (collections * filled / self.config.object_bytes).max(1);
        let counted = (u64::from(self.config.thresholds[2]) + 1).saturating_sub(u64::from(self.counts[1]));
        let enough = self.long_lived_total / LONG_LIVED_PENDING_DIVISOR;
        let pending = match enough.checked_sub(self.long_lived_pending) {
            Some(missing) => missing / objects + 1,
            None => 0,
        };
        counted.max(pending)
    }
}
