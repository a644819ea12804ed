//! What came of a component in a contrast.

use knockon_kernel::Time;
use std::collections::VecDeque;

/// Blocks for which a component counts as affected: the one in which it was, and the next.
const AFFECTED_BLOCKS: u32 = 2;

/// Intervals that are kept: blocks that are further back than this many have been labelled long since.
const INTERVALS: usize = 64;

/// What came of a component so far.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// When it was first affected.
    pub onset: Option<Time>,
    /// End of the last window in which it was.
    pub last: Option<Time>,
    /// Whether any number of it that decides was worse.
    pub hurt: bool,
    /// End of the last window in which one was.
    pub last_hurt: Option<Time>,
    /// Blocks for which it still counts as affected.
    affected_for: u32,
    /// When it counted as affected, as far back as anybody asks.
    affected: VecDeque<(Time, Time)>,
}

impl Reach {
    /// A block has passed.
    pub(super) fn pass_block(&mut self) {
        self.affected_for = self.affected_for.saturating_sub(1);
    }

    /// One of its numbers is beyond chance, in a row that began at `onset`.
    pub(super) fn strike(&mut self, onset: Time) {
        self.affected_for = AFFECTED_BLOCKS;
        self.onset = Some(self.onset.map_or(onset, |known| known.min(onset)));
    }

    /// Whether it counts as affected in the open block.
    pub(super) fn is_affected(&self) -> bool {
        self.affected_for > 0
    }

    /// Whether it counted as affected at an instant, not too long ago.
    pub(super) fn was_affected(&self, at: Time) -> bool {
        self.affected.iter().any(|&(from, until)| from < at && at <= until)
    }

    /// It counts as affected from one instant to another.
    pub(super) fn note(&mut self, from: Time, until: Time) {
        match self.affected.back_mut() {
            Some(last) if last.1 >= from => last.1 = until,
            _ => self.affected.push_back((from, until)),
        }
        while self.affected.len() > INTERVALS {
            self.affected.pop_front();
        }
    }

    /// One of its numbers is labelled in the window that ends here.
    pub(super) fn label(&mut self, end: Time, hurt: bool) {
        self.last = self.last.max(Some(end));
        if hurt {
            self.hurt = true;
            self.last_hurt = self.last_hurt.max(Some(end));
        }
    }
}
