//! Lives of processes: exit, restart by the platform, cold start, deploys.
//!
//! A deploy replaces a service's processes the way `docker compose up` does: each stops (it finishes what it has, new
//! connections are refused), then starts as the next version with empty heap, pools and caches. A rolling update that
//! starts the new process first is not modelled.

use super::brokers::Coming;
use super::probing::KILLED;
use super::{Event, World};
use crate::blame::Origins;
use crate::blueprint::Runtime;
use crate::frame::{Outcome, State};
use crate::heap::Heap;
use crate::id::{FrameRef, ProcessId, ServiceId};
use crate::pool::{HOUSEKEEPING, Pool};
use crate::process::Life;
use crate::purpose;
use crate::record::{ChangeKind, ErrorType, LogEvent, Transition};
use crate::sink::Sink;
use crate::store::Store;
use knockon_kernel::{Duration, Ticket, Time};

/// How a process ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ending {
    /// By itself, or killed: the platform takes note.
    Died { code: u16, oom_killed: bool },
    /// A deploy replaces it.
    Replaced,
}

impl World {
    /// The process ends at once: what it worked on is lost, its connections break, the platform takes note.
    pub(super) fn exit<S: Sink>(&mut self, process: u32, code: u16, oom_killed: bool, sink: &mut S) {
        self.end(process, Ending::Died { code, oom_killed }, sink);
    }

    fn end<S: Sink>(&mut self, process: u32, ending: Ending, sink: &mut S) {
        let now = self.now();
        let service = self.processes[process as usize].service;
        // One that dies while a deploy waits for its end has died all the same.
        if let Ending::Died { code, oom_killed } = ending {
            if oom_killed {
                self.services[service as usize].statistics.oom_killed += 1;
                self.emit_state(process, Transition::OomKilled, sink);
            }
            self.emit_state(process, Transition::Exited { code }, sink);
            self.emit_change(ChangeKind::Exited { code, oom_killed }, service, Some(process), sink);
        }
        self.lose_frames::<S>(process, now);
        let graceful = ending == Ending::Replaced;
        self.consumers_come(process, if graceful { Coming::Leaves } else { Coming::Dies }, sink);
        self.end_broker(process, sink);
        self.break_connections(process);
        let p = &mut self.processes[process as usize];
        if let Some(watch) = &mut p.watch {
            watch.condemned = false;
        }
        let ran_for = now.saturating_sub(p.started);
        let was_up = matches!(p.life, Life::Running | Life::Stopping);
        p.life = Life::Down;
        p.incarnation += 1;
        if let Ending::Died { code, oom_killed } = ending {
            p.oom_killed_last = oom_killed;
            p.meter.oom_kills += u32::from(oom_killed);
            p.exit_code = code;
        }
        let delay = if p.redeploys {
            Some(Duration::ZERO)
        } else if p.kept_down > 0 {
            None
        } else {
            p.restarts.on_exit(if was_up { ran_for } else { Duration::ZERO })
        };
        if let Some(delay) = delay {
            let event = Event::Supervise { process, incarnation: self.processes[process as usize].incarnation };
            self.calendar.post(now + delay, event.packed());
        }
        self.review(process, sink);
    }

    /// Ends every frame that the process worked on or had queued; their callers' connections break.
    fn lose_frames<S: Sink>(&mut self, process: u32, now: Time) {
        let service = self.processes[process as usize].service as usize;
        let error = if self.is_database(service) { ErrorType::ConnectionLost } else { ErrorType::ConnectionReset };
        let lost: Vec<FrameRef> = self
            .frames
            .handles()
            .filter(|&frame| {
                let f = &self.frames[frame];
                f.process == process
                    && !matches!(f.state, State::InTransit | State::Doomed | State::Dropped | State::Answered)
            })
            .collect();
        if S::PARTS {
            self.spend_to_the_end(&lost);
        }
        for frame in lost {
            self.touch(frame);
            self.clear_timer(frame);
            self.leave_link(frame);
            self.abandon_statement(frame);
            self.forget_dropped(self.frames[frame].child);
            self.leave_stations(frame);
            if self.frames[frame].is_branch() {
                self.lose_branch(frame);
                continue;
            }
            self.forks.leave(frame);
            let f = &mut self.frames[frame];
            // A timer without a ticket (a demand on unlimited cores) becomes stale too.
            f.timer_serial = f.timer_serial.wrapping_add(1);
            if f.is_load() {
                self.lose_load(frame);
                continue;
            }
            if f.is_consumed() {
                self.services[service].statistics.lost += 1;
                self.lose_delivery(frame);
                continue;
            }
            f.outcome = Outcome::lost(error);
            f.keeps_connection = false;
            f.held = Default::default();
            let statistics = &mut self.services[service].statistics;
            statistics.lost += 1;
            if let Some(share) = self.shares.get_mut(frame.slot as usize) {
                *share = crate::heap::Share::default();
            }
            self.send_answer(frame);
        }
        let p = &mut self.processes[process as usize];
        let before = p.staff();
        p.busy = 0;
        p.queue.clear();
        let after = p.staff();
        if before != after {
            self.note_staff(process, before, after);
        }
        let p = &mut self.processes[process as usize];
        let inbox = std::mem::take(&mut p.inbox);
        for (_, event) in inbox {
            match event {
                Event::Reply { child } | Event::Consume { frame: child } => self.forget_delivery(child),
                // A new connection's packet reached a database that is gone: the client is refused.
                Event::Pool { .. } => self.calendar.post(now, event.packed()),
                // So does a handshake.
                Event::Deliver { frame } => {
                    self.frames[frame].outcome = Outcome::lost(error);
                    self.calendar.post(now, event.packed());
                }
                _ => {}
            }
        }
    }

    /// What the process held of machines and connections is gone.
    fn break_connections(&mut self, process: u32) {
        let now = self.now();
        let service = self.processes[process as usize].service as usize;
        for pool in 0..self.processes[process as usize].pools.len() {
            let open: Vec<_> = self.processes[process as usize].pools[pool].slots().collect();
            for (connection, backend) in open {
                self.close_connection(process, pool as u8, connection, backend);
            }
        }
        let p = &mut self.processes[process as usize];
        for (pool, statistics) in p.pools.iter().zip(&mut self.services[service].statistics.pools) {
            pool.leaked().for_each(|since| statistics.in_use.leave(now, since));
        }
        p.pools.clear();
        self.touch_leaks(process);
        let p = &mut self.processes[process as usize];
        for timer in std::mem::take(&mut p.connection_timers) {
            self.calendar.cancel(timer.ticket);
        }
        let p = &mut self.processes[process as usize];
        p.housekeeping.clear();
        p.pool_full.clear();
        p.heap = None;
        p.origins = None;
        for store in p.store.take().as_deref().into_iter().chain(&std::mem::take(&mut p.caches)) {
            for (keyspace, tally) in store.tallies() {
                self.keyspaces[keyspace as usize].keys.add(tally);
            }
        }
        p.turn = None;
        p.collections.clear();
        p.starved = None;
        p.connections = 0;
        p.rejected = 0;
        self.hang_up_clients(process);
        let p = &mut self.processes[process as usize];
        p.connections = 0;
        p.keep_alive.clear();
        p.postmaster_free = Time::ZERO;
        self.forget_ios(process);
        self.forget_links(process);
        self.forget_stops(process);
        let p = &mut self.processes[process as usize];
        p.prefork = None;
        p.executors.clear();
        for ticket in [&mut p.cpu_ticket, &mut p.collected, &mut p.arbiter] {
            self.calendar.cancel(std::mem::replace(ticket, Ticket::NONE));
        }
        p.cpu.stop(now);
        p.marking_milli_cores = 0;
        self.close_kept(process);
        self.begin_unconnected(process);
        if self.is_database(service) {
            self.sever_pools(process);
        }
    }

    /// The platform acts: a process that is down starts; one that stops too slowly is killed.
    pub(super) fn supervise<S: Sink>(&mut self, process: u32, incarnation: u32, sink: &mut S) {
        let p = &self.processes[process as usize];
        if p.incarnation != incarnation {
            return;
        }
        match p.life {
            Life::Down if p.kept_down > 0 => {}
            Life::Down => self.boot(process, sink),
            Life::Stopping if self.code_of_condemned(process).is_some() => self.exit(process, KILLED, false, sink),
            Life::Stopping => self.end(process, Ending::Replaced, sink),
            Life::Starting | Life::Running => {}
        }
    }

    fn boot<S: Sink>(&mut self, process: u32, sink: &mut S) {
        let now = self.now();
        let service = self.processes[process as usize].service;
        for index in std::mem::take(&mut self.services[service as usize].rollout) {
            self.roll_out(index, sink);
        }
        let p = &mut self.processes[process as usize];
        if std::mem::take(&mut p.redeploys) {
            p.restart_count = 0;
            p.meter.oom_kills = 0;
        } else {
            p.restart_count += 1;
            let count = p.restart_count;
            self.services[service as usize].statistics.restarts += 1;
            self.emit_change(ChangeKind::Restarted { count }, service, Some(process), sink);
        }
        let p = &mut self.processes[process as usize];
        p.life = Life::Starting;
        p.started = now;
        p.meter.restart(now, p.cpu.busy(now));
        p.computed_ns = 0;
        let key = p.component.with(u64::from(p.incarnation)).purpose(purpose::START_UP);
        let incarnation = p.incarnation;
        let takes = self.draw(self.blueprint.services[service as usize].start_up, || key);
        self.emit_log(process, LogEvent::Starting, sink);
        self.review(process, sink);
        self.calendar.post(now + takes, Event::Started { process, incarnation }.packed());
    }

    /// The process accepts requests from now on.
    pub(super) fn started<S: Sink>(&mut self, process: u32, incarnation: u32, at: Time, sink: &mut S) {
        let now = self.now();
        let p = &mut self.processes[process as usize];
        if p.incarnation != incarnation || p.life != Life::Starting {
            return;
        }
        if p.is_stopped() {
            p.inbox.push_back((at, Event::Started { process, incarnation }));
            return;
        }
        if p.disk.is_some() && !self.recovers(process, sink) {
            return;
        }
        let p = &mut self.processes[process as usize];
        p.served = 0;
        let (restarts, after) = (p.restart_count, now - p.started);
        self.furnish(process, sink);
        self.emit_log(process, LogEvent::Started { after }, sink);
        self.emit_state(process, Transition::Running { restarts }, sink);
    }

    /// Gives a starting process its machines: empty heap, pools and caches.
    pub(super) fn furnish<S: Sink>(&mut self, process: u32, sink: &mut S) {
        let now = self.now();
        let p = &mut self.processes[process as usize];
        let described = &self.blueprint.services[p.service as usize];
        p.life = Life::Running;
        p.certificate = self.services[p.service as usize].certificate;
        p.heap = match &described.runtime {
            Runtime::Jvm(heap) => Some(Box::new(Heap::jvm(heap))),
            Runtime::CPython(heap) => Some(Box::new(Heap::cpython(heap))),
            _ => None,
        };
        p.origins = p.heap.is_some().then(|| Origins::new(described.endpoints.len()));
        if let Runtime::Redis(redis) = &described.runtime {
            let service = ServiceId(p.service);
            p.store = Some(Box::new(Store::new(redis, service, &self.blueprint.keyspaces, p.life_key())));
        }
        let service = ServiceId(p.service);
        let keyspaces = &self.blueprint.keyspaces;
        let caches = self.blueprint.local_caches_of(service);
        let life = p.life_key();
        p.caches = caches.map(|(id, cache)| Store::local(cache, id, keyspaces, life.name(&cache.name))).collect();
        if let Runtime::Postgres(postgres) = described.runtime {
            p.times_statements = postgres.statement_timeout.is_some();
            let service = p.service as usize;
            self.processes[process as usize].locks = self.lock_table(service);
            self.furnish_buffers(process);
            self.plan_checkpoint(process);
        }
        let p = &mut self.processes[process as usize];
        let described = &self.blueprint.services[p.service as usize];
        let life = p.component.with(u64::from(p.incarnation));
        let pools = described.pools.iter().enumerate();
        p.pools = pools.map(|(pool, config)| Pool::new(config, life.with(pool as u64))).collect();
        p.pool_full = vec![false; p.pools.len()];
        p.housekeeping = vec![Time::MAX; p.pools.len()];
        self.set_guard(process);
        for pool in 0..self.processes[process as usize].pools.len() {
            let id = crate::id::PoolId(pool as u32);
            if now > Time::ZERO {
                self.emit_log(process, LogEvent::PoolStarting { pool: id }, sink);
            }
            self.processes[process as usize].pools[pool].start(now, &mut self.effects);
            self.carry_out::<S>(process, pool as u8);
            if self.processes[process as usize].pools[pool].needs_housekeeping() {
                self.keep_house(process, pool as u8, now + HOUSEKEEPING);
            }
            if now > Time::ZERO {
                self.emit_log(process, LogEvent::PoolStarted { pool: id }, sink);
            }
        }
        self.plan_expiry(process);
        self.furnish_loop(process);
        self.furnish_workers(process);
        self.furnish_executors(process);
        self.plan_vacations(process);
        self.start_broker(process, sink);
        self.consumers_come(process, Coming::Connects, sink);
    }

    /// A deploy: every process of the service stops, and starts again as the next version.
    pub(super) fn deploy<S: Sink>(&mut self, service: ServiceId, patch: u32, sink: &mut S) {
        let now = self.now();
        let state = &mut self.services[service.index()];
        let from = state.version;
        state.version += 1;
        state.rollout.push(patch);
        let (first, replicas) = (state.first_process, state.replicas);
        self.emit_change(ChangeKind::Deployment { from, to: from + 1 }, service.0, None, sink);
        for process in first..first + replicas {
            let p = &mut self.processes[process as usize];
            if p.life == Life::Down {
                continue;
            }
            p.redeploys = true;
            self.review(process, sink);
            let p = &mut self.processes[process as usize];
            if p.life == Life::Starting {
                self.end(process, Ending::Replaced, sink);
                continue;
            }
            p.life = Life::Stopping;
            let incarnation = p.incarnation;
            let idle = p.busy == 0 && p.queue.is_empty();
            self.emit_log(process, LogEvent::Stopping, sink);
            self.consumers_come(process, Coming::Cancels, sink);
            if idle {
                self.stopped(process, sink);
            } else {
                let described = &self.blueprint[service];
                let graceful = described.prefork.map_or(Duration::MAX, |prefork| prefork.graceful_timeout);
                let grace = described.stop_grace.min(graceful);
                self.calendar.post(now + grace, Event::Supervise { process, incarnation }.packed());
            }
        }
    }

    /// A stopping process has finished what it had.
    pub(super) fn stopped<S: Sink>(&mut self, process: u32, sink: &mut S) {
        match self.code_of_condemned(process) {
            Some(code) => self.exit(process, code, false, sink),
            None => self.end(process, Ending::Replaced, sink),
        }
    }

    /// Shuts a process down at once (SIGKILL), and keeps it from starting.
    pub(super) fn shut_down<S: Sink>(&mut self, process: u32, sink: &mut S) {
        let p = &mut self.processes[process as usize];
        p.kept_down += 1;
        if p.life == Life::Down {
            // What the platform was about to do about its last end is off.
            p.incarnation += 1;
        } else {
            self.exit(process, 137, false, sink);
        }
    }

    /// Starts a process that was shut down.
    pub(super) fn let_start<S: Sink>(&mut self, process: u32, sink: &mut S) {
        let p = &mut self.processes[process as usize];
        p.kept_down -= 1;
        if p.kept_down == 0 && p.life == Life::Down {
            self.boot(process, sink);
        }
    }

    /// Processes of a service.
    pub(super) fn processes_of(&self, service: ServiceId) -> std::ops::Range<u32> {
        let state = &self.services[service.index()];
        state.first_process..state.first_process + state.replicas
    }

    /// Handle of a process for records.
    pub(super) fn process_id(process: u32) -> ProcessId {
        ProcessId(process)
    }
}
