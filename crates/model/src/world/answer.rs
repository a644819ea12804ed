//! How frames end: success, failure, giving back what they hold, the answer, and the next one from the queue.

use super::World;
use super::users::NOBODY;
use crate::blueprint::Runtime;
use crate::frame::Outcome;
use crate::id::{EndpointId, FrameRef, ServiceId};
use crate::process::Life;
use crate::record::{ErrorType, LogEvent, Part, Transition};
use crate::sink::Sink;
use crate::world::tables::Op;

/// Status of a request that ended in an error of its own process: frameworks answer unhandled exceptions so.
const INTERNAL_SERVER_ERROR: u16 = 500;

impl World {
    /// A call has failed for good: the step passes it over where it may, else the frame fails.
    pub(super) fn call_failed<S: Sink>(&mut self, caller: FrameRef, outcome: Outcome, service: u32, sink: &mut S) {
        let f = &mut self.frames[caller];
        if f.program == u32::MAX {
            f.outcome = outcome;
            self.ready.push(caller);
            return;
        }
        if f.unwinding {
            // A rollback that failed: the connection is gone, and so is the transaction.
            if let Some(held) = f.held_from(f.query_pool) {
                held.broken = true;
            }
            self.ready.push(caller);
            return;
        }
        if matches!(outcome.error, Some(ErrorType::ConnectionLost | ErrorType::Terminated))
            && let Some(held) = f.held_from(f.query_pool)
        {
            held.broken = true;
        }
        let at = f.pc as usize;
        let passes_over = match (self.tables.ops[at], at.checked_sub(1).map(|before| self.tables.ops[before])) {
            (Op::CacheGet { .. }, _) if f.looked_up => true,
            (_, Some(Op::Call { optional, .. } | Op::Publish { optional, .. })) => optional,
            (_, Some(Op::CacheSet { .. })) => true,
            _ => false,
        };
        if passes_over {
            f.found = crate::store::Lookup::Miss;
            self.ready.push(caller);
            return;
        }
        let error = outcome.error.unwrap_or(ErrorType::Upstream);
        let error = if outcome.status >= 500 { ErrorType::Upstream } else { error };
        let failed = Outcome::lost(error);
        self.fail(caller, failed, Some(ServiceId(service)), sink);
    }

    /// A frame fails: it says so in its log, gives back what it holds, and answers.
    pub(super) fn fail<S: Sink>(&mut self, frame: FrameRef, outcome: Outcome, peer: Option<ServiceId>, sink: &mut S) {
        self.note_failure(frame, outcome);
        let f = &mut self.frames[frame];
        let program = f.program as usize;
        let process = &self.processes[f.process as usize];
        let status = f.outcome.status;
        if f.is_load() {
            // Whoever waits for it says so; and if nobody does, its end.
            if let Some(load) = self.loads.find(frame) {
                load.peer = peer;
            }
            return self.unwind(frame, sink);
        }
        if f.is_branch() {
            // Its parent says so.
            f.outcome = outcome;
            self.forks.blame(frame, peer);
            return self.unwind(frame, sink);
        }
        // Of a task that has failed its worker tells in its own words.
        if process.traced
            && !f.is_consumed()
            && let Some(error) = outcome.error
        {
            let endpoint = EndpointId(self.tables.programs[program].endpoint);
            self.emit_request_log(frame, LogEvent::RequestFailed { endpoint, status, error, peer }, sink);
        }
        self.unwind(frame, sink);
    }

    /// A frame fails of what its log tells already.
    pub(super) fn fail_told<S: Sink>(&mut self, frame: FrameRef, outcome: Outcome, sink: &mut S) {
        self.note_failure(frame, outcome);
        self.unwind(frame, sink);
    }

    fn note_failure(&mut self, frame: FrameRef, outcome: Outcome) {
        let f = &mut self.frames[frame];
        let process = &self.processes[f.process as usize];
        let status = if outcome.status == 0 && process.traced { INTERNAL_SERVER_ERROR } else { outcome.status };
        f.outcome = Outcome { status, ..outcome };
        f.unwinding = true;
    }

    /// Gives back what a failed frame holds, then answers. A transaction is rolled back first, over the wire.
    pub(super) fn unwind<S: Sink>(&mut self, frame: FrameRef, sink: &mut S) {
        let f = &mut self.frames[frame];
        let process = &self.processes[f.process as usize];
        let service = process.service as usize;
        for held in f.held.iter_mut().flatten() {
            // What is written to a connection that the database has closed goes nowhere.
            held.broken |= process.pools[usize::from(held.pool)].severed(held.connection).is_some();
        }
        let open = f.held.iter_mut().flatten().find(|held| held.transaction && !held.broken);
        if let Some(held) = open {
            held.transaction = false;
            let (pool, connection) = (held.pool, held.connection);
            if let Some(edge) = self.tables.rollbacks[service][pool as usize] {
                f.query_pool = pool;
                self.send_statement(frame, edge, pool, connection, sink);
                return;
            }
        }
        if self.frames[frame].is_load() {
            self.finish_load(frame, sink);
        } else {
            self.finish(frame, sink);
        }
    }

    /// A frame has ended: what it holds goes back, its worker takes the next, its answer goes out.
    pub(super) fn finish<S: Sink>(&mut self, frame: FrameRef, sink: &mut S) {
        let now = self.now();
        if self.frames[frame].held.iter().any(Option::is_some) {
            self.release_all(frame, sink);
        }
        let f = &mut self.frames[frame];
        f.switch(Part::Computing, now);
        let (client, branch) = (f.program == u32::MAX, f.is_branch());
        self.touch(frame);
        if client {
            self.finish_request(frame, sink);
            return;
        }
        if branch {
            self.finish_branch(frame, sink);
            return;
        }
        let f = &self.frames[frame];
        let (index, outcome, arrived) = (f.process, f.outcome, f.arrived);
        self.digest.absorb((now - arrived).as_nanos(), u64::from(outcome.status));
        self.release_share(frame);
        let process = &self.processes[index as usize];
        let (service, traced) = (process.service as usize, process.traced);
        let statistics = &mut self.services[service].statistics;
        statistics.requests.leave(now, arrived);
        statistics.latency.record(now - arrived);
        if outcome.is_success() {
            statistics.answered += 1;
        } else {
            statistics.failed += 1;
        }
        if S::OBSERVES {
            let endpoint = self.tables.programs[self.frames[frame].program as usize].endpoint as usize;
            let waited_ns = self.frames[frame].parts[Part::Queued as usize];
            let meter = &mut self.processes[index as usize].meter;
            let ns = (now - arrived).as_nanos();
            meter.answered(now, endpoint, outcome.status, ns);
            if let Some(commands) = &mut meter.commands {
                commands.executed(endpoint, ns - waited_ns);
            }
        }
        if traced {
            self.emit_server_span(frame, now, sink);
        } else if matches!(self.blueprint.services[service].runtime, Runtime::Postgres(_)) {
            self.statement_done(frame, sink);
        }
        if self.processes[index as usize].guarded {
            self.sample_concurrency(frame);
        }
        self.answer(frame, sink);
        self.rest(index);
        self.worker_answered(index, frame, outcome, sink);
        self.free_worker(index, sink);
    }

    /// Gives back the connections that a frame holds.
    fn release_all<S: Sink>(&mut self, frame: FrameRef, sink: &mut S) {
        let pools = self.frames[frame].held.map(|held| held.map(|held| held.pool));
        for pool in pools.into_iter().flatten() {
            self.release(frame, pool, sink);
        }
    }

    #[inline]
    fn free_worker<S: Sink>(&mut self, process: u32, sink: &mut S) {
        let p = &self.processes[process as usize];
        if p.turn.is_some() {
            self.command_done(process);
        }
        if !self.processes[process as usize].queue.is_empty() {
            self.take_up_queued(process, sink);
        }
        let p = &self.processes[process as usize];
        if !p.vacations_when_idle && p.life != Life::Stopping {
            return;
        }
        if p.vacations_when_idle {
            self.idle(process);
        }
        let p = &self.processes[process as usize];
        if p.life == Life::Stopping
            && p.busy == 0
            && p.queue.is_empty()
            && p.locks.as_ref().is_none_or(|locks| locks.waiting() == 0)
        {
            self.stopped(process, sink);
        }
    }

    /// A source's request has ended, from the client's point of view.
    #[inline(always)]
    pub(super) fn finish_request<S: Sink>(&mut self, root: FrameRef, sink: &mut S) {
        let now = self.now();
        if S::REQUESTS {
            self.emit_request(root, now, sink);
        }
        let f = &self.frames[root];
        let source = self.processes[f.process as usize].source as usize;
        let statistics = &mut self.sources[source].statistics;
        statistics.requests.leave(now, f.sent);
        if f.outcome.is_success() {
            statistics.answered += 1;
            statistics.latency.record(now - f.sent);
        } else {
            statistics.failed += 1;
        }
        let user = f.user;
        self.frames.remove(root);
        if user != NOBODY {
            self.user_goes_on(source as u32, user);
        }
    }

    /// What PostgreSQL does when a statement ends: log it when it was slow and is complete (of one that is cancelled or fails it says only that), end
    /// the connection when its client is gone.
    fn statement_done<S: Sink>(&mut self, frame: FrameRef, sink: &mut S) {
        let now = self.now();
        let f = &self.frames[frame];
        let (index, orphan, endpoint) = (f.process, f.orphan, self.tables.programs[f.program as usize].endpoint);
        let took = now - f.arrived;
        let (backend, complete, link) = (f.backend, f.outcome.is_success(), f.link);
        let service = self.processes[index as usize].service as usize;
        let Runtime::Postgres(postgres) = self.blueprint.services[service].runtime else { return };
        if complete && postgres.slow_query.is_some_and(|threshold| took >= threshold) {
            let endpoint = EndpointId(endpoint);
            let client = self.blueprint.links[link as usize].from;
            self.emit_request_log(frame, LogEvent::SlowQuery { endpoint, duration: took, client }, sink);
        }
        self.statement_over(frame, sink);
        if orphan {
            self.emit_log(index, LogEvent::ClientLost { backend }, sink);
            let p = &mut self.processes[index as usize];
            p.connections = p.connections.saturating_sub(1);
        }
    }

    /// Whether a service is a database, reached over pooled connections only.
    #[inline]
    pub(super) fn is_database(&self, service: usize) -> bool {
        matches!(self.blueprint.services[service].runtime, Runtime::Postgres(_))
    }

    /// A server error was answered: a state that a reader would name.
    pub(super) fn note_server_error<S: Sink>(&self, frame: FrameRef, sink: &mut S) {
        let f = &self.frames[frame];
        if f.outcome.status >= 500 {
            let transition = Transition::ServerError {
                status: f.outcome.status,
                trace: self.trace(frame),
                span: Self::server_span(f.key),
            };
            self.emit_state(f.process, transition, sink);
        }
    }
}
