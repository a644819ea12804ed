//! Forking: a frame runs branches concurrently in its process, and goes on when it has joined them.
//!
//! A branch is a frame of its own that competes for the same cores, pools and heap. It takes no worker (the pool of threads that real
//! branches run on is not modelled), has no span (its calls are children of its parent's span, as instrumented clients show it) and no answer. The
//! parent waits in [`Part::Child`]. Branches that nobody waits for any more run on unless the service cancels abandoned work.

use super::execute::Flow;
use super::{World, tables::Op};
use crate::fork::Ended;
use crate::frame::{CallerSide, FORKED, Outcome, State};
use crate::id::FrameRef;
use crate::record::{ErrorType, Part};
use crate::sink::Sink;
use knockon_kernel::{Key, Time};

impl World {
    /// A frame starts its branches and waits. The operation stands at `at`.
    pub(super) fn fork(&mut self, frame: FrameRef, at: usize) -> Flow {
        let Op::Fork { site, branches, join, policy, after } = self.tables.ops[at] else {
            unreachable!("a fork is a fork")
        };
        let now = self.now();
        let span = self.span_key(frame);
        let f = &mut self.frames[frame];
        f.pc = after;
        f.state = State::Joining;
        let key = f.key.with(u64::from(site)).with(f.iteration());
        self.switch(frame, Part::Child, now);
        let mut open = Vec::with_capacity(usize::from(branches));
        for n in 0..usize::from(branches) {
            let Op::Branch { to } = self.tables.ops[at + 1 + n] else {
                unreachable!("a fork is followed by its branches")
            };
            let branch = self.branch_of(frame, key.with(n as u64), to);
            self.ready.push(branch);
            open.push(branch);
        }
        self.forks.fork(frame, span, join, open);
        if let Some(timeout) = self.blueprint[policy].timeout {
            self.set_policy_timer(frame, policy.0, timeout);
        }
        Flow::Leave
    }

    /// A branch of a frame, which begins with the operation at `to`.
    pub(super) fn branch_of(&mut self, frame: FrameRef, key: Key, to: u32) -> FrameRef {
        let now = self.now();
        let parent = self.frames[frame].clone();
        let branch = self.frames.occupy();
        let b = &mut self.frames[branch];
        b.send(key, parent.root, parent.process, parent.program, parent.edge, frame, now);
        b.link = FORKED;
        b.state = State::Running;
        b.part = Part::Computing;
        b.pc = to;
        b.attempt = parent.attempt;
        b.class = parent.class;
        b.caller_side = CallerSide::NOTHING.below(parent.caller_side);
        b.deadline = parent.deadline;
        (b.cache_key, b.keyspace, b.row) = (parent.cache_key, parent.keyspace, parent.row);
        branch
    }

    /// The address of the span that a frame's time belongs to: its own, that of the load that it is, or that of the frame whose
    /// branch it is.
    #[inline]
    pub(super) fn span_key(&self, frame: FrameRef) -> Key {
        let f = &self.frames[frame];
        if f.is_branch() {
            return self.forks.span(frame);
        }
        if f.is_load() { self.loads.get(frame).map_or(f.key, |load| load.span) } else { f.key }
    }

    /// A branch has ended and holds nothing any more.
    pub(super) fn finish_branch<S: Sink>(&mut self, branch: FrameRef, sink: &mut S) {
        let f = &self.frames[branch];
        let (outcome, process) = (f.outcome, f.process);
        self.digest.absorb((self.now() - f.arrived).as_nanos(), u64::from(outcome.status));
        self.release_share(branch);
        let task = self.forks.task(branch).copied();
        let ended = self.forks.ended(branch, outcome);
        if let (true, Ended::Joined { parent, .. }) = (S::PARTS, &ended) {
            self.spend_on_branch(*parent, branch);
        }
        self.frames.remove(branch);
        // First, since whoever fails with its task may be the last that its process waits for before it ends.
        if let Some(task) = task {
            self.task_done(process, branch, &task, sink);
        }
        self.joined(ended, sink);
    }

    /// Whoever waits for branches goes on, if nothing is left to wait for.
    fn joined<S: Sink>(&mut self, ended: Ended, sink: &mut S) {
        let Ended::Joined { parent, failure, left } = ended else { return };
        self.leave_branches(&left);
        self.clear_timer(parent);
        let now = self.now();
        self.switch(parent, Part::Computing, now);
        let f = &mut self.frames[parent];
        f.state = State::Running;
        match failure {
            Some((outcome, peer)) if !f.cancelled => self.fail(parent, outcome, peer, sink),
            _ => self.ready.push(parent),
        }
    }

    /// A frame has waited for its branches as long as it may, which was up to `at`.
    pub(super) fn join_timed_out<S: Sink>(&mut self, parent: FrameRef, at: Time, sink: &mut S) {
        if S::PARTS {
            self.spend(parent, at);
        }
        let for_task = self.forks.waits_for_task(parent);
        let left = self.forks.leave(parent);
        self.leave_branches(&left);
        self.wake(parent, at);
        let error = if for_task { ErrorType::TaskTimeout } else { ErrorType::Timeout };
        self.fail(parent, Outcome::lost(error), None, sink);
    }

    /// A frame waits no longer for a task that threads of an executor do, or that nobody does; false where it waits for something else, as for what
    /// it does itself.
    pub(super) fn leaves_task<S: Sink>(&mut self, parent: FrameRef, _: &mut S) -> bool {
        let does_it_itself = self.forks.open(parent).first().is_some_and(|&branch| self.forks.task(branch).is_none());
        if !self.forks.waits_for_task(parent) || does_it_itself {
            return false;
        }
        let now = self.now();
        if S::PARTS {
            self.spend(parent, now);
        }
        let left = self.forks.leave(parent);
        self.leave_branches(&left);
        self.clear_timer(parent);
        self.wake(parent, now);
        true
    }

    /// Nobody waits for these branches any more.
    fn leave_branches(&mut self, left: &[FrameRef]) {
        let Some(first) = left.first() else { return };
        if let Some(task) = self.forks.task(*first) {
            if task.cancels {
                self.cancel_branch(*first);
            }
            return;
        }
        let service = self.processes[self.frames[*first].process as usize].service as usize;
        if self.blueprint.services[service].cancels_abandoned {
            left.iter().for_each(|&branch| self.cancel_branch(branch));
        }
    }

    /// A branch stops at its next step, and so do its own.
    fn cancel_branch(&mut self, branch: FrameRef) {
        self.frames[branch].cancelled = true;
        self.cancel_branches(branch);
    }

    /// The caller of a frame has left: its branches stop too.
    pub(super) fn cancel_branches(&mut self, parent: FrameRef) {
        for branch in self.forks.open(parent).to_vec() {
            self.cancel_branch(branch);
        }
    }

    /// A branch is gone with its process.
    pub(super) fn lose_branch(&mut self, branch: FrameRef) {
        if let Some(share) = self.shares.get_mut(branch.slot as usize) {
            *share = crate::heap::Share::default();
        }
        self.forks.leave(branch);
        self.forks.lose(branch);
        self.frames.remove(branch);
    }
}
