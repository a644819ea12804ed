//! What proofs of an incident start from: the system, what its faults did to it as it is, and what of it they touched.

use super::parameter::{self, Setting};
use super::trial::{self, Rest, Trial};
use crate::truth::{HORIZON, Harm, Incident, Part, Recovery};
use knockon_kernel::{Duration, Sampler, Time};
use knockon_model::Stop;
use knockon_model::blueprint::{Action, Blueprint, Target};
use knockon_model::id::{FaultId, SamplerId, ServiceId};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

/// How long after the last fault was undone users must fare as without it again, if they are to be said to recover: the time after which an
/// incident that goes on is called metastable, and as long again to see that it is over.
pub(super) const PATIENCE: Duration = Duration::from_nanos(2 * HORIZON.as_nanos());

/// What of the harm is compared between systems.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Measure {
    /// Requests that failed or were lost.
    Failed,
    /// Requests that were hurt in any way, where next to none failed.
    Hurt,
}

impl Measure {
    /// What fits an incident: requests that failed or were lost, if they are at least one of a hundred hurt.
    fn of(harm: &Harm) -> Self {
        if (harm.failed + harm.lost) * 100 >= harm.hurt.max(1) { Self::Failed } else { Self::Hurt }
    }

    /// How many they were.
    #[must_use]
    pub fn count(self, harm: &Harm) -> u64 {
        match self {
            Self::Failed => harm.failed + harm.lost,
            Self::Hurt => harm.hurt,
        }
    }

    /// For people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Failed => "failed or unanswered",
            Self::Hurt => "hurt",
        }
    }
}

/// What proofs start from.
#[derive(Debug)]
pub(super) struct Ground {
    /// The system; with a law more, of times that are as good as none.
    pub(super) blueprint: Blueprint,
    pub(super) no_time: SamplerId,
    /// The faults of the incident.
    pub(super) faults: Vec<FaultId>,
    /// Of them, those that may do anything.
    pub(super) acting: Vec<FaultId>,
    /// Names of the components that the incident touched.
    touched: BTreeSet<String>,
    /// Parameters that the faults themselves set.
    own: Vec<Target>,
    pub(super) measure: Measure,
    pub(super) before: Harm,
    pub(super) from: Time,
    until: Time,
    /// When the last fault was undone, whether users recovered from then on by the end of the run, and whether they would have in a longer one.
    pub(super) undone: Option<Time>,
    pub(super) recovery: Recovery,
    pub(super) recovers: bool,
    pub(super) rest: Rest,
    pub(super) threads: usize,
    runs: AtomicU32,
}

impl Ground {
    pub(super) fn of(blueprint: &Blueprint, incident: &Incident, threads: usize) -> Result<Self, Stop> {
        let mut blueprint = blueprint.clone();
        let no_time = SamplerId(blueprint.samplers.len() as u32);
        blueprint.samplers.push(Sampler::constant(1.0).expect("a nanosecond is a time"));
        let faults: Vec<FaultId> = incident.faults.iter().map(|found| found.fault).collect();
        let acting = incident.acting().map(|found| found.fault).collect();
        let set = |action: &Action| match action {
            Action::Set(set) | Action::Deploy { set, .. } => set.iter().map(|&(target, _)| target).collect(),
            _ => Vec::new(),
        };
        let of_faults =
            blueprint.patches.iter().filter(|patch| patch.fault.is_some_and(|fault| faults.contains(&fault)));
        let own = of_faults.flat_map(|patch| set(&patch.action)).collect();
        let touched = incident.components.iter().filter(|component| component.part != Part::Bystander);
        let mut ground = Self {
            rest: Rest::of(&blueprint, incident.until)?,
            until: incident.until,
            no_time,
            acting,
            faults,
            touched: touched.map(|component| component.name.clone()).collect(),
            own,
            measure: Measure::of(&incident.harm),
            before: incident.harm,
            from: incident.from,
            undone: incident.undone,
            recovery: incident.recovery,
            recovers: trial::recovers(incident.recovery),
            threads,
            runs: AtomicU32::new(1),
            blueprint,
        };
        if ground.comes_after_others() {
            // They are set aside from now on, and so they are in what is compared with.
            let trial = ground.try_out(&ground.blueprint, |_| false)?.expect("nothing is enough");
            ground.recovers = trial.recovers();
            (ground.before, ground.recovery) = (trial.harm, trial.recovery);
            ground.measure = Measure::of(&ground.before);
        }
        if let Some(undone) = ground.undone
            && !ground.recovers
        {
            // The run may have ended before anybody could tell.
            let trial = ground.patiently(ground.blueprint.clone(), undone)?;
            ground.recovers = trial.recovers();
        }
        Ok(ground)
    }

    /// Whether faults act before the incident that are no part of it.
    fn comes_after_others(&self) -> bool {
        let mut others =
            (0..self.blueprint.faults.len() as u32).map(FaultId).filter(|fault| !self.faults.contains(fault));
        others.any(|fault| self.blueprint.faults[fault.index()].at < self.from)
    }

    /// How an incident goes in a changed system; `None` where it was broken off since it had cost `enough`.
    pub(super) fn try_out(&self, blueprint: &Blueprint, enough: impl Fn(&Harm) -> bool) -> Result<Option<Trial>, Stop> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        trial::run(blueprint, &self.faults, enough)
    }

    /// The same in a run that goes on until it is clear whether users recover, if all is undone at an instant.
    pub(super) fn patiently(&self, mut blueprint: Blueprint, undone: Time) -> Result<Trial, Stop> {
        blueprint.duration = undone.saturating_add(PATIENCE) - Time::ZERO;
        let trial = self.try_out(&blueprint, |_| false)?;
        Ok(trial.expect("nothing is enough"))
    }

    /// Why a changed system is not as healthy without the faults as it is unchanged; `None` if it is.
    pub(super) fn ails(&self, changed: &Blueprint) -> Option<String> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        match Rest::of(changed, self.until) {
            Ok(rest) => rest.worse_than(&self.rest),
            Err(stop) => Some(format!("without any fault it hits a limit: {stop}")),
        }
    }

    /// Runs so far.
    pub(super) fn runs(&self) -> u32 {
        self.runs.load(Ordering::Relaxed)
    }

    pub(super) fn touches(&self, component: &str) -> bool {
        self.touched.contains(component)
    }

    /// Services that the incident touched.
    pub(super) fn services(&self) -> impl Iterator<Item = ServiceId> + '_ {
        let all = (0..self.blueprint.services.len() as u32).map(ServiceId);
        all.filter(|&service| self.touches(&self.blueprint[service].name))
    }

    /// Whether the faults themselves set a parameter: then it is no part of the system.
    pub(super) fn is_own(&self, target: Target) -> bool {
        self.own.contains(&target)
    }

    /// What settings are, for people: path, from, to.
    pub(super) fn described(&self, settings: &[Setting]) -> Vec<Described> {
        let describe = |&(target, value): &Setting| Described {
            path: parameter::path(&self.blueprint, target),
            from: parameter::read(&self.blueprint, target)
                .map_or_else(|| "as it is".to_owned(), |value| parameter::show(target, value)),
            to: match (target, value) {
                (Target::Vacation(..), _) => "none".to_owned(),
                _ => parameter::show(target, value),
            },
        };
        settings.iter().map(describe).collect()
    }
}

/// A parameter that was set: path, from, to, as scenarios write them.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Described {
    /// Its path.
    pub path: String,
    /// What it is.
    pub from: String,
    /// What it became.
    pub to: String,
}
