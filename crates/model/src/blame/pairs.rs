//! The account of row locks: whoever waits for a row waits for the one transaction that has it, and for nobody else.

use super::UNITS;
use super::account::Counts;
use super::matrix::{Cell, Matrix};
use super::party_key::PartyKey;
use knockon_kernel::Time;
use serde::{Deserialize, Serialize};

/// An account of waits of which each has one holder.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Pairs {
    since: Time,
    /// By waiting party, those for whom it waits.
    pairs: Vec<(PartyKey, Counts)>,
    matrix: Matrix,
}

impl Pairs {
    pub(crate) fn advance(&mut self, now: Time) {
        let since = std::mem::replace(&mut self.since, now);
        let passed_ns = u128::from((now - since).as_nanos());
        for (waiting, holding) in &self.pairs {
            for (holder, count) in holding.iter() {
                let amount = passed_ns * u128::from(count) * UNITS;
                self.matrix.share(*waiting, amount, std::iter::empty(), holder);
            }
        }
    }

    /// Who waits for whom from now on.
    pub(crate) fn set(&mut self, now: Time, waits: impl Iterator<Item = (PartyKey, PartyKey)>) {
        self.advance(now);
        self.pairs.clear();
        for (waiting, holding) in waits {
            let at = match self.pairs.binary_search_by_key(&waiting, |&(known, _)| known) {
                Ok(at) => at,
                Err(at) => {
                    self.pairs.insert(at, (waiting, Counts::default()));
                    at
                }
            };
            self.pairs[at].1.add(holding, 1);
        }
    }

    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// What has accrued up to `now`, in [`UNITS`] of a nanosecond.
    pub(crate) fn take(&mut self, now: Time) -> Vec<Cell> {
        self.advance(now);
        self.matrix.take()
    }

    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        self.pairs == other.pairs
    }
}
