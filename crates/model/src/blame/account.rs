//! The account of one resource: how many of which party wait for it, and with what weight others hold it.
//!
//! While anybody waits, what has passed is shared out before either side changes. While nobody does, only the counts move.

use super::matrix::{Cell, Matrix};
use super::party_key::PartyKey;
use super::{NOTHING, REFUSAL, UNITS};
use knockon_kernel::Time;
use serde::{Deserialize, Serialize};

/// How many there are, or how much, by party, in the order of parties: what is left over in sharing out must not depend on who came
/// first. Few parties are there at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    of: Vec<(PartyKey, u64)>,
    total: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, party: PartyKey, count: u64) {
        self.total += count;
        match self.find(party) {
            Ok(at) => self.of[at].1 += count,
            Err(at) => self.of.insert(at, (party, count)),
        }
    }

    pub(crate) fn remove(&mut self, party: PartyKey, count: u64) {
        self.total -= count;
        let at = self.find(party).expect("who leaves was counted");
        self.of[at].1 -= count;
        if self.of[at].1 == 0 {
            self.of.remove(at);
        }
    }

    /// So many of a party, whatever it was.
    pub(crate) fn set(&mut self, party: PartyKey, count: u64) {
        let before = self.get(party);
        if count > before {
            self.add(party, count - before);
        } else if count < before {
            self.remove(party, before - count);
        }
    }

    pub(crate) fn get(&self, party: PartyKey) -> u64 {
        self.find(party).map_or(0, |at| self.of[at].1)
    }

    /// Where a party is, or would be.
    #[inline]
    fn find(&self, party: PartyKey) -> Result<usize, usize> {
        self.of.binary_search_by_key(&party, |&(known, _)| known)
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (PartyKey, u64)> + Clone + '_ {
        self.of.iter().copied()
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(PartyKey) -> bool) {
        self.of.retain(|&(party, _)| keep(party));
        self.total = self.of.iter().map(|(_, count)| count).sum();
    }
}

/// An account of waiting and holding.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Account {
    /// Up to when the waiting is shared out.
    since: Time,
    waiting: Counts,
    holding: Counts,
    /// What alone is the reason of all waiting, whoever holds.
    sole: Option<PartyKey>,
    matrix: Matrix,
}

impl Account {
    /// An account with one reason of all waiting.
    pub(crate) fn of(sole: PartyKey) -> Self {
        Self { sole: Some(sole), ..Self::default() }
    }

    /// Shares out what passed since the last change.
    #[inline]
    pub(crate) fn advance(&mut self, now: Time) {
        let since = std::mem::replace(&mut self.since, now);
        if self.waiting.total() > 0 && since < now {
            self.accrue((now - since).as_nanos());
        }
    }

    fn accrue(&mut self, passed_ns: u64) {
        for (party, count) in self.waiting.iter() {
            let amount = u128::from(passed_ns) * u128::from(count) * UNITS;
            match self.sole {
                Some(sole) => self.matrix.share(party, amount, std::iter::empty(), sole),
                None => self.matrix.share(party, amount, self.holding.iter(), NOTHING),
            }
        }
    }

    pub(crate) fn wait(&mut self, now: Time, party: PartyKey) {
        self.advance(now);
        self.waiting.add(party, 1);
    }

    pub(crate) fn wait_no_more(&mut self, now: Time, party: PartyKey) {
        self.advance(now);
        self.waiting.remove(party, 1);
    }

    pub(crate) fn hold(&mut self, now: Time, party: PartyKey) {
        self.advance(now);
        self.holding.add(party, 1);
    }

    pub(crate) fn hold_no_more(&mut self, now: Time, party: PartyKey) {
        self.advance(now);
        self.holding.remove(party, 1);
    }

    /// A party holds with so much weight from now on.
    pub(crate) fn set_holding(&mut self, now: Time, party: PartyKey, weight: u64) {
        if self.holding.get(party) != weight {
            self.advance(now);
            self.holding.set(party, weight);
        }
    }

    /// Those whom `keep` names hold on; others hold nothing any more.
    pub(crate) fn keep_holding(&mut self, now: Time, keep: impl Fn(PartyKey) -> bool) {
        self.advance(now);
        self.holding.retain(keep);
    }

    pub(crate) fn set_sole(&mut self, now: Time, sole: Option<PartyKey>) {
        if self.sole != sole {
            self.advance(now);
            self.sole = sole;
        }
    }

    pub(crate) fn waiting(&self) -> &Counts {
        &self.waiting
    }

    /// Shares a refusal out as an instant of waiting would be.
    pub(crate) fn refuse(&self, refusals: &mut Matrix, party: PartyKey) {
        match self.sole {
            Some(sole) => refusals.share(party, REFUSAL, std::iter::empty(), sole),
            None => refusals.share(party, REFUSAL, self.holding.iter(), NOTHING),
        }
    }

    /// What has accrued up to `now`, in [`UNITS`] of a nanosecond; nothing has afterwards.
    pub(crate) fn take(&mut self, now: Time) -> Vec<Cell> {
        self.advance(now);
        self.matrix.take()
    }

    /// Whether the same are there as in another, whatever has accrued.
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        (&self.waiting, &self.holding, self.sole) == (&other.waiting, &other.holding, other.sole)
    }
}
