//! Admission: a request reaches its process, is queued, refused or taken up by a worker, and leaves the queue again when its
//! caller has left.

use super::{Event, World};
use crate::frame::{Outcome, State};
use crate::id::FrameRef;
use crate::process::Life;
use crate::record::{ErrorType, Part, Transition};
use crate::sink::Sink;

impl World {
    /// A request reaches its process. The kernel accepts connections even while the process stands still.
    #[inline]
    pub(super) fn deliver<S: Sink>(&mut self, frame: FrameRef, sink: &mut S) {
        let now = self.now();
        let f = &mut self.frames[frame];
        f.arrived = now;
        f.since = now;
        f.part = Part::Queued;
        let (index, program) = (f.process as usize, f.program);
        f.pc = self.tables.programs[program as usize].first;
        let process = &mut self.processes[index];
        let service = process.service as usize;
        self.services[service].statistics.arrived += 1;
        if process.life != Life::Running {
            let over_a_connection = self.is_database(service);
            let error = if over_a_connection { ErrorType::ConnectionLost } else { ErrorType::ConnectionRefused };
            self.refuse(frame, error);
            return;
        }
        let stopped = process.is_stopped();
        if process.busy < process.workers && !stopped {
            process.busy += 1;
            self.services[service].statistics.in_flight += 1;
            self.take_up(frame);
        } else if (process.queue.len() as u64) < u64::from(process.places) {
            process.queue.push_back(frame);
            self.frames[frame].state = State::Queued;
            self.services[service].statistics.in_flight += 1;
        } else {
            self.emit_state(index as u32, Transition::Refused, sink);
            self.refuse(frame, ErrorType::ConnectionRefused);
        }
    }

    fn refuse(&mut self, frame: FrameRef, error: ErrorType) {
        let f = &mut self.frames[frame];
        f.outcome = Outcome { status: 0, error: Some(error) };
        f.keeps_connection = false;
        let service = self.processes[f.process as usize].service;
        self.services[service as usize].statistics.refused += 1;
        self.send_answer(frame);
    }

    /// A worker takes a frame up: it runs within this instant.
    #[inline]
    pub(super) fn take_up(&mut self, frame: FrameRef) {
        let now = self.now();
        let f = &mut self.frames[frame];
        f.switch(Part::Computing, now);
        f.state = State::Running;
        let process = &mut self.processes[f.process as usize];
        process.served = process.served.saturating_add(1);
        self.ready.push(frame);
    }

    /// Workers that are free take up what is queued.
    #[inline]
    pub(super) fn take_up_queued(&mut self, process: u32) {
        loop {
            let p = &mut self.processes[process as usize];
            if p.is_stopped() || p.busy >= p.workers || !matches!(p.life, Life::Running | Life::Stopping) {
                return;
            }
            let Some(frame) = p.queue.pop_front() else { return };
            p.busy += 1;
            self.take_up(frame);
        }
    }

    /// The server hears that the caller of a frame left.
    pub(super) fn cancel(&mut self, frame: FrameRef) {
        let Some(f) = self.frames.get_mut(frame) else { return };
        let process = f.process;
        if self.processes[process as usize].is_stopped() {
            let now = self.now();
            self.processes[process as usize].inbox.push_back((now, Event::Cancel { frame }));
            return;
        }
        f.cancelled = true;
        if f.state != State::Queued {
            return;
        }
        let p = &mut self.processes[process as usize];
        p.queue.retain(|&queued| queued != frame);
        let service = p.service as usize;
        self.services[service].statistics.in_flight -= 1;
        self.services[service].statistics.failed += 1;
        let f = &mut self.frames[frame];
        f.outcome = Outcome { status: 0, error: Some(ErrorType::Cancelled) };
        self.send_answer(frame);
    }
}
