//! Locks: statements ask for rows and tables, wait without a worker, and pass them on when their transactions end.
//!
//! A session is named by its back end. Its transaction ends with COMMIT or ROLLBACK, with a statement of its own where there
//! is no transaction around it, at once when a statement fails (as `AbortTransaction` does, before any ROLLBACK arrives), and
//! with its connection: at the news of its closing, or at the end of the statement that still runs on it.

use super::execute::Flow;
use super::{Event, World};
use crate::blueprint::{Postgres, Runtime, Step};
use crate::frame::{Outcome, State};
use crate::id::{EndpointId, FrameRef, SamplerId};
use crate::lock::{Awaited, Edge, LockMode, Locks, Request, RowId, Turn};
use crate::process::Life;
use crate::purpose;
use crate::record::{ErrorType, LogEvent, Part};
use crate::sink::Sink;
use knockon_kernel::Time;
use std::collections::BTreeSet;

impl World {
    /// The lock table of a starting database, if any of its statements locks anything.
    pub(super) fn lock_table(&self, service: usize) -> Option<Box<Locks>> {
        let steps = self.blueprint.services[service].endpoints.iter().flat_map(|endpoint| &endpoint.program);
        let mut things = BTreeSet::new();
        let mut strong = false;
        for step in steps {
            match *step {
                Step::Lock { table, draw, .. } => _ = things.insert((false, table.0, draw)),
                Step::LockTable { table, mode } => {
                    things.insert((true, table.0, 0));
                    // Modes of statements that only read and write rows do not exclude each other.
                    strong |= mode > LockMode::RowExclusive;
                }
                _ => {}
            }
        }
        (!things.is_empty()).then(|| Box::new(Locks::of_things(things.len() + usize::from(strong))))
    }

    /// A statement wants a row.
    pub(super) fn lock<S: Sink>(
        &mut self,
        frame: FrameRef,
        (table, rows, popularity, draw): (u32, u32, SamplerId, u32),
        sink: &mut S,
    ) -> Flow {
        let now = self.now();
        let f = &self.frames[frame];
        let (index, session) = (f.process, f.backend);
        let number = if rows == 1 {
            0
        } else {
            let key = f.root.with(u64::from(table));
            let key = if draw == 0 { key } else { key.with(u64::from(draw)) };
            self.samplers[popularity.index()].rank(key.purpose(purpose::ROW)).min(rows - 1)
        };
        let locks = self.processes[index as usize].locks.as_mut();
        let locks = locks.expect("a database whose statements lock rows has a lock table");
        match locks.request(now, session, frame, RowId { table, number }) {
            Request::Granted => Flow::On,
            Request::Next | Request::Queued => self.wait_for_lock(frame, sink),
            Request::Deadlock { .. } => unreachable!("who wants a row waits before it is in a circle"),
        }
    }

    /// A statement wants a table.
    pub(super) fn lock_whole<S: Sink>(&mut self, frame: FrameRef, table: u32, mode: LockMode, sink: &mut S) -> Flow {
        let now = self.now();
        let f = &self.frames[frame];
        let (index, session) = (f.process, f.backend);
        let locks = self.processes[index as usize].locks.as_mut();
        let locks = locks.expect("a database whose statements lock tables has a lock table");
        match locks.request_table(now, session, frame, table, mode) {
            Request::Granted => Flow::On,
            Request::Next | Request::Queued => self.wait_for_lock(frame, sink),
            Request::Deadlock { with } => {
                locks.note_refused();
                let edges = locks.refused_circle(session, Awaited::Table { table, mode }, with);
                self.fail_deadlocked(frame, &edges, sink);
                Flow::Leave
            }
        }
    }

    /// A statement waits, without a worker.
    fn wait_for_lock<S: Sink>(&mut self, frame: FrameRef, sink: &mut S) -> Flow {
        let now = self.now();
        let index = self.frames[frame].process;
        let service = self.processes[index as usize].service as usize;
        self.services[service].statistics.locks.enter(now);
        self.rest(index);
        self.frames[frame].state = State::WaitingLock;
        self.switch(frame, Part::Lock, now);
        self.begin_stage(frame);
        self.take_up_queued(index, sink);
        Flow::Leave
    }

    /// A stage of a wait begins: `lock_timeout` and `deadlock_timeout` run.
    fn begin_stage(&mut self, frame: FrameRef) {
        let postgres = self.postgres(self.frames[frame].process);
        self.clear_timer(frame);
        match postgres.lock_timeout {
            Some(timeout) => self.set_timer(frame, timeout),
            None => {
                let f = &mut self.frames[frame];
                f.timer_serial = f.timer_serial.wrapping_add(1);
            }
        }
        let f = &self.frames[frame];
        let locks = self.processes[f.process as usize].locks.as_ref();
        if postgres.log_lock_waits || locks.is_some_and(|locks| locks.looks_for_deadlocks()) {
            let serial = f.timer_serial;
            self.calendar.post(self.now() + postgres.deadlock_timeout, Event::LockWait { frame, serial }.packed());
        }
    }

    /// A statement has waited for `deadlock_timeout`.
    pub(super) fn lock_waits<S: Sink>(&mut self, frame: FrameRef, serial: u32, at: Time, sink: &mut S) {
        let Some(f) = self.frames.get(frame) else { return };
        if f.state != State::WaitingLock || f.timer_serial != serial {
            return;
        }
        let (index, backend) = (f.process, f.backend);
        let p = &mut self.processes[index as usize];
        if p.is_stopped() {
            p.inbox.push_back((at, Event::LockWait { frame, serial }));
            return;
        }
        let Some(locks) = &mut p.locks else { return };
        if locks.looks_for_deadlocks() {
            let circle = locks.look_for_deadlock(backend, &mut self.turns);
            if let Some(circle) = circle {
                self.stop_waiting(frame, at, sink);
                self.fail_deadlocked(frame, &circle, sink);
                return;
            }
            if !self.turns.is_empty() {
                // Queues have been rearranged.
                self.touch_locks(index);
                self.take_turns(sink);
            }
        }
        let postgres = self.postgres(index);
        let locks = self.processes[index as usize].locks.as_ref();
        let Some(awaited) = locks.and_then(|locks| locks.waits_for(backend)).filter(|_| postgres.log_lock_waits) else {
            return;
        };
        let (waited, acquired) = (postgres.deadlock_timeout, false);
        let event = match awaited {
            Awaited::Row(_) => {
                let Some((transaction, row, next)) = locks.and_then(|locks| locks.awaited(backend)) else { return };
                LogEvent::LockWait { backend, transaction, row: row.number, next, waited, acquired }
            }
            Awaited::Table { table, mode } => LogEvent::TableWait { backend, table, mode, waited, acquired },
        };
        self.emit_log(index, event, sink);
    }

    /// A statement gives way in a deadlock: the server says who waits for whom.
    fn fail_deadlocked<S: Sink>(&mut self, frame: FrameRef, circle: &[Edge], sink: &mut S) {
        let f = &self.frames[frame];
        let index = f.process;
        let endpoint = EndpointId(self.tables.programs[f.program as usize].endpoint);
        let service = self.processes[index as usize].service as usize;
        self.services[service].statistics.deadlocks += 1;
        let error = ErrorType::Deadlock;
        self.emit_request_log(frame, LogEvent::RequestFailed { endpoint, status: 0, error, peer: None }, sink);
        for (n, &Edge { session, awaited, next, blocker, transaction }) in circle.iter().enumerate() {
            let first = n == 0;
            let event = LogEvent::DeadlockEdge { backend: session, awaited, next, blocker, transaction, first };
            self.emit_log(index, event, sink);
        }
        self.emit_log(index, LogEvent::DeadlockHint, sink);
        self.fail(frame, Outcome::lost(error), None, sink);
    }

    /// A statement has waited for a lock for the whole `lock_timeout`, which expired at `at`.
    pub(super) fn lock_timed_out<S: Sink>(&mut self, frame: FrameRef, at: Time, sink: &mut S) {
        let service = self.processes[self.frames[frame].process as usize].service as usize;
        self.services[service].statistics.lock_timeouts += 1;
        self.stop_waiting(frame, at, sink);
        self.fail_statement(frame, ErrorType::LockTimeout, sink);
    }

    /// A statement waits for its row no longer, and has a worker again, on its way out.
    pub(super) fn stop_waiting<S: Sink>(&mut self, frame: FrameRef, at: Time, sink: &mut S) {
        let now = self.now();
        let (index, backend) = (self.frames[frame].process, self.frames[frame].backend);
        self.clear_timer(frame);
        let since = self.frames[frame].since;
        self.wake(frame, at);
        self.engage(index);
        let p = &mut self.processes[index as usize];
        self.services[p.service as usize].statistics.locks.leave(now, since);
        if let Some(locks) = &mut p.locks {
            locks.leave(now, backend, &mut self.turns);
        }
        self.take_turns(sink);
    }

    /// A session's transaction ends: its rows go on to whoever is next.
    pub(super) fn end_transaction<S: Sink>(&mut self, database: u32, session: u32, sink: &mut S) {
        let now = self.now();
        let Some(locks) = &mut self.processes[database as usize].locks else { return };
        locks.end(now, session, &mut self.turns);
        self.touch_locks(database);
        self.take_turns(sink);
    }

    /// Carries out what the lock table said.
    fn take_turns<S: Sink>(&mut self, sink: &mut S) {
        let mut next = 0;
        while let Some(&turn) = self.turns.get(next) {
            next += 1;
            match turn {
                // A session from outside has no statement here.
                Turn::Granted { frame, .. } | Turn::Next { frame, .. } | Turn::Table { frame, .. }
                    if !self.frames.contains(frame) => {}
                Turn::Granted { frame, since, transaction } => {
                    self.note_lock(frame, since, (transaction, 0, true), sink);
                    self.lock_granted(frame);
                }
                Turn::Table { frame, since, table, mode } => {
                    self.note_table(frame, since, (table, mode), sink);
                    self.lock_granted(frame);
                }
                Turn::Next { frame, since, row } => {
                    self.note_lock(frame, since, (0, row, false), sink);
                    self.begin_stage(frame);
                }
            }
        }
        self.turns.clear();
    }

    /// A stage of a wait for a transaction or a row's tuple lock is over: the server says so if it was long.
    fn note_lock<S: Sink>(
        &mut self,
        frame: FrameRef,
        since: Time,
        (transaction, row, next): (u32, u32, bool),
        sink: &mut S,
    ) {
        let f = &self.frames[frame];
        let (index, backend) = (f.process, f.backend);
        let waited = self.now() - since;
        let postgres = self.postgres(index);
        if postgres.log_lock_waits && waited >= postgres.deadlock_timeout {
            self.emit_log(index, LogEvent::LockWait { backend, transaction, row, next, waited, acquired: true }, sink);
        }
    }

    /// The same of a table.
    fn note_table<S: Sink>(&mut self, frame: FrameRef, since: Time, (table, mode): (u32, LockMode), sink: &mut S) {
        let f = &self.frames[frame];
        let (index, backend) = (f.process, f.backend);
        let (waited, postgres) = (self.now() - since, self.postgres(index));
        if postgres.log_lock_waits && waited >= postgres.deadlock_timeout {
            self.emit_log(index, LogEvent::TableWait { backend, table, mode, waited, acquired: true }, sink);
        }
    }

    /// A statement has its lock: it needs a worker again.
    fn lock_granted(&mut self, frame: FrameRef) {
        let now = self.now();
        self.clear_timer(frame);
        let f = &mut self.frames[frame];
        let (index, waited) = (f.process as usize, now - f.since);
        let p = &mut self.processes[index];
        let statistics = &mut self.services[p.service as usize].statistics;
        statistics.lock_wait.record(waited);
        statistics.locks.leave(now, f.since);
        if p.busy < p.workers {
            p.busy += 1;
            statistics.queued.record_zero();
            f.state = State::Running;
            self.switch(frame, Part::Computing, now);
            self.ready.push(frame);
        } else {
            f.state = State::Queued;
            f.place = p.queue.push(now, frame, 0);
            statistics.queue.enter(now);
            self.switch(frame, Part::Queued, now);
        }
    }

    /// A statement has ended, in success or not: whether its transaction has, too.
    pub(super) fn statement_unlocks<S: Sink>(&mut self, frame: FrameRef, sink: &mut S) {
        let f = &self.frames[frame];
        let program = self.tables.programs[f.program as usize];
        let operation =
            &self.blueprint.services[program.service as usize].endpoints[program.endpoint as usize].operation;
        let ends = matches!(operation.statement(), Some("COMMIT" | "ROLLBACK"));
        let (index, backend) = (f.process, f.backend);
        let goes_on = f.outcome.is_success() && !ends && self.is_within_transaction(frame);
        if !goes_on {
            self.end_transaction(index, backend, sink);
        }
    }

    /// Whether a transaction goes on after a statement, as far as that is no COMMIT.
    pub(super) fn is_within_transaction(&self, frame: FrameRef) -> bool {
        let f = &self.frames[frame];
        let within = |caller: &crate::frame::Frame| {
            caller.held.iter().flatten().any(|held| held.pool == caller.query_pool && held.transaction)
        };
        !f.orphan && self.frames.get(f.caller).is_some_and(within)
    }

    /// The news that a connection was closed reaches a database with row locks.
    pub(super) fn hang_up<S: Sink>(&mut self, database: u32, incarnation: u32, backend: u32, sink: &mut S) {
        let now = self.now();
        let p = &mut self.processes[database as usize];
        if p.incarnation != incarnation {
            return;
        }
        if p.is_stopped() {
            p.inbox.push_back((now, Event::HangUp { process: database, incarnation, backend }));
            return;
        }
        self.disconnect(database, incarnation);
        self.end_transaction(database, backend, sink);
    }

    /// A session from outside begins a transaction and asks for a row or a table.
    pub(super) fn hold_lock(&mut self, patch: u32, database: u32, wanted: Awaited) {
        let now = self.now();
        let over = self.blueprint.patches[patch as usize].until.is_some_and(|until| until <= now);
        let p = &mut self.processes[database as usize];
        if over || p.life != Life::Running {
            // Its connection is refused.
            return;
        }
        if p.is_stopped() {
            p.inbox.push_back((now, Event::PatchAt { index: patch, process: database }));
            return;
        }
        let Some(locks) = &mut p.locks else { return };
        p.backends += 1;
        p.connections += 1;
        match wanted {
            Awaited::Row(row) => locks.request(now, p.backends, FrameRef::NONE, row),
            Awaited::Table { table, mode } => locks.request_table(now, p.backends, FrameRef::NONE, table, mode),
        };
        self.undo[patch as usize].push((database, p.incarnation, p.backends));
        self.touch_locks(database);
    }

    /// Sessions from outside commit and disconnect.
    pub(super) fn let_rows_go(&mut self, patch: u32) {
        let now = self.now();
        for (database, incarnation, backend) in std::mem::take(&mut self.undo[patch as usize]) {
            let event = Event::HangUp { process: database, incarnation, backend };
            self.calendar.post(now, event.packed());
        }
    }

    /// What a statement failed of is said by the server, then it answers with an error.
    pub(super) fn fail_statement<S: Sink>(&mut self, frame: FrameRef, error: ErrorType, sink: &mut S) {
        let f = &self.frames[frame];
        let endpoint = EndpointId(self.tables.programs[f.program as usize].endpoint);
        self.emit_request_log(frame, LogEvent::RequestFailed { endpoint, status: 0, error, peer: None }, sink);
        self.fail(frame, Outcome::lost(error), None, sink);
    }

    /// A database's own parameters.
    pub(super) fn postgres(&self, database: u32) -> Postgres {
        let service = self.processes[database as usize].service as usize;
        match self.blueprint.services[service].runtime {
            Runtime::Postgres(postgres) => postgres,
            _ => unreachable!("only databases run statements"),
        }
    }
}
