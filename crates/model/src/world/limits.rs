//! Limits before the workers: requests over a rate wait or are turned away; the requests in work at once have a limit that
//! follows what their times show.
//!
//! A rate limiter stands before the accept queue, as a proxy beside the process does. A concurrency limit either lowers the
//! number of workers that take requests up, or lets a worker turn away at once what is over it, as a filter in the
//! application does.

use super::World;
use crate::blame::Want;
use crate::concurrency::Sample;
use crate::frame::{Outcome, State};
use crate::guard::Guard;
use crate::id::{EndpointId, FrameRef};
use crate::limiter::Verdict;
use crate::process::Life;
use crate::record::{Activity, ErrorType, LogEvent, Part, Transition};
use crate::sink::Sink;
use knockon_kernel::Duration;

impl World {
    /// Gives a process that starts its limits afresh.
    pub(super) fn set_guard(&mut self, process: u32) {
        let now = self.now();
        let p = &mut self.processes[process as usize];
        let described = &self.blueprint.services[p.service as usize];
        p.guard = Guard::new(now, &described.admission, p.component.with(u64::from(p.incarnation)));
        p.guarded = p.guard.is_some();
        self.touch_limiters(process);
        self.set_workers(process);
    }

    /// How many workers take requests up: all, or as many as the concurrency limit lets.
    pub(super) fn set_workers(&mut self, process: u32) {
        let p = &mut self.processes[process as usize];
        let all = match &p.prefork {
            Some(prefork) => prefork.up(),
            None => self.blueprint.services[p.service as usize].workers.unwrap_or(u32::MAX),
        };
        let limit = p.guard.as_ref().and_then(|guard| guard.concurrency.as_ref());
        let limit = limit.filter(|limit| limit.config().excess.is_none()).map_or(u32::MAX, |limit| limit.limit());
        let before = p.staff();
        let takes_up = p.workers;
        p.workers = all.min(limit);
        let after = p.staff();
        if p.workers != takes_up {
            self.touch_process(process);
        }
        if before != after {
            self.note_staff(process, before, after);
        }
    }

    /// Asks the rate limiter; true where the request does not go on now. A SYN that comes again is not asked about: what stands
    /// before the process has let its request through already.
    pub(super) fn is_held_back<S: Sink>(&mut self, frame: FrameRef, sink: &mut S) -> bool {
        let now = self.now();
        let f = &self.frames[frame];
        let index = f.process;
        if f.syns > 0 {
            return false;
        }
        let endpoint = self.tables.programs[f.program as usize].endpoint;
        let p = &mut self.processes[index as usize];
        let service = p.service as usize;
        let Some(guard) = &mut p.guard else { return false };
        let own = guard.has_own_limiter(endpoint);
        let Some(limiter) = guard.limiter_of(endpoint as usize) else { return false };
        let verdict = limiter.ask(now);
        let (status, excess_milli, logs) =
            (limiter.config().status, limiter.excess_milli(), limiter.config().kind.is_nginx());
        if !matches!(verdict, Verdict::Reject(_)) {
            // An endpoint with a limiter of its own takes nothing from others.
            if !own {
                guard.takers.take(now, endpoint);
            }
            self.touch_tokens(frame);
        }
        let line = |delayed| LogEvent::RateLimited { endpoint: EndpointId(endpoint), excess_milli, delayed };
        match verdict {
            Verdict::Pass => false,
            Verdict::Delay(delay) => {
                let statistics = &mut self.services[service].statistics;
                statistics.delayed += 1;
                statistics.requests.enter(now);
                statistics.held_back.enter(now);
                self.frames[frame].state = State::Delayed;
                self.touch(frame);
                self.set_timer(frame, delay);
                if logs {
                    self.emit_log(index, line(true), sink);
                }
                true
            }
            Verdict::Reject(after) => {
                self.services[service].statistics.limited += 1;
                self.refused_for(frame, |world, f| (Want::Token(f.process, world.limiter_of(f)), Activity::Queued));
                self.emit_state(index, Transition::Limited, sink);
                if logs {
                    self.emit_log(index, line(false), sink);
                }
                let retry_after_s = after.map_or(0, whole_seconds);
                self.reject(frame, Outcome { status, error: Some(ErrorType::RateLimited), retry_after_s }, sink);
                true
            }
        }
    }

    /// A request that was held back goes on: it reaches the accept queue.
    pub(super) fn let_through<S: Sink>(&mut self, frame: FrameRef, sink: &mut S) {
        let now = self.now();
        let since = self.frames[frame].since;
        self.switch(frame, Part::Queued, now);
        let process = &self.processes[self.frames[frame].process as usize];
        let (service, runs) = (process.service as usize, process.life == Life::Running);
        let statistics = &mut self.services[service].statistics;
        statistics.held_back.leave(now, since);
        if runs {
            self.admit(frame, true, sink);
        } else {
            statistics.requests.leave(now, self.frames[frame].arrived);
            self.refuse(frame, ErrorType::ConnectionRefused);
        }
    }

    /// Whether the worker that takes a frame up now turns it away, since too many are in work.
    pub(super) fn is_over_limit(&mut self, frame: FrameRef) -> bool {
        let index = self.frames[frame].process;
        let p = &mut self.processes[index as usize];
        let busy = p.busy;
        self.frames[frame].place = busy + 1;
        let Some(guard) = &mut p.guard else { return false };
        let Some(limit) = &guard.concurrency else { return false };
        if limit.config().excess.is_none() || busy < limit.limit() {
            return false;
        }
        guard.calls[3] += 1;
        self.services[p.service as usize].statistics.over_limit += 1;
        true
    }

    /// A request that is over the concurrency limit is told so.
    pub(super) fn turn_away_over_limit<S: Sink>(&mut self, frame: FrameRef, sink: &mut S) {
        let index = self.frames[frame].process;
        let limit = self.processes[index as usize].guard.as_ref().and_then(|guard| guard.concurrency.as_ref());
        let Some(how) = limit.and_then(|limit| limit.config().excess) else { return };
        self.refused_for(frame, |_, _| (Want::Concurrency(index), Activity::Queued));
        self.emit_state(index, Transition::Limited, sink);
        self.turn_away(frame, how, ErrorType::Overloaded, sink);
    }

    /// A frame has ended: what the concurrency limit learns of it.
    pub(super) fn sample_concurrency(&mut self, frame: FrameRef) {
        let now = self.now();
        let f = &self.frames[frame];
        let (process, outcome, in_flight) = (f.process, f.outcome, f.place);
        let queued = Duration::from_nanos(f.parts[Part::Queued as usize]);
        let time = (now - f.arrived).saturating_sub(queued);
        let Some(guard) = &mut self.processes[process as usize].guard else { return };
        let Some(limit) = &mut guard.concurrency else { return };
        let dropped = matches!(outcome.error, Some(ErrorType::Timeout | ErrorType::PoolTimeout | ErrorType::Cancelled));
        guard.calls[if outcome.error.is_none() { 0 } else { 2 - usize::from(dropped) }] += 1;
        // An error that took no time to find says nothing of the load.
        if outcome.error.is_none() || dropped {
            limit.sample(now, Sample { time, in_flight, dropped });
            self.set_workers(process);
        }
    }
}

/// `Retry-After` as it is sent: in whole seconds, at least one.
fn whole_seconds(duration: Duration) -> u8 {
    let seconds = duration.as_nanos().div_ceil(1_000_000_000).max(1);
    u8::try_from(seconds).unwrap_or(u8::MAX)
}
