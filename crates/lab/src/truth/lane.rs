//! A world beside the fact: without some of the faults, or with its components' phases redrawn as well.

use super::edge::Edge;
use super::side::Side;
use super::system::System;
use super::tally::Tally;
use knockon_kernel::Time;
use knockon_model::id::FaultId;
use knockon_model::{Stop, World};
use std::sync::atomic::{AtomicBool, Ordering};

/// Which world: the faults that are set aside in it, in order, and whether it is a placebo.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) struct Key {
    pub(super) aside: Vec<FaultId>,
    pub(super) placebo: bool,
}

impl Key {
    pub(super) fn without(faults: impl IntoIterator<Item = FaultId>) -> Self {
        let mut aside: Vec<_> = faults.into_iter().collect();
        aside.sort_unstable();
        Self { aside, placebo: false }
    }

    /// The placebo of this world.
    pub(super) fn placebo(self) -> Self {
        Self { placebo: true, ..self }
    }

    /// The world that this one is forked from when a fault comes.
    pub(super) fn parent(&self, fault: FaultId) -> Self {
        let aside = self.aside.iter().copied().filter(|&aside| aside != fault).collect();
        Self { aside, placebo: self.placebo }
    }
}

/// Pieces of a window between which a world looks whether it is still wanted.
const PIECES: u64 = 16;

/// A world beside the fact, and what is read of it.
#[derive(Clone, Debug)]
pub(super) struct Lane<const O: bool> {
    pub(super) world: Box<World>,
    pub(super) tally: Tally<O>,
    pub(super) side: Side,
    /// How often its phases have been redrawn; `None` where they are as they are.
    pub(super) redrawn: Option<u64>,
    /// The limit that it has hit: it goes on no further.
    pub(super) stopped: Option<Stop>,
    /// Values of all metrics in the windows of the block.
    pub(super) windows: Vec<Vec<f64>>,
}

impl<const O: bool> Lane<O> {
    /// Goes on to the end of a block, and closes its windows; or to an instant before that, where there is no edge.
    pub(super) fn run(&mut self, system: &System, edges: &[Time], until: Time, unwanted: &AtomicBool) {
        let mut read = Vec::with_capacity(edges.len());
        for &edge in edges {
            self.run_until(edge, unwanted);
            read.push((edge, Edge::of(&mut self.world)));
            self.redraw();
        }
        self.run_until(until, unwanted);
        if !edges.is_empty() {
            self.windows = self.side.close(system, &read, &self.tally);
        }
    }

    /// Redraws the phases of a placebo: at every window anew, since all windows of one draw tell of that draw only, and bands are to be
    /// those of many.
    pub(super) fn redraw(&mut self) {
        if let Some(redrawn) = &mut self.redrawn {
            *redrawn += 1;
            self.world.redraw_phases(*redrawn);
        }
    }

    fn run_until(&mut self, until: Time, unwanted: &AtomicBool) {
        let from = self.world.time();
        let piece = ((until.as_nanos().saturating_sub(from.as_nanos())) / PIECES).max(1);
        let mut reached = from.as_nanos();
        while reached < until.as_nanos() && self.stopped.is_none() && !unwanted.load(Ordering::Relaxed) {
            reached = reached.saturating_add(piece).min(until.as_nanos());
            self.stopped = self.world.run_until(Time::from_nanos(reached), &mut self.tally).err();
        }
        if until == Time::ZERO {
            self.stopped = self.world.run_until(until, &mut self.tally).err();
        }
    }
}
