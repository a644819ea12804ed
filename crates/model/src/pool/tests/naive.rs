//! Long random lives against a naive model, which knows who holds what from the answers alone and predicts every hand-over.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Copy, Debug)]
enum Act {
    Acquire,
    Release {
        which: usize,
        broken: bool,
    },
    GiveUp {
        which: usize,
    },
    /// A connect under way ends.
    Connected {
        which: usize,
        ok: bool,
    },
    /// A validation under way ends.
    Validated {
        which: usize,
    },
    Retire {
        which: usize,
    },
    Ping {
        which: usize,
    },
    Pinged {
        which: usize,
    },
    Sever {
        which: usize,
    },
    SeverAll,
    SetMaximum(u32),
    IdleCheck,
    Stop,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    /// Being opened; by a caller where there is one.
    Opening(Option<u32>),
    Idle,
    Validating(u32),
    Using(u32),
    Pinging,
}

/// What follows from the answers that the pool gave.
struct Naive {
    kind: PoolKind,
    maximum: u32,
    overflow: u32,
    now: Time,
    callers: u32,
    /// By number of the connection.
    places: Vec<(u32, Place)>,
    severed: Vec<u32>,
    waiters: Vec<u32>,
    /// Whether a failed connect pauses the creator.
    pausing: bool,
    shrunk: bool,
}

fn nth<T: Copy>(items: impl Iterator<Item = T>, which: usize) -> Option<T> {
    let items: Vec<_> = items.collect();
    if items.is_empty() { None } else { Some(items[which % items.len()]) }
}

impl Naive {
    fn new(config: &blueprint::Pool) -> Self {
        Self {
            kind: config.kind,
            maximum: config.maximum,
            overflow: config.overflow,
            now: ms(0),
            callers: 0,
            places: Vec::new(),
            severed: Vec::new(),
            waiters: Vec::new(),
            pausing: false,
            shrunk: false,
        }
    }

    fn which(&self, which: usize, wanted: impl Fn(Place) -> bool) -> Option<(u32, Place)> {
        nth(self.places.iter().copied().filter(|&(_, place)| wanted(place)), which)
    }

    fn set(&mut self, connection: ConnectionId, place: Place) {
        let found = self.places.iter_mut().find(|(number, _)| *number == connection.0).expect("a known connection");
        found.1 = place;
    }

    fn place(&self, connection: ConnectionId) -> Option<Place> {
        self.places.iter().find(|&&(number, _)| number == connection.0).map(|&(_, place)| place)
    }

    fn begin(&mut self, connection: ConnectionId, caller: Option<u32>) {
        assert!(self.places.iter().all(|&(number, _)| number < connection.0), "numbers rise");
        self.places.push((connection.0, Place::Opening(caller)));
    }

    fn forget(&mut self, connection: ConnectionId) {
        self.places.retain(|&(number, _)| number != connection.0);
        self.severed.retain(|&number| number != connection.0);
    }

    fn effects(&mut self, effects: &[Effect]) {
        for &effect in effects {
            let turn = |naive: &mut Self, frame: FrameRef| {
                assert_eq!(naive.waiters.remove(0), frame.slot, "first come, first served");
            };
            match effect {
                Effect::Connect(connection) => {
                    let opening = self.places.iter().any(|&(_, place)| matches!(place, Place::Opening(_)));
                    assert!(!opening && !self.pausing, "one connect at a time");
                    self.begin(connection, None);
                }
                Effect::RetryConnect { .. } => self.pausing = true,
                Effect::Close { connection, severed, .. } => {
                    assert!(
                        !matches!(self.place(connection), None | Some(Place::Opening(_))),
                        "only what is open is closed"
                    );
                    assert_eq!(self.severed.contains(&connection.0), severed);
                    self.forget(connection);
                }
                Effect::Grant { frame, connection } => {
                    turn(self, frame);
                    self.set(connection, Place::Using(frame.slot));
                }
                Effect::Validate { frame, connection } => {
                    turn(self, frame);
                    self.set(connection, Place::Validating(frame.slot));
                }
                Effect::ConnectFor { frame, connection } => {
                    turn(self, frame);
                    self.begin(connection, Some(frame.slot));
                }
                Effect::Ping(connection) => self.set(connection, Place::Pinging),
                Effect::RetireAt { .. } | Effect::KeepAliveAt { .. } | Effect::LeakCheckAt { .. } => {}
            }
        }
    }

    fn answer(&mut self, caller: u32, acquisition: Acquisition, effects: &[Effect]) {
        // What is closed to make room for a new one is closed before.
        let idle = self.places.iter().find(|&&(_, place)| place == Place::Idle).copied();
        if acquisition == Acquisition::Waiting {
            self.waiters.push(caller);
        }
        self.effects(effects);
        match acquisition {
            Acquisition::Granted(connection) | Acquisition::Validate(connection) => {
                assert_eq!(self.place(connection), Some(Place::Idle), "only an idle connection is lent");
                if self.kind == PoolKind::HikariCp {
                    assert_eq!(idle.map(|(number, _)| number), Some(connection.0), "the earliest opened one");
                }
                self.set(
                    connection,
                    match acquisition {
                        Acquisition::Granted(_) => Place::Using(caller),
                        _ => Place::Validating(caller),
                    },
                );
            }
            Acquisition::Connect(connection) => {
                assert_eq!(self.kind, PoolKind::QueuePool);
                self.begin(connection, Some(caller));
            }
            Acquisition::Waiting => assert_eq!(idle, None, "nobody waits while a connection is idle"),
        }
    }

    fn act(&mut self, bench: &mut Bench, act: Act) {
        let now = self.now;
        match act {
            Act::Acquire => {
                let caller = self.callers;
                self.callers += 1;
                let mut acquisition = Acquisition::Waiting;
                let effects = bench.with(|pool, out| acquisition = pool.acquire(now, frame(caller), out));
                self.answer(caller, acquisition, &effects);
            }
            Act::Release { which, broken } => {
                let Some((number, _)) = self.which(which, |place| matches!(place, Place::Using(_))) else { return };
                let broken = broken || self.severed.contains(&number);
                self.set(id(number), Place::Idle);
                let effects = bench.with(|pool, out| pool.release(now, id(number), broken, out));
                assert!(
                    !broken
                        || effects
                            .iter()
                            .any(|effect| matches!(effect, Effect::Close { connection, .. } if connection.0 == number))
                );
                self.effects(&effects);
            }
            Act::GiveUp { which } => {
                let Some(caller) = nth(self.waiters.iter().copied(), which) else {
                    let Some((number, Place::Opening(Some(caller)))) =
                        self.which(which, |place| matches!(place, Place::Opening(Some(_))))
                    else {
                        return;
                    };
                    self.set(id(number), Place::Opening(None));
                    assert_eq!(bench.pool.give_up(now, frame(caller)), None);
                    return;
                };
                self.waiters.retain(|&waiter| waiter != caller);
                assert!(bench.pool.give_up(now, frame(caller)).is_some());
                assert!(bench.pool.give_up(now, frame(caller)).is_none());
            }
            Act::Connected { which, ok } => {
                if self.pausing {
                    self.pausing = false;
                    let effects = bench.with(|pool, out| pool.refill(now, out));
                    self.effects(&effects);
                }
                let Some((number, Place::Opening(caller))) =
                    self.which(which, |place| matches!(place, Place::Opening(_)))
                else {
                    return;
                };
                let result = if ok { Ok(()) } else { Err(ErrorType::ConnectionRefused) };
                match caller {
                    _ if !ok => self.forget(id(number)),
                    Some(caller) => self.set(id(number), Place::Using(caller)),
                    None => self.set(id(number), Place::Idle),
                }
                let effects = bench.with(|pool, out| pool.connected(now, id(number), result, out));
                self.effects(&effects);
            }
            Act::Validated { which } => {
                let Some((number, Place::Validating(caller))) =
                    self.which(which, |place| matches!(place, Place::Validating(_)))
                else {
                    return;
                };
                let alive = !self.severed.contains(&number);
                if alive {
                    self.set(id(number), Place::Idle);
                }
                let mut acquisition = Acquisition::Waiting;
                let effects =
                    bench.with(|pool, out| acquisition = pool.validated(now, id(number), alive, frame(caller), out));
                if alive {
                    assert_eq!((acquisition, &*effects), (Acquisition::Granted(id(number)), &[][..]));
                    self.set(id(number), Place::Using(caller));
                } else {
                    let closed = |effect: &Effect| matches!(effect, Effect::Close { connection, severed: true, .. } if connection.0 == number);
                    assert!(effects.iter().any(closed));
                    self.answer(caller, acquisition, &effects);
                }
            }
            Act::Retire { which } if self.kind == PoolKind::HikariCp => {
                let Some((number, place)) = self.which(which, |place| !matches!(place, Place::Opening(_))) else {
                    return;
                };
                let effects = bench.with(|pool, out| pool.retire(now, id(number), out));
                self.effects(&effects);
                assert_eq!(
                    self.place(id(number)).is_none(),
                    place == Place::Idle,
                    "closed at once if idle, else later"
                );
            }
            Act::Ping { which } if self.kind == PoolKind::HikariCp => {
                let Some((number, _)) = self.which(which, |place| !matches!(place, Place::Opening(_))) else { return };
                let effects = bench.with(|pool, out| pool.keep_alive(now, id(number), out));
                self.effects(&effects);
            }
            Act::Pinged { which } => {
                let Some((number, _)) = self.which(which, |place| place == Place::Pinging) else { return };
                let alive = !self.severed.contains(&number);
                self.set(id(number), Place::Idle);
                let effects = bench.with(|pool, out| pool.pinged(now, id(number), alive, out));
                self.effects(&effects);
            }
            Act::Sever { which } => {
                let Some((number, _)) = self.which(which, |place| !matches!(place, Place::Opening(_))) else { return };
                bench.pool.sever(id(number), ErrorType::ConnectionLost);
                self.severed.push(number);
            }
            Act::SeverAll => {
                // Those being opened have reached the far side too.
                for &(number, _) in &self.places {
                    bench.pool.accepted(id(number), number);
                }
                bench.pool.sever_all(ErrorType::ConnectionLost);
                self.severed = self.places.iter().map(|&(number, _)| number).collect();
            }
            Act::SetMaximum(maximum) => {
                self.shrunk |= maximum < self.maximum;
                self.maximum = maximum;
                let effects = bench.with(|pool, out| pool.set_maximum(now, maximum, out));
                self.effects(&effects);
            }
            Act::IdleCheck => {
                let effects = bench.with(|pool, out| pool.idle_check(now, out));
                self.effects(&effects);
            }
            Act::Stop => {
                bench.pool.stop();
                self.places.clear();
                self.severed.clear();
                self.waiters.clear();
                self.pausing = false;
                self.shrunk = false;
                let effects = bench.with(|pool, out| pool.start(now, out));
                self.effects(&effects);
            }
            Act::Retire { .. } | Act::Ping { .. } => {}
        }
    }

    fn count(&self, wanted: impl Fn(Place) -> bool) -> u32 {
        self.places.iter().filter(|&&(_, place)| wanted(place)).count() as u32
    }

    fn check(&self, pool: &Pool) {
        let readings = pool.readings();
        assert_eq!(readings.waiting as usize, self.waiters.len());
        let opening = self.count(|place| matches!(place, Place::Opening(_)));
        let in_background = if self.kind == PoolKind::HikariCp { opening } else { 0 };
        let held = self.count(|place| matches!(place, Place::Using(_) | Place::Validating(_)));
        assert_eq!(readings.active, held + opening - in_background);
        assert_eq!(readings.connecting, in_background);
        if self.kind == PoolKind::HikariCp {
            assert_eq!(readings.idle, self.count(|place| place == Place::Idle));
            assert_eq!(readings.total + readings.connecting, self.places.len() as u32);
            if !self.waiters.is_empty() && readings.total < self.maximum {
                assert!(readings.connecting == 1 || self.pausing, "waiters are worked for");
            }
        }
        assert!(self.waiters.is_empty() || readings.idle == 0, "nobody waits while a connection is idle");
        assert!(
            self.shrunk || readings.total + readings.connecting <= self.maximum + self.overflow,
            "never more than the capacity"
        );
        for &(number, place) in &self.places {
            let severed = self.severed.contains(&number);
            assert_eq!(pool.is_severed(id(number)), severed, "{number} {place:?}");
        }
        let open = self.places.iter().filter(|(_, place)| !matches!(place, Place::Opening(_)));
        assert!(pool.open_connections().map(|connection| connection.0).eq(open.map(|&(number, _)| number)));
    }
}

fn act() -> impl Strategy<Value = Act> {
    let which = || 0..16usize;
    prop_oneof![
        8 => Just(Act::Acquire),
        6 => (which(), prop::bool::weighted(0.1)).prop_map(|(which, broken)| Act::Release { which, broken }),
        2 => which().prop_map(|which| Act::GiveUp { which }),
        8 => (which(), prop::bool::weighted(0.8)).prop_map(|(which, ok)| Act::Connected { which, ok }),
        4 => which().prop_map(|which| Act::Validated { which }),
        1 => which().prop_map(|which| Act::Retire { which }),
        1 => which().prop_map(|which| Act::Ping { which }),
        2 => which().prop_map(|which| Act::Pinged { which }),
        1 => which().prop_map(|which| Act::Sever { which }),
        1 => prop::bool::weighted(0.2).prop_map(|all| if all { Act::SeverAll } else { Act::IdleCheck }),
        1 => prop::option::weighted(0.3, 1..6u32).prop_map(|maximum| maximum.map_or(Act::IdleCheck, Act::SetMaximum)),
        1 => prop::bool::weighted(0.1).prop_map(|stop| if stop { Act::Stop } else { Act::Acquire }),
    ]
}

proptest! {
    #[test]
    fn as_the_naive_model(
        hikari: bool,
        maximum in 1..6u32,
        minimum_idle in 0..6u32,
        overflow in 0..3u32,
        validates: bool,
        acts in prop::collection::vec((0..400u64, act()), 1..200),
    ) {
        let (kind, overflow) = if hikari { (PoolKind::HikariCp, 0) } else { (PoolKind::QueuePool, overflow) };
        let config = blueprint::Pool {
            minimum_idle: minimum_idle.min(maximum),
            idle_timeout: Some(Duration::from_secs(2)),
            maximum_lifetime: if hikari { None } else { Some(Duration::from_secs(9)) },
            validate_after_idle: validates.then(|| Duration::from_millis(if hikari { 500 } else { 0 })),
            ..config(kind, maximum, overflow)
        };
        let mut bench = Bench::new(&config);
        let mut naive = Naive::new(&config);
        let effects = bench.with(|pool, out| pool.start(ms(0), out));
        naive.effects(&effects);
        for (gap, act) in acts {
            naive.now += Duration::from_millis(gap);
            naive.act(&mut bench, act);
            naive.check(&bench.pool);
        }
    }
}
