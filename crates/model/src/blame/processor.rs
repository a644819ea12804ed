//! The account of a processor: those who would run are on both sides, since each makes all others slower.
//!
//! Over an interval in which the same jobs run, each of them gets the same service s of the processor, read off the machine in its own
//! unit of 2⁻¹⁰ ns; of the time t each has waited t − s. That is shared out over the *other* running jobs, a core each, and over
//! the cores on which a collector marks; where there are neither, the capacity itself is too small (less than a core, or contention of a job
//! with itself), and nobody is to blame. A job that is queued (first come, first served) waits for all that run. While
//! the quota is burnt all wait for all that would run: they have burnt it, each also its own part.
//!
//! What a class waited is thus what the ledgers of its frames have as `cpu_wait` and `throttled` of the same time, with two
//! differences. A ledger is in whole nanoseconds and books a demand as done with the first in which its service is complete: it has more
//! by less than one nanosecond for each Compute. And a wait for something else that is over while its process is throttled is booked from
//! the instant of its end, here too; but not where that ends a wait for a pool, a lock, branches or a load, which goes on here.

use super::account::Counts;
use super::matrix::{Cell, Matrix};
use super::party_key::PartyKey;
use super::{NOTHING, UNITS};
use crate::record::Activity;
use knockon_kernel::Time;
use serde::{Deserialize, Serialize};

/// Weight of a job: a core in thousandths.
const CORE: u64 = 1000;

/// How the jobs of a processor fare for now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Speed {
    /// They run, as fast as the processor says.
    #[default]
    Running,
    /// The quota is burnt.
    Throttled,
    /// Nothing runs for another reason, which has an account of its own.
    Halted,
}

/// An account of a processor.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Processor {
    since: Time,
    /// Service that a running job has had up to then, since ever, in 2⁻¹⁰ ns.
    served: u64,
    speed: Speed,
    /// Thousandths of a core on which a collector marks.
    marking_milli: u32,
    /// Jobs, by party; while throttled these are those who would compute.
    jobs: Counts,
    /// Of them, those that wait in line for a core.
    queued: Counts,
    /// Who else cannot go on for the quota.
    held_up: Counts,
    matrix: Matrix,
}

impl Processor {
    /// Shares out what passed since the last change; `served` is what a job running ever since the beginning would have had.
    pub(crate) fn advance(&mut self, now: Time, served: u64) {
        let since = std::mem::replace(&mut self.since, now);
        let before = std::mem::replace(&mut self.served, served);
        if since == now || self.jobs.total() + self.held_up.total() == 0 {
            return;
        }
        let passed = u128::from((now - since).as_nanos()) * UNITS;
        match self.speed {
            Speed::Halted => {}
            Speed::Throttled => self.accrue_throttled(passed),
            Speed::Running => self.accrue(passed, u128::from(served.wrapping_sub(before))),
        }
    }

    fn accrue(&mut self, passed: u128, served: u128) {
        let short = passed.saturating_sub(served);
        if short == 0 && self.queued.total() == 0 {
            return;
        }
        let Self { jobs, queued, matrix, marking_milli, .. } = self;
        let marks = (PartyKey::of_nobody(Activity::Collector), u64::from(*marking_milli));
        let running = jobs.iter().map(|(party, count)| (party, count - queued.get(party)));
        for (party, count) in running.clone().filter(|&(_, count)| count > 0) {
            let others = running.clone().map(|(other, count)| (other, (count - u64::from(other == party)) * CORE));
            matrix.share(party, short * u128::from(count), others.chain([marks]), NOTHING);
        }
        let running = running.map(|(party, count)| (party, count * CORE)).chain([marks]);
        for (party, count) in queued.iter() {
            matrix.share(party, passed * u128::from(count), running.clone(), NOTHING);
        }
    }

    fn accrue_throttled(&mut self, passed: u128) {
        let Self { jobs, held_up, matrix, marking_milli, .. } = self;
        let marks = (PartyKey::of_nobody(Activity::Collector), u64::from(*marking_milli));
        let burners = jobs.iter().map(|(party, count)| (party, count * CORE)).chain([marks]);
        for (party, count) in jobs.iter().chain(held_up.iter()) {
            matrix.share(party, passed * u128::from(count), burners.clone(), PartyKey::of_nobody(Activity::Quota));
        }
    }

    /// Changes who is there, after [`Processor::advance`].
    pub(crate) fn jobs(&mut self) -> &mut Counts {
        &mut self.jobs
    }

    /// The same for who else waits for the quota.
    pub(crate) fn held_up(&mut self) -> &mut Counts {
        &mut self.held_up
    }

    /// How jobs fare from now on, on what a collector leaves.
    pub(crate) fn set_speed(&mut self, now: Time, served: u64, speed: Speed, marking_milli: u32) {
        if (self.speed, self.marking_milli) != (speed, marking_milli) {
            self.advance(now, served);
            (self.speed, self.marking_milli) = (speed, marking_milli);
        }
    }

    /// Who runs from now on; all other jobs are queued.
    pub(crate) fn set_running(&mut self, now: Time, served: u64, running: impl Iterator<Item = PartyKey>) {
        let mut queued = self.jobs.clone();
        running.for_each(|party| queued.remove(party, 1));
        if queued != self.queued {
            self.advance(now, served);
            self.queued = queued;
        }
    }

    /// What has accrued up to `now`, in [`UNITS`] of a nanosecond.
    pub(crate) fn take(&mut self, now: Time, served: u64) -> Vec<Cell> {
        self.advance(now, served);
        self.matrix.take()
    }

    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        (&self.jobs, &self.queued, &self.held_up) == (&other.jobs, &other.queued, &other.held_up)
            && (self.speed, self.marking_milli) == (other.speed, other.marking_milli)
    }
}
