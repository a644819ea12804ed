//! Vacations: a process stands still of itself, at intervals or whenever it has nothing to do.
//!
//! To others it is a pause like any: arrivals queue, what is addressed to it waits in its inbox. A vacation's length does not depend on
//! what else stops the process meanwhile.

use super::{Event, World};
use crate::blueprint::Vacation;
use crate::process::{Life, Reason};
use crate::purpose;
use crate::sink::Sink;
use knockon_kernel::{Duration, Purpose, Time};

impl World {
    /// A process begins its life: its vacations begin too.
    pub(super) fn plan_vacations(&mut self, process: u32) {
        let p = &self.processes[process as usize];
        match self.blueprint.services[p.service as usize].vacation {
            None => {}
            Some(Vacation::Periodic { .. }) => self.next_vacation(process, Duration::ZERO),
            Some(Vacation::WhenIdle { repeats: true, .. }) => self.leave(process),
            Some(Vacation::WhenIdle { repeats: false, .. }) => {}
        }
    }

    pub(super) fn vacation_draw(&self, process: u32, sampler: crate::id::SamplerId, what: Purpose) -> Duration {
        let p = &self.processes[process as usize];
        self.draw(sampler, || p.component.purpose(what).with(p.vacations))
    }

    /// The next of periodic vacations; the last one began `ago`.
    fn next_vacation(&mut self, process: u32, ago: Duration) {
        let p = &self.processes[process as usize];
        let service = p.service as usize;
        let Some(Vacation::Periodic { every, .. }) = self.blueprint.services[service].vacation else { return };
        let gap = self.vacation_draw(process, every, purpose::VACATION_GAP);
        self.plan_vacation(process, self.now() + gap.saturating_sub(ago));
    }

    /// The next of periodic vacations begins at `due`, whatever was planned before.
    pub(super) fn plan_vacation(&mut self, process: u32, due: Time) {
        let p = &mut self.processes[process as usize];
        p.vacation_due = due;
        let event = Event::VacationDue { process, incarnation: p.incarnation };
        self.calendar.post(due, event.packed());
    }

    /// A periodic vacation begins.
    pub(super) fn vacation_due(&mut self, process: u32, incarnation: u32) {
        let p = &self.processes[process as usize];
        if p.incarnation == incarnation && p.vacation_due == self.now() {
            self.leave(process);
        }
    }

    /// The process has nothing to do: it leaves.
    #[cold]
    pub(super) fn idle(&mut self, process: u32) {
        let p = &self.processes[process as usize];
        if p.life == Life::Running && !p.stops.has(Reason::Away) && p.busy == 0 && p.queue.is_empty() {
            self.leave(process);
        }
    }

    fn leave(&mut self, process: u32) {
        let p = &self.processes[process as usize];
        let (service, incarnation) = (p.service as usize, p.incarnation);
        let Some(Vacation::Periodic { length, .. } | Vacation::WhenIdle { length, .. }) =
            self.blueprint.services[service].vacation
        else {
            return;
        };
        let length = self.vacation_draw(process, length, purpose::VACATION);
        let now = self.now();
        let p = &mut self.processes[process as usize];
        (p.away_since, p.vacations) = (now, p.vacations + 1);
        self.begin_stop(process, 0, |stops| stops.set(Reason::Away, true));
        let statistics = &mut self.services[service].statistics;
        statistics.vacations += 1;
        let event = Event::VacationOver { process, incarnation };
        self.calendar.post(self.now() + length, event.packed());
    }

    /// The process comes back.
    pub(super) fn vacation_over<S: Sink>(&mut self, process: u32, incarnation: u32, sink: &mut S) {
        let p = &self.processes[process as usize];
        if p.incarnation != incarnation || !p.stops.has(Reason::Away) {
            return;
        }
        let service = p.service as usize;
        let vacation = self.blueprint.services[service].vacation;
        self.end_stop(process, |stops| stops.set(Reason::Away, false), sink);
        match vacation {
            Some(Vacation::Periodic { .. }) => {
                let took = self.now() - self.processes[process as usize].away_since;
                self.next_vacation(process, took);
            }
            Some(Vacation::WhenIdle { repeats: true, .. }) => self.idle(process),
            _ => {}
        }
    }
}
