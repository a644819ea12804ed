//! Loading: a frame has a value fetched apart from itself, waits for it as long as it likes, and others may wait along.
//!
//! A load is a frame of its own in the same process, as a task of an event loop or of an executor is: it competes for cores, pools
//! and heap, takes no worker and gives no answer. How many run at once is bounded by who asks (the size of an executor is not
//! modelled). It draws what the request that began it would draw, and has an internal span below that request's, which it may
//! outlive. It has no deadline: a caller that leaves abandons it, and then it is cancelled, or runs on for nothing, or fills the
//! cache. A load dies with its process.

use super::World;
use super::execute::Flow;
use super::tables::Op;
use crate::blueprint::Abandoned;
use crate::breaker::Verdict;
use crate::frame::{CallerSide, LOAD, Outcome, State};
use crate::id::FrameRef;
use crate::loads::{Load, Place};
use crate::purpose;
use crate::record::{ErrorType, LogEvent, Part};
use crate::sink::Sink;
use knockon_kernel::{Duration, Time};

impl World {
    /// A frame missed a value: it waits for the load that is under way, or for one that it begins. The operation stands at `at`.
    pub(super) fn load<S: Sink>(&mut self, frame: FrameRef, at: usize, sink: &mut S) -> Flow {
        let Op::Load { load } = self.tables.ops[at] else { unreachable!("a load is a load") };
        let described = self.tables.loads[load as usize];
        let now = self.now();
        let timeout = self.timeout(described.policy.0, self.frames[frame].deadline, now);
        self.frames[frame].pc = described.after;
        if timeout == Some(Duration::ZERO) {
            self.fail(frame, Outcome::lost(ErrorType::Timeout), None, sink);
            return Flow::Leave;
        }
        let place = self.place(frame, described.keyspace.0);
        let under_way = if described.coalesce { self.loads.of(place) } else { None };
        let load = match under_way {
            Some(load) => {
                self.keyspaces[place.keyspace as usize].coalesced += 1;
                load
            }
            None => {
                let fills = described.abandoned == Abandoned::Fill;
                self.begin_load(frame, at, place, fills, described.coalesce)
            }
        };
        self.loads.wait(load, frame);
        self.keyspaces[place.keyspace as usize].waiting.enter(now);
        let f = &mut self.frames[frame];
        debug_assert_eq!(f.keyspace, place.keyspace, "what is loaded is what was looked up last");
        f.child = load;
        f.state = State::WaitingLoad;
        self.switch(frame, Part::Child, now);
        if S::PARTS {
            self.spend_from_here(frame, load);
        }
        if let Some(timeout) = timeout {
            self.set_policy_timer(frame, described.policy.0, timeout);
        }
        Flow::Leave
    }

    /// A frame read a stale value: it is fetched anew in the background, unless it is already. The read stands before `at`.
    pub(super) fn refresh(&mut self, frame: FrameRef, at: usize) {
        let Op::Load { load } = self.tables.ops[at] else { return };
        let place = self.place(frame, self.tables.loads[load as usize].keyspace.0);
        if self.loads.of(place).is_none() {
            self.keyspaces[place.keyspace as usize].refreshes += 1;
            let load = self.begin_load(frame, at, place, true, true);
            if let Some(load) = self.loads.find(load) {
                load.refresh = true;
            }
        }
    }

    fn place(&self, frame: FrameRef, keyspace: u32) -> Place {
        let f = &self.frames[frame];
        Place { process: f.process, keyspace, key: f.cache_key }
    }

    fn begin_load(&mut self, frame: FrameRef, at: usize, place: Place, fills: bool, shared: bool) -> FrameRef {
        let now = self.now();
        let Op::Load { load } = self.tables.ops[at] else { unreachable!("a load is a load") };
        let site = self.tables.loads[load as usize].site;
        let parent = self.span_key(frame);
        let task = self.frames.occupy();
        let caller = &self.frames[frame];
        let hidden = caller.caller_side;
        let (key, root, process, program) = (caller.key, caller.root, caller.process, caller.program);
        let (loops, row, class, attempt) = (caller.loops, caller.row, caller.class, caller.attempt);
        let span = key.purpose(purpose::LOAD_SPAN).with(u64::from(site)).with(caller.iteration());
        let t = &mut self.frames[task];
        t.send(key, root, process, program, LOAD, FrameRef::NONE, now);
        t.state = State::Running;
        t.part = Part::Computing;
        t.pc = at as u32 + 1;
        t.caller_side = CallerSide::NOTHING.below(hidden);
        (t.loops, t.row, t.class, t.attempt) = (loops, row, class, attempt);
        (t.keyspace, t.cache_key) = (place.keyspace, place.key);
        self.keyspaces[place.keyspace as usize].loads += 1;
        self.loads.begin(Load::new(task, place, at as u32, fills, span, parent), shared);
        self.ready.push(task);
        task
    }

    /// Whether a frame is to store a value: a load that nobody wants any more drops what it loaded.
    pub(super) fn drops(&mut self, frame: FrameRef, keyspace: u32) -> bool {
        if !self.frames[frame].is_load() || self.loads.is_wanted(frame) {
            return false;
        }
        let own = self.loads.get(frame).is_some_and(|load| load.place.keyspace == keyspace);
        self.keyspaces[keyspace as usize].dropped += u64::from(own);
        own
    }

    /// A load has ended: whoever waits for it goes on, or fails with it.
    pub(super) fn finish_load<S: Sink>(&mut self, task: FrameRef, sink: &mut S) {
        let now = self.now();
        let pools = self.frames[task].held.map(|held| held.map(|held| held.pool));
        for pool in pools.into_iter().flatten() {
            self.release(task, pool, sink);
        }
        self.switch(task, Part::Computing, now);
        let f = &self.frames[task];
        let (outcome, failed, process) = (f.outcome, f.unwinding, f.process);
        self.digest.absorb((now - f.arrived).as_nanos(), u64::from(outcome.status));
        self.release_share(task);
        if self.processes[process as usize].traced {
            self.emit_load_span(task, now, sink);
        }
        let Some(load) = self.loads.end(task) else { unreachable!("a load that ends was under way") };
        let statistics = &mut self.keyspaces[load.place.keyspace as usize];
        if failed {
            statistics.load_failures += 1;
        } else {
            statistics.loaded += 1;
        }
        if let (true, true, false, Some(error)) =
            (failed, load.waiters.is_empty(), self.frames[task].cancelled, outcome.error)
        {
            // Nobody is there to fail with it: the executor says so.
            let event = LogEvent::LoadFailed { error, peer: load.peer, refresh: load.refresh };
            self.emit_request_log(task, event, sink);
        }
        if S::PARTS {
            load.waiters.iter().for_each(|&waiter| self.spend(waiter, now));
        }
        self.frames.remove(task);
        for waiter in load.waiters {
            self.clear_timer(waiter);
            let f = &mut self.frames[waiter];
            self.keyspaces[load.place.keyspace as usize].waiting.leave(now, f.since);
            f.child = FrameRef::NONE;
            f.state = State::Running;
            self.switch(waiter, Part::Computing, now);
            if failed && !self.frames[waiter].cancelled {
                self.fail(waiter, outcome, load.peer, sink);
            } else {
                self.ready.push(waiter);
            }
        }
    }

    /// A frame has waited for a load as long as it may, which was up to `at`.
    pub(super) fn load_timed_out<S: Sink>(&mut self, frame: FrameRef, at: Time, sink: &mut S) {
        self.leave_load(frame, at, sink);
        self.fail(frame, Outcome::lost(ErrorType::Timeout), None, sink);
    }

    /// A frame waits for its load no longer; the last one to leave abandons it.
    pub(super) fn leave_load<S: Sink>(&mut self, frame: FrameRef, at: Time, sink: &mut S) {
        if S::PARTS {
            self.spend(frame, at);
        }
        let task = std::mem::replace(&mut self.frames[frame].child, FrameRef::NONE);
        let abandons = self.loads.leave(task, frame);
        let (now, since) = (self.now(), self.frames[frame].since);
        self.clear_timer(frame);
        self.wake(frame, at);
        let Some(load) = self.loads.get(task) else { return };
        let keys = &mut self.keyspaces[load.place.keyspace as usize];
        keys.left += 1;
        keys.waiting.leave(now, since);
        if abandons && let Op::Load { load } = self.tables.ops[load.step as usize] {
            match self.tables.loads[load as usize].abandoned {
                Abandoned::Cancel => self.cancel_load(task, false, sink),
                Abandoned::Interrupt => self.cancel_load(task, true, sink),
                Abandoned::Drop | Abandoned::Fill => {}
            }
        }
    }

    /// An abandoned load stops: at once where it waits for a connection, for time to pass or for another load, and where it is
    /// interrupted for an answer too; else at its next step.
    fn cancel_load<S: Sink>(&mut self, task: FrameRef, interrupts: bool, sink: &mut S) {
        let now = self.now();
        self.loads.part(task);
        let f = &mut self.frames[task];
        f.cancelled = true;
        match f.state {
            State::WaitingPool => {
                let (index, pool, since) = (f.process as usize, usize::from(f.query_pool), f.since);
                let process = &mut self.processes[index];
                process.pools[pool].give_up(now, task);
                self.touch_pool(index as u32, pool as u8);
                let process = &self.processes[index];
                self.services[process.service as usize].statistics.pools[pool].waiting.leave(now, since);
                self.clear_timer(task);
                self.wake(task, now);
            }
            State::Sleeping | State::BackingOff => {
                if f.state == State::BackingOff {
                    self.retry_over(task);
                }
                self.clear_timer(task);
                self.wake(task, now);
            }
            State::WaitingLoad => self.leave_load(task, now, sink),
            State::WaitingReply if interrupts => {
                let retries = f.attempts > 1;
                self.clear_timer(task);
                self.leave_attempt(task, now, Verdict::Cancelled, Outcome::lost(ErrorType::Cancelled), sink);
                if retries {
                    self.retry_over(task);
                }
                self.wake(task, now);
            }
            State::Joining => return self.cancel_branches(task),
            _ => return,
        }
        self.fail(task, Outcome::lost(ErrorType::Cancelled), None, sink);
    }

    /// A load is gone with its process.
    pub(super) fn lose_load(&mut self, task: FrameRef) {
        if let Some(load) = self.loads.end(task) {
            self.keyspaces[load.place.keyspace as usize].lost += 1;
        }
        if let Some(share) = self.shares.get_mut(task.slot as usize) {
            *share = crate::heap::Share::default();
        }
        self.frames.remove(task);
    }
}
