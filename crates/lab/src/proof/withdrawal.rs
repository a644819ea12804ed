//! The point of no return: had the faults been withdrawn before it, users would have recovered; withdrawn after it, they do not.
//!
//! Faults are withdrawn by ending their patches and sources at an instant; what was to come later never comes. A deploy is rolled back: the
//! processes are replaced again, by ones with the values before. What passes in an instant (a kill, a flush) cannot be withdrawn.
//!
//! The instant is of this seed: another one would draw another crowd. It is looked for as if there were but one; where outcomes do not change
//! once only, that is said.

use super::ground::Ground;
use super::parameter;
use super::share::side_by_side;
use knockon_kernel::{Duration, Time};
use knockon_model::blueprint::{Action, Blueprint, Patch};
use knockon_model::id::FaultId;

/// Instants that are tried at once: their number decides which they are, so it is not that of the threads.
const INSTANTS: u64 = 3;
/// To within what it is found.
const RESOLUTION: Duration = Duration::from_secs(1);

/// When it is too late.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Withdrawal {
    /// Users recover if all is withdrawn at the first instant, and do not if at the second.
    Between(Time, Time),
    /// They recover whenever it is withdrawn, of what was tried.
    Always,
    /// They do not recover even if it is withdrawn at once.
    Never,
    /// All was done in an instant.
    Nothing,
}

/// When it is too late, and by what it is known.
#[derive(Clone, Debug)]
pub struct PointOfNoReturn {
    /// When.
    pub withdrawal: Withdrawal,
    /// Instants of withdrawal that were tried, and whether users recovered.
    pub tried: Vec<(Time, bool)>,
}

impl PointOfNoReturn {
    /// Whether no instant after one at which it was too late was early enough.
    #[must_use]
    pub fn is_single(&self) -> bool {
        self.tried.windows(2).all(|pair| pair[0].1 || !pair[1].1)
    }
}

pub(super) fn find(ground: &Ground) -> PointOfNoReturn {
    let lasting = |fault: &FaultId| lasts(&ground.blueprint, *fault);
    if !ground.faults.iter().any(lasting) {
        return PointOfNoReturn { withdrawal: Withdrawal::Nothing, tried: Vec::new() };
    }
    let resolution = RESOLUTION.as_nanos();
    let end = Time::ZERO + ground.blueprint.duration;
    let (mut from, mut until) = (ground.from.as_nanos(), ground.undone.unwrap_or(end).as_nanos());
    let between = |from: u64, until: u64| {
        let within = (1..=INSTANTS).map(move |n| from + (until - from) / (INSTANTS + 1) * n);
        within.filter(move |&at| at > from && at < until)
    };
    let try_all = |instants: Vec<u64>| {
        let recovers = side_by_side(&instants, ground.threads, |&at| recovers(ground, Time::from_nanos(at)));
        instants.into_iter().zip(recovers).collect::<Vec<(u64, bool)>>()
    };
    let first = (from + resolution).min(until.saturating_sub(1));
    let mut tried = try_all(std::iter::once(first).chain(between(first, until)).chain([until]).collect());
    loop {
        tried.sort_unstable();
        // The last change for the worse.
        let turn = tried.windows(2).rposition(|pair| pair[0].1 && !pair[1].1);
        let Some(turn) = turn else { break };
        (from, until) = (tried[turn].0, tried[turn + 1].0);
        let next: Vec<u64> = between(from, until).collect();
        if until - from <= resolution || next.is_empty() {
            break;
        }
        tried.extend(try_all(next));
    }
    let withdrawal = match (tried.iter().any(|one| one.1), tried.last().is_some_and(|last| last.1)) {
        (false, _) => Withdrawal::Never,
        (true, true) => Withdrawal::Always,
        (true, false) => Withdrawal::Between(Time::from_nanos(from), Time::from_nanos(until)),
    };
    let tried = tried.into_iter().map(|(at, recovers)| (Time::from_nanos(at), recovers)).collect();
    PointOfNoReturn { withdrawal, tried }
}

/// Whether there is anything of a fault to withdraw.
fn lasts(blueprint: &Blueprint, fault: FaultId) -> bool {
    let described = &blueprint.faults[fault.index()];
    let mut patches = blueprint.patches.iter().filter(|patch| patch.fault == Some(fault));
    let sets = |patch: &Patch| matches!(patch.action, Action::Set(_) | Action::Deploy { .. });
    described.until.is_some() || described.kind == "surge" || patches.any(sets)
}

/// Whether users recover if all is withdrawn at an instant. Who hits a limit does not.
fn recovers(ground: &Ground, at: Time) -> bool {
    let withdrawn = withdrawn(&ground.blueprint, &ground.faults, at);
    ground.patiently(withdrawn, at).is_ok_and(|trial| trial.recovers())
}

/// The run in which some faults end at an instant.
pub(super) fn withdrawn(blueprint: &Blueprint, faults: &[FaultId], at: Time) -> Blueprint {
    let mut changed = blueprint.clone();
    let mut rolled_back = Vec::new();
    let is_one = |fault: Option<FaultId>| fault.is_some_and(|fault| faults.contains(&fault));
    changed.patches.retain(|patch| !is_one(patch.fault) || patch.at < at);
    for patch in changed.patches.iter_mut().filter(|patch| is_one(patch.fault)) {
        match &patch.action {
            Action::Deploy { service, set } => {
                let before =
                    set.iter().filter_map(|&(target, _)| Some((target, parameter::original(blueprint, target)?)));
                let action = Action::Deploy { service: *service, set: before.collect() };
                rolled_back.push(Patch { fault: patch.fault, at, until: None, action });
            }
            Action::Set(_) => patch.until = Some(patch.until.map_or(at, |until| until.min(at))),
            _ => patch.until = patch.until.map(|until| until.min(at)),
        }
    }
    let place = changed.patches.partition_point(|patch| patch.at <= at);
    changed.patches.splice(place..place, rolled_back);
    for source in changed.sources.iter_mut().filter(|source| is_one(source.fault)) {
        source.until = Some(source.until.map_or(at, |until| until.min(at)));
    }
    for &fault in faults {
        if lasts(blueprint, fault) {
            let described = &mut changed.faults[fault.index()];
            described.at = described.at.min(at);
            described.until = Some(described.until.map_or(at, |until| until.min(at)));
        }
    }
    changed
}
