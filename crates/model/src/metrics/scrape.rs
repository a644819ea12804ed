//! What one scrape sees: each process at the grid time, and what can only be known by looking at others.

use crate::blueprint::{Blueprint, LinkEnd, Runtime, Service};
use crate::frame::{Frame, Frames, State};
use crate::id::{ServiceId, SourceId};
use crate::process::{Life, Process};
use crate::upstream::Upstream;
use knockon_kernel::{Duration, Time};
use serde::{Deserialize, Serialize};

/// How long Prometheus waits for a scrape's answer (`scrape_timeout`).
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(10);

/// The parts of a world that metrics are read from.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) blueprint: &'a Blueprint,
    pub(crate) processes: &'a [Process],
    pub(crate) frames: &'a Frames,
    pub(crate) upstreams: &'a [Upstream],
    /// The grid time.
    pub(crate) now: Time,
}

/// What a scrape saw of a process' processor.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Usage {
    incarnation: u32,
    at: Time,
    cpu_ns: u64,
}

/// One process, seen by a scrape.
pub(super) struct Target<'a> {
    pub(super) now: Time,
    /// The grid time in Unix nanoseconds less the simulated time.
    epoch_unix_ns: i64,
    pub(super) service: &'a Service,
    pub(super) process: &'a Process,
    /// Accounts of all links.
    pub(super) upstreams: &'a [Upstream],
    /// Whether its container is there.
    pub(super) exists: bool,
    /// Whether it answers.
    pub(super) answers: bool,
    /// Processor time that it has used in this life.
    pub(super) cpu_ns: u64,
    /// Mean cores in use since it was last seen.
    pub(super) cores_in_use: f64,
    /// How long a callback would wait for its turn on the event loop that became ready now, where that is measured.
    pub(super) loop_lag_ns: u64,
    /// Transactions of clients that are open here and run no statement.
    pub(super) idle_transactions: u32,
    /// Client connections open here, where links say how many there are.
    pub(super) clients: u32,
}

impl Target<'_> {
    /// Unix time in seconds of a simulated instant.
    pub(super) fn unix_seconds(&self, at: Time) -> f64 {
        (self.epoch_unix_ns as f64 + at.as_nanos() as f64) / 1e9
    }

    /// Resident bytes; the kernel charges a container for no more than its limit.
    pub(super) fn resident(&self) -> u64 {
        let memory = self.service.memory;
        self.process.resident(memory.baseline).min(memory.limit.unwrap_or(u64::MAX))
    }
}

/// Every process that is scraped, by its number; sources' client sides stand for themselves.
pub(super) fn targets<'a>(around: &Surroundings<'a>, usage: &mut [Usage]) -> Vec<Target<'a>> {
    let now = around.now;
    let mut targets: Vec<Target<'a>> = Vec::with_capacity(usage.len());
    for (process, seen) in around.processes.iter().zip(usage) {
        // Client sides come last and have no series.
        let Some(service) = around.blueprint.services.get(process.service as usize) else { break };
        let cpu_ns = cpu_ns(process, now);
        let before = if seen.incarnation == process.incarnation {
            *seen
        } else {
            Usage { incarnation: process.incarnation, at: process.meter.since, cpu_ns: 0 }
        };
        *seen = Usage { incarnation: process.incarnation, at: now, cpu_ns };
        let passed_ns = now.saturating_sub(before.at).as_nanos();
        let used_ns = cpu_ns.saturating_sub(before.cpu_ns);
        let stands_still = process.is_stopped() && now - process.stopped_since >= SCRAPE_TIMEOUT;
        targets.push(Target {
            now,
            epoch_unix_ns: around.blueprint.epoch_unix_ns,
            service,
            process,
            upstreams: around.upstreams,
            exists: process.life != Life::Down,
            answers: process.life == Life::Running && !stands_still,
            cpu_ns,
            cores_in_use: if passed_ns == 0 { 0.0 } else { used_ns as f64 / passed_ns as f64 },
            loop_lag_ns: if process.loop_delay.is_some() { loop_lag_ns(process, around.frames, now) } else { 0 },
            idle_transactions: 0,
            clients: 0,
        });
    }
    count_transactions(around, &mut targets);
    count_clients(around, &mut targets);
    targets
}

fn cpu_ns(process: &Process, now: Time) -> u64 {
    let busy = process.cpu.busy(now).saturating_sub(process.meter.busy_before) / 1000;
    u64::try_from(busy).unwrap_or(u64::MAX).saturating_add(process.computed_ns)
}

/// The rest of what keeps the loop, and all that waits for it already.
fn loop_lag_ns(process: &Process, frames: &Frames, now: Time) -> u64 {
    let blocked = frames.get(process.blocker).map_or(0, |_| process.blocked_until.saturating_sub(now).as_nanos());
    let computing = if process.unlimited_cores { 0 } else { process.cpu.backlog(now).as_nanos() };
    blocked + computing
}

fn is_served(frame: &Frame) -> bool {
    !matches!(frame.state, State::InTransit | State::Doomed | State::Dropped | State::Answered)
}

/// A transaction is its client's: the server side shows a session that waits for the next statement.
fn count_transactions(around: &Surroundings<'_>, targets: &mut [Target<'_>]) {
    if !around.blueprint.services.iter().any(|service| matches!(service.runtime, Runtime::Postgres(_))) {
        return;
    }
    for frame in around.frames.handles().map(|handle| &around.frames[handle]) {
        for held in frame.held.iter().flatten().filter(|held| held.transaction && !held.broken) {
            let client = around.processes[frame.process as usize].service as usize;
            let database = around.blueprint.services[client].pools[usize::from(held.pool)].database;
            let at_work = around.frames.get(frame.child).is_some_and(|child| {
                around.processes[child.process as usize].service == database.0 && is_served(child)
            });
            if !at_work && let Some(first) = targets.iter_mut().find(|target| target.process.service == database.0) {
                first.idle_transactions += 1;
            }
        }
    }
}

/// Connections to a cache: those that carry a command, those kept alive, and one for each client that multiplexes.
fn count_clients(around: &Surroundings<'_>, targets: &mut [Target<'_>]) {
    if !targets.iter().any(|target| matches!(target.service.runtime, Runtime::Redis(_))) {
        return;
    }
    for (index, link) in around.blueprint.links.iter().enumerate() {
        let Some(first) = targets.iter().position(|target| target.process.service == link.to.0) else { continue };
        for client in around.processes.iter().filter(|client| is_end(client, link.from) && client.life != Life::Down) {
            targets[first].clients += match link.keep_alive {
                None => 1,
                Some(_) => kept(client, index),
            };
        }
    }
    for frame in around.frames.handles().map(|handle| &around.frames[handle]) {
        let Some(caller) = around.frames.get(frame.caller) else { continue };
        let Some(target) = targets.get_mut(frame.process as usize) else { continue };
        let from = &around.processes[caller.process as usize];
        let link = around
            .blueprint
            .links
            .iter()
            .find(|link| link.to == ServiceId(target.process.service) && is_end(from, link.from));
        if link.is_some_and(|link| link.keep_alive.is_some()) {
            target.clients += 1;
        }
    }
}

fn is_end(process: &Process, end: LinkEnd) -> bool {
    match end {
        LinkEnd::Service(service) => process.service == service.0,
        LinkEnd::Source(SourceId(source)) => process.source == source,
    }
}

fn kept(client: &Process, link: usize) -> u32 {
    client.keep_alive.iter().filter(|kept| kept.link as usize == link).map(|kept| kept.idle).sum()
}
