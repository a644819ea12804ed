//! Runs a world in every way that must come to the same, with everything counted again on the way.

use crate::Records;
use knockon_kernel::{Duration, Time};
use knockon_lab::conservation;
use knockon_model::blueprint::{Answers, Blueprint, Step};
use knockon_model::record::{SpanKind, SpanRecord};
use knockon_model::{Null, Sink, Stop, World};
use std::fmt::Write as _;

/// Events between two stocktakings; a prime, so that they do not always fall on the same kind of event.
pub(crate) const BETWEEN: u64 = 61;
/// Events that a world without new requests may still need; more is no finding, but is told.
const DRY: u64 = 200_000;
/// A world is looked at anew after each of these spans of simulated time while it runs dry.
const PATIENCE: [u64; 6] = [1, 10, 100, 1_000, 100_000, 10_000_000];

/// What became of a world that nothing was found to be wrong with.
#[derive(Clone, Debug)]
pub struct Audited {
    /// Events that it ran for.
    pub events: u64,
    /// The instant of the last.
    pub end: Time,
    /// The limit that ended it.
    pub stopped: Option<Stop>,
    /// Whether everything ended once no more requests came; false where that takes too many events.
    pub dry: bool,
    /// Requests that came.
    pub sent: u64,
    /// Requests answered in time and well.
    pub answered: u64,
}

/// Runs the world of a blueprint for at most so many events.
///
/// # Errors
/// Everything that was found to be wrong: sums that are not those of their parts, frames that nothing moves on, records
/// that cannot be, runs that differ from each other and must not.
pub fn audit(blueprint: &Blueprint, events: u64) -> Result<Audited, String> {
    let plain = Run::of(World::new(blueprint.clone()), Time::ZERO + blueprint.duration, events, &mut Null, BETWEEN)?;
    // Where there is nothing more to come, nothing is looked at either.
    let (events, end) = (plain.events, plain.world.time());
    let mut records = Records::default();
    let observed = Run::of(World::new(blueprint.clone()), end, events, &mut records, u64::MAX)?;
    plain.same_as(&observed, "observed")?;
    ordered(&records, &observed.world)?;
    let mut cut_records = Records::default();
    let first = Run::of(World::new(blueprint.clone()), end, events / 3, &mut cut_records, u64::MAX)?;
    let stored = stored(&first.world)?;
    let rest = Run::of(stored, end, events - first.events, &mut cut_records, u64::MAX)?;
    plain.same_as(&rest, "cut, stored and gone on with")?;
    same_records(&records, &cut_records)?;
    crate::blamed::blamed(blueprint, end, events, plain.world.digest())?;
    let dry = plain.stopped.is_some() || runs_dry(blueprint, plain.world.time())?;
    let statistics = plain.world.statistics();
    Ok(Audited {
        events: plain.events,
        end: plain.world.time(),
        stopped: plain.stopped,
        dry,
        sent: statistics.sources.iter().map(|source| source.sent).sum(),
        answered: statistics.sources.iter().map(|source| source.answered).sum(),
    })
}

/// A world that was run.
struct Run {
    world: World,
    /// Events in its whole life.
    events: u64,
    stopped: Option<Stop>,
}

impl Run {
    fn of<S: Sink>(mut world: World, until: Time, events: u64, sink: &mut S, between: u64) -> Result<Self, String> {
        let mut stopped = None;
        for n in 1..=events {
            match world.step(until, sink) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(stop) => {
                    stopped = Some(stop);
                    break;
                }
            }
            if n % between == 0 {
                take_stock(&world)?;
            }
        }
        take_stock(&world)?;
        Ok(Self { events: world.events(), world, stopped })
    }

    fn same_as(&self, other: &Self, how: &str) -> Result<(), String> {
        let (events, others) = (self.events, other.events);
        let (digest, others_digest) = (self.world.digest(), other.world.digest());
        if (events, digest) != (others, others_digest) {
            return Err(format!(
                "{how}, a run is another: {events} events, {digest:032x}; {others}, {others_digest:032x}"
            ));
        }
        let (statistics, others) = (self.world.statistics(), other.world.statistics());
        if format!("{statistics:?}") != format!("{others:?}") {
            return Err(format!("{how}, a run has other statistics: {statistics:?}\n{others:?}"));
        }
        Ok(())
    }
}

/// Everything counted again.
pub(crate) fn take_stock(world: &World) -> Result<(), String> {
    let mut wrong = world.audit();
    wrong.extend(conservation::breaches(&world.statistics()).iter().map(ToString::to_string));
    told(&wrong, || format!("after {} events, at {}", world.events(), world.time()))
}

fn told(wrong: &[String], when: impl FnOnce() -> String) -> Result<(), String> {
    if wrong.is_empty() {
        return Ok(());
    }
    let mut text = when();
    wrong.iter().for_each(|finding| {
        let _ = write!(text, "\n    {finding}");
    });
    Err(text)
}

/// What must hold of records together.
fn ordered(records: &Records, world: &World) -> Result<(), String> {
    let operations = &world.catalogue().operations;
    // Branches that nobody waits for any more run on, and so do loads and tasks, whoever has left.
    let let_go = |span: &SpanRecord| {
        let of = &operations[span.operation.index()];
        let endpoints = &world.blueprint()[of.service].endpoints;
        // A load stands for those of all endpoints that have it.
        let is_its = |n: usize| of.kind == SpanKind::Internal || n == of.endpoint.index();
        let programs = endpoints.iter().enumerate().filter(|&(n, _)| is_its(n));
        let mut steps = programs.flat_map(|(_, endpoint)| &endpoint.program);
        !matches!(of.kind, SpanKind::Client | SpanKind::Producer)
            && steps.any(|step| matches!(step, Step::Fork { .. } | Step::Load { .. } | Step::HandOver { .. }))
    };
    // Nor does a later attempt end by its own answer where that of one before it counts.
    let late_count = world.blueprint().policies.iter().any(|policy| policy.answers != Answers::Current);
    told(&records.faults, || "records that cannot be".into())?;
    let mut starts: Vec<_> = records.spans.iter().map(|span| ((span.trace, span.span), *span)).collect();
    starts.sort_unstable_by_key(|&(address, _)| address);
    if let Some(twice) = starts.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(format!("two spans of one address: {twice:?}"));
    }
    for span in &records.spans {
        let parent = starts.binary_search_by_key(&(span.trace, span.parent), |&(address, _)| address);
        let Ok(parent) = parent else { continue };
        let parent = starts[parent].1;
        // A load that reads a stale value of another cache has that refreshed, and does not wait for it.
        let apart = |span: &SpanRecord| operations[span.operation.index()].kind == SpanKind::Internal;
        let refreshes = apart(span) && apart(&parent);
        let waits = !(parent.error.is_some() || let_go(&parent) || refreshes || late_count && parent.resend > 0);
        let outlives = span.end > parent.end && waits;
        if span.start < parent.start || outlives {
            return Err(format!("a span does not lie within its parent: {span:?} {parent:?}"));
        }
    }
    Ok(())
}

fn same_records(straight: &Records, cut: &Records) -> Result<(), String> {
    fn compare<T: PartialEq + std::fmt::Debug>(what: &str, straight: &[T], cut: &[T]) -> Result<(), String> {
        match straight.iter().zip(cut).position(|(a, b)| a != b) {
            Some(n) => Err(format!("cut, the {n}. {what} is another: {:?}\n{:?}", straight[n], cut[n])),
            None if straight.len() != cut.len() => {
                Err(format!("cut, there are {} {what}s, not {}", cut.len(), straight.len()))
            }
            None => Ok(()),
        }
    }
    compare("span", &straight.spans, &cut.spans)?;
    compare("ledger", &straight.ledgers, &cut.ledgers)?;
    compare("log", &straight.logs, &cut.logs)?;
    compare("sample", &straight.samples, &cut.samples)?;
    compare("change", &straight.changes, &cut.changes)?;
    compare("request", &straight.requests, &cut.requests)?;
    compare("state", &straight.states, &cut.states)
}

/// A world written down and read again.
fn stored(world: &World) -> Result<World, String> {
    let text = serde_json::to_string(world).map_err(|error| format!("a world cannot be written down: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("a world cannot be read again: {error}"))
}

/// Lets everything end after `at`, from when on no request comes. True once it has.
fn runs_dry(blueprint: &Blueprint, at: Time) -> Result<bool, String> {
    let mut blueprint = blueprint.clone();
    for source in &mut blueprint.sources {
        source.until = Some(source.until.map_or(at, |until| until.min(at)));
    }
    let mut world = World::new(blueprint);
    let mut left = DRY;
    for seconds in PATIENCE {
        let until = at + Duration::from_secs(seconds);
        while left > 0 {
            match world.step(until, &mut Null) {
                Ok(Some(_)) => left -= 1,
                Ok(None) => break,
                Err(_) => return Ok(false),
            }
        }
        take_stock(&world)?;
        if world.unfinished().is_empty() {
            let statistics = world.statistics();
            let on_its_way = statistics.sources.iter().map(|source| source.in_flight()).sum::<u64>()
                + statistics.services.iter().map(|service| service.in_flight()).sum::<u64>();
            return if on_its_way == 0 { Ok(true) } else { Err("a dry world has requests in flight".into()) };
        }
        if left == 0 {
            return Ok(false);
        }
    }
    // A request may be under way for years where a latency has a tail that is heavy enough.
    if world.waits_in_vain() || world.pending() > 0 {
        return Ok(false);
    }
    told(&world.unfinished(), || format!("long after the last request, at {}", world.time())).map(|()| false)
}
