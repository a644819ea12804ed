//! A process: one running instance of a service, or the client side of a source.
//!
//! It owns its accept queue, workers, processor, heap, pools and client-side connections, and may call them directly;
//! between processes there are only messages. States: down, starting, running, stopping. A process stands still while a
//! collection pauses it, while a request keeps its event loop, or while it is stopped from outside; events addressed to it then wait in its inbox.

use crate::blame::Origins;
use crate::broker::Broker;
use crate::buffers::Buffers;
use crate::cpu::Cpu;
use crate::disk::Disk;
use crate::executor::Executor;
use crate::guard::Guard;
use crate::heap::{Collection, Heap};
use crate::id::{ConnectionId, FrameRef};
use crate::lock::Locks;
use crate::loop_delay::LoopDelay;
use crate::meter::Meter;
use crate::pool::Pool;
use crate::prefork::Prefork;
use crate::queue::AcceptQueue;
use crate::replay::Replay;
use crate::restart::Restarts;
use crate::store::Store;
use crate::world::{Event, PoolEvent, Watch};
use knockon_kernel::{Duration, Key, Ticket, Time};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Where a process is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Life {
    /// Not there: connections are refused.
    Down,
    /// Booting: connections are refused.
    Starting,
    /// Serves.
    Running,
    /// Finishes what it has; connections are refused.
    Stopping,
}

/// A reason for which a process stands still: a bit of [`Stops`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Reason {
    /// A stop-the-world collection is under way.
    Collecting = 1,
    /// The processor quota is burnt.
    Throttled = 2,
    /// It is away of itself.
    Away = 4,
    /// It deletes expired keys.
    Expiring = 8,
    /// One of its requests keeps the event loop.
    Blocking = 16,
    /// It is stopped from outside.
    Outside = 32,
}

/// Why a process stands still. Whether it does is asked several times in nearly every event, so it is one comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Stops {
    reasons: u8,
    /// Stopped from outside, so many times over.
    outside: u16,
    /// It takes nothing up but finishes what it has, for so many reasons.
    pub(crate) intake: u16,
}

impl Stops {
    /// Whether there is any reason.
    #[inline]
    pub(crate) fn any(self) -> bool {
        self.reasons != 0
    }

    /// Whether there is another reason than the quota.
    #[inline]
    pub(crate) fn halt(self) -> bool {
        self.reasons & !(Reason::Throttled as u8) != 0
    }

    /// Whether this is one of the reasons.
    #[inline]
    pub(crate) fn has(self, reason: Reason) -> bool {
        self.reasons & reason as u8 != 0
    }

    /// Makes it a reason, or none.
    pub(crate) fn set(&mut self, reason: Reason, on: bool) {
        if on {
            self.reasons |= reason as u8;
        } else {
            self.reasons &= !(reason as u8);
        }
    }

    /// Stops it from outside once more.
    pub(crate) fn stop_from_outside(&mut self) {
        self.outside += 1;
        self.set(Reason::Outside, true);
    }

    /// Takes one stop from outside back.
    pub(crate) fn go_on_from_outside(&mut self) {
        self.outside -= 1;
        self.set(Reason::Outside, self.outside > 0);
    }

    /// How often over it is stopped from outside.
    pub(crate) fn outside(self) -> u16 {
        self.outside
    }

    /// How many reasons there are, each stop from outside and each for taking nothing up being one.
    pub(crate) fn count(self) -> u64 {
        let others = self.reasons & !(Reason::Outside as u8);
        u64::from(others.count_ones()) + u64::from(self.outside) + u64::from(self.intake)
    }
}

/// What is particular about how a process runs its requests, for those that ask at every turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) enum Runs {
    /// Nothing.
    #[default]
    Plainly,
    /// On an event loop whose delays are measured.
    OnMeasuredLoop,
    /// In worker processes that an arbiter keeps.
    InWorkers,
}

/// Idle kept-alive connections over one link to one process.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) link: u32,
    /// The process at their other end.
    pub(crate) to: u32,
    pub(crate) idle: u32,
}

/// The connection of a client that multiplexes to a server that counts its clients.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Dialled {
    pub(crate) link: u32,
    /// The server's process.
    pub(crate) to: u32,
}

/// A multiplexed, encrypted connection over one link to one process that is not open, as far as its client knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Closed {
    pub(crate) link: u32,
    /// The process at its other end.
    pub(crate) to: u32,
    /// When it will be open, or has been since, once a call has begun to open it.
    pub(crate) opens: Option<Time>,
}

/// A timer about the life of a connection: its retirement, its next ping, the look for a leak.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct ConnectionTimer {
    pub(crate) pool: u8,
    pub(crate) connection: ConnectionId,
    pub(crate) what: PoolEvent,
    pub(crate) ticket: Ticket,
}

/// A broker, and when it next does something by itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Hosted {
    pub(crate) machine: Broker,
    pub(crate) ticket: Ticket,
    pub(crate) due: Time,
}

/// An executor, and when it next looks whether threads have been idle for long enough.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Staff {
    pub(crate) machine: Executor,
    pub(crate) due: Option<Time>,
}

/// Where the event loop of a Redis server is whose cycles for expired keys take time.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Turn {
    /// Commands of this turn that are still to run, the running one included.
    pub(crate) left: u32,
    /// Whether its cron is due.
    pub(crate) is_due: bool,
    /// Whether the cycle that it runs, or ran last, is a fast one.
    pub(crate) is_fast: bool,
}

/// One process. What every request needs stands in its first cache lines, for the reason given at
/// [`Frame`](crate::frame::Frame).
#[repr(C, align(64))]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Process {
    /// Its service; `u32::MAX` for the client side of a source.
    pub(crate) service: u32,
    /// The source whose client side it is, else `u32::MAX`.
    pub(crate) source: u32,
    pub(crate) life: Life,
    /// Whether it reports spans: applications do, databases and caches do not.
    pub(crate) traced: bool,
    /// Computing never waits for a core: each demand has a timer of its own.
    pub(crate) unlimited_cores: bool,
    /// Its statements are timed: a database with a `statement_timeout`.
    pub(crate) times_statements: bool,
    /// It has limits before its workers.
    pub(crate) guarded: bool,
    /// Its container has a processor quota.
    pub(crate) has_quota: bool,
    /// It goes on vacation when it has nothing to do.
    pub(crate) vacations_when_idle: bool,
    /// What is particular about how it runs its requests.
    pub(crate) runs: Runs,
    /// Processor time of demands finished in this life, in nanoseconds, where cores are unlimited: metered, never acted upon.
    pub(crate) computed_ns: u64,
    pub(crate) stops: Stops,
    /// Workers that take requests up: fewer than it has where a concurrency limit says so.
    pub(crate) workers: u32,
    pub(crate) busy: u32,
    pub(crate) places: u32,
    /// Requests taken up since it started, for the warm-up.
    pub(crate) served: u32,
    /// Counts lives, so that events for an earlier one are stale.
    pub(crate) incarnation: u32,
    pub(crate) stopped_total_ns: u64,
    pub(crate) queue: AcceptQueue,
    pub(crate) pools: Vec<Pool>,
    /// When the housekeeper of each next looks at it.
    pub(crate) housekeeping: Vec<Time>,
    /// Which of them are noted to be full with callers waiting.
    pub(crate) pool_full: Vec<bool>,
    pub(crate) heap: Option<Box<Heap>>,
    /// Whose the bytes on its heap are.
    pub(crate) origins: Option<Box<Origins>>,
    pub(crate) stopped_since: Time,
    /// Of the time stood still, what was for another reason than the quota: in all, until the present stop began, and since when.
    pub(crate) halted_total_ns: u64,
    pub(crate) halted_before_ns: u64,
    pub(crate) halted_since: Time,
    pub(crate) inbox: VecDeque<(Time, Event)>,
    /// Idle kept-alive connections, for links that keep any.
    pub(crate) keep_alive: Vec<Kept>,
    /// Its address.
    pub(crate) key: Key,
    /// Address of the draws that belong to it and to no request: its own, but in a placebo.
    pub(crate) component: Key,
    pub(crate) started: Time,
    pub(crate) restarts: Restarts,
    pub(crate) restart_count: u32,
    pub(crate) cpu: Cpu,
    pub(crate) cpu_ticket: Ticket,
    /// Collections whose pauses are still to be played, first one running.
    pub(crate) collections: VecDeque<Collection>,
    pub(crate) collected: Ticket,
    /// When the running pause ends, and what was left of it when the process was stopped from outside.
    pub(crate) pause_ends: Time,
    pub(crate) pause_left: Option<Duration>,
    /// The frame whose allocation the heap could not serve.
    pub(crate) starved: Option<(FrameRef, bool)>,
    /// Concurrent marking under way: its cores, since when, the stopped time then, and the time it needs.
    pub(crate) marking_milli_cores: u32,
    pub(crate) marking_since: Time,
    pub(crate) marking_mark_ns: u64,
    pub(crate) marking_ns: u64,
    /// Counts them, so that the end of one that a full collection has overtaken is stale.
    pub(crate) marking_number: u32,
    /// Timers about the lives of its pools' connections: few, since connections are.
    pub(crate) connection_timers: Vec<ConnectionTimer>,
    /// What the platform knows of its health, where it asks.
    pub(crate) watch: Option<Box<Watch>>,
    /// A deploy stops it: it starts again at once, as the next version.
    pub(crate) redeploys: bool,
    /// Shut down so many times over: nothing starts it.
    pub(crate) kept_down: u32,
    /// How it last ended by itself.
    pub(crate) exit_code: u16,
    pub(crate) oom_killed_last: bool,
    /// Connections open at a database, or at a Redis that counts its clients.
    pub(crate) connections: u32,
    /// Back ends forked so far: the numbers that logs show.
    pub(crate) backends: u32,
    pub(crate) store: Option<Box<Store>>,
    pub(crate) turn: Option<Turn>,
    /// Connections that it multiplexes to servers that count their clients.
    pub(crate) dialled: Vec<Dialled>,
    /// Connections that it has refused in this life, at its `maxclients`.
    pub(crate) rejected: u64,
    /// Caches within an application's process, in the blueprint's order.
    pub(crate) caches: Vec<Store>,
    /// The disk of a database that has one. It outlives the process.
    pub(crate) disk: Option<Box<Disk>>,
    /// What a replica replays, also of what was written while it was down.
    pub(crate) replay: Option<Box<Replay>>,
    /// Pages of its tables in memory.
    pub(crate) buffers: Option<Box<Buffers>>,
    /// Row locks of a database whose statements lock rows.
    pub(crate) locks: Option<Box<Locks>>,
    /// The statement timeouts that run.
    #[serde(with = "crate::pairs")]
    pub(crate) statement_timers: BTreeMap<FrameRef, Ticket>,
    /// Multiplexed, encrypted connections that are not open: the next call opens one anew.
    pub(crate) closed: Vec<Closed>,
    /// When the certificate expires that it has loaded.
    pub(crate) certificate: Time,
    /// Until when the postmaster of a database forks.
    pub(crate) postmaster_free: Time,
    /// Its executors, in the order of the blueprint.
    pub(crate) executors: Vec<Staff>,
    /// Its workers, where they are processes of their own, and when their arbiter next looks.
    pub(crate) prefork: Option<Box<Prefork>>,
    pub(crate) arbiter: Ticket,
    /// Who keeps its event loop.
    pub(crate) blocker: FrameRef,
    /// When that one has done with it.
    pub(crate) blocked_until: Time,
    /// How late its event loop runs timers, where requests can keep it without computing.
    pub(crate) loop_delay: Option<Box<LoopDelay>>,
    /// When its last vacation began.
    pub(crate) away_since: Time,
    /// When the next of periodic ones begins.
    pub(crate) vacation_due: Time,
    /// Vacations so far, in all lives, for their addresses.
    pub(crate) vacations: u64,
    /// Log lines written, for their addresses.
    pub(crate) lines: u64,
    pub(crate) meter: Meter,
    pub(crate) guard: Option<Box<Guard>>,
    /// The queues of a broker. They outlive its process, on its disk or as counts.
    pub(crate) broker: Option<Box<Hosted>>,
}

impl Process {
    /// Whether it stands still.
    #[inline]
    pub(crate) fn is_stopped(&self) -> bool {
        self.stops.any()
    }

    /// Time stood still for its quota alone, in this life and the ones before, up to `now`.
    pub(crate) fn throttled_ns(&self, now: Time) -> u64 {
        let halts = if self.stops.halt() { (now - self.halted_since).as_nanos() } else { 0 };
        self.stopped_ns(now) - self.halted_total_ns - halts
    }

    /// Time stood still up to now that no statistic has yet: in the halt under way, and in the stop under way for the quota alone.
    pub(crate) fn unbooked_stop(&self, now: Time) -> (Duration, Duration) {
        if !self.is_stopped() {
            return (Duration::ZERO, Duration::ZERO);
        }
        let halting = if self.stops.halt() { now - self.halted_since } else { Duration::ZERO };
        let halted_ns = self.halted_total_ns - self.halted_before_ns + halting.as_nanos();
        (halting, Duration::from_nanos((now - self.stopped_since).as_nanos() - halted_ns))
    }

    /// Address of the component draws of this life; the first one has the process' own.
    pub(crate) fn life_key(&self) -> Key {
        if self.incarnation == 0 { self.component } else { self.component.with(u64::from(self.incarnation)) }
    }

    /// Workers that there are: above a limit that was lowered also those that are still busy. None where nothing limits them.
    pub(crate) fn staff(&self) -> Option<u64> {
        (self.workers < u32::MAX).then_some(u64::from(self.workers.max(self.busy)))
    }

    /// Whether nothing is taken out of its queue.
    #[inline]
    pub(crate) fn takes_nothing_up(&self) -> bool {
        self.is_stopped() || self.stops.intake > 0
    }

    /// Time stood still in this life and the ones before, up to `now`.
    #[inline]
    pub(crate) fn stopped_ns(&self, now: Time) -> u64 {
        if self.is_stopped() {
            self.stopped_total_ns + (now - self.stopped_since).as_nanos()
        } else {
            self.stopped_total_ns
        }
    }

    /// Whether it is the client side of a source.
    #[inline]
    pub(crate) fn is_client(&self) -> bool {
        self.source != u32::MAX
    }

    /// Resident bytes: what the container is charged for.
    pub(crate) fn resident(&self, baseline: u64) -> u64 {
        let stored = self.store.as_ref().map_or(0, |store| store.used());
        let managed = match &self.heap {
            Some(heap) => heap.resident(),
            // What a cache within the process holds lies on its heap where there is one.
            None => self.caches.iter().map(Store::used).sum(),
        };
        let messages = self.broker.as_ref().map_or(0, |broker| broker.machine.bytes());
        baseline + stored + managed + messages
    }
}
