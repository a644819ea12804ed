//! What the collectors share: the contents, the end of eden, the counters, and the price of a pause.

use super::contents::Contents;
use super::tally::Tally;
use super::{Collection, MIB, Outcome};
use crate::blueprint::PauseCost;
use crate::record::{CollectionCause, CollectionKind};
use knockon_kernel::Duration;
use serde::{Deserialize, Serialize};

/// The part of a heap that no collector owns.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Core {
    pub(super) contents: Contents,
    /// Eden takes allocations up to here; the collector sets it after each collection.
    pub(super) eden_limit: u64,
    pub(super) committed: u64,
    pub(super) minor: PauseCost,
    pub(super) major: PauseCost,
    pub(super) pause_scale: f64,
    pub(super) tally: Tally,
    /// Most bytes that were ever in use at the start or the end of a collection, with the space it copied into.
    pub(super) touched: u64,
}

impl Core {
    /// Bytes that eden still takes.
    #[inline]
    pub(super) fn eden_room(&self) -> u64 {
        self.eden_limit.saturating_sub(self.contents.eden_used())
    }

    /// What a young collection costs that copies `survivors` bytes.
    pub(super) fn minor_pause(&self, survivors: u64) -> Duration {
        self.scaled(cost(self.minor, survivors))
    }

    /// What a full collection costs that leaves `live` bytes.
    pub(super) fn major_pause(&self, live: u64) -> Duration {
        self.scaled(cost(self.major, live))
    }

    /// A pause as the process feels it.
    pub(super) fn scaled(&self, pause: Duration) -> Duration {
        if self.pause_scale == 1.0 {
            return pause;
        }
        Duration::from_real_nanos(pause.as_nanos() as f64 * self.pause_scale).unwrap_or(Duration::ZERO)
    }

    /// Notes a full collection that has just run on `before` bytes.
    pub(super) fn note_full(&mut self, cause: CollectionCause, before: u64, pause: Duration, out: &mut Outcome) {
        self.touch(before);
        self.tally.set_live_after_full(self.contents.live());
        self.note(CollectionKind::Full, cause, before, pause, out);
    }

    /// Notes a collection that has just run.
    pub(super) fn note(
        &mut self,
        kind: CollectionKind,
        cause: CollectionCause,
        before: u64,
        pause: Duration,
        out: &mut Outcome,
    ) {
        let number = self.tally.count(kind, 1, pause);
        let after = self.contents.used();
        let live_after = self.contents.live();
        out.collections.push(Collection {
            times: 1,
            number,
            kind,
            cause,
            before,
            after,
            committed: self.committed,
            live_after,
            pause,
        });
    }

    /// Notes that `bytes` of the heap have been in use at once.
    pub(super) fn touch(&mut self, bytes: u64) {
        self.touched = self.touched.max(bytes);
    }
}

/// `base + per_mib · MiB`, unscaled.
pub(super) fn cost(cost: PauseCost, bytes: u64) -> Duration {
    let variable = u128::from(cost.per_mib.as_nanos()) * u128::from(bytes) / u128::from(MIB);
    cost.base.saturating_add(Duration::from_nanos(u64::try_from(variable).unwrap_or(u64::MAX)))
}
