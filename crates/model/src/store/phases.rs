//! The phase of a cache: which of its keys expires when.
//!
//! Under a time to live from insertion, what is left of it is uniform for every key that is there, however often it is asked for:
//! keys may as well have each other's. How many expire at which instant stays as it was, so that what was filled at once still expires
//! at once. Where a read renews the time to live, what is left tells of the reads, and stays.

use super::{Space, Store};
use knockon_kernel::{Key, Time};

impl Store {
    /// Keys of a key space change their times to live with each other, and later draws lie below `key`.
    pub(crate) fn redraw(&mut self, now: Time, key: Key, phase: Key) {
        self.key = key;
        for space in 0..self.spaces.len() {
            let Space { first, keys, ttl: Some(_), renewed: false, .. } = self.spaces[space] else { continue };
            let expiring = |at: &u32| {
                let slot = &self.slots[*at as usize];
                slot.is_alive(now) && slot.expires < Time::MAX
            };
            let alive: Vec<u32> = (first..first + keys).filter(expiring).collect();
            let phase = phase.with(space as u64);
            // Whose time each of them gets: Fisher and Yates' shuffle.
            let mut whose = alive.clone();
            for last in (1..whose.len()).rev() {
                let other = (phase.with(last as u64).unit() * (last + 1) as f64) as usize;
                whose.swap(last, other);
            }
            let times: Vec<Time> = whose.iter().map(|&at| self.slots[at as usize].expires).collect();
            let written: Option<Vec<_>> =
                (!self.written.is_empty()).then(|| whose.iter().map(|&at| self.written[at as usize]).collect());
            for (&at, expires) in alive.iter().zip(times) {
                if self.slots[at as usize].expires != expires {
                    self.expire_at(at, expires);
                }
            }
            for (&at, written) in alive.iter().zip(written.into_iter().flatten()) {
                self.written[at as usize] = written;
            }
        }
    }
}
