//! Incidents that were measured on a real HikariCP, on the same arrivals: a request every 25 ms, a query of 101.5 ms, ten
//! connections, an acquire timeout of 1 s.

use super::*;
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug)]
enum Event {
    Arrive(u32),
    GiveUp(u32),
    Validated(u32, ConnectionId),
    Answered(ConnectionId),
    Opened(ConnectionId),
    OpenedFor(u32, ConnectionId),
    Refill,
    Terminate,
}

/// A process with a pool, a database, and a calendar.
struct Incident {
    bench: Bench,
    calendar: BTreeMap<(Time, u64), Event>,
    scheduled: u64,
    /// The database refuses connects in this interval.
    down: [Time; 2],
    /// Connections with a query under way.
    querying: Vec<ConnectionId>,
    ok: u32,
    errors: u32,
    timeouts: u32,
}

const HOLD_US: u64 = 101_500;
const ROUND_TRIP_US: u64 = 300;
const CONNECT_US: u64 = 12_000;

impl Incident {
    fn new(config: &blueprint::Pool) -> Self {
        Self {
            bench: Bench::new(config),
            calendar: BTreeMap::new(),
            scheduled: 0,
            down: [Time::MAX; 2],
            querying: Vec::new(),
            ok: 0,
            errors: 0,
            timeouts: 0,
        }
    }

    fn after(&mut self, now: Time, us: u64, event: Event) {
        self.scheduled += 1;
        self.calendar.insert((now + Duration::from_micros(us), self.scheduled), event);
    }

    fn got(&mut self, now: Time, who: u32, acquisition: Acquisition) {
        match acquisition {
            Acquisition::Granted(connection) if self.bench.pool.is_severed(connection) => {
                self.errors += 1;
                self.call(now, |pool, out| pool.release(now, connection, true, out));
            }
            Acquisition::Granted(connection) => {
                self.querying.push(connection);
                self.after(now, HOLD_US, Event::Answered(connection));
            }
            Acquisition::Validate(connection) => {
                self.after(now, ROUND_TRIP_US, Event::Validated(who, connection));
            }
            Acquisition::Connect(connection) => self.after(now, CONNECT_US, Event::OpenedFor(who, connection)),
            Acquisition::Waiting => self.after(now, 1_000_250, Event::GiveUp(who)),
        }
    }

    fn call(&mut self, now: Time, call: impl FnOnce(&mut Pool, &mut Vec<Effect>)) {
        for effect in self.bench.with(call) {
            match effect {
                Effect::Connect(connection) => self.after(now, CONNECT_US, Event::Opened(connection)),
                Effect::RetryConnect { after } => self.after(now, after.as_nanos() / 1_000, Event::Refill),
                Effect::Grant { frame, connection } => self.got(now, frame.slot, Acquisition::Granted(connection)),
                Effect::Validate { frame, connection } => self.got(now, frame.slot, Acquisition::Validate(connection)),
                Effect::ConnectFor { frame, connection } => self.got(now, frame.slot, Acquisition::Connect(connection)),
                Effect::Close { .. } => {}
                other => panic!("not expected of this pool: {other:?}"),
            }
        }
    }

    fn ask(&mut self, now: Time, who: u32) {
        let mut acquisition = Acquisition::Waiting;
        self.call(now, |pool, out| acquisition = pool.acquire(now, frame(who), out));
        self.got(now, who, acquisition);
    }

    fn result(&self, now: Time) -> Result<(), ErrorType> {
        if (self.down[0]..self.down[1]).contains(&now) { Err(ErrorType::ConnectionRefused) } else { Ok(()) }
    }

    fn handle(&mut self, now: Time, event: Event) {
        match event {
            Event::Arrive(who) => self.ask(now, who),
            Event::GiveUp(who) => self.timeouts += u32::from(self.bench.pool.give_up(now, frame(who)).is_some()),
            Event::Validated(who, connection) => {
                let alive = !self.bench.pool.is_severed(connection);
                let mut acquisition = Acquisition::Waiting;
                self.call(now, |pool, out| acquisition = pool.validated(now, connection, alive, frame(who), out));
                self.got(now, who, acquisition);
            }
            Event::Answered(connection) => {
                // Those that were cut short are not there any more.
                let Some(at) = self.querying.iter().position(|&querying| querying == connection) else { return };
                self.querying.remove(at);
                self.ok += 1;
                self.call(now, |pool, out| pool.release(now, connection, false, out));
            }
            Event::Opened(connection) => {
                let result = self.result(now);
                self.call(now, |pool, out| pool.connected(now, connection, result, out));
            }
            Event::OpenedFor(who, connection) => {
                let result = self.result(now);
                self.call(now, |pool, out| pool.connected(now, connection, result, out));
                match result {
                    Ok(()) => self.got(now, who, Acquisition::Granted(connection)),
                    Err(_) => self.errors += 1,
                }
            }
            Event::Refill => self.call(now, |pool, out| pool.refill(now, out)),
            Event::Terminate => {
                self.bench.pool.sever_all(ErrorType::ConnectionLost);
                for connection in std::mem::take(&mut self.querying) {
                    self.errors += 1;
                    self.call(now, |pool, out| pool.release(now, connection, true, out));
                }
            }
        }
    }

    /// Forty seconds of arrivals; all back ends are terminated after fifteen and a few milliseconds.
    fn run(mut self, down_for_ms: u64) -> (u32, u32, u32) {
        let terminated = ms(15_008);
        if down_for_ms > 0 {
            self.down = [terminated, terminated + Duration::from_millis(down_for_ms)];
        }
        self.call(ms(0), |pool, out| pool.start(ms(0), out));
        for arrival in 40..1_640 {
            self.after(ms(0), 25_000 * u64::from(arrival), Event::Arrive(arrival));
        }
        self.after(terminated, 0, Event::Terminate);
        while let Some(((now, _), event)) = self.calendar.pop_first() {
            self.handle(now, event);
        }
        assert_eq!(self.ok + self.errors + self.timeouts, 1_600, "every request has one outcome");
        assert_eq!(self.bench.pool.readings().active, 0);
        (self.ok, self.errors, self.timeouts)
    }
}

fn measured() -> blueprint::Pool {
    blueprint::Pool {
        acquire_timeout: Duration::from_secs(1),
        validate_after_idle: Some(Duration::from_millis(500)),
        ..config(PoolKind::HikariCp, 10, 0)
    }
}

#[test]
fn ten_killed_back_ends_cost_five_or_six_errors_and_no_timeout() {
    let (_, errors, timeouts) = Incident::new(&measured()).run(0);
    assert!((5..=6).contains(&errors), "{errors} errors");
    assert_eq!(timeouts, 0);
}

#[test]
fn while_the_server_is_down_callers_wait_for_their_timeouts() {
    let (_, errors, timeouts) = Incident::new(&measured()).run(5_000);
    assert!((5..=6).contains(&errors), "{errors} errors: the connections in use and just used");
    // Those who ask in the first 4 to 5 s of the outage; the pauses between connects make it a little longer for some.
    assert!((160..=206).contains(&timeouts), "{timeouts} timeouts");
}

#[test]
fn without_the_look_at_idle_time_each_killed_connection_costs_an_error() {
    let (_, errors, timeouts) = Incident::new(&blueprint::Pool { validate_after_idle: None, ..measured() }).run(0);
    assert_eq!((errors, timeouts), (10, 0), "the idle ones stand first in the list, so they are borrowed next");
}

#[test]
fn a_queue_pool_fails_those_who_were_querying_and_nobody_else() {
    let queue_pool = blueprint::Pool { acquire_timeout: Duration::from_secs(1), ..config(PoolKind::QueuePool, 10, 0) };
    let (_, errors, timeouts) = Incident::new(&queue_pool).run(0);
    assert!((4..=5).contains(&errors), "{errors} errors");
    assert_eq!(timeouts, 0);
}
