//! Levels: what components hold at this instant that could make their future another one, though nothing that anybody measures differs yet: bytes
//! that are kept, entries of caches, connections that nobody will give back, who waits, what is broken, ejected, throttled or about to expire.
//!
//! Two copies of a world have the same levels in the same order, so that they can be compared one by one; what a component
//! lacks for the moment, since it is down, is 0. Not here: where each request is, phases (see `phases`), and what windows show anyway.

use super::World;
use crate::blueprint::Runtime;
use crate::breaker::BreakerState;
use crate::id::{LinkId, LocalCacheId, PoolId, ProcessId};
use crate::process::{Life, Process};
use crate::store::Store;
use crate::upstream::Upstream;
use serde::{Deserialize, Serialize};

/// One level.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Level {
    /// The component: a process, or the client side of a source.
    pub process: ProcessId,
    /// What of it.
    pub part: LevelPart,
    /// What is measured.
    pub kind: LevelKind,
    /// How much, in [`LevelKind::unit`].
    pub value: u64,
}

/// What of a component a level is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum LevelPart {
    /// All of it.
    Itself,
    /// One of its pools.
    Pool(PoolId),
    /// A cache within it.
    Cache(LocalCacheId),
    /// Its account of a link.
    Link(LinkId),
    /// A queue of a broker, by its number there.
    Queue(u32),
}

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum LevelKind {
    /// Requests in the accept queue.
    Queued,
    /// Workers at work.
    Busy,
    /// Demands that want a core.
    Runnable,
    /// Messages that wait until the process goes on.
    Inbox,
    /// Requests that it still serves as a young process does, more slowly.
    WarmUpLeft,
    /// 0 it runs, 1 it stops, 2 it starts, 3 it is down.
    Life,
    /// Lives so far.
    Lives,
    /// Restarts that count for its back-off.
    Restarts,
    /// How long the platform would wait before the next restart.
    RestartDelay,
    /// Reasons for which it stands still or takes nothing up.
    Stops,
    /// n of version 1.0.n.
    Version,
    /// When the certificate expires that it has loaded, since the start of the run; only where there is one.
    CertificateExpires,
    /// When the certificate expires that lies on its disks.
    RenewedExpires,
    /// Bytes that its container is charged for.
    ResidentBytes,
    /// Bytes that the application keeps until the process ends or drops them.
    RetainedBytes,
    /// Bytes that were live after the last full collection.
    LiveAfterFullBytes,
    /// Bytes that the old space holds, garbage too.
    OldBytes,
    /// Entries of a cache.
    Entries,
    /// Bytes of a cache.
    EntryBytes,
    /// Connections that a database has open.
    Connections,
    /// Sessions that hold rows.
    RowHolders,
    /// Statements that wait for rows.
    RowWaiters,
    /// Bytes that lie on a database's disk.
    DiskUsedBytes,
    /// Bytes that a replica has not replayed.
    BehindBytes,
    /// Connections of a pool, those being opened too.
    PoolConnections,
    /// Of those, in use by nobody who will give them back.
    Leaked,
    /// Of those, closed by the far side, which nobody has noticed.
    Severed,
    /// Callers that wait for a connection.
    PoolWaiting,
    /// Requests that the concurrency limit lets be in work.
    ConcurrencyLimit,
    /// 0 closed, 1 half-open, 2 open.
    Breaker,
    /// Hosts that a caller leaves out.
    Ejected,
    /// Callers that wait for a permit.
    PermitWaiting,
    /// Attempts under way over a link.
    Attempts,
    /// Messages that wait for a consumer.
    Ready,
    /// Messages that have been delivered and not acknowledged, or wait to be tried again.
    Unacknowledged,
    /// Bytes of a broker's messages.
    MessageBytes,
    /// Publications that a broker does not read.
    Blocked,
    /// Consumers that a queue gives messages to.
    Consumers,
    /// 1 while the platform says that it is not ready to be called.
    NotReady,
    /// Failures in a row of the probe that fails most.
    ProbesFailing,
}

impl LevelKind {
    /// Its name, as tables write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Busy => "busy_workers",
            Self::Runnable => "runnable",
            Self::Inbox => "inbox",
            Self::WarmUpLeft => "warm_up_left",
            Self::Life => "life",
            Self::Lives => "lives",
            Self::Restarts => "restarts",
            Self::RestartDelay => "restart_delay",
            Self::Stops => "stops",
            Self::Version => "version",
            Self::CertificateExpires => "certificate_expires",
            Self::RenewedExpires => "renewed_certificate_expires",
            Self::ResidentBytes => "resident",
            Self::RetainedBytes => "retained",
            Self::LiveAfterFullBytes => "live_after_full_collection",
            Self::OldBytes => "old_space",
            Self::Entries => "entries",
            Self::EntryBytes => "entry_bytes",
            Self::Connections => "connections",
            Self::RowHolders => "row_holders",
            Self::RowWaiters => "row_waiters",
            Self::DiskUsedBytes => "disk_used",
            Self::BehindBytes => "replay_behind",
            Self::PoolConnections => "pool_connections",
            Self::Leaked => "leaked_connections",
            Self::Severed => "severed_connections",
            Self::PoolWaiting => "pool_waiting",
            Self::ConcurrencyLimit => "concurrency_limit",
            Self::Breaker => "breaker",
            Self::Ejected => "ejected_hosts",
            Self::PermitWaiting => "permit_waiting",
            Self::Attempts => "attempts_under_way",
            Self::Ready => "ready",
            Self::Unacknowledged => "unacknowledged",
            Self::MessageBytes => "message_bytes",
            Self::Blocked => "blocked_publications",
            Self::Consumers => "consumers",
            Self::NotReady => "unready",
            Self::ProbesFailing => "probes_failing",
        }
    }

    /// Its unit by UCUM; "1" where it counts.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::RestartDelay | Self::CertificateExpires | Self::RenewedExpires => "ns",
            Self::ResidentBytes
            | Self::RetainedBytes
            | Self::LiveAfterFullBytes
            | Self::OldBytes
            | Self::MessageBytes
            | Self::EntryBytes
            | Self::DiskUsedBytes
            | Self::BehindBytes => "By",
            _ => "1",
        }
    }
}

/// Levels of one component, being written down.
struct Levels<'w> {
    out: &'w mut Vec<Level>,
    process: ProcessId,
}

impl Levels<'_> {
    fn add(&mut self, part: LevelPart, kind: LevelKind, value: u64) {
        self.out.push(Level { process: self.process, part, kind, value });
    }

    fn own(&mut self, kind: LevelKind, value: u64) {
        self.add(LevelPart::Itself, kind, value);
    }
}

impl World {
    /// All levels at this instant: processes in their order, then callers' accounts of links.
    #[must_use]
    pub fn levels(&self) -> Vec<Level> {
        let mut out = Vec::new();
        for (index, process) in self.processes.iter().enumerate() {
            let mut levels = Levels { out: &mut out, process: ProcessId(index as u32) };
            if !process.is_client() {
                self.levels_of_process(process, &mut levels);
            }
        }
        for upstream in &self.upstreams {
            self.levels_of_link(upstream, &mut Levels { out: &mut out, process: ProcessId(upstream.process) });
        }
        out
    }

    fn levels_of_process(&self, process: &Process, levels: &mut Levels<'_>) {
        let described = &self.blueprint.services[process.service as usize];
        let state = &self.services[process.service as usize];
        levels.own(LevelKind::Queued, process.queue.len().into());
        levels.own(LevelKind::Busy, process.busy.into());
        if described.shares_processor() {
            levels.own(LevelKind::Runnable, process.cpu.runnable() as u64);
        }
        levels.own(LevelKind::Inbox, process.inbox.len() as u64);
        if let Some(warm_up) = described.warm_up {
            levels.own(LevelKind::WarmUpLeft, warm_up.requests.saturating_sub(process.served).into());
        }
        levels.own(LevelKind::Life, life(process.life));
        levels.own(LevelKind::Lives, u64::from(process.incarnation) + 1);
        levels.own(LevelKind::Restarts, process.restart_count.into());
        levels.own(LevelKind::RestartDelay, process.restarts.pending().map_or(0, |delay| delay.as_nanos()));
        let stops = &process.stops;
        let reasons = stops.count() + u64::from(process.kept_down);
        levels.own(LevelKind::Stops, reasons);
        levels.own(LevelKind::Version, state.version.into());
        if described.certificate.is_some() {
            levels.own(LevelKind::CertificateExpires, process.certificate.as_nanos());
            levels.own(LevelKind::RenewedExpires, state.certificate.as_nanos());
        }
        if let Some(watch) = &process.watch {
            levels.own(LevelKind::NotReady, u64::from(!watch.ready));
            levels.own(LevelKind::ProbesFailing, watch.failing().into());
        }
        levels.own(LevelKind::ResidentBytes, process.resident(described.memory.baseline));
        self.levels_of_runtime(process, levels);
        for (number, _) in described.pools.iter().enumerate() {
            let part = LevelPart::Pool(PoolId(number as u32));
            let pool = process.pools.get(number);
            levels.add(part, LevelKind::PoolConnections, pool.map_or(0, |pool| pool.connections() as u64));
            levels.add(part, LevelKind::Leaked, pool.map_or(0, |pool| pool.leaked().count() as u64));
            levels.add(part, LevelKind::Severed, pool.map_or(0, |pool| pool.unnoticed() as u64));
            levels.add(part, LevelKind::PoolWaiting, pool.map_or(0, |pool| pool.waiting().into()));
        }
        if described.admission.concurrency.is_some() {
            let limit = process.guard.as_ref().and_then(|guard| guard.concurrency.as_ref());
            levels.own(LevelKind::ConcurrencyLimit, limit.map_or(0, |limit| limit.limit().into()));
        }
    }

    fn levels_of_runtime(&self, process: &Process, levels: &mut Levels<'_>) {
        let now = self.reached();
        let of_store =
            |store: Option<&Store>| store.map(|store| (store.readings(now).keys, store.used())).unwrap_or_default();
        match &self.blueprint.services[process.service as usize].runtime {
            Runtime::Jvm(_) | Runtime::CPython(_) => {
                let heap = process.heap.as_deref();
                levels.own(LevelKind::RetainedBytes, heap.map_or(0, |heap| heap.retained()));
                levels.own(LevelKind::LiveAfterFullBytes, heap.map_or(0, |heap| heap.live_after_last_full()));
                levels.own(LevelKind::OldBytes, heap.map_or(0, |heap| heap.old_used()));
            }
            Runtime::Redis(redis) => {
                let (entries, bytes) = of_store(process.store.as_deref());
                levels.own(LevelKind::Entries, entries);
                levels.own(LevelKind::EntryBytes, bytes);
                if redis.maxclients.is_some() {
                    levels.own(LevelKind::Connections, process.connections.into());
                }
            }
            Runtime::Postgres(_) => {
                let rows = process.locks.as_ref().map(|locks| locks.readings());
                levels.own(LevelKind::Connections, process.connections.into());
                levels.own(LevelKind::RowHolders, rows.map_or(0, |rows| rows.holding.into()));
                let waiting = process.locks.as_ref().map_or(0, |locks| locks.waiting());
                levels.own(LevelKind::RowWaiters, waiting.into());
                if let Some(replay) = &process.replay {
                    levels.own(LevelKind::BehindBytes, replay.readings(now).1);
                }
                if let Some(disk) = &process.disk {
                    let readings = disk.space.readings(now);
                    levels.own(LevelKind::DiskUsedBytes, readings.capacity.saturating_sub(readings.free));
                }
            }
            Runtime::Broker(_) => {
                let machine = process.broker.as_ref().map(|hosted| &hosted.machine);
                levels.own(LevelKind::MessageBytes, machine.map_or(0, |machine| machine.bytes()));
                levels.own(LevelKind::Blocked, machine.map_or(0, |machine| machine.blocked().len() as u64));
                for (number, queue) in machine.iter().flat_map(|machine| machine.queues()).enumerate() {
                    let part = LevelPart::Queue(number as u32);
                    levels.add(part, LevelKind::Ready, queue.statistics.ready.present());
                    levels.add(part, LevelKind::Unacknowledged, queue.statistics.unacked.present());
                    let there = machine.map_or(0, |machine| machine.consumers_there(number as u32));
                    levels.add(part, LevelKind::Consumers, there);
                }
            }
            _ => {}
        }
        for (number, (id, _)) in self.blueprint.local_caches_of(crate::id::ServiceId(process.service)).enumerate() {
            let (entries, bytes) = of_store(process.caches.get(number));
            levels.add(LevelPart::Cache(id), LevelKind::Entries, entries);
            levels.add(LevelPart::Cache(id), LevelKind::EntryBytes, bytes);
        }
    }

    fn levels_of_link(&self, upstream: &Upstream, levels: &mut Levels<'_>) {
        let described = &self.blueprint.traffic[upstream.policy as usize];
        let part = LevelPart::Link(described.link);
        levels.add(part, LevelKind::Attempts, upstream.statistics.in_flight());
        if let Some(state) = upstream.breaker_state() {
            levels.add(part, LevelKind::Breaker, breaker(state));
        }
        if let Some(outliers) = &upstream.outliers {
            levels.add(part, LevelKind::Ejected, outliers.ejected_at(self.reached()).into());
        }
        if let Some(bulkhead) = &upstream.bulkhead {
            levels.add(part, LevelKind::PermitWaiting, bulkhead.load().1.into());
        }
    }
}

fn life(life: Life) -> u64 {
    match life {
        Life::Running => 0,
        Life::Stopping => 1,
        Life::Starting => 2,
        Life::Down => 3,
    }
}

fn breaker(state: BreakerState) -> u64 {
    match state {
        BreakerState::Closed => 0,
        BreakerState::HalfOpen => 1,
        BreakerState::Open => 2,
    }
}
