//! The comparison for people: about thirty lines, the rest as numbers of what is left out.

use super::endpoints::EndpointDifference;
use super::{Asked, ComponentDifference, Difference, Event, Events, Listed, Parted, TableDifference};
use crate::summary::grouped;
use knockon_kernel::Duration;
use knockon_model::record::Part;
use std::fmt::Write as _;

/// Lines of each kind that are told.
const SCENARIO_LINES: usize = 2;
const TABLES: usize = 8;
const ENDPOINTS: usize = 4;
const COMPONENTS: usize = 6;
/// Parts of a difference that are named.
const PARTS: usize = 3;
/// Longest line of a scenario that is shown whole.
const WIDTH: usize = 100;

impl Difference {
    /// For people.
    #[must_use]
    pub fn to_text(&self) -> String {
        let [a, b] = &self.runs;
        if self.is_none() {
            return format!("same: digest {}, {} tables\n", a.digest, self.tables.len());
        }
        let mut text = String::new();
        let mut tell = |head: &str, lines: Vec<String>| {
            for (n, line) in lines.into_iter().enumerate() {
                let _ = writeln!(text, "{:<13}{line}", if n == 0 { head } else { "" });
            }
        };
        tell("different", vec![format!("A is {}, B is {}", a.folder, b.folder)]);
        for (head, run) in ["A", "B"].into_iter().zip(&self.runs) {
            let length = Duration::from_nanos(run.simulated_ns);
            tell(head, vec![format!("seed {}, {length}, digest {}", run.seed, run.digest)]);
        }
        tell("note", self.notes.clone());
        tell("scenario", self.scenario_lines());
        tell("events", self.event_lines());
        tell("tables", table_lines(&self.tables));
        tell("requests", self.request_lines());
        tell("components", self.component_lines());
        text
    }

    fn scenario_lines(&self) -> Vec<String> {
        let mut told = Vec::new();
        for (side, lines) in ["A", "B"].into_iter().zip(&self.scenario) {
            told.extend(lines.iter().take(SCENARIO_LINES).map(|line| format!("{side}: {}", shortened(line.trim()))));
            if let Some(more) = more(lines.len(), SCENARIO_LINES) {
                told.push(format!("{side}: … and so on ({more} more in truth/scenario.ron)"));
            }
        }
        told
    }

    fn event_lines(&self) -> Vec<String> {
        match &self.events {
            Events::Same => vec!["the same to the last".to_owned()],
            Events::Unknown(why) => vec![format!("not compared: {why}")],
            Events::Parted(parted) => parted.lines(),
        }
    }

    fn request_lines(&self) -> Vec<String> {
        let Some(requests) = &self.requests else { return vec!["not compared: truth/requests is not in both".into()] };
        let endpoints = requests.endpoints();
        let total = requests.total();
        if total.differing() == 0 {
            return vec![format!("all {} the same", grouped(total.in_both))];
        }
        let mut lines = vec![in_counts(&total)];
        let differing: Vec<_> = endpoints.iter().filter(|(.., endpoint)| endpoint.differing() > 0).collect();
        if endpoints.len() > 1 {
            for (source, name, endpoint) in differing.iter().take(ENDPOINTS) {
                lines.push(format!("{source}, {name}: {}", in_counts(endpoint)));
            }
            lines.extend(more(differing.len(), ENDPOINTS).map(|more| format!("… and {more} more endpoints")));
        }
        let listed = requests.listed();
        lines.extend(listed.iter().map(|(asked, listed)| {
            let at_ns = listed.sent_unix_ns.saturating_sub(self.runs[0].start_unix_ns);
            let at = Duration::from_nanos(at_ns.unsigned_abs());
            format!("{} ({}) at {at}: {}", asked.in_words(), asked.name, ends(listed))
        }));
        lines.extend(
            more(total.differing() as usize, listed.len())
                .filter(|_| !listed.is_empty())
                .map(|more| format!("… and {} more requests: --requests N lists them", grouped(more as u64))),
        );
        lines
    }

    fn component_lines(&self) -> Vec<String> {
        let Some(spans) = &self.spans else { return vec!["not compared: observed/spans is not in both".into()] };
        let components = spans.components();
        let differing: Vec<_> = components.iter().filter(|(_, component)| component.differing() > 0).collect();
        let mut lines: Vec<_> = differing
            .iter()
            .take(COMPONENTS)
            .map(|(name, component)| format!("{name}: {}", spans_in_counts(component)))
            .collect();
        lines.extend(more(differing.len(), COMPONENTS).map(|more| format!("… and {more} more components")));
        let same: Vec<_> =
            components.iter().filter(|(_, component)| component.differing() == 0).map(|(name, _)| *name).collect();
        if !same.is_empty() {
            let told = same.iter().take(COMPONENTS).copied().collect::<Vec<_>>().join(", ");
            let rest = more(same.len(), COMPONENTS).map_or_else(String::new, |more| format!(" and {more} more"));
            lines.push(format!("all spans the same: {told}{rest}"));
        }
        lines
    }
}

impl Parted {
    fn lines(&self) -> Vec<String> {
        let mut lines = match (&self.equal, &self.differing) {
            (_, [None, None]) => vec!["the same to the last".to_owned()],
            (Some(event), _) => vec![format!("the same up to {}", event.in_words())],
            (None, _) => vec!["no event is the same".to_owned()],
        };
        match &self.differing {
            [None, None] => {}
            [Some(a), Some(b)] if a.is_same(b) => {
                lines.push(format!("in both then {}, with another outcome", a.in_words()))
            }
            differing => lines.extend(["A", "B"].into_iter().zip(differing).map(|(side, event)| match event {
                Some(event) => format!("{side} then {}", event.in_words()),
                None => format!("{side} has no more events"),
            })),
        }
        if let Some([after, until]) = self.held_ns.map(|held_ns| held_ns.map(Duration::from_nanos)) {
            let before = if self.differing == [None, None] { "" } else { "before that, " };
            lines.push(format!(
                "{before}what they hold (such as memory) differs from some time between {after} and {until} on"
            ));
        }
        for (side, only) in ["A", "B"].into_iter().zip(&self.only) {
            if !only.is_empty() {
                let told = only.iter().take(COMPONENTS).map(String::as_str).collect::<Vec<_>>().join(", ");
                let rest = more(only.len(), COMPONENTS).map_or_else(String::new, |more| format!(" and {more} more"));
                lines.push(format!("not compared, for only {side} has it: {told}{rest}"));
            }
        }
        lines
    }
}

impl Event {
    fn in_words(&self) -> String {
        let component = self.component.as_ref().map_or_else(String::new, |component| format!(", {component}"));
        let request = self.request.as_ref().map_or_else(String::new, |asked| format!(", {}", asked.in_words()));
        let time = Duration::from_nanos(self.time_ns);
        format!("event {} at {time}{component}: {}{request}", grouped(self.number), self.text)
    }
}

impl Asked {
    fn in_words(&self) -> String {
        format!("request {} of {}", self.number, self.source)
    }
}

fn table_lines(tables: &[TableDifference]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut only = [const { Vec::new() }; 2];
    let mut same = Vec::new();
    let mut left_out = 0;
    for table in tables {
        match &table.sides {
            [Some(first), Some(second)] if first == second => same.push(table.path.clone()),
            [Some((first, _)), Some((second, _))] if lines.len() < TABLES => {
                let rows = if first == second {
                    format!("{} rows, other values", grouped(*first))
                } else {
                    format!("{} → {} rows", grouped(*first), grouped(*second))
                };
                lines.push(format!("{:<22} {rows}", table.path));
            }
            [Some(_), Some(_)] => left_out += 1,
            [first, second] => {
                for (side, only) in [first, second].into_iter().zip(&mut only) {
                    only.extend(side.as_ref().map(|(rows, _)| format!("{} ({} rows)", table.path, grouped(*rows))));
                }
            }
        }
    }
    if left_out > 0 {
        lines.push(format!("… and {left_out} more that differ"));
    }
    for (side, only) in ["A", "B"].into_iter().zip(only) {
        if !only.is_empty() {
            lines.push(format!("only in {side}: {}", only.join(", ")));
        }
    }
    if !same.is_empty() {
        lines.push(format!("the same: {}", same.join(", ")));
    }
    lines
}

/// The counts that are not zero, in words.
fn counted<const N: usize>(differing: u64, all: u64, what: &str, counts: [(u64, &str); N]) -> String {
    let told: Vec<_> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{} {words}", grouped(count)))
        .collect();
    format!("{} of {}{what} differ: {}", grouped(differing), grouped(all), told.join(", "))
}

fn in_counts(endpoint: &EndpointDifference) -> String {
    let EndpointDifference { in_both, only, outcome, slower, faster, elsewhere, .. } = *endpoint;
    let mean = endpoint.mean_ns().map_or_else(String::new, |mean| format!("; on average {}", signed(mean)));
    let mut parts: Vec<_> = Part::ALL.into_iter().zip(endpoint.parts_ns).filter(|&(_, sum_ns)| sum_ns != 0).collect();
    parts.sort_by_key(|&(part, sum_ns)| (std::cmp::Reverse(sum_ns.unsigned_abs()), part));
    let count = slower + faster;
    let parts: Vec<_> = parts
        .into_iter()
        .take(PARTS)
        .filter_map(|(part, sum_ns)| {
            let name = part.column().trim_end_matches("_ns").replace('_', " ");
            Some(format!("{name} {}", signed(super::endpoints::mean(sum_ns, count)?)))
        })
        .collect();
    let parts = if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) };
    let counts = [
        (only[0], "only in A"),
        (only[1], "only in B"),
        (outcome, "with another outcome"),
        (slower, "slower in B"),
        (faster, "faster in B"),
        (elsewhere, "with their time spent elsewhere"),
    ];
    counted(endpoint.differing(), in_both + only[0] + only[1], "", counts) + &mean + &parts
}

fn spans_in_counts(component: &ComponentDifference) -> String {
    let ComponentDifference { in_both, only, status, longer, shorter, .. } = *component;
    let mean = component.mean_ns().map_or_else(String::new, |mean| format!("; on average {}", signed(mean)));
    let counts = [
        (only[0], "only in A"),
        (only[1], "only in B"),
        (status, "with another status"),
        (longer, "longer in B"),
        (shorter, "shorter in B"),
    ];
    counted(component.differing(), in_both + only[0] + only[1], " spans", counts) + &mean
}

fn ends(listed: &Listed) -> String {
    let end = |side: usize| {
        listed.ends[side].as_ref().map_or_else(
            || "none".to_owned(),
            |end| {
                let status = if end.status == 0 { String::new() } else { format!(" {}", end.status) };
                format!("{}{status} after {}", if end.failed { "failed" } else { "answered" }, rounded(end.latency_ns))
            },
        )
    };
    format!("{} → {}", end(0), end(1))
}

/// To four digits.
fn rounded(ns: i64) -> Duration {
    let size = ns.unsigned_abs();
    let unit = 10_u64.pow(size.checked_ilog10().unwrap_or(0).saturating_sub(3));
    Duration::from_nanos(size.saturating_add(unit / 2) / unit * unit)
}

/// With its sign.
fn signed(ns: i64) -> String {
    let sign = match ns.signum() {
        -1 => "−",
        0 => "",
        _ => "+",
    };
    format!("{sign}{}", rounded(ns))
}

fn more(all: usize, told: usize) -> Option<usize> {
    all.checked_sub(told).filter(|&more| more > 0)
}

fn shortened(line: &str) -> String {
    if line.chars().count() <= WIDTH {
        return line.to_owned();
    }
    line.chars().take(WIDTH).chain(['…']).collect()
}
