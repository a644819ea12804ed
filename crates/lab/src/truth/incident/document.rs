//! An incident as it is written.

use super::{Incident, Interaction, Part, Recovery, Role};
use crate::Calendar;
use crate::truth::harm::Harm;
use crate::truth::metrics::Metrics;
use knockon_kernel::Time;
use knockon_model::blueprint::Blueprint;
use knockon_model::id::FaultId;
use serde::Serialize;

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
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<String>,
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
    added: u64,
    added_failed: u64,
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
        added: harm.added,
        added_failed: harm.added_failed,
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
        limit: incident.limit.map(|limit| limit.to_string()),
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
