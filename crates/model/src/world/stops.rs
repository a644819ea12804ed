//! Standing still: a collection's pause, an event loop that is kept, or a stop from outside. Paused means paused: nothing of the process runs, and what
//! is addressed to it waits in its inbox and is delivered in order when it goes on.

use super::{Event, ServiceState, World};
use crate::frame::State;
use crate::id::FrameRef;
use crate::process::{Reason, Stops};
use crate::record::{Part, Transition};
use crate::sink::Sink;
use crate::statistics::ServiceStatistics;
use knockon_kernel::{Duration, Ticket};

impl World {
    /// Adds a reason for standing still, during which a collector may burn cores.
    pub(super) fn begin_stop(&mut self, process: u32, burning_milli_cores: u32, reason: impl FnOnce(&mut Stops)) {
        let now = self.now();
        let p = &mut self.processes[process as usize];
        let (stood, halted) = (p.is_stopped(), p.stops.halt());
        reason(&mut p.stops);
        self.touch_process(process);
        let p = &mut self.processes[process as usize];
        if !stood && p.is_stopped() {
            p.stopped_since = now;
            p.halted_before_ns = p.halted_total_ns;
            self.keep_loop(process);
        }
        let p = &mut self.processes[process as usize];
        if !halted && p.stops.halt() {
            p.halted_since = now;
            p.cpu.pause(now, burning_milli_cores);
            self.reschedule_processor(process);
        }
    }

    /// Takes a reason for standing still away; without any, the process goes on: first its inbox, then its queue.
    pub(super) fn end_stop<S: Sink>(&mut self, process: u32, reason: impl FnOnce(&mut Stops), sink: &mut S) {
        let now = self.now();
        let burning = self.collector_milli_cores(process);
        self.touch_process(process);
        let p = &mut self.processes[process as usize];
        let (stood, halted) = (p.is_stopped(), p.stops.halt());
        reason(&mut p.stops);
        let service = p.service as usize;
        if halted && !p.stops.halt() {
            let halted = now - p.halted_since;
            p.halted_total_ns += halted.as_nanos();
            self.services[service].statistics.paused += halted;
            p.cpu.resume(now);
        } else if halted && p.stops.outside() == 0 {
            let burning = match p.stops {
                stops if stops.has(Reason::Collecting) => burning,
                stops if stops.has(Reason::Expiring) => super::expiring::THREAD,
                _ => 0,
            };
            p.cpu.pause(now, burning);
        }
        // A period may have begun meanwhile.
        if !p.cpu.is_throttled() {
            p.stops.set(Reason::Throttled, false);
        }
        self.reschedule_processor(process);
        let p = &mut self.processes[process as usize];
        if !stood || p.is_stopped() {
            return self.resume_collection(process);
        }
        let stood = now - p.stopped_since;
        p.stopped_total_ns += stood.as_nanos();
        let halted_ns = p.halted_total_ns - p.halted_before_ns;
        let throttled = Duration::from_nanos(stood.as_nanos() - halted_ns);
        self.services[service].statistics.throttled += throttled;
        self.turn_loop(process);
        // What waited in the inbox did so for the quota, unless there was another reason too.
        self.stood = if halted_ns == 0 { Part::Throttled } else { Part::Paused };
        self.drain_inbox(process, sink);
        self.stood = Part::Paused;
        self.take_up_queued(process, sink);
        self.stop_if_done(process, sink);
    }

    /// What services' processes did, with the time that they have stood still up to now: what is under way is booked when it ends.
    pub(super) fn service_statistics(&self) -> Vec<ServiceStatistics> {
        let now = self.reached();
        let up_to_now = |service: &ServiceState| {
            let mut statistics = service.statistics.clone();
            let processes = service.first_process as usize..(service.first_process + service.replicas) as usize;
            for process in self.processes[processes].iter().filter(|process| process.is_stopped()) {
                let (paused, throttled) = process.unbooked_stop(now);
                statistics.paused += paused;
                statistics.throttled += throttled;
            }
            statistics
        };
        self.services.iter().map(up_to_now).collect()
    }

    /// A collection under way is interrupted: nothing of the process runs.
    pub(super) fn interrupt_collection(&mut self, process: u32) {
        let now = self.now();
        let p = &mut self.processes[process as usize];
        if p.collected != Ticket::NONE {
            self.calendar.cancel(p.collected);
            p.collected = Ticket::NONE;
            p.pause_left = Some(p.pause_ends - now);
        }
    }

    /// The rest of an interrupted collection is played, as soon as nothing else stops it.
    fn resume_collection(&mut self, process: u32) {
        let now = self.now();
        let p = &mut self.processes[process as usize];
        if p.stops.has(Reason::Outside) || p.stops.has(Reason::Throttled) {
            return;
        }
        if let Some(left) = p.pause_left.take() {
            p.pause_ends = now + left;
            let event = Event::Collected { process, incarnation: p.incarnation };
            p.collected = self.calendar.schedule(p.pause_ends, event.packed());
        }
    }

    fn drain_inbox<S: Sink>(&mut self, process: u32, sink: &mut S) {
        loop {
            let p = &mut self.processes[process as usize];
            if p.is_stopped() {
                return;
            }
            let Some((at, event)) = p.inbox.pop_front() else { return };
            self.dispatch(event.packed(), at, sink);
            self.run_ready(sink);
        }
    }

    /// A running frame cannot go on: it continues, in order, when its process does.
    pub(super) fn stall(&mut self, frame: FrameRef) {
        let now = self.now();
        let f = &mut self.frames[frame];
        f.state = State::Stalled;
        let process = &mut self.processes[f.process as usize];
        let part = if process.stops.halt() { Part::Paused } else { Part::Throttled };
        process.inbox.push_back((now, Event::Continue { frame }));
        self.switch(frame, part, now);
    }

    /// A stalled frame goes on.
    pub(super) fn go_on(&mut self, frame: FrameRef) {
        let now = self.now();
        let Some(f) = self.frames.get_mut(frame) else { return };
        if f.state == State::Stalled {
            f.state = State::Running;
            self.switch(frame, Part::Computing, now);
            self.ready.push(frame);
        }
    }

    /// Stops a process from outside (SIGSTOP). A collection under way is interrupted too.
    pub(super) fn stop_from_outside<S: Sink>(&mut self, process: u32, sink: &mut S) {
        self.begin_stop(process, 0, Stops::stop_from_outside);
        if self.processes[process as usize].stops.outside() == 1 {
            self.interrupt_collection(process);
            let now = self.now();
            self.processes[process as usize].cpu.pause(now, 0);
            self.reschedule_processor(process);
            self.emit_state(process, Transition::Paused { on: true }, sink);
        }
    }

    /// Lets a process go on (SIGCONT): first the rest of an interrupted collection.
    pub(super) fn continue_from_outside<S: Sink>(&mut self, process: u32, sink: &mut S) {
        if self.processes[process as usize].stops.outside() == 1 {
            self.emit_state(process, Transition::Paused { on: false }, sink);
        }
        self.end_stop(process, Stops::go_on_from_outside, sink);
    }
}
