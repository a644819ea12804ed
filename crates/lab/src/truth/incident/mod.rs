//! The record of an incident: what was done, to whom it got, what it cost, whether it ended. One for each episode, concluded from its
//! contrasts; the file `truth/incidents.json`.

mod document;
mod interaction;
mod recovery;

pub use document::document;
pub use interaction::{FaultFound, Interaction, Role};
pub use recovery::Recovery;
pub(super) use recovery::lasts;

use super::causes;
use super::components::Components;
use super::contrast::Kind;
use super::episode::Episode;
use super::harm::Harm;
use super::metrics::Metrics;
use crate::Calendar;
use knockon_kernel::Time;
use knockon_model::Stop;
use knockon_model::blueprint::Blueprint;
use knockon_model::id::FaultId;
use serde::{Deserialize, Serialize};

/// What a component is to an incident.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// A fault acts on it.
    Trigger,
    /// It fares worse: a row of it is hurt.
    Victim,
    /// It does other work than without the fault, and fares no worse: rows of it are labelled, and none is hurt.
    Affected,
    /// No row of it is labelled.
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

/// An incident.
#[derive(Clone, Debug)]
pub struct Incident {
    /// When its first fault acted.
    pub from: Time,
    /// When worlds were compared no longer.
    pub until: Time,
    /// The limit that a world without some of the faults hit, if that was why.
    pub limit: Option<Stop>,
    /// When the last fault that does anything was taken back, if all were.
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

/// Numbers that are named for a component.
const EVIDENCE: usize = 6;

impl Incident {
    /// What an episode was.
    #[must_use]
    pub fn of(blueprint: &Blueprint, metrics: &Metrics, components: &Components, episode: &Episode) -> Self {
        let whole = episode.whole();
        let faults = interaction::found(episode);
        // One that does nothing is not in the way of a recovery, however long it is in force.
        let undone = acting(&faults).map(|found| undone(blueprint, found.fault, episode.until));
        let undone = undone.collect::<Option<Vec<_>>>();
        let undone = undone.and_then(|all| all.into_iter().max());
        Self {
            from: episode.from,
            until: episode.until,
            limit: episode.limit,
            undone,
            interaction: interaction::of(episode, &faults),
            components: of_components(blueprint, metrics, components, episode, &faults),
            harm: whole.harm,
            recovery: recovery::recovery(blueprint, metrics, components, episode, whole, undone),
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
        let broken_off = self.limit.map_or_else(String::new, |limit| {
            let until = Calendar::offset(self.until);
            format!("; compared until {until} only, since without the fault the run hits a limit: {limit}")
        });
        if !self.has_effect() {
            return format!("{names}: no effect (nothing beyond what chance does){broken_off}");
        }
        let Harm { hurt, failed, lost, waited_ns, .. } = self.harm;
        let mut text = format!("{names}: {hurt} requests hurt");
        if failed + lost > 0 {
            text.push_str(&format!(" ({failed} failed, {lost} unanswered)"));
        }
        text.push_str(&format!(", {:.0} user-seconds lost", waited_ns as f64 / 1e9));
        if self.interaction != Interaction::Single || self.faults.len() > 1 {
            text.push_str(&format!("; {}", self.interaction.words()));
        }
        match self.recovery {
            Recovery::At(at) => text.push_str(&format!("; recovered at {}", Calendar::offset(at))),
            other => text.push_str(&format!("; recovery: {}", other.words())),
        }
        text.push_str(&broken_off);
        text
    }

    /// The faults that may do anything; all of them where none does.
    pub(crate) fn acting(&self) -> impl Iterator<Item = &FaultFound> {
        acting(&self.faults)
    }

    /// Whether anything came of it.
    #[must_use]
    pub fn has_effect(&self) -> bool {
        self.components.iter().any(|component| component.onset.is_some())
    }
}

fn acting(faults: &[FaultFound]) -> impl Iterator<Item = &FaultFound> {
    let none_acts = faults.iter().all(|found| !found.role.may_act());
    faults.iter().filter(move |found| none_acts || found.role.may_act())
}

/// When a fault was taken back, or had done what it does; `None` while it is in force.
fn undone(blueprint: &Blueprint, fault: FaultId, now: Time) -> Option<Time> {
    let described = &blueprint.faults[fault.index()];
    match described.until {
        Some(until) => (until <= now).then_some(until),
        None => super::passes(blueprint, fault).then_some(described.at),
    }
}

fn of_components(
    blueprint: &Blueprint,
    metrics: &Metrics,
    components: &Components,
    episode: &Episode,
    faults: &[FaultFound],
) -> Vec<ComponentFound> {
    let whole = episode.whole();
    let triggers: Vec<String> = faults
        .iter()
        .filter(|found| found.role.may_act())
        .flat_map(|found| causes::components(blueprint, found.fault))
        .collect();
    let all = components.names.iter().enumerate().map(|(n, name)| {
        let reach = &whole.reach[n];
        let part = match (reach.labelled, reach.hurt) {
            _ if triggers.contains(name) => Part::Trigger,
            (false, _) => Part::Bystander,
            (true, true) => Part::Victim,
            (true, false) => Part::Affected,
        };
        let mut evidence: Vec<usize> = (0..metrics.list().len())
            .filter(|&metric| components.of_metric(metric) == n && whole.courses[metric].labelled > 0)
            .collect();
        evidence.sort_by_key(|&metric| (std::cmp::Reverse(whole.courses[metric].hurt), metric));
        evidence.truncate(EVIDENCE);
        let began = |onset| episode.began(onset, blueprint.scrape_interval, |contrast| contrast.reach[n].onset);
        ComponentFound { name: name.clone(), part, onset: reach.onset.map(began), last: reach.last, evidence }
    });
    all.collect()
}
