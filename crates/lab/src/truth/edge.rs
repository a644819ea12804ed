//! What is read of a world at the edge of a window.

use knockon_kernel::{Duration, Time};
use knockon_model::World;
use knockon_model::record::BlameRecord;
use knockon_model::statistics::Statistics;

/// What is read of a world at the edge of a window.
#[derive(Clone, Debug, Default)]
pub(super) struct Edge {
    pub(super) statistics: Statistics,
    pub(super) levels: Vec<u64>,
    /// Who held what others waited for since the last edge, where that is accounted for.
    pub(super) blame: Vec<BlameRecord>,
}

impl Edge {
    /// Of a world that has come to the edge.
    pub(super) fn of(world: &mut World) -> Self {
        Self {
            statistics: world.totals(),
            levels: world.levels().iter().map(|level| level.value).collect(),
            blame: world.take_blame(),
        }
    }

    /// The same, without what has accrued since the last edge.
    pub(super) fn peek(world: &World) -> Self {
        Self {
            statistics: world.totals(),
            levels: world.levels().iter().map(|level| level.value).collect(),
            blame: Vec::new(),
        }
    }

    /// How many requests come in such a time, by those that have come until `at`.
    pub(super) fn requests_in(&self, window: Duration, at: Time) -> u64 {
        let sent: u64 = self.statistics.sources.iter().map(|source| source.sent).sum();
        let share = u128::from(sent) * u128::from(window.as_nanos()) / u128::from(at.as_nanos().max(1));
        u64::try_from(share).unwrap_or(u64::MAX)
    }
}
