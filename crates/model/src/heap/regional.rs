//! G1: a young space that grows and shrinks with what is free, concurrent marking, mixed collections, and a full one at need.
//!
//! Phases: *idle* → (old space over the initiating occupancy at the end of a young collection) → *initiating*: the next young
//! collection is the concurrent start → *marking*, beside the application → remark → *prepared*: one more young collection, of
//! the smallest size → *mixed*: young collections that take the marked garbage of the old space along, until no more than the
//! permitted waste is left → idle. A full collection ends any phase.
//!
//! Eden takes what will leave room to copy its expected survivors outside of a reserve, meets the pause target, and lies
//! between 5 % and 60 % of the heap with the survivors; near the end it is what can be evacuated at all.
//! Sources: HotSpot 17, `g1Policy.cpp` (`will_fit`, `calculate_young_target_length`), `g1_globals.hpp`.
//!
//! Deliberately not here: regions (garbage lies together or scattered, see `batches`; reclaiming it copies nothing), humongous
//! objects, an adaptive initiating occupancy.

use super::average::PaddedAverage;
use super::contents::{MAXIMUM_AGE, OldGarbage};
use super::core::{Core, cost};
use super::{ConcurrentMark, MIB, OutOfMemory, Outcome};
use crate::blueprint;
use crate::record::{CollectionCause, CollectionKind};
use knockon_kernel::Duration;
use serde::{Deserialize, Serialize};

/// `G1NewSizePercent` and `G1MaxNewSizePercent`: the young space's bounds.
const YOUNG_PERCENT: [u64; 2] = [5, 60];
/// `G1ReservePercent`: kept free for copying.
const RESERVE_PERCENT: u64 = 10;
/// `G1HeapWastePercent`: garbage that is not worth a mixed collection.
const WASTE_PERCENT: u64 = 5;
/// Room to copy, in tenths of what is expected to survive: 100 / `G1ConfidencePercent` · (1 + `TargetPLABWastePct`).
const COPY_ROOM_TENTHS: u64 = 22;
/// Survivor space, as a part of the young one.
const YOUNG_PER_SURVIVOR: u64 = 8;
/// All of eden, in the unit of the survival rate.
const PERMILLE: u64 = 1000;

/// Sizes and state of G1.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Regional {
    maximum: u64,
    region: u64,
    initiating_occupancy: u64,
    pause_target: Duration,
    milli_cores: u32,
    mark_bytes_per_second: u64,
    phase: Phase,
    /// Marks that a full collection has overtaken, and whose end is still to be told.
    overtaken: u32,
    /// Part of eden that survives, permille.
    survival: PaddedAverage,
    tenuring_age: usize,
    /// Size of the young space, eden and survivors.
    young: u64,
}

/// Where G1 is between finding the heap half full and having cleaned it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    Idle,
    Initiating,
    /// Garbage that was there when marking began will be found.
    Marking(OldGarbage),
    Prepared(OldGarbage),
    Mixed(OldGarbage),
}

impl Regional {
    pub(super) fn new(config: &blueprint::Heap, core: &mut Core) -> Self {
        // 2048 regions if they can be of 1 to 32 MiB, a power of two.
        let region = (config.maximum / 2048).clamp(MIB, 32 * MIB).next_power_of_two().min(config.maximum);
        let mut regional = Self {
            maximum: config.maximum,
            region,
            initiating_occupancy: percent(config.maximum, u64::from(config.initiating_occupancy_percent)),
            pause_target: config.pause_target,
            milli_cores: config.concurrent_milli_cores,
            mark_bytes_per_second: config.mark_bytes_per_second.max(1),
            phase: Phase::Idle,
            overtaken: 0,
            survival: PaddedAverage::new(30, 1),
            tenuring_age: MAXIMUM_AGE,
            young: 0,
        };
        // Until it is measured all of eden is expected to survive.
        regional.survival.sample(PERMILLE);
        regional.size_young(core);
        regional
    }

    /// Live bytes with which the heap is full: compaction and allocation each leave a region in part.
    pub(super) fn usable(&self) -> u64 {
        self.maximum.saturating_sub(2 * self.region)
    }

    /// Eden is full and `left` bytes wait for room.
    pub(super) fn make_room(&mut self, core: &mut Core, left: u64, out: &mut Outcome) -> Result<(), OutOfMemory> {
        self.collect_young(core, out);
        if core.eden_room() >= left.min(self.region) {
            return Ok(());
        }
        self.collect_fully(core, out);
        let free = self.usable().saturating_sub(core.contents.live());
        if left <= free {
            // The allocation that was waited for is served first, whatever the young space's size.
            core.eden_limit = core.eden_limit.max(core.contents.eden_used() + left);
            return Ok(());
        }
        self.collect_fully(core, out);
        Err(OutOfMemory { overhead_limit: false })
    }

    /// Concurrent marking has come to its end: the remark pause, and mixed collections if there is enough garbage.
    pub(super) fn mark_finished(&mut self, core: &mut Core, out: &mut Outcome) {
        if self.overtaken > 0 {
            self.overtaken -= 1;
            return;
        }
        let Phase::Marking(found) = self.phase else { return };
        let before = core.contents.used();
        core.contents.reclaim_old(OldGarbage { scattered: 0, ..found });
        let pause = core.scaled(Duration::from_nanos(core.minor.base.as_nanos() / 2));
        core.note(CollectionKind::Remark, CollectionCause::EvacuationPause, before, pause, out);
        // The regions with the least garbage are no candidates, up to the waste that is put up with.
        let scattered = found.scattered.saturating_sub(percent(self.maximum, WASTE_PERCENT));
        self.phase = if scattered > 0 { Phase::Prepared(OldGarbage { scattered, together: 0 }) } else { Phase::Idle };
        self.size_young(core);
    }

    /// A young collection of the kind that the phase asks for. Survivors that find no room stay where they lie, and with them the
    /// garbage of their regions: these are old regions from then on.
    fn collect_young(&mut self, core: &mut Core, out: &mut Outcome) {
        let before = core.contents.used();
        let (eden, young) = (core.contents.eden_used(), core.contents.young_used());
        let fresh = core.contents.live_of_age(0);
        let free = self.usable().saturating_sub(before);
        let kind = match self.phase {
            Phase::Initiating => CollectionKind::ConcurrentStart,
            Phase::Mixed(_) => CollectionKind::Mixed,
            _ => CollectionKind::Young,
        };
        let mut plan = core.contents.plan_evacuation(self.tenuring_age, self.young / YOUNG_PER_SURVIVOR);
        let survivors = plan.survivors();
        core.touch(before.saturating_add(survivors.min(free)));
        let mut kept_garbage = 0;
        if survivors > free {
            plan = core.contents.plan_evacuation(0, 0);
            kept_garbage = share_of(young - survivors, survivors - free, survivors);
        }
        core.contents.evacuate(&plan);
        core.contents.add_old_garbage(kept_garbage);
        core.tally.add_promoted(plan.promoted);
        if eden > 0 {
            self.survival.sample(share_of(fresh, PERMILLE, eden));
        }
        self.tenuring_age = self.next_tenuring_age(core);
        self.advance(core, out);
        core.note(kind, CollectionCause::EvacuationPause, before, core.minor_pause(survivors), out);
        self.size_young(core);
    }

    /// The phase after a young collection.
    fn advance(&mut self, core: &mut Core, out: &mut Outcome) {
        self.phase = match self.phase {
            Phase::Idle if core.contents.old_used() > self.initiating_occupancy => Phase::Initiating,
            Phase::Initiating => {
                out.concurrent =
                    Some(ConcurrentMark { milli_cores: self.milli_cores, duration: self.marking_time(core) });
                Phase::Marking(core.contents.old_garbage())
            }
            Phase::Prepared(found) => Phase::Mixed(found),
            Phase::Mixed(found) => {
                core.contents.reclaim_old(found);
                if core.contents.old_used() > self.initiating_occupancy { Phase::Initiating } else { Phase::Idle }
            }
            phase => phase,
        };
    }

    fn collect_fully(&mut self, core: &mut Core, out: &mut Outcome) {
        let before = core.contents.used();
        core.contents.compact(u64::MAX);
        let pause = core.major_pause(core.contents.live());
        core.note_full(CollectionCause::CompactionPause, before, pause, out);
        // One that this very allocation asked for has not begun, so nobody will tell its end.
        let began = out.concurrent.take().is_none();
        if matches!(self.phase, Phase::Marking(_)) && began {
            self.overtaken += 1;
        }
        let over = core.contents.old_used() > self.initiating_occupancy;
        self.phase = if over { Phase::Initiating } else { Phase::Idle };
        self.size_young(core);
    }

    /// Sets the size of the young space, and with it the end of eden.
    fn size_young(&mut self, core: &mut Core) {
        let [low, high] = YOUNG_PERCENT.map(|part| percent(self.maximum, part));
        let survivors = core.contents.survivor_used();
        // The rest of the last survivor region is of no use.
        let taken = core.contents.old_used() + survivors.next_multiple_of(self.region);
        let free = self.usable().saturating_sub(taken);
        let reserve = percent(self.maximum, RESERVE_PERCENT);
        let survival = self.survival.padded().min(PERMILLE);

        let in_mixed_phase = matches!(self.phase, Phase::Prepared(_) | Phase::Mixed(_));
        let desired = if in_mixed_phase { 0 } else { high - high.min(survivors) };
        let fits = share_of(free.saturating_sub(reserve), PERMILLE, PERMILLE + survival * COPY_ROOM_TENTHS / 10);
        let least = low - low.min(survivors);
        // Below the least size it eats into the reserve, down to what can just be evacuated.
        let evacuable = share_of(free.saturating_sub(survivors), PERMILLE, PERMILLE + survival);
        let eden = desired.min(fits).min(self.largest_in_time(core, survival)).max(least.max(self.region));
        // The last regions are handed out though they cannot be evacuated.
        let eden = if evacuable < self.region { free } else { eden.min(evacuable) };
        self.young = eden + survivors;
        core.eden_limit = eden;
    }

    /// The largest eden whose survivors are expected to be copied within the pause target.
    fn largest_in_time(&self, core: &Core, survival: u64) -> u64 {
        let fixed = cost(core.minor, core.contents.survivor_used());
        let time = self.pause_target.saturating_sub(fixed).as_nanos();
        let per_mib = core.minor.per_mib.as_nanos().saturating_mul(survival) / PERMILLE;
        if per_mib == 0 { u64::MAX } else { share_of(MIB, time, per_mib) }
    }

    fn next_tenuring_age(&self, core: &Core) -> usize {
        let mut total = 0;
        for age in 1..=MAXIMUM_AGE {
            total += core.contents.live_of_age(age);
            if total > self.young / YOUNG_PER_SURVIVOR / 2 {
                return age;
            }
        }
        MAXIMUM_AGE
    }

    fn marking_time(&self, core: &Core) -> Duration {
        let nanos = u128::from(core.contents.live()) * 1_000_000_000 / u128::from(self.mark_bytes_per_second);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// `of · part / whole` without overflow.
fn share_of(of: u64, part: u64, whole: u64) -> u64 {
    u64::try_from(u128::from(of) * u128::from(part) / u128::from(whole)).unwrap_or(u64::MAX)
}

/// `percent` hundredths of `of`.
fn percent(of: u64, percent: u64) -> u64 {
    share_of(of, percent, 100)
}
