//! Where calls meet the caller's account of their link: attempts are admitted, sent to a host and ended, retries are paid for.
//!
//! All of it is off the way of links that have no traffic policy: their edges are not guarded.

use super::retries::retries_on;
use super::tables::{Edge, UNGUARDED};
use super::{Event, World};
use crate::balance::{self, Ring};
use crate::blame::Want;
use crate::blueprint::{Balance, Blueprint, LinkEnd};
use crate::breaker::{BreakerState, Verdict};
use crate::frame::{Frame, Outcome, State};
use crate::id::{FrameRef, LinkId, ServiceId};
use crate::process::Process;
use crate::purpose;
use crate::record::{Activity, ErrorType, Part, Transition};
use crate::sink::Sink;
use crate::statistics::LinkStatistics;
use crate::upstream::{Admission, Ended, Upstream};
use knockon_kernel::{Duration, Key, Time};

/// Statuses with which a callee turns an attempt away for its load.
const OVERLOADED: [u16; 2] = [429, 503];

/// The accounts of all callers of links with a policy, the rings of those that hash, and the first account of each link.
pub(super) fn accounts(
    blueprint: &Blueprint,
    processes: &[Process],
    first_process: impl Fn(usize) -> u32,
) -> (Vec<Upstream>, Vec<Option<Ring>>) {
    let mut upstreams = Vec::new();
    let mut rings = Vec::new();
    for (policy, described) in blueprint.traffic.iter().enumerate() {
        let link = &blueprint[described.link];
        let callee = &blueprint[link.to];
        let hosts = (first_process(link.to.index()), callee.replicas);
        for (index, process) in processes.iter().enumerate().filter(|(_, process)| is_end(process, link.from)) {
            let key = process.key.name(&callee.draw_name);
            upstreams.push(Upstream::new(policy as u32, described, index as u32, hosts, key, Time::ZERO));
        }
        rings.push(match described.balance {
            Balance::ConsistentHash { points, .. } => Some(Ring::new(&callee.draw_name, callee.replicas, points)),
            _ => None,
        });
    }
    (upstreams, rings)
}

fn is_end(process: &Process, end: LinkEnd) -> bool {
    match end {
        LinkEnd::Service(service) => process.service == service.0,
        LinkEnd::Source(source) => process.source == source.0,
    }
}

/// Tells each edge where the accounts of its callers are.
pub(super) fn guard(edges: &mut [Edge], blueprint: &Blueprint, upstreams: &[Upstream]) {
    for edge in edges {
        let of_link = |upstream: &Upstream| blueprint.traffic[upstream.policy as usize].link == edge.link;
        if let Some(first) = upstreams.iter().position(of_link) {
            edge.upstream = (first as u32).wrapping_sub(upstreams[first].process);
            debug_assert_ne!(edge.upstream, UNGUARDED, "there are fewer than 2³¹ processes");
        }
    }
}

impl World {
    #[inline]
    fn upstream_of(&mut self, caller: FrameRef, edge: Edge) -> &mut Upstream {
        let process = self.frames[caller].process;
        &mut self.upstreams[edge.upstream.wrapping_add(process) as usize]
    }

    /// Whether the attempt that the caller is at may be sent now; else it waits or has failed.
    pub(super) fn may_send<S: Sink>(&mut self, caller: FrameRef, edge: Edge, sink: &mut S) -> bool {
        let now = self.now();
        let frame = &self.frames[caller];
        let (key, first) = (frame.attempt_key(edge.site), frame.attempts == 1);
        let policy = self.upstream_of(caller, edge).policy as usize;
        let wait = self.blueprint.traffic[policy].bulkhead.map_or(Duration::ZERO, |bulkhead| bulkhead.wait);
        let upstream = self.upstream_of(caller, edge);
        if first {
            upstream.call(now);
        }
        let before = upstream.breaker_state();
        let admission = upstream.admit(now, key, caller, wait);
        self.note_breaker(caller, edge, before, sink);
        match admission {
            Admission::Goes => return true,
            Admission::Waits(wait) => {
                self.frames[caller].state = State::WaitingPermit;
                self.switch(caller, Part::Pool, now);
                self.set_timer(caller, wait);
            }
            Admission::Rejected(error) => self.rejected(caller, edge, error, sink),
        }
        false
    }

    fn rejected<S: Sink>(&mut self, caller: FrameRef, edge: Edge, error: ErrorType, sink: &mut S) {
        let process = self.frames[caller].process;
        match error {
            ErrorType::BulkheadFull => {
                let account = edge.upstream.wrapping_add(process);
                let activity = Activity::Permit(ServiceId(edge.service));
                self.refused_for(caller, |_, _| (Want::Permit { account, process }, activity));
                self.emit_state(process, Transition::BulkheadFull { link: edge.link }, sink);
            }
            ErrorType::ClientThrottled => self.emit_state(process, Transition::Throttled { link: edge.link }, sink),
            _ => {}
        }
        self.attempt_failed(caller, Outcome::lost(error), sink);
    }

    /// The process that the caller's attempt goes to.
    pub(super) fn pick(&mut self, caller: FrameRef, edge: Edge, key: Key) -> u32 {
        let now = self.now();
        let policy = self.upstream_of(caller, edge).policy as usize;
        let hash = self.ring_key(caller, self.blueprint.traffic[policy].balance);
        let index = edge.upstream.wrapping_add(self.frames[caller].process) as usize;
        let upstream = &mut self.upstreams[index];
        upstream.first + upstream.begin(now, key, self.rings[policy].as_ref(), hash)
    }

    /// Where on the ring the request lies.
    fn ring_key(&self, caller: FrameRef, balance: Balance) -> u64 {
        let Balance::ConsistentHash { keys, .. } = balance else { return 0 };
        let root = self.frames[caller].root;
        let key = match keys {
            Some(keys) => Key::new(0).with(u64::from(self.key_for(caller, keys.0))),
            None => root,
        };
        balance::hash(key.purpose(purpose::RING_KEY))
    }

    /// An attempt has ended, or its caller left it; nothing happens where no account of it is kept, or no more.
    #[inline]
    pub(super) fn attempt_over<S: Sink>(&mut self, child: FrameRef, verdict: Verdict, outcome: Outcome, sink: &mut S) {
        if self.frames.get(child).is_some_and(|attempt| attempt.caller_side.is_guarded()) {
            self.end_attempt(child, verdict, outcome, sink);
        }
    }

    fn end_attempt<S: Sink>(&mut self, child: FrameRef, verdict: Verdict, outcome: Outcome, sink: &mut S) {
        let now = self.now();
        let attempt = &mut self.frames[child];
        attempt.caller_side.settle();
        let (caller, host, sent) = (attempt.caller, attempt.process, attempt.sent);
        let edge = self.tables.edges[attempt.edge as usize];
        let retryable =
            self.blueprint.policies.get(edge.policy.index()).is_some_and(|policy| retries_on(policy, outcome));
        let accepted = outcome.status != 0 && !OVERLOADED.contains(&outcome.status);
        let faulty = outcome.status == 0 || outcome.status >= 500;
        let upstream = self.upstream_of(caller, edge);
        let before = upstream.breaker_state();
        let ended = Ended { host: host - upstream.first, verdict, accepted, retryable, faulty, sent };
        let ejected = upstream.end(now, ended);
        if S::OBSERVES {
            upstream.meter.ended(now, verdict, now - sent);
        }
        let next = upstream.leave();
        if ejected {
            self.emit_state(host, Transition::Ejected { link: edge.link }, sink);
        }
        self.note_breaker(caller, edge, before, sink);
        let Some(next) = next else { return };
        let waits = &self.frames[next];
        if waits.cancelled || waits.deadline <= now {
            // It fails, which may end its process: not in the midst of what ends here.
            self.announce_permit(next);
        } else {
            self.hand_permit(next, sink);
        }
    }

    /// A permit reaches a caller in an event of its own.
    fn announce_permit(&mut self, caller: FrameRef) {
        self.calendar.post(self.now(), Event::Permit { frame: caller }.packed());
    }

    /// A permit comes to a caller that waits for one: its attempt goes, unless it comes too late.
    fn hand_permit<S: Sink>(&mut self, caller: FrameRef, sink: &mut S) {
        let now = self.now();
        self.clear_timer(caller);
        let since = self.frames[caller].since;
        self.switch(caller, Part::Computing, now);
        let frame = &mut self.frames[caller];
        frame.state = State::Running;
        let (edge, deadline, cancelled) =
            (self.tables.edges[frame.call_edge as usize], frame.deadline, frame.cancelled);
        let timeout = self.timeout(edge.policy.0, deadline, now);
        let upstream = self.upstream_of(caller, edge);
        upstream.statistics.waiting.leave(now, since);
        if !cancelled && timeout != Some(Duration::ZERO) {
            self.send(caller, edge, timeout, sink);
            return;
        }
        let before = upstream.breaker_state();
        // One after the other, however many come too late.
        if let Some(next) = upstream.decline(now) {
            self.announce_permit(next);
        }
        self.note_breaker(caller, edge, before, sink);
        let error = if cancelled { ErrorType::Cancelled } else { ErrorType::Timeout };
        self.attempt_failed(caller, Outcome::lost(error), sink);
    }

    /// A caller has waited for a permit as long as it may, until `at`.
    pub(super) fn permit_timed_out<S: Sink>(&mut self, caller: FrameRef, at: Time, sink: &mut S) {
        let now = self.now();
        let frame = &self.frames[caller];
        let (edge, since) = (self.tables.edges[frame.call_edge as usize], frame.since);
        let upstream = self.upstream_of(caller, edge);
        let before = upstream.breaker_state();
        if !upstream.give_up(now, caller, at - since) {
            // Its permit is on the way in this very instant.
            return;
        }
        upstream.statistics.waiting.leave(now, since);
        self.wake(caller, at);
        self.note_breaker(caller, edge, before, sink);
        self.rejected(caller, edge, ErrorType::BulkheadFull, sink);
    }

    /// A frame that waits for a permit is lost with its worker. A permit that is on its way goes to the next.
    pub(super) fn leave_permit(&mut self, caller: FrameRef) {
        let now = self.now();
        let frame = &self.frames[caller];
        let (edge, since) = (self.tables.edges[frame.call_edge as usize], frame.since);
        let upstream = self.upstream_of(caller, edge);
        upstream.statistics.waiting.leave(now, since);
        let waits = upstream.bulkhead.as_mut().is_some_and(|bulkhead| bulkhead.give_up(caller));
        if !waits && let Some(next) = upstream.decline(now) {
            self.announce_permit(next);
        }
    }

    /// Whether the link's budget allows another attempt.
    #[inline]
    pub(super) fn affords_retry<S: Sink>(&mut self, caller: FrameRef, edge: Edge, sink: &mut S) -> bool {
        if !edge.is_guarded() {
            return true;
        }
        let now = self.now();
        let affords = self.upstream_of(caller, edge).try_retry(now);
        if !affords {
            let process = self.frames[caller].process;
            self.emit_state(process, Transition::RetryRefused { link: edge.link }, sink);
        }
        affords
    }

    /// A retry of the caller's current call, sent or not, is over.
    pub(super) fn retry_over(&mut self, caller: FrameRef) {
        let edge = self.tables.edges[self.frames[caller].call_edge as usize];
        if edge.is_guarded() {
            self.upstream_of(caller, edge).retry_over();
        }
    }

    /// Tells of a breaker that is not where it was.
    fn note_breaker<S: Sink>(&mut self, caller: FrameRef, edge: Edge, before: Option<BreakerState>, sink: &mut S) {
        let process = self.frames[caller].process;
        let upstream = self.upstream_of(caller, edge);
        let Some(state) = upstream.breaker_state().filter(|state| Some(*state) != before) else { return };
        upstream.statistics.opened += u64::from(state == BreakerState::Open);
        self.emit_state(process, Transition::Breaker { link: edge.link, state }, sink);
    }

    /// The process has ended: what it knew of its links is gone.
    pub(super) fn forget_links(&mut self, process: u32) {
        let now = self.now();
        let life = self.processes[process as usize].incarnation + 1;
        for upstream in self.upstreams.iter_mut().filter(|upstream| upstream.process == process) {
            upstream.forget(&self.blueprint.traffic[upstream.policy as usize], life, now);
        }
    }

    /// A frame is lost with its process: the attempt that it has under way is nobody's any more, and it waits for no permit.
    pub(super) fn leave_link(&mut self, caller: FrameRef) {
        let now = self.now();
        let frame = &self.frames[caller];
        let (child, since) = (frame.child, frame.since);
        match frame.state {
            State::WaitingPermit => {
                let edge = self.tables.edges[frame.call_edge as usize];
                self.upstream_of(caller, edge).statistics.waiting.leave(now, since);
            }
            State::WaitingReply => {
                let Some(attempt) = self.frames.get_mut(child).filter(|attempt| attempt.caller_side.is_guarded())
                else {
                    return;
                };
                attempt.caller_side.settle();
                let (edge, sent) = (self.tables.edges[attempt.edge as usize], attempt.sent);
                self.upstream_of(caller, edge).lose(now, sent);
            }
            _ => {}
        }
    }

    /// The account that the caller of an attempt keeps of its link, by number, if it is there and keeps one.
    pub(super) fn account_of(&self, attempt: &Frame) -> Option<usize> {
        if !attempt.caller_side.is_guarded() {
            return None;
        }
        let caller = self.frames.get(attempt.caller)?;
        Some(self.tables.edges[attempt.edge as usize].upstream.wrapping_add(caller.process) as usize)
    }

    /// The account of the link whose permit a frame waits for.
    pub(super) fn awaited_account(&self, caller: &Frame) -> &Upstream {
        let edge = self.tables.edges[caller.call_edge as usize];
        &self.upstreams[edge.upstream.wrapping_add(caller.process) as usize]
    }

    /// Accounts of a link, by caller.
    pub(super) fn upstreams_of(&mut self, link: LinkId) -> impl Iterator<Item = &mut Upstream> {
        let traffic = &self.blueprint.traffic;
        self.upstreams.iter_mut().filter(move |upstream| traffic[upstream.policy as usize].link == link)
    }

    /// More or fewer attempts may be under way over a link from now on.
    pub(super) fn set_permits(&mut self, link: LinkId, maximum: u32) {
        let bulkheads = self.upstreams_of(link).filter_map(|upstream| upstream.bulkhead.as_mut());
        let admitted: Vec<FrameRef> = bulkheads.flat_map(|bulkhead| bulkhead.set_maximum(maximum)).collect();
        for frame in admitted {
            self.announce_permit(frame);
        }
    }

    /// A permit that a change of the bulkhead made, or that somebody came too late for, reaches its process.
    pub(super) fn permit<S: Sink>(&mut self, frame: FrameRef, at: Time, sink: &mut S) {
        let Some(caller) = self.frames.get(frame) else { return };
        if caller.state != State::WaitingPermit {
            return;
        }
        let process = &mut self.processes[caller.process as usize];
        if process.is_stopped() {
            process.inbox.push_back((at, Event::Permit { frame }));
        } else {
            self.hand_permit(frame, sink);
        }
    }

    /// What callers did about each link that has a policy, summed over them.
    pub(super) fn link_statistics(&self) -> Vec<LinkStatistics> {
        let of_policy =
            |policy: usize| self.upstreams.iter().filter(move |upstream| upstream.policy as usize == policy);
        let links = self.blueprint.traffic.iter().enumerate().map(|(policy, described)| {
            let sum = LinkStatistics { name: self.blueprint.link_name(described.link), ..Default::default() };
            of_policy(policy).fold(sum, |sum, upstream| sum.plus(&upstream.statistics))
        });
        links.collect()
    }
}
