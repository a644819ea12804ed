//! The closing lines of a run: what was simulated and how fast, what became of the requests, the incident's timeline, whether
//! what was expected held, where the output lies, the digest. The same facts as text for people and as JSON for programs.

use crate::expectations::{Judgement, Verdict};
use crate::milestones::Milestones;
use crate::timeline::{self, Moment};
use crate::truth::Incident;
use crate::{Calendar, faults, topology};
use knockon_kernel::Time;
use knockon_model::blueprint::Blueprint;
use knockon_model::statistics::Statistics;
use std::fmt::Write as _;

/// What is known at the end of a run.
#[derive(Clone, Debug)]
pub struct Summary<'a> {
    /// Name of the scenario.
    pub name: &'a str,
    /// Its title; may be empty.
    pub title: &'a str,
    /// What was run.
    pub blueprint: &'a Blueprint,
    /// Aggregates at the end.
    pub statistics: &'a Statistics,
    /// What happened to the components.
    pub milestones: &'a Milestones,
    /// What its faults did, against the same world without them.
    pub incidents: &'a [Incident],
    /// What was expected.
    pub judgements: &'a [Judgement],
    /// Simulated time that was reached.
    pub end: Time,
    /// Wall time in seconds.
    pub wall_s: f64,
    /// Events handled.
    pub events: u64,
    /// Fingerprint of the run.
    pub digest: u128,
    /// The limit that ended the run early.
    pub limit: Option<String>,
    /// What was written.
    pub written: Option<Written>,
}

/// The folder of a run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    /// Where it lies.
    pub folder: String,
    /// Rows of all tables.
    pub rows: u64,
    /// Bytes of all tables.
    pub bytes: u64,
}

/// Requests of all sources.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Requests {
    sent: u64,
    answered: u64,
    failed: u64,
    in_flight: u64,
}

impl Summary<'_> {
    /// For people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{}, seed {}", self.name, self.blueprint.seed);
        if !self.title.is_empty() {
            let _ = write!(text, ": {}", self.title);
        }
        text.push('\n');
        let mut line = |head: &str, body: String| {
            let _ = writeln!(text, "{head:<13}{body}");
        };
        line("topology", topology::in_words(self.blueprint));
        line("simulated", self.speed());
        line("requests", self.requests_in_words());
        for (n, told) in timeline::lines(&self.moments()).into_iter().enumerate() {
            line(if n == 0 { "timeline" } else { "" }, told);
        }
        for (n, told) in self.incidents_in_words().into_iter().enumerate() {
            line(if n == 0 { "truth" } else { "" }, told);
        }
        if let Some(limit) = &self.limit {
            line("ended early", limit.clone());
        }
        if !self.judgements.is_empty() {
            let held = self.judgements.iter().filter(|judgement| judgement.held()).count();
            let explained = match self.judgements.iter().filter(|judgement| judgement.is_explained()).count() {
                0 => String::new(),
                explained => format!(", {explained} missed and explained"),
            };
            line("expectations", format!("{held} of {} held{explained}", self.judgements.len()));
        }
        for judgement in self.judgements.iter().filter(|judgement| !judgement.held()) {
            let told = format!("{}; measured {}", judgement.expected, judgement.measured);
            match judgement.verdict {
                Verdict::Explained => line("  missed", told + "; explained"),
                // Of an estimated value it is not plain to see why.
                verdict if verdict == Verdict::NoLongerMissed || judgement.numbers.is_some() => {
                    line("  not held", format!("{told}; {verdict}"));
                }
                _ => line("  not held", told),
            }
        }
        match &self.written {
            Some(written) => line(
                "written",
                format!("{} ({} rows, {:.1} MB)", written.folder, grouped(written.rows), written.bytes as f64 / 1e6),
            ),
            None => line("written", "nothing (telemetry is off)".to_owned()),
        }
        line("digest", format!("{:032x}", self.digest));
        text
    }

    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let calendar = Calendar { epoch_unix_ns: self.blueprint.epoch_unix_ns };
        let requests = self.requests();
        let timeline: Vec<_> = self
            .moments()
            .into_iter()
            .map(|moment| {
                serde_json::json!({
                    "time": calendar.rfc3339(moment.time),
                    "offset_ns": moment.time.as_nanos(),
                    "component": moment.component,
                    "text": moment.text,
                })
            })
            .collect();
        serde_json::json!({
            "scenario": self.name,
            "title": self.title,
            "seed": self.blueprint.seed,
            "services": self.blueprint.services.len(),
            "links": self.blueprint.links.len(),
            "simulated_ns": self.end.as_nanos(),
            "wall_s": self.wall_s,
            "events": self.events,
            "requests": {
                "sent": requests.sent,
                "answered": requests.answered,
                "failed": requests.failed,
                "in_flight": requests.in_flight,
            },
            "timeline": timeline,
            "incidents": self.incidents_in_words(),
            "expectations": self.judgements.iter().map(Judgement::to_json).collect::<Vec<_>>(),
            "limit": self.limit,
            "out": self.written.as_ref().map(|written| &written.folder),
            "rows": self.written.as_ref().map(|written| written.rows),
            "bytes": self.written.as_ref().map(|written| written.bytes),
            "digest": format!("{:032x}", self.digest),
        })
    }

    /// The lines that a later run of the same scenario and seed repeats: no wall time, no place.
    #[must_use]
    pub fn lasting_lines(&self) -> Vec<String> {
        let mut lines = vec![self.requests_in_words()];
        lines.extend(timeline::lines(&self.moments()));
        lines.extend(self.incidents_in_words());
        lines.extend(self.limit.clone());
        lines.extend(self.judgements.iter().map(|judgement| {
            let verdict = match judgement.verdict {
                Verdict::Held | Verdict::Explained | Verdict::NoLongerMissed => judgement.verdict.to_string(),
                Verdict::Differs | Verdict::Imprecise | Verdict::NotMeasured => "not held".to_owned(),
            };
            format!("{verdict}: {}; measured {}", judgement.expected, judgement.measured)
        }));
        lines
    }

    fn moments(&self) -> Vec<Moment> {
        timeline::tell(&faults::acted(&self.blueprint.faults, self.end), self.milestones)
    }

    fn incidents_in_words(&self) -> Vec<String> {
        const TOLD: usize = 10;
        let told = self.incidents.iter().take(TOLD);
        let mut lines: Vec<_> = told.map(|one| credited(one, self.blueprint, one.in_words(self.blueprint))).collect();
        if let Some(more) = self.incidents.len().checked_sub(TOLD).filter(|&more| more > 0) {
            lines.push(format!("and {more} more incidents: truth/incidents.json"));
        }
        lines
    }

    fn speed(&self) -> String {
        let simulated_s = self.end.as_nanos() as f64 / 1e9;
        let wall_s = if self.wall_s > 1e-3 { self.wall_s } else { 1e-3 };
        format!(
            "{} in {:.1} s, {} events, {} events/s",
            knockon_kernel::Duration::from_nanos(self.end.as_nanos()),
            self.wall_s,
            grouped(self.events),
            grouped((self.events as f64 / wall_s) as u64),
        ) + &format!(" ({:.0} × real time)", simulated_s / wall_s)
    }

    fn requests(&self) -> Requests {
        self.statistics.sources.iter().fold(Requests::default(), |sum, source| Requests {
            sent: sum.sent + source.sent,
            answered: sum.answered + source.answered,
            failed: sum.failed + source.failed,
            in_flight: sum.in_flight + source.in_flight(),
        })
    }

    fn requests_in_words(&self) -> String {
        let Requests { sent, answered, failed, in_flight } = self.requests();
        let share = if sent == 0 { 0.0 } else { failed as f64 / sent as f64 * 100.0 };
        format!(
            "{} sent: {} answered, {} failed ({share:.2} %), {} in flight",
            grouped(sent),
            grouped(answered),
            grouped(failed),
            grouped(in_flight),
        )
    }
}

/// What an incident was, in words, by the faults that may have done something; those that did nothing are told apart.
fn credited(incident: &Incident, blueprint: &Blueprint, words: String) -> String {
    let names = |acts: bool| {
        let faults = incident.faults.iter().filter(|found| found.role.may_act() == acts);
        faults.map(|found| blueprint.faults[found.fault.index()].name.as_str()).collect::<Vec<_>>().join(" and ")
    };
    let all: Vec<_> = incident.faults.iter().map(|found| blueprint.faults[found.fault.index()].name.as_str()).collect();
    let (acting, idle) = (names(true), names(false));
    match words.strip_prefix(&all.join(" and ")) {
        Some(rest) if !acting.is_empty() && !idle.is_empty() => format!("{acting}{rest}; no effect: {idle}"),
        _ => words,
    }
}

/// 1234567 as `1 234 567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_in_groups_of_three() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1 000"), (1_234_567, "1 234 567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
