//! Worker processes and their arbiter: who takes a request up, who is killed over one, and who is forked instead.
//!
//! A worker that is killed takes its request along: the caller's connection is reset, what the request held of pools is closed, its
//! statements and calls are nobody's any more, and no span of it is told, since its worker would have done so. A process that stands
//! still does so as a whole: its arbiter looks when it goes on, and workers that have nothing to do are alive then.

use super::{Event, World};
use crate::blueprint;
use crate::breaker::Verdict;
use crate::frame::{Outcome, State};
use crate::id::FrameRef;
use crate::prefork::{Gone, LOOK, Prefork};
use crate::process::{Life, Runs};
use crate::purpose;
use crate::record::{ErrorType, LogEvent, Transition};
use crate::sink::Sink;
use knockon_kernel::{Key, Ticket, Time};

impl World {
    /// A process begins to accept requests: its workers have booted, and its arbiter looks from now on.
    pub(super) fn furnish_workers(&mut self, process: u32) {
        let now = self.now();
        let p = &self.processes[process as usize];
        let described = &self.blueprint.services[p.service as usize];
        let Some(config) = described.prefork else { return };
        let life = p.component.with(u64::from(p.incarnation));
        let prefork =
            Prefork::new(now, &config, described.workers.unwrap_or(1), |age| last_request(&config, life, age));
        let p = &mut self.processes[process as usize];
        p.runs = Runs::InWorkers;
        p.prefork = Some(Box::new(prefork));
        self.set_workers(process);
        self.plan_look(process);
    }

    /// The arbiter looks a second from now, whenever it was to look before.
    fn plan_look(&mut self, process: u32) {
        let at = self.now() + LOOK;
        let p = &mut self.processes[process as usize];
        let event = Event::ArbiterLooks { process, incarnation: p.incarnation };
        let before = std::mem::replace(&mut p.arbiter, Ticket::NONE);
        if before != Ticket::NONE {
            self.calendar.cancel(before);
        }
        self.processes[process as usize].arbiter = self.calendar.schedule(at, event.packed());
    }

    /// A worker has taken a request up.
    #[inline(always)]
    pub(super) fn hand_to_worker<S: Sink>(&mut self, frame: FrameRef, sink: &mut S) {
        let process = self.frames[frame].process;
        if self.processes[process as usize].runs == Runs::InWorkers {
            self.accepted_by_worker(process, frame, sink);
        }
    }

    #[cold]
    fn accepted_by_worker<S: Sink>(&mut self, process: u32, frame: FrameRef, sink: &mut S) {
        let now = self.now();
        let Some(prefork) = &mut self.processes[process as usize].prefork else { return };
        let (worker, is_last) = prefork.take_up(now, frame);
        if is_last {
            self.emit_log(process, LogEvent::WorkerLastRequest { worker }, sink);
        }
    }

    /// A worker's request has been answered.
    #[inline(always)]
    pub(super) fn worker_answered<S: Sink>(&mut self, process: u32, frame: FrameRef, outcome: Outcome, sink: &mut S) {
        if self.processes[process as usize].runs == Runs::InWorkers {
            self.answered_by_worker(process, frame, outcome, sink);
        }
    }

    #[cold]
    fn answered_by_worker<S: Sink>(&mut self, process: u32, frame: FrameRef, outcome: Outcome, sink: &mut S) {
        let now = self.now();
        let p = &mut self.processes[process as usize];
        if S::OBSERVES {
            p.meter.served_by_worker(outcome.status);
        }
        let Some(gone) = p.prefork.as_mut().and_then(|prefork| prefork.answered(now, frame)) else { return };
        self.worker_exits(process, gone, sink);
        if self.processes[process as usize].life == Life::Running {
            self.replace_workers(process, sink);
        }
    }

    /// A worker exits of itself.
    fn worker_exits<S: Sink>(&mut self, process: u32, gone: Gone, sink: &mut S) {
        let service = self.processes[process as usize].service as usize;
        self.services[service].statistics.worker_exits += 1;
        self.emit_log(process, LogEvent::WorkerExiting { worker: gone.age }, sink);
        self.give_memory_back(process, gone.retained);
        self.set_workers(process);
    }

    /// The arbiter looks: it kills who gives no sign of life, and forks as many as are missing.
    pub(super) fn arbiter_looks<S: Sink>(&mut self, process: u32, incarnation: u32, at: Time, sink: &mut S) {
        let p = &mut self.processes[process as usize];
        if p.incarnation != incarnation {
            return;
        }
        if p.is_stopped() {
            p.inbox.push_back((at, Event::ArbiterLooks { process, incarnation }));
            return;
        }
        // While it stood still it may have been told to look again.
        self.calendar.cancel(std::mem::replace(&mut p.arbiter, Ticket::NONE));
        let running = p.life == Life::Running;
        if running {
            self.kill_silent_workers(process, sink);
        }
        // One that stops waits for its workers, and looks after nobody.
        if running && self.processes[process as usize].incarnation == incarnation {
            self.replace_workers(process, sink);
        }
    }

    fn kill_silent_workers<S: Sink>(&mut self, process: u32, sink: &mut S) {
        let now = self.now();
        while let Some(gone) = self.processes[process as usize].prefork.as_mut().and_then(|prefork| prefork.kill(now)) {
            let worker = gone.age;
            let p = &mut self.processes[process as usize];
            p.meter.workers_killed += 1;
            let service = p.service as usize;
            self.services[service].statistics.worker_timeouts += 1;
            self.emit_state(process, Transition::WorkerKilled, sink);
            self.emit_log(process, LogEvent::WorkerTimeout { worker }, sink);
            self.emit_log(process, LogEvent::WorkerExiting { worker }, sink);
            self.emit_log(process, LogEvent::WorkerFailed { worker }, sink);
            if let Some(frame) = gone.frame {
                self.lose_request(frame, sink);
            }
            self.give_memory_back(process, gone.retained);
            self.set_workers(process);
        }
    }

    /// The arbiter forks as many workers as are missing, and looks again in a second.
    fn replace_workers<S: Sink>(&mut self, process: u32, sink: &mut S) {
        let now = self.now();
        loop {
            let p = &mut self.processes[process as usize];
            let life = p.component.with(u64::from(p.incarnation));
            let incarnation = p.incarnation;
            let Some(config) = self.blueprint.services[p.service as usize].prefork else { return };
            let last = &mut |age| last_request(&config, life, age);
            let Some(worker) = p.prefork.as_mut().and_then(|prefork| prefork.fork(now, last)) else { break };
            let boots = self.draw(config.boot, || life.purpose(purpose::WORKER_BOOT).with(u64::from(worker)));
            self.calendar.post(now + boots, Event::WorkerBooted { process, incarnation, worker }.packed());
            self.emit_log(process, LogEvent::WorkerBooting { worker }, sink);
        }
        self.plan_look(process);
    }

    /// A worker takes requests up from now on.
    pub(super) fn worker_booted<S: Sink>(
        &mut self,
        process: u32,
        incarnation: u32,
        worker: u32,
        at: Time,
        sink: &mut S,
    ) {
        let now = self.now();
        let p = &mut self.processes[process as usize];
        if p.incarnation != incarnation {
            return;
        }
        if p.is_stopped() {
            p.inbox.push_back((at, Event::WorkerBooted { process, incarnation, worker }));
            return;
        }
        if p.prefork.as_mut().is_some_and(|prefork| prefork.booted(now, worker)) {
            self.set_workers(process);
            // Fewer may be wanted by now than when it was forked.
            self.dismiss_workers(process, sink);
            self.take_up_queued(process, sink);
        }
    }

    /// Workers that are one too many and have nothing to do exit.
    fn dismiss_workers<S: Sink>(&mut self, process: u32, sink: &mut S) {
        while let Some(gone) = self.processes[process as usize].prefork.as_mut().and_then(|prefork| prefork.dismiss()) {
            self.worker_exits(process, gone, sink);
        }
    }

    /// There shall be another number of workers.
    pub(super) fn resize_workers<S: Sink>(&mut self, process: u32, sink: &mut S) {
        let p = &mut self.processes[process as usize];
        let wanted = self.blueprint.services[p.service as usize].workers.unwrap_or(1);
        let Some(prefork) = &mut p.prefork else { return };
        prefork.set_wanted(wanted);
        self.dismiss_workers(process, sink);
        // One that stands still does it when it looks again.
        let p = &self.processes[process as usize];
        if p.life == Life::Running && !p.is_stopped() {
            self.replace_workers(process, sink);
        }
    }

    /// A worker's pages are the system's again.
    fn give_memory_back(&mut self, process: u32, retained: u64) {
        if let Some(heap) = &mut self.processes[process as usize].heap {
            heap.give_back(retained);
        }
    }

    /// A request is lost with its worker, and its branches with it.
    fn lose_request<S: Sink>(&mut self, frame: FrameRef, sink: &mut S) {
        let mut lost = vec![frame];
        let mut next = 0;
        while let Some(&parent) = lost.get(next) {
            lost.extend_from_slice(self.forks.open(parent));
            next += 1;
        }
        for &frame in &lost {
            if self.frames[frame].state == State::WaitingLoad {
                let now = self.now();
                self.leave_load(frame, now, sink);
            }
        }
        if S::PARTS {
            self.spend_to_the_end(&lost);
        }
        // Those that are waited for before those that wait.
        for &frame in lost.iter().rev() {
            self.break_off(frame, sink);
            if self.frames[frame].is_branch() {
                self.lose_branch(frame);
            }
        }
        self.forks.leave(frame);
        let f = &mut self.frames[frame];
        f.outcome = Outcome::lost(ErrorType::ConnectionReset);
        f.keeps_connection = false;
        let process = f.process;
        let service = self.processes[process as usize].service as usize;
        self.services[service].statistics.lost += 1;
        self.rest(process);
        self.send_answer(frame);
    }

    /// Ends whatever a frame does or waits for, and gives up what it holds.
    fn break_off<S: Sink>(&mut self, frame: FrameRef, sink: &mut S) {
        let now = self.now();
        self.touch(frame);
        let f = &self.frames[frame];
        let (process, pool, retries) = (f.process, f.query_pool, f.attempts > 1);
        match f.state {
            State::Computing => self.stop_computing(frame),
            State::WaitingPool => {
                self.processes[process as usize].pools[usize::from(pool)].give_up(now, frame);
                self.touch_pool(process, pool);
            }
            State::WaitingReply => {
                let child = f.child;
                self.attempt_over(child, Verdict::Cancelled, Outcome::lost(ErrorType::Cancelled), sink);
                self.abandon(frame);
                if retries {
                    self.retry_over(frame);
                }
            }
            State::BackingOff => self.retry_over(frame),
            State::WaitingPermit => self.leave_permit(frame),
            _ => {}
        }
        self.clear_timer(frame);
        let f = &mut self.frames[frame];
        // A timer without a ticket becomes stale too.
        f.timer_serial = f.timer_serial.wrapping_add(1);
        let pools = f.held.map(|held| held.map(|held| held.pool));
        f.held.iter_mut().flatten().for_each(|held| held.broken = true);
        for pool in pools.into_iter().flatten() {
            self.release(frame, pool, sink);
        }
        self.leave_stations(frame);
        self.release_share(frame);
        // Nothing of it goes on: where it was it has left.
        let f = &mut self.frames[frame];
        f.state = State::Stalled;
        f.unwinding = false;
        let part = f.part;
        f.switch(part, now);
    }
}

/// After how many requests a worker exits; 0 is never.
fn last_request(config: &blueprint::Prefork, life: Key, age: u32) -> u32 {
    if config.max_requests == 0 {
        return 0;
    }
    let jitter = life.purpose(purpose::MAX_REQUESTS).with(u64::from(age)).unit();
    let more = (jitter * (f64::from(config.max_requests_jitter) + 1.0)) as u32;
    config.max_requests.saturating_add(more.min(config.max_requests_jitter))
}
