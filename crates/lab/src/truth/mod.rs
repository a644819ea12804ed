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
mod contrast;
pub mod difficulty;
mod incident;
mod join;
mod lane;
mod marks;
mod metric;
mod noise;
mod propagation;
mod side;
mod tally;

pub use contrast::{
    ALPHA, Components, Contrast, Course, EffectRow, FAMILY, Harm, Kind, Reach, SUSTAINED, SUSTAINED_WINDOWS, VARIATION,
    WindowRow,
};
pub use incident::{ComponentFound, FaultFound, Incident, Interaction, Part, Recovery, Role, document};
pub use join::Pair;
pub use marks::{LATE, Labels, LogMark, SampleMark, SpanMark};
pub use metric::{Edge, Metric, Metrics, Worse};
pub use noise::Noise;
pub use propagation::{Node, Propagation, State};
pub use tally::Tally;

pub use difficulty::Difficulty;

use contrast::{Block, Seen};
use difficulty::Record;
use knockon_kernel::{Duration, Time};
use knockon_model::World;
use knockon_model::blueprint::{Action, Blueprint, Fault};
use knockon_model::id::FaultId;
use knockon_model::record::{BlameRecord, Catalogue, RequestRecord};
use lane::{Key, Lane};
use marks::Marks;
use side::Side;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use tally::Wanted;

/// How long nothing must have been labelled before worlds are compared no longer.
pub const HORIZON: Duration = Duration::from_secs(600);
/// Faults whose contrasts may overlap; one more than that gets none of its own.
pub const OVERLAPPING_MAXIMUM: usize = 4;
/// Windows of the first block of an episode: bands need some noise to begin with.
const FIRST_WINDOWS: u64 = 20;
/// Requests of the first block that are few enough.
const FIRST_REQUESTS: u64 = 200_000;
/// Windows of a block at most.
const WINDOWS: u64 = 6;
/// Requests of a block that are few enough for another window.
const FEW_REQUESTS: u64 = 20_000;

/// Where a request stands among the metrics: the first one of its source's endpoint.
fn endpoint_of(metrics: &Metrics, catalogue: &Catalogue, request: &RequestRecord) -> Option<usize> {
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

/// Rows of a block, of one contrast.
#[derive(Clone, Debug)]
pub struct Rows {
    /// Number of the contrast.
    pub contrast: u32,
    /// What it is about.
    pub kind: Kind,
    /// The faults that it is about.
    pub faults: Vec<FaultId>,
    /// Numbers in windows.
    pub windows: Vec<WindowRow>,
    /// Requests.
    pub effects: Vec<EffectRow>,
    /// Labels of observed rows, where any are observed.
    pub labels: Labels,
}

/// Who held what others waited for in a window of the fact.
#[derive(Clone, Debug)]
pub struct BlameWindow {
    /// First instant of the window.
    pub start: Time,
    /// Its end, which belongs to it.
    pub end: Time,
    /// By resource and parties.
    pub records: Vec<BlameRecord>,
}

/// What has come of a stretch.
#[derive(Clone, Debug, Default)]
pub struct Settled {
    /// Of each contrast.
    pub rows: Vec<Rows>,
    /// Of the fact, where anything is observed and while anything is compared.
    pub blame: Vec<BlameWindow>,
}

/// Faults that were on at once, and what came of them.
#[derive(Clone, Debug)]
pub struct Episode {
    /// The faults, in the order of their times.
    pub faults: Vec<FaultId>,
    /// Those that came when too many others were on.
    pub not_contrasted: Vec<FaultId>,
    /// When the first one acted.
    pub from: Time,
    /// When worlds were compared no longer.
    pub until: Time,
    /// Whether that was because all was over, and not because the run was.
    pub settled: bool,
    /// What is known of each.
    pub contrasts: Vec<Contrast>,
    /// How hard it is to find out what happened from what is observed, where anything is.
    pub difficulty: Option<Difficulty>,
}

/// Worlds side by side.
#[derive(Debug)]
struct Running<const O: bool> {
    episode: Episode,
    lanes: BTreeMap<Key, Lane<O>>,
    /// What waits to be labelled, by contrast: of those in which the fact itself is the world with the fault.
    marks: BTreeMap<Kind, Marks>,
    /// The fact's open window.
    side: Side,
    /// Its windows around the beginning.
    record: Record,
    /// Where the open window began.
    opened: Time,
    /// Windows and requests of the last block.
    last: (u64, u64),
    /// Windows of the first block, and of the whole episode so far.
    first: u64,
    windows: u64,
}

/// All contrasts of a run.
#[derive(Debug)]
pub struct Truth<const O: bool> {
    blueprint: Arc<Blueprint>,
    catalogue: Arc<Catalogue>,
    metrics: Arc<Metrics>,
    components: Arc<Components>,
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

/// How far the fact goes next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stretch {
    /// Instants at which it is read.
    pub edges: Vec<Time>,
    /// Where it stops.
    pub until: Time,
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
            components: Arc::new(Components::of(metrics.list(), catalogue)),
            metrics: Arc::new(metrics),
            blueprint: Arc::new(blueprint.clone()),
            catalogue: Arc::new(catalogue.clone()),
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
        !self.metrics.list().is_empty()
    }

    /// The episode that is not over, if there is one.
    #[must_use]
    pub fn under_way(&self) -> Option<&Episode> {
        self.running.as_ref().map(|running| &running.episode)
    }

    /// What came of each episode that is over.
    #[must_use]
    pub fn incidents(&self) -> Vec<Incident> {
        let of = |episode| Incident::of(&self.blueprint, &self.metrics, &self.components, episode);
        self.episodes.iter().map(of).collect()
    }

    /// How each episode that is over came about.
    #[must_use]
    pub fn propagations(&self) -> Vec<Propagation> {
        let of = |(episode, incident): (&Episode, Incident)| {
            Propagation::of(&self.blueprint, &self.metrics, episode.whole(), &incident)
        };
        self.episodes.iter().zip(self.incidents()).map(of).collect()
    }

    /// How hard each episode that is over is, with the components that its faults act on and the instant of the first of them.
    #[must_use]
    pub fn difficulties(&self) -> Vec<(Difficulty, Vec<String>, Time)> {
        let cause = |&fault: &FaultId| {
            let component = &self.fault(fault).component;
            component.split('/').next().unwrap_or(component).to_owned()
        };
        let of = |episode: &Episode| {
            Some((episode.difficulty.clone()?, episode.faults.iter().map(cause).collect(), episode.from))
        };
        self.episodes.iter().filter_map(of).collect()
    }

    /// Compares no longer: the fact has ended before its time.
    pub fn abandon(&mut self) {
        self.close(false);
    }

    /// What is compared.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// What was compared, and nothing else of it.
    #[must_use]
    pub fn into_metrics(self) -> Metrics {
        Arc::unwrap_or_clone(self.metrics)
    }

    /// Whose numbers they are.
    #[must_use]
    pub fn components(&self) -> &Components {
        &self.components
    }

    /// To be called before the fact has begun: faults of the first instant are set aside in worlds of their own.
    pub fn begin(&mut self, fact: &mut World, tally: &mut Tally<O>) {
        self.fork(fact, Time::ZERO);
        tally.want(self.wanted());
    }

    /// How far the fact goes next.
    #[must_use]
    pub fn next(&self) -> Stretch {
        let end = Time::ZERO + self.blueprint.duration;
        let fork = self.coming.last().map(|&fault| before(self.fault(fault).at));
        let limit = fork.map_or(end, |fork| fork.min(end));
        let window = self.blueprint.scrape_interval.as_nanos();
        let Some(running) = &self.running else { return self.next_in_calm(limit) };
        let mut edges = Vec::new();
        let mut edge = running.opened;
        for _ in 0..running.block() {
            let mut next = (edge.as_nanos() / window + 1) * window;
            // A window that is hardly any goes with the next one.
            if next - edge.as_nanos() < window / 2 {
                next += window;
            }
            edge = Time::from_nanos(next);
            if edge > limit {
                break;
            }
            edges.push(edge);
        }
        let whole = edges.len() as u64 == running.block();
        let until = if whole { edge } else { limit };
        let opened = edges.last().copied().unwrap_or(running.opened);
        if until == end && opened < end && (end - opened).as_nanos() >= window / 2 {
            edges.push(end);
        }
        Stretch { edges, until }
    }

    /// While nothing is compared: the windows just before a fault are what it is seen against.
    fn next_in_calm(&self, limit: Time) -> Stretch {
        let window = self.blueprint.scrape_interval;
        if !O || self.coming.is_empty() {
            return Stretch { edges: Vec::new(), until: limit };
        }
        let Some((_, opened, _)) = &self.calm else {
            let span = Duration::from_nanos(window.as_nanos().saturating_mul(difficulty::BASELINE_WINDOWS as u64 + 1));
            let begin = Time::from_nanos((limit - Time::ZERO).saturating_sub(span).as_nanos());
            let grid = Time::from_nanos(begin.as_nanos() / window.as_nanos() * window.as_nanos());
            return Stretch { edges: Vec::new(), until: grid.max(self.now) };
        };
        let edges: Vec<Time> =
            std::iter::successors(Some(opened.saturating_add(window)), |edge| edge.checked_add(window))
                .take_while(|&edge| edge <= limit)
                .take(difficulty::BASELINE_WINDOWS)
                .collect();
        let whole = edges.len() == difficulty::BASELINE_WINDOWS;
        Stretch { until: edges.last().copied().filter(|_| whole).unwrap_or(limit), edges }
    }

    /// Runs a stretch: `fact` takes the fact to an instant and reads it there, while the other worlds go the same way.
    ///
    /// # Errors
    /// What `fact` says; nothing can be compared after that but what was before.
    pub fn run<E>(
        &mut self,
        stretch: &Stretch,
        mut fact: impl FnMut(Time) -> Result<Edge, E>,
    ) -> Result<Vec<(Time, Edge)>, E> {
        let mut drive = || -> Result<Vec<(Time, Edge)>, E> {
            let mut read = Vec::with_capacity(stretch.edges.len());
            for &edge in &stretch.edges {
                read.push((edge, fact(edge)?));
            }
            if stretch.edges.last() != Some(&stretch.until) {
                fact(stretch.until)?;
            }
            Ok(read)
        };
        let Some(running) = &mut self.running else { return drive() };
        let (metrics, catalogue) = (&*self.metrics, &*self.catalogue);
        let unwanted = AtomicBool::new(false);
        let go = |lane: &mut Lane<O>| lane.run(metrics, catalogue, &stretch.edges, stretch.until, &unwanted);
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

    /// Compares what has passed; to be called after each stretch, with what [`Self::run`] read.
    pub fn settle(
        &mut self,
        stretch: &Stretch,
        read: &[(Time, Edge)],
        fact: &mut World,
        tally: &mut Tally<O>,
    ) -> Settled {
        self.now = stretch.until;
        let (mut rows, mut blame) = (Vec::new(), Vec::new());
        if let Some(running) = &mut self.running {
            let windows = running.side.close(&self.metrics, &self.catalogue, read, tally);
            let bounds = running.bounds(&stretch.edges);
            running.record.watch(&bounds, &windows);
            let windows_of_blame = bounds.iter().zip(read).map(|(&(start, end), (_, edge))| BlameWindow {
                start,
                end,
                records: edge.blame.clone(),
            });
            blame.extend(windows_of_blame);
            rows =
                running.compare(&self.metrics, &self.components, &self.catalogue, &bounds, &windows, tally, self.now);
            running.last = (stretch.edges.len() as u64, tally.requests.len() as u64);
            running.windows += stretch.edges.len() as u64;
            running.opened = stretch.edges.last().copied().unwrap_or(running.opened);
        } else if let Some((side, opened, record)) = &mut self.calm {
            record.learn(side.close(&self.metrics, &self.catalogue, read, tally));
            *opened = stretch.edges.last().copied().unwrap_or(*opened);
        }
        tally.clear();
        let end = Time::ZERO + self.blueprint.duration;
        let settled = self.is_settled();
        if settled || stretch.until == end {
            rows.extend(self.close(settled));
            fact.ignore_blame();
        }
        if let Some(&next) = self.coming.last()
            && stretch.until >= before(self.fault(next).at)
            && stretch.until < end
        {
            self.fork(fact, self.fault(next).at);
        }
        if O && self.running.is_none() && self.calm.is_none() && !self.coming.is_empty() && self.compares() {
            self.calm = Some((Side::open(&self.metrics, &Edge::of(fact)), self.now, Record::default()));
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
        &self.blueprint.faults[fault.index()]
    }

    /// Faults of an instant come: worlds without them part from the fact.
    fn fork(&mut self, fact: &mut World, at: Time) {
        while let Some(&fault) = self.coming.last()
            && self.fault(fault).at == at
        {
            self.coming.pop();
            let record = self.calm.take().map(|(_, _, record)| record);
            let running = self.running.get_or_insert_with(|| Running::new(&self.metrics, fact, at));
            if let Some(record) = record {
                running.record = record;
            }
            if running.episode.faults.len() == OVERLAPPING_MAXIMUM {
                running.episode.not_contrasted.push(fault);
            } else {
                running.part(fault, at, fact, &self.components, &mut self.contrasts);
            }
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
        episode.faults.iter().chain(&episode.not_contrasted).all(over)
            && episode.contrasts.iter().all(|contrast| contrast.quiet(self.blueprint.scrape_interval) >= HORIZON)
    }

    /// Whether nothing of a fault is in force any more.
    fn is_over(&self, fault: FaultId, now: Time) -> bool {
        let described = self.fault(fault);
        match described.until {
            Some(until) => until <= now,
            None => passes(&self.blueprint, fault) && described.at <= now,
        }
    }

    /// Ends the episode.
    fn close(&mut self, settled: bool) -> Vec<Rows> {
        let Some(mut running) = self.running.take() else { return Vec::new() };
        running.episode.until = self.now;
        running.episode.settled = settled;
        // Where worlds go on unwatched, what is under way in one of them may still end in it.
        let sent_before = if settled { running.opened.min(before(self.now)) } else { Time::MAX };
        let mut rows = Vec::new();
        for contrast in &mut running.episode.contrasts {
            let effects = contrast.finish(&self.metrics, &self.components, &self.catalogue, sent_before);
            rows.push(Rows {
                contrast: contrast.number,
                kind: contrast.kind,
                faults: contrast.kind.faults(&running.episode.faults),
                windows: Vec::new(),
                effects,
                labels: Labels::default(),
            });
        }
        if O {
            let whole = running.episode.whole();
            running.episode.difficulty = Some(running.record.judge(&self.metrics, &self.components, whole));
        }
        self.episodes.push(running.episode);
        rows
    }
}

impl<const O: bool> Running<O> {
    fn new(metrics: &Metrics, fact: &mut World, at: Time) -> Self {
        let edge = Edge::of(fact);
        let of_a_window = edge.requests_in(fact.blueprint().scrape_interval, at);
        Self {
            episode: Episode {
                faults: Vec::new(),
                not_contrasted: Vec::new(),
                from: at,
                until: at,
                settled: false,
                contrasts: Vec::new(),
                difficulty: None,
            },
            lanes: BTreeMap::new(),
            marks: BTreeMap::new(),
            side: Side::open(metrics, &edge),
            first: (FIRST_REQUESTS / of_a_window.max(1)).clamp(1, FIRST_WINDOWS),
            record: Record::default(),
            opened: at,
            last: (FIRST_WINDOWS, 0),
            windows: 0,
        }
    }

    /// Windows of the next block: few at high rates, so that a block fits into memory.
    fn block(&self) -> u64 {
        if self.windows == 0 {
            return self.first;
        }
        let (windows, requests) = self.last;
        let of_a_window = (requests / windows.max(1)).max(1);
        (FEW_REQUESTS / of_a_window).clamp(1, WINDOWS)
    }

    /// Starts and ends of windows.
    fn bounds(&self, edges: &[Time]) -> Vec<(Time, Time)> {
        let starts = std::iter::once(self.opened).chain(edges.iter().copied());
        starts.zip(edges.iter().copied()).collect()
    }

    /// A fault comes: the worlds that its contrasts need part from those that there are.
    fn part(&mut self, fault: FaultId, at: Time, fact: &World, components: &Components, numbers: &mut u32) {
        let before: Vec<FaultId> = self.episode.faults.clone();
        let mut after = before.clone();
        after.push(fault);
        let none = Key::without(after.iter().copied());
        let all_but = |kept: FaultId| Key::without(after.iter().copied().filter(|&other| other != kept));
        let mut needed: Vec<Key> = after.iter().map(|&one| Key::without([one])).collect();
        needed.push(none.clone());
        needed.extend(after.iter().map(|&one| all_but(one)));
        needed.retain(|key| !key.aside.is_empty());
        let placebos: Vec<Key> =
            after.iter().map(|&one| Key::without([one])).chain([none.clone()]).map(Key::placebo).collect();
        let mut lanes = BTreeMap::new();
        for key in needed.into_iter().chain(placebos) {
            if !lanes.contains_key(&key) {
                let lane = self.forked(&key, fault, fact, &lanes);
                lanes.insert(key, lane);
            }
        }
        self.lanes = lanes;
        self.episode.faults.push(fault);
        let mut next = || {
            *numbers += 1;
            *numbers - 1
        };
        self.plan(&before, &after, fault, at, components, &mut next);
    }

    /// The world of a key, parted from the one that it was until now.
    fn forked(&self, key: &Key, fault: FaultId, fact: &World, made: &BTreeMap<Key, Lane<O>>) -> Lane<O> {
        let parent = key.parent(fault);
        let redrawn = key.placebo && !self.lanes.contains_key(&parent);
        let mut lane = if redrawn {
            made[&Key { placebo: false, ..key.clone() }].clone()
        } else if parent.aside.is_empty() {
            self.lane_of(fact)
        } else {
            self.lanes[&parent].clone()
        };
        if redrawn {
            lane.redrawn = Some(0);
            lane.redraw();
        } else if key.aside.contains(&fault) {
            lane.world.set_aside(fault);
        }
        lane
    }

    fn lane_of(&self, fact: &World) -> Lane<O> {
        let mut tally = Tally::default();
        tally.want(Wanted::All);
        let mut world = Box::new(fact.clone());
        world.ignore_blame();
        Lane { world, tally, side: self.side.clone(), redrawn: None, stopped: None, windows: Vec::new() }
    }

    /// The contrasts from now on.
    fn plan(
        &mut self,
        before: &[FaultId],
        after: &[FaultId],
        fault: FaultId,
        at: Time,
        components: &Components,
        next: &mut impl FnMut() -> u32,
    ) {
        let fact = Key::default();
        let none = Key::without(after.iter().copied());
        let alone = |one: FaultId| Key::without(after.iter().copied().filter(|&other| other != one));
        let known = std::mem::take(&mut self.episode.contrasts);
        let find = |kind: Kind| known.iter().find(|contrast| contrast.kind == kind);
        let mut contrasts = Vec::new();
        for &one in after {
            let (kind, without) = (Kind::Necessity(one), Key::without([one]));
            contrasts.push(match find(kind) {
                Some(contrast) => contrast.clone(),
                None => Contrast::new(next(), kind, at, fact.clone(), without, components),
            });
        }
        if after.len() > 1 {
            for &one in after {
                let kind = Kind::Sufficiency(one);
                // A fault that was the only one was sufficient for what it was necessary for.
                let so_far = find(kind).or_else(|| before.len().eq(&1).then(|| find(Kind::Necessity(one))).flatten());
                let number = find(kind).map_or_else(&mut *next, |known| known.number);
                contrasts.push(match so_far {
                    Some(contrast) if one != fault => contrast.goes_on_as(number, kind, alone(one), none.clone()),
                    _ => Contrast::new(number, kind, at, alone(one), none.clone(), components),
                });
            }
            if let Some(&one) = before.first()
                && !self.marks.contains_key(&Kind::Joint)
                && let Some(so_far) = self.marks.get(&Kind::Necessity(one)).cloned()
            {
                self.marks.insert(Kind::Joint, so_far);
            }
            let so_far = find(Kind::Joint).or_else(|| before.first().and_then(|&one| find(Kind::Necessity(one))));
            let number = find(Kind::Joint).map_or_else(&mut *next, |known| known.number);
            contrasts.push(match so_far {
                Some(contrast) => contrast.goes_on_as(number, Kind::Joint, fact, none),
                None => Contrast::new(number, Kind::Joint, at, fact, none, components),
            });
        }
        self.episode.contrasts = contrasts;
    }

    #[expect(clippy::too_many_arguments, reason = "what a block consists of")]
    fn compare(
        &mut self,
        metrics: &Metrics,
        components: &Components,
        catalogue: &Catalogue,
        bounds: &[(Time, Time)],
        fact: &[Vec<f64>],
        tally: &Tally<O>,
        now: Time,
    ) -> Vec<Rows> {
        let (lanes, marks) = (&self.lanes, &mut self.marks);
        let seen = |key: &Key| match lanes.get(key) {
            Some(lane) => Seen { windows: &lane.windows, requests: &lane.tally.requests },
            None => Seen { windows: fact, requests: &tally.requests },
        };
        let faults = &self.episode.faults;
        let compared = self.episode.contrasts.iter_mut().map(|contrast| {
            let block = Block {
                metrics,
                components,
                catalogue,
                windows: bounds,
                with: seen(&contrast.with),
                without: seen(&contrast.without),
                placebo: seen(&contrast.without.clone().placebo()),
            };
            let (windows, effects) = contrast.compare(&block);
            let mut labels = Labels::default();
            if O && contrast.with.aside.is_empty() {
                let without = &lanes[&contrast.without];
                let placebo = &lanes[&contrast.without.clone().placebo()];
                let marks = marks.entry(contrast.kind).or_default();
                let tallies = [tally, &without.tally, &placebo.tally];
                labels = marks.take(contrast, |process| components.of_process(process), tallies, now);
                let hurt = |metric| contrast.reach[components.of_metric(metric)].hurt;
                labels.samples = marks::samples(metrics, &windows, hurt);
            }
            let faults = contrast.kind.faults(faults);
            Rows { contrast: contrast.number, kind: contrast.kind, faults, windows, effects, labels }
        });
        compared.collect()
    }
}

/// The last instant before another; time zero has none.
fn before(at: Time) -> Time {
    Time::from_nanos(at.as_nanos().saturating_sub(1))
}
