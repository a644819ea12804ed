//! Phases: what a component could as well be at, for all that requests and faults have to do with it. A copy of the world whose phases are
//! redrawn is a placebo: what differs from the world itself differs by chance.
//!
//! Redrawn, from the present on, within what each machine's law allows given its past:
//!
//! * a JVM's young space: how much garbage lies in eden, up to what was ever in use and to where eden ends,
//! * CPython's collector: allocations since generation 0 was examined, and the turns of the older generations,
//! * HikariCP: how long each connection still lives (its variance is drawn anew, given that it lives), its next ping, the housekeeper,
//! * caches: which key expires when (keys change their times to live with each other),
//! * periodic vacations: when the next one begins,
//! * probes: how the grid of their ticks lies,
//! * taking turns: whose turn it is at each caller; outlier ejection: when hosts are next looked at,
//! * all later draws that belong to components and not to requests: start-ups, latencies of opening, validating and closing connections,
//!   lifetimes, lengths of vacations and the times between them, keys sampled for evictions, LFU counters, Vegas' probes.
//!
//! Nothing of the kind is there in: quotas of processors, whose periods lie on one grid for all of time, as do the cycles that look for expired
//! keys (those that take time: on one of their own, which begins with the server) and the seconds of rolling windows and breakers; G1's phases, adaptive sizes, buckets of limiters, budgets, latencies that balancers have seen and idle
//! kept-alive connections, which requests have made what they are; back-offs of restarts, and vacations of who has nothing to do. Scrapes belong to nobody.
//!
//! Draws of requests, of faults (which back ends are terminated) and the names of log lines stay as they are.

use super::{Event, PoolEvent, World};
use crate::blueprint::Vacation;
use crate::id::ServiceId;
use crate::pool::HOUSEKEEPING;
use crate::process::{Life, Reason};
use crate::purpose;
use knockon_kernel::{Duration, Key, Time};

/// What of a process is redrawn: parts of draw addresses.
const HEAP: u64 = 1;
const CONNECTIONS: u64 = 2;
const HOUSEKEEPER: u64 = 3;
const AWAY: u64 = 4;
const PROBES: u64 = 5;

impl World {
    /// Redraws the phases of all components, between events. The same salt gives the same phases.
    pub fn redraw_phases(&mut self, salt: u64) {
        for process in 0..self.processes.len() as u32 {
            let p = &mut self.processes[process as usize];
            let phase = p.key.purpose(purpose::PHASE).with(salt);
            p.component = phase.purpose(purpose::COMPONENT);
            if let Some(heap) = &mut p.heap {
                heap.redraw_phase(phase.with(HEAP));
            }
            self.redraw_addresses(process);
            for pool in 0..self.processes[process as usize].pools.len() {
                self.redraw_connections(process, pool as u8, phase.with(CONNECTIONS).with(pool as u64));
                self.redraw_housekeeper(process, pool as u8, phase.with(HOUSEKEEPER).with(pool as u64));
            }
            self.redraw_vacation(process, phase.with(AWAY));
            self.redraw_probes(process, phase.with(PROBES));
        }
        let reached = self.reached();
        for upstream in &mut self.upstreams {
            upstream.redraw_phase(reached, salt);
        }
    }

    /// Whether there is any phase to redraw.
    #[must_use]
    pub fn has_phases(&self) -> bool {
        let has = |p: &crate::process::Process| {
            let limits = p.guard.as_ref().is_some_and(|guard| guard.concurrency.is_some());
            p.heap.is_some() || !p.pools.is_empty() || p.store.is_some() || !p.caches.is_empty() || limits
        };
        let vacations = self.blueprint.services.iter().any(|service| service.vacation.is_some());
        let probes = self.processes.iter().any(|p| p.watch.is_some());
        vacations || probes || !self.upstreams.is_empty() || self.processes.iter().any(has)
    }

    /// Later draws of the machines that have addresses of their own, and who of a cache's keys expires when.
    fn redraw_addresses(&mut self, process: u32) {
        let reached = self.reached();
        let p = &mut self.processes[process as usize];
        let life = p.component.with(u64::from(p.incarnation));
        for (pool, machine) in (0..).zip(&mut p.pools) {
            machine.redraw(life.with(pool));
        }
        let key = p.life_key();
        if let Some(store) = &mut p.store {
            store.redraw(reached, key, key.purpose(purpose::PHASE));
        }
        let caches = self.blueprint.local_caches_of(ServiceId(p.service));
        for (store, (_, cache)) in p.caches.iter_mut().zip(caches) {
            let key = key.name(&cache.name);
            store.redraw(reached, key, key.purpose(purpose::PHASE));
        }
        if let Some(limit) = p.guard.as_mut().and_then(|guard| guard.concurrency.as_mut()) {
            limit.redraw(life);
        }
    }

    /// When connections retire, and are next pinged.
    fn redraw_connections(&mut self, process: u32, pool: u8, phase: Key) {
        let reached = self.reached();
        let incarnation = self.processes[process as usize].incarnation;
        for n in 0..self.processes[process as usize].connection_timers.len() {
            let p = &mut self.processes[process as usize];
            let timer = p.connection_timers[n];
            if timer.pool != pool {
                continue;
            }
            let unit = phase.with(u64::from(timer.connection.0)).with(timer.what as u64).unit();
            let machine = &p.pools[usize::from(pool)];
            let at = match timer.what {
                PoolEvent::Retire => machine.retires(reached, timer.connection, unit),
                PoolEvent::KeepAlive => machine.pings(reached, unit),
                _ => None,
            };
            let Some(at) = at else { continue };
            // One that has fired lies in an inbox or has done what it was for.
            if self.calendar.cancel(timer.ticket) {
                let (connection, what) = (timer.connection, timer.what);
                let event = Event::Pool { process, incarnation, connection, pool, what };
                let ticket = self.calendar.schedule(at, event.packed());
                self.processes[process as usize].connection_timers[n].ticket = ticket;
            }
        }
    }

    fn redraw_housekeeper(&mut self, process: u32, pool: u8, phase: Key) {
        if self.processes[process as usize].pools[usize::from(pool)].needs_housekeeping() {
            self.keep_house(process, pool, within(self.reached(), HOUSEKEEPING, phase.unit()));
        }
    }

    fn redraw_vacation(&mut self, process: u32, phase: Key) {
        let p = &self.processes[process as usize];
        let plans = matches!(p.life, Life::Running | Life::Stopping) && !p.stops.has(Reason::Away);
        let Some(described) = self.blueprint.services.get(p.service as usize) else { return };
        if let (true, Some(Vacation::Periodic { every, .. })) = (plans, described.vacation) {
            let gap = self.vacation_draw(process, every, purpose::VACATION_GAP);
            self.plan_vacation(process, within(self.reached(), gap, phase.unit()));
        }
    }
}

/// An instant after `from` and at most so much later.
pub(crate) fn within(from: Time, length: Duration, unit: f64) -> Time {
    let after_ns = (unit * length.as_nanos() as f64) as u64;
    from.saturating_add(Duration::from_nanos(after_ns.saturating_add(1)))
}
