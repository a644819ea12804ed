//! Computing: a frame needs its process' processor for a drawn demand.
//!
//! Where cores are unlimited each demand is a timer of its own, extended by the time that the process stood still
//! meanwhile; else the processor machine shares the cores and one calendar entry stands for its next completion.

use super::{Event, World};
use crate::cpu::Wake;
use crate::frame::State;
use crate::id::{FrameRef, SamplerId};
use crate::process::Reason;
use crate::purpose;
use crate::record::Part;
use crate::sink::Sink;
use knockon_kernel::{Duration, Ticket, Time};

impl World {
    /// A frame begins to compute.
    #[inline(always)]
    pub(super) fn compute(&mut self, frame: FrameRef, site: u32, demand: SamplerId) {
        let f = &self.frames[frame];
        let (index, key) = (f.process, f.key.with(u64::from(site)).with(f.iteration()));
        let demand = self.warmed(index, self.draw_for(frame, demand, || key.purpose(purpose::DEMAND)));
        self.compute_for(frame, demand);
    }

    /// A frame needs the processor for a demand.
    #[inline(always)]
    pub(super) fn compute_for(&mut self, frame: FrameRef, demand: Duration) {
        let now = self.now();
        let index = self.frames[frame].process;
        let process = &mut self.processes[index as usize];
        let mark = process.stopped_ns(now);
        let f = &mut self.frames[frame];
        f.state = State::Computing;
        f.switch(Part::Computing, now);
        // Its standing: below.
        f.demand_ns = demand.as_nanos();
        f.paused_mark_ns = mark;
        if process.has_quota {
            f.throttled_mark_ns = process.throttled_ns(now);
        }
        if let Some(blame) = &mut self.blame {
            blame.touch(frame.slot);
        }
        if process.unlimited_cores {
            f.timer_serial = f.timer_serial.wrapping_add(1);
            self.calendar.post(now + demand, Event::Timer { frame, serial: f.timer_serial }.packed());
        } else {
            process.cpu.start(now, frame, demand);
            let service = process.service as usize;
            self.services[service].statistics.processor.enter(now);
            self.keep_loop(index);
            self.reschedule_processor(index);
        }
    }

    /// The demand of a young process is larger.
    #[inline]
    fn warmed(&self, process: u32, demand: Duration) -> Duration {
        let p = &self.processes[process as usize];
        if p.served == u32::MAX {
            // Warm from the beginning.
            return demand;
        }
        let Some(warm_up) = self.blueprint.services.get(p.service as usize).and_then(|service| service.warm_up) else {
            return demand;
        };
        if p.served >= warm_up.requests {
            return demand;
        }
        let left = 1.0 - f64::from(p.served) / f64::from(warm_up.requests);
        let factor = 1.0 + (warm_up.factor - 1.0) * left;
        Duration::from_real_nanos(demand.as_nanos() as f64 * factor).expect("a checked warm-up factor is finite")
    }

    /// A demand on unlimited cores has had its time, but for what the process stood still.
    #[inline(always)]
    pub(super) fn computed(&mut self, frame: FrameRef, serial: u32) {
        let now = self.now();
        let f = &self.frames[frame];
        let stood_ns = self.processes[f.process as usize].stopped_ns(now) - f.paused_mark_ns;
        let due = f.since + Duration::from_nanos(f.demand_ns + stood_ns);
        if due > now {
            self.calendar.post(due, Event::Timer { frame, serial }.packed());
            return;
        }
        self.end_computing(frame, now);
    }

    /// The next job of a shared processor is done.
    pub(super) fn processor_due<S: Sink>(&mut self, process: u32, incarnation: u32, sink: &mut S) {
        let now = self.now();
        let p = &mut self.processes[process as usize];
        if p.incarnation != incarnation {
            return;
        }
        p.cpu_ticket = Ticket::NONE;
        while let Some(frame) = self.processes[process as usize].cpu.complete(now) {
            self.end_computing(frame, now);
            self.turn_loop(process);
        }
        if self.processes[process as usize].stops.has(Reason::Throttled) {
            self.end_throttling(process, sink);
        }
        self.reschedule_processor(process);
    }

    /// Books a finished Compute: its demand, what the process stood still, and the wait for a core.
    #[inline(always)]
    fn end_computing(&mut self, frame: FrameRef, now: Time) {
        let f = &mut self.frames[frame];
        let process = &mut self.processes[f.process as usize];
        let statistics = &mut self.services[process.service as usize].statistics;
        if process.unlimited_cores {
            process.computed_ns += f.demand_ns;
        } else {
            statistics.processor.leave(now, f.since);
        }
        let elapsed_ns = (now - f.since).as_nanos();
        let stood_ns = process.stopped_ns(now) - f.paused_mark_ns;
        let waited_ns = elapsed_ns
            .checked_sub(f.demand_ns + stood_ns)
            .expect("a job never completes before its demand and the stops are over");
        f.parts[Part::Computing as usize] += f.demand_ns;
        let throttled_ns = if process.has_quota { process.throttled_ns(now) - f.throttled_mark_ns } else { 0 };
        f.parts[Part::Throttled as usize] += throttled_ns;
        f.parts[Part::Paused as usize] += stood_ns - throttled_ns;
        f.parts[Part::CpuWait as usize] += waited_ns;
        f.since = now;
        f.state = State::Running;
        statistics.computed += Duration::from_nanos(f.demand_ns);
        self.ready.push(frame);
    }

    /// Takes a job off the processor before it is done, and books what it had.
    pub(super) fn stop_computing(&mut self, frame: FrameRef) {
        let now = self.now();
        let f = &mut self.frames[frame];
        let index = f.process;
        let process = &mut self.processes[index as usize];
        let elapsed_ns = (now - f.since).as_nanos();
        let stood_ns = process.stopped_ns(now) - f.paused_mark_ns;
        let done_ns = if process.unlimited_cores {
            // Its timer is stale from now on.
            f.timer_serial = f.timer_serial.wrapping_add(1);
            let done_ns = (elapsed_ns - stood_ns).min(f.demand_ns);
            process.computed_ns += done_ns;
            done_ns
        } else {
            self.services[process.service as usize].statistics.processor.leave(now, f.since);
            f.demand_ns - process.cpu.remove(now, frame).map_or(0, Duration::as_nanos)
        };
        f.parts[Part::Computing as usize] += done_ns;
        let throttled_ns = if process.has_quota { process.throttled_ns(now) - f.throttled_mark_ns } else { 0 };
        f.parts[Part::Throttled as usize] += throttled_ns;
        f.parts[Part::Paused as usize] += stood_ns - throttled_ns;
        f.parts[Part::CpuWait as usize] += elapsed_ns - done_ns - stood_ns;
        f.since = now;
        f.state = State::Running;
        self.services[process.service as usize].statistics.computed += Duration::from_nanos(done_ns);
        self.turn_loop(index);
        self.reschedule_processor(index);
    }

    /// Keeps the calendar's one entry for a processor at its next completion.
    pub(super) fn reschedule_processor(&mut self, process: u32) {
        let p = &mut self.processes[process as usize];
        if p.has_quota && !p.stops.has(Reason::Throttled) && p.cpu.is_throttled() {
            self.begin_throttling(process);
        }
        let p = &mut self.processes[process as usize];
        let wake = p.cpu.wake();
        if wake == Wake::Keep {
            return;
        }
        if p.cpu_ticket != Ticket::NONE {
            self.calendar.cancel(p.cpu_ticket);
            p.cpu_ticket = Ticket::NONE;
        }
        if let Wake::At(at) = wake {
            let event = Event::Processor { process, incarnation: p.incarnation };
            p.cpu_ticket = self.calendar.schedule(at, event.packed());
        }
    }
}
