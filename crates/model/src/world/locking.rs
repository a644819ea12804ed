//! Row locks: statements ask for rows, wait without a worker, and pass rows on when their transactions end.
//!
//! A session is named by its back end. Its transaction ends with COMMIT or ROLLBACK, with a statement of its own where there
//! is no transaction around it, at once when a statement fails (as `AbortTransaction` does, before any ROLLBACK arrives), and
//! with its connection: at the news of its closing, or at the end of the statement that still runs on it.

use super::execute::Flow;
use super::{Event, World};
use crate::blueprint::{Postgres, Runtime, Step};
use crate::frame::{Outcome, State};
use crate::id::{FrameRef, SamplerId};
use crate::lock::{DEADLOCK_TIMEOUT, Locks, Request, RowId, Turn};
use crate::process::Life;
use crate::purpose;
use crate::record::{ErrorType, LogEvent, Part};
use crate::sink::Sink;
use knockon_kernel::Time;

impl World {
    /// The lock table of a starting database, if any of its statements locks rows.
    pub(super) fn lock_table(&self, service: usize) -> Option<Box<Locks>> {
        let steps = self.blueprint.services[service].endpoints.iter().flat_map(|endpoint| &endpoint.program);
        let mut locking = steps.filter(|step| matches!(step, Step::Lock { .. }));
        locking.next().map(|_| Box::default())
    }

    /// A statement wants a row.
    pub(super) fn lock<S: Sink>(
        &mut self,
        frame: FrameRef,
        (table, rows, popularity): (u32, u32, SamplerId),
        sink: &mut S,
    ) -> Flow {
        let now = self.now();
        let f = &self.frames[frame];
        let (index, session) = (f.process, f.backend);
        let number = if rows == 1 {
            0
        } else {
            let key = f.root.with(u64::from(table)).purpose(purpose::ROW);
            self.samplers[popularity.index()].rank(key).min(rows - 1)
        };
        let process = &mut self.processes[index as usize];
        let locks = process.locks.as_mut().expect("a database whose statements lock rows has a lock table");
        match locks.request(now, session, frame, RowId { table, number }) {
            Request::Granted => Flow::On,
            Request::Next | Request::Queued => {
                self.services[process.service as usize].statistics.locks.enter(now);
                self.rest(index);
                self.frames[frame].state = State::WaitingLock;
                self.switch(frame, Part::Lock, now);
                self.begin_stage(frame);
                self.take_up_queued(index, sink);
                Flow::Leave
            }
        }
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
        if postgres.log_lock_waits {
            let serial = self.frames[frame].timer_serial;
            self.calendar.post(self.now() + DEADLOCK_TIMEOUT, Event::LockWait { frame, serial }.packed());
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
        let awaited = p.locks.as_ref().and_then(|locks| locks.awaited(backend));
        let Some((transaction, row, next)) = awaited else { return };
        let (row, waited) = (row.number, DEADLOCK_TIMEOUT);
        self.emit_log(index, LogEvent::LockWait { backend, transaction, row, next, waited, acquired: false }, sink);
    }

    /// A statement has waited for a row for the whole `lock_timeout`, which expired at `at`.
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
                Turn::Granted { frame, .. } | Turn::Next { frame, .. } if !self.frames.contains(frame) => {}
                Turn::Granted { frame, since, transaction } => {
                    self.note_lock(frame, since, (transaction, 0, true), sink);
                    self.row_granted(frame);
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
        if waited >= DEADLOCK_TIMEOUT && self.postgres(index).log_lock_waits {
            self.emit_log(index, LogEvent::LockWait { backend, transaction, row, next, waited, acquired: true }, sink);
        }
    }

    /// A statement has its row: it needs a worker again.
    fn row_granted(&mut self, frame: FrameRef) {
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
        let within = |caller: &crate::frame::Frame| {
            caller.held.iter().flatten().any(|held| held.pool == caller.query_pool && held.transaction)
        };
        let goes_on = !f.orphan && f.outcome.is_success() && !ends && self.frames.get(f.caller).is_some_and(within);
        if !goes_on {
            self.end_transaction(index, backend, sink);
        }
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

    /// A session from outside begins a transaction and asks for a row.
    pub(super) fn hold_row(&mut self, patch: u32, database: u32, row: RowId) {
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
        locks.request(now, p.backends, FrameRef::NONE, row);
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
        let endpoint = crate::id::EndpointId(self.tables.programs[f.program as usize].endpoint);
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
