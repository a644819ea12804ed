//! Calls and their attempts: when one is sent, when another follows, and when the call has failed for good.
//!
//! A call is the caller's wish, an attempt is what is sent for it. Whatever bounds retries decides here: the policy's number and
//! outcomes, and the link's budget.

use super::{Event, World};
use crate::backoff;
use crate::blueprint::CallPolicy;
use crate::frame::{Outcome, State};
use crate::id::FrameRef;
use crate::purpose;
use crate::record::{ErrorType, Part};
use crate::sink::Sink;
use knockon_kernel::{Duration, Ticket, Time};

/// The policy of calls that have none: no timeout, no retry.
pub(super) const UNLIMITED: u32 = u32::MAX;

impl World {
    /// Begins a call from a frame: its first attempt.
    #[inline(always)]
    pub(super) fn call<S: Sink>(&mut self, caller: FrameRef, edge: u32, sink: &mut S) {
        let frame = &mut self.frames[caller];
        frame.calls += 1;
        frame.backoff_ns = 0;
        self.attempt(caller, edge, 1, sink);
    }

    /// Begins an attempt of the current call, numbered from 1: where nothing holds it up, it is sent.
    #[inline(always)]
    fn attempt<S: Sink>(&mut self, caller: FrameRef, edge_index: u32, attempt: u16, sink: &mut S) {
        let edge = self.tables.edges[edge_index as usize];
        let frame = &mut self.frames[caller];
        frame.attempts = attempt;
        frame.call_edge = edge_index;
        let deadline = frame.deadline;
        let timeout = self.timeout(edge.policy.0, deadline, self.now());
        if timeout == Some(Duration::ZERO) {
            self.attempt_failed(caller, Outcome::lost(ErrorType::Timeout), sink);
            return;
        }
        if edge.is_guarded() && !self.may_send(caller, edge, sink) {
            return;
        }
        self.send(caller, edge, timeout, sink);
    }

    /// The attempt's timer: the policy's, cut to the deadline that the frame itself was given.
    #[inline]
    pub(super) fn timeout(&self, policy: u32, deadline: Time, now: Time) -> Option<Duration> {
        let own = if policy == UNLIMITED { None } else { self.blueprint.policies[policy as usize].timeout };
        if deadline == Time::MAX {
            return own;
        }
        let left = deadline.saturating_sub(now);
        Some(own.map_or(left, |own| own.min(left)))
    }

    /// An attempt has failed, or was never sent: another one after a back-off, or the call has failed for good. A retry that could
    /// go only after the frame's deadline is none.
    pub(super) fn attempt_failed<S: Sink>(&mut self, caller: FrameRef, outcome: Outcome, sink: &mut S) {
        let now = self.now();
        let frame = &self.frames[caller];
        if frame.attempts > 1 {
            self.retry_over(caller);
        }
        let frame = &self.frames[caller];
        let edge = self.tables.edges[frame.call_edge as usize];
        if edge.policy.0 != UNLIMITED && !frame.cancelled {
            let policy = self.blueprint[edge.policy];
            if may_retry(&policy, frame.attempts) && retries_on(&policy, outcome) {
                let draw = frame.attempt_key(edge.site).purpose(purpose::JITTER);
                let previous = Duration::from_nanos(frame.backoff_ns);
                let own = backoff::delay(&policy.backoff, u32::from(frame.attempts), previous, draw);
                let asked = Duration::from_secs(u64::from(outcome.retry_after_s));
                let delay = if policy.honours_retry_after { own.max(asked) } else { own };
                if now.saturating_add(delay) < frame.deadline && self.affords_retry(caller, edge, sink) {
                    let frame = &mut self.frames[caller];
                    frame.backoff_ns = own.as_nanos();
                    frame.state = State::BackingOff;
                    self.switch(caller, Part::BackingOff, now);
                    self.set_timer(caller, delay);
                    if let Some(statistics) = self.statistics_of_client(caller) {
                        statistics.retries += 1;
                    }
                    return;
                }
            }
        }
        self.call_failed(caller, outcome, edge.service, sink);
    }

    /// The back-off is over: the next attempt goes out, unless nobody wants it any more.
    pub(super) fn resend<S: Sink>(&mut self, caller: FrameRef, sink: &mut S) {
        let frame = &self.frames[caller];
        if frame.cancelled && !frame.unwinding {
            self.retry_over(caller);
            self.fail(caller, Outcome::lost(ErrorType::Cancelled), None, sink);
            return;
        }
        let (edge, attempt) = (frame.call_edge, frame.attempts + 1);
        self.attempt(caller, edge, attempt, sink);
    }

    /// A timer for a frame at a distance that differs from case to case.
    pub(super) fn set_timer(&mut self, frame: FrameRef, after: Duration) {
        let at = self.now() + after;
        let f = &mut self.frames[frame];
        f.timer_serial = f.timer_serial.wrapping_add(1);
        f.timer = self.calendar.schedule(at, Event::Timer { frame, serial: f.timer_serial }.packed());
    }

    #[inline]
    pub(super) fn set_policy_timer(&mut self, frame: FrameRef, policy: u32, timeout: Duration) {
        let constant = policy != UNLIMITED && self.blueprint.policies[policy as usize].timeout == Some(timeout);
        let lane = if constant { self.policy_lanes[policy as usize] } else { None };
        let Some(lane) = lane else { return self.set_timer(frame, timeout) };
        let f = &mut self.frames[frame];
        f.timer_serial = f.timer_serial.wrapping_add(1);
        f.timer = self.calendar.schedule_in_lane(lane, Event::Timer { frame, serial: f.timer_serial }.packed());
    }

    /// Takes a frame's timer out of the calendar, and makes one that waits in an inbox stale.
    #[inline(always)]
    pub(super) fn clear_timer(&mut self, frame: FrameRef) {
        let f = &mut self.frames[frame];
        if f.timer != Ticket::NONE {
            self.calendar.cancel(f.timer);
            f.timer = Ticket::NONE;
            f.timer_serial = f.timer_serial.wrapping_add(1);
        }
    }
}

/// Whether the policy has an attempt left after so many.
fn may_retry(policy: &CallPolicy, attempts: u16) -> bool {
    u32::from(attempts) <= policy.retries && attempts != u16::MAX
}

/// Whether the policy retries an outcome, however many attempts there were.
pub(super) fn retries_on(policy: &CallPolicy, outcome: Outcome) -> bool {
    match outcome.error {
        Some(ErrorType::Timeout) => policy.retry_on.timeout,
        Some(ErrorType::ConnectionRefused | ErrorType::Certificate) => policy.retry_on.refused,
        Some(ErrorType::ConnectionReset | ErrorType::ConnectionLost | ErrorType::Terminated) => policy.retry_on.reset,
        Some(ErrorType::RateLimited) => policy.retry_on.rate_limited,
        Some(ErrorType::CallNotPermitted | ErrorType::BulkheadFull | ErrorType::ClientThrottled) => {
            policy.retry_on.rejected
        }
        _ => outcome.status >= 500 && policy.retry_on.server_error,
    }
}
