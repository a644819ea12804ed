//! The processor quota stops a process when it is burnt, until its next period: a throttled process does nothing at all, as every
//! thread of its container is taken off the cores. Its collector's threads are in the same container, so a pause that burns
//! the quota is interrupted and lasts longer.

use super::World;
use crate::process::Reason;
use crate::sink::Sink;
use knockon_kernel::Duration;

impl World {
    /// The quota is burnt.
    pub(super) fn begin_throttling(&mut self, process: u32) {
        self.begin_stop(process, 0, |stops| stops.set(Reason::Throttled, true));
        if self.processes[process as usize].stops.has(Reason::Collecting) {
            self.interrupt_collection(process);
        }
    }

    /// A period may have begun: then the process goes on.
    pub(super) fn end_throttling<S: Sink>(&mut self, process: u32, sink: &mut S) {
        if !self.processes[process as usize].cpu.is_throttled() {
            self.end_stop(process, |stops| stops.set(Reason::Throttled, false), sink);
        }
    }

    /// The quota was changed.
    pub(super) fn set_quota<S: Sink>(&mut self, process: u32, milli: Option<u32>, sink: &mut S) {
        let now = self.now();
        let p = &mut self.processes[process as usize];
        p.has_quota = milli.is_some();
        p.cpu.set_quota(now, milli);
        if p.stops.has(Reason::Throttled) {
            self.end_throttling(process, sink);
        }
        self.reschedule_processor(process);
    }

    /// A process dies: it stands still no longer.
    pub(super) fn forget_stops(&mut self, process: u32) {
        self.touch_process(process);
        let now = self.now();
        let p = &mut self.processes[process as usize];
        let statistics = &mut self.services[p.service as usize].statistics;
        if p.stops.halt() {
            let halted = now - p.halted_since;
            p.halted_total_ns += halted.as_nanos();
            statistics.paused += halted;
        }
        if p.is_stopped() {
            let stood_ns = (now - p.stopped_since).as_nanos();
            p.stopped_total_ns += stood_ns;
            statistics.throttled += Duration::from_nanos(stood_ns - (p.halted_total_ns - p.halted_before_ns));
        }
        p.stops = crate::process::Stops::default();
        p.pause_left = None;
    }
}
