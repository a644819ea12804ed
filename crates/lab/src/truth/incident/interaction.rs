//! The part of each fault in an incident, and how they go together.

use crate::truth::contrast::{Contrast, Kind};
use crate::truth::episode::Episode;
use crate::truth::harm::Harm;
use knockon_model::id::FaultId;
use serde::{Deserialize, Serialize};

/// How the faults of an episode go together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interaction {
    /// There is one fault, or one that has an effect beside others that have none.
    Single,
    /// None of them has an effect, alone or with the others.
    NoEffect,
    /// Each has the effect that it has alone.
    Independent,
    /// None would have done it alone; together they did.
    Joint,
    /// Each would have done it alone; without any one of them it would have happened all the same.
    OverDetermined,
    /// A fault that would have had an effect alone had none beside the others.
    Masked,
}

impl Interaction {
    /// For people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Single => "a single fault has an effect",
            Self::NoEffect => "no effect",
            Self::Independent => "independent",
            Self::Joint => "joint: together they did what none does alone",
            Self::OverDetermined => "over-determined: each alone would have sufficed",
            Self::Masked => "one masks another",
        }
    }
}

/// A fault's part in an incident.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Without it, things would have been otherwise.
    Cause,
    /// Not needed, since another one sufficed as well.
    Redundant,
    /// It would have had an effect alone, but beside the others it had none.
    Masked,
    /// It had no effect.
    NoEffect,
    /// Too many others were on: what it does is known together with theirs only.
    NotContrasted,
}

impl Role {
    /// Whether there may be anything that the fault does, or would do alone.
    #[must_use]
    pub const fn may_act(self) -> bool {
        !matches!(self, Self::NoEffect)
    }
}

/// A fault of an incident.
#[derive(Clone, Debug)]
pub struct FaultFound {
    /// Which.
    pub fault: FaultId,
    /// Its part.
    pub role: Role,
    /// What would not have happened without it.
    pub harm: Harm,
    /// What it would have done alone, where there were others.
    pub alone: Option<Harm>,
}

/// Requests that must have been hurt before it is they that decide.
const FEW: u64 = 10;
/// How many times as many requests a fault must hurt alone as it is needed for, to count as not needed.
const NOT_NEEDED: u64 = 10;

/// What a fault is needed for, and what it does alone, in requests: failed or lost, and hurt.
fn sizes(episode: &Episode, fault: FaultId) -> [(u64, u64); 2] {
    let harm = |kind| episode.find(kind).map_or_else(Harm::default, |contrast| contrast.harm);
    let (needed, alone) = (harm(Kind::Necessity(fault)), harm(Kind::Sufficiency(fault)));
    [(needed.failed + needed.lost, alone.failed + alone.lost), (needed.hurt, alone.hurt)]
}

/// Whether what a fault does alone happens all the same without it: by what fails, or, where hardly anything does, by what is hurt.
fn is_needless(episode: &Episode, fault: FaultId) -> bool {
    let measure = sizes(episode, fault).into_iter().find(|&(_, alone)| alone >= FEW);
    measure.is_some_and(|(needed, alone)| needed <= alone / NOT_NEEDED)
}

pub(super) fn found(episode: &Episode) -> Vec<FaultFound> {
    let has = |kind| episode.find(kind).is_some_and(Contrast::has_effect);
    let is_needed = |fault| has(Kind::Necessity(fault)) && !is_needless(episode, fault);
    let any_needed = episode.faults.iter().any(|&fault| is_needed(fault));
    let contrasted = episode.faults.iter().map(|&fault| {
        let alone = episode.find(Kind::Sufficiency(fault));
        let suffices = alone.is_some_and(Contrast::has_effect);
        let role = match (is_needed(fault), suffices) {
            (true, _) => Role::Cause,
            (false, true) if any_needed => Role::Masked,
            (false, true) => Role::Redundant,
            (false, false) => Role::NoEffect,
        };
        let harm = episode.find(Kind::Necessity(fault)).map_or_else(Harm::default, |contrast| contrast.harm);
        FaultFound { fault, role, harm, alone: alone.map(|contrast| contrast.harm) }
    });
    let left_out = episode.not_contrasted.iter().map(|&fault| FaultFound {
        fault,
        role: Role::NotContrasted,
        harm: Harm::default(),
        alone: None,
    });
    contrasted.chain(left_out).collect()
}

pub(super) fn of(episode: &Episode, faults: &[FaultFound]) -> Interaction {
    let has = |kind| episode.find(kind).is_some_and(Contrast::has_effect);
    if !episode.whole().has_effect() && faults.iter().all(|fault| fault.role != Role::Cause) {
        return Interaction::NoEffect;
    }
    let causes: Vec<_> = faults.iter().filter(|fault| fault.role == Role::Cause).collect();
    let idle = faults.iter().filter(|fault| fault.role == Role::NoEffect).count();
    if faults.len() == 1 || causes.len() == 1 && idle + 1 == faults.len() {
        return Interaction::Single;
    }
    if faults.iter().any(|fault| fault.role == Role::Masked) {
        return Interaction::Masked;
    }
    if faults.iter().filter(|fault| fault.role == Role::Redundant).count() > 1 {
        return Interaction::OverDetermined;
    }
    if causes.len() > 1 && causes.iter().all(|cause| !has(Kind::Sufficiency(cause.fault))) {
        return Interaction::Joint;
    }
    // What all do together against the sum of what each does alone.
    let cost = |harm: &Harm| {
        if episode.whole().harm.failed + episode.whole().harm.lost >= FEW { harm.failed + harm.lost } else { harm.hurt }
    };
    let alone: u64 = faults.iter().filter_map(|fault| fault.alone.as_ref()).map(cost).sum();
    let together = cost(&episode.whole().harm);
    let is_more = episode.not_contrasted.is_empty() && together >= FEW && together > alone + alone / 4;
    if causes.len() > 1 && is_more { Interaction::Joint } else { Interaction::Independent }
}
