//! The cycles in which Redis deletes keys that have expired and that nobody asks for: `activeExpireCycle` of Redis 7's `expire.c`.
//!
//! A cycle looks at some sampled keys among those that have a time to live, deletes the expired ones, and goes on while more than an acceptable
//! share of the sample had expired. Every 16 samples it looks at the time, and ends when its limit has passed: it is *capped*. A
//! *slow* cycle comes `hz` times a second; a *fast* one comes before the server waits for commands, if the last cycle was capped, and
//! not before twice its own limit has passed since the last fast one began. All of them run on the one thread of the server, so a
//! cycle tells how long it took, and whoever calls it lets the server stand still for so long.
//!
//! Samples are drawn without replacement within a sample, anew for each: Redis walks through its table in the order of hashes, so a
//! key comes again only when all others have. Left out: that a walk which has come to the end of the table ends its cycle, empty
//! buckets, other databases than the first, fields of hashes that expire, and keys that expire during the cycle.

use super::{NONE, Store};
use crate::blueprint::Expiry;
use crate::purpose;
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

/// Samples between two looks at the clock.
const SAMPLES_BETWEEN_LOOKS: u64 = 16;

/// What metrics report of the cycles. Counts are since the process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExpiryReadings {
    /// Running mean of the share of expired keys in the cycles' samples, by a twentieth (`stat_expired_stale_perc`).
    pub stale_share: f64,
    /// Cycles that ended because they took too long (`stat_expired_time_cap_reached_count`).
    pub capped: u64,
    /// Time that cycles took of the thread (`stat_expire_cycle_time_used`).
    pub spent: Duration,
}

/// What Redis knows of its cycles.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Active {
    settings: Expiry,
    /// Keys that have expired and are still there, as far as a cycle has found out.
    pub(super) dead: Dead,
    /// Whether the last cycle was capped.
    capped: bool,
    /// When the last fast cycle began.
    last_fast: Option<Time>,
    readings: ExpiryReadings,
}

impl Active {
    pub(super) fn new(settings: Expiry, keys: usize) -> Self {
        let dead = Dead { keys: Vec::new(), places: vec![NONE; keys] };
        Self { settings, dead, capped: false, last_fast: None, readings: ExpiryReadings::default() }
    }
}

/// A set of keys of which any can be drawn or taken out at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Dead {
    keys: Vec<u32>,
    /// Where each key stands among them; [`NONE`] where it does not.
    places: Vec<u32>,
}

impl Dead {
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn nth(&self, n: usize) -> u32 {
        self.keys[n]
    }

    fn push(&mut self, key: u32) {
        self.places[key as usize] = self.keys.len() as u32;
        self.keys.push(key);
    }

    pub(super) fn remove(&mut self, key: u32) {
        let place = std::mem::replace(&mut self.places[key as usize], NONE);
        if place == NONE {
            return;
        }
        self.keys.swap_remove(place as usize);
        if let Some(&moved) = self.keys.get(place as usize) {
            self.places[moved as usize] = place;
        }
    }

    pub(super) fn clear(&mut self) {
        for key in self.keys.drain(..) {
            self.places[key as usize] = NONE;
        }
    }
}

impl Store {
    /// Whether expired keys go with cycles that [`Self::expire_cycle`] plays; else with the grid of [`CYCLE`](super::CYCLE).
    #[must_use]
    pub fn has_expire_cycles(&self) -> bool {
        self.active.is_some()
    }

    /// Whether the server runs a fast cycle before it waits for commands.
    #[must_use]
    pub fn wants_fast_cycle(&self, now: Time) -> bool {
        let Some(active) = &self.active else { return false };
        let apart = times(active.settings.fast_limit(), 2);
        // Redis also compares its running share of expired keys with the acceptable percentage, but as a fraction, which is below it for ever.
        active.capped && active.last_fast.is_none_or(|last| now >= last.saturating_add(apart))
    }

    /// Runs a cycle that begins now. Returns how long it keeps the thread.
    pub fn expire_cycle(&mut self, now: Time, fast: bool) -> Duration {
        let Some(Active { settings, .. }) = self.active.as_deref() else { return Duration::ZERO };
        let settings = *settings;
        self.note_dead(now);
        let limit = if fast { settings.fast_limit() } else { settings.slow_limit() };
        let mut draws = self.key.purpose(purpose::EXPIRY_SAMPLE).with(now.as_nanos()).stream();
        let (mut spent, mut capped) = (Duration::ZERO, false);
        let (mut sampled_in_all, mut expired_in_all) = (0, 0);
        for sample in 1u64.. {
            let size = (self.expiring() as usize).min(settings.keys_per_sample());
            if size == 0 {
                break;
            }
            let mut expired = 0;
            for seen in 0..size {
                let dead = self.dead();
                if dead == 0 {
                    // All the rest are alive, whichever they are.
                    break;
                }
                // Of the keys with a time to live that this sample has not seen: those that it deleted are gone already.
                let left = self.expiring() as usize - (seen - expired);
                let drawn = draws.below(left as u64) as usize;
                if drawn < dead {
                    let at = self.active.as_ref().map_or(NONE, |active| active.dead.nth(drawn));
                    self.expire(self.space_of(at), at);
                    expired += 1;
                }
            }
            spent += times(settings.look, size) + times(settings.delete, expired);
            sampled_in_all += size;
            expired_in_all += expired;
            if sample.is_multiple_of(SAMPLES_BETWEEN_LOOKS) && spent > limit {
                capped = true;
                break;
            }
            if expired * 100 / size <= settings.acceptable_percent() {
                break;
            }
        }
        if let Some(active) = &mut self.active {
            active.capped = capped;
            if fast {
                active.last_fast = Some(now);
            }
            active.readings.capped += u64::from(capped);
            active.readings.spent += spent;
            let share = if sampled_in_all == 0 { 0.0 } else { expired_in_all as f64 / sampled_in_all as f64 };
            active.readings.stale_share = share * 0.05 + active.readings.stale_share * 0.95;
        }
        spent
    }

    /// Keys that have a time to live, those that have outlived it included.
    #[must_use]
    pub fn expiring(&self) -> u64 {
        (self.expiries.len() + self.dead()) as u64
    }

    /// One of those, by a number below [`Self::expiring`]: which one a number means changes with every change.
    pub(super) fn nth_expiring(&self, n: usize) -> u32 {
        match (n.checked_sub(self.expiries.len()), &self.active) {
            (Some(n), Some(active)) => active.dead.nth(n),
            _ => self.expiries.nth(n),
        }
    }

    /// What metrics report of the cycles, where there are any.
    #[must_use]
    pub fn expiry_readings(&self) -> Option<ExpiryReadings> {
        self.active.as_ref().map(|active| active.readings)
    }

    /// Sets how often slow cycles come and how hard all of them try, from the next one on.
    pub fn set_expiry(&mut self, settings: Expiry) {
        if let Some(active) = &mut self.active {
            active.settings = settings;
        }
    }

    /// Time from the end of a slow cycle to the next one.
    #[must_use]
    pub fn expiry_period(&self) -> Option<Duration> {
        self.active.as_ref().map(|active| active.settings.period())
    }

    fn dead(&self) -> usize {
        self.active.as_ref().map_or(0, |active| active.dead.len())
    }

    /// Sets apart what has expired by now.
    fn note_dead(&mut self, now: Time) {
        let Some(active) = &mut self.active else { return };
        while let Some((expires, at)) = self.expiries.first()
            && expires < now
        {
            self.expiries.remove(at);
            active.dead.push(at);
        }
    }
}

fn times(each: Duration, count: usize) -> Duration {
    Duration::from_nanos(each.as_nanos().saturating_mul(count as u64))
}
