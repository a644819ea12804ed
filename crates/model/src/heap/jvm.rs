//! The heap of a JVM: allocation in eden, and what happens when eden is full, which is the collector's affair.

use super::contents::Contents;
use super::core::Core;
use super::generational::Generational;
use super::regional::Regional;
use super::tally::Tally;
use super::{Outcome, Share};
use crate::blueprint::{self, Collector};
use knockon_kernel::Time;
use serde::{Deserialize, Serialize};

/// Collections that one allocation can lead to before the model is wrong: a request takes a few edens at most.
const COLLECTIONS_MAX: usize = 100_000;

/// A HotSpot heap.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct JvmHeap {
    core: Core,
    policy: Policy,
    maximum: u64,
}

/// The collector's own state.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Policy {
    Generational(Generational),
    Regional(Regional),
}

impl JvmHeap {
    pub(super) fn new(config: &blueprint::Heap) -> Self {
        let old_capacity = match config.collector {
            Collector::Serial | Collector::Parallel => Generational::old_capacity(config),
            Collector::G1 => config.maximum,
        };
        let mut core = Core {
            contents: Contents::new(config.base, old_capacity),
            eden_limit: 0,
            committed: config.maximum,
            minor: config.minor_pause,
            major: config.major_pause,
            pause_scale: config.pause_scale,
            tally: Tally::new(config.base),
            touched: 0,
        };
        let policy = match config.collector {
            Collector::Serial | Collector::Parallel => Policy::Generational(Generational::new(config, &mut core)),
            Collector::G1 => Policy::Regional(Regional::new(config, &mut core)),
        };
        Self { core, policy, maximum: config.maximum }
    }

    #[inline]
    pub(super) fn allocate(&mut self, now: Time, share: &mut Share, bytes: u64) -> Outcome {
        self.core.tally.add_allocated(bytes);
        self.core.contents.bring_up_to_date(share);
        if bytes <= self.core.eden_room() {
            self.core.contents.add_to_eden(share, bytes);
            return Outcome::default();
        }
        self.allocate_in_parts(now, share, bytes)
    }

    /// Allocates and drops as much of `bytes` as eden takes before the next collection, piece after piece: nothing of it is alive afterwards.
    /// Gives how much that was.
    #[inline]
    pub(super) fn churn_in_eden(&mut self, bytes: u64, piece: u64) -> u64 {
        let room = self.core.eden_room();
        let fits = if bytes <= room { bytes } else { room / piece * piece };
        self.core.tally.add_allocated(fits);
        self.core.contents.add_garbage_to_eden(fits);
        fits
    }

    /// Fills what room there is, collects, and goes on until all bytes are placed or the collector gives up.
    #[cold]
    fn allocate_in_parts(&mut self, now: Time, share: &mut Share, bytes: u64) -> Outcome {
        let mut outcome = Outcome::default();
        let mut left = bytes;
        loop {
            let taken = left.min(self.core.eden_room());
            self.core.contents.add_to_eden(share, taken);
            left -= taken;
            if let Policy::Generational(policy) = &self.policy {
                let taken = left.min(policy.old_room(&self.core));
                self.core.contents.add_to_old(share, taken);
                left -= taken;
            }
            if left == 0 {
                return outcome;
            }
            assert!(outcome.collections.len() < COLLECTIONS_MAX, "an allocation makes progress at each collection");
            let made = match &mut self.policy {
                Policy::Generational(policy) => policy.make_room(&mut self.core, now, left, &mut outcome),
                Policy::Regional(policy) => policy.make_room(&mut self.core, left, &mut outcome),
            };
            self.core.contents.bring_up_to_date(share);
            if let Err(out_of_memory) = made {
                outcome.out_of_memory = Some(out_of_memory);
                return outcome;
            }
        }
    }

    /// What is retained is allocated as a frame would, and handed over to the application if it could be had.
    pub(super) fn retain(&mut self, now: Time, bytes: u64) -> Outcome {
        let mut share = Share::default();
        let outcome = self.allocate(now, &mut share, bytes);
        if outcome.out_of_memory.is_none() {
            self.core.contents.hand_over(&mut share);
        } else {
            self.core.contents.release(&mut share);
        }
        outcome
    }

    pub(super) fn discard(&mut self, bytes: u64) {
        self.core.contents.discard(bytes);
    }

    pub(super) fn release(&mut self, share: &mut Share) {
        self.core.contents.release(share);
    }

    pub(super) fn mark_finished(&mut self, _now: Time) -> Outcome {
        let mut outcome = Outcome::default();
        if let Policy::Regional(policy) = &mut self.policy {
            policy.mark_finished(&mut self.core, &mut outcome);
        }
        outcome
    }

    pub(super) fn set_pause_scale(&mut self, scale: f64) {
        self.core.pause_scale = scale;
    }

    /// Another amount of garbage in eden, `unit` of what there can be: as much as has ever been in use, and as eden takes.
    pub(super) fn redraw_phase(&mut self, unit: f64) {
        let contents = &mut self.core.contents;
        let (eden, live) = (contents.eden_used(), contents.live_of_age(0));
        let ever = self.core.touched.max(contents.used());
        let elsewhere = contents.used() - eden;
        let most = self.core.eden_limit.min(ever.saturating_sub(elsewhere)).saturating_sub(live);
        contents.set_eden_garbage((unit * most as f64) as u64);
    }

    pub(super) fn retained(&self) -> u64 {
        self.core.contents.retained()
    }

    pub(super) fn used(&self) -> u64 {
        self.core.contents.used()
    }

    /// Where eden is full and the survivor space serves allocations, these count as the survivor space's.
    pub(super) fn eden_used(&self) -> u64 {
        self.core.contents.eden_used() - self.borrowed()
    }

    pub(super) fn eden_limit(&self) -> u64 {
        self.core.eden_limit
    }

    pub(super) fn survivor_used(&self) -> u64 {
        self.core.contents.survivor_used() + self.borrowed()
    }

    pub(super) fn old_used(&self) -> u64 {
        self.core.contents.old_used()
    }

    pub(super) fn committed(&self) -> u64 {
        self.core.committed
    }

    pub(super) fn maximum(&self) -> u64 {
        self.maximum
    }

    pub(super) fn live(&self) -> u64 {
        self.core.contents.live()
    }

    pub(super) fn usable(&self) -> u64 {
        match &self.policy {
            Policy::Generational(policy) => policy.usable(),
            Policy::Regional(policy) => policy.usable(),
        }
    }

    pub(super) fn resident(&self) -> u64 {
        self.core.touched.max(self.core.contents.used()).min(self.maximum)
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.core.tally
    }

    #[cfg(test)]
    pub(super) fn contents(&self) -> &Contents {
        &self.core.contents
    }

    fn borrowed(&self) -> u64 {
        match &self.policy {
            Policy::Generational(policy) => self.core.contents.eden_used().saturating_sub(policy.eden_capacity()),
            Policy::Regional(_) => 0,
        }
    }
}
