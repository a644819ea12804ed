//! An episode under way: the worlds side by side, and what is compared with what.

use super::OVERLAPPING_MAXIMUM;
use super::contrast::{Block, Contrast, Kind, Seen};
use super::difficulty::Record;
use super::edge::Edge;
use super::episode::{Episode, Rows};
use super::lane::{Key, Lane};
use super::marks::{self, Labels, Marks};
use super::metrics::Metrics;
use super::outcomes::Outcomes;
use super::side::Side;
use super::system::System;
use super::tally::{Tally, Wanted};
use super::waits::Waits;
use knockon_kernel::Time;
use knockon_model::id::FaultId;
use knockon_model::{Stop, World};
use std::collections::BTreeMap;

/// Windows of the first block of an episode: bands need some noise to begin with.
const FIRST_WINDOWS: u64 = 20;
/// Requests of the first block that are few enough.
const FIRST_REQUESTS: u64 = 200_000;
/// Windows of a block at most.
const WINDOWS: u64 = 6;
/// Requests of a block that are few enough for another window.
const FEW_REQUESTS: u64 = 20_000;

/// Worlds side by side.
#[derive(Debug)]
pub(super) struct Running<const O: bool> {
    pub(super) episode: Episode,
    pub(super) lanes: BTreeMap<Key, Lane<O>>,
    /// What waits to be labelled, by contrast: of those in which the fact itself is the world with the fault.
    pub(super) marks: BTreeMap<Kind, Marks>,
    /// The fact's open window.
    pub(super) side: Side,
    /// Its windows around the beginning.
    pub(super) record: Record,
    /// Faults that act at the next instant.
    pub(super) acting: Vec<FaultId>,
    /// Where the open window began.
    pub(super) opened: Time,
    /// Windows and requests of the last block.
    last: (u64, u64),
    /// Windows of the first block, and of the whole episode so far.
    first: u64,
    windows: u64,
}

impl<const O: bool> Running<O> {
    pub(super) fn new(metrics: &Metrics, fact: &mut World, at: Time, calm: Option<&Side>) -> Self {
        let edge = Edge::of(fact);
        let of_a_window = edge.requests_in(fact.blueprint().scrape_interval, at);
        Self {
            episode: Episode {
                faults: Vec::new(),
                not_contrasted: Vec::new(),
                from: at,
                until: at,
                settled: false,
                limit: None,
                contrasts: Vec::new(),
                waits: Waits::default(),
                outcomes: Outcomes::default(),
                difficulty: None,
            },
            lanes: BTreeMap::new(),
            marks: BTreeMap::new(),
            side: Side::open(metrics, &edge, at, calm),
            first: (FIRST_REQUESTS / of_a_window.max(1)).clamp(1, FIRST_WINDOWS),
            record: Record::default(),
            acting: Vec::new(),
            opened: at,
            last: (FIRST_WINDOWS, 0),
            windows: 0,
        }
    }

    /// The limit that one of the worlds beside the fact has hit.
    pub(super) fn limit(&self) -> Option<Stop> {
        self.lanes.values().find_map(|lane| lane.stopped)
    }

    /// Windows of the next block: few at high rates, so that a block fits into memory.
    pub(super) fn block(&self) -> u64 {
        if self.windows == 0 {
            return self.first;
        }
        let (windows, requests) = self.last;
        let of_a_window = (requests / windows.max(1)).max(1);
        (FEW_REQUESTS / of_a_window).clamp(1, WINDOWS)
    }

    /// Starts and ends of windows.
    pub(super) fn bounds(&self, edges: &[Time]) -> Vec<(Time, Time)> {
        let starts = std::iter::once(self.opened).chain(edges.iter().copied());
        starts.zip(edges.iter().copied()).collect()
    }

    /// A fault comes: the worlds that its contrasts need part from those that there are. One that comes while too many others are on is
    /// in that of all together only.
    pub(super) fn part(
        &mut self,
        (fault, at): (FaultId, Time),
        fact: &World,
        tally: &Tally<O>,
        system: &System,
        numbers: &mut u32,
    ) {
        let before = self.episode.faults.clone();
        if before.len() < OVERLAPPING_MAXIMUM {
            self.episode.faults.push(fault);
        } else {
            self.episode.not_contrasted.push(fault);
        }
        self.acting.push(fault);
        let all: Vec<FaultId> = self.episode.all_faults().collect();
        let none = Key::without(all.iter().copied());
        let alone = |kept: FaultId| Key::without(all.iter().copied().filter(|&other| other != kept));
        let contrasted = &self.episode.faults;
        let mut needed: Vec<Key> = contrasted.iter().map(|&one| Key::without([one])).collect();
        needed.push(none.clone());
        needed.extend(contrasted.iter().map(|&one| alone(one)));
        needed.retain(|key| !key.aside.is_empty());
        let placebos: Vec<Key> =
            contrasted.iter().map(|&one| Key::without([one])).chain([none.clone()]).map(Key::placebo).collect();
        let mut lanes = BTreeMap::new();
        for key in needed.into_iter().chain(placebos) {
            if !lanes.contains_key(&key) {
                let lane = self.forked(&key, fault, fact, tally, &lanes);
                lanes.insert(key, lane);
            }
        }
        self.lanes = lanes;
        let mut next = || {
            *numbers += 1;
            *numbers - 1
        };
        self.plan(&before, (fault, at), system, &mut next);
    }

    /// The world of a key, parted from the one that it was until now.
    fn forked(
        &self,
        key: &Key,
        fault: FaultId,
        fact: &World,
        tally: &Tally<O>,
        made: &BTreeMap<Key, Lane<O>>,
    ) -> Lane<O> {
        let parent = key.parent(fault);
        let redrawn = key.placebo && !self.lanes.contains_key(&parent);
        let mut lane = if redrawn {
            made[&Key { placebo: false, ..key.clone() }].clone()
        } else if parent.aside.is_empty() {
            self.lane_of(fact, tally.clone())
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

    /// The fact's own world, with what it has left behind since the last edge.
    fn lane_of(&self, fact: &World, mut tally: Tally<O>) -> Lane<O> {
        tally.want(Wanted::All);
        let mut world = Box::new(fact.clone());
        world.ignore_blame();
        Lane { world, tally, side: self.side.clone(), redrawn: None, stopped: None, windows: Vec::new() }
    }

    /// The contrasts from now on, of which `fault` acts next.
    fn plan(
        &mut self,
        before: &[FaultId],
        (fault, now): (FaultId, Time),
        system: &System,
        next: &mut impl FnMut() -> u32,
    ) {
        let after = self.episode.faults.clone();
        let all: Vec<FaultId> = self.episode.all_faults().collect();
        let fact = Key::default();
        let none = Key::without(all.iter().copied());
        let alone = |one: FaultId| Key::without(all.iter().copied().filter(|&other| other != one));
        let known = std::mem::take(&mut self.episode.contrasts);
        let find = |kind: Kind| known.iter().find(|contrast| contrast.kind == kind);
        let mut contrasts = Vec::new();
        for &one in &after {
            let (kind, without) = (Kind::Necessity(one), Key::without([one]));
            contrasts.push(match find(kind) {
                // Until now it was that of all faults, and the number stays with that.
                Some(contrast) if before.len() == 1 => {
                    contrast.goes_on_as(next(), kind, [fact.clone(), without], system)
                }
                Some(contrast) => contrast.clone(),
                None => Contrast::new(next(), kind, now, [fact.clone(), without], system),
            });
        }
        if after.len() > 1 {
            for &one in &after {
                let kind = Kind::Sufficiency(one);
                // A fault that was the only one was sufficient for what it was necessary for.
                let so_far = find(kind).or_else(|| before.len().eq(&1).then(|| find(Kind::Necessity(one))).flatten());
                let number = find(kind).map_or_else(&mut *next, |known| known.number);
                contrasts.push(match so_far {
                    Some(contrast) if one != fault => {
                        contrast.goes_on_as(number, kind, [alone(one), none.clone()], system)
                    }
                    _ => Contrast::new(number, kind, now, [alone(one), none.clone()], system),
                });
            }
            if let Some(&one) = before.first()
                && !self.marks.contains_key(&Kind::Joint)
                && let Some(so_far) = self.marks.get(&Kind::Necessity(one)).cloned()
            {
                self.marks.insert(Kind::Joint, so_far);
            }
            let so_far = find(Kind::Joint).or_else(|| before.first().and_then(|&one| find(Kind::Necessity(one))));
            let number = so_far.map_or_else(&mut *next, |so_far| so_far.number);
            contrasts.push(match so_far {
                Some(contrast) => contrast.goes_on_as(number, Kind::Joint, [fact, none], system),
                None => Contrast::new(number, Kind::Joint, now, [fact, none], system),
            });
        }
        self.episode.contrasts = contrasts;
    }

    /// Compares what is there right after faults have acted, if they have just done so.
    pub(super) fn compare_at_once(&mut self, system: &System, fact: &World) {
        let at = fact.time();
        for fault in std::mem::take(&mut self.acting) {
            let values = |key: &Key| match self.lanes.get(key) {
                Some(lane) => lane.side.at_once(&system.metrics, &Edge::peek(&lane.world)),
                None => self.side.at_once(&system.metrics, &Edge::peek(fact)),
            };
            // Its own contrasts have been the same worlds until now. What it does to all of them is what it does to the fact.
            let own = Kind::Necessity(fault);
            let told = self.episode.find(own).map(|own| [values(&own.with), values(&own.without)]);
            let alone = Kind::Sufficiency(fault);
            let told_alone = self.episode.find(alone).map(|alone| [values(&alone.with), values(&alone.without)]);
            for contrast in &mut self.episode.contrasts {
                let told = match contrast.kind {
                    Kind::Sufficiency(one) if one == fault => &told_alone,
                    Kind::Necessity(one) if one == fault => &told,
                    Kind::Joint => &told,
                    _ => &None,
                };
                if let Some([with, without]) = told {
                    contrast.compare_at_once(system, at, [with, without]);
                }
            }
        }
    }

    /// Compares a block of windows, in which the fact's numbers were these and what it left behind is in `tally`.
    pub(super) fn compare(
        &mut self,
        system: &System,
        bounds: &[(Time, Time)],
        fact: &[Vec<f64>],
        tally: &Tally<O>,
    ) -> Vec<Rows> {
        let now = bounds.last().map_or(self.opened, |&(_, end)| end);
        let (lanes, marks) = (&self.lanes, &mut self.marks);
        let seen = |key: &Key| match lanes.get(key) {
            Some(lane) => Seen { windows: &lane.windows, requests: &lane.tally.requests },
            None => Seen { windows: fact, requests: &tally.requests },
        };
        let faults: Vec<FaultId> = self.episode.all_faults().collect();
        let compared = self.episode.contrasts.iter_mut().map(|contrast| {
            let block = Block {
                system,
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
                labels = marks.take(contrast, system, tallies, now);
                labels.samples = marks::samples(system, contrast, &windows, &tally.samples);
                contrast.take_in(&system.components, &labels);
            }
            let faults = contrast.kind.faults(&faults);
            Rows { contrast: contrast.number, kind: contrast.kind, faults, windows, effects, labels }
        });
        let mut compared: Vec<Rows> = compared.collect();
        if O {
            let without = &lanes[&self.episode.whole().without].tally;
            self.episode.outcomes.take(system, [tally, without]);
        }
        let acts = |fault: &FaultId| {
            let of_it = |contrast: &&Contrast| contrast.kind.is_of(*fault);
            let mut contrasts = self.episode.contrasts.iter().filter(of_it).peekable();
            contrasts.peek().is_none() || contrasts.any(Contrast::has_effect)
        };
        compared.iter_mut().for_each(|rows| rows.faults.retain(acts));
        self.last = (bounds.len() as u64, tally.requests.len() as u64);
        self.windows += bounds.len() as u64;
        self.opened = now;
        self.lanes.values_mut().for_each(|lane| lane.tally.clear());
        compared
    }
}
