//! Who goes when a cache is full: the orders that the policies need, kept only where one needs them.
//!
//! The policies of Redis look at a sample. Its LFU policies count uses in eight bits, logarithmically: a key starts at 5, a use of
//! a key at n counts with probability 1/((n − 5)·`lfu-log-factor` + 1), and every `lfu-decay-time` minutes without use take one
//! away (Redis documentation, "Key eviction"). The exact policies are those of caches within a process.

use super::order::Order;
use super::recency::Recency;
use super::{Store, clock};
use crate::blueprint::Eviction;
use crate::purpose;
use knockon_kernel::Time;
use serde::{Deserialize, Serialize};

/// Counter of a key that was never used yet (`LFU_INIT_VAL`).
const FIRST_COUNT: u32 = 5;
/// Bits of the counter.
const COUNT_BITS: u32 = 8;
const HIGHEST_COUNT: u32 = (1 << COUNT_BITS) - 1;
const NANOS_PER_MINUTE: u64 = 60_000_000_000;

/// The keys that are present, as the policy needs them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Candidates {
    /// In no order, to be sampled.
    Any(Vec<u32>),
    /// By last use.
    Recency(Recency),
    /// By number of uses, then by when it became that.
    Frequency {
        order: Order<(u32, u64)>,
        /// Uses of all keys.
        uses: u64,
    },
}

impl Candidates {
    pub(super) fn new(eviction: Eviction, keys: usize) -> Self {
        match eviction {
            Eviction::Lru => Self::Recency(Recency::new(keys)),
            Eviction::Lfu => Self::Frequency { order: Order::new(keys), uses: 0 },
            _ => Self::Any(Vec::new()),
        }
    }

    pub(super) fn clear(&mut self) {
        match self {
            Self::Any(present) => present.clear(),
            Self::Recency(recency) => recency.clear(),
            Self::Frequency { order, .. } => order.clear(),
        }
    }
}

impl Store {
    /// A key has become present.
    pub(super) fn enlist(&mut self, now: Time, at: u32) {
        self.slots[at as usize].clock =
            if self.counts() { minutes(now) << COUNT_BITS | FIRST_COUNT } else { clock(now) };
        match &mut self.candidates {
            Candidates::Any(present) => {
                self.slots[at as usize].place = present.len() as u32;
                present.push(at);
            }
            Candidates::Recency(recency) => recency.push(at),
            Candidates::Frequency { order, uses } => {
                *uses += 1;
                order.put(at, (1, *uses));
            }
        }
    }

    /// A key has become absent.
    pub(super) fn strike(&mut self, at: u32) {
        match &mut self.candidates {
            Candidates::Any(present) => {
                let place = self.slots[at as usize].place;
                present.swap_remove(place as usize);
                if let Some(&moved) = present.get(place as usize) {
                    self.slots[moved as usize].place = place;
                }
            }
            Candidates::Recency(recency) => recency.remove(at),
            Candidates::Frequency { order, .. } => order.remove(at),
        }
    }

    /// A present key was read.
    #[inline]
    pub(super) fn touch(&mut self, now: Time, at: u32) {
        match &mut self.candidates {
            Candidates::Any(_) if self.rules.counts() => {
                let count = self.count(now, at);
                let clock = &mut self.slots[at as usize].clock;
                *clock = minutes(now) << COUNT_BITS | count;
                if count < HIGHEST_COUNT {
                    let above = f64::from(count.saturating_sub(FIRST_COUNT) * self.rules.lfu_log_factor);
                    // By key and instant, so that no other key's uses take part.
                    let draw = self.key.purpose(purpose::LFU).with(u64::from(at)).with(now.as_nanos()).unit();
                    *clock += u32::from(draw * (above + 1.0) < 1.0);
                }
            }
            Candidates::Any(_) => self.slots[at as usize].clock = clock(now),
            Candidates::Recency(recency) => recency.touch(at),
            Candidates::Frequency { order, uses } => {
                *uses += 1;
                let count = order.weight(at).map_or(0, |(count, _)| count);
                order.put(at, (count.saturating_add(1), *uses));
            }
        }
    }

    /// The key that goes next; `None` where none may.
    pub(super) fn victim(&self, now: Time) -> Option<u32> {
        let volatile = self.expiring();
        let present = match &self.candidates {
            Candidates::Any(present) => present,
            Candidates::Recency(recency) => return recency.oldest(),
            Candidates::Frequency { order, .. } => return order.first().map(|(_, at)| at),
        };
        let any = |unit: f64| Some(present[(unit * present.len() as f64) as usize]);
        let expiring = |unit: f64| Some(self.nth_expiring((unit * volatile as f64) as usize));
        match self.rules.eviction {
            Eviction::NoEviction | Eviction::Lru | Eviction::Lfu => None,
            _ if present.is_empty() => None,
            Eviction::AllKeysRandom => any(self.sampled(0)),
            Eviction::AllKeysLru => self.least(any, |at| u64::from(self.slots[at as usize].clock)),
            Eviction::AllKeysLfu => self.least(any, |at| u64::from(self.count(now, at))),
            _ if volatile == 0 => None,
            Eviction::VolatileRandom => expiring(self.sampled(0)),
            Eviction::VolatileLru => self.least(expiring, |at| u64::from(self.slots[at as usize].clock)),
            Eviction::VolatileLfu => self.least(expiring, |at| u64::from(self.count(now, at))),
            Eviction::VolatileTtl => self.least(expiring, |at| self.slots[at as usize].expires.as_nanos()),
        }
    }

    /// Of the sampled keys the one with the least weight; of several the first.
    fn least(&self, pick: impl Fn(f64) -> Option<u32>, weight: impl Fn(u32) -> u64) -> Option<u32> {
        let samples = (0..u64::from(self.rules.samples)).filter_map(|number| pick(self.sampled(number)));
        samples.min_by_key(|&at| weight(at))
    }

    /// The so-manieth draw of the eviction that is due.
    fn sampled(&self, number: u64) -> f64 {
        self.key.purpose(purpose::EVICTION).with(self.readings.evicted).with(number).unit()
    }

    /// A key's counter as it stands by now.
    fn count(&self, now: Time, at: u32) -> u32 {
        let clock = self.slots[at as usize].clock;
        let idle = minutes(now) - (clock >> COUNT_BITS);
        let fallen = idle.checked_div(self.rules.lfu_decay_minutes).unwrap_or(0);
        (clock & HIGHEST_COUNT).saturating_sub(fallen)
    }

    fn counts(&self) -> bool {
        self.rules.counts()
    }
}

/// Minutes of simulated time; 2²⁴ of them are 31 years.
fn minutes(now: Time) -> u32 {
    (now.as_nanos() / NANOS_PER_MINUTE) as u32 & ((1 << (32 - COUNT_BITS)) - 1)
}
