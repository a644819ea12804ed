//! What a shipped incident has to show, whatever it is: its chain in order in truth, its signature in what is observed, its end as declared; that
//! without its trigger nothing happens, whatever the seed, and that a link of the chain is gone without the mechanism that it hangs on.
//!
//! [`incident!`] makes the tests of one out of a [`Shape`].

use crate::support::{Run, load, run};
use crate::truth::{Concluded, conclude_observed};
use knockon_kernel::Time;
use knockon_lab::expectations::{Judgement, judge};
use knockon_lab::milestones::{self, Milestones, Watcher};
use knockon_lab::truth::{Propagation, Recovery, State};
use knockon_lab::{Measurement, conservation};
use knockon_model::World;
use knockon_model::blueprint::Action;
use knockon_model::record::{ErrorType, LogEvent};
use knockon_model::statistics::Statistics;
use knockon_scenario::{Loaded, Options, check};
use petgraph::algo::has_path_connecting;
use petgraph::graph::NodeIndex;

/// What a scenario sets and what has to come of it.
pub(crate) struct Shape {
    /// Its file's name.
    pub(crate) scenario: &'static str,
    /// The fault that triggers it.
    pub(crate) fault: &'static str,
    /// States that lead to one another in this order: place and state. The fault leads to the first.
    pub(crate) chain: &'static [(&'static str, State)],
    /// What shows it in what is observed.
    pub(crate) signature: &'static [Sign],
    /// How it ends.
    pub(crate) end: End,
    /// What is gone without which mechanism.
    pub(crate) ablations: &'static [Ablation],
}

/// How an incident ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// Users fare as before within so many seconds after the trigger was taken back.
    HealsWithin(u64),
    /// It outlives its trigger by far.
    Metastable,
    /// Its trigger is never taken back, and it lasts as long.
    InForce,
}

/// Something observed that there is in the incident and was not before.
pub(crate) enum Sign {
    /// The largest value of a gauge, summed over a service's series, grows by this factor and to this value at least.
    Gauge(&'static str, &'static str, f64, f64),
    /// A counter grows in a window by this factor of what it did before in any, and by so much at least.
    Counter(&'static str, &'static str, f64, f64),
    /// The share that a counter of hits has in the sum of it and one of misses falls in a window to this at most.
    Share(&'static str, &'static str, &'static str, f64),
    /// A service logs this so often at least, and never before.
    Log(&'static str, fn(&LogEvent) -> bool, usize),
    /// Spans of a service fail for this reason so often at least, and never before.
    Error(&'static str, ErrorType, usize),
    /// The mean duration of a service's own spans in a window grows by this factor.
    Slower(&'static str, f64),
}

/// A mechanism that is taken away.
pub(crate) struct Ablation {
    /// Parameters set from the start, or text that is replaced.
    pub(crate) change: Change,
    /// States that are gone then.
    pub(crate) gone: &'static [(&'static str, State)],
    /// States that are still there, since they do not hang on it.
    pub(crate) kept: &'static [(&'static str, State)],
    /// How it ends then, where that is otherwise.
    pub(crate) end: Option<End>,
}

/// How a mechanism is taken away.
pub(crate) enum Change {
    /// Parameters are set from the start.
    Set(&'static [(&'static str, &'static str)]),
    /// What the scenario says is said otherwise.
    Text(&'static [(&'static str, &'static str)]),
}

/// The tests of an incident. Those of one that is `heavy` run only with `--ignored`, but for its chain.
macro_rules! incident {
    ($name:ident, $shape:expr $(,)?) => {
        $crate::incidents::shape::incident!(@ [] $name, $shape);
    };
    (heavy $name:ident, $shape:expr $(,)?) => {
        $crate::incidents::shape::incident!(@ [#[ignore = "takes a minute: cargo test -p knockon-lab --test lab incidents:: -- --ignored"]] $name, $shape);
    };
    (@ [$($heavy:tt)*] $name:ident, $shape:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "not every shape names everything that stands around it")]
            use super::*;
            const SHAPE: $crate::incidents::shape::Shape = $shape;

            #[test]
            fn its_chain_shows_in_order_and_it_ends_as_declared() {
                SHAPE.assert_chain();
            }
            #[test]
            $($heavy)*
            fn it_shows_in_what_is_observed() {
                SHAPE.assert_signature();
            }
            #[test]
            $($heavy)*
            fn it_happens_with_every_seed() {
                SHAPE.assert_seeds();
            }
            #[test]
            $($heavy)*
            fn without_its_trigger_nothing_happens_with_any_seed() {
                SHAPE.assert_calm();
            }
            #[test]
            $($heavy)*
            fn without_a_mechanism_what_hangs_on_it_is_gone() {
                SHAPE.assert_ablations();
            }
        }
    };
}
pub(crate) use incident;

impl Shape {
    fn load(&self, options: &Options) -> Loaded {
        load(self.scenario, options)
    }

    /// The instant of its trigger.
    fn begins(&self, loaded: &Loaded) -> Time {
        let fault = loaded.blueprint.faults.iter().find(|fault| fault.name == self.fault);
        fault.unwrap_or_else(|| panic!("{} has a fault {}", self.scenario, self.fault)).at
    }

    pub(crate) fn assert_chain(&self) {
        let loaded = self.load(&Options::default());
        let concluded = conclude_observed(&loaded);
        let incident = concluded.incident();
        self.assert_end(&loaded, &concluded, self.end);
        assert!(incident.has_effect() && incident.recovery != Recovery::NothingToRecoverFrom, "{}", self.scenario);
        let propagation = concluded.truth.propagations().remove(0);
        assert_eq!(propagation.roots(), [self.fault]);
        let unexplained: Vec<_> = propagation.unexplained().iter().map(|&node| describe(&propagation, node)).collect();
        assert!(unexplained.is_empty(), "{}: {unexplained:?}", self.scenario);
        let fault = propagation.graph.node_indices().find(|&node| propagation.graph[node].fault.is_some());
        let mut last = fault.expect("the fault is a node");
        for &(place, state) in self.chain {
            let next = find(&propagation, place, state)
                .unwrap_or_else(|| panic!("{}: {place} has the state {state:?}: {}", self.scenario, all(&propagation)));
            assert!(
                has_path_connecting(&propagation.graph, last, next, None),
                "{}: {} leads to {}: {}",
                self.scenario,
                describe(&propagation, last),
                describe(&propagation, next),
                all(&propagation)
            );
            let (before, after) = (propagation.graph[last].onset, propagation.graph[next].onset);
            assert!(before <= after, "{}: {place} {state:?} at {after}, after {before}", self.scenario);
            last = next;
        }
    }

    fn assert_end(&self, loaded: &Loaded, concluded: &Concluded<true>, end: End) {
        let incident = concluded.incident();
        let taken_back = incident.undone.unwrap_or(Time::ZERO + loaded.blueprint.duration);
        match (end, incident.recovery) {
            (End::HealsWithin(seconds), Recovery::At(at)) => {
                let after = at.as_nanos().saturating_sub(taken_back.as_nanos()) / 1_000_000_000;
                assert!(after <= seconds, "{}: healed {after} s after its trigger was gone", self.scenario);
            }
            (End::Metastable, Recovery::Metastable) | (End::InForce, Recovery::InForce) => {}
            (End::HealsWithin(_), Recovery::NothingToRecoverFrom) => {}
            (_, other) => panic!("{}: {end:?} is declared, and it ended so: {other:?}", self.scenario),
        }
    }

    pub(crate) fn assert_signature(&self) {
        let loaded = self.load(&Options::default());
        let run = run(&loaded);
        let begins = self.begins(&loaded);
        assert!(!self.signature.is_empty());
        self.signature.iter().for_each(|sign| sign.assert(&run, begins, self.scenario));
    }

    /// What the scenario expects holds with ten seeds, and nothing happens before its trigger.
    pub(crate) fn assert_seeds(&self) {
        for seed in 1..=10 {
            let loaded = self.load(&Options { seed, ..Options::default() });
            let (judgements, milestones, _) = judged(&loaded);
            let broken: Vec<_> = judgements.iter().filter(|judgement| !judgement.held()).collect();
            assert!(!judgements.is_empty() && broken.is_empty(), "{} with seed {seed}: {broken:#?}", self.scenario);
            let begins = self.begins(&loaded);
            let early = milestones.kept.iter().find(|milestone| milestone.time < begins);
            assert!(early.is_none(), "{} with seed {seed}: {early:?}", self.scenario);
        }
    }

    /// Without its trigger it is a healthy system, with twenty seeds.
    pub(crate) fn assert_calm(&self) {
        for seed in 1..=20 {
            let options = Options { seed, without: vec![self.fault.to_owned()], ..Options::default() };
            let loaded = self.load(&options);
            let (judgements, milestones, statistics) = judged(&loaded);
            // The same deploy without the defect restarts its service all the same.
            let restarts = loaded.blueprint.patches.iter().any(|patch| matches!(patch.action, Action::Deploy { .. }));
            let told = milestones.kept.iter().find(|milestone| {
                use milestones::State::{Exited, Refused, Restarted};
                !(restarts && matches!(milestone.state, Exited | Refused | Restarted))
            });
            assert!(told.is_none(), "{} with seed {seed} without {}: {told:?}", self.scenario, self.fault);
            for source in &statistics.sources {
                let allowed = if restarts { source.sent / 50 } else { source.sent / 1000 };
                assert!(
                    source.failed <= allowed,
                    "{} with seed {seed}: {} of {} failed",
                    self.scenario,
                    source.failed,
                    source.sent
                );
            }
            assert!(
                judgements.iter().any(|judgement| !judgement.held()),
                "{} with seed {seed}: what it expects tells the incident from its absence",
                self.scenario
            );
        }
    }

    pub(crate) fn assert_ablations(&self) {
        assert!(!self.ablations.is_empty());
        for ablation in self.ablations {
            let loaded = match ablation.change {
                Change::Set(pairs) => self.load(&crate::support::set(pairs)),
                Change::Text(pairs) => crate::support::load_changed(self.scenario, self.scenario, |text| {
                    pairs.iter().fold(text.to_owned(), |text, (from, to)| {
                        assert!(text.contains(from), "{} says {from:?}", self.scenario);
                        text.replace(from, to)
                    })
                }),
            };
            assert!(!check(&loaded).is_empty());
            if let Change::Set(_) = ablation.change {
                let (judgements, ..) = judged(&loaded);
                assert!(
                    judgements.iter().any(|judgement| !judgement.held()),
                    "{}: the incident is gone",
                    self.scenario
                );
            }
            let concluded = conclude_observed(&loaded);
            let propagation = concluded.truth.propagations().remove(0);
            for &(place, state) in ablation.gone {
                assert!(
                    find(&propagation, place, state).is_none(),
                    "{}: {place} has no state {state:?} then: {}",
                    self.scenario,
                    all(&propagation)
                );
            }
            for &(place, state) in ablation.kept {
                assert!(
                    find(&propagation, place, state).is_some(),
                    "{}: {place} still has the state {state:?}: {}",
                    self.scenario,
                    all(&propagation)
                );
            }
            if let Some(end) = ablation.end {
                self.assert_end(&loaded, &concluded, end);
            }
        }
    }
}

/// A run as `sim run` judges it.
pub(crate) fn judged(loaded: &Loaded) -> (Vec<Judgement>, Milestones, Statistics) {
    let end = Time::ZERO + loaded.blueprint.duration;
    let mut world = World::new(loaded.blueprint.clone());
    let mut watcher = Watcher::new(world.catalogue(), &loaded.blueprint);
    let mut measurement = Measurement::new(&loaded.expectations, loaded.measure, loaded.blueprint.duration);
    measurement.run_until(&mut world, end, &mut watcher).expect("no limit is hit");
    let (statistics, milestones) = (world.statistics(), watcher.finish(end));
    assert_eq!(conservation::breaches(&statistics), []);
    let judgements = judge(&loaded.expectations, &measurement, &statistics, &milestones, None);
    (judgements, milestones, statistics)
}

/// The node of a place in a state.
pub(crate) fn find(propagation: &Propagation, place: &str, state: State) -> Option<NodeIndex> {
    let graph = &propagation.graph;
    graph.node_indices().find(|&node| graph[node].place() == place && graph[node].state == Some(state))
}

fn describe(propagation: &Propagation, node: NodeIndex) -> String {
    let node = &propagation.graph[node];
    format!("{} {} at {}", node.place(), node.what(), node.onset)
}

/// Every edge, for who reads why a test failed.
fn all(propagation: &Propagation) -> String {
    let graph = &propagation.graph;
    let edges = graph.edge_indices().filter_map(|edge| {
        let (a, b) = graph.edge_endpoints(edge)?;
        Some(format!("\n  {} -> {}: {}", describe(propagation, a), describe(propagation, b), graph[edge].mechanism))
    });
    edges.collect()
}

impl Sign {
    fn assert(&self, run: &Run, begins: Time, scenario: &str) {
        let split = |samples: Vec<(Time, f64)>| -> [Vec<f64>; 2] {
            let (before, since): (Vec<_>, Vec<_>) = samples.into_iter().partition(|(time, _)| *time <= begins);
            [before, since].map(|part| part.into_iter().map(|(_, value)| value).collect())
        };
        let most = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
        let steps = |service: &str, name: &str| {
            let samples = run.metric(service, name);
            assert!(!samples.is_empty(), "{scenario}: {service} exports {name}");
            // A counter starts anew with its process.
            let steps = samples.windows(2).map(|pair| (pair[1].0, (pair[1].1 - pair[0].1).max(0.0)));
            steps.collect::<Vec<_>>()
        };
        match *self {
            Self::Gauge(service, name, factor, least) => {
                let samples = run.metric(service, name);
                assert!(!samples.is_empty(), "{scenario}: {service} exports {name}");
                let [before, since] = split(samples).map(|values| most(&values));
                assert!(since >= least && since >= factor * before, "{scenario}: {service} {name} {before} → {since}");
            }
            Self::Counter(service, name, factor, least) => {
                let [before, since] = split(steps(service, name)).map(|values| most(&values));
                assert!(since >= least && since >= factor * before, "{scenario}: {service} {name} {before} → {since}");
            }
            Self::Share(service, hits, misses, to) => {
                let hits = steps(service, hits);
                let shares = hits
                    .iter()
                    .zip(steps(service, misses))
                    .filter(|((time, hits), (_, misses))| *time > begins && hits + misses > 0.0);
                let least = shares.map(|((_, hits), (_, misses))| hits / (hits + misses)).fold(1.0, f64::min);
                assert!(least <= to, "{scenario}: {service} finds {least} of what is looked for at least");
            }
            Self::Log(service, is_it, least) => {
                let process = run.process(service);
                let lines = run.records.logs.iter().filter(|log| log.process.0 == process && is_it(&log.event));
                let times: Vec<Time> = lines.map(|log| log.time).collect();
                let before = times.iter().filter(|time| **time < begins).count();
                assert!(before == 0 && times.len() >= least, "{scenario}: {before} of {} lines before", times.len());
            }
            Self::Error(service, why, least) => {
                let process = run.process(service);
                let failed =
                    run.records.spans.iter().filter(|span| span.process.0 == process && span.error == Some(why));
                let times: Vec<Time> = failed.map(|span| span.end).collect();
                let before = times.iter().filter(|time| **time < begins).count();
                assert!(before == 0 && times.len() >= least, "{scenario}: {before} of {} spans before", times.len());
            }
            Self::Slower(service, factor) => {
                let process = run.process(service);
                let mut windows = std::collections::BTreeMap::<u64, (f64, f64)>::new();
                for span in run.records.spans.iter().filter(|span| span.process.0 == process) {
                    let window = windows.entry(span.end.as_nanos() / 15_000_000_000).or_default();
                    *window = (window.0 + (span.end - span.start).as_secs_f64(), window.1 + 1.0);
                }
                let means = windows
                    .into_iter()
                    .map(|(n, (sum, count))| (Time::from_nanos((n + 1) * 15_000_000_000), sum / count));
                let [before, since] = split(means.collect()).map(|values| most(&values));
                assert!(since >= factor * before, "{scenario}: spans of {service} take {before} → {since} s");
            }
        }
    }
}
