//! Attempts between processes: sending, answering, timing out, and leaving one. What they are attempts of lies in `retries`.
//!
//! The way of a plain request, from its arrival to its answer, is `#[inline(always)]` here and in the files beside this one: a
//! dozen calls of small functions were a tenth of the instructions of a request.

use super::retries::UNLIMITED;
use super::tables::Edge;
use super::users::NOBODY;
use super::{Event, World};
use crate::blueprint::Answers;
use crate::breaker::Verdict;
use crate::frame::{CallerSide, Outcome, State};
use crate::id::FrameRef;
use crate::process::Kept;
use crate::purpose;
use crate::record::{ErrorType, Part};
use crate::sink::Sink;
use crate::statistics::SourceStatistics;
use knockon_kernel::{Duration, Key, Time};

impl World {
    /// Sends the attempt that the caller is at.
    #[inline(always)]
    pub(super) fn send<S: Sink>(&mut self, caller: FrameRef, edge: Edge, timeout: Option<Duration>, sink: &mut S) {
        let now = self.now();
        let frame = &self.frames[caller];
        let (attempt, edge_index) = (frame.attempts, frame.call_edge);
        let key = frame.attempt_key(edge.site);
        let (root, from) = (frame.root, frame.process);
        let (cache_key, keyspace, call) = (frame.cache_key, frame.keyspace, frame.calls);
        let (row, class, hidden) = (frame.row, frame.class, frame.caller_side);
        let client = frame.program == u32::MAX;
        let sender = &self.processes[from as usize];
        let (traced, source) = (sender.traced, sender.source);
        if client {
            self.sources[source as usize].statistics.attempts += 1;
        }
        let guarded = edge.is_guarded();
        let to = if guarded { self.pick(caller, edge, key) } else { self.replica(edge.service, key) };
        let callee = &self.services[edge.service as usize];
        let (out, maxclients) = (callee.out, callee.maxclients);
        let nobody = out > 0 && !self.is_in_rotation(to);
        let passes_deadline = edge.policy.0 != UNLIMITED && self.blueprint[edge.policy].propagates_deadline;
        let child = self.frames.occupy();
        let sent = &mut self.frames[child];
        sent.send(key, root, to, edge.program, edge_index, caller, now);
        sent.link = edge.link.0;
        sent.call = call;
        sent.attempt = attempt;
        (sent.cache_key, sent.keyspace, sent.row) = (cache_key, keyspace, row);
        sent.class = class;
        if passes_deadline && let Some(timeout) = timeout {
            sent.deadline = now.saturating_add(timeout);
        }
        sent.caller_side = CallerSide::new(traced, guarded).below(hidden);
        sent.keeps_connection = true;
        if nobody {
            // There is no address to send to.
            sent.state = State::Doomed;
            sent.outcome = Outcome::lost(ErrorType::ConnectionRefused);
        }
        if let Some(limit) = maxclients {
            self.count_client(child, from, (to, edge.link.0), limit);
        }
        let way = self.request_latency(from, to, edge.link.0, key);
        let frame = &mut self.frames[caller];
        frame.child = child;
        frame.state = State::WaitingReply;
        frame.switch(Part::Child, now);
        self.touch(caller);
        if let Some(timeout) = timeout {
            self.set_policy_timer(caller, edge.policy.0, timeout);
        }
        match way {
            // Over a link without latency a request is there at once, before anything else of this instant.
            Ok(Duration::ZERO) => self.deliver(child, sink),
            Ok(latency) => self.calendar.post(now + latency, Event::Deliver { frame: child }.packed()),
            Err(latency) => self.begin_vain_handshake(child, latency),
        }
    }

    /// The aggregates of the source whose request a frame is, if it is one.
    pub(super) fn statistics_of_client(&mut self, frame: FrameRef) -> Option<&mut SourceStatistics> {
        let source = self.processes[self.frames[frame].process as usize].source;
        self.sources.get_mut(source as usize).map(|source| &mut source.statistics)
    }

    #[inline]
    fn replica(&self, service: u32, key: Key) -> u32 {
        let state = &self.services[service as usize];
        if state.replicas == 1 {
            return state.first_process;
        }
        if state.out > 0 && !state.rotation.is_empty() {
            let unit = key.purpose(purpose::REPLICA).unit();
            return state.rotation[(unit * state.rotation.len() as f64) as usize];
        }
        let unit = key.purpose(purpose::REPLICA).unit();
        state.first_process + (unit * f64::from(state.replicas)) as u32
    }

    /// From sending to arrival. An error is how long it takes until the callee sends a certificate that has expired.
    #[inline(always)]
    pub(super) fn request_latency(&mut self, from: u32, to: u32, link: u32, key: Key) -> Result<Duration, Duration> {
        let described = &self.blueprint.links[link as usize];
        let latency = self.draw(described.latency, || key.purpose(purpose::REQUEST_LATENCY));
        if described.keep_alive.is_none() && !described.tls {
            return Ok(latency);
        }
        Ok(self.connection(from, to, link, key)? + latency)
    }

    /// Takes a connection for a request: how long it takes to have one. It takes round trips where no kept-alive one is idle.
    #[inline]
    fn connection(&mut self, from: u32, to: u32, link: u32, key: Key) -> Result<Duration, Duration> {
        if self.blueprint.links[link as usize].keep_alive.is_none() {
            return self.reopen_multiplexed(from, to, link, key);
        }
        let process = &mut self.processes[from as usize];
        if let Some(kept) = process.keep_alive.iter_mut().find(|kept| (kept.link, kept.to) == (link, to))
            && kept.idle > 0
        {
            kept.idle -= 1;
            return Ok(Duration::ZERO);
        }
        self.handshake(to, link, key)
    }

    /// Gives a connection that carried a whole exchange back to the idle ones of its link. Returns whether it is one of them now.
    #[inline(always)]
    fn keep_connection(&mut self, process: u32, to: u32, link: u32) -> bool {
        let Some(limit) = self.blueprint.links[link as usize].keep_alive else { return false };
        let kept = &mut self.processes[process as usize].keep_alive;
        // The limit is for all replicas together.
        let idle: u32 = kept.iter().filter(|kept| kept.link == link).map(|kept| kept.idle).sum();
        if idle >= limit {
            return false;
        }
        match kept.iter_mut().find(|kept| (kept.link, kept.to) == (link, to)) {
            Some(kept) => kept.idle += 1,
            None => kept.push(Kept { link, to, idle: 1 }),
        }
        true
    }

    /// Puts the answer of a frame (its outcome is set) on the wire; over a link without latency it is there at once.
    #[inline]
    pub(super) fn answer<S: Sink>(&mut self, frame: FrameRef, sink: &mut S) {
        let latency = self.answer_latency(frame);
        let now = self.now();
        if latency.is_zero() {
            self.reply(frame, now, sink);
        } else {
            self.calendar.post(now + latency, Event::Reply { child: frame }.packed());
        }
    }

    /// Puts the answer of a frame on the wire, to be taken in an event of its own.
    pub(super) fn send_answer(&mut self, frame: FrameRef) {
        self.touch(frame);
        let latency = self.answer_latency(frame);
        self.calendar.post(self.now() + latency, Event::Reply { child: frame }.packed());
    }

    #[inline(always)]
    fn answer_latency(&mut self, frame: FrameRef) -> Duration {
        let now = self.now();
        let f = &mut self.frames[frame];
        f.answered = now;
        f.state = State::Answered;
        let key = f.key;
        // The platform, on the same node, came over none.
        let Some(link) = self.blueprint.links.get(f.link as usize) else { return Duration::ZERO };
        self.draw(link.latency, || key.purpose(purpose::ANSWER_LATENCY))
    }

    /// An answer reaches the process of the caller, at `at`; it is taken when the process runs.
    pub(super) fn reply<S: Sink>(&mut self, child: FrameRef, at: Time, sink: &mut S) {
        let answer = &self.frames[child];
        let (caller, call) = (answer.caller, answer.call);
        let Some(frame) = self.frames.get(caller) else {
            if answer.is_consumed() {
                return self.settled(child, at, sink);
            }
            if answer.is_probe() {
                self.answer_to_platform(child);
            }
            self.close_client(child);
            self.frames.remove(child);
            return;
        };
        let process = frame.process;
        if self.processes[process as usize].is_stopped() {
            self.processes[process as usize].inbox.push_back((at, Event::Reply { child }));
            self.touch_inbox(Event::Reply { child });
            return;
        }
        let current = frame.child == child;
        let waits = frame.state == State::WaitingReply;
        let counts = waits && current || frame.calls == call && self.counts_late(caller, child);
        if !counts {
            self.frames.remove(child);
            return;
        }
        let at = if current {
            self.emit_client_span(caller, child, at, None, sink);
            at
        } else {
            // Out of an inbox it may have come before the current attempt was sent.
            let at = at.max(self.frames[caller].since);
            // The late attempt's span ended when it was given up: it is the current one's, if there is one, that ends here.
            if waits {
                let outcome = self.frames[child].outcome;
                self.leave_attempt(caller, at, Verdict::Cancelled, outcome, sink);
            }
            at
        };
        self.take_answer(caller, child, at, sink);
    }

    /// Whether the answer of an attempt that its caller had given up still counts.
    fn counts_late(&self, caller: FrameRef, child: FrameRef) -> bool {
        let policy = self.tables.edges[self.frames[child].edge as usize].policy.0;
        if policy == UNLIMITED || !self.frames[child].outcome.is_success() {
            return false;
        }
        matches!(
            (self.frames[caller].state, self.blueprint.policies[policy as usize].answers),
            (State::WaitingReply, Answers::Outstanding | Answers::Any) | (State::BackingOff, Answers::Any)
        )
    }

    #[inline(always)]
    fn take_answer<S: Sink>(&mut self, caller: FrameRef, child: FrameRef, at: Time, sink: &mut S) {
        let now = self.now();
        self.clear_timer(caller);
        let answer = &self.frames[child];
        let (outcome, found, keeps) = (answer.outcome, answer.found, answer.keeps_connection);
        let guarded = answer.caller_side.is_guarded();
        let (link, to, client) = (answer.link, answer.process, answer.client);
        let keeps = keeps && self.is_still_open(client, to);
        if S::OBSERVES && outcome.is_success() {
            self.meter_query(caller, child);
        }
        if guarded {
            let verdict = if outcome.is_success() { Verdict::Success } else { Verdict::Failure };
            self.attempt_over(child, verdict, outcome, sink);
        }
        if S::PARTS && self.frames[caller].child == child {
            self.spend(caller, at);
        }
        self.frames.remove(child);
        let frame = &mut self.frames[caller];
        let retried = frame.attempts > 1 || frame.state == State::BackingOff;
        frame.child = FrameRef::NONE;
        frame.switch(self.stood, at);
        frame.switch(Part::Computing, now);
        frame.found = found;
        frame.state = State::Running;
        let process = frame.process;
        self.touch(caller);
        let kept = keeps && self.keep_connection(process, to, link);
        if client > 0 && !kept {
            self.client_gone(to, client);
        }
        if outcome.is_success() {
            if retried {
                self.retry_over(caller);
            }
            self.call_succeeded(caller, outcome, sink);
        } else {
            self.attempt_failed(caller, outcome, sink);
        }
    }

    #[inline]
    fn call_succeeded<S: Sink>(&mut self, caller: FrameRef, outcome: Outcome, sink: &mut S) {
        let frame = &mut self.frames[caller];
        if frame.program == u32::MAX {
            frame.outcome = outcome;
            if frame.user == NOBODY {
                // Nothing follows from an open source's request any more: it needs no turn of its own to end.
                return self.finish_request(caller, sink);
            }
        }
        self.ready.push(caller);
    }

    /// The attempt's timer has expired at `at`.
    pub(super) fn attempt_timed_out<S: Sink>(&mut self, caller: FrameRef, at: Time, sink: &mut S) {
        let now = self.now();
        let outcome = Outcome::lost(ErrorType::Timeout);
        if let Some(statistics) = self.statistics_of_client(caller) {
            statistics.timeouts += 1;
        }
        self.leave_attempt(caller, at, Verdict::Failure, outcome, sink);
        let frame = &mut self.frames[caller];
        frame.switch(self.stood, at);
        frame.state = State::Running;
        self.switch(caller, Part::Computing, now);
        self.attempt_failed(caller, outcome, sink);
    }

    /// The caller leaves its outstanding attempt at `at`: its side of it ends, and its account of the link is settled.
    pub(super) fn leave_attempt<S: Sink>(
        &mut self,
        caller: FrameRef,
        at: Time,
        verdict: Verdict,
        outcome: Outcome,
        sink: &mut S,
    ) {
        if S::PARTS {
            self.spend(caller, at);
        }
        let child = self.frames[caller].child;
        self.emit_client_span(caller, child, at, Some(outcome), sink);
        self.attempt_over(child, verdict, outcome, sink);
        self.abandon(caller);
    }

    /// The callee of an attempt that its caller has left is left alone. It learns of it only where it looks.
    pub(super) fn abandon(&mut self, caller: FrameRef) {
        let now = self.now();
        let child = std::mem::replace(&mut self.frames[caller].child, FrameRef::NONE);
        self.close_client(child);
        let Some(left) = self.frames.get_mut(child) else { return };
        left.keeps_connection = false;
        let (link, key, process) = (left.link, left.key, left.process);
        let service = self.processes[process as usize].service as usize;
        if self.is_database(service) {
            let statement = &mut self.frames[child];
            let runs = !statement.answered_yet();
            statement.orphan = runs;
            let frame = &mut self.frames[caller];
            let pool = frame.query_pool;
            let client = frame.process as usize;
            if let Some(held) = frame.held_from(pool) {
                held.broken = true;
                if runs {
                    self.processes[client].pools[usize::from(pool)].abandoned(held.connection);
                }
            }
        }
        if self.blueprint.services[service].cancels_abandoned {
            let latency = self.blueprint.links[link as usize].latency;
            let latency = self.draw(latency, || key.purpose(purpose::CANCEL_LATENCY));
            self.calendar.post(now + latency, Event::Cancel { frame: child }.packed());
        }
        self.forget_dropped(child);
    }

    /// The client of a running statement has died: the back end notices at its end.
    pub(super) fn abandon_statement(&mut self, caller: FrameRef) {
        let Some(statement) = self.frames.get(self.frames[caller].child) else { return };
        let service = self.processes[statement.process as usize].service as usize;
        if self.frames[caller].state == State::WaitingReply && self.is_database(service) {
            self.abandon(caller);
        }
    }
}
