//! Synchronous work: a request keeps the one event loop of its process without using the processor (`fs.readFileSync`, a synchronous child
//! process, a native call). Nothing else of the process runs until it ends: callbacks that compute are held up, answers and timers lie in
//! the inbox, who arrives queues.
//!
//! It takes its turn on the loop as whatever computes does, and when it ends its request goes on first. What it waits for does not
//! stop with its process: like a vacation's its length does not depend on what else stops the process meanwhile.
//!
//! Deliberately not here: that the same callback goes on without a turn between; here each step that computes or blocks takes a turn of its own.

use super::execute::Flow;
use super::{Event, World};
use crate::frame::State;
use crate::id::{FrameRef, SamplerId};
use crate::loop_delay::LoopDelay;
use crate::process::{Reason, Runs};
use crate::purpose;
use crate::record::Part;
use crate::sink::Sink;
use knockon_kernel::Duration;

impl World {
    /// A frame begins with synchronous work, or takes its turn before it.
    #[cold]
    pub(super) fn block(&mut self, frame: FrameRef, site: u32, time: SamplerId) -> Flow {
        let now = self.now();
        let f = &mut self.frames[frame];
        let process = f.process;
        let p = &mut self.processes[process as usize];
        if !f.has_turn && !p.unlimited_cores && p.cpu.runnable() > 0 {
            f.has_turn = true;
            // Comes back here when those before it are done.
            f.pc -= 1;
            self.compute_for(frame, Duration::ZERO);
            return Flow::Leave;
        }
        f.has_turn = false;
        let key = f.key.with(u64::from(site)).with(f.iteration());
        let time = self.draw_for(frame, time, || key.purpose(purpose::SLEEP));
        if time.is_zero() {
            return Flow::On;
        }
        self.frames[frame].state = State::Blocking;
        self.switch(frame, Part::BackingOff, now);
        let p = &mut self.processes[process as usize];
        (p.blocker, p.blocked_until) = (frame, now + time);
        self.begin_stop(process, 0, |stops| stops.set(Reason::Blocking, true));
        self.calendar.post(now + time, Event::Unblocked { frame }.packed());
        Flow::Leave
    }

    /// Synchronous work is done: its request goes on before anything that has come meanwhile.
    pub(super) fn unblock<S: Sink>(&mut self, frame: FrameRef, sink: &mut S) {
        let now = self.now();
        let Some(f) = self.frames.get_mut(frame) else { return };
        if f.state != State::Blocking {
            return;
        }
        let process = f.process;
        f.state = State::Stalled;
        let p = &mut self.processes[process as usize];
        p.blocker = FrameRef::NONE;
        p.inbox.push_front((now, Event::Continue { frame }));
        self.switch(frame, Part::Paused, now);
        self.end_stop(process, |stops| stops.set(Reason::Blocking, false), sink);
    }

    /// A process begins its life: so does the measure of its loop.
    pub(super) fn furnish_loop(&mut self, process: u32) {
        let (now, interval) = (self.now(), self.blueprint.scrape_interval);
        let p = &mut self.processes[process as usize];
        if self.blueprint.services[p.service as usize].blocks_its_loop() {
            p.runs = Runs::OnMeasuredLoop;
            p.loop_delay = Some(Box::new(LoopDelay::new(now, interval)));
        }
    }

    /// The event loop of a process is kept from now on, where that is measured.
    #[inline(always)]
    pub(super) fn keep_loop(&mut self, process: u32) {
        if self.processes[process as usize].runs == Runs::OnMeasuredLoop {
            let now = self.now();
            let p = &mut self.processes[process as usize];
            p.loop_delay.iter_mut().for_each(|delay| delay.keep(now));
        }
    }

    /// A callback has ended on it, or the process goes on.
    #[inline(always)]
    pub(super) fn turn_loop(&mut self, process: u32) {
        if self.processes[process as usize].runs == Runs::OnMeasuredLoop {
            let now = self.now();
            let p = &mut self.processes[process as usize];
            let stopped = p.is_stopped();
            let kept = stopped || !p.unlimited_cores && p.cpu.runnable() > 0;
            if !stopped {
                p.loop_delay.iter_mut().for_each(|delay| delay.turn(now, kept));
            }
        }
    }
}
