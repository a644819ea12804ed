//! Who lies where in a JVM heap: live bytes by owner, space and age, and how much of each space is in use.
//!
//! Owners are the frames, each of which knows its own [`Share`], and the application (the base and what it retained). Young
//! bytes have an age: 0 in eden, then the collections survived, in the survivor space. A space's garbage is what is in use
//! and not live.
//!
//! The shares of frames are not touched by a collection. Every event that moves young bytes begins a new *epoch*, and
//! `born_before[k]` is the epoch before which bytes have been born that are now k collections old or more (the last
//! entry: that lie in the old space). All bytes of frames that were born in one epoch move together; that is the price of
//! collections that are O(1) in frames: where frames hold more than the survivor space takes, the oldest ages are
//! promoted as a whole, while the application's bytes fill what is left to the byte. HotSpot copies what the stacks reach
//! first, so frames come first here too.

use super::Share;
use super::batches::Batches;
use serde::{Deserialize, Serialize};

/// Highest age in the survivor space (four bits in an object's header).
pub(super) const MAXIMUM_AGE: usize = 15;

/// Index of the old space in `born_before`.
const TENURED: usize = MAXIMUM_AGE + 1;

/// Live young bytes of one owner by age.
type Ages = [u64; MAXIMUM_AGE + 1];

/// The contents of a heap.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Contents {
    frames: Ages,
    frames_old: u64,
    retained: Ages,
    retained_old: u64,
    epoch: u32,
    born_before: [u32; TENURED + 1],
    eden_used: u64,
    survivor_used: u64,
    old_used: u64,
    /// Garbage in the old space that lies between what lives on: what frames left, and of the application's the dead of a batch
    /// that lives on in part.
    scattered: u64,
    /// How the application's bytes came into the old space.
    batches: Batches,
    /// What the application held from the start.
    base: u64,
    /// Bytes retained beyond the base that the last full collection left side by side, and under which nothing was freed since.
    /// The base itself is reckoned to move each time, as the plain formula has it.
    dense: u64,
}

/// What a young collection would do with the live bytes of the young space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Evacuation {
    /// Bytes of frames older than this after the collection are promoted.
    frames_age: usize,
    frames: Ages,
    retained: Ages,
    retained_promoted: u64,
    /// Bytes copied to the survivor space.
    pub(super) kept: u64,
    /// Bytes copied to the old space.
    pub(super) promoted: u64,
    /// Whether the survivor space was too small for what should have stayed in it.
    pub(super) overflow: bool,
}

/// Garbage in the old space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OldGarbage {
    /// Between live bytes.
    pub(super) scattered: u64,
    /// By itself.
    pub(super) together: u64,
}

impl Evacuation {
    /// Bytes that are live in the young space.
    pub(super) fn survivors(&self) -> u64 {
        self.kept + self.promoted
    }
}

impl Contents {
    /// A heap in which nothing lies but the application's base: in the old space of `old_capacity`, and in eden what does not fit.
    pub(super) fn new(base: u64, old_capacity: u64) -> Self {
        let old = base.min(old_capacity);
        let mut retained = [0; MAXIMUM_AGE + 1];
        retained[0] = base - old;
        Self {
            frames: [0; MAXIMUM_AGE + 1],
            frames_old: 0,
            retained,
            retained_old: old,
            epoch: 0,
            born_before: [0; TENURED + 1],
            eden_used: base - old,
            survivor_used: 0,
            old_used: old,
            scattered: 0,
            batches: Batches::in_order(old),
            base,
            dense: 0,
        }
    }

    #[inline]
    pub(super) fn eden_used(&self) -> u64 {
        self.eden_used
    }

    pub(super) fn survivor_used(&self) -> u64 {
        self.survivor_used
    }

    pub(super) fn old_used(&self) -> u64 {
        self.old_used
    }

    pub(super) fn young_used(&self) -> u64 {
        self.eden_used + self.survivor_used
    }

    pub(super) fn used(&self) -> u64 {
        self.eden_used + self.survivor_used + self.old_used
    }

    pub(super) fn old_live(&self) -> u64 {
        self.frames_old + self.retained_old
    }

    /// Eden holds so much garbage beside what is live.
    pub(super) fn set_eden_garbage(&mut self, bytes: u64) {
        self.eden_used = self.live_of_age(0) + bytes;
    }

    /// What the application keeps.
    pub(super) fn retained(&self) -> u64 {
        self.retained.iter().sum::<u64>() + self.retained_old
    }

    pub(super) fn live(&self) -> u64 {
        self.frames.iter().sum::<u64>() + self.retained.iter().sum::<u64>() + self.old_live()
    }

    /// Live bytes of each age, the survivor space's at 1 and above.
    pub(super) fn live_of_age(&self, age: usize) -> u64 {
        self.frames[age] + self.retained[age]
    }

    /// A share that is up to date gets `bytes` in eden.
    #[inline]
    pub(super) fn add_to_eden(&mut self, share: &mut Share, bytes: u64) {
        share.eden += bytes;
        self.frames[0] += bytes;
        self.eden_used += bytes;
    }

    /// Eden gets `bytes` that nobody holds any more.
    #[inline]
    pub(super) fn add_garbage_to_eden(&mut self, bytes: u64) {
        self.eden_used += bytes;
    }

    /// A share that is up to date gets `bytes` in the old space.
    pub(super) fn add_to_old(&mut self, share: &mut Share, bytes: u64) {
        share.old += bytes;
        self.frames_old += bytes;
        self.old_used += bytes;
    }

    /// The application takes over what a share holds.
    pub(super) fn hand_over(&mut self, share: &mut Share) {
        self.bring_up_to_date(share);
        let age = self.age_of(share.survivor_epoch);
        self.frames[0] -= share.eden;
        self.retained[0] += share.eden;
        if share.survivor > 0 {
            self.frames[age] -= share.survivor;
            self.retained[age] += share.survivor;
        }
        self.frames_old -= share.old;
        self.retained_old += share.old;
        self.batches.promote(share.old);
        *share = Share::default();
    }

    /// The frame ended: what it holds is garbage.
    pub(super) fn release(&mut self, share: &mut Share) {
        self.bring_up_to_date(share);
        self.frames[0] -= share.eden;
        if share.survivor > 0 {
            self.frames[self.age_of(share.survivor_epoch)] -= share.survivor;
        }
        self.frames_old -= share.old;
        self.scattered += share.old;
        *share = Share::default();
    }

    /// Up to `bytes` of the application's become garbage, the oldest first: from the bottom of the heap.
    pub(super) fn discard(&mut self, mut bytes: u64) {
        if bytes > 0 {
            self.dense = 0;
        }
        let (scattered, together) = self.batches.die(bytes.min(self.retained_old));
        self.scattered = self.scattered + scattered - together;
        let oldest_first = std::iter::once(&mut self.retained_old).chain(self.retained.iter_mut().rev());
        for place in oldest_first {
            let taken = bytes.min(*place);
            *place -= taken;
            bytes -= taken;
        }
    }

    /// Moves a share's bytes to where the collections since its last use have put them.
    #[inline]
    pub(super) fn bring_up_to_date(&mut self, share: &mut Share) {
        if share.eden_epoch != self.epoch {
            self.follow_moves(share);
        }
    }

    fn follow_moves(&mut self, share: &mut Share) {
        let (eden, eden_birth) = (std::mem::take(&mut share.eden), share.eden_epoch);
        let (survivor, survivor_birth) = (std::mem::take(&mut share.survivor), share.survivor_epoch);
        share.eden_epoch = self.epoch;
        self.settle(share, survivor, survivor_birth);
        self.settle(share, eden, eden_birth);
    }

    /// Puts bytes of one birth where they lie now. Called with the older bytes first.
    fn settle(&mut self, share: &mut Share, bytes: u64, birth: u32) {
        if bytes == 0 {
            return;
        }
        match self.age_of(birth) {
            0 => share.eden += bytes,
            TENURED => share.old += bytes,
            age => {
                // A share has one age for all its survivors: the older ones are taken to be as young as the younger.
                if share.survivor > 0 {
                    let older = self.age_of(share.survivor_epoch);
                    self.frames[older] -= share.survivor;
                    self.frames[age] += share.survivor;
                }
                share.survivor += bytes;
                share.survivor_epoch = birth;
            }
        }
    }

    fn age_of(&self, birth: u32) -> usize {
        // The bounds fall with age, so the first that is not above the birth ends the search.
        (1..=TENURED).take_while(|&age| birth < self.born_before[age]).last().unwrap_or(0)
    }

    /// What a young collection would do that promotes bytes older than `tenuring_age` and whatever a survivor space of
    /// `survivor_capacity` cannot take.
    pub(super) fn plan_evacuation(&self, tenuring_age: usize, survivor_capacity: u64) -> Evacuation {
        let mut plan = Evacuation {
            frames_age: 0,
            frames: [0; MAXIMUM_AGE + 1],
            retained: [0; MAXIMUM_AGE + 1],
            retained_promoted: 0,
            kept: 0,
            promoted: 0,
            overflow: false,
        };
        let live = self.frames.iter().sum::<u64>() + self.retained.iter().sum::<u64>();
        let eldest = tenuring_age.min(MAXIMUM_AGE);
        let mut room = survivor_capacity;
        for age in 1..=eldest {
            if self.frames[age - 1] > room {
                plan.overflow = true;
                break;
            }
            plan.frames_age = age;
            plan.frames[age] = self.frames[age - 1];
            room -= plan.frames[age];
        }
        for age in 1..=eldest {
            plan.retained[age] = self.retained[age - 1].min(room);
            plan.overflow |= plan.retained[age] < self.retained[age - 1];
            room -= plan.retained[age];
        }
        plan.retained_promoted = self.retained.iter().sum::<u64>() - plan.retained.iter().sum::<u64>();
        plan.kept = survivor_capacity - room;
        plan.promoted = live - plan.kept;
        plan
    }

    /// Carries a young collection out: eden is empty after it, the survivor space holds what was kept.
    pub(super) fn evacuate(&mut self, plan: &Evacuation) {
        let frames_promoted = plan.promoted - plan.retained_promoted;
        self.frames = plan.frames;
        self.retained = plan.retained;
        self.frames_old += frames_promoted;
        self.retained_old += plan.retained_promoted;
        self.batches.promote(plan.retained_promoted);
        self.eden_used = 0;
        self.survivor_used = plan.kept;
        self.old_used += plan.promoted;

        self.epoch += 1;
        self.born_before.copy_within(1..MAXIMUM_AGE + 1, 2);
        self.born_before[1] = self.epoch;
        let tenured = self.born_before[plan.frames_age + 1];
        self.born_before[plan.frames_age + 1..].fill(tenured);
    }

    /// A full collection: all garbage goes, live bytes move into an old space of `old_capacity`, the application's before the
    /// frames', and what does not fit lies in eden. The frames' young bytes stay together. Gives the bytes that moved: all live
    /// ones but the dense prefix.
    pub(super) fn compact(&mut self, old_capacity: u64) -> u64 {
        let copied = self.live() - self.dense;
        let mut room = old_capacity.saturating_sub(self.old_live());
        let retained: u64 = self.retained.iter().sum();
        let moved = retained.min(room);
        room -= moved;
        self.retained = [0; MAXIMUM_AGE + 1];
        self.retained[0] = retained - moved;
        self.retained_old += moved;

        let frames: u64 = self.frames.iter().sum();
        self.frames = [0; MAXIMUM_AGE + 1];
        self.epoch += 1;
        if frames <= room {
            self.frames_old += frames;
            self.born_before[1..].fill(self.epoch);
        } else {
            self.frames[0] = frames;
            let tenured = self.born_before[TENURED];
            self.born_before[1..].fill(tenured);
        }
        self.eden_used = self.retained[0] + self.frames[0];
        self.survivor_used = 0;
        self.old_used = self.old_live();
        self.scattered = 0;
        self.batches = Batches::in_order(self.retained_old);
        self.dense = (self.retained_old + self.retained[0]).saturating_sub(self.base);
        copied
    }

    /// Garbage of the young space stays where it lies, in what is now old space.
    pub(super) fn add_old_garbage(&mut self, bytes: u64) {
        self.old_used += bytes;
        self.scattered += bytes;
    }

    /// Frees garbage of the old space: at most that much of what is scattered and of what lies together.
    pub(super) fn reclaim_old(&mut self, garbage: OldGarbage) {
        let now = self.old_garbage();
        let scattered = garbage.scattered.min(now.scattered);
        self.batches.reclaim(scattered, self.scattered);
        self.scattered -= scattered;
        self.old_used -= scattered + garbage.together.min(now.together);
    }

    /// Garbage in the old space.
    pub(super) fn old_garbage(&self) -> OldGarbage {
        let garbage = self.old_used - self.old_live();
        OldGarbage { scattered: self.scattered, together: garbage - self.scattered }
    }
}
