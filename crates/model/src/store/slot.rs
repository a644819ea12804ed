//! One slot for each key, and what the keys of a key space have in common.

use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

/// What is known of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Slot {
    /// The last instant at which it can be read; `Time::MAX` never expires, `Time::ZERO` is an absent key.
    pub(super) expires: Time,
    /// What Redis keeps in 24 bits: when it was used last, in ticks, or when its counter fell last, and the counter.
    pub(super) clock: u32,
    /// Its place in the list of present keys, where there is one.
    pub(super) place: u32,
}

impl Slot {
    pub(super) const ABSENT: Self = Self { expires: Time::ZERO, clock: 0, place: 0 };

    #[inline]
    pub(super) fn is_present(&self) -> bool {
        self.expires > Time::ZERO
    }

    /// Present, and not expired.
    #[inline]
    pub(super) fn is_alive(&self, now: Time) -> bool {
        self.is_present() && now <= self.expires
    }
}

/// One key space.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Space {
    /// Its number in the blueprint.
    pub(super) keyspace: u32,
    /// Position of its key 0.
    pub(super) first: u32,
    pub(super) keys: u32,
    pub(super) ttl: Option<Duration>,
    /// The grid of instants at which keys expire.
    pub(super) expire_at: Option<Duration>,
    /// Whether a read renews the time to live.
    pub(super) renewed: bool,
    /// From which age on a value is stale.
    pub(super) fresh: Option<Duration>,
    /// Bytes of one entry.
    pub(super) entry_bytes: u64,
    pub(super) tally: Tally,
}

impl Space {
    /// When a key that is stored, or renewed, at `now` expires.
    pub(super) fn expires(&self, now: Time) -> Time {
        match self.ttl {
            None if self.expire_at.is_none() => Time::MAX,
            ttl => self.on_grid(now.saturating_add(ttl.unwrap_or(Duration::ZERO))),
        }
    }

    /// The first instant from `at` on at which keys may expire.
    pub(super) fn on_grid(&self, at: Time) -> Time {
        match self.expire_at.map(Duration::as_nanos) {
            Some(grid) if grid > 0 && at < Time::MAX => {
                Time::from_nanos(at.as_nanos().div_ceil(grid).saturating_mul(grid))
            }
            _ => at,
        }
    }
}

/// What became of the keys of a key space. Counts are since the process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Reads that found their key, stale ones included.
    pub hits: u64,
    /// Reads that found it stale.
    pub stale: u64,
    /// Reads that did not find it.
    pub misses: u64,
    /// Values stored.
    pub stored: u64,
    /// Keys that went because they had expired.
    pub expired: u64,
    /// Keys that went to make room.
    pub evicted: u64,
}

impl Tally {
    /// Counts on where another left off.
    pub fn add(&mut self, other: &Self) {
        self.hits += other.hits;
        self.stale += other.stale;
        self.misses += other.misses;
        self.stored += other.stored;
        self.expired += other.expired;
        self.evicted += other.evicted;
    }
}
