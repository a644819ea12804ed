//! Each transition on its own; `incident` plays whole incidents, `naive` compares long random lives with a naive model.

mod incident;
mod naive;

use super::*;
use crate::id::ServiceId;

pub(super) fn config(kind: PoolKind, maximum: u32, overflow: u32) -> blueprint::Pool {
    blueprint::Pool {
        name: "pool".into(),
        database: ServiceId(0),
        kind,
        maximum,
        minimum_idle: maximum,
        overflow,
        acquire_timeout: Duration::from_secs(30),
        idle_timeout: Some(Duration::from_secs(600)),
        maximum_lifetime: None,
        lifetime_variance_permille: 0,
        keepalive: None,
        validate_after_idle: None,
        leak_detection: None,
        barging: false,
    }
}

fn hikari(maximum: u32) -> blueprint::Pool {
    config(PoolKind::HikariCp, maximum, 0)
}

fn queue_pool(maximum: u32, overflow: u32) -> blueprint::Pool {
    config(PoolKind::QueuePool, maximum, overflow)
}

pub(super) fn ms(milliseconds: u64) -> Time {
    Time::from_nanos(milliseconds * 1_000_000)
}

pub(super) fn frame(number: u32) -> FrameRef {
    FrameRef { slot: number, generation: 0 }
}

fn id(number: u32) -> ConnectionId {
    ConnectionId(number)
}

fn grant(to: u32, connection: u32) -> Effect {
    Effect::Grant { frame: frame(to), connection: id(connection) }
}

fn close(connection: u32) -> Effect {
    Effect::Close { connection: id(connection), backend: 0, severed: false }
}

/// Calls a pool and collects what it wants done.
pub(super) struct Bench {
    pub(super) pool: Pool,
    out: Vec<Effect>,
}

impl Bench {
    pub(super) fn new(config: &blueprint::Pool) -> Self {
        Self { pool: Pool::new(config, Key::new(7)), out: Vec::new() }
    }

    /// A HikariCP that has filled itself at time 0 at once.
    fn filled(config: &blueprint::Pool) -> Self {
        let mut bench = Self::new(config);
        let mut effects = bench.with(|pool, out| pool.start(ms(0), out));
        while let Some(&Effect::Connect(connection)) =
            effects.iter().find(|effect| matches!(effect, Effect::Connect(_)))
        {
            effects = bench.connected(0, connection.0);
        }
        bench
    }

    /// A QueuePool whose every place was opened by callers 100, 101 …, who still use it.
    fn opened(config: &blueprint::Pool) -> Self {
        let mut bench = Self::new(config);
        for number in 0..config.maximum + config.overflow {
            assert_eq!(bench.acquire(0, 100 + number), Acquisition::Connect(id(number)));
            assert_eq!(bench.connected(0, number), []);
        }
        bench
    }

    pub(super) fn with<T>(&mut self, call: impl FnOnce(&mut Pool, &mut Vec<Effect>) -> T) -> Vec<Effect> {
        call(&mut self.pool, &mut self.out);
        std::mem::take(&mut self.out)
    }

    /// Acquires where that has no effects.
    fn acquire(&mut self, now: u64, by: u32) -> Acquisition {
        let acquisition = self.pool.acquire(ms(now), frame(by), &mut self.out);
        assert_eq!(self.out, [], "nothing else is asked for");
        acquisition
    }

    fn release(&mut self, now: u64, connection: u32) -> Vec<Effect> {
        self.with(|pool, out| pool.release(ms(now), id(connection), false, out))
    }

    fn broke(&mut self, now: u64, connection: u32) -> Vec<Effect> {
        self.with(|pool, out| pool.release(ms(now), id(connection), true, out))
    }

    fn connected(&mut self, now: u64, connection: u32) -> Vec<Effect> {
        self.with(|pool, out| pool.connected(ms(now), id(connection), Ok(()), out))
    }

    fn refused(&mut self, now: u64, connection: u32) -> Vec<Effect> {
        self.with(|pool, out| pool.connected(ms(now), id(connection), Err(ErrorType::ConnectionRefused), out))
    }

    fn counts(&self) -> [u32; 5] {
        let Readings { total, active, idle, connecting, waiting } = self.pool.readings();
        [total, active, idle, connecting, waiting]
    }
}

#[test]
fn a_pool_is_filled_by_one_connect_at_a_time() {
    let mut bench = Bench::new(&hikari(10));
    assert_eq!(bench.with(|pool, out| pool.start(ms(0), out)), [Effect::Connect(id(0))]);
    for number in 0..9 {
        assert_eq!(bench.counts(), [number, 0, number, 1, 0]);
        assert_eq!(bench.connected(400 * u64::from(number + 1), number), [Effect::Connect(id(number + 1))]);
    }
    assert_eq!(bench.connected(4_000, 9), [], "ten connects of 0.4 s take 4 s");
    assert_eq!(bench.counts(), [10, 0, 10, 0, 0]);
}

#[test]
fn a_cold_pool_serves_waiters_in_their_order_as_connections_open() {
    let mut bench = Bench::new(&hikari(2));
    bench.with(|pool, out| pool.start(ms(0), out));
    for number in 0..3 {
        assert_eq!(bench.acquire(1, number), Acquisition::Waiting);
    }
    assert_eq!(bench.connected(20, 0), [grant(0, 0), Effect::Connect(id(1))]);
    assert!(!bench.pool.is_full_with_waiters(), "one more can be opened");
    assert_eq!(bench.connected(40, 1), [grant(1, 1)]);
    assert!(bench.pool.is_full_with_waiters());
    assert_eq!(bench.release(50, 0), [grant(2, 0)]);
    assert!(!bench.pool.is_full_with_waiters());
    assert_eq!(bench.release(60, 1), []);
    assert_eq!(bench.counts(), [2, 1, 1, 0, 0]);
}

#[test]
fn the_earliest_opened_idle_connection_is_taken() {
    let mut bench = Bench::filled(&hikari(3));
    for number in 0..3 {
        assert_eq!(bench.acquire(1, number), Acquisition::Granted(id(number)));
    }
    for (released, taken) in [(2, 2), (1, 1), (0, 0)] {
        bench.release(2, released);
        assert_eq!(bench.acquire(3, 9), Acquisition::Granted(id(taken)));
    }
    for released in [2, 1] {
        bench.release(4, released);
    }
    assert_eq!(bench.acquire(5, 9), Acquisition::Granted(id(1)));
}

#[test]
fn a_waiter_that_gave_up_gets_nothing() {
    let mut bench = Bench::filled(&hikari(1));
    bench.acquire(0, 0);
    for number in 1..4 {
        bench.acquire(u64::from(number), number);
    }
    assert_eq!(bench.pool.give_up(ms(31), frame(2)), Some(Duration::from_millis(29)));
    assert_eq!(bench.pool.give_up(ms(31), frame(2)), None, "it has left");
    assert_eq!(bench.pool.give_up(ms(31), frame(0)), None, "it holds one");
    assert_eq!(bench.release(40, 0), [grant(1, 0)]);
    assert_eq!(bench.release(50, 0), [grant(3, 0)]);
}

#[test]
fn who_arrives_in_this_instant_overtakes_where_callers_barge() {
    for (barging, arrival, first) in [(false, 10, 1), (true, 9, 1), (true, 10, 2)] {
        let mut bench = Bench::filled(&blueprint::Pool { barging, ..hikari(1) });
        bench.acquire(0, 0);
        bench.acquire(5, 1);
        bench.acquire(arrival, 2);
        assert_eq!(bench.release(10, 0), [grant(first, 0)], "barging {barging}, arrived at {arrival} ms");
    }
}

#[test]
fn failed_connects_are_retried_after_growing_pauses_while_waiters_wait() {
    let cases = [
        (30_000, [250_000, 375_000, 562_500, 843_750, 1_265_625]),
        (500, [250_000, 375_000, 500_000, 500_000, 500_000]),
    ];
    for (acquire_timeout_ms, pauses_us) in cases {
        let acquire_timeout = Duration::from_millis(acquire_timeout_ms);
        let mut bench = Bench::new(&blueprint::Pool { acquire_timeout, ..hikari(1) });
        bench.with(|pool, out| pool.start(ms(0), out));
        assert_eq!(bench.acquire(0, 1), Acquisition::Waiting);
        for (number, pause) in (0..).zip(pauses_us) {
            assert_eq!(bench.refused(0, number), [Effect::RetryConnect { after: Duration::from_micros(pause) }]);
            assert_eq!(bench.counts(), [0, 0, 0, 0, 1], "the waiter goes on waiting");
            assert_eq!(bench.with(|pool, out| pool.refill(ms(0), out)), [Effect::Connect(id(number + 1))]);
        }
        assert_eq!(bench.connected(9_000, 5), [grant(1, 5)]);
        assert_eq!(bench.with(|pool, out| pool.refill(ms(9_001), out)), [], "nothing is pausing");
        assert_eq!(bench.broke(9_002, 5), [close(5), Effect::Connect(id(6))]);
        let first = Effect::RetryConnect { after: Duration::from_micros(pauses_us[0]) };
        assert_eq!(bench.refused(9_003, 6), [first], "the next request starts afresh");
    }
}

#[test]
fn a_lifetime_ends_a_connection_that_is_idle_or_given_back() {
    let mut bench = Bench::filled(&hikari(2));
    bench.acquire(0, 1);
    assert_eq!(
        bench.with(|pool, out| pool.retire(ms(10), id(1), out)),
        [close(1), Effect::Connect(id(2))],
        "idle: now"
    );
    assert_eq!(bench.with(|pool, out| pool.retire(ms(11), id(0), out)), [], "in use: not yet");
    assert_eq!(bench.counts(), [1, 1, 0, 1, 0]);
    bench.acquire(12, 2);
    assert_eq!(
        bench.release(20, 0),
        [close(0)],
        "given back: not handed to the waiter, and a connect is under way already"
    );
    assert_eq!(bench.connected(30, 2), [grant(2, 2), Effect::Connect(id(3))]);
    assert_eq!(bench.with(|pool, out| pool.retire(ms(31), id(0), out)), [], "gone");
}

#[test]
fn lifetimes_and_ping_intervals_are_drawn_for_each_connection() {
    let minutes = |count: u64| Duration::from_secs(60 * count);
    let config = blueprint::Pool {
        maximum_lifetime: Some(minutes(30)),
        lifetime_variance_permille: 250,
        keepalive: Some(minutes(2)),
        ..hikari(200)
    };
    let draw = || {
        let mut bench = Bench::new(&config);
        let mut effects = bench.with(|pool, out| pool.start(ms(0), out));
        let (mut lifetimes, mut intervals) = (Vec::new(), Vec::new());
        for number in 0..200 {
            assert!(effects.contains(&Effect::Connect(id(number))));
            effects = bench.connected(1_000, number);
            for effect in &effects {
                match effect {
                    Effect::RetireAt { at, .. } => lifetimes.push(*at - ms(1_000)),
                    Effect::KeepAliveAt { at, .. } => intervals.push(*at - ms(1_000)),
                    _ => {}
                }
            }
        }
        (lifetimes, intervals)
    };
    let (lifetimes, intervals) = draw();
    assert_eq!((lifetimes.clone(), intervals.clone()), draw(), "the same every time");
    for (drawn, longest, shortest_s) in [(lifetimes, minutes(30), 1_350), (intervals, minutes(2), 108)] {
        assert_eq!(drawn.len(), 200);
        let shortest = Duration::from_secs(shortest_s);
        assert!(drawn.iter().all(|&length| length > shortest && length <= longest));
        let mean = drawn.iter().map(|length| length.as_secs_f64()).sum::<f64>() / 200.0;
        let middle = (shortest.as_secs_f64() + longest.as_secs_f64()) / 2.0;
        let deviation = (longest.as_secs_f64() - shortest.as_secs_f64()) / 12f64.sqrt() / 200f64.sqrt();
        assert!((mean - middle).abs() < 4.0 * deviation, "uniform: mean {mean} s");
    }
}

#[test]
fn only_a_connection_that_was_idle_for_long_is_validated() {
    let validate_after_idle = Some(Duration::from_millis(500));
    let mut bench = Bench::filled(&blueprint::Pool { validate_after_idle, ..hikari(2) });
    assert_eq!(bench.acquire(500, 1), Acquisition::Granted(id(0)));
    assert_eq!(bench.acquire(501, 2), Acquisition::Validate(id(1)));
    bench.pool.sever(id(1), ErrorType::ConnectionLost);
    bench.acquire(502, 3);
    let mut out = Vec::new();
    assert_eq!(
        bench.pool.validated(ms(503), id(1), false, frame(2), &mut out),
        Acquisition::Waiting,
        "it asks anew, behind those who wait"
    );
    assert_eq!(out, [Effect::Close { connection: id(1), backend: 0, severed: true }, Effect::Connect(id(2))]);
    assert_eq!(bench.connected(520, 2), [grant(3, 2)]);
    assert_eq!(bench.release(521, 0), [grant(2, 0)]);
    bench.release(600, 0);
    assert_eq!(bench.acquire(1_200, 4), Acquisition::Validate(id(0)));
    assert_eq!(bench.pool.validated(ms(1_201), id(0), true, frame(4), &mut out), Acquisition::Granted(id(0)));
}

#[test]
fn a_severed_connection_that_was_just_used_fails_its_user() {
    let mut bench = Bench::filled(&hikari(1));
    bench.pool.sever_all(ErrorType::ConnectionLost);
    assert_eq!(bench.acquire(1, 1), Acquisition::Granted(id(0)));
    assert!(bench.pool.is_severed(id(0)));
    assert_eq!(
        bench.broke(2, 0),
        [Effect::Close { connection: id(0), backend: 0, severed: true }, Effect::Connect(id(1))]
    );
    assert_eq!(bench.connected(9, 1), []);
    assert!(!bench.pool.is_severed(id(1)));
}

#[test]
fn pings_keep_a_connection_from_being_borrowed_and_find_dead_ones() {
    let minute = Duration::from_secs(60);
    let mut bench = Bench::filled(&blueprint::Pool { keepalive: Some(minute), ..hikari(1) });
    let again = |effects: &[Effect]| matches!(effects, [Effect::KeepAliveAt { connection: ConnectionId(0), .. }]);
    assert_eq!(bench.with(|pool, out| pool.keep_alive(ms(1), id(0), out)), [Effect::Ping(id(0))]);
    assert_eq!(bench.acquire(2, 1), Acquisition::Waiting);
    let effects = bench.with(|pool, out| pool.pinged(ms(3), id(0), true, out));
    assert_eq!(effects[0], grant(1, 0));
    assert!(again(&effects[1..]));
    assert!(again(&bench.with(|pool, out| pool.keep_alive(ms(4), id(0), out))), "in use: left out");
    bench.release(5, 0);
    bench.with(|pool, out| pool.keep_alive(ms(6), id(0), out));
    bench.pool.sever(id(0), ErrorType::ConnectionLost);
    assert_eq!(
        bench.with(|pool, out| pool.pinged(ms(7), id(0), false, out)),
        [Effect::Close { connection: id(0), backend: 0, severed: true }, Effect::Connect(id(1))]
    );
}

#[test]
fn the_housekeeper_closes_what_was_idle_for_too_long() {
    let mut bench = Bench::filled(&blueprint::Pool { minimum_idle: 1, ..hikari(4) });
    assert_eq!(bench.counts(), [1, 0, 1, 0, 0]);
    assert!(bench.pool.needs_housekeeping());
    for number in 0..4 {
        let mut out = Vec::new();
        if bench.pool.acquire(ms(0), frame(number), &mut out) == Acquisition::Waiting {
            assert_eq!(out, [Effect::Connect(id(number))]);
            bench.connected(0, number);
        }
    }
    assert_eq!(bench.counts(), [4, 4, 0, 0, 0]);
    for number in 0..4 {
        bench.release(u64::from(number), number);
    }
    let check = |bench: &mut Bench, now| bench.with(|pool, out| pool.idle_check(ms(now), out));
    assert_eq!(check(&mut bench, 600_000), []);
    assert_eq!(check(&mut bench, 600_002), [close(1), close(0)], "2 and 3 not yet");
    assert_eq!(check(&mut bench, 900_000), [close(3)], "down to the minimum");
    bench.acquire(900_001, 1);
    assert_eq!(check(&mut bench, 930_000), [Effect::Connect(id(4))], "and up to it");
    assert!(!Bench::filled(&hikari(4)).pool.needs_housekeeping(), "a pool of fixed size");
}

#[test]
fn a_connection_held_for_too_long_is_reported_once() {
    let leak_detection = Some(Duration::from_millis(100));
    let mut bench = Bench::filled(&blueprint::Pool { leak_detection, ..hikari(1) });
    let due = |at| Effect::LeakCheckAt { connection: id(0), at: ms(at) };
    let mut out = Vec::new();
    bench.pool.acquire(ms(0), frame(1), &mut out);
    assert_eq!(out, [due(100)]);
    bench.release(60, 0);
    out.clear();
    bench.pool.acquire(ms(70), frame(2), &mut out);
    assert_eq!(out, [], "the check that is on its way will do");
    assert_eq!(bench.pool.leak_check(ms(100), id(0), &mut out), None);
    assert_eq!(out, [due(170)]);
    assert_eq!(bench.pool.leak_check(ms(170), id(0), &mut out), Some(Duration::from_millis(100)));
    assert_eq!(bench.pool.leak_check(ms(300), id(0), &mut out), None, "once");
    bench.release(310, 0);
    out.clear();
    bench.pool.acquire(ms(400), frame(3), &mut out);
    assert_eq!(out, [due(500)]);
    bench.release(410, 0);
    assert_eq!(bench.pool.leak_check(ms(500), id(0), &mut out), None, "idle");
}

#[test]
fn a_lower_maximum_closes_the_excess_and_a_higher_one_serves_waiters() {
    let mut bench = Bench::filled(&hikari(4));
    bench.acquire(0, 0);
    bench.acquire(0, 1);
    let set = |bench: &mut Bench, maximum| bench.with(|pool, out| pool.set_maximum(ms(1), maximum, out));
    assert_eq!(set(&mut bench, 1), [close(3), close(2)], "idle ones now");
    assert_eq!(bench.counts(), [2, 2, 0, 0, 0]);
    bench.acquire(2, 2);
    bench.acquire(2, 3);
    assert!(bench.pool.is_full_with_waiters());
    assert_eq!(bench.release(3, 1), [close(1)], "one in use when it is given back");
    assert_eq!(bench.release(4, 0), [grant(2, 0)]);
    assert_eq!(set(&mut bench, 3), [Effect::Connect(id(4))]);
    assert_eq!(bench.connected(9, 4), [grant(3, 4), Effect::Connect(id(5))]);
    assert_eq!(set(&mut bench, 2), []);
    assert_eq!(bench.connected(10, 5), [close(5)], "too many by now");
    assert_eq!(bench.counts(), [2, 2, 0, 0, 0]);
}

#[test]
fn a_dead_process_forgets_all_and_never_reuses_a_number() {
    let mut bench = Bench::filled(&hikari(2));
    bench.acquire(0, 1);
    bench.with(|pool, out| pool.retire(ms(0), id(1), out));
    bench.pool.stop();
    assert_eq!(bench.counts(), [0; 5]);
    assert_eq!(bench.release(1, 0), []);
    assert_eq!(bench.connected(1, 2), [close(2)], "opened for nobody");
    assert_eq!(bench.with(|pool, out| pool.start(ms(5), out)), [Effect::Connect(id(3))]);
}

#[test]
fn queue_pool_callers_connect_up_to_the_overflow_which_is_closed_afterwards() {
    let mut bench = Bench::opened(&queue_pool(2, 1));
    assert_eq!(bench.acquire(1, 3), Acquisition::Waiting);
    assert!(bench.pool.is_full_with_waiters());
    assert_eq!(bench.counts(), [3, 3, 0, 0, 1]);
    assert_eq!(bench.release(2, 1), [grant(3, 1)]);
    assert_eq!(bench.release(3, 2), []);
    assert_eq!(bench.release(4, 0), []);
    assert_eq!(bench.release(5, 1), [close(1)], "the queue is full");
    assert_eq!(bench.counts(), [2, 0, 2, 0, 0]);
    assert_eq!(bench.acquire(6, 4), Acquisition::Granted(id(2)), "first in, first out");
    assert_eq!(bench.acquire(6, 5), Acquisition::Granted(id(0)));
    assert_eq!(bench.acquire(6, 6), Acquisition::Connect(id(3)));
}

#[test]
fn a_queue_pool_record_that_broke_is_reopened_by_its_next_user() {
    let mut bench = Bench::opened(&queue_pool(1, 0));
    bench.acquire(1, 1);
    bench.acquire(1, 2);
    let connect_for = |to, connection| Effect::ConnectFor { frame: frame(to), connection: id(connection) };
    assert_eq!(bench.broke(2, 0), [close(0), connect_for(1, 1)]);
    assert_eq!(bench.refused(3, 1), [connect_for(2, 2)], "its waiter fails, the next one tries");
    assert_eq!(bench.refused(4, 2), []);
    assert_eq!(bench.counts(), [1, 0, 1, 0, 0], "a hollow place");
    assert_eq!(bench.acquire(5, 3), Acquisition::Connect(id(3)));
    assert_eq!(bench.connected(6, 3), []);
    assert_eq!(bench.release(7, 3), []);
    assert_eq!(bench.acquire(8, 4), Acquisition::Granted(id(3)));
}

#[test]
fn no_waiter_is_woken_when_a_new_queue_pool_connection_fails() {
    let mut bench = Bench::new(&queue_pool(1, 0));
    assert_eq!(bench.acquire(0, 0), Acquisition::Connect(id(0)));
    assert_eq!(bench.acquire(1, 1), Acquisition::Waiting);
    assert_eq!(bench.refused(2, 0), []);
    assert_eq!(bench.counts(), [0, 0, 0, 0, 1]);
    assert!(!bench.pool.is_full_with_waiters());
    assert_eq!(bench.acquire(3, 2), Acquisition::Connect(id(1)), "who comes later takes the place");
    assert_eq!(bench.connected(4, 1), []);
    assert_eq!(bench.release(5, 1), [grant(1, 1)]);
}

#[test]
fn one_dead_queue_pool_connection_condemns_all_that_are_older() {
    let mut bench = Bench::opened(&queue_pool(3, 0));
    for number in 0..3 {
        bench.release(1, number);
    }
    bench.pool.sever_all(ErrorType::ConnectionLost);
    assert_eq!(bench.acquire(2, 1), Acquisition::Granted(id(0)));
    assert_eq!(bench.broke(3, 0), [Effect::Close { connection: id(0), backend: 0, severed: true }]);
    for (old, new) in [(1, 3), (2, 4)] {
        let mut out = Vec::new();
        assert_eq!(bench.pool.acquire(ms(4), frame(new), &mut out), Acquisition::Connect(id(new)));
        assert_eq!(out, [Effect::Close { connection: id(old), backend: 0, severed: true }]);
        bench.connected(5, new);
    }
    bench.release(6, 3);
    assert_eq!(bench.acquire(7, 9), Acquisition::Connect(id(5)), "the hollow place was given back before");
    assert_eq!(bench.acquire(7, 8), Acquisition::Granted(id(3)), "younger ones are trusted");
}

#[test]
fn pre_ping_and_recycle_are_looked_at_when_borrowing() {
    let validate_after_idle = Some(Duration::ZERO);
    let mut bench = Bench::opened(&blueprint::Pool { validate_after_idle, ..queue_pool(1, 0) });
    bench.acquire(1, 1);
    assert_eq!(bench.release(2, 0), [Effect::Validate { frame: frame(1), connection: id(0) }]);
    let mut out = Vec::new();
    assert_eq!(bench.pool.validated(ms(3), id(0), false, frame(1), &mut out), Acquisition::Connect(id(1)));
    assert_eq!(out, [close(0)]);

    let maximum_lifetime = Some(Duration::from_secs(60));
    let mut bench = Bench::opened(&blueprint::Pool { maximum_lifetime, ..queue_pool(1, 0) });
    bench.release(59_000, 0);
    assert_eq!(bench.acquire(60_000, 1), Acquisition::Granted(id(0)));
    bench.release(60_001, 0);
    out.clear();
    assert_eq!(bench.pool.acquire(ms(60_001), frame(2), &mut out), Acquisition::Connect(id(1)));
    assert_eq!(out, [close(0)]);
}

#[test]
fn a_queue_pool_shrinks_as_records_come_back_and_grows_at_once() {
    let mut bench = Bench::opened(&queue_pool(2, 1));
    bench.acquire(1, 1);
    let set = |bench: &mut Bench, maximum| bench.with(|pool, out| pool.set_maximum(ms(1), maximum, out));
    assert_eq!(set(&mut bench, 1), []);
    assert_eq!(bench.release(2, 0), [close(0)]);
    assert_eq!(bench.release(3, 1), [grant(1, 1)]);
    bench.acquire(4, 2);
    assert_eq!(set(&mut bench, 2), [Effect::ConnectFor { frame: frame(2), connection: id(3) }]);
}

#[test]
fn a_caller_that_leaves_while_it_connects_frees_its_place() {
    let mut bench = Bench::new(&queue_pool(1, 0));
    bench.acquire(0, 0);
    assert_eq!(bench.broke(1, 0), []);
    assert_eq!(bench.counts(), [0; 5]);
    assert_eq!(bench.connected(2, 0), [close(0)], "nobody wants it any more");
}

#[test]
fn what_a_caller_that_gave_up_was_opening_goes_to_the_next() {
    let mut bench = Bench::new(&queue_pool(1, 0));
    bench.acquire(0, 0);
    bench.acquire(1, 1);
    assert_eq!(bench.pool.give_up(ms(2), frame(0)), None);
    assert_eq!(bench.connected(3, 0), [grant(1, 0)]);
    bench.release(4, 0);
    assert_eq!(bench.acquire(5, 2), Acquisition::Granted(id(0)));
}
