//! How late an event loop runs its timers: what Node's `perf_hooks.monitorEventLoopDelay` measures, as prom-client sets it up.
//!
//! A timer of 10 ms runs over and over, and whenever it runs the time since it last ran is counted, its own 10 ms included: a loop that is
//! always free shows 10 ms. States: *free*, when the timer runs as it is due, and *kept*, while a callback computes or blocks, or the process
//! stands still: then it runs at the first turn after it was due, and is due 10 ms after that. Counts lie in buckets of eleven binary
//! digits, as HdrHistogram's do with three decimal ones, and begin anew at each scrape, as prom-client resets the histogram when it is asked.
//!
//! It is told of turns when they come and needs no events of its own; nothing that happens depends on it.
//!
//! Deliberately not here: callbacks that became ready together, which libuv runs before it looks at timers (here it looks after each); that libuv
//! rounds to milliseconds; that a scrape which comes while the loop is kept is served late.

use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `eventLoopMonitoringPrecision` as it comes.
const RESOLUTION: Duration = Duration::from_millis(10);
/// Binary digits of a bucket's value.
const DIGITS: u32 = 11;

/// Delays of one event loop since the last scrape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LoopDelay {
    /// From one scrape to the next.
    interval: Duration,
    /// The scrape at which the counts begin anew.
    until: Time,
    /// When the timer last ran.
    ran: Time,
    kept: bool,
    /// By the lowest value of the bucket, in nanoseconds.
    #[serde(with = "crate::pairs")]
    counts: BTreeMap<u64, u64>,
}

/// What there is to tell of delays, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Delays {
    pub(crate) minimum: u64,
    pub(crate) maximum: u64,
    pub(crate) mean: f64,
    pub(crate) deviation: f64,
    /// p50, p90, p99.
    pub(crate) quantiles: [u64; 3],
}

impl LoopDelay {
    /// Of a loop that begins now, is free, and is scraped so often.
    pub(crate) fn new(now: Time, interval: Duration) -> Self {
        let mut delay = Self { interval, until: Time::ZERO, ran: now, kept: false, counts: BTreeMap::new() };
        delay.begin_window(now);
        delay
    }

    /// The loop is kept from now on, if it was free.
    #[inline]
    pub(crate) fn keep(&mut self, now: Time) {
        if !self.kept {
            self.run_free(now);
            self.kept = true;
        }
    }

    /// A callback has ended, or the process goes on; the loop is `kept` by the next one, or is free.
    #[inline]
    pub(crate) fn turn(&mut self, now: Time, kept: bool) {
        if self.kept && self.ran.saturating_add(RESOLUTION) <= now {
            self.count(now, (now - self.ran).as_nanos(), 1);
            self.ran = now;
        }
        if self.kept && !kept {
            self.kept = false;
        }
    }

    /// What has been counted since the last scrape, at one; nothing where the timer has not run since.
    pub(crate) fn readings(&self, now: Time) -> Option<Delays> {
        let mut at = self.clone();
        if !at.kept {
            at.run_free(now);
        }
        at.enter(now);
        at.delays()
    }

    /// The timer runs as it is due, up to now.
    fn run_free(&mut self, now: Time) {
        let runs = (now - self.ran).as_nanos() / RESOLUTION.as_nanos();
        if runs == 0 {
            return;
        }
        let last = self.ran + Duration::from_nanos(runs * RESOLUTION.as_nanos());
        self.enter(last);
        // Those before the window are forgotten already.
        let begins = self.until.as_nanos() - self.interval.as_nanos();
        let before = begins.saturating_sub(self.ran.as_nanos()) / RESOLUTION.as_nanos();
        self.ran = last;
        self.count(last, RESOLUTION.as_nanos(), runs - before);
    }

    fn count(&mut self, at: Time, ns: u64, times: u64) {
        self.enter(at);
        *self.counts.entry(lowest(ns)).or_default() += times;
    }

    /// Something happens at an instant, before which the last scrape may have been.
    fn enter(&mut self, at: Time) {
        if at > self.until {
            self.counts.clear();
            self.begin_window(at);
        }
    }

    /// The window that an instant is in: a scrape belongs to the one that it ends.
    fn begin_window(&mut self, at: Time) {
        let interval = self.interval.as_nanos().max(1);
        self.until = Time::from_nanos(at.as_nanos().div_ceil(interval).max(1).saturating_mul(interval));
    }

    fn delays(&self) -> Option<Delays> {
        let (&first, _) = self.counts.first_key_value()?;
        let (&last, _) = self.counts.last_key_value()?;
        let all: u64 = self.counts.values().sum();
        let weighted = |of: fn(f64) -> f64, about: f64| {
            let parts = self.counts.iter().map(|(&low, &count)| of(middle(low) - about) * count as f64);
            parts.sum::<f64>() / all as f64
        };
        let mean = weighted(|value| value, 0.0);
        let deviation = knockon_kernel::math::sqrt(weighted(|value| value * value, mean));
        let quantiles = [50, 90, 99].map(|percent| {
            let wanted = ((all * percent + 50) / 100).max(1);
            let mut seen = 0;
            let reaches = |&(_, &count): &(&u64, &u64)| {
                seen += count;
                seen >= wanted
            };
            self.counts.iter().find(reaches).map_or(last, |(&low, _)| highest(low))
        });
        Some(Delays { minimum: first, maximum: highest(last), mean, deviation, quantiles })
    }
}

/// How many values a bucket has that begins so.
fn width(low: u64) -> u64 {
    1 << (u64::BITS - low.leading_zeros()).saturating_sub(DIGITS)
}

fn lowest(ns: u64) -> u64 {
    ns & !(width(ns) - 1)
}

fn highest(low: u64) -> u64 {
    low + width(low) - 1
}

fn middle(low: u64) -> f64 {
    (low + width(low) / 2) as f64
}

#[cfg(test)]
mod tests;
