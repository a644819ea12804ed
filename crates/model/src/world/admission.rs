//! Admission: a request reaches its process, is queued, turned away or taken up by a worker, and leaves the queue again when its
//! turn comes, when it is dropped, or when its caller has left.

use super::{Event, World};
use crate::blame::Want;
use crate::blueprint::{Rejection, SynSchedule};
use crate::frame::{Frames, Outcome, State};
use crate::id::FrameRef;
use crate::process::Life;
use crate::queue::Turn;
use crate::record::{Activity, ErrorType, Part, Transition};
use crate::sink::Sink;
use knockon_kernel::Ticket;

/// Whether nobody waits for the answer of a frame any more.
fn is_left(frames: &Frames, frame: FrameRef) -> bool {
    let f = &frames[frame];
    if f.is_probe() {
        return !f.keeps_connection;
    }
    frames.get(f.caller).is_none_or(|caller| caller.child != frame)
}

impl World {
    /// A request reaches its process. The kernel accepts connections even while the process stands still.
    #[inline(always)]
    pub(super) fn deliver<S: Sink>(&mut self, frame: FrameRef, sink: &mut S) {
        let now = self.now();
        let f = &mut self.frames[frame];
        f.arrived = now;
        f.since = now;
        f.part = Part::Queued;
        let (index, program) = (f.process as usize, f.program);
        f.pc = self.tables.programs[program as usize].first;
        let process = &mut self.processes[index];
        if process.life != Life::Running || f.state == State::Doomed {
            self.deliver_in_vain(frame);
            return;
        }
        self.services[process.service as usize].statistics.arrived += 1;
        if process.guarded && self.is_held_back(frame, sink) {
            return;
        }
        self.admit(frame, false, sink);
    }

    /// Nobody takes a request up: its process does not run, or the connection that it comes over is gone, or was never opened.
    #[cold]
    fn deliver_in_vain(&mut self, frame: FrameRef) {
        let f = &self.frames[frame];
        let service = self.processes[f.process as usize].service as usize;
        let error = f.outcome.error.unwrap_or(if self.is_database(service) {
            ErrorType::ConnectionLost
        } else {
            ErrorType::ConnectionRefused
        });
        if error == ErrorType::Certificate {
            self.break_handshake(frame);
        } else {
            self.services[service].statistics.arrived += 1;
            self.refuse(frame, error);
        }
    }

    /// A request comes to the workers, or to the queue before them. Whoever was held back is `counted` already.
    #[inline(always)]
    pub(super) fn admit<S: Sink>(&mut self, frame: FrameRef, counted: bool, sink: &mut S) {
        let now = self.now();
        let index = self.frames[frame].process as usize;
        let process = &self.processes[index];
        let stopped = process.takes_nothing_up();
        if process.busy < process.workers && !stopped {
            let service = process.service as usize;
            if process.guarded && self.is_over_limit(frame) {
                self.uncount(frame, counted);
                self.turn_away_over_limit(frame, sink);
                return;
            }
            let statistics = &mut self.services[service].statistics;
            if !counted {
                statistics.requests.enter(now);
            }
            statistics.queued.record_zero();
            self.take_up(frame);
            self.hand_to_worker(frame, sink);
        } else if process.queue.len() < process.places {
            self.enqueue(frame, counted);
        } else {
            self.overflow(frame, counted, sink);
            return;
        }
        if self.processes[index].times_statements {
            self.time_statement(frame);
        }
    }

    /// A request gets a place in the accept queue.
    #[inline(always)]
    fn enqueue(&mut self, frame: FrameRef, counted: bool) {
        let now = self.now();
        let index = self.frames[frame].process as usize;
        let plain = self.processes[index].queue.is_plain();
        let class = if plain { 0 } else { self.class(frame) };
        let f = &mut self.frames[frame];
        let process = &mut self.processes[index];
        f.state = State::Queued;
        f.place = process.queue.push(now, frame, class);
        let service = process.service as usize;
        let statistics = &mut self.services[service].statistics;
        if !counted {
            statistics.requests.enter(now);
        }
        statistics.queue.enter(now);
        self.touch(frame);
    }

    /// A request that was held back, or queued, is turned away after all.
    fn uncount(&mut self, frame: FrameRef, counted: bool) {
        let now = self.now();
        let service = self.processes[self.frames[frame].process as usize].service as usize;
        if counted {
            self.services[service].statistics.requests.leave(now, self.frames[frame].arrived);
        }
    }

    /// A request leaves the queue, and the service, without having been taken up, for an error. A statement that got its row already
    /// and waited for a worker again takes its transaction with it.
    fn leave_queue<S: Sink>(&mut self, frame: FrameRef, error: ErrorType, sink: &mut S) {
        let now = self.now();
        let f = &self.frames[frame];
        let service = self.processes[f.process as usize].service as usize;
        let statistics = &mut self.services[service].statistics;
        let place = if f.state == State::Delayed { &mut statistics.held_back } else { &mut statistics.queue };
        place.leave(now, f.since);
        statistics.requests.leave(now, f.arrived);
        if self.is_database(service) {
            self.frames[frame].outcome = Outcome::lost(error);
            self.statement_over(frame, sink);
        }
    }

    /// How important a request is to its service: what the service says of the endpoint, else what the request brings along.
    fn class(&self, frame: FrameRef) -> u8 {
        let f = &self.frames[frame];
        let program = self.tables.programs[f.program as usize];
        let classes = &self.blueprint.services[program.service as usize].admission.classes;
        classes.get(program.endpoint as usize).copied().flatten().unwrap_or(f.class)
    }

    /// A request finds the queue full: another one makes room for it, or it is turned away itself.
    #[cold]
    fn overflow<S: Sink>(&mut self, frame: FrameRef, counted: bool, sink: &mut S) {
        let class = self.class(frame);
        let process = self.frames[frame].process;
        let p = &mut self.processes[process as usize];
        let service = p.service as usize;
        let displaced = if p.places == 0 { None } else { p.queue.displace(class) };
        let statistics = &mut self.services[service].statistics;
        statistics.overflowed += 1;
        self.emit_state(process, Transition::Refused, sink);
        match displaced {
            Some(displaced) => {
                self.leave_queue(displaced, ErrorType::Overloaded, sink);
                let how = self.blueprint.services[service].admission.queue.dropped;
                self.refused_for(displaced, |_, _| (Want::Place(process), Activity::Queued));
                self.turn_away(displaced, how, ErrorType::Overloaded, sink);
                self.enqueue(frame, counted);
            }
            None => {
                self.uncount(frame, counted);
                self.refused_for(frame, |_, _| (Want::Place(process), Activity::Queued));
                let how = self.blueprint.services[service].admission.overflow;
                if matches!(how, Rejection::Silent | Rejection::Retransmit(_)) && !self.frames[frame].is_consumed() {
                    self.processes[process as usize].meter.listen_drops += 1;
                }
                self.turn_away(frame, how, ErrorType::Overloaded, sink);
            }
        }
    }

    /// A request is not admitted, or no longer: its caller is told so, or not.
    pub(super) fn turn_away<S: Sink>(&mut self, frame: FrameRef, how: Rejection, error: ErrorType, sink: &mut S) {
        self.touch(frame);
        // A message comes over a connection that is there: whoever has no place for it gives it back.
        let how = if self.frames[frame].is_consumed() { Rejection::Refuse } else { how };
        match how {
            Rejection::Refuse => self.refuse(frame, ErrorType::ConnectionRefused),
            Rejection::Status(status) => {
                self.reject(frame, Outcome { error: Some(error), status, ..Outcome::OK }, sink)
            }
            Rejection::Silent => self.drop_silently(frame),
            Rejection::Retransmit(schedule) => self.drop_syn(frame, schedule),
        }
    }

    pub(super) fn refuse(&mut self, frame: FrameRef, error: ErrorType) {
        let f = &mut self.frames[frame];
        f.outcome = Outcome::lost(error);
        f.keeps_connection = false;
        let service = self.processes[f.process as usize].service;
        self.services[service as usize].statistics.refused += 1;
        self.send_answer(frame);
    }

    /// A request is answered without being worked on.
    pub(super) fn reject<S: Sink>(&mut self, frame: FrameRef, outcome: Outcome, sink: &mut S) {
        let now = self.now();
        self.switch(frame, Part::Computing, now);
        let f = &mut self.frames[frame];
        f.outcome = outcome;
        let (index, arrived) = (f.process as usize, f.arrived);
        let endpoint = self.tables.programs[f.program as usize].endpoint as usize;
        let process = &mut self.processes[index];
        let traced = process.traced;
        if S::OBSERVES {
            process.meter.answered(now, endpoint, outcome.status, (now - arrived).as_nanos());
        }
        self.services[process.service as usize].statistics.refused += 1;
        if traced {
            self.emit_server_span(frame, now, sink);
        }
        self.send_answer(frame);
    }

    /// A request vanishes: its frame stays until its caller leaves it.
    fn drop_silently(&mut self, frame: FrameRef) {
        let f = &mut self.frames[frame];
        f.keeps_connection = false;
        let service = self.processes[f.process as usize].service;
        self.services[service as usize].statistics.refused += 1;
        if self.is_awaited(frame) {
            self.frames[frame].state = State::Dropped;
        } else {
            self.frames.remove(frame);
        }
    }

    /// The kernel drops a SYN, which therefore never arrived; the client's kernel sends it again.
    fn drop_syn(&mut self, frame: FrameRef, schedule: SynSchedule) {
        let service = self.processes[self.frames[frame].process as usize].service;
        let statistics = &mut self.services[service as usize].statistics;
        statistics.arrived -= 1;
        statistics.syn_dropped += 1;
        if !self.is_awaited(frame) {
            self.frames.remove(frame);
            return;
        }
        let at = self.now();
        let f = &mut self.frames[frame];
        f.syns += 1;
        let sent = u32::from(f.syns);
        f.state = State::Dropped;
        // It has not arrived, so nothing before it does is part of its span: not even the time that a rate limiter held it back.
        f.parts = Default::default();
        f.timer = self.calendar.schedule(at + schedule.timeout(sent), Event::Retransmit { frame }.packed());
    }

    /// A SYN comes again, or its sender's kernel gives up (ETIMEDOUT).
    pub(super) fn retransmit<S: Sink>(&mut self, frame: FrameRef, sink: &mut S) {
        let Some(f) = self.frames.get_mut(frame) else { return };
        f.timer = Ticket::NONE;
        let service = self.processes[f.process as usize].service as usize;
        let Rejection::Retransmit(schedule) = self.blueprint.services[service].admission.overflow else {
            unreachable!("how a service overflows never changes")
        };
        if u32::from(f.syns) <= schedule.retransmissions() {
            self.deliver(frame, sink);
            return;
        }
        let now = self.now();
        let f = &mut self.frames[frame];
        f.outcome = Outcome::lost(ErrorType::Timeout);
        f.keeps_connection = false;
        (f.arrived, f.answered, f.state) = (now, now, State::Answered);
        self.calendar.post(now, Event::Reply { child: frame }.packed());
    }

    /// Whether the caller of a frame still waits for it.
    fn is_awaited(&self, frame: FrameRef) -> bool {
        let caller = self.frames[frame].caller;
        self.frames.get(caller).is_some_and(|caller| caller.child == frame)
    }

    /// The caller of a frame that was dropped without a word has left, or is gone: nothing of it remains.
    pub(super) fn forget_dropped(&mut self, frame: FrameRef) {
        if self.frames.get(frame).is_some_and(|f| f.state == State::Dropped) {
            self.clear_timer(frame);
            self.frames.remove(frame);
        }
    }

    /// A worker takes a frame up: it runs within this instant.
    #[inline(always)]
    pub(super) fn take_up(&mut self, frame: FrameRef) {
        let now = self.now();
        let f = &mut self.frames[frame];
        // It is touched when it next waits, or ends: within this event.
        f.switch(Part::Computing, now);
        f.state = State::Running;
        let process = &mut self.processes[f.process as usize];
        process.busy += 1;
        process.served = process.served.saturating_add(1);
        self.ready.push(frame);
    }

    /// Workers that are free take up what is queued, or drop it.
    #[inline]
    pub(super) fn take_up_queued<S: Sink>(&mut self, process: u32, sink: &mut S) {
        loop {
            let p = &mut self.processes[process as usize];
            if p.takes_nothing_up() || p.busy >= p.workers || !matches!(p.life, Life::Running | Life::Stopping) {
                return;
            }
            let now = self.calendar.now();
            let service = p.service as usize;
            let (frames, admission) = (&self.frames, &self.blueprint.services[service].admission);
            let expired = |frame: FrameRef| {
                let f = &frames[frame];
                let queue = &admission.queue;
                queue.maximum_age.is_some_and(|age| now - f.arrived >= age)
                    || (queue.drops_expired && f.deadline <= now)
                    || (queue.drops_abandoned && is_left(frames, frame))
            };
            match p.queue.take(now, expired) {
                None => return,
                Some((frame, Turn::Serve)) => {
                    let (service, since) = (p.service as usize, self.frames[frame].since);
                    let guarded = p.guarded;
                    let statistics = &mut self.services[service].statistics;
                    statistics.queue.leave(now, since);
                    statistics.queued.record(now - since);
                    if guarded && self.is_over_limit(frame) {
                        self.uncount(frame, true);
                        self.turn_away_over_limit(frame, sink);
                    } else {
                        self.take_up(frame);
                        self.hand_to_worker(frame, sink);
                    }
                }
                Some((frame, turn)) => self.shed(frame, turn, sink),
            }
        }
    }

    /// A queued request is dropped instead of being taken up.
    #[cold]
    fn shed<S: Sink>(&mut self, frame: FrameRef, turn: Turn, sink: &mut S) {
        let process = self.frames[frame].process;
        let service = self.processes[process as usize].service as usize;
        let statistics = &mut self.services[service].statistics;
        let error = match turn {
            Turn::Expired => {
                statistics.expired += 1;
                ErrorType::Cancelled
            }
            Turn::Late | Turn::Serve => {
                statistics.shed += 1;
                ErrorType::Overloaded
            }
        };
        self.leave_queue(frame, error, sink);
        self.refused_for(frame, |_, _| (Want::Worker(process), Activity::Queued));
        let how = self.blueprint.services[service].admission.queue.dropped;
        self.emit_state(process, Transition::Shed, sink);
        self.turn_away(frame, how, error, sink);
    }

    /// The server hears that the caller of a frame left.
    pub(super) fn cancel<S: Sink>(&mut self, frame: FrameRef, sink: &mut S) {
        let Some(f) = self.frames.get_mut(frame) else { return };
        let process = f.process;
        if self.processes[process as usize].is_stopped() {
            let now = self.now();
            self.processes[process as usize].inbox.push_back((now, Event::Cancel { frame }));
            return;
        }
        f.cancelled = true;
        if f.state == State::WaitingLoad {
            let now = self.now();
            self.leave_load(frame, now, sink);
            self.fail(frame, Outcome::lost(ErrorType::Cancelled), None, sink);
            return;
        }
        let (state, place) = (f.state, f.place);
        if state == State::Joining && self.leaves_task(frame, sink) {
            return self.fail(frame, Outcome::lost(ErrorType::Cancelled), None, sink);
        }
        match state {
            State::Queued => self.processes[process as usize].queue.remove(place, frame),
            State::Delayed => self.clear_timer(frame),
            State::Joining => return self.cancel_branches(frame),
            _ => return,
        }
        let service = self.processes[process as usize].service as usize;
        let statistics = &mut self.services[service].statistics;
        statistics.failed += 1;
        statistics.abandoned += u64::from(state == State::Queued);
        self.leave_queue(frame, ErrorType::Cancelled, sink);
        self.frames[frame].outcome = Outcome::lost(ErrorType::Cancelled);
        self.send_answer(frame);
    }
}
