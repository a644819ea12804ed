//! The interpreter: runs a frame's operations until one of them waits.

use super::{World, tables};
use crate::frame::{Outcome, State};
use crate::id::FrameRef;
use crate::purpose;
use crate::record::{ErrorType, LogEvent, Part};
use crate::sink::Sink;
use crate::store::Lookup;
use knockon_kernel::Ticket;
use tables::Op;

/// What a frame does after an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Flow {
    /// The next one.
    On,
    /// Waits, or has ended.
    Leave,
}

impl World {
    pub(super) fn execute<S: Sink>(&mut self, frame: FrameRef, sink: &mut S) {
        loop {
            let f = &mut self.frames[frame];
            let stopped = self.processes[f.process as usize].is_stopped();
            if stopped | f.unwinding | f.starved | f.cancelled | (f.deadline <= self.calendar.now()) {
                self.divert(frame, stopped, sink);
                return;
            }
            let at = f.pc as usize;
            f.pc += 1;
            if self.operate(frame, at, sink) == Flow::Leave {
                return;
            }
        }
    }

    /// A frame does not go on with its program.
    #[cold]
    fn divert<S: Sink>(&mut self, frame: FrameRef, stopped: bool, sink: &mut S) {
        let f = &self.frames[frame];
        if stopped {
            self.stall(frame);
        } else if f.program == u32::MAX {
            // A client that waits no longer ends as its request did: a good answer that came in the last instant is one, a call that
            // ran into that instant has timed out.
            self.finish(frame, sink);
        } else if f.unwinding {
            self.unwind(frame, sink);
        } else {
            let error = if f.starved { ErrorType::OutOfMemory } else { ErrorType::Cancelled };
            self.fail(frame, Outcome::lost(error), None, sink);
        }
    }

    #[inline]
    fn operate<S: Sink>(&mut self, frame: FrameRef, at: usize, sink: &mut S) -> Flow {
        match self.tables.ops[at] {
            Op::Compute { site, demand } => {
                self.compute(frame, site, demand);
                Flow::Leave
            }
            Op::Allocate { bytes } => self.allocate(frame, bytes, sink),
            Op::Churn { bytes } => self.churn(frame, bytes, sink),
            Op::Retain { bytes } => self.retain(frame, bytes, sink),
            Op::Call { edge, .. } => {
                self.call(frame, edge, sink);
                Flow::Leave
            }
            Op::Acquire { pool } => self.acquire(frame, pool, sink),
            Op::Query { edge, pool, transaction } => {
                self.query(frame, edge, pool, transaction, sink);
                Flow::Leave
            }
            Op::Leak { site, pool, share } => {
                self.leak(frame, site, pool, share);
                Flow::On
            }
            Op::Release { pool } => {
                self.release(frame, pool, sink);
                Flow::On
            }
            Op::CacheGet { edge, keyspace, hit } => {
                let f = &mut self.frames[frame];
                if f.looked_up {
                    f.looked_up = false;
                    if f.found != Lookup::Miss {
                        f.pc = hit;
                        if f.found == Lookup::Stale {
                            self.refresh(frame, at + 1);
                        }
                    }
                    return Flow::On;
                }
                // Comes back here with the answer: a hit goes on elsewhere.
                f.pc -= 1;
                f.looked_up = true;
                self.command(frame, edge, keyspace, sink);
                Flow::Leave
            }
            Op::CacheSet { edge, keyspace } => {
                if self.drops(frame, keyspace) {
                    return Flow::On;
                }
                self.command(frame, edge, keyspace, sink);
                Flow::Leave
            }
            Op::LocalGet { cache, keyspace, hit } => self.read_local(frame, at, (cache, keyspace), hit),
            Op::LocalSet { cache, keyspace } => self.write_local(frame, cache, keyspace, sink),
            Op::Lock { table, rows, popularity, draw } => self.lock(frame, (table, rows, popularity, draw), sink),
            Op::LockTable { table, mode } => self.lock_whole(frame, table, mode, sink),
            Op::ReadPages { site, table, pages } => self.read_pages(frame, site, table as usize, pages),
            Op::WriteRows { bytes, wal } => self.write_rows(frame, bytes, wal, sink),
            Op::SeeReplayed => self.see_replayed(frame),
            Op::SyncLog { site } => self.sync_log(frame, site),
            Op::Load { .. } => self.load(frame, at, sink),
            Op::LoadEnd => {
                self.finish_load(frame, sink);
                Flow::Leave
            }
            op @ (Op::Lookup | Op::Store | Op::Flush) => self.serve_cache(frame, op, sink),
            Op::Sleep { site, time } => {
                let f = &self.frames[frame];
                let key = f.key.with(u64::from(site)).with(f.iteration());
                let time = self.draw_for(frame, time, || key.purpose(purpose::SLEEP));
                let now = self.now();
                self.frames[frame].state = State::Sleeping;
                self.switch(frame, Part::BackingOff, now);
                self.set_timer(frame, time);
                Flow::Leave
            }
            Op::Block { site, time } => self.block(frame, site, time),
            Op::Choose { site, choice } => {
                let f = &mut self.frames[frame];
                let key = f.key.with(u64::from(site)).with(f.iteration());
                f.pc = tables::choose(&self.tables.choices[choice as usize], key.purpose(purpose::BRANCH).unit());
                Flow::On
            }
            Op::Jump { to } => {
                self.frames[frame].pc = to;
                Flow::On
            }
            Op::LoopStart { times } => {
                let f = &mut self.frames[frame];
                let depth = usize::from(f.loops[0] > 0);
                f.loops[depth] = times;
                Flow::On
            }
            Op::LoopEnd { body } => {
                let f = &mut self.frames[frame];
                let depth = usize::from(f.loops[1] > 0);
                f.loops[depth] -= 1;
                if f.loops[depth] > 0 {
                    f.pc = body;
                }
                Flow::On
            }
            Op::RepeatStart { depth } => {
                self.frames[frame].loops[usize::from(depth)] = 1;
                Flow::On
            }
            Op::Again { depth, body, most } => {
                let f = &mut self.frames[frame];
                let depth = usize::from(depth);
                if f.loops[depth] >= most {
                    let outcome = Outcome { status: 500, ..Outcome::lost(ErrorType::Application) };
                    self.fail(frame, outcome, None, sink);
                    return Flow::Leave;
                }
                f.loops[depth] += 1;
                // It may stand within loops that are left so.
                f.loops[depth + 1..].fill(0);
                f.pc = body;
                Flow::On
            }
            Op::RepeatEnd { depth } => {
                self.frames[frame].loops[usize::from(depth)] = 0;
                Flow::On
            }
            Op::Fork { .. } => self.fork(frame, at),
            Op::HandOver { .. } => self.hand_over(frame, at, sink),
            Op::Branch { .. } => unreachable!("a fork goes on behind its branches"),
            Op::Log { severity, message } => {
                let program = self.tables.programs[self.frames[frame].program as usize];
                let endpoint = crate::id::EndpointId(program.endpoint);
                self.emit_request_log(frame, LogEvent::Application { endpoint, severity, message }, sink);
                Flow::On
            }
            Op::Fail { status } => {
                let error = if status >= 500 { Some(ErrorType::Application) } else { None };
                self.fail(frame, Outcome { status, error, ..Outcome::OK }, None, sink);
                Flow::Leave
            }
            Op::Publish { edge, confirm, .. } => self.publish(frame, edge, confirm, sink),
            Op::Enqueue { queue } => self.enqueue_message(frame, queue, sink),
            Op::Accept => {
                self.accept_message(frame);
                Flow::On
            }
            Op::Finish | Op::BranchEnd => {
                self.finish(frame, sink);
                Flow::Leave
            }
        }
    }

    /// A frame's timer has expired at `at`: what that means, its state tells.
    pub(super) fn timer<S: Sink>(&mut self, frame: FrameRef, serial: u32, at: knockon_kernel::Time, sink: &mut S) {
        let Some(f) = self.frames.get_mut(frame) else { return };
        if f.timer_serial != serial {
            return;
        }
        let process = &mut self.processes[f.process as usize];
        if process.is_stopped() {
            process.inbox.push_back((at, super::Event::Timer { frame, serial }));
            self.touch_inbox(super::Event::Timer { frame, serial });
            if S::PARTS {
                self.spend_until_here(frame);
            }
            return;
        }
        f.timer = Ticket::NONE;
        match f.state {
            State::Computing => {
                debug_assert!(process.unlimited_cores, "only unlimited cores have a timer a job");
                self.computed(frame, serial);
            }
            State::WaitingReply => self.attempt_timed_out(frame, at, sink),
            State::WaitingPool => self.acquire_timed_out(frame, at, sink),
            State::WaitingLock => self.lock_timed_out(frame, at, sink),
            State::WaitingLoad => self.load_timed_out(frame, at, sink),
            State::BackingOff => {
                self.wake(frame, at);
                self.resend(frame, sink);
            }
            State::Delayed => self.let_through(frame, sink),
            State::WaitingPermit => self.permit_timed_out(frame, at, sink),
            State::Sleeping => {
                self.wake(frame, at);
                self.ready.push(frame);
            }
            State::Reading => self.io_done(frame, at),
            State::Joining => self.join_timed_out(frame, at, sink),
            other => unreachable!("no timer runs in state {other:?}"),
        }
    }

    /// Ends a wait at `at`; from then until now the process stood still.
    pub(super) fn wake(&mut self, frame: FrameRef, at: knockon_kernel::Time) {
        let now = self.now();
        let f = &mut self.frames[frame];
        f.switch(self.stood, at);
        f.state = State::Running;
        self.switch(frame, Part::Computing, now);
    }
}
