//! A database's back ends from the administrator's side: statements that are ended before they are done, back ends that are
//! terminated, connections that break under statements on their way.

use super::{Event, World};
use crate::frame::{Outcome, State};
use crate::id::{ConnectionId, FrameRef, ServiceId};
use crate::process::Life;
use crate::purpose;
use crate::record::{ErrorType, LogEvent};
use crate::sink::Sink;
use knockon_kernel::{Ticket, Time};
use std::collections::BTreeSet;

impl World {
    /// A statement has arrived at a database with a `statement_timeout`.
    #[cold]
    pub(super) fn time_statement(&mut self, frame: FrameRef) {
        let process = self.frames[frame].process;
        let Some(timeout) = self.postgres(process).statement_timeout else { return };
        let ticket = self.calendar.schedule(self.now() + timeout, Event::StatementTimeout { frame }.packed());
        self.processes[process as usize].statement_timers.insert(frame, ticket);
    }

    /// A statement has ended, worked on or not: its timeout runs no longer, and its rows go on if its transaction has ended too.
    pub(super) fn statement_over<S: Sink>(&mut self, frame: FrameRef, sink: &mut S) {
        let process = &mut self.processes[self.frames[frame].process as usize];
        let locks = process.locks.is_some();
        if let Some(ticket) = process.statement_timers.remove(&frame) {
            self.calendar.cancel(ticket);
        }
        if locks {
            self.statement_unlocks(frame, sink);
        }
    }

    /// A statement has taken the whole `statement_timeout`, which expired at `at`.
    pub(super) fn statement_timed_out<S: Sink>(&mut self, frame: FrameRef, at: Time, sink: &mut S) {
        let Some(f) = self.frames.get(frame) else { return };
        let p = &mut self.processes[f.process as usize];
        if p.is_stopped() {
            p.inbox.push_back((at, Event::StatementTimeout { frame }));
            return;
        }
        if p.statement_timers.remove(&frame).is_some() {
            let service = p.service as usize;
            self.services[service].statistics.statement_timeouts += 1;
            self.end_statement(frame, at, ErrorType::StatementTimeout, sink);
        }
    }

    /// Ends a statement that a database works on, wherever it is.
    fn end_statement<S: Sink>(&mut self, frame: FrameRef, at: Time, error: ErrorType, sink: &mut S) {
        let f = &self.frames[frame];
        let index = f.process;
        match f.state {
            State::WaitingLock => self.stop_waiting(frame, at, sink),
            State::WaitingDisk | State::Reading => self.stop_io(frame, at),
            State::Queued => {
                let (place, since) = (f.place, f.since);
                let now = self.now();
                let p = &mut self.processes[index as usize];
                p.queue.remove(place, frame);
                self.services[p.service as usize].statistics.queue.leave(now, since);
                self.engage(index);
                self.wake(frame, at);
            }
            State::Computing => self.stop_computing(frame),
            State::Sleeping => {
                self.clear_timer(frame);
                self.wake(frame, at);
            }
            // Within this instant it would go on.
            State::Running | State::Stalled => self.wake(frame, at),
            other => unreachable!("a statement does not end in state {other:?}"),
        }
        if error == ErrorType::Terminated {
            // The back end has said so.
            self.fail(frame, Outcome::lost(error), None, sink);
        } else {
            self.fail_statement(frame, error, sink);
        }
    }

    /// An administrator ends back ends of a database.
    pub(super) fn terminate<S: Sink>(&mut self, patch: u32, service: ServiceId, share: f64, sink: &mut S) {
        let now = self.now();
        let database = self.services[service.index()].first_process;
        let d = &mut self.processes[database as usize];
        if d.life == Life::Down {
            return;
        }
        if d.is_stopped() {
            d.inbox.push_back((now, Event::PatchAt { index: patch, process: database }));
            return;
        }
        let key = d.key.purpose(purpose::TERMINATION).with(self.blueprint.patches[patch as usize].at.as_nanos());
        let taken = |backend: u32| share >= 1.0 || key.with(u64::from(backend)).unit() < share;
        let sessions = self.sessions_of(service).into_iter().filter(|&(.., backend)| taken(backend));
        let sessions: Vec<_> = sessions.collect();
        let ended: BTreeSet<u32> = sessions.iter().map(|&(.., backend)| backend).collect();
        for &(process, pool, connection, backend) in &sessions {
            self.processes[process as usize].pools[usize::from(pool)].sever(connection, ErrorType::Terminated);
            let d = &mut self.processes[database as usize];
            d.connections = d.connections.saturating_sub(1);
            self.emit_log(database, LogEvent::Terminated { backend }, sink);
        }
        let statements: Vec<FrameRef> = self.frames.handles().filter(|&f| self.frames[f].process == database).collect();
        for frame in statements {
            // Earlier ones may have ended it.
            let Some(f) = self.frames.get(frame) else { continue };
            let ends = if f.orphan { taken(f.backend) } else { ended.contains(&f.backend) };
            match f.state {
                _ if !ends => {}
                State::Answered => {}
                State::InTransit | State::Doomed => self.doom(frame, ErrorType::Terminated),
                _ => self.end_statement(frame, now, ErrorType::Terminated, sink),
            }
        }
        for backend in ended {
            self.end_transaction(database, backend, sink);
        }
    }

    /// Client, pool, connection and back end of everyone connected to a database.
    fn sessions_of(&self, database: ServiceId) -> Vec<(u32, u8, ConnectionId, u32)> {
        let mut sessions = Vec::new();
        for (index, process) in self.processes.iter().enumerate() {
            let Some(described) = self.blueprint.services.get(process.service as usize) else { continue };
            for (pool, (described, machine)) in described.pools.iter().zip(&process.pools).enumerate() {
                if described.database == database {
                    let open = machine.slots();
                    sessions.extend(open.map(|(connection, backend)| (index as u32, pool as u8, connection, backend)));
                }
            }
        }
        sessions
    }

    /// The connection under a statement on its way is gone.
    fn doom(&mut self, frame: FrameRef, error: ErrorType) {
        let f = &mut self.frames[frame];
        f.state = State::Doomed;
        f.outcome = Outcome::lost(error);
    }

    /// A database dies: every pooled connection breaks, which the pools find out when they next use one, and what is on its way
    /// over them finds nobody, even if the database is back by then.
    pub(super) fn sever_pools(&mut self, database: u32) {
        let service = self.processes[database as usize].service as usize;
        for process in &mut self.processes {
            let Some(described) = self.blueprint.services.get(process.service as usize) else { continue };
            for (pool, machine) in described.pools.iter().zip(&mut process.pools) {
                if pool.database.index() == service {
                    machine.sever_all(ErrorType::ConnectionLost);
                }
            }
        }
        let sent: Vec<FrameRef> = self
            .frames
            .handles()
            .filter(|&f| self.frames[f].process == database && self.frames[f].state == State::InTransit)
            .collect();
        for frame in sent {
            self.doom(frame, ErrorType::ConnectionLost);
        }
        let p = &mut self.processes[database as usize];
        p.locks = None;
        for (_, ticket) in std::mem::take(&mut p.statement_timers) {
            if ticket != Ticket::NONE {
                self.calendar.cancel(ticket);
            }
        }
    }
}
