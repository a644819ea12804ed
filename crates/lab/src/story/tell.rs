//! A story in some thirty lines of text.

use super::blame::Holder;
use super::documents::{Fault, Found, Harm, Incident};
use super::plot::Story;
use super::steps::{Because, Evidence, Step};
use super::stretches;
use super::toll::{self, Toll};
use super::words::{Of, clock, count, difference, duration, metric, share, value};
use crate::truth::{MUCH, Part, Role, State};
use std::fmt::Write as _;

/// Steps told; what is left out is counted.
const STEPS: usize = 24;
/// Things asked for that are told of.
const TOLLS: usize = 8;
/// Parts of the ledger named for each.
const PARTS: usize = 3;
/// Ends of a process told with their times.
const TIMES: usize = 6;

/// A story that is told to people.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// Name of the run, and what its scenario shows, where that is known.
    pub title: &'a str,
    /// Who calls whom, where that is known.
    pub system: Option<&'a str>,
    /// What happened.
    pub story: &'a Story,
}

impl Told<'_> {
    /// The text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let story = self.story;
        let mut lines = Lines::default();
        lines.bare(self.title);
        if let Some(system) = self.system {
            lines.add("system", system);
        }
        for fault in &story.faults {
            lines.add("changed", &changed(fault));
        }
        for line in story.together() {
            lines.add("together", &line);
        }
        if !story.incident.effect {
            lines.add(
                "effect",
                &format!(
                    "none: of {} requests compared with the same world without it, and of all numbers of all components, \
                     nothing left what chance explains",
                    count(story.incident.requests.compared)
                ),
            );
            return lines.text;
        }
        lines.bare(&format!(
            "\nwhat it did: since when it has mattered (a window's beginning; exact of faults, and of failures to the first), where, what; a\n\
             number that shows it, without the fault → with it [its name, and the labelled window in which the two differ most:\n\
             truth/windows, contrast {}]; what led to it, how much of it is due to that where this is known, and what joined in later\n\
             (truth/propagation.json)",
            story.incident.contrast
        ));
        for line in story.steps_in_words() {
            lines.bare(&line);
        }
        for cycle in &story.cycles {
            let times: Vec<_> = cycle.offsets_ns.iter().take(TIMES).map(|&at| clock(at)).collect();
            let more = if cycle.offsets_ns.len() > TIMES { " …" } else { "" };
            lines.bare(&format!(
                "  {} again and again: {} {} times, at {}{more} (truth/milestones)",
                cycle.instance,
                cycle.state.replace('_', " "),
                cycle.offsets_ns.len(),
                times.join(", ")
            ));
        }
        if !story.holders.is_empty() {
            lines.bare(
                "\nwho held what others waited for: of all waiting in the incident, who caused most (truth/blame)",
            );
        }
        for line in Holder::in_lines(&story.holders) {
            lines.bare(&line);
        }
        lines.bare("");
        lines.add("hurt", &story.hurt());
        for line in story.tolls_in_words() {
            lines.bare(&line);
        }
        if let Some(line) = story.failed_anyway_in_words() {
            lines.add("not by it", &line);
        }
        let untold = |name: &&str| !story.steps.iter().any(|step| step.component == **name);
        let slightly: Vec<&str> = story.components(Part::Victim).into_iter().filter(untold).collect();
        if !slightly.is_empty() {
            let names = slightly.join(", ");
            lines.add("slightly", &format!("{names}: worse beyond chance, but by too little to lead to anything"));
        }
        for (head, components) in
            [("no worse", story.components(Part::Affected)), ("bystanders", story.components(Part::Bystander))]
        {
            if !components.is_empty() {
                lines.add(head, &components.join(", "));
            }
        }
        lines.add("the end", &story.ending());
        lines.text
    }
}

#[derive(Default)]
struct Lines {
    text: String,
}

impl Lines {
    fn bare(&mut self, line: &str) {
        let _ = writeln!(self.text, "{line}");
    }

    fn add(&mut self, head: &str, body: &str) {
        let _ = writeln!(self.text, "{head:<11}{body}");
    }
}

fn changed(fault: &Fault) -> String {
    let bare = |value: &str| value.trim_matches('"').to_owned();
    let settings: Vec<_> =
        fault.settings.iter().map(|set| format!("{} {} → {}", set.path, bare(&set.from), bare(&set.to))).collect();
    let what = if settings.is_empty() { String::new() } else { format!(": {}", settings.join(", ")) };
    let until = match fault.until_offset_ns {
        Some(until) => format!("; taken back at {}", clock(until)),
        None => String::new(),
    };
    format!("{} fault `{}` ({} of {}){what}{until}", clock(fault.offset_ns), fault.name, fault.kind, fault.component)
}

/// What requests suffered, of those compared between two instants.
fn hurt(harm: &Harm, between: &str) -> String {
    let added = match harm.added {
        0 => String::new(),
        added => {
            let (added, failed) = (count(added), count(harm.added_failed));
            format!("; {added} more were sent only because of it, and {failed} of them failed")
        }
    };
    if harm.hurt == 0 {
        return format!("none of {} requests compared {between}{added}", count(harm.compared));
    }
    let mut text = format!(
        "{} of {} requests compared {between} ({}): {} failed, {} unanswered; {} user-seconds lost by those who were answered",
        count(harm.hurt),
        count(harm.compared),
        share(harm.hurt as f64 / harm.compared as f64),
        count(harm.failed),
        count(harm.lost),
        count(libm::round(harm.user_seconds_lost) as u64),
    );
    if let (Some(first), Some(last)) = (&harm.first_hurt, &harm.last_hurt) {
        let _ = write!(text, "; sent from {} on, ended by {}", clock(first.offset_ns), clock(last.offset_ns));
    }
    text + &added
}

impl Story {
    /// Who was hurt, of how many, between when.
    fn hurt(&self) -> String {
        let Incident { start, compared_until, requests, .. } = &self.incident;
        hurt(requests, &format!("from {} to {}", clock(start.offset_ns), clock(compared_until.offset_ns)))
    }

    /// Failures that there are without the faults as well.
    fn failed_anyway_in_words(&self) -> Option<String> {
        let restarts = self.faults.iter().filter(|fault| fault.contrast.starts_with("same deploy"));
        let restarts: Vec<_> = restarts.map(|fault| fault.component.as_str()).collect();
        let why = match restarts.as_slice() {
            [] => String::new(),
            who => format!(
                ": it is compared with the same deploy without the defect, which restarts {} too",
                who.join(" and ")
            ),
        };
        let failed = count(self.failed_anyway);
        (self.failed_anyway > 0).then(|| format!("{failed} requests failed in that time as they do without it{why}"))
    }

    /// How several faults go together.
    fn together(&self) -> Vec<String> {
        if self.incident.faults.len() < 2 {
            return Vec::new();
        }
        let tell = |found: &Found| {
            let role = match found.role {
                Role::Cause if found.without_it.hurt == 0 => {
                    "a cause of what is labelled; no request was hurt that would not have been without it".to_owned()
                }
                Role::Cause => {
                    format!("a cause: {} requests would not have been hurt without it", found.without_it.hurt)
                }
                Role::Redundant => "not needed: another one sufficed".to_owned(),
                Role::Masked => "masked: beside the others it had no effect".to_owned(),
                Role::NoEffect => "no effect".to_owned(),
                Role::NotContrasted => "not compared: too many others were on".to_owned(),
            };
            let alone =
                found.alone.as_ref().map_or(String::new(), |alone| format!("; alone it hurts {}", count(alone.hurt)));
            format!("`{}` {role}{alone}", found.name)
        };
        let mut lines = vec![self.incident.interaction.words().to_owned()];
        lines.extend(self.incident.faults.iter().map(tell));
        lines
    }

    fn steps_in_words(&self) -> Vec<String> {
        let mut rows: Vec<[String; 5]> = self.steps.iter().take(STEPS).map(row).collect();
        let wide = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths = [wide(0), wide(1), wide(2), wide(3)];
        let mut lines: Vec<String> = Vec::new();
        for row in &mut rows {
            let [onset, place, what, evidence, because] = row;
            let [a, b, c, d] = widths;
            lines.push(
                format!("  {onset:>a$}  {place:<b$}  {what:<c$}  {evidence:<d$}  {because}").trim_end().to_owned(),
            );
        }
        if self.steps.len() > STEPS {
            lines.push(format!("  … and {} more: truth/propagation.json", self.steps.len() - STEPS));
        }
        lines
    }

    fn tolls_in_words(&self) -> Vec<String> {
        let shown = &self.tolls[..self.tolls.len().min(TOLLS)];
        let name = |toll: &Toll| format!("{}: {}", toll.source, toll.name);
        let wide = shown.iter().map(|toll| name(toll).chars().count()).max().unwrap_or(0);
        let mut lines: Vec<_> = shown
            .iter()
            .map(|toll| {
                let mut line = format!("  {:<wide$}  {:>6} hurt", name(toll), count(toll.hurt));
                if toll.failed + toll.lost > 0 {
                    let _ = write!(line, " ({} failed, {} unanswered)", count(toll.failed), count(toll.lost));
                }
                if let Some((without, with)) = toll.means_ns() {
                    let parts: Vec<_> = toll
                        .shares()
                        .into_iter()
                        .filter(|&(_, of)| of >= 0.01)
                        .take(PARTS)
                        .map(|(part, of)| format!("{} {}", toll::words(part), share(of)))
                        .collect();
                    let _ = write!(
                        line,
                        "; {} slower, mean {} → {} ({}): {}",
                        count(toll.slower),
                        duration(without),
                        duration(with),
                        difference(with - without),
                        parts.join(", ")
                    );
                }
                line
            })
            .collect();
        if self.tolls.len() > TOLLS {
            lines.push(format!("  … and {} more: truth/effects", self.tolls.len() - TOLLS));
        }
        if shown.iter().any(|toll| toll.slower > 0) {
            lines.push(
                "  (a request's time over all services on its way; whose queue, pool, core or pause it was: sim explain --request N)"
                    .to_owned(),
            );
        }
        lines
    }

    fn ending(&self) -> String {
        let incident = &self.incident;
        let after = |later: u64, earlier: u64| duration(later.saturating_sub(earlier) as f64);
        match (&incident.recovery.at, &incident.undone) {
            (Some(at), Some(undone)) if at.offset_ns >= undone.offset_ns => format!(
                "from {} on users fared as without the fault, {} after it was taken back",
                clock(at.offset_ns),
                after(at.offset_ns, undone.offset_ns)
            ),
            (Some(at), Some(_)) => {
                format!("from {} on users fared as without the fault, before it was taken back", clock(at.offset_ns))
            }
            (Some(at), None) => format!(
                "from {} on users fared as without the fault, which stayed in force to the end",
                clock(at.offset_ns)
            ),
            (None, undone) => {
                let mut text = match incident.recovery.verdict.strip_prefix("none: ") {
                    Some("metastable") => {
                        "no recovery (metastable): everything was undone, and something else sustains it".to_owned()
                    }
                    Some(why) => format!("no recovery: {why}"),
                    None => incident.recovery.verdict.clone(),
                };
                text.push_str(&stretches::in_words(&self.stretches, incident.compared_until.offset_ns));
                if let Some(undone) = undone {
                    let _ = write!(
                        text,
                        "; taken back at {}, worlds compared until {}",
                        clock(undone.offset_ns),
                        clock(incident.compared_until.offset_ns)
                    );
                }
                text
            }
        }
    }
}

/// When, where, what, the number, and why.
fn row(step: &Step) -> [String; 5] {
    let evidence = step.evidence.as_ref().map_or_else(String::new, |found| {
        let told = |number| value(number, &found.metric, &found.unit);
        let words = metric(&found.metric, of(step));
        // What happens within a window means nothing without its length.
        let per = if adds_up(found) { format!(" in {}", duration(found.window_ns as f64)) } else { String::new() };
        let (without, with) = (told(found.without), told(found.with));
        // What is said of the place need not be said again.
        let bare = [&step.place, &step.component]
            .into_iter()
            .find_map(|place| found.path.strip_prefix(place.as_str()).and_then(|rest| rest.strip_prefix(['.', '/'])));
        let name = bare.unwrap_or(&found.path);
        format!("{words} {without} → {with}{per} [{name} {}]", clock(found.window.offset_ns))
    });
    [clock(step.onset.offset_ns), step.place.clone(), step.what.clone(), evidence, because(step)]
}

/// What a step's number is of.
fn of(step: &Step) -> Of {
    let is_executor = || [State::Threads, State::Rejections].iter().any(|state| state.words() == step.what);
    match step.place == step.component {
        true => Of::Component,
        false if is_executor() => Of::Executor,
        false => Of::Pool,
    }
}

/// Whether a number is a sum over its window: a count, or time spent.
fn adds_up(found: &Evidence) -> bool {
    found.unit == "count" || matches!(found.metric.as_str(), "paused" | "throttled")
}

/// Causes told of a step, beside the first one those that much is due to.
const CAUSES: usize = 3;

/// What led to a step: the first cause and those that much is due to, each with its share, and how many there are besides.
fn because(step: &Step) -> String {
    if step.because.is_empty() {
        return "(unexplained)".to_owned();
    }
    let tell = |(n, because): (usize, &Because)| {
        let what = if because.fault {
            // Where it does not say more than that it was the fault.
            let how = because.mechanism.strip_prefix("the fault").unwrap_or_default();
            format!("fault `{}`{how}", because.what)
        } else if because.place.split('/').next() == Some(step.component.as_str()) {
            because.mechanism.clone()
        } else {
            format!("{}: {}", because.place, because.mechanism)
        };
        let later = match (because.later, n) {
            (false, _) => "",
            // What came before it is not known.
            (true, 0) => "later: ",
            (true, _) => "later also: ",
        };
        let much = because.share.map_or_else(String::new, |of| format!(" ({})", share(of)));
        format!("{later}{what}{much}")
    };
    let is_much = |because: &Because| because.share.is_some_and(|share| share >= MUCH);
    let told = step.because.iter().enumerate().filter(|(n, because)| *n == 0 || is_much(because)).take(CAUSES);
    let told: Vec<String> = told.map(tell).collect();
    let more = step.because.len() - told.len();
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    told.join("; ") + &more
}
