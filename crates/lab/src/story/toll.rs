//! Who was hurt: requests by what was asked for, with the fault and without it.

use knockon_model::record::Part;
use serde::Serialize;
use std::collections::BTreeMap;

/// How a request ended in one world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ended<'a> {
    /// From sending to end, in nanoseconds.
    pub latency_ns: i64,
    /// Whether it failed.
    pub failed: bool,
    /// Status of the answer.
    pub status: Option<i64>,
    /// Why it failed.
    pub error: Option<&'a str>,
}

/// A row of `truth/effects`, as far as stories need it.
#[derive(Clone, Copy, Debug)]
pub struct EffectRow<'a> {
    /// Number of the contrast.
    pub contrast: u32,
    /// The source that sent it.
    pub source: &'a str,
    /// What was asked for.
    pub name: &'a str,
    /// When it was sent, since the run began, in nanoseconds.
    pub sent_ns: u64,
    /// With the fault; `None` if it had not ended there.
    pub with: Option<Ended<'a>>,
    /// Without it.
    pub without: Option<Ended<'a>>,
    /// Latency with the fault less that without, by part of the ledger.
    pub differences_ns: [i64; Part::COUNT],
    /// Whether the fault hurt it.
    pub hurt: bool,
}

/// What requests for one thing suffered.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Toll {
    /// The source that sent them.
    pub source: String,
    /// What was asked for.
    pub name: String,
    /// Requests that fared worse.
    pub hurt: u64,
    /// Of them those that failed, or failed otherwise than without the fault.
    pub failed: u64,
    /// Of them those that had not ended, where they had without the fault.
    pub lost: u64,
    /// Of them the others: they ended no worse, but took longer.
    pub slower: u64,
    /// Sum of the latencies of those, with the fault, in nanoseconds.
    pub slower_with_ns: i64,
    /// The same without the fault.
    pub slower_without_ns: i64,
    /// The difference of the two by part of the ledger; parts without any are left out.
    pub by_part_ns: BTreeMap<&'static str, i64>,
}

impl Toll {
    /// Adds a request that was hurt.
    pub(super) fn add(&mut self, row: &EffectRow<'_>) {
        self.hurt += 1;
        let Some(with) = row.with else {
            self.lost += 1;
            return;
        };
        let otherwise =
            |without: Ended<'_>| !without.failed || (without.status, without.error) != (with.status, with.error);
        if with.failed && row.without.is_none_or(otherwise) {
            self.failed += 1;
            return;
        }
        self.slower += 1;
        self.slower_with_ns += with.latency_ns;
        self.slower_without_ns += row.without.map_or(0, |without| without.latency_ns);
        for (part, difference) in
            Part::ALL.into_iter().zip(row.differences_ns).filter(|&(_, difference)| difference != 0)
        {
            *self.by_part_ns.entry(part.column().trim_end_matches("_ns")).or_default() += difference;
        }
    }

    /// Mean latency of those that took longer: without the fault, and with it, in nanoseconds.
    #[must_use]
    pub fn means_ns(&self) -> Option<(f64, f64)> {
        let mean = |sum: i64| sum as f64 / self.slower as f64;
        (self.slower > 0).then(|| (mean(self.slower_without_ns), mean(self.slower_with_ns)))
    }

    /// Parts that account for the difference, the largest first, each with its share of it.
    #[must_use]
    pub fn shares(&self) -> Vec<(&'static str, f64)> {
        let whole = (self.slower_with_ns - self.slower_without_ns) as f64;
        let mut shares: Vec<_> =
            self.by_part_ns.iter().map(|(&part, &difference)| (part, difference as f64 / whole)).collect();
        shares.sort_by(|a, b| b.1.total_cmp(&a.1));
        shares
    }
}

/// A part of the ledger in words: what somebody was doing.
pub(super) fn words(part: &str) -> &'static str {
    match part {
        "queued" => "in a queue",
        "pool" => "waiting for a connection",
        "computing" => "computing",
        "cpu_wait" => "waiting for a core",
        "throttled" => "throttled",
        "paused" => "standing still",
        "network" => "network",
        "backing_off" => "backing off or sleeping",
        "lock" => "waiting for a lock",
        _ => "waiting for an answer",
    }
}
