//! The same request in three worlds: found by its trace, which is derived from its address and so the same in all of them.

use super::meeting::{Meeting, side_by_side};
use super::noise::Noise;
use super::system::System;
use super::{endpoint_of, failed};
use knockon_kernel::Time;
use knockon_model::blueprint::{Arrivals, Blueprint};
use knockon_model::id::FaultId;
use knockon_model::record::{RequestRecord, TraceId};
use std::collections::{BTreeMap, BTreeSet};

/// A request whose end differs between the world with a fault and the one without.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Pair {
    /// As it ended with the fault; `None` if it never was sent, or had not ended.
    pub with: Option<RequestRecord>,
    /// As it ended without it.
    pub without: Option<RequestRecord>,
    /// Endpoint: the index of its first metric.
    pub(super) endpoint: usize,
}

impl Pair {
    /// How much longer it took with the fault, in nanoseconds; endless where it failed only there, endless the other way where it failed only
    /// without, or was in one world only.
    #[must_use]
    pub fn distance_ns(&self) -> f64 {
        match (&self.with, &self.without) {
            (Some(with), Some(without)) => distance_ns(with, without),
            (Some(_), None) => f64::NEG_INFINITY,
            (None, Some(_)) => f64::INFINITY,
            (None, None) => 0.0,
        }
    }

    /// Either of them, for what is the same in both.
    #[must_use]
    pub fn either(&self) -> &RequestRecord {
        self.with.as_ref().or(self.without.as_ref()).expect("a pair has at least one of its worlds")
    }
}

/// The first less the second; a failure is beyond any latency.
fn distance_ns(a: &RequestRecord, b: &RequestRecord) -> f64 {
    match (failed(a), failed(b)) {
        (true, false) => f64::INFINITY,
        (false, true) => f64::NEG_INFINITY,
        _ => {
            let ns = |record: &RequestRecord| (record.ended - record.sent).as_nanos();
            ns(a) as f64 - ns(b) as f64
        }
    }
}

/// A request without the fault.
#[derive(Clone, Copy, Debug)]
struct Twin {
    record: RequestRecord,
    /// Its endpoint: the index of its first metric.
    endpoint: usize,
}

/// Requests that have not ended in all worlds yet, and the noise of each endpoint.
#[derive(Clone, Debug, Default)]
pub(super) struct Join {
    waiting: Meeting<TraceId, RequestRecord, Twin, RequestRecord>,
    noise: BTreeMap<usize, Noise>,
    /// Pairs that are complete, in no order.
    complete: Vec<Pair>,
    /// Requests compared so far.
    pub(super) compared: u64,
    alone: Alone,
}

/// Requests that can be in one world only.
#[derive(Clone, Debug, Default)]
struct Alone {
    /// By source: whether it sends only with the fault.
    only_with: Vec<bool>,
    /// Source and number of requests that are sent only without it.
    only_without: BTreeSet<(usize, u64)>,
    /// By source: whether what it sends when hangs on answers. What it has not sent by then it may send yet.
    closed: Vec<bool>,
}

/// Records of requests of closed sources that wait for another world's: so many that one more makes room by giving up the oldest.
const WAITING: usize = 200_000;

/// Which world a record comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum World {
    With,
    Without,
    Placebo,
}

impl Join {
    /// Between a world in which these faults are set aside and one in which those are.
    pub(super) fn new(blueprint: &Blueprint, with: &[FaultId], without: &[FaultId]) -> Self {
        let differs = |fault: &FaultId| without.contains(fault) && !with.contains(fault);
        let mut alone = Alone::default();
        for (index, source) in blueprint.sources.iter().enumerate() {
            alone.only_with.push(source.fault.as_ref().is_some_and(differs));
            alone.closed.push(matches!(source.arrivals, Arrivals::Closed { .. }));
            let dropped = source.dropped.iter().filter(|dropped| differs(&dropped.fault));
            alone.only_without.extend(dropped.map(|dropped| (index, dropped.number)));
        }
        Self { alone, ..Self::default() }
    }

    /// The same so far, between other worlds from now on.
    pub(super) fn goes_on_as(&self, other: Self) -> Self {
        Self { alone: other.alone, ..self.clone() }
    }

    /// Where a request that is in one world only is there by itself; takes it in, if it is one.
    fn take_alone(&mut self, system: &System, world: World, record: &RequestRecord, endpoint: usize) -> bool {
        let Some(source) = system.metrics.source_of(record.client) else { return false };
        if self.alone.only_with[source] {
            if world == World::With {
                self.complete.push(Pair { with: Some(*record), without: None, endpoint });
            }
            return true;
        }
        if self.alone.only_without.contains(&(source, record.number)) {
            if world == World::Without {
                self.compared += 1;
                self.complete.push(Pair { with: None, without: Some(*record), endpoint });
            }
            return true;
        }
        false
    }

    /// Takes in what ended in the world without the fault, in the one with it, and in the placebo.
    pub(super) fn take(&mut self, system: &System, ended: [&[RequestRecord]; 3]) {
        side_by_side(ended, |world, record| {
            let world = [World::Without, World::With, World::Placebo][world];
            if let Some(endpoint) = endpoint_of(system, record)
                && !self.take_alone(system, world, record, endpoint)
            {
                self.meet(world, record, endpoint);
            }
        });
    }

    fn meet(&mut self, world: World, record: &RequestRecord, endpoint: usize) {
        let Self { waiting, noise, complete, compared, .. } = self;
        let mut tell = |with: &RequestRecord, twin: &Twin| {
            *compared += 1;
            if distance_ns(with, &twin.record) != 0.0 || with.parts != twin.record.parts {
                complete.push(Pair { with: Some(*with), without: Some(twin.record), endpoint });
            }
        };
        let mut measure = |placebo: &RequestRecord, twin: &Twin| {
            noise.entry(endpoint).or_default().add(distance_ns(placebo, &twin.record));
        };
        let key = record.trace;
        match world {
            World::With => waiting.fact(key, || *record, |twin| tell(record, twin)),
            World::Placebo => waiting.placebo(key, || *record, |twin| measure(record, twin)),
            World::Without => {
                let twin = Twin { record: *record, endpoint };
                let (with, placebo) = waiting.twin(key, twin);
                with.iter().for_each(|with| tell(with, &twin));
                placebo.iter().for_each(|placebo| measure(placebo, &twin));
            }
        }
    }

    /// Takes in what ended with the fault when worlds were compared no longer: only requests that had ended without it before.
    pub(super) fn take_late(&mut self, ended: &[RequestRecord]) {
        for record in ended {
            if let Some(twin) = self.waiting.late(record.trace) {
                self.compared += 1;
                let pair = Pair { with: Some(*record), without: Some(twin.record), endpoint: twin.endpoint };
                self.complete.push(pair);
            }
        }
    }

    /// The pairs that have become complete since the last time, in the order of their sending.
    pub(super) fn pairs(&mut self) -> Vec<Pair> {
        sorted(std::mem::take(&mut self.complete))
    }

    /// Gives up requests of closed sources that have waited longest for another world, where too many do: worlds may lag behind each other
    /// without end. Those of open sources wait no longer than they are under way, and what is left of them at the end tells who was lost.
    pub(super) fn make_room(&mut self, system: &System) {
        if self.waiting.len() <= WAITING {
            return;
        }
        let closed = &self.alone.closed;
        let lags =
            |record: &RequestRecord| system.metrics.source_of(record.client).is_some_and(|source| closed[source]);
        let (with, twins, placebo) = self.waiting.rows();
        let all = with.chain(twins.map(|twin| &twin.record)).chain(placebo);
        let mut ends: Vec<Time> = all.filter(|record| lags(record)).map(|record| record.ended).collect();
        if ends.len() > WAITING {
            let (_, &mut middle, _) = ends.select_nth_unstable(WAITING / 2);
            let is_over = |record: &RequestRecord| lags(record) && record.ended <= middle;
            self.waiting.give_up_twins(|twin| is_over(&twin.record));
            self.waiting.give_up_fact(is_over).for_each(drop);
            self.waiting.give_up_placebo(is_over).for_each(drop);
        }
    }

    /// What is in one of both worlds only, when they are compared no longer: of requests sent before `until`. Of closed sources there is no
    /// such thing: when they come to a request hangs on the answers that they had before.
    pub(super) fn rest(&mut self, system: &System, until: Time) -> Vec<Pair> {
        let (with, without) = std::mem::take(&mut self.waiting).rest();
        let pairs = with.map(|with| (Some(with), None)).chain(without.map(|twin| (None, Some(twin.record))));
        let pairs = pairs.filter_map(|(with, without): (Option<RequestRecord>, Option<RequestRecord>)| {
            let either = with.as_ref().or(without.as_ref())?;
            let source = system.metrics.source_of(either.client)?;
            let endpoint = endpoint_of(system, either)?;
            let is_told = !self.alone.closed[source] && either.sent < until;
            is_told.then_some(Pair { with, without, endpoint })
        });
        let pairs = sorted(pairs.collect());
        self.compared += pairs.iter().filter(|pair| pair.without.is_some()).count() as u64;
        pairs
    }

    /// Whether a source sends when earlier requests are answered.
    pub(super) fn is_closed(&self, source: usize) -> bool {
        self.alone.closed[source]
    }

    /// The band of each endpoint whose noise is known.
    pub(super) fn bands(&self, alpha: f64) -> BTreeMap<usize, f64> {
        self.noise.iter().map(|(&endpoint, noise)| (endpoint, noise.band(alpha))).collect()
    }
}

fn sorted(mut pairs: Vec<Pair>) -> Vec<Pair> {
    pairs.sort_unstable_by_key(|pair| (pair.either().sent, pair.either().trace));
    pairs
}
