//! CPython's memory: reference counts free at once, the cycle collector only costs time, and resident memory never shrinks.
//!
//! Allocations beyond frees of tracked objects fill generation 0; at its threshold it is examined and the survivors pass on;
//! every so many collections of one generation the next one is collected with it, the oldest only when what waits for it has
//! grown to over a quarter of what it holds. A collection examines its objects and finds nothing, for the model makes no
//! cycles. The allocator never gives pages back, so the resident size is the high-water mark; nothing here runs out of
//! memory: the container's limit is the world's affair.
//! Source: CPython 3.11, `Modules/gcmodule.c`.

mod many;

use super::tally::Tally;
use super::{CHURN_LIVE, Collection, Outcome, Share};
use crate::blueprint;
use crate::record::{CollectionCause, CollectionKind};
use knockon_kernel::{Duration, Key};
use serde::{Deserialize, Serialize};

/// Collections of one step that are told one by one; what comes after them is told as one of each kind.
const TOLD: usize = 256;
/// Objects that wait for the oldest generation must be over 1 / this of those in it.
const LONG_LIVED_PENDING_DIVISOR: u64 = 4;

/// The memory of a CPython process.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CPythonHeap {
    config: blueprint::CPython,
    pause_scale: f64,
    live: u64,
    peak: u64,
    retained: u64,
    /// Bytes of tracked objects in each generation; with the rest below, live ones only.
    generations: [u64; 3],
    /// Bytes, frees counted against them, until generation 0 is collected.
    room: u64,
    /// Collections of generation 0 since one of generation 1, and of 1 since one of 2.
    counts: [u32; 2],
    /// Objects that passed the last full collection, and those that entered the oldest generation since.
    long_lived_total: u64,
    long_lived_pending: u64,
    tally: Tally,
}

impl CPythonHeap {
    pub(super) fn new(config: &blueprint::CPython) -> Self {
        let config = blueprint::CPython { object_bytes: config.object_bytes.max(1), ..*config };
        Self {
            config,
            pause_scale: 1.0,
            live: config.base,
            peak: config.base,
            retained: config.base,
            generations: [0, 0, config.base],
            room: Self::threshold(&config),
            counts: [0; 2],
            long_lived_total: config.base / config.object_bytes,
            long_lived_pending: 0,
            tally: Tally::new(config.base),
        }
    }

    #[inline]
    pub(super) fn allocate(&mut self, share: &mut Share, bytes: u64) -> Outcome {
        share.eden += bytes;
        let mut outcome = Outcome::default();
        self.add(bytes, &mut outcome);
        outcome
    }

    /// Allocates in small objects and drops each before it makes many more.
    pub(super) fn churn(&mut self, bytes: u64) -> Outcome {
        let mut outcome = Outcome::default();
        let mut left = bytes;
        while left > 0 {
            let piece = left.min(CHURN_LIVE);
            left -= piece;
            self.add(piece, &mut outcome);
            self.free(piece);
        }
        outcome
    }

    pub(super) fn retain(&mut self, bytes: u64) -> Outcome {
        self.retained += bytes;
        let mut outcome = Outcome::default();
        self.add(bytes, &mut outcome);
        outcome
    }

    pub(super) fn discard(&mut self, bytes: u64) {
        let bytes = bytes.min(self.retained);
        self.retained -= bytes;
        self.free(bytes);
    }

    /// A process of several that share this account has exited: what it kept is gone, and its pages are the system's.
    pub(super) fn give_back(&mut self, bytes: u64) {
        let bytes = bytes.min(self.retained - self.config.base.min(self.retained));
        self.discard(bytes);
        self.peak = self.live.max(self.peak - bytes);
    }

    pub(super) fn release(&mut self, share: &mut Share) {
        self.free(share.eden);
        *share = Share::default();
    }

    /// Another number of allocations since generation 0 was examined, at least those of what is still there, and other turns of the older
    /// generations. Where a turn has come that waits for more to examine, it has come.
    pub(super) fn redraw_phase(&mut self, key: Key) {
        let threshold = Self::threshold(&self.config);
        if threshold == u64::MAX {
            return;
        }
        let most = threshold.saturating_sub(self.generations[0]);
        self.room = (key.with(0).unit() * most as f64) as u64;
        for (generation, count) in self.counts.iter_mut().enumerate() {
            let last = self.config.thresholds[generation + 1];
            if *count <= last {
                *count = (key.with(1 + generation as u64).unit() * (f64::from(last) + 1.0)) as u32;
            }
        }
    }

    pub(super) fn retained(&self) -> u64 {
        self.retained
    }

    pub(super) fn set_pause_scale(&mut self, scale: f64) {
        self.pause_scale = scale;
    }

    pub(super) fn live(&self) -> u64 {
        self.live
    }

    pub(super) fn resident(&self) -> u64 {
        self.peak
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    #[inline]
    fn add(&mut self, bytes: u64, outcome: &mut Outcome) {
        self.tally.add_allocated(bytes);
        if bytes > self.room {
            self.add_in_parts(bytes, outcome);
        } else {
            self.place(bytes);
        }
    }

    /// Generation 0 fills up, and is examined, once or several times within one allocation.
    #[cold]
    fn add_in_parts(&mut self, mut bytes: u64, outcome: &mut Outcome) {
        while bytes > self.room {
            let many = outcome.collections.len() >= TOLD;
            let taken = if many { self.collect_many(bytes, outcome) } else { 0 };
            if taken > 0 {
                bytes -= taken;
                continue;
            }
            bytes -= self.room;
            self.place(self.room);
            self.collect(outcome);
        }
        self.place(bytes);
    }

    #[inline]
    fn place(&mut self, bytes: u64) {
        self.room -= bytes;
        self.live += bytes;
        self.peak = self.peak.max(self.live);
        self.generations[0] += bytes;
    }

    /// What generation 0 takes until it is examined. A threshold of 0 switches the collector off.
    fn threshold(config: &blueprint::CPython) -> u64 {
        match config.thresholds[0] {
            0 => u64::MAX,
            objects => u64::from(objects).saturating_mul(config.object_bytes),
        }
    }

    /// Freed objects come from the youngest generation that has any: what dies, dies young.
    fn free(&mut self, mut bytes: u64) {
        self.live -= bytes;
        self.room = self.room.saturating_add(bytes).min(Self::threshold(&self.config));
        for generation in &mut self.generations {
            let freed = bytes.min(*generation);
            *generation -= freed;
            bytes -= freed;
        }
    }

    #[cold]
    fn collect(&mut self, outcome: &mut Outcome) {
        let generation = self.due_generation();
        let examined = self.generations[..=generation].iter().sum::<u64>() / self.config.object_bytes;
        self.pass_on(generation);
        self.tell(generation, 1, self.pause(examined), outcome);
    }

    /// Tells of so many collections of a generation, each with the same pause.
    fn tell(&mut self, generation: usize, times: u64, each: Duration, outcome: &mut Outcome) {
        let kind = CollectionKind::Generation(generation as u8);
        let pause =
            u64::try_from(u128::from(each.as_nanos()) * u128::from(times)).map_or(Duration::MAX, Duration::from_nanos);
        let number = self.tally.count(kind, times, pause);
        if let Some(told) = outcome.collections.iter_mut().skip(TOLD).find(|told| told.kind == kind) {
            told.times += times;
            told.pause = told.pause.saturating_add(pause);
            return;
        }
        let (used, committed) = (self.live, self.peak);
        outcome.collections.push(Collection {
            number,
            times,
            kind,
            cause: CollectionCause::Threshold,
            before: used,
            after: used,
            committed,
            live_after: used,
            pause,
        });
    }

    /// The oldest generation whose turn it is.
    fn due_generation(&self) -> usize {
        let pending_enough = self.long_lived_pending > self.long_lived_total / LONG_LIVED_PENDING_DIVISOR;
        if self.counts[1] > self.config.thresholds[2] && pending_enough {
            2
        } else if self.counts[0] > self.config.thresholds[1] {
            1
        } else {
            0
        }
    }

    /// What a collection of `generation` leaves is one generation older.
    fn pass_on(&mut self, generation: usize) {
        let survivors: u64 = self.generations[..=generation].iter().sum();
        self.generations[..=generation].fill(0);
        self.room = Self::threshold(&self.config);
        self.counts[..generation].fill(0);
        if generation < 2 {
            self.generations[generation + 1] += survivors;
            self.counts[generation] = self.counts[generation].saturating_add(1);
        }
        match generation {
            1 => self.long_lived_pending += survivors / self.config.object_bytes,
            2 => {
                self.generations[2] = survivors;
                self.long_lived_total = survivors / self.config.object_bytes;
                self.long_lived_pending = 0;
            }
            _ => {}
        }
    }

    fn pause(&self, examined: u64) -> Duration {
        let nanos = u128::from(examined) * u128::from(self.config.per_object.as_nanos());
        let nanos = u64::try_from(nanos).unwrap_or(u64::MAX);
        if self.pause_scale == 1.0 {
            return Duration::from_nanos(nanos);
        }
        Duration::from_real_nanos(nanos as f64 * self.pause_scale).unwrap_or(Duration::ZERO)
    }
}
