//! The same request in three worlds: found by its trace, which is derived from its address and so the same in all of them.

use super::address::ByAddress;
use super::noise::Noise;
use super::system::System;
use super::{endpoint_of, failed};
use knockon_kernel::Time;
use knockon_model::record::{RequestRecord, TraceId};
use std::collections::BTreeMap;

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

#[derive(Clone, Debug, Default)]
struct Slot {
    with: Option<RequestRecord>,
    without: Option<RequestRecord>,
    placebo: Option<RequestRecord>,
    /// What both comparisons have taken from it.
    told: bool,
    measured: bool,
}

/// Requests that have not ended in all worlds yet, and the noise of each endpoint.
#[derive(Clone, Debug, Default)]
pub(super) struct Join {
    slots: ByAddress<TraceId, Slot>,
    noise: BTreeMap<usize, Noise>,
    /// Pairs that are complete, in no order.
    complete: Vec<Pair>,
    /// Requests compared so far.
    pub(super) compared: u64,
}

/// Which world a record comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum World {
    With,
    Without,
    Placebo,
}

impl Join {
    /// Takes in what ended in a world.
    pub(super) fn take(&mut self, system: &System, world: World, ended: &[RequestRecord]) {
        for record in ended {
            let Some(endpoint) = endpoint_of(system, record) else { continue };
            let slot = self.slots.entry(record.trace).or_default();
            match world {
                World::With => slot.with = Some(*record),
                World::Without => slot.without = Some(*record),
                World::Placebo => slot.placebo = Some(*record),
            }
            if let (Some(with), Some(without), false) = (slot.with, slot.without, slot.told) {
                slot.told = true;
                self.compared += 1;
                let pair = Pair { with: Some(with), without: Some(without), endpoint };
                if pair.distance_ns() != 0.0 || with.parts != without.parts {
                    self.complete.push(pair);
                }
            }
            if let (Some(without), Some(placebo), false) = (&slot.without, &slot.placebo, slot.measured) {
                slot.measured = true;
                self.noise.entry(endpoint).or_default().add(distance_ns(placebo, without));
            }
            if slot.told && slot.measured {
                self.slots.remove(&record.trace);
            }
        }
    }

    /// The pairs that have become complete since the last time, in the order of their sending.
    pub(super) fn pairs(&mut self) -> Vec<Pair> {
        sorted(std::mem::take(&mut self.complete))
    }

    /// What is in one of both worlds only, when they are compared no longer: of requests sent before `until`.
    pub(super) fn rest(&mut self, system: &System, until: Time) -> Vec<Pair> {
        let slots = std::mem::take(&mut self.slots);
        let unequal = slots.into_values().filter(|slot| slot.with.is_some() != slot.without.is_some());
        let pairs = unequal.filter_map(|slot| {
            let endpoint = endpoint_of(system, slot.with.as_ref().or(slot.without.as_ref())?)?;
            Some(Pair { with: slot.with, without: slot.without, endpoint })
        });
        sorted(pairs.filter(|pair| pair.either().sent < until).collect())
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
