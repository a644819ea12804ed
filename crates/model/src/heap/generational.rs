//! Serial and Parallel: a young space of eden and two survivor spaces, and an old one, collected while the world stands still.
//!
//! Eden full: a young collection copies the survivors into the other survivor space, and promotes those that have survived
//! often enough and those that find no room. It is not tried where the old space may not take what a collection usually
//! promotes; then a full collection runs instead, which compacts the live bytes into the old space first and then into eden.
//! Once the live set has overflowed into eden (the heap is *crowded*), Serial allocates from the free survivor space and from the
//! rest of the old one too, and collects fully each time all of them are full.
//! Sources: HotSpot 17, `defNewGeneration.cpp`, `genCollectedHeap.cpp`, `psScavenge.cpp`, `psAdaptiveSizePolicy.cpp`.
//!
//! Deliberately not here: the sizes of single objects, and the dead wood that Serial puts up with in its dense prefix.

use super::adaptive::SizePolicy;
use super::average::PaddedAverage;
use super::contents::{Evacuation, MAXIMUM_AGE};
use super::core::Core;
use super::{OutOfMemory, Outcome};
use crate::blueprint::{self, Collector};
use crate::record::{CollectionCause, CollectionKind};
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

/// What it takes Serial to see that a young collection is not safe (measured, OpenJDK 17).
const REFUSED: Duration = Duration::from_micros(90);

/// `AdaptiveSizePolicyGCTimeLimitThreshold`: full collections in a row that must be over the limit before it throws.
const OVERHEAD_COLLECTIONS: u32 = 5;
/// `GCTimeLimit`, percent of the time.
const TIME_LIMIT_PERCENT: u64 = 98;
/// `GCHeapFreeLimit`, percent of the heap.
const FREE_LIMIT_PERCENT: u64 = 2;

/// Sizes and state of the generational collectors.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Generational {
    /// Parallel's sizes follow from what it sees; Serial's are fixed.
    adaptive: Option<SizePolicy>,
    overhead_limit: bool,
    young: u64,
    survivor: u64,
    old: u64,
    /// Bytes that have survived this often are promoted when they survive again.
    tenuring_age: usize,
    /// What young collections promote.
    promoted: PaddedAverage,
    /// The last full collection left live bytes in eden: the old space is full, or as good as that.
    crowded: bool,
    /// Full collections in a row that were over the overhead limit.
    over_limit: u32,
}

impl Generational {
    /// The old space; none at all with a ratio of 0, which makes the heap one space that is collected whole.
    pub(super) fn old_capacity(config: &blueprint::Heap) -> u64 {
        config.maximum - config.maximum / (u64::from(config.new_ratio) + 1)
    }

    pub(super) fn new(config: &blueprint::Heap, core: &mut Core) -> Self {
        let old = Self::old_capacity(config);
        let young = config.maximum - old;
        let adaptive = (config.collector == Collector::Parallel).then(|| SizePolicy::new(young, config.survivor_ratio));
        let survivor = match &adaptive {
            Some(sizes) => sizes.survivor(),
            None => young / (u64::from(config.survivor_ratio) + 2),
        };
        let mut generational = Self {
            tenuring_age: adaptive.as_ref().map_or(MAXIMUM_AGE, SizePolicy::tenuring_age),
            adaptive,
            overhead_limit: config.overhead_limit,
            young,
            survivor,
            old,
            promoted: PaddedAverage::new(10, 3),
            crowded: false,
            over_limit: 0,
        };
        generational.resize(survivor, core);
        generational.note_crowding(core);
        generational
    }

    pub(super) fn eden_capacity(&self) -> u64 {
        self.young - 2 * self.survivor
    }

    /// Live bytes with which the heap is full: all but one survivor space, and for Parallel but both.
    pub(super) fn usable(&self) -> u64 {
        self.eden_capacity() + self.old + if self.is_parallel() { 0 } else { self.survivor }
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
        if self.collect_young(core, now, out) {
            return Ok(());
        }
        let cause = if self.is_parallel() { CollectionCause::Ergonomics } else { CollectionCause::AllocationFailure };
        self.collect_fully(core, now, cause, out);
        if self.overhead_exceeded(core) {
            return Err(OutOfMemory { overhead_limit: true });
        }
        if left <= self.usable().saturating_sub(core.contents.live()) {
            return Ok(());
        }
        // Once more, to clear soft references, before giving up.
        self.collect_fully(core, now, CollectionCause::AllocationFailure, out);
        Err(OutOfMemory { overhead_limit: false })
    }

    /// Whether a young collection has made room.
    fn collect_young(&mut self, core: &mut Core, now: Time, out: &mut Outcome) -> bool {
        let before = core.contents.used();
        let free = self.old_free(core);
        if self.refuses(core, free) {
            if !self.is_parallel() && !self.crowded {
                core.note(CollectionKind::Young, CollectionCause::AllocationFailure, before, core.scaled(REFUSED), out);
            }
            return false;
        }
        let plan = core.contents.plan_evacuation(self.tenuring_age, self.survivor);
        let fits = plan.promoted <= free;
        let (start, pause) = (now.saturating_add(out.pause()), core.minor_pause(plan.survivors()));
        core.touch(before.saturating_add(plan.kept));
        if fits {
            core.contents.evacuate(&plan);
            core.tally.add_promoted(plan.promoted);
            self.promoted.sample(plan.promoted);
            self.adapt(core, &plan, start, pause);
        }
        core.note(CollectionKind::Young, CollectionCause::AllocationFailure, before, pause, out);
        // Parallel looks ahead: whether the next promotion would fit.
        fits && !(self.is_parallel() && self.promoted.padded() > self.old_free(core))
    }

    /// Whether the old space, `free` of which is, may not take what a young collection promotes.
    fn refuses(&self, core: &Core, free: u64) -> bool {
        let expected = self.promoted.padded().min(core.contents.young_used());
        if self.is_parallel() { expected >= free } else { self.crowded || expected > free }
    }

    /// Sizes and the tenuring age after a young collection.
    fn adapt(&mut self, core: &mut Core, plan: &Evacuation, start: Time, pause: Duration) {
        let mut survivor = self.survivor;
        if let Some(sizes) = &mut self.adaptive {
            sizes.young_collected(start, pause, plan);
            survivor = sizes.survivor().max(plan.kept);
            self.tenuring_age = sizes.tenuring_age();
        } else {
            self.tenuring_age = self.next_tenuring_age(core);
        }
        self.crowded = false;
        self.resize(survivor, core);
    }

    fn resize(&mut self, survivor: u64, core: &mut Core) {
        self.survivor = survivor;
        core.committed = self.young + self.old - survivor;
        core.eden_limit = self.eden_capacity();
    }

    /// Compacts. Marking, forwarding and adjusting are half of the variable cost, moving is the other half: live bytes of the
    /// dense prefix are spared it (Serial of OpenJDK 17: 38 ms with nothing to move, 60 ms with all of it).
    fn collect_fully(&mut self, core: &mut Core, now: Time, cause: CollectionCause, out: &mut Outcome) {
        let before = core.contents.used();
        let start = now.saturating_add(out.pause());
        let moved = core.contents.compact(self.old);
        let pause = core.major_pause((core.contents.live() + moved) / 2);
        core.note_full(cause, before, pause, out);
        if let Some(sizes) = &mut self.adaptive {
            sizes.fully_collected(start, pause);
        }
        self.note_crowding(core);
    }

    /// All that is in eden is live and found no room in the old space.
    fn note_crowding(&mut self, core: &mut Core) {
        self.crowded = core.contents.eden_used() > 0;
        core.eden_limit = self.eden_capacity() + if self.crowded && !self.is_parallel() { self.survivor } else { 0 };
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

    /// Whether over 98 % of the time goes into collections and under 2 % of the heap was free after each of the last five.
    fn overhead_exceeded(&mut self, core: &Core) -> bool {
        let Some(sizes) = &self.adaptive else { return false };
        let free = self.usable().saturating_sub(core.contents.used());
        let full = u128::from(free) * 100 < u128::from(self.usable()) * u128::from(FREE_LIMIT_PERCENT);
        self.over_limit = if full && sizes.costs_over(TIME_LIMIT_PERCENT) { self.over_limit + 1 } else { 0 };
        self.overhead_limit && self.over_limit >= OVERHEAD_COLLECTIONS
    }

    fn is_parallel(&self) -> bool {
        self.adaptive.is_some()
    }

    fn old_free(&self, core: &Core) -> u64 {
        self.old.saturating_sub(core.contents.old_used())
    }
}
