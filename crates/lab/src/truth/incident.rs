//! The record of an incident: what was done, to whom it got, what it cost, whether it ended. One for each episode, concluded from its
//! contrasts; the file `truth/incidents.json`.

use super::HORIZON;
use super::components::Components;
use super::contrast::{Contrast, Kind};
use super::episode::Episode;
use super::harm::Harm;
use super::metric::Metrics;
use crate::Calendar;
use knockon_kernel::{Duration, Time};
use knockon_model::blueprint::Blueprint;
use knockon_model::id::FaultId;
use serde::{Deserialize, Serialize};

/// How the faults of an episode go together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interaction {
    /// There is one fault.
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
            Self::Single => "a single fault",
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
    /// Too many others were on: it was compared with nothing.
    NotContrasted,
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

/// What a component is to an incident.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// A fault acts on it.
    Trigger,
    /// It fares worse.
    Victim,
    /// It does other work than without the fault, and fares no worse.
    Affected,
    /// Nothing of it leaves its bands.
    Bystander,
}

/// A component of an incident.
#[derive(Clone, Debug)]
pub struct ComponentFound {
    /// Its name.
    pub name: String,
    /// What it is to the incident.
    pub part: Part,
    /// When it was first affected.
    pub onset: Option<Time>,
    /// When it was last.
    pub last: Option<Time>,
    /// Its numbers that moved most often, as indices of metrics.
    pub evidence: Vec<usize>,
}

/// Whether, and when, users fared as without the faults again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recovery {
    /// No user fared worse in the first place.
    NothingToRecoverFrom,
    /// From this instant on.
    At(Time),
    /// Not while a fault was in force, as one was to the end.
    InForce,
    /// Not by the end of the run, which came soon after the fault's.
    NotYet,
    /// Not, long after everything that had been done was undone: something else sustains it.
    Metastable,
}

/// An incident.
#[derive(Clone, Debug)]
pub struct Incident {
    /// When its first fault acted.
    pub from: Time,
    /// When worlds were compared no longer.
    pub until: Time,
    /// When the last fault was taken back, if all were.
    pub undone: Option<Time>,
    /// Its faults, in the order of their times.
    pub faults: Vec<FaultFound>,
    /// How they go together.
    pub interaction: Interaction,
    /// Every component.
    pub components: Vec<ComponentFound>,
    /// What requests suffered of all faults together.
    pub harm: Harm,
    /// Whether it ended.
    pub recovery: Recovery,
    /// The contrast that all this is read from.
    pub contrast: u32,
    /// Numbers of all its contrasts, with what they are about.
    pub contrasts: Vec<(u32, Kind)>,
}

/// Windows at the end of an episode that decide whether it is over.
const LAST_WINDOWS: u64 = 5;
/// Numbers that are named for a component.
const EVIDENCE: usize = 6;

impl Incident {
    /// What an episode was.
    #[must_use]
    pub fn of(blueprint: &Blueprint, metrics: &Metrics, components: &Components, episode: &Episode) -> Self {
        let whole = episode.whole();
        let undone =
            episode.faults.iter().map(|&fault| undone(blueprint, fault, episode.until)).collect::<Option<Vec<_>>>();
        let undone = undone.and_then(|all| all.into_iter().max());
        let faults = found(episode);
        Self {
            from: episode.from,
            until: episode.until,
            undone,
            interaction: interaction(episode, &faults),
            components: of_components(blueprint, metrics, components, episode, whole),
            harm: whole.harm,
            recovery: recovery(blueprint, components, episode, whole, undone),
            contrast: whole.number,
            contrasts: episode.contrasts.iter().map(|contrast| (contrast.number, contrast.kind)).collect(),
            faults,
        }
    }

    /// What was done, what it cost and whether it ended, in a line.
    #[must_use]
    pub fn in_words(&self, blueprint: &Blueprint) -> String {
        let name = |found: &FaultFound| blueprint.faults[found.fault.index()].name.clone();
        let names: Vec<_> = self.faults.iter().map(name).collect();
        let names = names.join(" and ");
        if !self.has_effect() {
            return format!("{names}: no effect (nothing beyond what chance does)");
        }
        let Harm { hurt, failed, lost, waited_ns, .. } = self.harm;
        let mut text = format!("{names}: {hurt} requests hurt");
        if failed + lost > 0 {
            text.push_str(&format!(" ({failed} failed, {lost} lost)"));
        }
        text.push_str(&format!(", {:.0} user-seconds lost", waited_ns as f64 / 1e9));
        if self.interaction != Interaction::Single {
            text.push_str(&format!("; {}", self.interaction.words()));
        }
        match self.recovery {
            Recovery::At(at) => text.push_str(&format!("; recovered at {}", Calendar::offset(at))),
            other => text.push_str(&format!("; recovery: {}", other.words())),
        }
        text
    }

    /// Whether anything came of it.
    #[must_use]
    pub fn has_effect(&self) -> bool {
        self.components.iter().any(|component| component.onset.is_some())
    }
}

/// When a fault was taken back, or had done what it does; `None` while it is in force.
fn undone(blueprint: &Blueprint, fault: FaultId, now: Time) -> Option<Time> {
    let described = &blueprint.faults[fault.index()];
    match described.until {
        Some(until) => (until <= now).then_some(until),
        None => super::passes(blueprint, fault).then_some(described.at),
    }
}

fn found(episode: &Episode) -> Vec<FaultFound> {
    let has = |kind| episode.find(kind).is_some_and(Contrast::has_effect);
    let any_necessary = episode.faults.iter().any(|&fault| has(Kind::Necessity(fault)));
    let contrasted = episode.faults.iter().map(|&fault| {
        let alone = episode.find(Kind::Sufficiency(fault));
        let suffices = alone.is_some_and(Contrast::has_effect);
        let role = match (has(Kind::Necessity(fault)), suffices) {
            (true, _) => Role::Cause,
            (false, true) if any_necessary => Role::Masked,
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

fn interaction(episode: &Episode, faults: &[FaultFound]) -> Interaction {
    let has = |kind| episode.find(kind).is_some_and(Contrast::has_effect);
    if !episode.whole().has_effect() && faults.iter().all(|fault| fault.role != Role::Cause) {
        return Interaction::NoEffect;
    }
    if episode.faults.len() == 1 {
        return Interaction::Single;
    }
    if faults.iter().any(|fault| fault.role == Role::Masked) {
        return Interaction::Masked;
    }
    if faults.iter().filter(|fault| fault.role == Role::Redundant).count() > 1 {
        return Interaction::OverDetermined;
    }
    let causes: Vec<_> = faults.iter().filter(|fault| fault.role == Role::Cause).collect();
    if causes.len() > 1 && causes.iter().all(|cause| !has(Kind::Sufficiency(cause.fault))) {
        return Interaction::Joint;
    }
    // What all do together against the sum of what each does alone.
    let alone: u64 = faults.iter().filter_map(|fault| fault.alone).map(|harm| harm.hurt + harm.helped).sum();
    let together = episode.whole().harm;
    let together = together.hurt + together.helped;
    if causes.len() > 1 && together > alone + alone / 4 { Interaction::Joint } else { Interaction::Independent }
}

fn of_components(
    blueprint: &Blueprint,
    metrics: &Metrics,
    components: &Components,
    episode: &Episode,
    whole: &Contrast,
) -> Vec<ComponentFound> {
    let acted_on = |name: &String| {
        episode.faults.iter().any(|&fault| blueprint.faults[fault.index()].component.split('/').next() == Some(name))
    };
    let all = components.names.iter().enumerate().map(|(n, name)| {
        let reach = &whole.reach[n];
        let part = match (reach.onset.is_some(), reach.hurt) {
            _ if acted_on(name) => Part::Trigger,
            (false, _) => Part::Bystander,
            (true, true) => Part::Victim,
            (true, false) => Part::Affected,
        };
        let mut evidence: Vec<usize> = (0..metrics.list().len())
            .filter(|&metric| components.of_metric(metric) == n && whole.courses[metric].labelled > 0)
            .collect();
        evidence.sort_by_key(|&metric| (std::cmp::Reverse(whole.courses[metric].hurt), metric));
        evidence.truncate(EVIDENCE);
        ComponentFound { name: name.clone(), part, onset: reach.onset, last: reach.last, evidence }
    });
    all.collect()
}

fn recovery(
    blueprint: &Blueprint,
    components: &Components,
    episode: &Episode,
    whole: &Contrast,
    undone: Option<Time>,
) -> Recovery {
    let sources = components
        .names
        .iter()
        .zip(&whole.reach)
        .filter(|(name, _)| blueprint.sources.iter().any(|source| source.name == **name));
    let Some(last) = sources.filter_map(|(_, reach)| reach.last_hurt).max() else {
        return Recovery::NothingToRecoverFrom;
    };
    // While a fault is in force, what it does may come again.
    let lasts = match undone {
        Some(_) => Duration::from_nanos(blueprint.scrape_interval.as_nanos().saturating_mul(LAST_WINDOWS)),
        None => HORIZON,
    };
    if episode.settled || last.saturating_add(lasts) <= episode.until {
        return Recovery::At(last);
    }
    match undone {
        None => Recovery::InForce,
        Some(undone) if undone.saturating_add(HORIZON) <= episode.until => Recovery::Metastable,
        Some(_) => Recovery::NotYet,
    }
}

/// The file `truth/incidents.json`.
#[must_use]
pub fn document(
    incidents: &[Incident],
    blueprint: &Blueprint,
    metrics: &Metrics,
    calendar: Calendar,
) -> impl Serialize {
    incidents.iter().enumerate().map(|(n, incident)| row(n, incident, blueprint, metrics, calendar)).collect::<Vec<_>>()
}

#[derive(Serialize)]
struct Row {
    incident: usize,
    effect: bool,
    contrast: u32,
    contrasts: Vec<ContrastRow>,
    start: Instant,
    undone: Option<Instant>,
    compared_until: Instant,
    interaction: Interaction,
    faults: Vec<FaultRow>,
    recovery: RecoveryRow,
    requests: HarmRow,
    components: Vec<ComponentRow>,
}

#[derive(Serialize)]
struct ContrastRow {
    contrast: u32,
    kind: &'static str,
    faults: Vec<String>,
}

#[derive(Serialize)]
struct Instant {
    time: String,
    offset_ns: u64,
}

#[derive(Serialize)]
struct FaultRow {
    name: String,
    component: String,
    kind: String,
    start: Instant,
    role: Role,
    without_it: HarmRow,
    alone: Option<HarmRow>,
}

#[derive(Serialize)]
struct HarmRow {
    compared: u64,
    hurt: u64,
    failed: u64,
    lost: u64,
    helped: u64,
    user_seconds_lost: f64,
    first_hurt: Option<Instant>,
    last_hurt: Option<Instant>,
}

#[derive(Serialize)]
struct RecoveryRow {
    verdict: &'static str,
    at: Option<Instant>,
}

#[derive(Serialize)]
struct ComponentRow {
    name: String,
    part: Part,
    onset: Option<Instant>,
    last: Option<Instant>,
    evidence: Vec<String>,
}

fn row(n: usize, incident: &Incident, blueprint: &Blueprint, metrics: &Metrics, calendar: Calendar) -> Row {
    let instant = |time: Time| Instant { time: calendar.rfc3339(time), offset_ns: time.as_nanos() };
    let harm = |harm: &Harm| HarmRow {
        compared: harm.compared,
        hurt: harm.hurt,
        failed: harm.failed,
        lost: harm.lost,
        helped: harm.helped,
        user_seconds_lost: harm.waited_ns as f64 / 1e9,
        first_hurt: harm.first.map(instant),
        last_hurt: harm.last.map(instant),
    };
    Row {
        incident: n,
        effect: incident.has_effect(),
        contrast: incident.contrast,
        contrasts: incident
            .contrasts
            .iter()
            .map(|&(contrast, kind)| {
                let all: Vec<FaultId> = incident.faults.iter().map(|found| found.fault).collect();
                let name = |fault: FaultId| blueprint.faults[fault.index()].name.clone();
                ContrastRow { contrast, kind: kind.word(), faults: kind.faults(&all).into_iter().map(name).collect() }
            })
            .collect(),
        start: instant(incident.from),
        undone: incident.undone.map(instant),
        compared_until: instant(incident.until),
        interaction: incident.interaction,
        faults: incident
            .faults
            .iter()
            .map(|found| {
                let fault = &blueprint.faults[found.fault.index()];
                FaultRow {
                    name: fault.name.clone(),
                    component: fault.component.clone(),
                    kind: fault.kind.clone(),
                    start: instant(fault.at),
                    role: found.role,
                    without_it: harm(&found.harm),
                    alone: found.alone.as_ref().map(harm),
                }
            })
            .collect(),
        recovery: RecoveryRow {
            verdict: incident.recovery.words(),
            at: match incident.recovery {
                Recovery::At(at) => Some(instant(at)),
                _ => None,
            },
        },
        requests: harm(&incident.harm),
        components: incident
            .components
            .iter()
            .map(|component| ComponentRow {
                name: component.name.clone(),
                part: component.part,
                onset: component.onset.map(instant),
                last: component.last.map(instant),
                evidence: component.evidence.iter().map(|&metric| metrics.list()[metric].path()).collect(),
            })
            .collect(),
    }
}

impl Recovery {
    /// For people and files.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::NothingToRecoverFrom => "no user fared worse",
            Self::At(_) => "recovered",
            Self::InForce => "none: a fault is in force to the end",
            Self::NotYet => "none by the end of the run",
            Self::Metastable => "none: metastable",
        }
    }
}
