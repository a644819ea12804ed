//! What a fault did: the fact beside the same world without the fault, and beside a placebo that tells effect from chance.
//!
//! ```text
//!            t_k                      contrast k: necessity
//! fact ───────┬──────────────────────►  with
//!             ├─ without k ──────────►  without          lockstep, block by block
//!             └─ without k, redrawn ─►  placebo
//! ```
//!
//! [`Truth`] is told by whoever drives the fact when a block of windows has passed; the worlds beside it run on other threads
//! meanwhile. Faults whose contrasts overlap form an *episode*: then each has two contrasts, with and without it among all
//! others (necessity) and alone (sufficiency), and there is one of all together. An episode ends by the horizon rule: no patch is in
//! force, and nothing has been labelled in any contrast for [`HORIZON`]; or with the run.

mod address;
pub mod causes;
mod components;
mod contrast;
mod course;
pub mod difficulty;
mod edge;
mod episode;
mod harm;
mod incident;
mod join;
mod lane;
mod lines;
mod marks;
mod meeting;
mod metric;
mod metrics;
mod noise;
mod outcomes;
mod propagation;
mod reach;
mod running;
mod side;
mod stretch;
mod system;
mod tally;
mod waits;

pub use components::Components;
pub use contrast::{ALPHA, Contrast, EffectRow, Kind, WindowRow};
pub use course::{Course, FAMILY, SUSTAINED, SUSTAINED_WINDOWS, VARIATION};
pub use difficulty::Difficulty;
pub use episode::{BlameWindow, Episode, Rows, Settled};
pub use harm::Harm;
pub use incident::{ComponentFound, FaultFound, Incident, Interaction, Part, Recovery, Role, document};
pub use join::Pair;
pub use marks::{LATE, LATE_AT_LEAST, Labels, LogMark, SampleMark, SpanMark};
pub use metric::{Metric, Worse, series_name};
pub use metrics::Metrics;
pub use noise::Noise;
pub use propagation::{Link, MUCH, Node, Propagation, State};
pub use reach::Reach;
pub use stretch::{Passed, Stretch};
pub use tally::Tally;

use difficulty::Record;
use edge::Edge;
use knockon_kernel::{Duration, Time};
use knockon_model::blueprint::{Action, Blueprint, Fault};
use knockon_model::id::FaultId;
use knockon_model::record::RequestRecord;
use knockon_model::{Stop, World};
use lane::Lane;
use running::Running;
use side::Side;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use system::System;
use tally::Wanted;

/// How long nothing must have been labelled before worlds are compared no longer.
pub const HORIZON: Duration = Duration::from_secs(600);
/// Faults that may be contrasted one by one at a time; what one more does is known together with theirs.
pub const OVERLAPPING_MAXIMUM: usize = 4;

/// Where a request stands among the metrics: the first one of its source's endpoint.
fn endpoint_of(System { metrics, catalogue, .. }: &System, request: &RequestRecord) -> Option<usize> {
    let source = metrics.source_of(request.client)?;
    metrics.of_endpoint(source, catalogue.operations[request.operation.index()].endpoint)
}

/// Whether a request ended otherwise than with what it asked for, as its source counts it.
fn failed(request: &RequestRecord) -> bool {
    request.status == 0 || request.status >= 500 || request.error.is_some()
}

/// Whether all that a fault does is over once it is done: nothing stays as it set it.
fn passes(blueprint: &Blueprint, fault: FaultId) -> bool {
    let passing = |action: &Action| {
        matches!(action, Action::Kill { .. } | Action::Flush { .. } | Action::Terminate { .. } | Action::Reload { .. })
    };
    let mut patches = blueprint.patches.iter().filter(|patch| patch.fault == Some(fault));
    patches.all(|patch| passing(&patch.action)) && blueprint.faults[fault.index()].kind != "surge"
}

/// All contrasts of a run.
#[derive(Debug)]
pub struct Truth<const O: bool> {
    system: System,
    threads: usize,
    /// Faults that are still to come, the next one last.
    coming: Vec<FaultId>,
    now: Time,
    running: Option<Running<O>>,
    /// The fact's windows before the next fault, where anything is observed: the open one since when, and those that have passed.
    calm: Option<(Side, Time, Record)>,
    contrasts: u32,
    /// Episodes that are over.
    pub episodes: Vec<Episode>,
}

impl<const O: bool> Truth<O> {
    /// For the run of a world that has not begun, on so many threads, of which one drives the fact. Without faults, or where nothing of them is
    /// `wanted`, nothing is compared.
    #[must_use]
    pub fn new(fact: &World, threads: usize, wanted: bool) -> Self {
        let (blueprint, catalogue) = (fact.blueprint(), fact.catalogue());
        let mut coming: Vec<FaultId> = (0..blueprint.faults.len() as u32).map(FaultId).collect();
        let end = Time::ZERO + blueprint.duration;
        coming.retain(|&fault| wanted && blueprint.faults[fault.index()].at <= end);
        let metrics = if coming.is_empty() { Metrics::default() } else { Metrics::of(fact, O) };
        coming.sort_by_key(|&fault| (std::cmp::Reverse(blueprint.faults[fault.index()].at), std::cmp::Reverse(fault)));
        Self {
            system: System {
                components: Components::of(metrics.list(), catalogue),
                metrics,
                has_phases: fact.has_phases(),
                blueprint: blueprint.clone(),
                catalogue: catalogue.clone(),
            },
            threads: threads.max(1),
            coming,
            now: Time::ZERO,
            running: None,
            calm: None,
            contrasts: 0,
            episodes: Vec::new(),
        }
    }

    /// Whether anything is compared, or will be.
    #[must_use]
    pub fn compares(&self) -> bool {
        !self.system.metrics.list().is_empty()
    }

    /// The episode that is not over, if there is one.
    #[must_use]
    pub fn under_way(&self) -> Option<&Episode> {
        self.running.as_ref().map(|running| &running.episode)
    }

    /// What came of each episode that is over.
    #[must_use]
    pub fn incidents(&self) -> Vec<Incident> {
        let System { blueprint, metrics, components, .. } = &self.system;
        let of = |episode| Incident::of(blueprint, metrics, components, episode);
        self.episodes.iter().map(of).collect()
    }

    /// How each episode that is over came about.
    #[must_use]
    pub fn propagations(&self) -> Vec<Propagation> {
        let of = |(episode, incident): (&Episode, Incident)| {
            let System { blueprint, metrics, components, .. } = &self.system;
            Propagation::of(blueprint, metrics, components, episode, &incident)
        };
        self.episodes.iter().zip(self.incidents()).map(of).collect()
    }

    /// How hard each episode that is over is, with the components that its faults act on and the instant of the first of them.
    #[must_use]
    pub fn difficulties(&self) -> Vec<(Difficulty, Vec<String>, Time)> {
        let of = |(episode, incident): (&Episode, Incident)| {
            let mut causes: Vec<String> = Vec::new();
            for found in incident.faults.iter().filter(|found| found.role.may_act()) {
                causes.extend(causes::components(&self.system.blueprint, found.fault));
            }
            causes.sort();
            causes.dedup();
            Some((episode.difficulty.clone()?, causes, episode.from))
        };
        self.episodes.iter().zip(self.incidents()).filter_map(of).collect()
    }

    /// Compares no longer: the fact has ended before its time, and has left this behind since it was last compared.
    pub fn abandon(&mut self, late: &Tally<O>) -> Settled {
        Settled { rows: self.break_off(None, late), blame: Vec::new() }
    }

    /// What is compared.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.system.metrics
    }

    /// What was compared, and nothing else of it.
    #[must_use]
    pub fn into_metrics(self) -> Metrics {
        self.system.metrics
    }

    /// Whose numbers they are.
    #[must_use]
    pub fn components(&self) -> &Components {
        &self.system.components
    }

    /// To be called before the fact has begun: faults of the first instant are set aside in worlds of their own.
    pub fn begin(&mut self, fact: &mut World, tally: &mut Tally<O>) {
        self.fork(fact, tally, Time::ZERO);
        tally.want(self.wanted());
    }

    /// Runs a stretch: `drive` takes the fact to an instant, while the other worlds go the same way.
    ///
    /// # Errors
    /// What `drive` says; nothing can be compared after that but what was before.
    pub fn run<E>(
        &mut self,
        stretch: &Stretch,
        fact: &mut World,
        mut drive: impl FnMut(&mut World, Time) -> Result<(), E>,
    ) -> Result<Passed, E> {
        let mut drive = || -> Result<Passed, E> {
            let mut edges = Vec::with_capacity(stretch.edges.len());
            for &edge in &stretch.edges {
                drive(fact, edge)?;
                edges.push((edge, Edge::of(fact)));
            }
            if stretch.edges.last() != Some(&stretch.until) {
                drive(fact, stretch.until)?;
            }
            Ok(Passed(edges))
        };
        let Some(running) = &mut self.running else { return drive() };
        let system = &self.system;
        let unwanted = AtomicBool::new(false);
        let go = |lane: &mut Lane<O>| lane.run(system, &stretch.edges, stretch.until, &unwanted);
        let hands = (self.threads - 1).min(running.lanes.len());
        if hands == 0 {
            let read = drive()?;
            running.lanes.values_mut().for_each(go);
            return Ok(read);
        }
        let mut shares: Vec<Vec<&mut Lane<O>>> = (0..hands).map(|_| Vec::new()).collect();
        for (n, lane) in running.lanes.values_mut().enumerate() {
            shares[n % hands].push(lane);
        }
        thread::scope(|scope| {
            for share in shares {
                scope.spawn(|| share.into_iter().for_each(go));
            }
            let read = drive();
            unwanted.store(read.is_err(), Ordering::Relaxed);
            read
        })
    }

    /// Drives a fact that nobody else watches, to its end or until `tell` breaks off: it is told after each stretch what came of it.
    ///
    /// # Errors
    /// The limit that the fact hits; what could be compared until then has been told.
    pub fn follow(
        &mut self,
        fact: &mut World,
        mut tell: impl FnMut(&Self, &mut World, Settled) -> ControlFlow<()>,
    ) -> Result<(), Stop> {
        let end = Time::ZERO + self.system.blueprint.duration;
        let mut tally = Tally::default();
        self.begin(fact, &mut tally);
        loop {
            let stretch = self.next();
            let passed = match self.run(&stretch, fact, |fact, until| fact.run_until(until, &mut tally)) {
                Ok(passed) => passed,
                Err(stop) => {
                    let settled = self.abandon(&tally);
                    let _ = tell(self, fact, settled);
                    return Err(stop);
                }
            };
            let settled = self.settle(&stretch, &passed, fact, &mut tally);
            if tell(self, fact, settled).is_break() || stretch.until == end {
                return Ok(());
            }
        }
    }

    /// Compares what has passed; to be called after each stretch, with what [`Self::run`] read.
    pub fn settle(
        &mut self,
        stretch: &Stretch,
        Passed(read): &Passed,
        fact: &mut World,
        tally: &mut Tally<O>,
    ) -> Settled {
        self.now = stretch.until;
        let (mut rows, mut blame) = (Vec::new(), Vec::new());
        let limit = self.running.as_ref().and_then(Running::limit);
        // What is left before a fault waits for the edge of its window.
        let waits = self.running.is_some() && limit.is_none() && stretch.edges.is_empty();
        if limit.is_some() {
            rows = self.break_off(limit, tally);
            fact.ignore_blame();
        } else if waits {
            if let Some(running) = &mut self.running {
                running.compare_at_once(&self.system, fact);
            }
        } else if let Some(running) = &mut self.running {
            let windows = running.side.close(&self.system, read, tally);
            let bounds = running.bounds(&stretch.edges);
            running.record.watch(&bounds, &windows);
            let windows_of_blame = bounds.iter().zip(read).map(|(&(start, end), (_, edge))| BlameWindow {
                start,
                end,
                records: edge.blame.clone(),
            });
            blame.extend(windows_of_blame);
            rows = running.compare(&self.system, &bounds, &windows, tally);
            running.episode.take(&self.system, &blame);
        } else if let Some((side, opened, record)) = &mut self.calm {
            record.learn(side.close(&self.system, read, tally));
            *opened = stretch.edges.last().copied().unwrap_or(*opened);
        }
        if !waits {
            tally.clear();
        }
        let end = Time::ZERO + self.system.blueprint.duration;
        let settled = self.is_settled();
        let mut closed = None;
        if settled || stretch.until == end {
            closed = self.running.as_ref().map(|running| running.side.clone());
            rows.extend(self.close(settled));
            fact.ignore_blame();
        }
        if let Some(&next) = self.coming.last()
            && stretch.until >= before(self.fault(next).at)
            && stretch.until < end
        {
            self.fork(fact, tally, self.fault(next).at);
        }
        if O && self.running.is_none() && self.calm.is_none() && !self.coming.is_empty() && self.compares() {
            // What counters showed at the end of an incident is what they grow from.
            let side = Side::open(&self.system.metrics, &Edge::of(fact), self.now, closed.as_ref());
            self.calm = Some((side, self.now, Record::default()));
        }
        tally.want(self.wanted());
        Settled { rows, blame }
    }

    fn wanted(&self) -> Wanted {
        match (&self.running, &self.calm) {
            (Some(_), _) => Wanted::All,
            (None, Some(_)) => Wanted::Samples,
            (None, None) => Wanted::Nothing,
        }
    }

    fn fault(&self, fault: FaultId) -> &Fault {
        &self.system.blueprint.faults[fault.index()]
    }

    /// Faults of an instant come: worlds without them part from the fact.
    fn fork(&mut self, fact: &mut World, tally: &Tally<O>, at: Time) {
        while let Some(&fault) = self.coming.last()
            && self.fault(fault).at == at
        {
            self.coming.pop();
            let calm = self.calm.take();
            let running = self.running.get_or_insert_with(|| {
                let side = calm.as_ref().map(|(side, ..)| side);
                Running::new(&self.system.metrics, fact, at, side)
            });
            if let Some((.., record)) = calm {
                running.record = record;
            }
            running.part((fault, at), fact, tally, &self.system, &mut self.contrasts);
            if O {
                fact.watch_blame();
            }
        }
    }

    /// Whether all is over: no patch in force, and nothing labelled for long.
    fn is_settled(&self) -> bool {
        let Some(running) = &self.running else { return false };
        let episode = &running.episode;
        let over = |&fault: &FaultId| self.is_over(fault, self.now);
        episode.all_faults().all(|fault| over(&fault))
            && episode.contrasts.iter().all(|contrast| contrast.quiet(self.system.blueprint.scrape_interval) >= HORIZON)
    }

    /// Whether nothing of a fault is in force any more.
    fn is_over(&self, fault: FaultId, now: Time) -> bool {
        let described = self.fault(fault);
        match described.until {
            Some(until) => until <= now,
            None => passes(&self.system.blueprint, fault) && described.at <= now,
        }
    }

    /// Ends the episode before it is over, since one of its worlds goes no further, as if the run ended with the last window that was compared. A
    /// request that was under way then may have ended in the world with the fault since.
    fn break_off(&mut self, limit: Option<Stop>, late: &Tally<O>) -> Vec<Rows> {
        let Some(mut running) = self.running.take() else { return Vec::new() };
        running.episode.until = running.opened;
        running.episode.limit = limit;
        let Running { episode, lanes, .. } = &mut running;
        for contrast in &mut episode.contrasts {
            let late = lanes.get(&contrast.with).map_or(late, |lane| &lane.tally);
            contrast.take_late(&late.requests);
        }
        self.finish(running, Time::MAX)
    }

    fn shelve(&mut self, mut running: Running<O>) {
        if O {
            let whole = running.episode.whole();
            running.episode.difficulty =
                Some(running.record.judge(&self.system.metrics, &self.system.components, whole));
        }
        self.episodes.push(running.episode);
    }

    /// Ends the episode.
    fn close(&mut self, settled: bool) -> Vec<Rows> {
        let Some(mut running) = self.running.take() else { return Vec::new() };
        running.episode.until = self.now;
        running.episode.settled = settled;
        // Where worlds go on unwatched, what is under way in one of them may still end in it.
        let sent_before = if settled { running.opened.min(before(self.now)) } else { Time::MAX };
        self.finish(running, sent_before)
    }

    /// Tells what has no counterpart: of requests, those sent before an instant.
    fn finish(&mut self, mut running: Running<O>, sent_before: Time) -> Vec<Rows> {
        let mut rows = Vec::new();
        let all: Vec<FaultId> = running.episode.all_faults().collect();
        for contrast in &mut running.episode.contrasts {
            let effects = contrast.finish(&self.system, sent_before);
            let marks = running.marks.remove(&contrast.kind);
            let labels = marks.map(|marks| marks.rest(contrast, &self.system)).unwrap_or_default();
            contrast.take_in(&self.system.components, &labels);
            rows.push(Rows {
                contrast: contrast.number,
                kind: contrast.kind,
                faults: contrast.kind.faults(&all),
                windows: Vec::new(),
                effects,
                labels,
            });
        }
        self.shelve(running);
        rows
    }
}

/// The last instant before another; time zero has none.
fn before(at: Time) -> Time {
    Time::from_nanos(at.as_nanos().saturating_sub(1))
}
