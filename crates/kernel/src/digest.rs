//! A running fingerprint of a run with checkpoints, so that the first event in which two runs differ is found quickly.
//!
//! Two words per event go into 128 bits of state by multiplication and rotation, a few nanoseconds each. It tells runs
//! apart; it is not made to withstand someone who looks for collisions. Checkpoints are kept at a fixed distance that doubles
//! whenever there are too many: a long run has as many as a short one.

use crate::time::Time;
use core::fmt;
use core::ops::Range;
use serde::{Deserialize, Serialize};

/// Events between checkpoints at first.
const FIRST_INTERVAL: u64 = 4_096;
/// Checkpoints kept at most.
const MOST_CHECKPOINTS: usize = 1_024;

/// A running hash over the events of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    low: u64,
    high: u64,
    events: u64,
    interval: u64,
    checkpoints: Vec<Checkpoint>,
}

/// The fingerprint of a run up to some event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Events folded so far.
    pub events: u64,
    /// Time of the last of them.
    pub time: Time,
    /// The digest's upper half.
    pub high: u64,
    /// The digest's lower half.
    pub low: u64,
}

impl Checkpoint {
    /// The digest's value after these events.
    #[must_use]
    pub const fn value(&self) -> u128 {
        (self.high as u128) << 64 | self.low as u128
    }
}

impl Default for Digest {
    fn default() -> Self {
        Self::new()
    }
}

impl Digest {
    /// The digest of no events.
    #[must_use]
    pub const fn new() -> Self {
        // Digits of pi, as in Blowfish: numbers with nothing up their sleeve.
        let (low, high) = (0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344);
        Self { low, high, events: 0, interval: FIRST_INTERVAL, checkpoints: Vec::new() }
    }

    /// Folds in one event: by convention its time in nanoseconds, which checkpoints repeat, and what happened.
    #[inline]
    pub fn fold(&mut self, a: u64, b: u64) {
        self.absorb(a, b);
        self.events += 1;
        if self.events & (self.interval - 1) == 0 {
            self.checkpoint(Time::from_nanos(a));
        }
    }

    /// Folds in two more words of the event that the next [`Digest::fold`] completes.
    #[inline]
    pub fn absorb(&mut self, a: u64, b: u64) {
        // Each half is a bijection of the state before; each word reaches both halves.
        self.low = (self.low ^ a).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).wrapping_add(self.high);
        self.high = (self.high ^ b).wrapping_mul(0xd6e8_feb8_6659_fd93).rotate_left(31) ^ self.low;
    }

    /// Folds in a text, and where it ends.
    pub fn absorb_text(&mut self, text: &str) {
        for bytes in text.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            self.absorb(u64::from_le_bytes(word), bytes.len() as u64);
        }
        self.absorb(text.len() as u64, u64::MAX);
    }

    /// The fingerprint of all that was folded in.
    #[must_use]
    pub const fn value(&self) -> u128 {
        (self.high as u128) << 64 | self.low as u128
    }

    /// Events folded in.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// At most 1 024 checkpoints in order, at equal distances of a power of two of events, 4 096 or more.
    #[must_use]
    pub fn checkpoints(&self) -> &[Checkpoint] {
        &self.checkpoints
    }

    #[cold]
    fn checkpoint(&mut self, time: Time) {
        if self.checkpoints.len() == MOST_CHECKPOINTS {
            self.interval *= 2;
            let interval = self.interval;
            self.checkpoints.retain(|checkpoint| checkpoint.events.is_multiple_of(interval));
            if !self.events.is_multiple_of(interval) {
                return;
            }
        }
        self.checkpoints.push(Checkpoint { events: self.events, time, high: self.high, low: self.low });
    }
}

/// The value as 32 hexadecimal digits.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:032x}", self.value()))
    }
}

/// The events between which two runs parted: they agree up to `start` events and differ by `end`.
///
/// `None` if they agree wherever both have a checkpoint: then they are equal, or part after the last common one.
#[must_use]
pub fn first_divergence(a: &[Checkpoint], b: &[Checkpoint]) -> Option<Range<u64>> {
    // Runs of different length keep checkpoints at different distances: compare where both have one.
    let common: Vec<(&Checkpoint, &Checkpoint)> = a
        .iter()
        .filter_map(|left| {
            b.binary_search_by_key(&left.events, |right| right.events).ok().map(|index| (left, &b[index]))
        })
        .collect();
    // A digest that has parted stays parted, so the agreeing ones come first.
    let agreeing = common.partition_point(|(left, right)| left == right);
    let end = common.get(agreeing)?.0.events;
    let start = if agreeing == 0 { 0 } else { common[agreeing - 1].0.events };
    Some(start..end)
}

#[cfg(test)]
mod tests;
