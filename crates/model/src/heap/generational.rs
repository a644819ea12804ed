//! Serial and Parallel: a young space of eden and two survivor spaces, and an old one, collected while the world stands still.
//!
//! Eden full: a young collection copies the survivors into the other survivor space, and promotes those that have survived
//! often enough and those that find no room. It is not tried where the old space may not take what a collection usually
//! promotes; then a full collection runs instead, which compacts the live bytes into the old space first and then into eden.
//! Once the live set has overflowed into eden (the heap is *crowded*), Serial allocates from the free survivor space and from the
//! rest of the old one too, and collects fully each time all of them are full.
//! Sources: HotSpot 17, `defNewGeneration.cpp`, `genCollectedHeap.cpp`, `psScavenge.cpp`, `psAdaptiveSizePolicy.cpp`.
//!
//! Deliberately not here: a full collection that has ever less to move near the end (its dense prefix), and, for Parallel,
//! an eden smaller than its space.

use super::average::PaddedAverage;
use super::contents::MAXIMUM_AGE;
use super::core::Core;
use super::{OutOfMemory, Outcome};
use crate::blueprint::{self, Collector};
use crate::record::{CollectionCause, CollectionKind};
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

/// What it takes Serial to see that a young collection is not safe (measured, OpenJDK 17).
const REFUSED: Duration = Duration::from_micros(90);

/// Full collections in a row that must be over the limit before the overhead limit throws.
const OVERHEAD_COLLECTIONS: u32 = 5;

/// Sizes and state of the generational collectors.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Generational {
    parallel: bool,
    overhead_limit: bool,
    eden: u64,
    survivor: u64,
    old: u64,
    /// Bytes that have survived this often are promoted when they survive again.
    tenuring_age: usize,
    /// What young collections promote.
    promoted: PaddedAverage,
    /// The last full collection left live bytes in eden: the old space is full, or as good as that.
    crowded: bool,
    overhead: Overhead,
}

/// How far the collector is on its way to `GC overhead limit exceeded`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Overhead {
    in_a_row: u32,
    last_end: Time,
    paused_then: Duration,
}

impl Generational {
    pub(super) fn new(config: &blueprint::Heap, core: &mut Core) -> Self {
        let young = config.maximum / (u64::from(config.new_ratio) + 1);
        let survivor = young / (u64::from(config.survivor_ratio) + 2);
        let eden = young - 2 * survivor;
        core.eden_limit = eden;
        core.committed = config.maximum - survivor;
        Self {
            parallel: config.collector == Collector::Parallel,
            overhead_limit: config.overhead_limit,
            eden,
            survivor,
            old: config.maximum - young,
            tenuring_age: MAXIMUM_AGE,
            promoted: PaddedAverage::new(10, 3),
            crowded: false,
            overhead: Overhead::default(),
        }
    }

    pub(super) fn eden_capacity(&self) -> u64 {
        self.eden
    }

    /// Live bytes with which the heap is full: all but one survivor space, and for Parallel but both.
    pub(super) fn usable(&self) -> u64 {
        self.eden + self.old + if self.parallel { 0 } else { self.survivor }
    }

    /// Bytes that the old space gives to allocations that eden cannot take.
    pub(super) fn old_room(&self, core: &Core) -> u64 {
        if self.crowded { self.old_free(core) } else { 0 }
    }

    /// Eden is full and `left` bytes wait for room: collects, young if that is safe, fully if not.
    pub(super) fn make_room(
        &mut self,
        core: &mut Core,
        now: Time,
        left: u64,
        out: &mut Outcome,
    ) -> Result<(), OutOfMemory> {
        if self.collect_young(core, out) {
            return Ok(());
        }
        let cause = if self.parallel { CollectionCause::Ergonomics } else { CollectionCause::AllocationFailure };
        self.collect_fully(core, cause, out);
        if self.overhead_exceeded(core, now, out) {
            return Err(OutOfMemory { overhead_limit: true });
        }
        if left <= self.usable().saturating_sub(core.contents.live()) {
            return Ok(());
        }
        // Once more, to clear soft references, before giving up.
        self.collect_fully(core, CollectionCause::AllocationFailure, out);
        Err(OutOfMemory { overhead_limit: false })
    }

    /// Whether a young collection has made room.
    fn collect_young(&mut self, core: &mut Core, out: &mut Outcome) -> bool {
        let before = core.contents.used();
        let cause = CollectionCause::AllocationFailure;
        let free = self.old_free(core);
        if self.crowded && !self.parallel {
            return false;
        }
        let expected = self.promoted.padded().min(core.contents.young_used());
        if expected > free || (self.parallel && expected == free) {
            if !self.parallel {
                core.note(CollectionKind::Young, cause, before, core.scaled(REFUSED), out);
            }
            return false;
        }
        let plan = core.contents.plan_evacuation(self.tenuring_age, self.survivor);
        core.touch(before.saturating_add(plan.kept));
        let pause = core.minor_pause(plan.survivors());
        if plan.promoted > free {
            core.note(CollectionKind::Young, cause, before, pause, out);
            return false;
        }
        core.contents.evacuate(&plan);
        core.tally.add_promoted(plan.promoted);
        core.note(CollectionKind::Young, cause, before, pause, out);
        self.promoted.sample(plan.promoted);
        self.tenuring_age = self.next_tenuring_age(core);
        core.eden_limit = self.eden;
        self.crowded = false;
        // Parallel looks ahead: the next promotion would not fit.
        !(self.parallel && self.promoted.padded() > self.old_free(core))
    }

    /// Compacts. Marking, forwarding and adjusting are half of the variable cost, moving is the other half: live bytes of the
    /// dense prefix are spared it (Serial of OpenJDK 17: 38 ms with nothing to move, 60 ms with all of it).
    fn collect_fully(&mut self, core: &mut Core, cause: CollectionCause, out: &mut Outcome) {
        let before = core.contents.used();
        let moved = core.contents.compact(self.old);
        let pause = core.major_pause((core.contents.live() + moved) / 2);
        core.note_full(cause, before, pause, out);
        let young = core.contents.eden_used();
        // All that is left in eden is live and found no room in the old space.
        self.crowded = young > 0;
        core.eden_limit = self.eden + if self.crowded && !self.parallel { self.survivor } else { 0 };
    }

    /// The youngest age at which the survivors so far fill more than half of the survivor space (`TargetSurvivorRatio`).
    fn next_tenuring_age(&self, core: &Core) -> usize {
        let mut total = 0;
        for age in 1..=MAXIMUM_AGE {
            total += core.contents.live_of_age(age);
            if total > self.survivor / 2 {
                return age;
            }
        }
        MAXIMUM_AGE
    }

    /// Whether over 98 % of the time went into collections and under 2 % of the heap was free after each of the last five.
    fn overhead_exceeded(&mut self, core: &Core, now: Time, out: &Outcome) -> bool {
        let end = now.saturating_add(out.pause());
        let elapsed = end.saturating_sub(self.overhead.last_end).as_nanos();
        let paused = core.tally.paused().saturating_sub(self.overhead.paused_then).as_nanos();
        let free = self.usable().saturating_sub(core.contents.used());
        let busy = u128::from(paused) * 100 > u128::from(elapsed) * 98;
        let full = u128::from(free) * 100 < u128::from(self.usable()) * 2;
        self.overhead.in_a_row = if busy && full { self.overhead.in_a_row + 1 } else { 0 };
        self.overhead.last_end = end;
        self.overhead.paused_then = core.tally.paused();
        self.parallel && self.overhead_limit && self.overhead.in_a_row >= OVERHEAD_COLLECTIONS
    }

    fn old_free(&self, core: &Core) -> u64 {
        self.old.saturating_sub(core.contents.old_used())
    }
}
