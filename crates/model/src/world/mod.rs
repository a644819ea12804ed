//! The world: arenas of processes and frames, one calendar, and the dispatch of its events.
//!
//! One run is one thread. `Clone` and `Serialize` make forks and checkpoints plain copies. Each aspect of what can happen
//! lies in a file of its own: arrivals, calls (send, reply, retry), admission (deliver, queue, refuse), limits, execution of steps, answers, connections, memory,
//! lives of processes, patches. Nothing here knows what a fault is.

mod admission;
mod answer;
mod arrivals;
mod aside;
mod audit;
mod backends;
mod blaming;
mod brokers;
mod build;
mod caches;
mod calls;
mod certificates;
mod clients;
mod compute;
mod connections;
mod emit;
mod event;
mod event_loop;
mod execute;
mod executing;
mod expiring;
mod forking;
mod levels;
mod life;
mod limits;
mod loading;
mod locking;
mod memory;
mod opening;
mod patching;
mod phases;
mod preforking;
mod probing;
mod readings;
mod recorded;
mod retries;
mod spending;
mod standings;
mod stations;
mod stops;
mod storing;
mod tables;
mod throttling;
mod upstreams;
mod users;
mod vacations;

pub(crate) use event::{Event, Packed, PoolEvent};
pub use levels::{Level, LevelKind, LevelPart};
pub(crate) use phases::within;
pub(crate) use probing::Watch;
pub use readings::EventSummary;
pub(crate) use tables::Program;

use crate::balance::Ring;
use crate::blame::Blame;
use crate::blueprint::Blueprint;
use crate::fork::Forks;
use crate::frame::{Frames, State};
use crate::heap::Share;
use crate::id::{FrameRef, RecordedId, SamplerId};
use crate::loads::Loads;
use crate::lock::Turn;
use crate::metrics::Metrics;
use crate::pool::Effect;
use crate::process::Process;
use crate::record::{Catalogue, Part};
use crate::sink::{Null, Sink};
use crate::statistics::{KeyspaceStatistics, ServiceStatistics, SourceStatistics};
use crate::topology::Topology;
use crate::upstream::Upstream;
use knockon_kernel::{Calendar, Checkpoint, Digest, Duration, Key, LaneId, Next, Sampler, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Why a run ended before its time. What was simulated until then is valid.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Stop {
    /// Too many events at one instant: some loop takes no time.
    Livelock {
        /// The instant.
        at: Time,
    },
    /// Too many frames alive: work comes in that never ends.
    Frames {
        /// When the limit was hit.
        at: Time,
        /// The limit.
        limit: u32,
    },
    /// The event budget is spent.
    Events {
        /// When the limit was hit.
        at: Time,
        /// The limit.
        limit: u64,
    },
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Livelock { at } => write!(
                f,
                "livelock at {}: too many events at one instant; look for a loop in which nothing takes time (zero latency, zero demand, zero back-off)",
                (*at - Time::ZERO)
            ),
            Self::Frames { at, limit } => write!(
                f,
                "limit hit at {}: {limit} frames are alive at once; bound the queues (`places`) or the timeouts, or raise `limits.frames`",
                (*at - Time::ZERO)
            ),
            Self::Events { at, limit } => {
                write!(
                    f,
                    "limit hit at {}: {limit} events; shorten the run or raise `limits.events`",
                    (*at - Time::ZERO)
                )
            }
        }
    }
}

/// What a service has beside its processes.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ServiceState {
    /// Its first process; `replicas` follow each other.
    first_process: u32,
    replicas: u32,
    /// How many of them are not ready to be called, and then those that are.
    out: u32,
    rotation: Vec<u32>,
    /// `maxclients` of a Redis that counts its clients.
    maxclients: Option<u32>,
    /// When the certificate on its disks expires.
    certificate: Time,
    /// n of version 1.0.n.
    version: u32,
    /// Deploys whose values the next start of a process brings into force, in order.
    rollout: Vec<u32>,
    /// Processes of its replicas.
    standbys: Vec<u32>,
    statistics: ServiceStatistics,
}

/// How a duration is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
enum Draw {
    /// Always the same.
    Constant(Duration),
    /// By its sampler, at an address.
    Law,
    /// Read from the request's row.
    Recorded(RecordedId),
}

/// What a source has.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SourceState {
    key: Key,
    process: u32,
    /// Instants at which requests come, or candidates are thinned, so far: the number of the next.
    candidates: u64,
    /// Requests that have a number, thinned ones too.
    numbered: u64,
    sent: u64,
    /// Its fault is set aside: it sends nothing.
    aside: bool,
    /// Numbers of requests that are never sent.
    dropped: Vec<u64>,
    /// Requests of each user of a closed source.
    users: Vec<u64>,
    last: Time,
    statistics: SourceStatistics,
}

/// A simulated system at one instant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct World {
    blueprint: Blueprint,
    topology: Topology,
    catalogue: Catalogue,
    metrics: Metrics,
    tables: tables::Tables,
    /// Distributions; patches may point steps at others, never change one.
    samplers: Vec<Sampler>,
    /// How each of them is drawn.
    draws: Vec<Draw>,
    /// Of mean 1, for the gaps of Poisson arrivals.
    exponential: Sampler,
    calendar: Calendar<Packed>,
    /// Lanes of the constant timeouts of policies.
    policy_lanes: Vec<Option<LaneId>>,
    frames: Frames,
    /// Who waits for whom where frames have forked.
    forks: Forks,
    /// What each frame holds of its process' heap, by slot.
    shares: Vec<Share>,
    /// What frames have waited for was spent on, by slot, where a sink wants requests.
    spent: Vec<spending::Spent>,
    processes: Vec<Process>,
    services: Vec<ServiceState>,
    sources: Vec<SourceState>,
    /// Loads under way.
    loads: Loads,
    /// What became of the key spaces' loads, and of their keys in processes that have ended.
    keyspaces: Vec<KeyspaceStatistics>,
    /// Accounts that callers keep of links with a traffic policy: those of a link stand together, in the order of the callers.
    upstreams: Vec<Upstream>,
    /// Rings of consistent hashing, by traffic policy.
    rings: Vec<Option<Ring>>,
    /// Addresses of the key spaces' draws.
    keyspace_keys: Vec<Key>,
    /// Faults that are set aside.
    aside: Vec<bool>,
    /// Values that ending patches set back.
    saved: Vec<Vec<(crate::blueprint::Target, crate::blueprint::Value)>>,
    /// What patches that end are to undo: processes that they stopped, by number and life, and the sessions that hold rows there.
    undo: Vec<Vec<(u32, u32, u32)>>,
    /// Frames that go on within this instant, in order.
    ready: Vec<FrameRef>,
    /// How many of them have been run.
    run: usize,
    /// What a pool wishes, until it is carried out.
    effects: Vec<Effect>,
    /// What a lock table says, until it is carried out.
    turns: Vec<Turn>,
    /// What the process whose inbox is being read has stood still for.
    stood: Part,
    digest: Digest,
    events: u64,
    /// Events let pass at one instant.
    events_per_instant: u64,
    next_scrape: Time,
    /// The latest instant that it was asked to run until and has come to.
    ran_until: Time,
    spans_since_watermark: u32,
    stopped: Option<Stop>,
    /// What frames that handle messages know of them.
    #[serde(with = "crate::pairs")]
    consumed: BTreeMap<FrameRef, brokers::Consumed>,
    /// What a broker wants done, until it is.
    broker_effects: Vec<crate::broker::Effect>,
    /// Who holds what others wait for, where it is accounted for.
    blame: Option<Box<Blame>>,
}

/// Events at one instant that are no livelock, beside those of each component and frame.
const EVENTS_PER_INSTANT: u64 = 10_000;
/// Events that one frame may have at an instant on its way out: its answer, its caller's, a timer, connections.
const EVENTS_PER_FRAME: u64 = 8;
/// Spans between two watermarks.
const WATERMARK_SPANS: u32 = 16_384;

impl World {
    /// Runs on until `until` (inclusive) or a limit. May be called again with a later time; the result does not depend on how a run is cut.
    ///
    /// # Errors
    /// The limit that was hit; every later call returns it again.
    pub fn run_until<S: Sink>(&mut self, until: Time, sink: &mut S) -> Result<(), Stop> {
        while !self.advance(until, sink)? {}
        if until > self.ran_until {
            self.ran_until = until;
        }
        Ok(())
    }

    /// Runs on as [`Self::run_until`] does, for those who want no records. A copy of the whole world is compiled for each kind of sink:
    /// this one is compiled once, here.
    ///
    /// # Errors
    /// The limit that was hit.
    pub fn run_unwatched(&mut self, until: Time) -> Result<(), Stop> {
        self.run_until(until, &mut Null)
    }

    /// Runs one event, or up to the next scrape; true when nothing is left up to `until`.
    fn advance<S: Sink>(&mut self, until: Time, sink: &mut S) -> Result<bool, Stop> {
        if let Some(stop) = self.stopped {
            return Err(stop);
        }
        let horizon = if S::OBSERVES { self.next_scrape.min(until) } else { until };
        match self.calendar.next(horizon) {
            Next::Event(now, event) => {
                self.handle(now, event, sink);
                self.check_limits(now)?;
                Ok(false)
            }
            Next::Idle if S::OBSERVES && self.next_scrape <= until => {
                self.scrape(sink);
                Ok(false)
            }
            Next::Idle => Ok(true),
            Next::Livelock { at } => self.livelock(at).map(|()| false),
        }
    }

    /// Many events at one instant. A crowd is no loop: when a process with many requests dies or goes on, each of them may
    /// have its events in the same instant.
    pub(super) fn livelock(&mut self, at: Time) -> Result<(), Stop> {
        let crowd = EVENTS_PER_INSTANT + EVENTS_PER_FRAME * self.frames.len() as u64;
        if self.blueprint.limits.events_per_instant == 0 && crowd > self.events_per_instant {
            self.events_per_instant = crowd;
            self.calendar.set_events_per_instant(crowd);
            return Ok(());
        }
        Err(self.stop(Stop::Livelock { at }))
    }

    #[inline]
    fn check_limits(&mut self, now: Time) -> Result<(), Stop> {
        if self.frames.len() > self.blueprint.limits.frames as usize {
            return Err(self.stop(Stop::Frames { at: now, limit: self.blueprint.limits.frames }));
        }
        if self.events >= self.blueprint.limits.events {
            return Err(self.stop(Stop::Events { at: now, limit: self.blueprint.limits.events }));
        }
        Ok(())
    }

    fn stop(&mut self, stop: Stop) -> Stop {
        self.stopped = Some(stop);
        stop
    }

    #[inline]
    fn handle<S: Sink>(&mut self, now: Time, event: Packed, sink: &mut S) {
        self.events += 1;
        self.digest.absorb(event.0, event.1);
        self.digest.fold(now.as_nanos(), self.calendar.sequence());
        self.dispatch(event, now, sink);
        self.run_ready(sink);
        if self.blame.is_some() {
            self.settle_blame();
        }
        if S::OBSERVES && self.spans_since_watermark >= WATERMARK_SPANS {
            self.watermark(sink);
        }
    }

    /// Hands an event to its addressee, or puts it into the addressee's inbox. `at` is when it arrived: earlier than now
    /// when it comes out of an inbox.
    fn dispatch<S: Sink>(&mut self, event: Packed, at: Time, sink: &mut S) {
        match event.event() {
            Event::Arrival { source } => self.arrive(source, sink),
            Event::User { source, user } => self.user_sends(source, user, sink),
            Event::Deliver { frame } => self.deliver(frame, sink),
            Event::Reply { child } => self.reply(child, at, sink),
            Event::Cancel { frame } => self.cancel(frame, sink),
            Event::Timer { frame, serial } => self.timer(frame, serial, at, sink),
            Event::Continue { frame } => self.go_on(frame),
            Event::Processor { process, incarnation } => self.processor_due(process, incarnation, sink),
            Event::Collected { process, incarnation } => self.collected(process, incarnation, sink),
            Event::Marked { process, incarnation, number } => self.marked(process, incarnation, number, at, sink),
            Event::Started { process, incarnation } => self.started(process, incarnation, at, sink),
            Event::Supervise { process, incarnation } => self.supervise(process, incarnation, sink),
            Event::Pool { process, incarnation, connection, pool, what } => {
                self.pool_event(process, incarnation, connection, pool, what, at, sink);
            }
            Event::Disconnect { process, incarnation } => self.disconnect(process, incarnation),
            Event::HangUp { process, incarnation, backend } => self.hang_up(process, incarnation, backend, sink),
            Event::StatementTimeout { frame } => self.statement_timed_out(frame, at, sink),
            Event::LockWait { frame, serial } => self.lock_waits(frame, serial, at, sink),
            Event::Unblocked { frame } => self.unblock(frame, sink),
            Event::ArbiterLooks { process, incarnation } => self.arbiter_looks(process, incarnation, at, sink),
            Event::WorkerBooted { process, incarnation, worker } => {
                self.worker_booted(process, incarnation, worker, at, sink);
            }
            Event::ThreadsExpire { process, incarnation, executor } => {
                self.threads_expire(process, incarnation, executor, at);
            }
            Event::VacationDue { process, incarnation } => self.vacation_due(process, incarnation),
            Event::VacationOver { process, incarnation } => self.vacation_over(process, incarnation, sink),
            Event::Patch { index } => self.patch(index, sink),
            Event::PatchAt { index, process } => self.patch_at(index, process, sink),
            Event::PatchEnd { index } => self.patch_end(index, sink),
            Event::Retransmit { frame } => self.retransmit(frame, sink),
            Event::Permit { frame } => self.permit(frame, at, sink),
            Event::Consume { frame } => self.receive(frame, at, sink),
            Event::Accepted { process, incarnation, delivery } => {
                self.accepted(process, incarnation, delivery, at, sink);
            }
            Event::Consumer { process, incarnation, worker, coming } => {
                self.consumer_comes(process, incarnation, worker, coming, sink);
            }
            Event::BrokerDue { process, incarnation } => self.broker_due(process, incarnation, sink),
            Event::Checkpoint { process, incarnation } => self.checkpoint_due(process, incarnation, sink),
            Event::CronDue { process, incarnation } => self.cron_due(process, incarnation),
            Event::CycleOver { process, incarnation } => self.cycle_over(process, incarnation, sink),
            Event::ProbeTick { process, kind } => self.probe_tick(process, kind, sink),
            Event::ProbeEnds { process, kind, number } => self.probe_ends(process, kind, number, sink),
            Event::Rotation { process, ready } => self.rotate(process, ready),
        }
    }

    /// Runs every frame that can go on within this instant.
    #[inline]
    fn run_ready<S: Sink>(&mut self, sink: &mut S) {
        while let Some(&frame) = self.ready.get(self.run) {
            self.run += 1;
            if self.frames.get(frame).is_some_and(|f| f.state == State::Running) {
                self.execute(frame, sink);
            }
        }
        self.ready.clear();
        self.run = 0;
    }

    #[inline]
    fn now(&self) -> Time {
        self.calendar.now()
    }

    /// A duration drawn at an address. A constant needs no address: it is not even worked out.
    #[inline(always)]
    fn draw(&self, sampler: SamplerId, key: impl FnOnce() -> Key) -> Duration {
        match self.draws[sampler.index()] {
            Draw::Constant(constant) => constant,
            Draw::Law | Draw::Recorded(_) => self.samplers[sampler.index()].duration(key()),
        }
    }

    /// The same for a step of a frame, whose request may have a recorded value.
    #[inline(always)]
    fn draw_for(&self, frame: FrameRef, sampler: SamplerId, key: impl FnOnce() -> Key) -> Duration {
        match self.draws[sampler.index()] {
            Draw::Constant(constant) => constant,
            Draw::Law => self.samplers[sampler.index()].duration(key()),
            Draw::Recorded(field) => {
                self.recorded_duration(frame, field).unwrap_or_else(|| self.samplers[sampler.index()].duration(key()))
            }
        }
    }

    /// The digest's checkpoints, thinned: for finding the first divergent event.
    #[must_use]
    pub fn checkpoints(&self) -> &[Checkpoint] {
        self.digest.checkpoints()
    }
}
