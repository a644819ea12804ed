//! One contrast: a world with a fault, the same without it, and the placebo of the latter, compared window by window and request by
//! request.
//!
//! *Labels* are gated. A number that leaves its band is labelled only while its component is *affected*, so that chance labels nothing,
//! however many numbers are compared. It is affected while one of its numbers that decide is beyond chance in one of two ways:
//!
//! * in a single window: it leaves a band so wide that, were the fault to do nothing, any number of any component in any window
//!   of the whole contrast would leave it with a probability of at most [`FAMILY`] (Bonferroni over metrics, and over windows by a
//!   convergent series, so that it holds however long a contrast lasts), and it is off by more than [`VARIATION`] standard deviations of
//!   what the number varies by from window to window anyway: noise that is rare has a tail that few windows do not show,
//! * over the last [`SUSTAINED_WINDOWS`]: the sum of its differences is more than [`SUSTAINED`] standard errors from nothing.
//!
//! A number without any noise so far has no band. Where the placebo never differs from the twin in anything, no component's phase
//! matters, and any difference is an effect; so is any in what a source sends, which nothing in the system decides. Elsewhere a
//! number that differs only with the fault could have done so by chance in the placebo as well: n events (or windows, of a number
//! that counts nothing) in one of three worlds alone have a probability of 3⁻ⁿ at most (the conditional binomial test).

use super::join::{self, Join, Pair};
use super::lane::Key;
use super::metric::{Metric, Metrics, Worse};
use super::noise::Noise;
use knockon_kernel::{Duration, Time};
use knockon_model::id::{FaultId, ProcessId};
use knockon_model::record::{Catalogue, ProcessInfo, RequestRecord};
use std::collections::{BTreeMap, VecDeque};

/// The probability with which a single comparison leaves its band by chance.
pub const ALPHA: f64 = 0.005;
/// The probability with which a fault that does nothing is said to have an effect.
pub const FAMILY: f64 = 0.005;

/// Standard deviations from window to window that a single window must be off by.
pub const VARIATION: f64 = 4.0;
/// Windows over which a difference that no single one shows is looked for.
pub const SUSTAINED_WINDOWS: usize = 20;
/// Standard errors that their sum must be off by.
pub const SUSTAINED: f64 = 6.0;

/// What a contrast is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// All faults against all but this one: what would not have happened without it.
    Necessity(FaultId),
    /// This fault alone against none: what it does by itself.
    Sufficiency(FaultId),
    /// All faults against none: what they do together.
    Joint,
}

impl Kind {
    /// The faults that it is about, of those of an episode.
    #[must_use]
    pub fn faults(self, all: &[FaultId]) -> Vec<FaultId> {
        match self {
            Self::Necessity(fault) | Self::Sufficiency(fault) => vec![fault],
            Self::Joint => all.to_vec(),
        }
    }

    /// The word in files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Necessity(_) => "necessity",
            Self::Sufficiency(_) => "sufficiency",
            Self::Joint => "joint",
        }
    }
}

/// A number in a window that is not the same in both worlds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct WindowRow {
    /// Index of the metric.
    pub metric: usize,
    /// First instant of the window.
    pub start: Time,
    /// Its end, which belongs to it.
    pub end: Time,
    /// With the fault.
    pub with: f64,
    /// Without.
    pub without: f64,
    /// In the placebo.
    pub placebo: f64,
    /// The band around `without`.
    pub band: f64,
    /// Whether `with` lies outside the band.
    pub outside: bool,
    /// Whether it lies outside in a component that is affected.
    pub labelled: bool,
    /// Whether, in addition, it is worse.
    pub hurt: bool,
}

/// A request that is not the same in both worlds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct EffectRow {
    /// The request.
    pub pair: Pair,
    /// How far it may be off by chance, in nanoseconds.
    pub band_ns: f64,
    /// Whether it is further off.
    pub outside: bool,
    /// Whether it is outside, and its source affected.
    pub labelled: bool,
    /// Whether, in addition, it took longer or failed.
    pub hurt: bool,
}

/// What came of a metric so far.
#[derive(Clone, Debug, Default)]
pub struct Course {
    noise: Noise,
    /// Events (or windows) by which it differed with the fault while the placebo never did.
    rare: f64,
    /// What it varies by from window to window without the fault.
    without: Spread,
    /// Squares of the noise.
    noise_squares: f64,
    /// Differences in the last windows.
    recent: VecDeque<f64>,
    /// Start of the unbroken row of windows outside the band that it is in.
    row: Option<Time>,
    /// First window of the row in which it first was affected beyond chance.
    pub onset: Option<Time>,
    /// End of the last labelled window.
    pub last: Option<Time>,
    /// Labelled windows.
    pub labelled: u64,
    /// Of them, those that are worse.
    pub hurt: u64,
    /// End of the last of those.
    pub last_hurt: Option<Time>,
    /// The largest difference in a labelled window, with its sign, and that window.
    pub peak: Option<(f64, Time)>,
    /// Sums over labelled windows: with and without.
    pub sums: (f64, f64),
}

/// Mean and variance as they come (Welford, "Note on a Method for Calculating Corrected Sums of Squares and Products", 1962).
#[derive(Clone, Copy, Debug, Default)]
struct Spread {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    fn add(&mut self, value: f64) {
        if value.is_nan() {
            return;
        }
        self.count += 1.0;
        let before = value - self.mean;
        self.mean += before / self.count;
        self.squares += before * (value - self.mean);
    }

    fn deviation(&self) -> f64 {
        if self.count < 2.0 { 0.0 } else { libm::sqrt(self.squares / (self.count - 1.0)) }
    }
}

/// What came of a component so far.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    /// When it was first affected.
    pub onset: Option<Time>,
    /// End of the last window in which it was.
    pub last: Option<Time>,
    /// Whether any number of it that decides was worse.
    pub hurt: bool,
    /// End of the last window in which one was.
    pub last_hurt: Option<Time>,
    /// Blocks for which it still counts as affected.
    affected_for: u32,
    /// When it counted as affected, as far back as anybody asks.
    affected: VecDeque<(Time, Time)>,
}

impl Reach {
    fn note(&mut self, from: Time, until: Time) {
        match self.affected.back_mut() {
            Some(last) if last.1 >= from => last.1 = until,
            _ => self.affected.push_back((from, until)),
        }
        while self.affected.len() > INTERVALS {
            self.affected.pop_front();
        }
    }
}

/// Intervals that are kept: blocks that are further back than this many have been labelled long since.
const INTERVALS: usize = 64;

/// What requests suffered.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Harm {
    /// Requests compared.
    pub compared: u64,
    /// Labelled requests that took longer or failed.
    pub hurt: u64,
    /// Of them, those that failed where they did not without.
    pub failed: u64,
    /// Labelled requests that were never sent, or had not ended, where they had without.
    pub lost: u64,
    /// Labelled requests that fared better.
    pub helped: u64,
    /// Time that those who were answered in both worlds waited longer, in nanoseconds, labelled ones only.
    pub waited_ns: u128,
    /// Sending of the first hurt request.
    pub first: Option<Time>,
    /// End of the last.
    pub last: Option<Time>,
}

/// What is known of a contrast.
#[derive(Clone, Debug)]
pub struct Contrast {
    /// Its number, in the order in which the contrasts of a run began.
    pub number: u32,
    /// What it is about.
    pub kind: Kind,
    /// When its fault acts.
    pub from: Time,
    /// The worlds.
    pub(super) with: Key,
    pub(super) without: Key,
    /// By metric.
    pub courses: Vec<Course>,
    /// By component, in the order of [`Components`].
    pub reach: Vec<Reach>,
    /// Requests.
    pub harm: Harm,
    join: Join,
    windows: u64,
    /// Blocks since anything was labelled.
    pub(super) quiet_windows: u64,
}

/// Components by number.
#[derive(Clone, Debug)]
pub struct Components {
    /// Their names.
    pub names: Vec<String>,
    /// By metric: its component.
    of: Vec<usize>,
    /// By process: its service's.
    of_processes: Vec<Option<usize>>,
}

impl Components {
    pub(super) fn of(metrics: &[Metric], catalogue: &Catalogue) -> Self {
        let mut names: Vec<String> = Vec::new();
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        let mut of = Vec::new();
        for metric in metrics {
            of.push(*known.entry(metric.component.clone()).or_insert_with(|| {
                names.push(metric.component.clone());
                names.len() - 1
            }));
        }
        let of_process = |process: &ProcessInfo| known.get(&process.name).copied();
        let of_processes = catalogue.processes.iter().map(of_process).collect();
        Self { names, of, of_processes }
    }

    /// The component that a process belongs to.
    #[must_use]
    pub fn of_process(&self, process: ProcessId) -> Option<usize> {
        self.of_processes[process.index()]
    }

    /// The component of a metric.
    #[must_use]
    pub fn of_metric(&self, metric: usize) -> usize {
        self.of[metric]
    }
}

/// One world's windows of a block, and what ended in it.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) windows: &'a [Vec<f64>],
    pub(super) requests: &'a [RequestRecord],
}

/// What a block is compared with.
pub(super) struct Block<'a> {
    pub(super) metrics: &'a Metrics,
    pub(super) components: &'a Components,
    pub(super) catalogue: &'a Catalogue,
    /// Starts and ends of its windows.
    pub(super) windows: &'a [(Time, Time)],
    pub(super) with: Seen<'a>,
    pub(super) without: Seen<'a>,
    pub(super) placebo: Seen<'a>,
}

/// Blocks for which a component counts as affected: the one in which it was, and the next.
const AFFECTED_BLOCKS: u32 = 2;

impl Contrast {
    pub(super) fn new(number: u32, kind: Kind, from: Time, with: Key, without: Key, components: &Components) -> Self {
        Self {
            number,
            kind,
            from,
            with,
            without,
            courses: vec![Course::default(); components.of.len()],
            reach: vec![Reach::default(); components.names.len()],
            harm: Harm::default(),
            join: Join::default(),
            windows: 0,
            quiet_windows: 0,
        }
    }

    /// The same so far, about something else from now on.
    pub(super) fn goes_on_as(&self, number: u32, kind: Kind, with: Key, without: Key) -> Self {
        Self { number, kind, with, without, ..self.clone() }
    }

    /// Whether the fault did anything that chance would not have.
    #[must_use]
    pub fn has_effect(&self) -> bool {
        self.reach.iter().any(|reach| reach.onset.is_some())
    }

    /// Compares a block.
    pub(super) fn compare(&mut self, block: &Block<'_>) -> (Vec<WindowRow>, Vec<EffectRow>) {
        let rows = self.compare_windows(block);
        self.join.take(block.metrics, block.catalogue, join::World::With, block.with.requests);
        let pairs = self.join.pairs();
        let effects = self.judge(block.components, pairs);
        self.harm.compared = self.join.compared;
        (rows, effects)
    }

    /// What is left when worlds are compared no longer: requests of one of both only.
    pub(super) fn finish(
        &mut self,
        metrics: &Metrics,
        components: &Components,
        catalogue: &Catalogue,
        sent_before: Time,
    ) -> Vec<EffectRow> {
        let pairs = self.join.rest(metrics, catalogue, sent_before);
        self.judge(components, pairs)
    }

    fn compare_windows(&mut self, block: &Block<'_>) -> Vec<WindowRow> {
        self.reach.iter_mut().for_each(|reach| reach.affected_for = reach.affected_for.saturating_sub(1));
        let metrics = block.metrics.list();
        for (without, placebo) in block.without.windows.iter().zip(block.placebo.windows) {
            for (course, (without, placebo)) in self.courses.iter_mut().zip(without.iter().zip(placebo)) {
                let noise = distance(*placebo, *without);
                course.noise.add(noise);
                course.noise_squares += noise * noise;
                course.without.add(*without);
            }
        }
        for (world, seen) in [(join::World::Without, block.without), (join::World::Placebo, block.placebo)] {
            self.join.take(block.metrics, block.catalogue, world, seen.requests);
        }
        let exact = self.courses.iter().all(|course| course.noise.is_silent()) && self.join.is_silent();
        let before = self.windows;
        self.windows += block.windows.len() as u64;
        let mut rows = Vec::new();
        let mut beyond = Vec::new();
        for (index, course) in self.courses.iter_mut().enumerate() {
            let differs = |window: usize| {
                distance(block.with.windows[window][index], block.without.windows[window][index]) != 0.0
            };
            let any = (0..block.windows.len()).any(differs);
            if !any {
                course.row = None;
                course.recent.clear();
                continue;
            }
            let band = course.noise.band(ALPHA);
            for (window, &(start, end)) in block.windows.iter().enumerate() {
                let values = |seen: Seen<'_>| seen.windows[window][index];
                let (with, without, placebo) = (values(block.with), values(block.without), values(block.placebo));
                let difference = distance(with, without);
                let outside = difference.abs() > band;
                if !outside {
                    course.row = None;
                } else if course.row.is_none() {
                    course.row = Some(start);
                }
                course.remember(difference);
                if difference == 0.0 {
                    continue;
                }
                let nth = (before + window as u64 + 1) as f64;
                let metric = &metrics[index];
                if metric.decides && (exact || course.is_beyond(difference, metric, metrics.len() as f64, nth)) {
                    beyond.push((index, window));
                    let onset = course.row.unwrap_or(start);
                    course.onset.get_or_insert(onset);
                }
                rows.push(WindowRow {
                    metric: index,
                    start,
                    end,
                    with,
                    without,
                    placebo,
                    band,
                    outside,
                    labelled: false,
                    hurt: false,
                });
            }
        }
        for (metric, window) in beyond {
            let reach = &mut self.reach[block.components.of[metric]];
            reach.affected_for = AFFECTED_BLOCKS;
            let onset = self.courses[metric].onset.unwrap_or(block.windows[window].0);
            reach.onset = Some(reach.onset.map_or(onset, |known| known.min(onset)));
        }
        if let (Some(&(from, _)), Some(&(_, until))) = (block.windows.first(), block.windows.last()) {
            let affected = self.reach.iter_mut().filter(|reach| reach.affected_for > 0);
            affected.for_each(|reach| reach.note(from, until));
        }
        self.label(block, &mut rows);
        rows
    }

    fn label(&mut self, block: &Block<'_>, rows: &mut [WindowRow]) {
        let mut loudest = None;
        for row in rows {
            let reach = &mut self.reach[block.components.of[row.metric]];
            if !row.outside || reach.affected_for == 0 {
                continue;
            }
            let difference = row.with - row.without;
            let course = &mut self.courses[row.metric];
            row.labelled = true;
            row.hurt = match block.metrics.list()[row.metric].worse {
                Worse::Higher => difference > 0.0,
                Worse::Lower => difference < 0.0,
                Worse::Neither => false,
            };
            course.onset.get_or_insert(row.start);
            course.last = Some(row.end);
            course.labelled += 1;
            course.hurt += u64::from(row.hurt);
            if course.peak.is_none_or(|(peak, _)| difference.abs() > peak.abs()) {
                course.peak = Some((difference, row.start));
            }
            course.sums.0 += row.with;
            course.sums.1 += row.without;
            reach.last = reach.last.max(Some(row.end));
            let decides = block.metrics.list()[row.metric].decides;
            if row.hurt {
                course.last_hurt = Some(row.end);
            }
            if row.hurt && decides {
                reach.hurt = true;
                reach.last_hurt = reach.last_hurt.max(Some(row.end));
            }
            if decides {
                loudest = loudest.max(Some(row.end));
            }
        }
        for &(_, end) in block.windows {
            self.quiet_windows = if loudest.is_some_and(|loudest| loudest >= end) { 0 } else { self.quiet_windows + 1 };
        }
    }

    fn judge(&mut self, components: &Components, pairs: Vec<Pair>) -> Vec<EffectRow> {
        let bands = self.join.bands(ALPHA);
        let rows = pairs.into_iter().map(|pair| {
            let band_ns = bands.get(&pair.endpoint).copied().unwrap_or(f64::INFINITY);
            let distance_ns = pair.distance_ns();
            // What is in one world only was compared with nothing: whether it is there at all is no matter of noise.
            let alone = pair.with.is_none() || pair.without.is_none();
            let outside = distance_ns.abs() > band_ns || alone;
            let labelled = outside && self.reach[components.of[pair.endpoint]].affected_for > 0;
            let hurt = labelled && distance_ns > 0.0;
            if labelled {
                self.harm.count(&pair, distance_ns);
            }
            EffectRow { pair, band_ns, outside, labelled, hurt }
        });
        rows.collect()
    }

    /// Whether a component counts as affected at an instant.
    pub(super) fn affects(&self, component: usize, at: Time) -> bool {
        self.reach[component].affected.iter().any(|&(from, until)| from < at && at <= until)
    }

    /// How long nothing has been labelled.
    pub(super) fn quiet(&self, window: Duration) -> Duration {
        Duration::from_nanos(window.as_nanos().saturating_mul(self.quiet_windows))
    }
}

impl Course {
    /// Whether a difference in the `nth` window is beyond what chance gives in a whole contrast.
    fn is_beyond(&mut self, difference: f64, metric: &Metric, metrics: f64, nth: f64) -> bool {
        if metric.exogenous {
            return true;
        }
        if self.noise.is_silent() {
            self.rare += if metric.counts { difference.abs() } else { 1.0 };
            return self.rare * libm::log(3.0) >= libm::log(metrics / FAMILY);
        }
        // Σ 1/n² = π²/6.
        let alpha = FAMILY / (metrics * nth * nth * (std::f64::consts::PI * std::f64::consts::PI / 6.0));
        let in_this =
            difference.abs() > self.noise.band(alpha) && difference.abs() > VARIATION * self.without.deviation();
        in_this || self.is_sustained()
    }

    fn remember(&mut self, difference: f64) {
        if self.recent.len() == SUSTAINED_WINDOWS {
            self.recent.pop_front();
        }
        self.recent.push_back(difference);
    }

    fn is_sustained(&self) -> bool {
        let count = self.recent.len() as f64;
        if self.recent.len() < SUSTAINED_WINDOWS || self.recent.iter().any(|difference| difference.is_infinite()) {
            return false;
        }
        let sum: f64 = self.recent.iter().sum();
        let squares: f64 = self.recent.iter().map(|difference| difference * difference).sum();
        let own = (squares - sum * sum / count) / (count - 1.0);
        let noise = self.noise_squares / self.noise.count().max(1) as f64;
        sum.abs() > SUSTAINED * libm::sqrt(count * noise.max(own))
    }
}

impl Harm {
    fn count(&mut self, pair: &Pair, distance_ns: f64) {
        if distance_ns < 0.0 {
            self.helped += u64::from(pair.with.is_some() && pair.without.is_some());
            return;
        }
        let ended = pair.with.as_ref().map_or(pair.either().sent, |with| with.ended);
        self.hurt += 1;
        self.first = Some(self.first.map_or(pair.either().sent, |first| first.min(pair.either().sent)));
        self.last = self.last.max(Some(ended));
        match &pair.with {
            None => self.lost += 1,
            Some(_) if distance_ns == f64::INFINITY => self.failed += 1,
            Some(_) => self.waited_ns += distance_ns as u128,
        }
    }
}

/// How far two numbers are apart; nothing where one of them could not be measured: other numbers show that.
fn distance(a: f64, b: f64) -> f64 {
    let difference = a - b;
    if difference.is_nan() { 0.0 } else { difference }
}
