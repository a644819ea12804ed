//! A caller's account of one link: which hosts lie behind it and how they did, and what guards the way there.
//!
//! One for each process that calls over a link with a traffic policy, in a table beside the processes; links without one have
//! none. It holds the machines and keeps them consistent: an attempt is admitted (throttling, then the breaker, then the bulkhead, in
//! which order Resilience4j's decorators lie too), goes to a host, and ends. What was learnt dies with the process.

use crate::balance::{Balancer, Ring};
use crate::blueprint::TrafficPolicy;
use crate::breaker::{Breaker, BreakerState, Verdict};
use crate::budget::Budget;
use crate::bulkhead::{Bulkhead, Entry};
use crate::id::FrameRef;
use crate::metrics::Timing;
use crate::outlier::Outliers;
use crate::purpose;
use crate::record::ErrorType;
use crate::statistics::LinkStatistics;
use crate::throttle::Throttle;
use knockon_kernel::{Duration, Key, Time};
use serde::{Deserialize, Serialize};

/// What becomes of an attempt before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It goes.
    Goes,
    /// It waits for a permit, at most so long.
    Waits(Duration),
    /// It is never sent.
    Rejected(ErrorType),
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    /// Number of the callee's process among its replicas.
    pub(crate) host: u32,
    pub(crate) verdict: Verdict,
    /// Whether the callee took it on, rather than turn it away or stay silent.
    pub(crate) accepted: bool,
    /// Whether it is a failure that the call's policy retries.
    pub(crate) retryable: bool,
    /// Whether it speaks against its host: a status of 500 or above, or none.
    pub(crate) faulty: bool,
    /// When it was sent.
    pub(crate) sent: Time,
}

/// One caller's account of one link.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Upstream {
    /// Position of its policy among the blueprint's.
    pub(crate) policy: u32,
    /// The calling process.
    pub(crate) process: u32,
    /// The callee's first process, and how many follow it with that one.
    pub(crate) first: u32,
    hosts: u32,
    /// Address of its component draws.
    key: Key,
    balancer: Balancer,
    pub(crate) outliers: Option<Outliers>,
    pub(crate) breaker: Option<Breaker>,
    budget: Option<Budget>,
    pub(crate) bulkhead: Option<Bulkhead>,
    pub(crate) throttle: Option<Throttle>,
    /// Which hosts are not ready to be called; empty while all are.
    unready: Vec<bool>,
    pub(crate) statistics: LinkStatistics,
    pub(crate) meter: UpstreamMeter,
}

/// What its exporters show beside the machines: since the process started.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct UpstreamMeter {
    pub(crate) succeeded: Timing,
    pub(crate) failed: Timing,
    /// Counts of the lives before.
    pub(crate) before: LinkStatistics,
}

impl UpstreamMeter {
    fn new(now: Time, before: LinkStatistics) -> Self {
        Self { succeeded: Timing::new(now), failed: Timing::new(now), before }
    }

    /// An attempt has ended, while somebody observes.
    pub(crate) fn ended(&mut self, now: Time, verdict: Verdict, took: Duration) {
        match verdict {
            Verdict::Success => self.succeeded.record(now, took.as_nanos()),
            Verdict::Failure => self.failed.record(now, took.as_nanos()),
            Verdict::Cancelled => {}
        }
    }
}

impl Upstream {
    /// The account of a process that has just started.
    pub(crate) fn new(
        policy: u32,
        described: &TrafficPolicy,
        process: u32,
        (first, hosts): (u32, u32),
        key: Key,
        now: Time,
    ) -> Self {
        Self {
            policy,
            process,
            first,
            hosts,
            key,
            balancer: Balancer::new(described.balance, hosts, key),
            outliers: described.outlier.map(|config| Outliers::new(config, hosts, now)),
            breaker: described.breaker.map(|config| Breaker::new(config, now)),
            budget: described.retry_budget.map(|config| Budget::new(config, now)),
            bulkhead: described.bulkhead.map(|config| Bulkhead::new(config.maximum)),
            throttle: described.throttle.map(|config| Throttle::new(config, now)),
            unready: Vec::new(),
            statistics: LinkStatistics::default(),
            meter: UpstreamMeter::new(now, LinkStatistics::default()),
        }
    }

    /// The process has ended: the next one, in that life of it, begins with nothing but the counts of the whole run.
    pub(crate) fn forget(&mut self, described: &TrafficPolicy, life: u32, now: Time) {
        let statistics = std::mem::take(&mut self.statistics);
        let (key, hosts) = (self.key, (self.first, self.hosts));
        let fresh = Self::new(self.policy, described, self.process, hosts, key.with(u64::from(life)), now);
        let meter = UpstreamMeter::new(now, statistics.clone());
        let unready = std::mem::take(&mut self.unready);
        *self = Self { key, statistics, meter, unready, ..fresh };
        self.leave_out_ejected();
    }

    /// Redraws whose turn it is, when hosts are next looked at, and the address of later draws: see `world/phases`.
    pub(crate) fn redraw_phase(&mut self, now: Time, salt: u64) {
        let phase = self.key.purpose(purpose::PHASE).with(salt);
        self.balancer.redraw_turn(phase.with(1));
        if let Some(outliers) = &mut self.outliers {
            let returned = outliers.redraw_sweep(now, phase.with(2).unit()).returned;
            if returned > 0 {
                self.leave_out_ejected();
            }
        }
        self.key = phase.purpose(purpose::COMPONENT);
    }

    /// The caller of an attempt under way has died.
    pub(crate) fn lose(&mut self, now: Time, sent: Time) {
        self.statistics.under_way.leave(now, sent);
        self.statistics.lost += 1;
    }

    /// A call begins.
    pub(crate) fn call(&mut self, now: Time) {
        if let Some(budget) = &mut self.budget {
            budget.call(now);
        }
    }

    /// Whether an attempt goes. `wait` is how long it may wait for a permit.
    pub(crate) fn admit(&mut self, now: Time, key: Key, who: FrameRef, wait: Duration) -> Admission {
        if self.throttle.as_mut().is_some_and(|throttle| !throttle.permit(now, key)) {
            self.statistics.throttled += 1;
            return Admission::Rejected(ErrorType::ClientThrottled);
        }
        if self.breaker.as_mut().is_some_and(|breaker| !breaker.permit(now)) {
            self.statistics.not_permitted += 1;
            return Admission::Rejected(ErrorType::CallNotPermitted);
        }
        let Some(bulkhead) = &mut self.bulkhead else { return Admission::Goes };
        if bulkhead.enter() == Entry::Admitted {
            return Admission::Goes;
        }
        if wait.is_zero() {
            self.crowded_out(now, Duration::ZERO);
            return Admission::Rejected(ErrorType::BulkheadFull);
        }
        bulkhead.wait(who);
        self.statistics.waiting.enter(now);
        Admission::Waits(wait)
    }

    /// The bulkhead had no permit: to the breaker around it that is a failure.
    fn crowded_out(&mut self, now: Time, waited: Duration) {
        self.statistics.bulkhead_full += 1;
        if let Some(breaker) = &mut self.breaker {
            breaker.record(now, Verdict::Failure, waited);
        }
    }

    /// One who waits for a permit has waited long enough. False if it waits no more, but for a permit that is on its way.
    pub(crate) fn give_up(&mut self, now: Time, who: FrameRef, waited: Duration) -> bool {
        let waits = self.bulkhead.as_mut().is_some_and(|bulkhead| bulkhead.give_up(who));
        if waits {
            self.crowded_out(now, waited);
        }
        waits
    }

    /// An admitted attempt goes: to this host. A host that a sweep takes back can be it.
    pub(crate) fn begin(&mut self, now: Time, key: Key, ring: Option<&Ring>, hash: u64) -> u32 {
        if self.outliers.as_mut().is_some_and(|outliers| outliers.sweep(now).returned > 0) {
            self.leave_out_ejected();
        }
        let host = self.balancer.pick(now, key, ring, hash);
        self.balancer.begin(host);
        self.statistics.sent += 1;
        self.statistics.under_way.enter(now);
        host
    }

    /// A sent attempt has ended: its permit goes to whoever waits longest.
    pub(crate) fn leave(&mut self) -> Option<FrameRef> {
        self.bulkhead.as_mut()?.leave()
    }

    /// An admitted attempt is not sent after all: whatever it was granted goes back. Whom its permit goes to.
    pub(crate) fn decline(&mut self, now: Time) -> Option<FrameRef> {
        if let Some(breaker) = &mut self.breaker {
            breaker.record(now, Verdict::Cancelled, Duration::ZERO);
        }
        self.leave()
    }

    /// A sent attempt has ended. True if its host is ejected for it.
    pub(crate) fn end(&mut self, now: Time, ended: Ended) -> bool {
        let Ended { host, verdict, accepted, retryable, faulty, sent } = ended;
        let (learnt, took) = (verdict != Verdict::Cancelled, now - sent);
        self.balancer.end(now, host, learnt.then(|| took.as_nanos()));
        self.statistics.under_way.leave(now, sent);
        match verdict {
            Verdict::Success => self.statistics.succeeded += 1,
            Verdict::Failure => self.statistics.failed += 1,
            Verdict::Cancelled => self.statistics.cancelled += 1,
        }
        if let Some(breaker) = &mut self.breaker {
            breaker.record(now, verdict, took);
        }
        if !learnt {
            return false;
        }
        let success = verdict == Verdict::Success;
        if let Some(budget) = &mut self.budget
            && (success || retryable)
        {
            budget.ended(success);
        }
        if let Some(throttle) = &mut self.throttle
            && accepted
        {
            throttle.accepted(now);
        }
        let Some(outliers) = &mut self.outliers else { return false };
        let swept = outliers.sweep(now).returned > 0;
        let ejected = outliers.ended(now, host, faulty);
        if swept || ejected {
            self.leave_out_ejected();
        }
        self.statistics.ejections += u64::from(ejected);
        ejected
    }

    /// Whether the budget allows one more retry, which is then counted.
    pub(crate) fn try_retry(&mut self, now: Time) -> bool {
        let waiting = self.bulkhead.as_ref().map_or(0, |bulkhead| bulkhead.load().1);
        let under_way = u32::try_from(self.statistics.in_flight()).unwrap_or(u32::MAX).saturating_add(waiting);
        let allowed = self.budget.as_mut().is_none_or(|budget| budget.try_retry(now, under_way));
        if allowed {
            self.statistics.retries += 1;
        } else {
            self.statistics.retries_refused += 1;
        }
        allowed
    }

    /// A retry that was allowed is over.
    pub(crate) fn retry_over(&mut self) {
        if let Some(budget) = &mut self.budget {
            budget.retry_over();
        }
    }

    /// Attempts under way, host by host.
    pub(crate) fn active_on_hosts(&self) -> u64 {
        (0..self.hosts).map(|host| u64::from(self.balancer.active(host))).sum()
    }

    /// Retries under way or about to be, where the budget bounds those.
    pub(crate) fn active_retries(&self) -> Option<u64> {
        match &self.budget {
            Some(Budget::Concurrency(concurrency)) => Some(concurrency.active().into()),
            _ => None,
        }
    }

    /// Where the breaker is, if there is one.
    pub(crate) fn breaker_state(&self) -> Option<BreakerState> {
        self.breaker.as_ref().map(Breaker::state)
    }

    /// The platform says which hosts are not ready.
    pub(crate) fn set_unready(&mut self, unready: &[bool]) {
        self.unready.clear();
        if unready.contains(&true) {
            self.unready.extend_from_slice(unready);
        }
        self.leave_out_ejected();
    }

    fn leave_out_ejected(&mut self) {
        let ejects = self.outliers.as_ref().filter(|outliers| !outliers.panics());
        let unready = |host: u32| self.unready.get(host as usize).is_some_and(|&unready| unready);
        let ejected = |host: u32| ejects.is_some_and(|outliers| outliers.is_ejected(host));
        // Whoever is ready is called, ejected or not, before somebody who is not.
        let none = (0..self.hosts).all(|host| unready(host) || ejected(host));
        self.balancer.leave_out(|host| unready(host) || !none && ejected(host));
    }
}
