//! One contrast: a world with a fault, the same without it, and the placebo of the latter, compared window by window and request by
//! request.
//!
//! *Labels* are gated. A number that leaves its band is labelled only while its component is *affected*, so that chance labels nothing,
//! however many numbers are compared. It is affected while one of its numbers that decide is beyond chance in one of two ways:
//!
//! * in a single window: it leaves a band so wide that, were the fault to do nothing, any number of any component in any window
//!   of the whole contrast would leave it with a probability of at most [`FAMILY`](super::FAMILY) (Bonferroni over metrics, and over windows by a
//!   convergent series, so that it holds however long a contrast lasts), and it is off by more than [`VARIATION`](super::VARIATION) standard deviations of
//!   what the number varies by from window to window anyway: noise that is rare has a tail that few windows do not show,
//! * over the last [`SUSTAINED_WINDOWS`](super::SUSTAINED_WINDOWS): the sum of its differences is more than [`SUSTAINED`](super::SUSTAINED) standard errors from nothing.
//!
//! A number without any noise so far has no band. In a system without phases any difference is an effect; so is any in what a source
//! sends, which nothing in the system decides, and any that there is in the very instant of the fault, in which it alone has acted.
//! Elsewhere a number that differs only with the fault could have done so by chance in the placebo as well: n events in one of three worlds
//! alone have a probability of 3⁻ⁿ at most (the conditional binomial test). Those of one window may have come of one, so n of them count as 2 (1 + log₂ n/2);
//! of a number that counts nothing, each change counts.

use super::components::Components;
use super::course::Course;
use super::harm::Harm;
use super::incident::lasts;
use super::join::{Join, Pair};
use super::lane::Key;
use super::marks::Labels;
use super::reach::{Reach, Strike};
use super::system::System;
use crate::stretches::Stretches;
use knockon_kernel::{Duration, Time};
use knockon_model::id::{FaultId, ProcessId};
use knockon_model::record::RequestRecord;

/// The probability with which a single comparison leaves its band by chance.
pub const ALPHA: f64 = 0.005;

/// Stretches of harm that are kept: enough to tell an echo, however long a fault lasts.
const STRETCHES: usize = 64;

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

    /// Whether it is about this fault alone.
    pub(super) fn is_of(self, fault: FaultId) -> bool {
        matches!(self, Self::Necessity(one) | Self::Sufficiency(one) if one == fault)
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
    /// Whether it lies outside, or is beyond chance together with those before it, in a component that is affected.
    pub labelled: bool,
    /// Whether, in addition, it is worse, while its component fares worse.
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

/// What is known of a contrast.
#[derive(Clone, Debug)]
pub struct Contrast {
    /// Its number, in the order in which the contrasts of a run began.
    pub number: u32,
    /// What it is about.
    pub kind: Kind,
    /// Since when its worlds have been apart: what its first window tells came after that.
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
    /// When they were hurt; five windows in which nobody is part two stretches.
    pub(super) hurting: Stretches,
    join: Join,
    windows: u64,
    /// Windows since anything was beyond chance.
    pub(super) quiet_windows: u64,
}

/// One world's windows of a block, and what ended in it.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) windows: &'a [Vec<f64>],
    pub(super) requests: &'a [RequestRecord],
}

/// What a block is compared with.
pub(super) struct Block<'a> {
    pub(super) system: &'a System,
    /// Starts and ends of its windows.
    pub(super) windows: &'a [(Time, Time)],
    pub(super) with: Seen<'a>,
    pub(super) without: Seen<'a>,
    pub(super) placebo: Seen<'a>,
}

impl Contrast {
    /// From an instant on: a world with, and one without.
    pub(super) fn new(number: u32, kind: Kind, from: Time, [with, without]: [Key; 2], system: &System) -> Self {
        let components = &system.components;
        Self {
            number,
            kind,
            from,
            courses: vec![Course::default(); components.of_metrics()],
            reach: vec![Reach::default(); components.names.len()],
            harm: Harm::default(),
            hurting: Stretches::new(lasts(&system.blueprint).as_nanos()),
            join: Join::new(&system.blueprint, &with.aside, &without.aside),
            with,
            without,
            windows: 0,
            quiet_windows: 0,
        }
    }

    /// The same so far, about something else from now on.
    pub(super) fn goes_on_as(&self, number: u32, kind: Kind, [with, without]: [Key; 2], system: &System) -> Self {
        let join = self.join.goes_on_as(Join::new(&system.blueprint, &with.aside, &without.aside));
        Self { number, kind, with, without, join, ..self.clone() }
    }

    /// Whether the fault did anything that chance would not have.
    #[must_use]
    pub fn has_effect(&self) -> bool {
        self.reach.iter().any(|reach| reach.onset.is_some())
    }

    /// Compares a block.
    pub(super) fn compare(&mut self, block: &Block<'_>) -> (Vec<WindowRow>, Vec<EffectRow>) {
        self.learn(block);
        let rows = self.compare_windows(block);
        self.join.take(block.system, [block.without.requests, block.with.requests, block.placebo.requests]);
        self.join.make_room(block.system);
        let pairs = self.join.pairs();
        let effects = self.judge(&block.system.components, pairs);
        self.harm.compared = self.join.compared;
        (rows, effects)
    }

    /// What differs in the very instant of the fault, in which nothing else has come of it: that is its own, and no matter of chance.
    pub(super) fn compare_at_once(&mut self, system: &System, at: Time, [with, without]: [&[f64]; 2]) {
        for (index, (&with, &without)) in with.iter().zip(without).enumerate() {
            let difference = distance(false, with, without);
            if difference == 0.0 {
                continue;
            }
            let metric = &system.metrics.list()[index];
            let from = self.courses[index].begins(at, difference);
            let component = system.components.of_metric(index);
            let strike = Strike { component, from, end: at, worse: metric.decides && metric.worse.is(difference) };
            self.reach[component].strike(&strike, at, system.blueprint.scrape_interval);
        }
    }

    /// Takes in ends of requests in the world with the fault, after the last window that was compared.
    pub(super) fn take_late(&mut self, ended: &[RequestRecord]) {
        self.join.take_late(ended);
    }

    /// What is left when worlds are compared no longer: requests of one of both only.
    pub(super) fn finish(&mut self, system: &System, sent_before: Time) -> Vec<EffectRow> {
        let mut pairs = self.join.pairs();
        pairs.extend(self.join.rest(system, sent_before));
        self.harm.compared = self.join.compared;
        self.judge(&system.components, pairs)
    }

    /// What chance does: the placebo against the world without the fault.
    fn learn(&mut self, block: &Block<'_>) {
        for (without, placebo) in block.without.windows.iter().zip(block.placebo.windows) {
            let values = without.iter().zip(placebo);
            for (metric, (course, (without, placebo))) in self.courses.iter_mut().zip(values).enumerate() {
                course.learn(*without, distance(block.system.metrics.is_gauge(metric), *placebo, *without));
            }
        }
    }

    fn compare_windows(&mut self, block: &Block<'_>) -> Vec<WindowRow> {
        let System { metrics, components, blueprint, has_phases, .. } = block.system;
        let (exact, deciding) = (!has_phases, metrics.deciding() as f64);
        let metrics = metrics.list();
        let before = self.windows;
        self.windows += block.windows.len() as u64;
        let Some(since) = block.windows.first().map(|window| window.0) else { return Vec::new() };
        let (mut rows, mut struck) = (Vec::new(), Vec::new());
        let mut strikes = Vec::new();
        for (index, course) in self.courses.iter_mut().enumerate() {
            let at = |seen: Seen<'_>, window: usize| seen.windows[window][index];
            let is_gauge = block.system.metrics.is_gauge(index);
            let difference = |window| distance(is_gauge, at(block.with, window), at(block.without, window));
            if (0..block.windows.len()).all(|window| difference(window) == 0.0) {
                course.rest();
                continue;
            }
            let band = course.band(ALPHA);
            for (window, &(start, end)) in block.windows.iter().enumerate() {
                let difference = difference(window);
                let outside = difference.abs() > band;
                let began = start.max(self.from);
                course.note(began, difference, outside);
                if difference == 0.0 {
                    continue;
                }
                let nth = (before + window as u64 + 1) as f64;
                let metric = &metrics[index];
                let is_beyond = metric.decides && (exact || course.is_beyond(difference, metric, deciding, nth));
                struck.push(is_beyond);
                if is_beyond {
                    let from = course.begins(began, difference);
                    let (component, worse) = (components.of_metric(index), metric.worse.is(difference));
                    strikes.push(Strike { component, from, end, worse });
                }
                let (with, without, placebo) =
                    (at(block.with, window), at(block.without, window), at(block.placebo, window));
                let (labelled, hurt) = (false, false);
                rows.push(WindowRow {
                    metric: index,
                    start,
                    end,
                    with,
                    without,
                    placebo,
                    band,
                    outside,
                    labelled,
                    hurt,
                });
            }
        }
        strikes.sort_by_key(|strike| (strike.component, strike.from.max(since), strike.end));
        for strike in &strikes {
            self.reach[strike.component].strike(strike, since, blueprint.scrape_interval);
        }
        let loudest = strikes.iter().map(|strike| strike.end).max();
        for &(_, end) in block.windows {
            self.quiet_windows = if loudest.is_some_and(|loudest| loudest >= end) { 0 } else { self.quiet_windows + 1 };
        }
        self.label(block, &mut rows, &struck);
        rows
    }

    /// Labels rows, of which some have been found to be beyond chance themselves.
    fn label(&mut self, block: &Block<'_>, rows: &mut [WindowRow], struck: &[bool]) {
        for (row, struck) in rows.iter_mut().zip(struck) {
            let metric = &block.system.metrics.list()[row.metric];
            let reach = &mut self.reach[block.system.components.of_metric(row.metric)];
            if !(row.outside || *struck) || !reach.is_affected(row.end) {
                continue;
            }
            let is_gauge = block.system.metrics.is_gauge(row.metric);
            let difference = distance(is_gauge, row.with, row.without);
            row.labelled = true;
            // One number in two hundred leaves its band by chance, the worse way as often as not.
            row.hurt = metric.worse.is(difference) && reach.is_hurting(row.end);
            self.courses[row.metric].label(row, metric, row.start.max(self.from), difference);
            reach.label(row.end, row.hurt);
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
            let ended = pair.with.as_ref().or(pair.without.as_ref()).map_or(Time::ZERO, |record| record.ended);
            let labelled = outside && self.reach[components.of_metric(pair.endpoint)].is_affected(ended);
            let hurt = labelled && distance_ns > 0.0;
            if labelled {
                self.harm.count(&pair, distance_ns);
                if hurt {
                    self.hurting.add(pair.either().sent.as_nanos(), ended.as_nanos());
                    self.hurting.keep(STRETCHES);
                }
                self.reach[components.of_metric(pair.endpoint)].has_row(hurt);
            }
            EffectRow { pair, band_ns, outside, labelled, hurt }
        });
        rows.collect()
    }

    /// Whether the requests of a client side are sent when earlier ones are answered.
    pub(super) fn is_closed(&self, system: &System, client: ProcessId) -> bool {
        system.metrics.source_of(client).is_some_and(|source| self.join.is_closed(source))
    }

    /// Whether a component counts as affected at an instant.
    pub(super) fn affects(&self, component: usize, at: Time) -> bool {
        self.reach[component].is_affected(at)
    }

    /// Whether a component fares worse at an instant.
    pub(super) fn hurts(&self, component: usize, at: Time) -> bool {
        self.reach[component].is_hurting(at)
    }

    /// Takes in whose observed rows have been labelled.
    pub(super) fn take_in(&mut self, components: &Components, labels: &Labels) {
        let spans = labels.spans.iter().map(|mark| (components.of_process(mark.process), mark.hurt));
        let lines = labels.logs.iter().map(|mark| (components.of_process(mark.process), false));
        let samples = labels.samples.iter().map(|mark| (Some(components.of_metric(mark.metric)), mark.hurt));
        for (component, hurt) in spans.chain(lines).chain(samples) {
            if let Some(component) = component {
                self.reach[component].has_row(hurt);
            }
        }
    }

    /// How long nothing has been beyond chance.
    pub(super) fn quiet(&self, window: Duration) -> Duration {
        Duration::from_nanos(window.as_nanos().saturating_mul(self.quiet_windows))
    }
}

/// How far two numbers of a metric are apart; endless where an observed gauge is there in one world only, nothing where another number
/// could not be measured in one of them: others show that.
fn distance(is_gauge: bool, a: f64, b: f64) -> f64 {
    match (a.is_nan(), b.is_nan()) {
        (false, false) => a - b,
        (false, true) if is_gauge => f64::INFINITY,
        (true, false) if is_gauge => f64::NEG_INFINITY,
        _ => 0.0,
    }
}
