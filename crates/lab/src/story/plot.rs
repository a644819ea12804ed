//! What a story holds, and how it is put together.

use super::blame::{BlameRow, Holder, Holders};
use super::documents::{Fault, Graph, Incident, Instant, Milestones};
use super::steps::{Step, Steps, WindowRow};
use super::stretches::APART_NS;
use super::toll::{EffectRow, Toll};
use super::words;
use crate::Calendar;
use crate::stretches::{Stretch, Stretches};
use crate::truth::Part;
use knockon_kernel::Time;
use serde::Serialize;
use std::collections::BTreeMap;

/// States of a process after which it begins anew: told as cycles when they come again.
const ENDS: [&str; 3] = ["exited", "oom_killed", "out_of_memory_error"];
/// Resources that blame is told of, and holders of each.
const RESOURCES: usize = 3;
const HOLDERS: usize = 2;

/// What happened in an incident.
#[derive(Clone, Debug, Serialize)]
pub struct Story {
    /// The record of it.
    pub incident: Incident,
    /// Its faults: what was set.
    pub faults: Vec<Fault>,
    /// What they did, in order.
    pub steps: Vec<Step>,
    /// Who was hurt, the most hurt first.
    pub tolls: Vec<Toll>,
    /// When, in the order of time.
    pub stretches: Vec<Stretch>,
    /// Requests that failed while worlds were compared, and fared no worse than without the faults.
    pub failed_anyway: u64,
    /// Who held what others waited for, over the whole incident; nothing where nobody looked.
    pub holders: Vec<Holder>,
    /// Processes that ended more than once.
    pub cycles: Vec<Cycle>,
}

/// A process that ended again and again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Cycle {
    /// The process.
    pub instance: String,
    /// As what it is found in `truth/milestones.json`.
    pub state: String,
    /// When, since the run began, in nanoseconds.
    pub offsets_ns: Vec<u64>,
}

/// A story whose rows are still to be seen.
#[derive(Clone, Debug)]
pub struct Opening {
    incident: Incident,
    faults: Vec<Fault>,
    steps: Steps,
    tolls: BTreeMap<(String, String), Toll>,
    stretches: Stretches,
    /// Requests that failed, and how many of them are the faults' doing.
    failed: u64,
    failed_of_faults: u64,
    holders: Holders,
    cycles: Vec<Cycle>,
    calendar: Calendar,
}

impl Opening {
    /// Of an incident, its graph, and all faults and milestones of the run.
    #[must_use]
    pub fn new(
        incident: Incident,
        graph: Option<&Graph>,
        faults: &[Fault],
        milestones: &Milestones,
        calendar: Calendar,
    ) -> Self {
        let empty = Graph { nodes: Vec::new(), edges: Vec::new() };
        let of_incident = |fault: &&Fault| incident.faults.iter().any(|found| found.name == fault.name);
        Self {
            faults: faults.iter().filter(of_incident).cloned().collect(),
            steps: Steps::of(graph.unwrap_or(&empty)),
            tolls: BTreeMap::new(),
            stretches: Stretches::new(APART_NS),
            failed: 0,
            failed_of_faults: incident.requests.added_failed,
            holders: Holders::default(),
            cycles: cycles(milestones, incident.start.offset_ns, incident.compared_until.offset_ns),
            incident,
            calendar,
        }
    }

    /// Looks at a row of `truth/windows`.
    pub fn window(&mut self, row: &WindowRow<'_>) {
        if row.contrast == self.incident.contrast {
            let calendar = self.calendar;
            let instant = |offset_ns| Instant { time: calendar.rfc3339(Time::from_nanos(offset_ns)), offset_ns };
            self.steps.see(row, instant);
        }
    }

    /// Looks at a row of `truth/effects`.
    pub fn effect(&mut self, row: &EffectRow<'_>) {
        if row.contrast != self.incident.contrast || !row.hurt {
            return;
        }
        let key = (row.source.to_owned(), row.name.to_owned());
        let toll = self.tolls.entry(key).or_insert_with_key(|(source, name)| Toll {
            source: source.clone(),
            name: name.clone(),
            ..Toll::default()
        });
        toll.add(row);
        let latency_ns = row.with.map_or(0, |with| with.latency_ns.max(0).cast_unsigned());
        self.stretches.add(row.sent_ns, row.sent_ns.saturating_add(latency_ns));
        self.failed_of_faults += u64::from(row.with.is_some_and(|with| with.failed));
    }

    /// Looks at a row of `truth/requests`: when it ended since the run began, in nanoseconds, and whether it failed.
    pub fn request(&mut self, ended_ns: u64, failed: bool) {
        let Incident { start, compared_until, .. } = &self.incident;
        if failed && (start.offset_ns..=compared_until.offset_ns).contains(&ended_ns) {
            self.failed += 1;
        }
    }

    /// Looks at a row of `truth/blame`.
    pub fn blame(&mut self, row: &BlameRow<'_>) {
        let Incident { start, compared_until, .. } = &self.incident;
        if row.start_ns >= start.offset_ns && row.end_ns <= compared_until.offset_ns {
            self.holders.add(row);
        }
    }

    /// The story.
    #[must_use]
    pub fn finish(self) -> Story {
        let mut tolls: Vec<_> = self.tolls.into_values().collect();
        tolls.sort_by(|a, b| b.hurt.cmp(&a.hurt).then_with(|| (&a.source, &a.name).cmp(&(&b.source, &b.name))));
        Story {
            incident: self.incident,
            faults: self.faults,
            steps: self.steps.finish(),
            tolls,
            stretches: self.stretches.iter().collect(),
            failed_anyway: self.failed.saturating_sub(self.failed_of_faults),
            holders: self.holders.finish(RESOURCES, HOLDERS),
            cycles: self.cycles,
        }
    }
}

impl Story {
    /// Components that are a certain thing to the incident.
    pub(super) fn components(&self, part: Part) -> Vec<&str> {
        let all = self.incident.components.iter().filter(|component| component.part == part);
        all.map(|component| component.name.as_str()).collect()
    }
}

/// Processes that ended more than once between two instants. A process that ran out of memory exits in the same instant: that counts once.
fn cycles(milestones: &Milestones, from: u64, until: u64) -> Vec<Cycle> {
    let mut all: BTreeMap<(&str, usize), Vec<u64>> = BTreeMap::new();
    for milestone in &milestones.milestones {
        let Some(end) = ENDS.iter().position(|&state| state == milestone.state) else { continue };
        if (from..=until).contains(&milestone.offset_ns) {
            all.entry((&milestone.instance, end)).or_default().push(milestone.offset_ns);
        }
    }
    let mut cycles: Vec<Cycle> = Vec::new();
    for ((instance, end), offsets_ns) in all {
        let known = cycles.iter().any(|cycle| cycle.instance == instance && cycle.offsets_ns.len() >= offsets_ns.len());
        if offsets_ns.len() > 1 && !known {
            cycles.push(Cycle { instance: instance.to_owned(), state: ENDS[end].to_owned(), offsets_ns });
        }
    }
    cycles
}

/// The incident that hurt most requests; the first of equals.
#[must_use]
pub fn worst(incidents: &[Incident]) -> Option<&Incident> {
    incidents.iter().rev().max_by_key(|incident| (incident.effect, incident.requests.hurt))
}

/// All incidents, a line each.
#[must_use]
pub fn overview(incidents: &[Incident]) -> String {
    let line = |incident: &Incident| {
        let names: Vec<_> = incident.faults.iter().map(|found| format!("`{}`", found.name)).collect();
        let came = if incident.effect {
            let harm = &incident.requests;
            format!(
                "{} requests hurt ({} failed, {} unanswered); {}",
                words::count(harm.hurt),
                words::count(harm.failed),
                words::count(harm.lost),
                incident.recovery.verdict
            )
        } else {
            "no effect".to_owned()
        };
        let number = format!("#{}", incident.incident);
        format!("{number:<5} {:>10}  {}: {came}\n", words::clock(incident.start.offset_ns), names.join(", "))
    };
    incidents.iter().map(line).collect()
}
