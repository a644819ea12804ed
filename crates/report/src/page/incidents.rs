//! What the page says of each incident.

use super::flows::{Flow, Flows};
use crate::error::Result;
use crate::files::Files;
use crate::request::waterfalls;
use crate::story::stories;
use knockon_lab::story::{Component, Graph, Incident, Told, Waterfall};
use knockon_lab::truth::Part;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// One incident.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Shown {
    #[serde(flatten)]
    incident: Incident,
    /// How it came about.
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    /// By component: stretches of windows in which a number of it was labelled, and of those in which one was hurt, from and until, in nanoseconds.
    labelled: BTreeMap<String, Vec<(u64, u64)>>,
    hurt: BTreeMap<String, Vec<(u64, u64)>>,
    /// What `sim explain` tells of it.
    story: String,
    /// Who waited because of whom.
    flows: Vec<Flow>,
    /// Requests that it hurt, and why they were chosen.
    waterfalls: Vec<Chosen>,
}

#[derive(Clone, Debug, Serialize)]
struct Node {
    id: usize,
    component: String,
    part: Option<String>,
    fault: Option<String>,
    words: String,
    onset_ns: u64,
    evidence: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct Edge {
    from: usize,
    to: usize,
    mechanism: String,
    share: Option<f64>,
}

/// A request, and why it is shown.
#[derive(Clone, Debug, Serialize)]
struct Chosen {
    why: &'static str,
    waterfall: Waterfall,
}

/// Hurt requests of an incident, as far as some are to be chosen.
#[derive(Clone, Debug, Default)]
struct Hurt {
    /// What each took longer, and its trace: of those that were answered.
    slower: Vec<(i64, u128)>,
    /// Latency and trace of the first that failed and took longest of those.
    failed: Option<(i64, u128)>,
}

pub(crate) fn read(files: &Files, incidents: &[Incident]) -> Result<Vec<Shown>> {
    let graphs = files.graphs()?;
    let mut flows: Vec<Flows> = incidents.iter().map(|_| Flows::default()).collect();
    files.each_blame(|row| {
        for (incident, flows) in incidents.iter().zip(&mut flows) {
            if row.start_ns >= incident.start.offset_ns && row.end_ns <= incident.compared_until.offset_ns {
                flows.add(row);
            }
        }
    })?;
    let hurt = hurt(files, incidents)?;
    let chosen: Vec<Vec<(&'static str, u128)>> = hurt.into_iter().map(Hurt::choose).collect();
    let wanted: BTreeSet<u128> = chosen.iter().flatten().map(|&(_, trace)| trace).collect();
    let found = waterfalls(files, &wanted)?;
    let of_trace: BTreeMap<String, Waterfall> =
        found.into_iter().map(|waterfall| (waterfall.trace_id.clone(), waterfall)).collect();
    let mut shown = Vec::new();
    let stretches = stretches(files, incidents)?;
    let stories = stories(files, incidents)?;
    let (heading, system) = (files.heading(), files.system());
    let told = stretches.into_iter().zip(stories);
    for (((incident, flows), chosen), ((labelled, hurt), story)) in incidents.iter().zip(flows).zip(chosen).zip(told) {
        let empty = Graph { nodes: Vec::new(), edges: Vec::new() };
        let graph = graphs.get(incident.incident).unwrap_or(&empty);
        let text = Told { title: &heading, system: system.as_deref(), story: &story }.to_text();
        let requests = chosen.into_iter().filter_map(|(why, trace)| {
            let mut waterfall = of_trace.get(&format!("{trace:032x}"))?.clone();
            waterfall.twins.retain(|twin| twin.contrast == incident.contrast);
            Some(Chosen { why, waterfall })
        });
        shown.push(Shown {
            waterfalls: requests.collect(),
            incident: incident.clone(),
            nodes: nodes(graph),
            edges: edges(graph),
            labelled,
            hurt,
            story: text,
            flows: flows.finish(),
        });
    }
    Ok(shown)
}

fn nodes(graph: &Graph) -> Vec<Node> {
    let node = |node: &knockon_lab::story::Node| Node {
        id: node.id,
        component: node.component.clone(),
        part: node.part.clone(),
        fault: node.fault.clone(),
        words: node.words.clone(),
        onset_ns: node.onset_offset_ns,
        evidence: node.evidence.clone(),
    };
    graph.nodes.iter().map(node).collect()
}

fn edges(graph: &Graph) -> Vec<Edge> {
    let edge = |edge: &knockon_lab::story::Edge| Edge {
        from: edge.from,
        to: edge.to,
        mechanism: edge.mechanism.clone(),
        share: edge.share,
    };
    graph.edges.iter().map(edge).collect()
}

type ByComponent = BTreeMap<String, Vec<(u64, u64)>>;

/// Windows of each component of each incident in which something of it was labelled, and hurt, joined where one follows another.
fn stretches(files: &Files, incidents: &[Incident]) -> Result<Vec<(ByComponent, ByComponent)>> {
    let affected = |component: &&Component| component.part != Part::Bystander;
    let empty = |incident: &Incident| -> BTreeMap<String, BTreeSet<(u64, u64)>> {
        let components = incident.components.iter().filter(affected);
        components.map(|component| (component.name.clone(), BTreeSet::new())).collect()
    };
    let mut all: BTreeMap<u32, [_; 2]> =
        incidents.iter().map(|incident| (incident.contrast, [empty(incident), empty(incident)])).collect();
    files.each_window(|row| {
        let Some(windows) = all.get_mut(&row.contrast) else { return };
        for (windows, is) in windows.iter_mut().zip([row.labelled, row.hurt]) {
            if let Some(of_component) = windows.get_mut(row.component).filter(|_| is) {
                of_component.insert((row.start_ns, row.end_ns));
            }
        }
    })?;
    let joined = |windows: BTreeMap<String, BTreeSet<(u64, u64)>>| -> ByComponent {
        windows.into_iter().map(|(component, windows)| (component, join(windows))).collect()
    };
    let of = |incident: &Incident| {
        let [labelled, hurt] = all.remove(&incident.contrast).unwrap_or_default();
        (joined(labelled), joined(hurt))
    };
    Ok(incidents.iter().map(of).collect())
}

fn join(windows: BTreeSet<(u64, u64)>) -> Vec<(u64, u64)> {
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (from, until) in windows {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(until),
            _ => joined.push((from, until)),
        }
    }
    joined
}

fn hurt(files: &Files, incidents: &[Incident]) -> Result<Vec<Hurt>> {
    let place: BTreeMap<i64, usize> =
        incidents.iter().enumerate().map(|(n, incident)| (i64::from(incident.contrast), n)).collect();
    let mut all: Vec<Hurt> = incidents.iter().map(|_| Hurt::default()).collect();
    let columns = ["contrast", "hurt", "trace_id", "with_outcome", "difference_ns", "with_latency_ns"];
    files.each("truth/effects", &columns, |batch, row| {
        let Some(&n) = batch.integer(0, row).and_then(|contrast| place.get(&contrast)) else { return };
        if batch.answer(1, row) != Some(true) {
            return;
        }
        let Some(trace) = batch.id(2, row) else { return };
        let hurt = &mut all[n];
        match (batch.text(3, row), batch.integer(4, row), batch.integer(5, row)) {
            (Some("answered"), Some(longer), _) => hurt.slower.push((longer, trace)),
            (Some("failed"), _, Some(latency)) if hurt.failed.is_none_or(|(most, _)| latency > most) => {
                hurt.failed = Some((latency, trace));
            }
            _ => {}
        }
    })?;
    Ok(all)
}

impl Hurt {
    /// The slowest, the one in the middle, and one that failed.
    fn choose(mut self) -> Vec<(&'static str, u128)> {
        self.slower.sort_unstable();
        let mut chosen = Vec::new();
        chosen.extend(self.slower.last().map(|&(_, trace)| ("slowed down most", trace)));
        let middle = self.slower.get(self.slower.len() / 2).filter(|_| self.slower.len() > 2);
        chosen.extend(middle.map(|&(_, trace)| ("slowed down as the median of those that were", trace)));
        chosen.extend(self.failed.map(|(_, trace)| ("failed after the longest time", trace)));
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_that_touch_are_one_stretch() {
        let windows = BTreeSet::from([(0, 15), (15, 30), (45, 60), (50, 55)]);
        assert_eq!(join(windows), [(0, 30), (45, 60)]);
    }

    #[test]
    fn of_hurt_requests_the_slowest_the_middle_one_and_a_failed_one_are_chosen() {
        let hurt = Hurt { slower: vec![(5, 50), (1, 10), (3, 30)], failed: Some((9, 90)) };
        let traces: Vec<u128> = hurt.choose().into_iter().map(|(_, trace)| trace).collect();
        assert_eq!(traces, [50, 30, 90]);
        assert!(Hurt::default().choose().is_empty());
    }
}
