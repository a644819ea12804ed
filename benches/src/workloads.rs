//! The anchor workloads on knockon's calendar or on a bare one: what an event costs before any model of a service adds its own.
//!
//! - W1: M/M/1 at utilisation 0.8, mean sojourn 5 ms.
//! - W2: Poisson 500/s → web (16 workers, 5 ms) → pool of 10 connections → database (8 servers, 10 ms). A worker is held
//!   throughout; a timeout of 1 s is scheduled and cancelled for each request. Mean sojourn 15.5 ms.
//! - Hold: each event schedules one successor; the number pending is constant.

use crate::agenda::{Agenda, Event, Kind};
use crate::draws::Draws;
use crate::report::Outcome;
use knockon_kernel::{Duration, Sampler, SamplerError, Time};
use std::collections::VecDeque;

const fn event(kind: Kind, request: u32) -> Event {
    Event { kind, request, serial: 0 }
}

/// A serial that no timer has.
const NOBODY: u64 = u64::MAX;
const TIMEOUT: Duration = Duration::from_secs(1);
const MILLISECOND_NS: f64 = 1e6;

/// M/M/1 with `n` customers.
///
/// # Errors
/// None: the laws are constant.
pub fn w1<A: Agenda>(n: u64, draws: &mut impl Draws) -> Result<Outcome, SamplerError> {
    let (gap, service) = (Sampler::exponential(1.25 * MILLISECOND_NS)?, Sampler::exponential(MILLISECOND_NS)?);
    let mut agenda = A::new(TIMEOUT);
    let mut queue: VecDeque<Time> = VecDeque::new();
    let mut outcome = Outcome::default();
    let mut left = n;
    agenda.post(Time::ZERO + draws.delay(&gap), event(Kind::Arrive, 0));
    while let Some((now, Event { kind, .. })) = agenda.next() {
        outcome.events += 1;
        if kind == Kind::Arrive {
            left -= 1;
            if left > 0 {
                agenda.post(now + draws.delay(&gap), event(Kind::Arrive, 0));
            }
            queue.push_back(now);
            if queue.len() > 1 {
                continue;
            }
        } else {
            let arrived = queue.pop_front().unwrap_or(now);
            outcome.sojourn_sum_ns += u128::from((now - arrived).as_nanos());
            outcome.done += 1;
            if queue.is_empty() {
                continue;
            }
        }
        agenda.post(now + draws.delay(&service), event(Kind::WebDone, 0));
    }
    Ok(outcome)
}

/// Hold with `pending` events, `n` of which are popped.
///
/// # Errors
/// None: the law is constant.
pub fn hold<A: Agenda>(n: u64, pending: u64, draws: &mut impl Draws) -> Result<Outcome, SamplerError> {
    let increment = Sampler::exponential(MILLISECOND_NS)?;
    let mut agenda = A::new(TIMEOUT);
    for owner in 0..pending {
        agenda.post(Time::ZERO + draws.delay(&increment), event(Kind::Arrive, owner as u32));
    }
    for _ in 0..n {
        if let Some((now, event)) = agenda.next() {
            agenda.post(now + draws.delay(&increment), event);
        }
    }
    Ok(Outcome { events: n, done: n, ..Outcome::default() })
}

const WORKERS: u32 = 16;
const CONNECTIONS: u32 = 10;
const SERVERS: u32 = 8;

#[derive(Clone, Copy, Debug)]
struct Request<T> {
    system: u32,
    arrived: Time,
    timer: T,
    /// Of the timer that runs for it.
    serial: u64,
}

#[derive(Debug, Default)]
struct System {
    workers: u32,
    connections: u32,
    servers: u32,
    for_worker: VecDeque<u32>,
    for_connection: VecDeque<u32>,
    for_server: VecDeque<u32>,
}

struct ThreeTiers<'a, A: Agenda, D> {
    agenda: A,
    draws: &'a mut D,
    gap: Sampler,
    web: Sampler,
    database: Sampler,
    systems: Vec<System>,
    requests: Vec<Request<A::Timer>>,
    free: Vec<u32>,
    left: u64,
    outcome: Outcome,
}

/// W2 with `n` requests over `systems` copies in one calendar.
///
/// # Errors
/// None: the laws are constant.
pub fn w2<A: Agenda>(n: u64, systems: u32, draws: &mut impl Draws) -> Result<Outcome, SamplerError> {
    let mut tiers = ThreeTiers {
        agenda: A::new(TIMEOUT),
        draws,
        gap: Sampler::exponential(2.0 * MILLISECOND_NS)?,
        web: Sampler::exponential(5.0 * MILLISECOND_NS)?,
        database: Sampler::exponential(10.0 * MILLISECOND_NS)?,
        systems: (0..systems).map(|_| System::default()).collect(),
        requests: Vec::new(),
        free: Vec::new(),
        left: n,
        outcome: Outcome::default(),
    };
    for system in 0..systems {
        tiers.post_arrival(Time::ZERO, system);
    }
    while let Some((now, event)) = tiers.agenda.next() {
        tiers.outcome.events += 1;
        tiers.on(now, event);
    }
    Ok(tiers.outcome)
}

impl<A: Agenda, D: Draws> ThreeTiers<'_, A, D> {
    #[inline]
    fn on(&mut self, now: Time, event: Event) {
        match event.kind {
            Kind::Arrive => self.arrive(now, event.request),
            Kind::WebDone => self.ask_connection(now, event.request),
            Kind::DatabaseDone => self.finish(now, event.request),
            Kind::Timeout => {
                let request = &mut self.requests[event.request as usize];
                if request.serial == event.serial {
                    request.serial = NOBODY;
                    self.outcome.timeouts += 1;
                }
            }
        }
    }

    fn post_arrival(&mut self, now: Time, system: u32) {
        self.agenda.post(now + self.draws.delay(&self.gap), event(Kind::Arrive, system));
    }

    fn serve_web(&mut self, now: Time, request: u32) {
        self.agenda.post(now + self.draws.delay(&self.web), event(Kind::WebDone, request));
    }

    fn serve_database(&mut self, now: Time, request: u32) {
        self.agenda.post(now + self.draws.delay(&self.database), event(Kind::DatabaseDone, request));
    }

    fn arrive(&mut self, now: Time, system: u32) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        self.post_arrival(now, system);
        let id = self.free.pop().unwrap_or(self.requests.len() as u32);
        let serial = self.left;
        let timer = self.agenda.start(now, Event { kind: Kind::Timeout, request: id, serial });
        let request = Request { system, arrived: now, timer, serial };
        match self.requests.get_mut(id as usize) {
            Some(slot) => *slot = request,
            None => self.requests.push(request),
        }
        let tiers = &mut self.systems[system as usize];
        if tiers.workers < WORKERS {
            tiers.workers += 1;
            self.serve_web(now, id);
        } else {
            tiers.for_worker.push_back(id);
        }
    }

    fn ask_connection(&mut self, now: Time, request: u32) {
        let tiers = &mut self.systems[self.requests[request as usize].system as usize];
        if tiers.connections == CONNECTIONS {
            tiers.for_connection.push_back(request);
            return;
        }
        tiers.connections += 1;
        if tiers.servers == SERVERS {
            tiers.for_server.push_back(request);
            return;
        }
        tiers.servers += 1;
        self.serve_database(now, request);
    }

    fn finish(&mut self, now: Time, id: u32) {
        let request = self.requests[id as usize];
        if request.serial != NOBODY {
            self.agenda.stop(request.timer);
            self.requests[id as usize].serial = NOBODY;
            self.outcome.done += 1;
            self.outcome.sojourn_sum_ns += u128::from((now - request.arrived).as_nanos());
        }
        self.free.push(id);
        let tiers = &mut self.systems[request.system as usize];
        // A freed connection goes to a waiting worker, which joins the database's queue at its end.
        match tiers.for_connection.pop_front() {
            Some(next) => tiers.for_server.push_back(next),
            None => tiers.connections -= 1,
        }
        let for_server = tiers.for_server.pop_front();
        if for_server.is_none() {
            tiers.servers -= 1;
        }
        let for_worker = tiers.for_worker.pop_front();
        if for_worker.is_none() {
            tiers.workers -= 1;
        }
        if let Some(next) = for_server {
            self.serve_database(now, next);
        }
        if let Some(next) = for_worker {
            self.serve_web(now, next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agenda::{Bare, Kernel};
    use crate::draws::{Addressed, Sequential};

    fn mean_ms(outcome: Outcome) -> f64 {
        outcome.sojourn_sum_ns as f64 / outcome.done as f64 / 1e6
    }

    #[test]
    fn both_calendars_simulate_the_same() {
        let draws = || Sequential::new(7);
        let (w1s, bare) = (w1::<Kernel>(50_000, &mut draws()), w1::<Bare>(50_000, &mut draws()));
        assert_eq!(w1s.unwrap(), bare.unwrap());
        let done = |outcome: Outcome| (outcome.done, outcome.timeouts, outcome.sojourn_sum_ns);
        let (w2s, bare) = (w2::<Kernel>(50_000, 3, &mut draws()), w2::<Bare>(50_000, 3, &mut draws()));
        assert_eq!(done(w2s.unwrap()), done(bare.unwrap()));
    }

    #[test]
    fn the_workloads_agree_with_theory_however_they_draw() {
        for seed in 1..3 {
            let w1s = [
                w1::<Kernel>(400_000, &mut Sequential::new(seed)),
                w1::<Bare>(400_000, &mut Sequential::new(seed)),
                w1::<Kernel>(400_000, &mut Addressed::new(seed)),
            ];
            for outcome in w1s {
                let outcome = outcome.unwrap();
                assert_eq!(outcome.done, 400_000);
                assert!((mean_ms(outcome) - 5.0).abs() < 0.35, "{outcome:?}");
            }
            let w2s = [
                w2::<Kernel>(200_000, 1, &mut Sequential::new(seed)),
                w2::<Bare>(200_000, 1, &mut Sequential::new(seed)),
                w2::<Kernel>(200_000, 3, &mut Addressed::new(seed)),
            ];
            for outcome in w2s {
                let outcome = outcome.unwrap();
                assert_eq!((outcome.done, outcome.timeouts), (200_000, 0));
                assert!((mean_ms(outcome) - 15.5).abs() < 0.2, "{outcome:?}");
            }
        }
    }
}
